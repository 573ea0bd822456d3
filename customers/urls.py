"""Addresses of customers and their users."""

from collections.abc import Callable

from django.http import HttpResponseBase
from django.urls import path
from django.views.generic import RedirectView

from customers.views import customers, people, selected, users
from licensing_portal import converters  # noqa: F401  registers the guid converter


def _leads_to(name: str) -> Callable[..., HttpResponseBase]:
    """Return a view that leads on; a form posted to it is refused, not lost on the way."""
    return RedirectView.as_view(pattern_name=name, http_method_names=["get", "head", "options"])


app_name = "customers"
urlpatterns = [
    path("", _leads_to("customers:list"), name="home"),
    path("customers/", customers.customer_list, name="list"),
    path("people/", people.find_people, name="people"),
    path("customers/<guid:tenant_id>/", _leads_to("customers:users"), name="customer"),
    path("customers/<guid:tenant_id>/users/", users.user_list, name="users"),
    path("customers/<guid:tenant_id>/users/selected/", selected.selected_users, name="selected"),
]
