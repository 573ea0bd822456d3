"""Signing in and out; in the demo by picking one of five people."""

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from licensing_portal.errors import ROLE_NAMES
from licensing_portal.site_views import safe_next
from licensing_portal.staff.demo_people import PEOPLE
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role

_BACKEND = "licensing_portal.staff.backends.SubjectBackend"


@require_http_methods(["GET", "HEAD", "POST"])
def signin(request: HttpRequest) -> HttpResponse:
    """Show who can sign in, and in the demo sign the picked person in."""
    if request.method == "POST":
        return _sign_demo_person_in(request)
    context = {
        "people": _demo_people() if settings.DEMO else [],
        "next": request.GET.get("next", ""),
        "is_configured": bool(settings.ENTRA_TENANT_ID and settings.ENTRA_CLIENT_ID),
    }
    return render(request, "staff/signin.html", context)


def _demo_people() -> list[dict[str, object]]:
    """Return the people to pick from; how many customers each sees is asked of the scope by the template."""
    accounts = StaffUser.objects.in_bulk([person.subject for person in PEOPLE], field_name="subject")
    return [
        {"key": person.key, "account": accounts[person.subject], "role": ROLE_NAMES[Role(person.role)]}
        for person in PEOPLE
        if person.subject in accounts
    ]


def _sign_demo_person_in(request: HttpRequest) -> HttpResponse:
    """Sign one of the five in; outside the demo there is no such thing."""
    if not settings.DEMO:
        raise Http404
    person = next((one for one in PEOPLE if one.key == request.POST.get("person")), None)
    account = StaffUser.objects.filter(subject=person.subject, is_active=True).first() if person else None
    if account is None:
        raise Http404
    login(request, account, backend=_BACKEND)
    return redirect(safe_next(request, request.POST.get("next"), otherwise="/customers/"))


@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Say that signing in with Entra ID is not set up."""
    return render(request, "staff/signin.html", {"is_callback": True}, status=400)


@require_POST
def signout(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("staff:signin")
