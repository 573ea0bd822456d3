"""Reads again what may have changed: some users by id, or (Refresh) everybody whom a delta round names."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from customers import selection as selections
from customers import sync as directory
from customers.models import Customer, DirectoryUser, Selection
from licenses.models import Assignment, Holding, LicenseChange
from licenses.services.directory_rows import store_users
from licenses.services.figures import write_all_facets, write_figures
from licenses.services.products import store_products, store_subscriptions
from licensing_portal.gateways.protocol import DirectoryGateway
from licensing_portal.wiring import PAGE_LIMITS, directory_gateway

# 15 ids a clause, 20 clauses a call, ten calls: stored in between, so that memory stays small.
_IDS_AT_ONCE = 3_000
# Up to this many users are read again while the person waits (one $batch).
READ_IN_REQUEST = 300


def read_round(customer: Customer, gateway: DirectoryGateway, *, at_most: int | None = None) -> int | None:
    """Read a delta round of a customer who has a link; return how many users it named.

    None, and nothing read, when they are more than `at_most`. The new link is kept only when all is stored and no two
    answers disagree: a round that was interrupted, or whose users some replica of Microsoft's does not know yet, is
    told again. Raises LinkExpired when everything must be read anew, else GatewayError.
    """
    started = timezone.now()
    found = gateway.changed_users(customer.delta_link)
    if at_most is not None and len(found.user_ids) > at_most:
        return None
    store_products(customer, gateway.subscribed_skus(), read_at=started)
    store_subscriptions(customer, gateway.subscriptions())
    directory.store_groups(customer, gateway.licensing_groups())
    if refresh_users(customer, found.user_ids, gateway=gateway, removed=found.removed):
        customer.delta_link = found.link
        customer.save(update_fields=["delta_link"])
    finish_reading(customer, at=started)
    return len(found.user_ids)


def refresh_users(
    customer: Customer,
    object_ids: Sequence[str],
    *,
    gateway: DirectoryGateway | None = None,
    removed: Collection[str] = (),
) -> bool:
    """Read these users again by id; those that Microsoft no longer knows are marked as deleted.

    Who cannot be read stays as stored. `removed` are those whom a round calls so. Returns whether Microsoft's answers
    agree with each other.
    """
    agree = True
    gateway = gateway or directory_gateway(customer.tenant_id, limits=PAGE_LIMITS)
    for start in range(0, len(object_ids), _IDS_AT_ONCE):
        some = object_ids[start : start + _IDS_AT_ONCE]
        asked = timezone.now()
        found = gateway.look_up(some, removed=removed)
        store_users(customer, list(found.users.values()), read_at=asked, first=False)
        agree = agree and not found.contradicted
        here = found.users.keys() | found.unreadable
        gone = [object_id for object_id in some if object_id not in here]
        if gone:
            pks = DirectoryUser.objects.of(customer).filter(object_id__in=gone).values_list("pk", flat=True)
            delete_users(customer, list(pks), at=asked)
    return agree


def delete_users(customer: Customer, pks: Sequence[int], *, at: datetime) -> None:
    """Mark users as deleted who were not there at this time, and drop what they held; later answers stand."""
    with transaction.atomic():
        gone = directory.mark_deleted(customer, pks, at=at)
        Holding.objects.filter(user_id__in=gone).delete()
        Assignment.objects.filter(user_id__in=gone).delete()


def refresh_products(customer: Customer, *, gateway: DirectoryGateway | None = None) -> None:
    """Read the customer's products again."""
    gateway = gateway or directory_gateway(customer.tenant_id, limits=PAGE_LIMITS)
    store_products(customer, gateway.subscribed_skus(), read_at=timezone.now())


def read_if_few(customer: Customer, users: QuerySet[Any]) -> bool:
    """Read the products again, and these users (rows with an `object_id`) unless they are many, while a person waits.

    Return whether the users were read. Raises GatewayError.
    """
    # Of five thousand the first few that are found say enough.
    ids = list(users.values_list("object_id", flat=True)[: READ_IN_REQUEST + 1])
    refresh_products(customer)
    if len(ids) > READ_IN_REQUEST:
        return False
    refresh_users(customer, ids)
    return True


def refresh_selected(selection_id: int) -> None:
    """Read the users of a selection again, in the background, or of the change that they have moved into meanwhile."""
    selection = Selection.objects.select_related("customer").filter(pk=selection_id).first()
    if selection is None:
        return
    customer = selection.customer
    ids = list(selections.users(selection).order_by().values_list("object_id", flat=True))
    if not ids:
        changes = LicenseChange.objects.filter(customer=customer, staff=selection.staff_id)
        latest = changes.order_by("-created_at").first()
        ids = list(latest.user_changes.values_list("object_id", flat=True)) if latest and latest.is_open else []
    refresh_users(customer, ids, gateway=directory_gateway(customer.tenant_id, background=True))


def finish_reading(customer: Customer, *, at: datetime) -> None:
    """Count figures and filter lists, and say as of when they are."""
    write_all_facets(customer)
    write_figures(customer)
    customer.synced_at, customer.sync_error = at, ""
    customer.sync_due_at = timezone.now() + timedelta(minutes=settings.SYNC_EVERY_MINUTES)
    customer.save(update_fields=["synced_at", "sync_error", "sync_due_at"])
