"""Addresses of the demo's tour and drawer; outside the demo they lead nowhere."""

from django.urls import path

from licensing_portal.demo import views

app_name = "demo"
urlpatterns = [
    path("demo/tour/", views.show_or_hide, name="tour"),
    path("demo/tour/<slug:name>/", views.take_step, name="step"),
    path("demo/drawer/", views.drawer_act, name="drawer"),
]
