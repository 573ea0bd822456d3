"""Addresses of the site itself."""

from django.urls import path

from licensing_portal import site_views

app_name = "site"
urlpatterns = [
    path("language/", site_views.language, name="language"),
    path("theme/", site_views.theme, name="theme"),
    path("healthz", site_views.healthz, name="healthz"),
    path("readyz", site_views.readyz, name="readyz"),
]
