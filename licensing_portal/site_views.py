"""Pages of the site itself: language, theme, readiness."""

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from licensing_portal.context import THEMES
from licensing_portal.staff.models import StaffUser

_YEAR = 365 * 24 * 60 * 60


def safe_next(request: HttpRequest, place: str | None, otherwise: str = "/") -> str:
    """Return the place if it is an address of this site, else the other one; never decode what comes back."""
    hosts = {request.get_host()}
    # Without a slash Django takes it for the name of a view.
    if place and "/" in place and url_has_allowed_host_and_scheme(place, hosts, require_https=request.is_secure()):
        return place
    return otherwise


def _back(request: HttpRequest) -> str:
    return safe_next(request, request.POST.get("next") or request.headers.get("Referer"))


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Change the language of the pages; a signed-in person's choice is kept with the account."""
    response = redirect(_back(request))
    code = request.POST.get("language", "")
    if code in dict(settings.LANGUAGES) and check_for_language(code):
        _set_cookie(response, settings.LANGUAGE_COOKIE_NAME, code)
        if isinstance(request.user, StaffUser):
            StaffUser.objects.filter(pk=request.user.pk).update(language=code)
    return response


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Change light and dark; anything else is the system's choice."""
    response = redirect(_back(request))
    wanted = request.POST.get("theme", "")
    if wanted in THEMES:
        _set_cookie(response, "theme", wanted)
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response


def _set_cookie(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=_YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE, httponly=True
    )


# A probe has no token to show: a wrong method must be told as that.
@csrf_exempt
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when the database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return HttpResponse("database away", status=503, content_type="text/plain")
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answered by the middleware; here so that the address is known."""
    return HttpResponse("ok", content_type="text/plain")
