"""One user at Microsoft now: read again with the state of each plan, or what groups give judged anew."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.utils import timezone

from customers.models import DirectoryUser
from licenses.core.failures import Failure
from licenses.core.holdings import DIRECT
from licenses.core.triage import triage
from licenses.models import LicenseEvent, Reprocess
from licenses.services.refresh import refresh_products, refresh_users
from licensing_portal.gateways.errors import GatewayError
from licensing_portal.gateways.protocol import DirectoryGateway, OutcomeKind, WriteOutcome
from licensing_portal.staff.models import StaffUser
from licensing_portal.wiring import PAGE_LIMITS, directory_gateway

logger = logging.getLogger(__name__)

# (SKU id, plan id) → provisioning status of the user.
type Provisioning = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Reading:
    """Whether user and products were read now; None for provisioning: Microsoft did not say."""

    is_fresh: bool
    provisioning: Provisioning | None = None


def read_now(user: DirectoryUser, *, with_plans: bool = True) -> Reading:
    """Read a user and the customer's products again; what Microsoft does not answer stays as stored."""
    gateway = directory_gateway(user.customer.tenant_id, limits=PAGE_LIMITS)
    try:
        refresh_products(user.customer, gateway=gateway)
        _refresh(user, gateway)
    except GatewayError as error:
        logger.warning("%s of %s: user %s stays as stored", error, user.customer.tenant_id, user.object_id)
        return Reading(is_fresh=False)
    if not with_plans or user.deleted_at is not None:
        return Reading(is_fresh=True)
    try:
        return Reading(is_fresh=True, provisioning=_provisioning(user, gateway))
    except GatewayError as error:
        logger.warning("%s of %s: plans of user %s are not known", error, user.customer.tenant_id, user.object_id)
        return Reading(is_fresh=True)


def _refresh(user: DirectoryUser, gateway: DirectoryGateway) -> None:
    refresh_users(user.customer, [user.object_id], gateway=gateway)
    customer = user.customer
    user.refresh_from_db()
    user.customer = customer


def _provisioning(user: DirectoryUser, gateway: DirectoryGateway) -> Provisioning:
    details = gateway.license_details(user.object_id)
    return {(one.sku_id, plan.plan_id): plan.provisioning_status for one in details for plan in one.plans}


@dataclass(frozen=True, slots=True)
class Reprocessed:
    """What the answer proves, the failure of one that was not done, and whether the user was read afterwards.

    `was_sent`: False when Microsoft has not heard of it.
    """

    kind: OutcomeKind
    failure: Failure | None
    was_sent: bool
    is_fresh: bool


def reprocess(
    user: DirectoryUser, staff: StaffUser, sku_ids: Collection[str], *, sku_id: str, group_id: str
) -> Reprocessed:
    """Have what groups give to a user judged anew, then read the user; what groups gave of `sku_ids` is by `staff`.

    `sku_id` and `group_id` name the path that it was asked for; the act is stored before Microsoft is asked. Asking
    twice does no harm: Microsoft gives nothing that the groups do not.
    """
    gateway = directory_gateway(user.customer.tenant_id, limits=PAGE_LIMITS)
    act = Reprocess.objects.create(
        customer=user.customer,
        user=user,
        object_id=user.object_id,
        staff=staff,
        sku_id=sku_id,
        group_id=group_id,
        asked_at=timezone.now(),
    )
    outcome = _ask(user, gateway)
    failure = None
    if outcome.kind != OutcomeKind.DONE:
        failure = triage(outcome.status, outcome.code, outcome.message, request_id=outcome.request_id)
    _note(act, outcome, failure)
    logger.info("reprocess: tenant %s user %s by %s", user.customer.tenant_id, user.object_id, staff.pk)
    before = timezone.now()
    try:
        _refresh(user, gateway)
    except GatewayError:
        return Reprocessed(outcome.kind, failure, outcome.was_sent, is_fresh=False)
    # Only what groups give can have come of it, and a change of ours that ran beside has its own name already.
    seen = LicenseEvent.objects.filter(user=user, seen_at__gte=before, change=None, product__sku_id__in=list(sku_ids))
    LicenseEvent.objects.filter(pk__in=[event.pk for event in seen if _is_by_group(event)]).update(staff=staff)
    return Reprocessed(outcome.kind, failure, outcome.was_sent, is_fresh=True)


def _note(act: Reprocess, outcome: WriteOutcome, failure: Failure | None) -> None:
    """Store what came of it."""
    act.outcome, act.was_sent, act.request_id = outcome.kind.value, outcome.was_sent, outcome.request_id
    if failure is not None:
        act.failure_kind, act.message = failure.kind.value, failure.message
    act.save(update_fields=["outcome", "was_sent", "request_id", "failure_kind", "message"])


def _is_by_group(event: LicenseEvent) -> bool:
    """Tell whether a path by a group changed: a direct one is somebody else's doing."""
    was, now = (
        {via: path for via, path in ((state or {}).get("paths") or {}).items() if via != DIRECT}
        for state in (event.before, event.after)
    )
    return was != now


def _ask(user: DirectoryUser, gateway: DirectoryGateway) -> WriteOutcome:
    try:
        (outcome,) = gateway.reprocess([user.object_id])
    except GatewayError as error:
        # The call as a whole was refused: nothing happened.
        return WriteOutcome(
            user_id=user.object_id,
            kind=OutcomeKind.REFUSED,
            status=error.status,
            code=error.code,
            message=error.message,
            request_id=error.request_id,
        )
    return outcome
