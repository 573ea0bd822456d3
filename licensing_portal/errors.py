"""Error pages: what happened, and what to do next; never a trace of what exists outside one's scope."""

import sys

from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from licensing_portal.staff.guards import RightMissing
from licensing_portal.staff.roles import Right, Role, roles_with

# Seconds after which a page may be asked for again.
_DATABASE_IS_BACK = 10

ROLE_NAMES = {
    Role.GLOBAL_ADMIN: _("Global admin"),
    Role.ADMIN_AGENT: _("Admin agent"),
    Role.HELPDESK_AGENT: _("Helpdesk agent"),
    Role.SALES_AGENT: _("Sales agent"),
    Role.USER_ADMIN: _("User management admin"),
}
RIGHT_NAMES = {
    Right.CUSTOMER_VIEW: _("see customers"),
    Right.LICENSE_VIEW: _("see users and licenses"),
    Right.LICENSE_PLAN: _("prepare license changes"),
    Right.LICENSE_ASSIGN: _("assign licenses"),
    Right.LICENSE_REVOKE: _("unassign licenses"),
    Right.PRODUCT_BUY: _("buy licenses"),
    Right.AUDIT_VIEW_ALL: _("see the audit log"),
    Right.STAFF_SCOPE: _("decide who sees which customers"),
    Right.SETTINGS_CHANGE: _("change settings"),
}


def forbidden(request: HttpRequest, exception: PermissionDenied | None = None) -> HttpResponse:
    """Answer 403, naming the missing right and the roles that hold it."""
    right = exception.right if isinstance(exception, RightMissing) else None
    context = {
        "right": RIGHT_NAMES[right] if right else None,
        "right_code": right.value if right else "",
        "roles": [ROLE_NAMES[role] for role in roles_with(right)] if right else [],
        "granter": ROLE_NAMES[Role.GLOBAL_ADMIN],
    }
    return render(request, "errors/403.html", context, status=403)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 413 to a form that is larger than the portal reads, 400 to what is no form at all."""
    is_large = isinstance(exception, RequestDataTooBig | TooManyFieldsSent)
    # As for 500: the request could not be read, so no context processor may try to.
    page = render_to_string("errors/400.html", {"is_large": is_large})
    return HttpResponse(page, status=413 if is_large else 400)


def refused(request: HttpRequest, sentence: str) -> HttpResponse:
    """Answer 422 to an address that asks for what the portal does not know, where there is no list to show instead."""
    return render(request, "errors/422.html", {"sentence": sentence}, status=422)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404 with the same page for what does not exist and what is outside one's scope."""
    return render(request, "errors/404.html", status=404)


def method_not_allowed(request: HttpRequest) -> HttpResponse:
    """Answer 405 with a page."""
    return render(request, "errors/405.html", status=405)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form without its token: it is old, or comes from elsewhere."""
    return render(request, "errors/403_csrf.html", status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 with the request's id alone; 503 while the database is busy or away."""
    # Without the request no context processor runs: the person and the running changes live in the database,
    # which may be what has failed.
    context = {"request_id": getattr(request, "id", "")}
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        away = HttpResponse(render_to_string("errors/503.html", context), status=503)
        away["Retry-After"] = str(_DATABASE_IS_BACK)
        return away
    return HttpResponseServerError(render_to_string("errors/500.html", context))
