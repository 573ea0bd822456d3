"""Writes what Microsoft says of a customer's users and groups into our copy of the directory."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, F

from customers.folding import search_key, sort_key
from customers.models import Customer, CustomerFacet, DirectoryUser, Group, SelectedUser, Selection
from licensing_portal.bulk_rows import insert_rows
from licensing_portal.gateways.protocol import CustomerRecord, GroupRecord, OrganizationRecord, UserRecord

# Deleted users can be restored at Microsoft for this long, and are remembered as long here.
_REMEMBERED = timedelta(days=30)
# What the list of customers says; the rest of the row belongs to the customer's own sync.
_LISTED_FIELDS = ("name", "sort_key", "search", "relationship", "relationship_ends_at")
_USER_FIELDS = (
    "user_principal_name",
    "display_name",
    "mail",
    "usage_location",
    "enabled",
    "is_guest",
    "on_premises",
    "department",
    "job_title",
    "deleted_at",
    "read_at",
    "is_licensed",
    "has_errors",
    "sort_key",
    "search",
)


@dataclass(frozen=True, slots=True)
class KnownUser:
    """What was known of a user before this read."""

    pk: int
    usage_location: str
    read_at: datetime


def store_customers(records: Sequence[CustomerRecord]) -> None:
    """Upsert the partner's customers; domains already read from the tenant itself are kept."""
    known = {customer.tenant_id: customer for customer in Customer.objects.all()}
    for record in records:
        customer = known.get(record.tenant_id) or Customer(
            tenant_id=record.tenant_id, default_domain=record.default_domain
        )
        customer.name = record.name or record.tenant_id
        customer.sort_key, customer.search = sort_key(customer.name), _search_of(customer)
        customer.relationship = record.relationship_status
        customer.relationship_ends_at = record.relationship_ends_at
        customer.save(update_fields=_LISTED_FIELDS if customer.pk else None)
    listed = [record.tenant_id for record in records]
    Customer.objects.exclude(tenant_id__in=listed).update(relationship="ended")


def store_organization(customer: Customer, record: OrganizationRecord | None) -> None:
    """Keep the tenant's own country and domains, where they could be read."""
    if record is None:
        return
    customer.country = record.country
    customer.domains = list(record.domains)
    customer.default_domain = record.default_domain or customer.default_domain
    customer.search = _search_of(customer)
    customer.save(update_fields=["country", "domains", "default_domain", "search"])


def _search_of(customer: Customer) -> str:
    return search_key(customer.name, *customer.domains, customer.default_domain, customer.tenant_id)


def store_groups(customer: Customer, records: Sequence[GroupRecord]) -> None:
    """Upsert the groups that hand out licences; others are forgotten."""
    rows = [
        Group(customer=customer, object_id=record.object_id, display_name=record.display_name) for record in records
    ]
    Group.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["customer", "object_id"], update_fields=["display_name"]
    )
    customer.groups.exclude(object_id__in=[record.object_id for record in records]).delete()


def known_users(customer: Customer, object_ids: Sequence[str]) -> dict[str, KnownUser]:
    """Return what was known of these users, by object id."""
    rows = DirectoryUser.objects.filter(customer=customer, object_id__in=object_ids).values_list(
        "object_id", "pk", "usage_location", "read_at"
    )
    return {object_id: KnownUser(pk, location, read_at) for object_id, pk, location, read_at in rows}


def upsert_users(
    customer: Customer, records: Sequence[UserRecord], *, licensed: Collection[str], read_at: datetime
) -> None:
    """Write the users themselves; their licences are written by the licences' side, which says who holds any."""
    # One order for all writers: two that lock the same rows wait for each other and never deadlock.
    ordered = sorted(records, key=lambda record: record.object_id)
    insert_rows(
        DirectoryUser,
        ("customer", "object_id", *_USER_FIELDS),
        (
            (
                customer.pk,
                record.object_id,
                *_user_values(record, record.object_id in licensed, read_at),
            )
            for record in ordered
        ),
        unique=("customer", "object_id"),
        update=_USER_FIELDS,
    )


def _user_values(record: UserRecord, is_licensed: bool, read_at: datetime) -> tuple[Any, ...]:
    """Return the values of `_USER_FIELDS`; who is read is there, and so not deleted."""
    return (
        record.user_principal_name[:320],
        record.display_name[:256],
        record.mail[:320],
        (record.usage_location or "")[:2],
        record.enabled,
        record.user_type.casefold() == "guest",
        record.on_premises,
        record.department[:128],
        record.job_title[:128],
        None,
        read_at,
        is_licensed,
        any(path.error for path in record.paths),
        sort_key(record.display_name),
        search_key(record.display_name, record.user_principal_name, record.mail, record.department),
    )


def mark_deleted(customer: Customer, pks: Sequence[int], *, at: datetime) -> list[int]:
    """Take users out of every list and selection; they stay known for 30 days. Return the rows that were marked.

    `at` is when Microsoft was asked: users of whom we have a later answer are left as they are.
    """
    with transaction.atomic():
        here = DirectoryUser.objects.of(customer).filter(pk__in=pks, read_at__lte=at)
        # In the order of all writers of users, so that two of them never deadlock.
        gone = list(here.select_for_update().order_by("object_id").values_list("pk", flat=True))
        DirectoryUser.objects.filter(pk__in=gone).update(deleted_at=at, read_at=at)
        chosen = SelectedUser.objects.filter(selection__customer=customer, user_id__in=gone)
        Selection.objects.filter(pk__in=chosen.values("selection_id")).update(counter=F("counter") + 1)
        chosen.delete()
    return gone


def forget_long_deleted(customer: Customer, *, now: datetime) -> None:
    """Drop users who can no longer be restored."""
    customer.users.filter(deleted_at__lt=now - _REMEMBERED).delete()


def write_facets(customer: Customer) -> None:
    """Count the entries of the filter lists that concern users alone."""
    _write_values(customer, CustomerFacet.Kind.DEPARTMENT, "department")
    write_locations(customer)


def write_locations(customer: Customer) -> None:
    """Count the users of each usage location."""
    _write_values(customer, CustomerFacet.Kind.LOCATION, "usage_location")


def _write_values(customer: Customer, kind: str, field: str) -> None:
    users = DirectoryUser.objects.of(customer)
    counted = users.values_list(field).annotate(number=Count("pk")).order_by(field)
    replace_facets(customer, kind, [(value, value, number) for value, number in counted])


def replace_facets(customer: Customer, kind: str, entries: Sequence[tuple[str, str, int]]) -> None:
    """Write one filter list anew: (value, label, number of users)."""
    with transaction.atomic():
        customer.facets.filter(kind=kind).delete()
        rows = [
            CustomerFacet(customer=customer, kind=kind, value=value[:256], label=label[:256], number=number)
            for value, label, number in entries
        ]
        # A sync and the end of a change may both write: who comes later wins, nobody fails.
        CustomerFacet.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["customer", "kind", "value"], update_fields=["label", "number"]
        )
