"""Microsoft's answers, classified; odd texts stay unknown."""

import pytest

from licenses.core.failures import FailureKind, Scope, failure_of
from licenses.core.triage import triage
from tests.unit.core.build import catalog, sku

SKU = "6fd2c87f-b296-42f0-b197-1e91e994b900"
PLAN_1, PLAN_2 = "57ff2da0-773e-42df-b2af-ffb7a2317929", "4fa4026d-ce74-4962-a151-8e96d57ea8e4"
BAD = "Request_BadRequest"


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (400, BAD, f"Subscription with SKU {SKU} does not have any available licenses.", "no_seat"),
        (400, BAD, f"Subscription with Account x and SKU {SKU} does NOT have any available licenses left.", "no_seat"),
        (
            400,
            BAD,
            f"License assignment failed because service plans {PLAN_1},{PLAN_2} are mutually exclusive",
            "exclusive",
        ),
        (
            400,
            BAD,
            f"License assignment failed because service plan {PLAN_1} depends on the service plan(s) {PLAN_2}",
            "dependency",
        ),
        (400, BAD, "License assignment cannot be done for user with invalid usage location.", "no_location"),
        (
            400,
            BAD,
            "User license is inherited from a group membership and it cannot be removed directly from the user.",
            "inherited",
        ),
        (400, BAD, "User does not have a corresponding license.", "not_held"),
        (400, BAD, f"License {SKU} does not correspond to a valid company License.", "bad_sku"),
        (400, BAD, f"License {SKU} cannot be assigned to a user.", "not_user_sku"),
        (400, BAD, f"Service plan {PLAN_1} does not belong to the subscription with SKU {SKU}.", "bad_plan"),
        (400, BAD, "Another object with the same value for property proxyAddresses already exists.", "proxy"),
        (409, "Directory_ConcurrencyViolation", "", "concurrency"),
        (404, "Request_ResourceNotFound", "Resource 'x' does not exist", "not_found"),
        (404, "", "", "unknown"),
        (403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.", "forbidden"),
        (401, "InvalidAuthenticationToken", "", "token"),
        (429, "TooManyRequests", "", "throttled"),
        (503, "serviceNotAvailable", "", "server"),
        (400, BAD, "ProhibitedInUsageLocationViolation", "location_forbidden"),
        (400, "ProhibitedInUsageLocationViolation", "", "location_forbidden"),
        (400, BAD, "ライセンスを割り当てることができません。", "unknown"),
        (400, BAD, "", "unknown"),
        (418, "", "does not have any available licenses", "unknown"),
    ],
)
def test_an_answer_becomes_a_kind(status: int, code: str, message: str, kind: str) -> None:
    failure = triage(status, code, message, request_id="r")
    assert failure.kind == FailureKind(kind)
    assert (failure.status, failure.code, failure.message, failure.request_id) == (status, code, message, "r")


def test_named_products_and_plans_are_pulled_out_in_lower_case() -> None:
    seats = triage(400, BAD, f"Subscription with SKU {SKU.upper()} does not have any available licenses.")
    assert (seats.skus, seats.plans, seats.scope, seats.retryable) == ((SKU,), (), Scope.PRODUCT, True)
    clash = triage(400, BAD, f"service plans {PLAN_1},{PLAN_2} are mutually exclusive")
    assert (clash.skus, clash.plans, clash.scope) == ((), (PLAN_1, PLAN_2), Scope.USER)


def test_the_catalog_tells_products_from_plans() -> None:
    failure = triage(
        400,
        BAD,
        f"Service plan {PLAN_1} does not belong to the subscription with SKU {SKU}.",
        catalog=catalog(sku(SKU)),
    )
    assert (failure.skus, failure.plans) == ((SKU,), (PLAN_1,))


def test_an_unknown_text_names_nothing() -> None:
    assert triage(400, BAD, f"odd {SKU}").skus == ()


def test_a_failure_of_our_own_has_no_answer() -> None:
    failure = failure_of(FailureKind.NO_SEAT, skus=(SKU,))
    assert (failure.status, failure.message, failure.scope) == (0, "", Scope.PRODUCT)
