"""Customers, their users, and which of them are selected."""

from django.apps import AppConfig


class CustomersConfig(AppConfig):
    """The customers' directory as the portal last read it."""

    name = "customers"
