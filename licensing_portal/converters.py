"""URL converters: GUIDs in any letter case, handed on in lower case."""

import re

from django.urls import register_converter


class GuidConverter:
    """A GUID in a path, as Microsoft prints it."""

    regex = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

    def to_python(self, value: str) -> str:
        """Return the GUID in the form that we store."""
        return value.lower()

    def to_url(self, value: str) -> str:
        """Return the GUID for an address."""
        return str(value).lower()


def is_guid(text: str) -> bool:
    """Tell whether a text is a GUID, in any letter case."""
    return re.fullmatch(GuidConverter.regex, text) is not None


register_converter(GuidConverter, "guid")
