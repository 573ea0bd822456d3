"""Addresses of customers and their users."""

from django.urls import path
from django.views.generic import RedirectView

from customers.views import customers, selected, user, users
from licensing_portal import converters  # noqa: F401  registers the guid converter

app_name = "customers"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="customers:list"), name="home"),
    path("customers/", customers.customer_list, name="list"),
    path("customers/<guid:tenant_id>/", RedirectView.as_view(pattern_name="customers:users"), name="customer"),
    path("customers/<guid:tenant_id>/users/", users.user_list, name="users"),
    path("customers/<guid:tenant_id>/users/selected/", selected.selected_users, name="selected"),
    path("customers/<guid:tenant_id>/users/<guid:object_id>/", user.user_page, name="user"),
]
