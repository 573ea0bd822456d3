"""What an app check says: its steps, outcomes and findings, and the facts that it goes by."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from licenses.core.apps import App
from licenses.core.catalog import Catalog, PlanId, SkuId
from licenses.core.holdings import UserState
from licenses.core.repair import Repair


class Step(StrEnum):
    """What is looked at, in this order."""

    ACCOUNT = "account"
    LOCATION = "location"
    PRODUCT = "product"
    PLAN = "plan"
    ASSIGNMENT = "assignment"
    SUBSCRIPTION = "subscription"
    PROVISIONING = "provisioning"
    CHANGES = "changes"


class Outcome(StrEnum):
    """What a check says."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


class Finding(StrEnum):
    """What a check found."""

    ALLOWED = "allowed"
    DELETED = "deleted"
    BLOCKED = "blocked"
    GUEST = "guest"
    LOCATED = "located"
    NOT_LOCATED = "not_located"
    ASSIGNED = "assigned"
    NOTHING = "nothing"
    SUITE_WITHOUT = "suite_without"
    OTHERS_ONLY = "others_only"
    LESSER = "lesser"
    UNKNOWN_PRODUCT = "unknown_product"
    ON = "on"
    OFF_DIRECT = "off_direct"
    OFF_BY_GROUP = "off_by_group"
    PARTLY_OFF = "partly_off"
    IN_ORDER = "in_order"
    IN_ERROR = "in_error"
    ERROR_BESIDE = "error_beside"
    ACTIVE = "active"
    IN_GRACE = "in_grace"
    LAPSED = "lapsed"
    PROVISIONED = "provisioned"
    PENDING = "pending"
    NOT_ANSWERED = "not_answered"
    ODD_STATE = "odd_state"
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What a check speaks of: a product, by one of its paths, plans of it, Microsoft's word for its state."""

    sku_id: SkuId
    via: str = ""
    plans: tuple[PlanId, ...] = ()
    word: str = ""
    # Of a path in error: what may help it.
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check with its outcome."""

    step: Step
    outcome: Outcome
    finding: Finding
    items: tuple[Item, ...] = ()
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a user. `provisioning`: (SKU, plan) → status at Microsoft; None: Microsoft did not answer.

    `changes` is the number of times that licences with the app, or the location, changed in the last day; `fresh` are
    the paths (SKU, via) that by Microsoft's account are as they are only since then.
    """

    app: App
    state: UserState
    catalog: Catalog
    provisioning: Mapping[tuple[SkuId, PlanId], str] | None = None
    changes: int = 0
    fresh: frozenset[tuple[SkuId, str]] = frozenset()
