"""`manage.py compile_messages`: compiles the catalogues; no GNU gettext needed."""

from typing import Any

from django.core.management.base import BaseCommand

from licensing_portal.catalogue import compile_all


class Command(BaseCommand):
    """Compiles the message catalogues."""

    help = "Compiles the message catalogues."
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        """Compile all."""
        compile_all()
