"""Reads customers and their directories from Microsoft: whole at first and once in a while, in between by rounds.

A whole read goes on where a slice of it ended and may be killed at any time: pages are written as they come, and
nobody is called deleted before the list was read to its end and they have been asked for by id.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from customers import sync as directory
from customers.models import Customer, DirectoryUser
from licenses.services.directory_rows import RowWriter
from licenses.services.products import store_products, store_subscriptions
from licenses.services.refresh import finish_reading, read_round, refresh_users
from licensing_portal.gateways.errors import GatewayError, LinkExpired
from licensing_portal.gateways.protocol import CustomerGateway, DirectoryGateway
from licensing_portal.wiring import PAGE_LIMITS, customer_gateway, directory_gateway

# A whole read that rested longer begins anew: Microsoft's page links do not live for ever.
_GOES_ON_WITHIN = timedelta(hours=1)
_IDS_AT_ONCE = 5_000
# More changes, or a longer read, are left to a worker: nobody waits in front of a page for them.
_CHANGES_IN_REQUEST = 3_000
_SECONDS_IN_REQUEST = 5.0

# Asked after every page: True ends the slice.
type Pause = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one customer's sync read: users stored, users found deleted, and whether it came to its end."""

    customer: Customer
    users: int
    deleted: int = 0
    is_whole: bool = True
    is_finished: bool = True


def sync_customers(gateway: CustomerGateway | None = None) -> int:
    """Read the partner's list of customers; return their number."""
    records = [record for page in (gateway or customer_gateway()).customers() for record in page]
    directory.store_customers(records)
    return len(records)


def sync_customer(
    customer: Customer, *, gateway: DirectoryGateway | None = None, whole: bool = True, pause: Pause | None = None
) -> SyncReport:
    """Bring one customer up to date: all of it, or (`whole=False`) by a round where that is enough.

    With `pause` the read is a slice: it goes on where an earlier one ended, and ends when `pause` says so. A failure
    is kept on the customer and raised.
    """
    gateway = gateway or directory_gateway(customer.tenant_id, background=True)
    try:
        if not whole and not needs_whole_read(customer):
            try:
                return SyncReport(customer, read_round(customer, gateway) or 0, is_whole=False)
            except LinkExpired:
                pass
        return _read_whole(customer, gateway, pause)
    except GatewayError as error:
        note_failure(customer, error)
        raise


def refresh_customer(customer: Customer) -> bool:
    """Read what changed while somebody waits; False when that takes longer than a page may. Raises GatewayError."""
    gateway = directory_gateway(customer.tenant_id, limits=PAGE_LIMITS)
    if customer.delta_link:
        try:
            return read_round(customer, gateway, at_most=_CHANGES_IN_REQUEST) is not None
        except LinkExpired:
            pass
    ends_at = time.monotonic() + _SECONDS_IN_REQUEST
    return _read_whole(customer, gateway, lambda: time.monotonic() > ends_at).is_finished


def needs_whole_read(customer: Customer) -> bool:
    """Tell whether a round is not enough: no link, an unfinished whole read, or the last one is too long ago."""
    if not customer.delta_link or customer.read_whole_at is None or customer.reading_since is not None:
        return True
    return timezone.now() - customer.read_whole_at > timedelta(hours=settings.FULL_SYNC_EVERY_HOURS)


def note_failure(customer: Customer, error: GatewayError) -> None:
    """Keep on the customer that Microsoft did not answer."""
    Customer.objects.filter(pk=customer.pk).update(sync_error=f"{type(error).__name__} {error.status} {error.code}")


def _read_whole(customer: Customer, gateway: DirectoryGateway, pause: Pause | None) -> SyncReport:
    """Read everything, or the part of it until `pause`."""
    if pause is None or not _goes_on(customer):
        _begin(customer, gateway)
    try:
        number, is_finished = _read_pages(customer, gateway, pause)
    except LinkExpired:
        _begin(customer, gateway)
        number, is_finished = _read_pages(customer, gateway, pause)
    if not is_finished:
        return SyncReport(customer, number, is_finished=False)
    assert customer.reading_since is not None
    started = customer.reading_since
    deleted = _delete_unseen(customer, gateway, since=started)
    directory.forget_long_deleted(customer, now=started)
    # The link is from before the list: what changed while it was read comes again in the first round.
    customer.delta_link, customer.read_whole_at = customer.reading_delta_link, started
    customer.reading_since, customer.reading_delta_link, customer.reading_next = None, "", ""
    customer.save(update_fields=["delta_link", "read_whole_at", "reading_since", "reading_delta_link", "reading_next"])
    finish_reading(customer, at=started)
    return SyncReport(customer, number, deleted)


def _goes_on(customer: Customer) -> bool:
    """Tell whether a slice has something to go on with."""
    since = customer.reading_since
    return bool(customer.reading_next) and since is not None and timezone.now() - since < _GOES_ON_WITHIN


def _begin(customer: Customer, gateway: DirectoryGateway) -> None:
    """Read all but the users, and note where a whole read of these begins."""
    started = timezone.now()
    directory.store_organization(customer, gateway.organization())
    store_products(customer, gateway.subscribed_skus(), read_at=started)
    store_subscriptions(customer, gateway.subscriptions())
    directory.store_groups(customer, gateway.licensing_groups())
    customer.reading_since, customer.reading_next = started, ""
    customer.reading_delta_link = gateway.delta_link()
    customer.save(update_fields=["reading_since", "reading_delta_link", "reading_next"])


def _read_pages(customer: Customer, gateway: DirectoryGateway, pause: Pause | None) -> tuple[int, bool]:
    """Store page after page; return the number of users and whether the last page was reached."""
    writer = RowWriter(customer)
    first = customer.synced_at is None
    number = 0
    asked = timezone.now()
    for page in gateway.users(customer.reading_next):
        writer.write(page.users, read_at=asked, first=first)
        number += len(page.users)
        if page.following:
            _remember_place(customer, page.following)
            if pause is not None and pause():
                return number, False
        asked = timezone.now()
    return number, True


def _remember_place(customer: Customer, following: str) -> None:
    """Note where the read goes on, unless somebody has begun another one meanwhile."""
    customer.reading_next = following
    Customer.objects.filter(pk=customer.pk, reading_since=customer.reading_since).update(reading_next=following)


def _delete_unseen(customer: Customer, gateway: DirectoryGateway, *, since: datetime) -> int:
    """Ask by id for those whom the list did not name, and mark those who are gone; return their number."""
    unseen = list(
        DirectoryUser.objects.of(customer).filter(read_at__lt=since).values_list("object_id", flat=True).order_by("pk")
    )
    for start in range(0, len(unseen), _IDS_AT_ONCE):
        refresh_users(customer, unseen[start : start + _IDS_AT_ONCE], gateway=gateway)
    return customer.users.filter(deleted_at__gte=since).count()
