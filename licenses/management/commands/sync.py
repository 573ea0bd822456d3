"""`manage.py sync`: reads customers and their directories from Microsoft."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from customers.models import Customer
from licenses.services.sync import sync_customer, sync_customers
from licensing_portal.gateways.errors import GatewayError


class Command(BaseCommand):
    """Reads all customers, or one."""

    help = "Reads customers, their users, products and licences from Microsoft."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the customer, and whether what changed since the last time is enough."""
        parser.add_argument("--customer", metavar="ID", help="only this customer's tenant id")
        parser.add_argument("--full", action="store_true", help="read everything anew, not only what changed")

    def handle(self, *, customer: str | None, full: bool, **options: Any) -> None:
        """Sync; one failing customer is reported and does not stop the others."""
        try:
            number = sync_customers()
        except GatewayError as error:
            raise CommandError(f"the list of customers could not be read: {error}") from error
        self.stdout.write(f"{number} customers")
        customers = Customer.objects.order_by("sort_key")
        if customer is not None:
            customers = customers.filter(tenant_id=customer.lower())
            if not customers:
                raise CommandError(f"there is no customer {customer}")
        failed = [one for one in customers if not self._sync(one, full)]
        if failed:
            raise CommandError(f"{len(failed)} customers could not be read")

    def _sync(self, customer: Customer, full: bool) -> bool:
        """Sync one customer and print a line."""
        if not customer.is_reachable:
            self.stdout.write(f"{customer.name}: skipped, the relationship is {customer.relationship}")
            return True
        try:
            report = sync_customer(customer, whole=full)
        except GatewayError as error:
            self.stderr.write(f"{customer.name}: {error}")
            return False
        found = f"{report.users} users" if report.is_whole else f"{report.users} users changed"
        self.stdout.write(f"{customer.name}: {found}, {report.deleted} deleted")
        return True
