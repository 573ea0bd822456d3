"""The people who use the console."""

from django.apps import AppConfig


class StaffConfig(AppConfig):
    """Partner staff: accounts, roles, sign-in."""

    name = "licensing_portal.staff"
    label = "staff"
