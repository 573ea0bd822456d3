"""Documents name what exists, and say how sure they are."""

import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
_PATH = re.compile(r"`((?:docs|tests|licenses|customers|licensing_portal|static|templates|requirements)/[\w./-]+)`")


@pytest.mark.parametrize("document", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    missing = [link for link in _LINK.findall(text) if not (document.parent / link).exists()]
    missing += [path for path in _PATH.findall(text) if not (ROOT / path).exists()]
    assert missing == []


def test_each_behaviour_of_microsoft_says_how_sure_it_is() -> None:
    rows = [
        line.strip("|").split("|")
        for line in (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
        and not line.startswith(("| Behaviour", "| ---", "| What", "| the ", "| sign-in", "| a live"))
    ]
    assert len(rows) > 35
    for row in rows:
        assert len(row) == 4, row
        assert re.match(r"\W*(documented|quoted|assumed)", row[1].strip()), row
        assert row[2].strip(), row


def test_no_word_is_listed_twice() -> None:
    table = (ROOT / "docs" / "terms.md").read_text(encoding="utf-8").split("## The table")[1].split("\n## ")[0]
    words = [
        word for row in table.splitlines() if row.startswith("| ") for word in row.split(" | ")[0][2:].split(" · ")
    ]
    assert sorted(word for word in set(words) if words.count(word) > 1) == []
