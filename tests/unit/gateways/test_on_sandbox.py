"""The whole gateway on the sandbox in process: what the client sends is what the stand-in for Microsoft accepts."""

from collections.abc import Callable
from typing import Any

import pytest

from licenses.core.diff import LicenseAdd
from licensing_portal.gateways.customers import GraphCustomers, OnlyCustomer
from licensing_portal.gateways.errors import AccessDenied, AuthenticationFailed, Throttled
from licensing_portal.gateways.graph import GraphDirectory
from licensing_portal.gateways.protocol import LicenseWrite, LocationWrite, OutcomeKind, SkuRecord, UserRecord
from licensing_portal.gateways.tokens import ClientCredentialsTokens
from licensing_portal.gateways.transport import Transport
from licensing_portal.sandbox import Sandbox
from tests.environment import SANDBOX
from tests.sandbox_session import new_session
from tests.unit.gateways.service import Clock, Half

DONE, REFUSED, THROTTLED, UNCLEAR = OutcomeKind.DONE, OutcomeKind.REFUSED, OutcomeKind.THROTTLED, OutcomeKind.UNCLEAR


def connect(tenant_id: str, clock: Clock) -> Transport:
    tokens = ClientCredentialsTokens(
        authority=f"{SANDBOX}/entra", client_id="tests", client_secret="tests", scope="s", session_factory=new_session
    )
    return Transport(
        base_url=f"{SANDBOX}/graph/v1.0",
        tenant_id=tenant_id,
        tokens=tokens,
        session_factory=new_session,
        sleep=clock.sleep,
        clock=clock,
        dice=Half(),
    )


@pytest.fixture
def graph(sandbox: Sandbox, clock: Clock) -> GraphDirectory:
    return GraphDirectory(connect(sandbox.story_tenant_id, clock))


def everybody(graph: GraphDirectory) -> list[UserRecord]:
    return [user for page in graph.users() for user in page.users]


def spare(graph: GraphDirectory) -> SkuRecord:
    """Return a product with free seats whose plans clash with nothing and need nothing."""
    return next(sku for sku in graph.subscribed_skus() if sku.part_number == "POWER_BI_PRO")


def lacking(graph: GraphDirectory, sku: SkuRecord, count: int) -> list[UserRecord]:
    found = [
        user
        for user in everybody(graph)
        if user.usage_location and sku.sku_id not in {path.sku_id for path in user.paths}
    ]
    return found[:count]


def test_users_are_found_by_every_kind_of_address(sandbox: Sandbox, graph: GraphDirectory) -> None:
    tenant = sandbox.tenant(sandbox.story_tenant_id)
    assert tenant is not None
    one, two, three = list(tenant.users.values())[:3]
    two.mail, three.other_addresses = "Another.Mail@x.example", ("smtp:O'Neil+old@x.example",)
    asked = [one.upn.upper(), "another.mail@X.example", "o'neil+OLD@x.example", "nobody@x.example"]
    found = graph.find_addresses(asked)
    assert {user_id: sorted(known) for user_id, known in found.addresses.items()} == {
        one.user_id: [one.upn.casefold()],
        two.user_id: ["another.mail@x.example"],
        three.user_id: ["o'neil+old@x.example"],
    }


def test_every_user_comes_once_over_several_pages(make_sandbox: Callable[..., Sandbox], clock: Clock) -> None:
    sandbox = make_sandbox(users=2_100)
    graph = GraphDirectory(connect(sandbox.tenants[1], clock))
    pages = list(graph.users())
    assert [len(page.users) for page in pages] == [999, 999, 102]
    tenant = sandbox.tenant(sandbox.tenants[1])
    assert tenant is not None
    assert {user.object_id for page in pages for user in page.users} == set(tenant.users)


def test_paths_are_those_of_the_directory(sandbox: Sandbox, graph: GraphDirectory) -> None:
    tenant = sandbox.tenant(sandbox.story_tenant_id)
    assert tenant is not None
    users = everybody(graph)
    assert any(path.via != "direct" for user in users for path in user.paths)
    for user in users:
        holds = {path.sku_id for path in user.paths if path.state.startswith("Active")}
        assert holds == set(tenant.held_skus(tenant.users[user.object_id]))


def test_users_by_id_are_the_same_records_as_in_the_list(sandbox: Sandbox, graph: GraphDirectory) -> None:
    users = everybody(graph)
    found = graph.users_by_id([user.object_id.upper() for user in users] + ["00000000-0000-0000-0000-000000000000"])
    assert found == {user.object_id: user for user in users}


def test_the_tenants_facts_are_read(graph: GraphDirectory) -> None:
    assert {sku.applies_to for sku in graph.subscribed_skus()} <= {"User", "Company"}
    assert graph.subscriptions()
    assert "全社員" in {group.display_name for group in graph.licensing_groups()}
    assert all(group.sku_ids for group in graph.licensing_groups())
    organization = graph.organization()
    assert organization is not None
    assert (organization.display_name, organization.country) == ("コントソ商事", "JP")


def test_customers_are_listed_with_their_relationship(sandbox: Sandbox, clock: Clock) -> None:
    ((*customers,),) = GraphCustomers(connect(sandbox.partner_tenant_id, clock)).customers()
    assert {record.tenant_id for record in customers} == set(sandbox.tenants)
    assert {record.relationship_status for record in customers} == {"active"}
    ((only,),) = OnlyCustomer(GraphDirectory(connect(sandbox.story_tenant_id, clock))).customers()
    assert only.name == "コントソ商事"


def test_licences_are_given_changed_and_taken(graph: GraphDirectory) -> None:
    sku = spare(graph)
    users = lacking(graph, sku, 3)
    plans = frozenset(plan.plan_id for plan in sku.plans[:1])
    for add, remove, direct in (
        ((LicenseAdd(sku_id=sku.sku_id, disabled=frozenset()),), (), frozenset[str]()),
        ((LicenseAdd(sku_id=sku.sku_id, disabled=plans),), (), plans),
        ((), (sku.sku_id,), None),
    ):
        outcomes = graph.apply([LicenseWrite(user_id=user.object_id, add=add, remove=remove) for user in users])
        assert [(outcome.kind, outcome.user_id) for outcome in outcomes] == [(DONE, user.object_id) for user in users]
        for user in graph.users_by_id([user.object_id for user in users]).values():
            disabled = {path.disabled for path in user.paths if path.sku_id == sku.sku_id and path.via == "direct"}
            assert disabled == (set() if direct is None else {direct})


def test_each_user_of_a_batch_is_judged_alone(graph: GraphDirectory) -> None:
    sku = spare(graph)
    (good,) = lacking(graph, sku, 1)
    outcomes = graph.apply(
        [
            LicenseWrite(user_id="no-such-user", add=(), remove=(sku.sku_id,)),
            LicenseWrite(user_id=good.object_id, add=(LicenseAdd(sku_id=sku.sku_id, disabled=frozenset()),), remove=()),
        ]
    )
    assert [(outcome.kind, outcome.status) for outcome in outcomes] == [(REFUSED, 404), (DONE, 200)]
    assert outcomes[0].code == "Request_ResourceNotFound"
    assert outcomes[0].request_id


def test_a_usage_location_is_set_and_a_wrong_one_refused(graph: GraphDirectory) -> None:
    one, two = everybody(graph)[:2]
    done, refused = graph.set_usage_locations(
        [
            LocationWrite(user_id=one.object_id, usage_location="US"),
            LocationWrite(user_id=two.object_id, usage_location="Japan"),
        ]
    )
    assert (done.kind, done.status, refused.kind, refused.status) == (DONE, 204, REFUSED, 400)
    assert graph.users_by_id([one.object_id])[one.object_id].usage_location == "US"


ASSIGN = "POST /graph/v1.0/users/*/assignLicense"
BATCH = "POST /graph/v1.0/$batch"


@pytest.mark.parametrize(
    ("fault", "kind", "happened"),
    [
        ({"match": ASSIGN, "status": 429, "headers": {"Retry-After": "2.128"}}, THROTTLED, False),
        ({"match": ASSIGN, "status": 409}, THROTTLED, False),
        ({"match": ASSIGN, "status": 504}, UNCLEAR, False),
        ({"match": ASSIGN, "status": 504, "after_commit": True}, UNCLEAR, True),
        ({"match": ASSIGN, "status": 401}, UNCLEAR, False),
        ({"match": BATCH, "status": 429, "headers": {"Retry-After": "9"}}, THROTTLED, False),
        ({"match": BATCH, "status": 503}, UNCLEAR, False),
        ({"match": BATCH, "status": 504, "after_commit": True}, UNCLEAR, True),
        ({"match": BATCH, "reset": "before"}, UNCLEAR, False),
        ({"match": BATCH, "reset": "after"}, UNCLEAR, True),
        ({"match": BATCH, "truncate": True}, UNCLEAR, True),
        ({"match": BATCH, "status": 200, "body": {"responses": []}, "after_commit": True}, UNCLEAR, True),
        ({"match": BATCH, "status": 401}, DONE, True),
    ],
    ids=lambda value: str(value),
)
def test_a_fault_in_a_write_is_told_for_what_it_is(
    sandbox: Sandbox, graph: GraphDirectory, fault: dict[str, Any], kind: OutcomeKind, happened: bool
) -> None:
    sku = spare(graph)
    (user,) = lacking(graph, sku, 1)
    sandbox.faults.add(fault)
    (outcome,) = graph.apply(
        [LicenseWrite(user_id=user.object_id, add=(LicenseAdd(sku_id=sku.sku_id, disabled=frozenset()),), remove=())]
    )
    assert outcome.kind == kind
    now = graph.users_by_id([user.object_id])[user.object_id]
    assert (sku.sku_id in {path.sku_id for path in now.paths}) is happened


@pytest.mark.parametrize(
    "fault",
    [
        {"match": "GET /graph/v1.0/users", "status": 429, "headers": {"Retry-After": "3"}, "times": 3},
        {"match": "GET /graph/v1.0/users", "status": 503, "times": 2},
        {"match": "GET /graph/v1.0/users", "reset": "before", "times": 2},
        {"match": "GET /graph/v1.0/users", "truncate": True},
        {"match": "GET /graph/v1.0/users", "status": 401},
        {"match": "GET /graph/v1.0/users", "status": 200, "body": "<html>"},
    ],
    ids=str,
)
def test_faults_in_reads_are_outlasted(sandbox: Sandbox, graph: GraphDirectory, fault: dict[str, Any]) -> None:
    expected = everybody(graph)
    sandbox.faults.add(fault)
    assert everybody(graph) == expected
    sandbox.faults.add({**fault, "skip": 2})
    assert graph.users_by_id([user.object_id for user in expected]) == {user.object_id: user for user in expected}


def test_only_the_throttled_clauses_are_read_again(sandbox: Sandbox, graph: GraphDirectory, clock: Clock) -> None:
    ids = [user.object_id for user in everybody(graph)]
    sandbox.journal.clear()
    sandbox.faults.add({"match": "GET /graph/v1.0/users", "status": 429, "headers": {"Retry-After": "4"}, "times": 2})
    assert len(graph.users_by_id(ids)) == len(ids)
    counts = sandbox.journal.show()["counts"]
    clauses = -(-len(ids) // 15)
    assert (counts["POST /graph/v1.0/$batch"], counts["GET /graph/v1.0/users"]) == (2, clauses + 2)
    assert clock.slept == [4.5]


def test_a_service_that_stays_busy_says_how_long(sandbox: Sandbox, graph: GraphDirectory) -> None:
    sandbox.faults.add(
        {"match": "GET /graph/v1.0/subscribedSkus", "status": 429, "headers": {"Retry-After": "600"}, "times": 9}
    )
    with pytest.raises(Throttled) as caught:
        graph.subscribed_skus()
    assert caught.value.retry_after == 600.0
    assert caught.value.request_id


def test_an_ended_relationship_is_told_apart_from_a_bad_token(sandbox: Sandbox, graph: GraphDirectory) -> None:
    users = everybody(graph)
    tenant = sandbox.tenant(sandbox.story_tenant_id)
    assert tenant is not None
    tenant.relationship = "terminated"
    with pytest.raises(AccessDenied):
        graph.subscribed_skus()
    with pytest.raises(AccessDenied):
        graph.users_by_id([users[0].object_id])


def test_an_unknown_tenant_gets_no_token(sandbox: Sandbox, clock: Clock) -> None:
    stranger = GraphDirectory(connect("00000000-0000-0000-0000-000000000000", clock))
    with pytest.raises(AuthenticationFailed) as caught:
        stranger.subscribed_skus()
    assert "AADSTS90002" in caught.value.message
