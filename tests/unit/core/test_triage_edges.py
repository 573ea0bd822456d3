"""Answers that look like something else, and which ids a text really names."""

import pytest

from licenses.core.failures import FailureKind
from licenses.core.triage import triage
from tests.unit.core.build import catalog, sku

BAD = "Request_BadRequest"
SKU = "6fd2c87f-b296-42f0-b197-1e91e994b900"
ACCOUNT = "11111111-2222-4333-8444-555555555555"
PLAN_1, PLAN_2 = "57ff2da0-773e-42df-b2af-ffb7a2317929", "4fa4026d-ce74-4962-a151-8e96d57ea8e4"


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        pytest.param(409, "", "", "concurrency", id="409 alone"),
        pytest.param(
            409, "Request_MultipleObjectsWithSameKeyValue", "", "unknown", id="a value twice, whose is unsaid"
        ),
        pytest.param(
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            "Another object with the same value for property proxyAddresses already exists.",
            "proxy",
            id="a mail address twice",
        ),
        pytest.param(403, "Directory_QuotaExceeded", "", "unknown", id="a quota is no missing right"),
        pytest.param(403, "", "", "forbidden", id="403 alone"),
        pytest.param(401, "", "", "token", id="401 alone"),
        pytest.param(429, "", "", "throttled", id="429 alone"),
        *(pytest.param(status, "", "", "server", id=str(status)) for status in (500, 502, 503, 504)),
        pytest.param(500, BAD, "User does not have a corresponding license.", "server", id="500 with any text"),
        pytest.param(400, BAD, "No license changes provided.", "unknown", id="nothing was sent"),
        pytest.param(
            400, BAD, "This product cannot be assigned to a user who is a guest.", "unknown", id="a longer sentence"
        ),
        pytest.param(400, BAD, "It does not belong to the subscription.", "unknown", id="no plan is spoken of"),
        pytest.param(
            400,
            BAD,
            "LICENSE ASSIGNMENT cannot be done\n for user with  INVALID\tusage location",
            "no_location",
            id="odd spacing",
        ),
        pytest.param(400, "CountViolation", "", "no_seat", id="the name of a violation as code"),
        pytest.param(400, "MUTUALLYEXCLUSIVEVIOLATION", "", "exclusive", id="a code in capitals"),
        pytest.param(400, "DependencyViolation", "", "dependency", id="dependency as code"),
        pytest.param(400, "UniquenessViolation", "", "proxy", id="uniqueness as code"),
        pytest.param(
            400,
            BAD,
            "La licence ne peut pas être attribuée : emplacement d'utilisation non valide.",
            "unknown",
            id="another language",
        ),
        pytest.param(200, "", "", "unknown", id="no error at all"),
        pytest.param(600, "", "", "unknown", id="no status of HTTP"),
    ],
)
def test_an_answer_is_never_taken_for_another_kind(status: int, code: str, message: str, kind: str) -> None:
    failure = triage(status, code, message)
    assert (failure.kind, failure.message) == (FailureKind(kind), message)


@pytest.mark.parametrize(
    ("message", "skus", "plans"),
    [
        pytest.param(
            f"Subscription with Account {ACCOUNT} and SKU {SKU} does not have any available licenses left.",
            (SKU,),
            (),
            id="an account is no product",
        ),
        pytest.param(
            f"License {SKU.upper()} does not correspond to a valid company License.", (SKU,), (), id="capitals"
        ),
        pytest.param(
            f"Service plan {PLAN_1} does not belong to the subscription with SKU {SKU}.", (SKU,), (PLAN_1,), id="both"
        ),
        pytest.param(
            f"Failed because service plan {PLAN_1} depends on the service plan(s) {PLAN_2}, {PLAN_1}",
            (),
            (PLAN_1, PLAN_2),
            id="each once, in order",
        ),
        pytest.param(
            f"License assignment failed because service plan {PLAN_1} depends on the service plan(s) ",
            (),
            (PLAN_1,),
            id="an empty list",
        ),
        pytest.param(
            f"Another object ({ACCOUNT}) with the same value for property proxyAddresses already exists.",
            (),
            (),
            id="another object is neither",
        ),
        pytest.param(f"Something odd about SKU {SKU}", (), (), id="an unknown text names nothing"),
    ],
)
def test_ids_without_a_catalog_go_by_the_words_before_them(
    message: str, skus: tuple[str, ...], plans: tuple[str, ...]
) -> None:
    failure = triage(400, BAD, message)
    assert (failure.skus, failure.plans) == (skus, plans)


def test_the_catalog_has_the_last_word_on_an_id() -> None:
    owned = catalog(sku(SKU), sku(ACCOUNT, plans=("p",)))
    foreign = triage(400, BAD, f"Values {SKU},{PLAN_2} are mutually exclusive", catalog=owned)
    assert (foreign.skus, foreign.plans) == ((SKU,), (PLAN_2,))


def test_a_plan_of_the_catalog_is_a_plan_whatever_word_stands_before_it() -> None:
    one = sku(SKU)
    plan = type(one.plans[0])(plan_id=PLAN_1, name="TEAMS1", display_name="Teams")
    owned = catalog(type(one)(sku_id=SKU, part_number="E3", display_name="E3", seats=one.seats, plans=(plan,)))
    failure = triage(400, BAD, f"License {PLAN_1} does not correspond to a valid company License.", catalog=owned)
    assert (failure.skus, failure.plans) == ((), (PLAN_1,))
