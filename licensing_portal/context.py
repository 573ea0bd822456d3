"""What every page's template knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

THEMES = ("light", "dark")


def site(request: HttpRequest) -> dict[str, Any]:
    """Return the demo badge's switch and the reader's theme (empty: the system's choice)."""
    theme = request.COOKIES.get("theme", "")
    return {"DEMO": settings.DEMO, "theme": theme if theme in THEMES else ""}
