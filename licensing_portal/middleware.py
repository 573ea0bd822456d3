"""What every request passes: health, sign-in, request ids, and no copies of pages left in caches."""

import uuid
from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect

from licensing_portal.errors import method_not_allowed

type GetResponse = Callable[[HttpRequest], HttpResponse]

# Views that answer without a signed-in person.
_OPEN = frozenset(
    {
        "staff:signin",
        "staff:callback",
        "staff:signout",
        "site:language",
        "site:theme",
        "site:readyz",
        "site:healthz",
    }
)


def keep_out_of_caches(response: HttpResponse) -> HttpResponse:
    """Mark an answer as one reader's own; page and fragment of an address are told apart."""
    patch_cache_control(response, no_store=True, private=True)
    patch_vary_headers(response, ("Cookie", "HX-Request"))
    return response


class HealthMiddleware:
    """Answers /healthz before anything else, without database and host check; gives every request an id."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/healthz":
            is_read = request.method in ("GET", "HEAD")
            return HttpResponse("ok", content_type="text/plain") if is_read else HttpResponseNotAllowed(["GET", "HEAD"])
        request.id = uuid.uuid4().hex  # type: ignore[attr-defined]
        response = self._get_response(request)
        response["X-Request-ID"] = request.id  # type: ignore[attr-defined]
        return response


class SignInRequiredMiddleware:
    """Sends signed-out visitors to the sign-in page; htmx requests by a full page change, never a swap."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated or self._is_open(request):
            return self._get_response(request)
        place = self._place_to_come_back_to(request)
        address = reverse("staff:signin") + (f"?{urlencode({'next': place})}" if place not in ("", "/") else "")
        # A fragment's place on the page must not be filled with the sign-in page.
        is_fragment = bool(request.htmx)  # type: ignore[attr-defined]
        return keep_out_of_caches(HttpResponseClientRedirect(address) if is_fragment else redirect(address))

    @staticmethod
    def _place_to_come_back_to(request: HttpRequest) -> str:
        """Return the page that was asked for, or that asked for a fragment; empty for a posted form."""
        if request.htmx:  # type: ignore[attr-defined]
            return request.htmx.current_url_abs_path or ""  # type: ignore[attr-defined]
        return request.get_full_path() if request.method in ("GET", "HEAD") else ""

    @staticmethod
    def _is_open(request: HttpRequest) -> bool:
        """Tell whether a view answers anybody; an unknown address is no secret."""
        try:
            name = resolve(request.path_info).view_name
        except Resolver404:
            return False
        return name in _OPEN


class PagesMiddleware:
    """Keeps pages out of every cache, for they show customers' data; gives 405 a page, and posted forms a 303."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if response.status_code == 405 and not response.content:
            page = method_not_allowed(request)
            page["Allow"] = response["Allow"]
            response = page
        if request.method == "POST" and response.status_code == 302:
            # "See other": what follows a form is read, never posted again.
            response.status_code = 303
        if not request.path.startswith(settings.STATIC_URL):
            keep_out_of_caches(response)
        return response
