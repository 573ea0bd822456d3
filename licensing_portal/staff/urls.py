"""Addresses of signing in and out."""

from django.urls import path

from licensing_portal.staff import views

app_name = "staff"
urlpatterns = [
    path("signin/", views.signin, name="signin"),
    path("signin/callback/", views.callback, name="callback"),
    path("signout/", views.signout, name="signout"),
]
