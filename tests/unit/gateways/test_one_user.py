"""What is asked of Microsoft about one user: the state of their plans, and what groups give judged anew."""

import pytest

from licensing_portal.gateways.errors import NotFound, Unreadable
from licensing_portal.gateways.graph import GraphDirectory
from licensing_portal.gateways.protocol import LicenseDetail, OutcomeKind, PlanRecord
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.catalog import plan_id, sku_id
from licensing_portal.sandbox.story import SECURITY, user_id
from tests.unit.gateways.service import ROOT, Clock, Service
from tests.unit.gateways.test_on_sandbox import connect

E5, P2, TEAMS = sku_id("SPE_E5"), sku_id("AAD_PREMIUM_P2"), plan_id("TEAMS1")


def _detail(number: int, status: str = "Success") -> dict[str, object]:
    plan = {"servicePlanId": f"PLAN-{number}", "servicePlanName": "TEAMS1", "provisioningStatus": status}
    return {"id": "x", "skuId": f"SKU-{number}", "skuPartNumber": "P", "servicePlans": [{**plan, "appliesTo": "User"}]}


def test_details_are_read_page_by_page(directory: GraphDirectory, service: Service) -> None:
    service.answers({"value": [_detail(1)], "@odata.nextLink": f"{ROOT}/users/u/licenseDetails?$skiptoken=2"})
    service.answers({"value": [_detail(2, "pendingprovisioning")]})
    assert directory.license_details("a/b") == tuple(
        LicenseDetail(
            sku_id=f"sku-{number}",
            plans=(PlanRecord(plan_id=f"plan-{number}", name="TEAMS1", applies_to="User", provisioning_status=status),),
        )
        for number, status in ((1, "Success"), (2, "PendingProvisioning"))
    )
    assert service.calls[0].path.endswith("/users/a/b/licenseDetails")


def test_odd_details_are_unreadable(directory: GraphDirectory, service: Service) -> None:
    service.answers({"value": [{"skuId": 4}]})
    with pytest.raises(Unreadable):
        directory.license_details("u")


def test_reprocess_is_one_batch(directory: GraphDirectory, service: Service) -> None:
    refused = {"error": {"code": "Request_BadRequest", "message": "does not have any available licenses"}}
    service.answers(
        {"responses": [{"id": "2", "status": 400, "body": refused}, {"id": "1", "status": 200, "body": {}}]}
    )
    one, two = directory.reprocess(["a", "b"])
    assert [part["url"] for part in service.calls[0].parts] == [
        "/users/a/reprocessLicenseAssignment",
        "/users/b/reprocessLicenseAssignment",
    ]
    assert [part["body"] for part in service.calls[0].parts] == [{}, {}]
    assert (one.kind, two.kind, two.message) == (OutcomeKind.DONE, OutcomeKind.REFUSED, refused["error"]["message"])


@pytest.fixture
def graph(sandbox: Sandbox, clock: Clock) -> GraphDirectory:
    return GraphDirectory(connect(sandbox.story_tenant_id, clock))


def test_the_sandbox_tells_the_state_of_each_plan(graph: GraphDirectory) -> None:
    def teams(number: int) -> str:
        (detail,) = graph.license_details(user_id("executive", number))
        return {plan.plan_id: plan.provisioning_status for plan in detail.plans}[TEAMS]

    assert (teams(1), teams(5)) == ("Success", "PendingProvisioning")
    (off,) = [one for one in graph.license_details(user_id("sales", 4)) if one.sku_id == sku_id("STANDARDPACK")]
    assert {plan.plan_id: plan.provisioning_status for plan in off.plans}[TEAMS] == "Disabled"
    with pytest.raises(NotFound):
        graph.license_details("nobody")


def test_the_sandbox_judges_a_group_anew(sandbox: Sandbox, graph: GraphDirectory) -> None:
    tenant = sandbox.tenant(sandbox.story_tenant_id)
    assert tenant is not None
    member = tenant.users[user_id("member", 13)]
    del member.direct[P2]
    free, tenant.skus[P2].enabled = tenant.skus[P2].enabled, 0
    (refused,) = graph.reprocess([member.user_id])
    assert (refused.kind, refused.status) == (OutcomeKind.REFUSED, 400)
    assert "does not have any available licenses" in refused.message
    tenant.skus[P2].enabled = free
    (done,) = graph.reprocess([member.user_id])
    assert done.kind == OutcomeKind.DONE
    assert (P2, SECURITY) not in member.errors
