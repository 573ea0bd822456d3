"""What every page's template knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from licensing_portal.errors import ROLE_NAMES
from licensing_portal.staff.models import StaffUser

THEMES = ("light", "dark")


def site(request: HttpRequest) -> dict[str, Any]:
    """Return the demo badge's switch, the reader's theme (empty: the system's choice) and roles."""
    theme = request.COOKIES.get("theme", "")
    staff = getattr(request, "user", None)
    roles = staff.role_set if isinstance(staff, StaffUser) else frozenset()
    return {
        "DEMO": settings.DEMO,
        "theme": theme if theme in THEMES else "",
        "role_names": [name for role, name in ROLE_NAMES.items() if role in roles],
    }
