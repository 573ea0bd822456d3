"""Turns Microsoft's answer into a failure that can be explained and repaired.

Licence refusals share one code, so their texts must be read; fragments are matched, never whole sentences, and a
text that is not known stays "unknown" with Microsoft's own words (graph-api.md 5.2).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from licenses.core.catalog import Catalog, PlanId, SkuId

# A GUID and the word before it, which says what it is: "SKU …", "License …", "service plan …", "Account …".
_GUID = re.compile(r"(?:([a-z]+)\W+)?\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b")


class FailureKind(StrEnum):
    """Why a user was not updated."""

    NO_SEAT = "no_seat"
    EXCLUSIVE = "exclusive"
    DEPENDENCY = "dependency"
    NO_LOCATION = "no_location"
    LOCATION_FORBIDDEN = "location_forbidden"
    INHERITED = "inherited"
    NOT_HELD = "not_held"
    BAD_SKU = "bad_sku"
    NOT_USER_SKU = "not_user_sku"
    BAD_PLAN = "bad_plan"
    PROXY = "proxy"
    CONCURRENCY = "concurrency"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    TOKEN = "token"
    THROTTLED = "throttled"
    SERVER = "server"
    SKU_SUSPENDED = "sku_suspended"
    CHANGED_ELSEWHERE = "changed_elsewhere"
    UNREADABLE = "unreadable"
    NOT_DONE = "not_done"
    UNKNOWN = "unknown"


class Scope(StrEnum):
    """What a failure concerns: it is said once for a product or a customer, not once per user."""

    USER = "user"
    PRODUCT = "product"
    CUSTOMER = "customer"
    PROGRAM = "program"


SCOPES: dict[FailureKind, Scope] = {
    FailureKind.NO_SEAT: Scope.PRODUCT,
    FailureKind.BAD_SKU: Scope.PRODUCT,
    FailureKind.NOT_USER_SKU: Scope.PRODUCT,
    FailureKind.BAD_PLAN: Scope.PRODUCT,
    FailureKind.SKU_SUSPENDED: Scope.PRODUCT,
    FailureKind.FORBIDDEN: Scope.CUSTOMER,
    FailureKind.TOKEN: Scope.CUSTOMER,
    FailureKind.THROTTLED: Scope.CUSTOMER,
    FailureKind.SERVER: Scope.PROGRAM,
}
_RETRYABLE = frozenset(
    {
        FailureKind.NO_SEAT,
        FailureKind.CONCURRENCY,
        FailureKind.THROTTLED,
        FailureKind.SERVER,
        FailureKind.TOKEN,
        FailureKind.CHANGED_ELSEWHERE,
        FailureKind.UNREADABLE,
        FailureKind.NOT_DONE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why something was refused, with Microsoft's own words where there are any."""

    kind: FailureKind
    scope: Scope
    retryable: bool
    skus: tuple[SkuId, ...] = ()
    plans: tuple[PlanId, ...] = ()
    code: str = ""
    message: str = ""
    request_id: str = ""
    status: int = 0


def failure_of(kind: FailureKind, *, skus: tuple[SkuId, ...] = (), plans: tuple[PlanId, ...] = ()) -> Failure:
    """Return a failure that we found ourselves, without an answer of Microsoft."""
    return Failure(kind=kind, scope=SCOPES.get(kind, Scope.USER), retryable=kind in _RETRYABLE, skus=skus, plans=plans)


# Fragments of licence refusals, in the order in which they are tried on the text, case folded and on one line.
_FRAGMENTS: tuple[tuple[re.Pattern[str], FailureKind], ...] = tuple(
    (re.compile(fragment), kind)
    for fragment, kind in (
        (r"does not have any available licenses", FailureKind.NO_SEAT),
        (r"are mutually exclusive", FailureKind.EXCLUSIVE),
        (r"depends on the service plan", FailureKind.DEPENDENCY),
        (r"invalid usage location", FailureKind.NO_LOCATION),
        (r"prohibitedinusagelocationviolation", FailureKind.LOCATION_FORBIDDEN),
        (r"inherited from a group membership", FailureKind.INHERITED),
        (r"does not have a corresponding license", FailureKind.NOT_HELD),
        (r"does not correspond to a valid company license", FailureKind.BAD_SKU),
        # Whole, for a longer sentence would speak of something else than the SKU.
        (r"^license \S+ cannot be assigned to a user\.?$", FailureKind.NOT_USER_SKU),
        (r"plan\b.* does not belong to the subscription", FailureKind.BAD_PLAN),
        (r"proxyaddresses already exists", FailureKind.PROXY),
    )
)
# Names of the violations that Graph uses for paths and newer APIs use as codes.
_CODES: dict[str, FailureKind] = {
    "countviolation": FailureKind.NO_SEAT,
    "mutuallyexclusiveviolation": FailureKind.EXCLUSIVE,
    "dependencyviolation": FailureKind.DEPENDENCY,
    "prohibitedinusagelocationviolation": FailureKind.LOCATION_FORBIDDEN,
    "uniquenessviolation": FailureKind.PROXY,
    "directory_concurrencyviolation": FailureKind.CONCURRENCY,
    "request_resourcenotfound": FailureKind.NOT_FOUND,
    "authorization_requestdenied": FailureKind.FORBIDDEN,
    "invalidauthenticationtoken": FailureKind.TOKEN,
    "toomanyrequests": FailureKind.THROTTLED,
    # Not what their statuses (403, 409) usually say.
    "directory_quotaexceeded": FailureKind.UNKNOWN,
    "request_multipleobjectswithsamekeyvalue": FailureKind.UNKNOWN,
}
_STATUSES: tuple[tuple[Callable[[int], bool], FailureKind], ...] = (
    (lambda status: status == 401, FailureKind.TOKEN),
    (lambda status: status == 403, FailureKind.FORBIDDEN),
    (lambda status: status == 404, FailureKind.NOT_FOUND),
    (lambda status: status == 409, FailureKind.CONCURRENCY),
    (lambda status: status == 429, FailureKind.THROTTLED),
    (lambda status: 500 <= status <= 599, FailureKind.SERVER),
)


def kind_of_error(word: str | None) -> FailureKind:
    """Return the kind that the error of a path means (Graph's licenseAssignmentState.error)."""
    return _CODES.get((word or "").casefold(), FailureKind.UNKNOWN)


def triage(status: int, code: str, message: str, *, request_id: str = "", catalog: Catalog | None = None) -> Failure:
    """Classify one answer; a text that no rule knows is UNKNOWN, never a guess."""
    kind = _kind(status, code, message)
    skus, plans = _named(message, kind, catalog)
    return Failure(
        kind=kind,
        scope=SCOPES.get(kind, Scope.USER),
        retryable=kind in _RETRYABLE,
        skus=skus,
        plans=plans,
        code=code,
        message=message,
        request_id=request_id,
        status=status,
    )


def _kind(status: int, code: str, message: str) -> FailureKind:
    """Text first, for licence refusals share their code; then the code; then the status."""
    if status in (0, 400, 409):
        folded = _folded(message)
        for fragment, kind in _FRAGMENTS:
            if fragment.search(folded):
                return kind
    by_code = _CODES.get(code.casefold())
    if by_code is not None:
        return by_code
    return next((kind for matches, kind in _STATUSES if matches(status)), FailureKind.UNKNOWN)


def _folded(message: str) -> str:
    return " ".join(message.casefold().split())


_SKU_WORDS = frozenset({"sku", "skuid", "license"})
_NAMES_PLANS = frozenset({FailureKind.EXCLUSIVE, FailureKind.DEPENDENCY, FailureKind.BAD_PLAN})


def _named(message: str, kind: FailureKind, catalog: Catalog | None) -> tuple[tuple[SkuId, ...], tuple[PlanId, ...]]:
    """Split the GUIDs of a text into SKUs and plans, each once and in order.

    The tenant's catalog decides; what it does not know goes by the word before it, then by what the kind speaks of.
    Accounts, users and other objects are left out; so is everything in a text that is not understood.
    """
    if kind == FailureKind.UNKNOWN:
        return (), ()
    owned = catalog.skus if catalog else {}
    skus: dict[SkuId, None] = {}
    plans: dict[PlanId, None] = {}
    for word, guid in _GUID.findall(_folded(message)):
        if guid not in owned and any(guid in sku.plan_ids for sku in owned.values()):
            plans[guid] = None
        elif guid in owned or word in _SKU_WORDS:
            skus[guid] = None
        elif kind in _NAMES_PLANS:
            plans[guid] = None
    return tuple(skus), tuple(plans)
