"""Reads customers and their directories from Microsoft: whole (sync) or a few users (refresh).

A sync may be killed at any time and repeated: pages are written as they come, deletions and the time of the sync
only when the whole list was read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from customers import sync as directory
from customers.models import Customer, DirectoryUser
from licenses.models import Assignment, Holding, LicenseChange
from licenses.services.directory_rows import RowWriter, store_users
from licenses.services.figures import write_all_facets, write_figures
from licenses.services.products import store_products, store_subscriptions
from licensing_portal.gateways.errors import GatewayError
from licensing_portal.gateways.protocol import CustomerGateway, DirectoryGateway
from licensing_portal.wiring import customer_gateway, directory_gateway

_IDS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one customer's sync found."""

    customer: Customer
    users: int
    deleted: int


def sync_customers(gateway: CustomerGateway | None = None) -> int:
    """Read the partner's list of customers; return their number."""
    records = [record for page in (gateway or customer_gateway()).customers() for record in page]
    directory.store_customers(records)
    return len(records)


def sync_customer(customer: Customer, *, gateway: DirectoryGateway | None = None) -> SyncReport:
    """Read everything of one customer. A failure is kept on the customer and raised."""
    try:
        return _sync(customer, gateway or directory_gateway(customer.tenant_id, background=True))
    except GatewayError as error:
        Customer.objects.filter(pk=customer.pk).update(sync_error=f"{type(error).__name__} {error.status} {error.code}")
        raise


def _sync(customer: Customer, gateway: DirectoryGateway) -> SyncReport:
    started = timezone.now()
    first = customer.synced_at is None
    directory.store_organization(customer, gateway.organization())
    store_products(customer, gateway.subscribed_skus(), read_at=started)
    store_subscriptions(customer, gateway.subscriptions())
    directory.store_groups(customer, gateway.licensing_groups())
    writer = RowWriter(customer)
    number = 0
    seen: set[str] = set()
    asked = timezone.now()
    for page in gateway.users():
        writer.write(page, read_at=asked, first=first)
        number += len(page)
        seen.update(record.object_id for record in page)
        asked = timezone.now()
    deleted = _delete_unseen(customer, seen, at=started)
    directory.forget_long_deleted(customer, now=started)
    finish_reading(customer, at=started)
    return SyncReport(customer, number, deleted)


def _delete_unseen(customer: Customer, seen: set[str], *, at: datetime) -> int:
    """Mark users whom the whole list no longer names; their licences are free at once."""
    known = DirectoryUser.objects.of(customer).values_list("object_id", "pk")
    gone = [pk for object_id, pk in known.iterator(chunk_size=5_000) if object_id not in seen]
    for start in range(0, len(gone), _IDS_AT_ONCE):
        delete_users(customer, gone[start : start + _IDS_AT_ONCE], at=at)
    return len(gone)


def delete_users(customer: Customer, pks: Sequence[int], *, at: datetime) -> None:
    """Mark users as deleted and drop what they held."""
    Holding.objects.filter(user_id__in=pks).delete()
    Assignment.objects.filter(user_id__in=pks).delete()
    directory.mark_deleted(customer, pks, at=at)


def finish_reading(customer: Customer, *, at: datetime) -> None:
    """Count figures and filter lists, and say as of when they are."""
    write_all_facets(customer)
    write_figures(customer)
    customer.synced_at, customer.sync_error = at, ""
    customer.save(update_fields=["synced_at", "sync_error"])


def refresh_users(
    customer: Customer,
    object_ids: Sequence[str],
    *,
    gateway: DirectoryGateway | None = None,
    change: LicenseChange | None = None,
) -> None:
    """Read these users again by id; those that Microsoft no longer knows are marked as deleted."""
    gateway = gateway or directory_gateway(customer.tenant_id)
    asked = timezone.now()
    found = gateway.users_by_id(object_ids)
    store_users(customer, list(found.values()), read_at=asked, first=False, change=change)
    gone = [object_id for object_id in object_ids if object_id not in found]
    if gone:
        pks = DirectoryUser.objects.of(customer).filter(object_id__in=gone).values_list("pk", flat=True)
        delete_users(customer, list(pks), at=asked)


def refresh_products(customer: Customer, *, gateway: DirectoryGateway | None = None) -> None:
    """Read the customer's products again."""
    gateway = gateway or directory_gateway(customer.tenant_id)
    store_products(customer, gateway.subscribed_skus(), read_at=timezone.now())


def refresh_selected(customer_id: int, user_pks: Sequence[int]) -> None:
    """Read many selected users again, in the background."""
    customer = Customer.objects.get(pk=customer_id)
    for start in range(0, len(user_pks), _IDS_AT_ONCE):
        some = user_pks[start : start + _IDS_AT_ONCE]
        ids = DirectoryUser.objects.of(customer).filter(pk__in=some).values_list("object_id", flat=True)
        refresh_users(customer, list(ids), gateway=directory_gateway(customer.tenant_id, background=True))
