"""The site itself, installed as an app for its commands."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Commands, template tags and pages that belong to no room."""

    name = "licensing_portal"
    label = "site"
