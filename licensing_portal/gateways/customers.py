"""The partner's list of customers behind our gateway: Graph's lists of them, or a stand-in's one (graph-api.md 2.9)."""

from collections.abc import Callable, Iterator

from licensing_portal.gateways import records
from licensing_portal.gateways.answers import Json
from licensing_portal.gateways.errors import REFUSALS, GatewayError
from licensing_portal.gateways.graph import GraphDirectory
from licensing_portal.gateways.protocol import CustomerRecord
from licensing_portal.gateways.transport import Transport


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
            except REFUSALS as error:
                refusals.append(error)
        if len(refusals) == len(lists):
            raise refusals[0]
        return found

    def _relationships(self) -> dict[str, CustomerRecord] | None:
        """Return the best relationship per tenant, or None where they may not be seen."""
        path = "/tenantRelationships/delegatedAdminRelationships?$top=300"
        try:
            found = self._read(path, records.relationship)
        except REFUSALS:
            return None
        # A relationship that was only drafted has no customer yet.
        return {record.tenant_id: record for record in sorted(found, key=_worth) if record.tenant_id}

    def _read(self, path: str, read: Callable[[Json], CustomerRecord]) -> tuple[CustomerRecord, ...]:
        return tuple(
            record
            for page in self._transport.pages(path)
            for record in records.read_all(page, read, f"GET {path.partition('?')[0]}")
        )


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
