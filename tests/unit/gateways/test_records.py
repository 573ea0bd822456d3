"""Graph's JSON becomes our values, or is refused as a whole; nothing else ever comes out."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licensing_portal.gateways import records
from licensing_portal.gateways.errors import Unreadable
from licensing_portal.gateways.protocol import (
    AssignmentPath,
    CustomerRecord,
    GroupRecord,
    OrganizationRecord,
    PlanRecord,
    SkuRecord,
    SubscriptionRecord,
    UserRecord,
)
from tests.unit.gateways import samples

E5 = "6fd2c87f-b296-42f0-b197-1e91e994b900"
YAMMER = "7547a3fe-08ee-4ccb-b430-5077c5041653"
READERS = {
    "users_page.json": records.user,
    "users_odd.json": records.user,
    "subscribed_skus.json": records.sku,
    "subscriptions.json": records.subscription,
    "groups.json": records.group,
    "organization.json": records.organization,
    "contracts.json": records.contract,
    "delegated_customers.json": records.delegated_customer,
    "relationships.json": records.relationship,
}


def test_documented_user_is_read_whole() -> None:
    assert records.read_all(samples.values("users_page.json"), records.user, "GET /users") == (
        UserRecord(
            object_id="87d349ed-44d7-43e1-9a83-5f2406dee5bd",
            user_principal_name="AdeleV@contoso.onmicrosoft.com",
            display_name="Adele Vance",
            mail="AdeleV@contoso.onmicrosoft.com",
            usage_location="JP",
            department="Retail",
            job_title="Retail Manager",
            paths=(
                AssignmentPath(
                    sku_id=E5,
                    via="direct",
                    disabled=frozenset({YAMMER}),
                    state="Active",
                    error=None,
                    updated_at=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
                ),
            ),
        ),
    )


def test_ids_and_words_in_odd_letter_case_come_out_in_ours() -> None:
    user = records.user(samples.values("users_odd.json")[0])
    assert user.object_id == "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
    assert (user.user_type, user.usage_location, user.enabled, user.on_premises) == ("Guest", "JP", False, True)
    assert user.display_name == "佐藤　優子"
    by_group, direct, unknown, assigned_only = user.paths
    assert (by_group.sku_id, by_group.via) == (E5, "e5fe19bb-a11b-4a55-ae5f-2b4d2fe4e2b0")
    assert (by_group.state, by_group.error) == ("ActiveWithError", "CountViolation")
    assert by_group.updated_at == datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)
    assert (direct.via, direct.state, direct.error, direct.updated_at) == ("direct", "Error", None, None)
    assert (unknown.state, unknown.error, unknown.updated_at) == ("Brand New State", None, None)
    assert assigned_only == AssignmentPath(
        sku_id="c7df2760-2c81-4ef7-b578-5b5392b571df", via="direct", disabled=frozenset({YAMMER})
    )


def test_user_with_nothing_but_a_name_is_an_enabled_member_without_licences() -> None:
    user = records.user(samples.values("users_odd.json")[1])
    assert user == UserRecord(
        object_id="626cbf8c-5dde-46b0-8385-9e40d64736fe",
        user_principal_name="nobody@contoso.example",
        display_name="nobody@contoso.example",
    )


@pytest.mark.parametrize("error", ["None", "none", "", None])
def test_every_way_to_say_no_error_is_none(error: str | None) -> None:
    path = {"skuId": E5, "error": error}
    assert records.user({"id": "u", "licenseAssignmentStates": [path]}).paths[0].error is None


def test_unknown_error_keeps_its_word() -> None:
    path = {"skuId": E5, "error": "BrandNewViolation"}
    assert records.user({"id": "u", "licenseAssignmentStates": [path]}).paths[0].error == "BrandNewViolation"


def test_skus_are_read_with_units_and_plans() -> None:
    premium, company = records.read_all(samples.values("subscribed_skus.json"), records.sku, "GET /subscribedSkus")
    assert premium == SkuRecord(
        sku_id="c7df2760-2c81-4ef7-b578-5b5392b571df",
        part_number="ENTERPRISEPREMIUM",
        applies_to="User",
        capability_status="Enabled",
        enabled=25,
        warning=2,
        suspended=1,
        locked_out=3,
        consumed=14,
        subscription_ids=("860697e3-b0aa-4196-a6c6-7ec361ed58f7",),
        plans=(
            PlanRecord(
                plan_id="8c098270-9dd4-4350-9b30-ba4703f3b36b",
                name="ADALLOM_S_O365",
                applies_to="User",
                provisioning_status="Success",
            ),
        ),
    )
    assert (company.applies_to, company.capability_status) == ("Company", "LockedOut")
    assert (company.enabled, company.consumed, company.plans, company.subscription_ids) == (0, 0, (), ())


def test_subscription_is_read_and_the_end_of_the_calendar_is_no_date() -> None:
    first, endless = records.read_all(samples.values("subscriptions.json"), records.subscription, "GET /s")
    assert first == SubscriptionRecord(
        subscription_id="860697e3-b0aa-4196-a6c6-7ec361ed58f7",
        commerce_subscription_id="f9c1ea2d-2c6e-4717-8c3b-7130812d70ba",
        sku_id="0816ccb9-3785-4d19-bf78-6c53e2106509",
        status="Enabled",
        total_licenses=25,
        is_trial=False,
        next_lifecycle_at=datetime(2023, 2, 1, tzinfo=UTC),
        owner_tenant_id="331af819-4e0b-49f7-a6bf-14e1165ad3a0",
        created_at=datetime(2023, 1, 1, tzinfo=UTC),
    )
    assert (endless.next_lifecycle_at, endless.status, endless.owner_tenant_id) == (None, "", "")


def test_group_and_organization_are_read() -> None:
    group = records.group(samples.values("groups.json")[0])
    assert group == GroupRecord(object_id="e5fe19bb-a11b-4a55-ae5f-2b4d2fe4e2b0", display_name="全社員", sku_ids=(E5,))
    assert records.organization(samples.values("organization.json")[0]) == OrganizationRecord(
        tenant_id="48a80680-7326-48cd-9935-b556b81d3a4e",
        display_name="コントソ商事",
        country="JP",
        domains=("contoso.onmicrosoft.com", "contoso.example"),
        default_domain="contoso.example",
    )


def test_organization_without_a_default_domain_takes_the_first() -> None:
    found = records.organization({"id": "t", "verifiedDomains": [{"name": "a.example"}, {"name": "b.example"}]})
    assert found.default_domain == "a.example"
    assert records.organization({"id": "t"}).default_domain == ""


def test_customers_are_read_from_all_three_lists() -> None:
    tenant = "48a80680-7326-48cd-9935-b556b81d3a4e"
    assert records.contract(samples.values("contracts.json")[0]) == CustomerRecord(
        tenant_id=tenant, name="Contoso", default_domain="contoso.com"
    )
    assert records.delegated_customer(samples.values("delegated_customers.json")[0]).name == "Contoso Inc"
    long = records.relationship(samples.values("relationships.json")[2])
    assert (long.tenant_id, long.relationship_status) == (tenant, "active")
    assert long.relationship_ends_at == datetime(2027, 6, 1, tzinfo=UTC)
    assert records.relationship(samples.values("relationships.json")[3]).tenant_id == ""


def test_a_time_without_a_zone_is_utc() -> None:
    found = records.relationship({"endDateTime": "2025-01-06T12:25:59"})
    assert found.relationship_ends_at == datetime(2025, 1, 6, 12, 25, 59, tzinfo=UTC)


def test_text_is_cut_at_its_documented_length_and_cleaned() -> None:
    user = records.user({"id": "u", "userPrincipalName": "u@x", "displayName": "a\x00" * 500, "mail": "m" * 999})
    assert len(user.display_name) <= 256
    assert "\x00" not in user.display_name
    assert len(user.mail) == 320


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "user",
        [],
        7,
        {},
        {"id": None},
        {"id": 5},
        {"id": "x" * 37},
        {"id": "u", "displayName": 7},
        {"id": "u", "accountEnabled": "yes"},
        {"id": "u", "assignedLicenses": {}},
        {"id": "u", "assignedLicenses": [None]},
        {"id": "u", "assignedLicenses": [{"disabledPlans": []}]},
        {"id": "u", "assignedLicenses": [{"skuId": E5, "disabledPlans": [None]}]},
        {"id": "u", "licenseAssignmentStates": [{"skuId": E5, "assignedByGroup": 1}]},
        {"id": "u", "licenseAssignmentStates": [{"skuId": E5, "state": {}}]},
    ],
    ids=repr,
)
def test_a_user_of_broken_types_is_unreadable(broken: Any) -> None:
    with pytest.raises(Unreadable) as caught:
        records.read_all([broken], records.user, "GET /users")
    assert caught.value.operation == "GET /users"


@pytest.mark.parametrize(
    "change",
    [
        {"consumedUnits": "14"},
        {"consumedUnits": True},
        {"consumedUnits": 1e999},
        {"prepaidUnits": [1]},
        {"subscriptionIds": [5]},
        {"servicePlans": [{}]},
    ],
    ids=repr,
)
def test_a_sku_of_broken_types_is_unreadable(change: dict[str, Any]) -> None:
    broken = {**samples.values("subscribed_skus.json")[0], **change}
    with pytest.raises(Unreadable):
        records.read_all([broken], records.sku, "GET /subscribedSkus")


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in _places(item, (*path, key)))]


_ODD_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=500)
@given(st.data())
def test_a_mutated_answer_is_read_or_unreadable_never_another_error(draw: st.DataObject) -> None:
    name = draw.draw(st.sampled_from(sorted(READERS)))
    values: Any = copy.deepcopy(samples.values(name))
    place = draw.draw(st.sampled_from(_places(values)[1:]))
    holder = values
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = draw.draw(_ODD_JSON)
    try:
        found = records.read_all(values, READERS[name], "GET")
    except Unreadable:
        return
    assert len(found) == len(values)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("active", "active"),
        ("Active", "active"),
        ("TERMINATIONREQUESTED", "terminationRequested"),
        ("newWord", "newWord"),
    ],
)
def test_the_state_of_a_relationship_is_read_in_any_letters(status: str, expected: str) -> None:
    customer = {"tenantId": "T", "displayName": "x"}
    assert records.relationship({"id": "r", "status": status, "customer": customer}).relationship_status == expected
