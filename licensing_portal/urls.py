"""All addresses of the console."""

from django.urls import include, path

from licensing_portal import converters  # noqa: F401  registers the guid converter

urlpatterns = [
    path("", include("licensing_portal.site_urls")),
    path("", include("licensing_portal.staff.urls")),
    path("", include("customers.urls")),
    path("", include("licenses.urls")),
]

handler403 = "licensing_portal.errors.forbidden"
handler404 = "licensing_portal.errors.not_found"
handler500 = "licensing_portal.errors.server_error"
