"""The partner's customers on a scripted Graph: three lists, any of which may be refused."""

import pytest

from licensing_portal.gateways.customers import GraphCustomers, OnlyCustomer
from licensing_portal.gateways.errors import AccessDenied, Unavailable
from licensing_portal.gateways.graph import GraphDirectory
from licensing_portal.gateways.protocol import CustomerRecord
from licensing_portal.gateways.transport import Transport
from tests.unit.gateways import samples
from tests.unit.gateways.service import TENANT, Service


@pytest.fixture
def customers(transport: Transport) -> GraphCustomers:
    return GraphCustomers(transport)


def lists(service: Service, *answers: str | int) -> None:
    """Prepare the answers to relationships, delegated customers and contracts: a sample, or a refusal."""
    for answer in answers:
        if isinstance(answer, int):
            service.answers(status=answer)
        else:
            service.answers(samples.raw(answer))


def listed(customers: GraphCustomers) -> dict[str, CustomerRecord]:
    return {record.name: record for page in customers.customers() for record in page}


def test_customers_of_both_lists_get_their_best_relationship(customers: GraphCustomers, service: Service) -> None:
    lists(service, "relationships.json", "delegated_customers.json", "contracts.json")
    found = listed(customers)
    assert set(found) == {"Contoso", "Fabrikam"}
    contoso, fabrikam = found["Contoso"], found["Fabrikam"]
    assert (contoso.default_domain, contoso.relationship_status) == ("contoso.com", "active")
    assert contoso.relationship_ends_at is not None
    assert contoso.relationship_ends_at.year == 2027
    assert (fabrikam.relationship_status, fabrikam.relationship_ends_at) == ("expiring", None)


def test_a_customer_without_a_relationship_has_none(customers: GraphCustomers, service: Service) -> None:
    service.answers({"value": []})
    lists(service, "delegated_customers.json", "contracts.json")
    found = listed(customers)
    assert found["Contoso"].relationship_status == "none"
    assert "331af819-4e0b-49f7-a6bf-14e1165ad3a0" in found


def test_relationships_that_may_not_be_seen_are_not_guessed(customers: GraphCustomers, service: Service) -> None:
    lists(service, 403, "delegated_customers.json", "contracts.json")
    assert listed(customers)["Contoso"].relationship_status == ""


@pytest.mark.parametrize("answers", [("delegated_customers.json", 404), (403, "contracts.json")])
def test_one_readable_list_of_customers_is_enough(
    customers: GraphCustomers, service: Service, answers: tuple[str | int, str | int]
) -> None:
    lists(service, "relationships.json", *answers)
    assert TENANT in {record.tenant_id for record in listed(customers).values()}


def test_no_readable_list_is_an_error_and_not_a_partner_without_customers(
    customers: GraphCustomers, service: Service
) -> None:
    lists(service, "relationships.json", 403, 404)
    with pytest.raises(AccessDenied):
        listed(customers)


def test_a_list_that_cannot_be_had_now_is_an_error(customers: GraphCustomers, service: Service) -> None:
    lists(service, "relationships.json", "delegated_customers.json")
    for _ in range(6):
        service.answers(status=503)
    with pytest.raises(Unavailable):
        listed(customers)


def test_the_only_customer_is_named_by_itself_where_it_can(directory: GraphDirectory, service: Service) -> None:
    service.answers(samples.raw("organization.json"))
    service.answers(status=404)
    only = OnlyCustomer(directory)
    ((named,),) = only.customers()
    ((unnamed,),) = only.customers()
    assert (named.name, named.default_domain, named.relationship_status) == (
        "コントソ商事",
        "contoso.example",
        "active",
    )
    assert (unnamed.tenant_id, unnamed.name, unnamed.default_domain) == (TENANT, TENANT, "")
