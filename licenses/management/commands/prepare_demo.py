"""`manage.py prepare_demo`: people, grants and a first sync for the demo; repeatable."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from customers.demo import grant_demo_customers
from customers.models import Customer
from licensing_portal.staff.demo_people import ensure_demo_people


class Command(BaseCommand):
    """Prepares the demo's database."""

    help = "Makes the demo's people, reads the customers, and grants them."

    def handle(self, **options: Any) -> None:
        """Sync only when nothing was read yet: a demo that is started again goes on where it was."""
        if not settings.DEMO:
            raise CommandError("prepare_demo is for the demo only: DEMO is not 1")
        ensure_demo_people()
        if not Customer.objects.filter(synced_at__isnull=False).exists():
            self.stdout.write("Reading the customers for the first time …")
            call_command("sync", stdout=self.stdout, stderr=self.stderr)
        grant_demo_customers()
