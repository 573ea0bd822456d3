"""Products, who holds them, and the changes that staff save."""

from django.apps import AppConfig


class LicensesConfig(AppConfig):
    """Products, holdings and changes."""

    name = "licenses"
