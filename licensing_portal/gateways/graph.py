"""Microsoft Graph v1.0 behind our two gateways (graph-api.md, section 2)."""

import itertools
from collections.abc import Collection, Iterator, Sequence
from typing import Final
from urllib.parse import quote

from licensing_portal.gateways import addresses as by_address
from licensing_portal.gateways import batch, delta, records
from licensing_portal.gateways.answers import Json
from licensing_portal.gateways.clauses import ADVANCED, IDS_A_CLAUSE, is_one_of
from licensing_portal.gateways.errors import REFUSALS, LinkExpired, NotFound, Rejected, Unreadable
from licensing_portal.gateways.links import is_below
from licensing_portal.gateways.protocol import (
    AddressLookup,
    DeltaRound,
    GroupRecord,
    LicenseDetail,
    LicenseWrite,
    LocationWrite,
    OrganizationRecord,
    SkuRecord,
    SubscriptionRecord,
    UserLookup,
    UserPage,
    UserRecord,
    WriteOutcome,
)
from licensing_portal.gateways.transport import Transport, page_values

# The largest page of users.
USERS_A_PAGE: Final = 999

# Users by id; None: they exist, but their entry cannot be read.
type _Found = dict[str, UserRecord | None]


class GraphDirectory:
    """One customer tenant's directory over Graph."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.tenant_id = transport.tenant_id

    def users(self, start: str = "") -> Iterator[UserPage]:
        """Yield all users by page, or those from a link on; a page size that is refused is left to the service.

        Who cannot be read is passed over.
        """
        pages = self._user_pages(start)
        seen: set[str] = set()
        for page in pages:
            found, _ = records.read_users(page_values(page, "/users"), "GET /users")
            # A user who moves between pages while we read may come twice.
            fresh = {user_id: user for user_id, user in found.items() if user_id not in seen}
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
        found = self.look_up(user_ids)
        if found.unreadable:
            raise Unreadable("GET /users", message="a user is not as documented")
        return found.users

    def look_up(self, user_ids: Sequence[str], *, removed: Collection[str] = ()) -> UserLookup:
        """Return the users that exist among these ids, and those of whom two answers say different things.

        A list that leaves somebody out is not believed alone: each one left out is asked for by an own address, but
        for those whom a round called `removed`.
        """
        ids = list(dict.fromkeys(user_id.lower() for user_id in user_ids))
        listed = self._listed(ids)
        single = self._one_by_one([user_id for user_id in ids if user_id not in listed and user_id not in removed])
        found = listed | single
        return UserLookup(
            users={user_id: user for user_id in ids if (user := found.get(user_id)) is not None},
            contradicted=frozenset(single) | listed.keys() & frozenset(removed),
            unreadable=frozenset(user_id for user_id in ids if user_id in found and found[user_id] is None),
        )

    def _listed(self, ids: Sequence[str]) -> _Found:
        """Return those users whom lists by id show."""
        clauses = [_by_ids(ids[start : start + IDS_A_CLAUSE]) for start in range(0, len(ids), IDS_A_CLAUSE)]
        found: _Found = {}
        for start in range(0, len(clauses), batch.SIZE):
            some = clauses[start : start + batch.SIZE]
            for path, page in zip(some, batch.read(self._transport, some), strict=True):
                self._add_users(page, path, found)
        return found

    def _add_users(self, page: object, path: str, found: _Found) -> None:
        """Add the users of a part and of the pages that follow it."""
        values = page_values(page, path)
        following = self._transport.next_path(page, path)
        lists = [values, *(self._transport.pages(following) if following else ())]
        for entries in lists:
            users, odd = records.read_users(entries, "GET /users")
            found.update(users)
            found.update(dict.fromkeys(odd))

    def _one_by_one(self, ids: Sequence[str]) -> _Found:
        """Return those users whose own address is not answered with 404."""
        found: _Found = {}
        for start in range(0, len(ids), batch.SIZE):
            some = ids[start : start + batch.SIZE]
            paths = [f"/users/{quote(user_id, safe='')}?$select={records.USER_PROPERTIES}" for user_id in some]
            for user_id, entry in zip(some, batch.read(self._transport, paths, may_lack=True), strict=True):
                if entry is not None:
                    users, _ = records.read_users([entry], "GET /users/{id}")
                    # An answer about somebody else leaves this one unread.
                    found[user_id] = users.get(user_id)
        return found

    def license_details(self, user_id: str) -> tuple[LicenseDetail, ...]:
        """Return what one user holds with the provisioning of each plan (graph-api.md 2.5)."""
        return tuple(
            detail
            for page in self._transport.pages(f"/users/{quote(user_id, safe='')}/licenseDetails")
            for detail in records.read_all(page, records.license_detail, "GET /users/{id}/licenseDetails")
        )

    def find_addresses(self, addresses: Sequence[str]) -> AddressLookup:
        """Return whose these are as sign-in name, mail or one of their other addresses."""
        return by_address.find(self._transport, addresses)

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
        except REFUSALS:
            return ()

    def licensing_groups(self) -> tuple[GroupRecord, ...]:
        """Return the groups that hand out licences; where counting is refused, all groups are looked through."""
        properties = "$select=id,displayName,assignedLicenses"
        counted = f"/groups?$filter={quote('assignedLicenses/$count ne 0', safe='/$')}&$count=true&{properties}"
        for path, headers in ((counted, ADVANCED), (f"/groups?{properties}", {})):
            try:
                found = self._groups(path, headers)
            except REFUSALS:
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
        except REFUSALS:
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

    def reprocess(self, user_ids: Sequence[str]) -> tuple[WriteOutcome, ...]:
        """Send one reprocessLicenseAssignment per user in one batch (graph-api.md 2.7)."""
        return batch.write(
            self._transport,
            [
                batch.Write(user_id, "POST", f"/users/{quote(user_id, safe='')}/reprocessLicenseAssignment", {})
                for user_id in user_ids
            ],
        )


def _following(pages: Iterator[Json]) -> Iterator[Json]:
    """Yield the pages after the first; a refusal there concerns a link that the service itself gave out."""
    try:
        yield from pages
    except (NotFound, Rejected) as error:
        raise LinkExpired.after(error) from None


def _by_ids(ids: Sequence[str]) -> str:
    """Return the address that reads these users."""
    return f"/users?$filter={is_one_of('id', ids)}&$select={records.USER_PROPERTIES}&$top={IDS_A_CLAUSE}"
