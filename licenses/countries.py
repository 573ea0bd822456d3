"""Usage locations: ISO 3166 codes with their names in the reader's language (CLDR, by Babel)."""

from functools import cache

from babel import Locale

# Codes of CLDR that are no countries: regions, and what stands for "unknown".
_NOT_COUNTRIES = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ", "AC", "CP", "CQ", "DG", "EA", "IC", "TA", "XK"})


@cache
def _names(language: str) -> dict[str, str]:
    territories = Locale.parse(language).territories
    return {
        code: name
        for code, name in territories.items()
        if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES
    }


CODES = frozenset(_names("en"))


def country_name(code: str, language: str) -> str:
    """Return a country's name, or its code while it has none."""
    return _names(language if language in ("en", "ja") else "en").get(code, code)


@cache
def choices(language: str) -> tuple[tuple[str, str], ...]:
    """Return (code, name) of all countries, ordered by name."""
    return tuple(sorted(_names(language if language in ("en", "ja") else "en").items(), key=lambda entry: entry[1]))


def named_code(code: str, language: str) -> str:
    """Return "Japan (JP)"; empty for no code, and a code without a name as it is."""
    name = country_name(code, language) if code else ""
    return f"{name} ({code})" if name != code else code
