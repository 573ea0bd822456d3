"""Microsoft Graph v1.0 behind our two gateways (graph-api.md, section 2)."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Final
from urllib.parse import quote

from licensing_portal.gateways import batch, delta, records
from licensing_portal.gateways.answers import Json
from licensing_portal.gateways.errors import AccessDenied, GatewayError, LinkExpired, NotFound, Rejected
from licensing_portal.gateways.protocol import (
    CustomerRecord,
    DeltaRound,
    GroupRecord,
    LicenseWrite,
    LocationWrite,
    OrganizationRecord,
    SkuRecord,
    SubscriptionRecord,
    UserPage,
    UserRecord,
    WriteOutcome,
)
from licensing_portal.gateways.transport import Transport, is_below, page_values

# Graph's own limits: ids of one `in`, and the largest page of users.
IDS_A_CLAUSE: Final = 15
USERS_A_PAGE: Final = 999
# Needed by queries that count or search; it must go with every page (graph-api.md 2.1).
ADVANCED: Final = {"ConsistencyLevel": "eventual"}
_REFUSALS = (AccessDenied, NotFound, Rejected)


class GraphDirectory:
    """One customer tenant's directory over Graph."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.tenant_id = transport.tenant_id

    def users(self, start: str = "") -> Iterator[UserPage]:
        """Yield all users by page, or those from a link on; a page size that is refused is left to the service."""
        pages = self._user_pages(start)
        seen: set[str] = set()
        for page in pages:
            found = records.read_all(page_values(page, "/users"), records.user, "GET /users")
            # A user who moves between pages while we read may come twice.
            fresh = {user.object_id: user for user in found if user.object_id not in seen}
            seen.update(fresh)
            yield UserPage(users=tuple(fresh.values()), following=self._transport.next_path(page, "/users") or "")

    def _user_pages(self, start: str) -> Iterator[Json]:
        """Return the pages as they came; the first one is already asked for."""
        path = start or f"/users?$select={records.USER_PROPERTIES}&$top={USERS_A_PAGE}"
        if start and not is_below(self._transport.base_url, start):
            raise LinkExpired("GET /users", message="the link is of another root")
        pages = self._transport.whole_pages(path)
        try:
            first = next(pages)
        except (NotFound, Rejected) as error:
            if start:
                raise LinkExpired.after(error) from None
            if not isinstance(error, Rejected) or "page size" not in error.message.casefold():
                raise
            pages = self._transport.whole_pages(f"/users?$select={records.USER_PROPERTIES}")
            first = next(pages)
        return itertools.chain([first], _following(pages))

    def delta_link(self) -> str:
        """Return the link for a round of what changes from now on; empty where the service has none."""
        return delta.link_from_now(self._transport)

    def changed_users(self, link: str) -> DeltaRound:
        """Return who changed since the link was given out; raises LinkExpired when all must be read anew."""
        return delta.changed_users(self._transport, link)

    def users_by_id(self, user_ids: Sequence[str]) -> dict[str, UserRecord]:
        """Return the users that exist among these ids: 15 ids a clause, 20 clauses a call."""
        ids = list(dict.fromkeys(user_id.lower() for user_id in user_ids))
        clauses = [_by_ids(ids[start : start + IDS_A_CLAUSE]) for start in range(0, len(ids), IDS_A_CLAUSE)]
        found: dict[str, UserRecord] = {}
        for start in range(0, len(clauses), batch.SIZE):
            for path, page in zip(
                clauses[start : start + batch.SIZE],
                batch.read(self._transport, clauses[start : start + batch.SIZE]),
                strict=True,
            ):
                self._add_users(page, path, found)
        return {user_id: found[user_id] for user_id in ids if user_id in found}

    def _add_users(self, page: object, path: str, found: dict[str, UserRecord]) -> None:
        """Add the users of a part and of the pages that follow it."""
        values = page_values(page, path)
        following = self._transport.next_path(page, path)
        lists = [values, *(self._transport.pages(following) if following else ())]
        for entries in lists:
            users = records.read_all(entries, records.user, "GET /users")
            found.update((user.object_id, user) for user in users)

    def subscribed_skus(self) -> tuple[SkuRecord, ...]:
        """Return what the tenant owns."""
        return tuple(
            sku
            for page in self._transport.pages("/subscribedSkus")
            for sku in records.read_all(page, records.sku, "GET /subscribedSkus")
        )

    def subscriptions(self) -> tuple[SubscriptionRecord, ...]:
        """Return the subscriptions; none where the right to see them is missing."""
        path = "/directory/subscriptions"
        try:
            return tuple(
                entry
                for page in self._transport.pages(path)
                for entry in records.read_all(page, records.subscription, f"GET {path}")
            )
        except _REFUSALS:
            return ()

    def licensing_groups(self) -> tuple[GroupRecord, ...]:
        """Return the groups that hand out licences; where counting is refused, all groups are looked through."""
        properties = "$select=id,displayName,assignedLicenses"
        counted = f"/groups?$filter={quote('assignedLicenses/$count ne 0', safe='/$')}&$count=true&{properties}"
        for path, headers in ((counted, ADVANCED), (f"/groups?{properties}", {})):
            try:
                found = self._groups(path, headers)
            except _REFUSALS:
                continue
            return tuple(group for group in found if group.sku_ids)
        return ()

    def _groups(self, path: str, headers: dict[str, str]) -> tuple[GroupRecord, ...]:
        return tuple(
            group
            for page in self._transport.pages(path, headers=headers)
            for group in records.read_all(page, records.group, "GET /groups")
        )

    def organization(self) -> OrganizationRecord | None:
        """Return the tenant's own facts, or None where they may not be seen."""
        try:
            page = self._transport.get("/organization")
        except _REFUSALS:
            return None
        found = records.read_all(page_values(page, "/organization"), records.organization, "GET /organization")
        return next(iter(found), None)

    def apply(self, writes: Sequence[LicenseWrite]) -> tuple[WriteOutcome, ...]:
        """Send one assignLicense per user in one batch, all parallel: one bad user must not fail the others."""
        return batch.write(
            self._transport,
            [
                batch.Write(
                    item.user_id,
                    "POST",
                    f"/users/{quote(item.user_id, safe='')}/assignLicense",
                    {
                        "addLicenses": [
                            {"skuId": add.sku_id, "disabledPlans": sorted(add.disabled)} for add in item.add
                        ],
                        "removeLicenses": list(item.remove),
                    },
                )
                for item in writes
            ],
        )

    def set_usage_locations(self, writes: Sequence[LocationWrite]) -> tuple[WriteOutcome, ...]:
        """Send one PATCH per user in one batch."""
        return batch.write(
            self._transport,
            [
                batch.Write(
                    item.user_id,
                    "PATCH",
                    f"/users/{quote(item.user_id, safe='')}",
                    {"usageLocation": item.usage_location},
                )
                for item in writes
            ],
        )


class OnlyCustomer:
    """The customer list of a stand-in that has just one tenant."""

    def __init__(self, directory: GraphDirectory) -> None:
        self._directory = directory

    def customers(self) -> Iterator[tuple[CustomerRecord, ...]]:
        """Yield the one tenant, by its own name where it tells one."""
        tenant_id = self._directory.tenant_id
        facts = self._directory.organization()
        name = facts.display_name if facts and facts.display_name else tenant_id
        domain = facts.default_domain if facts else ""
        yield (CustomerRecord(tenant_id=tenant_id, name=name, default_domain=domain, relationship_status="active"),)


class GraphCustomers:
    """The partner's customers: contracts, delegated admin customers and their relationships."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def customers(self) -> Iterator[tuple[CustomerRecord, ...]]:
        """Yield all customers with the state of their relationship; what one list lacks is filled from the others."""
        relationships = self._relationships()
        customers = {record.tenant_id: record for record in self._known()}
        yield tuple(_with_relationship(record, relationships) for record in customers.values())

    def _known(self) -> list[CustomerRecord]:
        """Return customers of both lists, each of which may lack some; raises when neither may be seen."""
        lists: tuple[tuple[str, Callable[[Json], CustomerRecord]], ...] = (
            ("/tenantRelationships/delegatedAdminCustomers?$top=300", records.delegated_customer),
            # Last, for a contract knows the domain too.
            ("/contracts", records.contract),
        )
        found: list[CustomerRecord] = []
        refusals: list[GatewayError] = []
        for path, read in lists:
            try:
                found += self._read(path, read)
            except _REFUSALS as error:
                refusals.append(error)
        if len(refusals) == len(lists):
            raise refusals[0]
        return found

    def _relationships(self) -> dict[str, CustomerRecord] | None:
        """Return the best relationship per tenant, or None where they may not be seen."""
        path = "/tenantRelationships/delegatedAdminRelationships?$top=300"
        try:
            found = self._read(path, records.relationship)
        except _REFUSALS:
            return None
        # A relationship that was only drafted has no customer yet.
        return {record.tenant_id: record for record in sorted(found, key=_worth) if record.tenant_id}

    def _read(self, path: str, read: Callable[[Json], CustomerRecord]) -> tuple[CustomerRecord, ...]:
        return tuple(
            record
            for page in self._transport.pages(path)
            for record in records.read_all(page, read, f"GET {path.partition('?')[0]}")
        )


def _following(pages: Iterator[Json]) -> Iterator[Json]:
    """Yield the pages after the first; a refusal there concerns a link that the service itself gave out."""
    try:
        yield from pages
    except (NotFound, Rejected) as error:
        raise LinkExpired.after(error) from None


def _by_ids(ids: Sequence[str]) -> str:
    """Return the address that reads these users; quotes inside an id are doubled as OData wants."""
    listed = ",".join("'" + user_id.replace("'", "''") + "'" for user_id in ids)
    condition = quote(f"id in ({listed})", safe="'(),")
    return f"/users?$filter={condition}&$select={records.USER_PROPERTIES}&$top={IDS_A_CLAUSE}"


def _worth(record: CustomerRecord) -> tuple[bool, bool, str]:
    """Order relationships: active ones last, of those the one that lasts longest."""
    status = record.relationship_status
    ends = record.relationship_ends_at.isoformat() if record.relationship_ends_at else ""
    return status == "active", status in ("active", "expiring"), ends


def _with_relationship(record: CustomerRecord, known: dict[str, CustomerRecord] | None) -> CustomerRecord:
    """Add the relationship's state: "none" when the list was read and has none, empty when it could not be read."""
    if known is None:
        return record
    found = known.get(record.tenant_id)
    return CustomerRecord(
        tenant_id=record.tenant_id,
        name=record.name or (found.name if found else "") or record.tenant_id,
        default_domain=record.default_domain,
        relationship_status=found.relationship_status if found else "none",
        relationship_ends_at=found.relationship_ends_at if found else None,
    )
