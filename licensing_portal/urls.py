"""All addresses of the console."""

from django.urls import include, path

from customers import urls as customers
from customers.views.from_list import select_from_list
from licenses.services.lookup import look_up
from licenses.views.user import user_page
from licensing_portal import converters  # noqa: F401  registers the guid converter

# Named with the customers' pages, and made of licences: the page of one user, and what a list asks Microsoft for.
_users = "customers/<guid:tenant_id>/users"
_of_licences = [
    path(f"{_users}/<guid:object_id>/", user_page, name="user"),
    path(f"{_users}/list/", select_from_list, {"look_up": look_up}, name="from-list"),
]
urlpatterns = [
    path("", include("licensing_portal.site_urls")),
    path("", include("licensing_portal.staff.urls")),
    path("", include(([*customers.urlpatterns, *_of_licences], customers.app_name))),
    path("", include("licenses.urls")),
    path("", include("licensing_portal.demo.urls")),
]

handler400 = "licensing_portal.errors.bad_request"
handler403 = "licensing_portal.errors.forbidden"
handler404 = "licensing_portal.errors.not_found"
handler500 = "licensing_portal.errors.server_error"
