"""Message catalogues without GNU gettext: extracts with Django's own template lexer and Babel, compiles with Babel."""

from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

_KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
_ROOMS = ("customers", "licenses", "licensing_portal")


def po_file(language: str = "ja") -> Path:
    """Return the catalogue of a language."""
    return Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po"


def sources() -> Iterator[tuple[str, bytes]]:
    """Yield every Python file and template with its name; templates as the Python that their messages stand in."""
    base = Path(settings.BASE_DIR)
    for room in _ROOMS:
        for file in sorted((base / room).rglob("*.py")):
            if "migrations" not in file.parts and "sandbox" not in file.parts:
                yield str(file.relative_to(base)), file.read_bytes()
    for file in sorted((base / "templates").rglob("*.html")):
        code = templatize(file.read_text(encoding="utf-8"), origin=str(file))
        # The template's own indentation means nothing in Python.
        yield str(file.relative_to(base)), "\n".join(line.strip() for line in code.splitlines()).encode()


def extracted() -> Catalog:
    """Return a catalogue of all messages of the code, without translations and line numbers."""
    catalog = Catalog(charset="utf-8")
    for name, source in sources():
        for _line, message, comments, context in extract("python", BytesIO(source), _KEYWORDS):
            flags = ["python-format"] if "%(" in str(message) else []
            catalog.add(message, locations=[(name, None)], auto_comments=comments, context=context, flags=flags)  # type: ignore[list-item]
    return catalog


def updated(language: str = "ja") -> Catalog:
    """Return the language's catalogue with the messages of the code; nothing is guessed, obsolete ones go."""
    file = po_file(language)
    if file.exists():
        with file.open("rb") as stored:
            catalog = read_po(stored, locale=language)
    else:
        catalog = Catalog(locale=language, project="Licensing portal", charset="utf-8", fuzzy=False)
    catalog.update(extracted(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    return catalog


def to_text(catalog: Catalog) -> str:
    """Return a catalogue as it is stored: sorted, without dates, so that changes read well."""
    out = BytesIO()
    write_po(out, catalog, width=120, sort_output=True, omit_header=False, no_location=True)
    lines = StringIO(out.getvalue().decode()).read().splitlines(keepends=True)
    dated = ('"POT-Creation-Date', '"PO-Revision-Date', '"Last-Translator', '"Language-Team', '"Generated-By')
    return "".join(line for line in lines if not line.startswith(dated))


def untranslated(catalog: Catalog) -> list[str]:
    """Return the messages without a whole, certain translation."""
    missing = []
    for message in catalog:
        if not message.id:
            continue
        texts = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
        if message.fuzzy or not all(texts):
            missing.append(message.id if isinstance(message.id, str) else message.id[0])
    return missing


def compile_all() -> int:
    """Compile every catalogue; return their number."""
    files = sorted(Path(settings.LOCALE_PATHS[0]).glob("*/LC_MESSAGES/django.po"))
    for file in files:
        with file.open("rb") as stored:
            catalog = read_po(stored, locale=file.parent.parent.name)
        with file.with_suffix(".mo").open("wb") as out:
            write_mo(out, catalog)
    return len(files)
