"""A license that somebody else has unassigned before us is done, not failed, and the rest of the call goes on."""

import pytest

from customers.models import Customer
from licenses.core.diff import Wish
from licenses.models import UserChange
from licenses.services import save
from licensing_portal.sandbox import Sandbox
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.models import StaffUser
from tests.integration.saving import ALL, NONE, at_microsoft, draft, pumped, row, sku, states, writes

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

State = UserChange.State
SALES = [user_id("sales", 1), user_id("sales", 2)]


def test_a_swap_goes_on_where_the_old_product_is_gone_already(
    sandbox: Sandbox, story: Customer, staff: StaffUser
) -> None:
    e1, visio = sku("STANDARDPACK"), sku("POWER_BI_PRO")
    change = save.start(draft(staff, story, SALES, Wish(products={e1: NONE, visio: ALL})))
    del at_microsoft(sandbox, story, SALES[0]).direct[e1]
    assert states(pumped(change)) == dict.fromkeys(SALES, State.UPDATED)
    for object_id in SALES:
        direct = at_microsoft(sandbox, story, object_id).direct
        assert (visio in direct, e1 in direct) == (True, False)
    # Ours to undo, and theirs not.
    assert (row(change, SALES[0]).remove, row(change, SALES[1]).remove) == ([], [e1])
    assert len(writes(sandbox)) == 3


def test_a_license_that_was_gone_is_done(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    e1 = sku("STANDARDPACK")
    change = save.start(draft(staff, story, SALES, Wish(products={e1: NONE})))
    del at_microsoft(sandbox, story, SALES[0]).direct[e1]
    assert states(pumped(change)) == dict.fromkeys(SALES, State.UPDATED)


def test_a_refusal_for_another_reason_stays_one(sandbox: Sandbox, story: Customer, staff: StaffUser) -> None:
    """The removal is refused in words of another language, and the user still has the license."""
    e1 = sku("STANDARDPACK")
    words = {"error": {"code": "Request_BadRequest", "message": "Der Benutzer verfügt nicht über diese Lizenz."}}
    sandbox.faults.add({"match": "POST /graph/v1.0/users/*/assignLicense", "status": 400, "body": words})
    change = save.start(draft(staff, story, SALES[:1], Wish(products={e1: NONE})))
    assert states(pumped(change)) == {SALES[0]: State.FAILED}
    failed = row(change, SALES[0])
    assert (failed.failure_kind, failed.message) == ("unknown", words["error"]["message"])
