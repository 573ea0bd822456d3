"""All addresses of the console."""

from django.urls import include, path

from customers import urls as customers
from licenses.views.user import user_page
from licensing_portal import converters  # noqa: F401  registers the guid converter

# The page of one user is named with the customers' pages, and made of licences.
_user = path("customers/<guid:tenant_id>/users/<guid:object_id>/", user_page, name="user")
urlpatterns = [
    path("", include("licensing_portal.site_urls")),
    path("", include("licensing_portal.staff.urls")),
    path("", include(([*customers.urlpatterns, _user], customers.app_name))),
    path("", include("licenses.urls")),
]

handler400 = "licensing_portal.errors.bad_request"
handler403 = "licensing_portal.errors.forbidden"
handler404 = "licensing_portal.errors.not_found"
handler500 = "licensing_portal.errors.server_error"
