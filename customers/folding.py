"""Folds names for search and order, so that 山田太郎 finds 山田 太郎 and 高橋 finds 髙橋; cleans what people typed.

Pure functions over text; the stored keys and the query go through the same fold.
"""

import re
import unicodedata

# Variant kanji of family names, each folded to the common form (design, section 3).
_VARIANTS = str.maketrans(
    {
        "髙": "高",
        "﨑": "崎",
        "齋": "斎",
        "齊": "斎",
        "斉": "斎",
        "邉": "辺",
        "邊": "辺",
        "澤": "沢",
        "濵": "浜",
        "濱": "浜",
        # No name holds it, and PostgreSQL refuses text that does.
        "\0": "",
    }
)
# Controls that are no white space, and half characters: nobody types them, and PostgreSQL refuses some.
_UNFIT = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")


def one_line(typed: str) -> str:
    """Return typed text as one line that a database can hold: runs of white space are one space, controls none."""
    return " ".join(_UNFIT.sub("", typed).split())


def sort_key(display_name: str) -> str:
    """Return the key that lists order by: NFKC and case fold, compared by code point."""
    return unicodedata.normalize("NFKC", display_name.replace("\0", "")).casefold().strip()[:256]


def fold(text: str) -> str:
    """Return text folded for search: NFKC, case fold, no spaces, variant kanji made common."""
    # Variants first: NFKC leaves 﨑 alone but rewrites some compatibility ideographs.
    folded = unicodedata.normalize("NFKC", text.translate(_VARIANTS)).translate(_VARIANTS).casefold()
    return "".join(folded.split())


def search_key(*parts: str | None) -> str:
    """Return the stored search text of a user: each part folded, a line each, so that no match spans two."""
    return "\n".join(fold(part) for part in parts if part)[:1500]
