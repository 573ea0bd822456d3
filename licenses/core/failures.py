"""Why a user was not updated: the kinds of failure, and what each of them concerns."""

from dataclasses import dataclass
from enum import StrEnum

from licenses.core.catalog import PlanId, SkuId


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
    ON_PREMISES = "on_premises"
    CONCURRENCY = "concurrency"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    RELATIONSHIP = "relationship"
    CONSENT = "consent"
    CONDITIONAL_ACCESS = "conditional_access"
    MFA = "mfa"
    NO_TENANT = "no_tenant"
    TOKEN = "token"
    CONFIGURATION = "configuration"
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
    FailureKind.RELATIONSHIP: Scope.CUSTOMER,
    FailureKind.CONSENT: Scope.CUSTOMER,
    FailureKind.CONDITIONAL_ACCESS: Scope.CUSTOMER,
    FailureKind.MFA: Scope.CUSTOMER,
    FailureKind.NO_TENANT: Scope.CUSTOMER,
    FailureKind.TOKEN: Scope.CUSTOMER,
    FailureKind.THROTTLED: Scope.CUSTOMER,
    FailureKind.CONFIGURATION: Scope.PROGRAM,
    FailureKind.SERVER: Scope.PROGRAM,
}
# The same call may succeed later without anybody changing what is asked for.
RETRYABLE: frozenset[FailureKind] = frozenset(
    {
        FailureKind.NO_SEAT,
        FailureKind.CONCURRENCY,
        FailureKind.THROTTLED,
        FailureKind.SERVER,
        FailureKind.TOKEN,
        FailureKind.MFA,
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
    return Failure(kind=kind, scope=SCOPES.get(kind, Scope.USER), retryable=kind in RETRYABLE, skus=skus, plans=plans)
