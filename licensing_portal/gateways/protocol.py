"""The seam to Microsoft: values and protocols that services use; every id is lower-case text."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from licenses.core.diff import LicenseAdd


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentPath:
    """One way in which a user was given a SKU: "direct" or a group's object id."""

    sku_id: str
    via: str
    disabled: frozenset[str]
    state: str = "Active"
    error: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRecord:
    """A user as Microsoft shows them."""

    object_id: str
    user_principal_name: str
    display_name: str
    mail: str = ""
    usage_location: str | None = None
    enabled: bool = True
    user_type: str = "Member"
    on_premises: bool = False
    department: str = ""
    job_title: str = ""
    paths: tuple[AssignmentPath, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecord:
    """A service plan inside a subscribed SKU."""

    plan_id: str
    name: str
    applies_to: str
    provisioning_status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SkuRecord:
    """A subscribed SKU with its units and plans."""

    sku_id: str
    part_number: str
    applies_to: str
    capability_status: str
    enabled: int
    warning: int
    suspended: int
    locked_out: int
    consumed: int
    subscription_ids: tuple[str, ...]
    plans: tuple[PlanRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseDetail:
    """A SKU that a user holds, with the state of each plan for this user: "Disabled" where it is off."""

    sku_id: str
    plans: tuple[PlanRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRecord:
    """A subscription of the directory."""

    subscription_id: str
    commerce_subscription_id: str
    sku_id: str
    status: str
    total_licenses: int
    is_trial: bool
    next_lifecycle_at: datetime | None
    owner_tenant_id: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPage:
    """A page of users; `following` is the link to the next page, empty after the last one."""

    users: tuple[UserRecord, ...]
    following: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaRound:
    """Who was created, changed or deleted since a link was given out, and the link for the next round.

    Only ids: what of a user a round tells is not documented well enough to store it (graph-api.md 2.3). `removed`
    are those of them whom the round calls deleted.
    """

    user_ids: tuple[str, ...]
    link: str
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class UserLookup:
    """The users that exist among some ids, by id; of `contradicted` ones one answer said that they do not.

    `unreadable` ones exist, too, but what Microsoft says of them is not as documented.
    """

    users: dict[str, UserRecord]
    contradicted: frozenset[str] = frozenset()
    unreadable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressLookup:
    """The users that some addresses belong to, by object id, and which of the addresses are theirs (folded)."""

    users: dict[str, UserRecord]
    addresses: dict[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRecord:
    """A group that hands out licences."""

    object_id: str
    display_name: str
    sku_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationRecord:
    """The tenant itself; `country` is a two-letter code or empty."""

    tenant_id: str
    display_name: str
    country: str
    domains: tuple[str, ...]
    default_domain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRecord:
    """A customer of the partner; the relationship's status is Graph's word, empty when not known."""

    tenant_id: str
    name: str
    default_domain: str = ""
    relationship_status: str = ""
    relationship_ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseWrite:
    """All licence changes of one user: one assignLicense call."""

    user_id: str
    add: tuple[LicenseAdd, ...]
    remove: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationWrite:
    """A usage location to set."""

    user_id: str
    usage_location: str


class OutcomeKind(StrEnum):
    """What an answer to a write proves."""

    DONE = "done"
    # Nothing happened, and repeating it will not help.
    REFUSED = "refused"
    # Nothing happened, and it may be repeated after a wait: put off by Microsoft, or never sent.
    THROTTLED = "throttled"
    # It may have happened: read the user before anything else.
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOutcome:
    """The answer to one write."""

    user_id: str
    kind: OutcomeKind
    status: int = 0
    code: str = ""
    message: str = ""
    request_id: str = ""
    retry_after: float | None = None
    # False: no token or no connection was to be had, so Microsoft has not heard of it.
    was_sent: bool = True


class DirectoryGateway(Protocol):
    """One customer tenant's users, products and licences. Reads raise GatewayError."""

    tenant_id: str

    def users(self, start: str = "") -> Iterator[UserPage]:
        """Yield all users by page, each user once; `start` is the `following` of a page read earlier.

        Who cannot be read is passed over. Raises LinkExpired when the service no longer knows that link.
        """
        ...

    def delta_link(self) -> str:
        """Return the link for a round of what changes from now on; empty where the service has none."""
        ...

    def changed_users(self, link: str) -> DeltaRound:
        """Return who changed since the link was given out; raises LinkExpired when all must be read anew."""
        ...

    def users_by_id(self, user_ids: Sequence[str]) -> dict[str, UserRecord]:
        """Return the users that exist among these ids: who is absent was asked for twice, and all could be read."""
        ...

    def look_up(self, user_ids: Sequence[str], *, removed: Collection[str] = ()) -> UserLookup:
        """Return the users that exist among these ids and where answers disagree; `removed`: whom a round calls so."""
        ...

    def license_details(self, user_id: str) -> tuple[LicenseDetail, ...]:
        """Return what one user holds with the provisioning of each plan; raises NotFound for nobody."""
        ...

    def find_addresses(self, addresses: Sequence[str]) -> AddressLookup:
        """Return whose these are as sign-in name, mail or one of their other addresses; several users may have one."""
        ...

    def subscribed_skus(self) -> tuple[SkuRecord, ...]:
        """Return what the tenant owns."""
        ...

    def subscriptions(self) -> tuple[SubscriptionRecord, ...]:
        """Return the subscriptions; none where the service does not let us see them."""
        ...

    def licensing_groups(self) -> tuple[GroupRecord, ...]:
        """Return the groups that hand out licences."""
        ...

    def organization(self) -> OrganizationRecord | None:
        """Return the tenant's own facts; None where the service does not let us see them."""
        ...

    def apply(self, writes: Sequence[LicenseWrite]) -> tuple[WriteOutcome, ...]:
        """Send at most 20 users' licence changes in one call; one outcome per write, in order, no retries."""
        ...

    def set_usage_locations(self, writes: Sequence[LocationWrite]) -> tuple[WriteOutcome, ...]:
        """Send at most 20 usage locations in one call, like `apply`."""
        ...

    def reprocess(self, user_ids: Sequence[str]) -> tuple[WriteOutcome, ...]:
        """Have at most 20 users' licences by group judged anew in one call, like `apply`.

        REFUSED with Microsoft's words: that is what a path still fails for.
        """
        ...


class CustomerGateway(Protocol):
    """The partner's list of customers."""

    def customers(self) -> Iterator[tuple[CustomerRecord, ...]]:
        """Yield all customers by page."""
        ...


class TokenSource(Protocol):
    """Gives bearer tokens for one tenant at a time."""

    def token(self, tenant_id: str) -> str:
        """Return a token that is good for at least two minutes; raises AuthenticationFailed or Unavailable."""
        ...

    def forget(self, tenant_id: str, token: str) -> None:
        """Drop this token of the tenant: the service has refused it."""
        ...
