"""App check: each fact that keeps an app from working is found at its step, with what repairs it."""

from dataclasses import replace

import pytest

from licenses.core.app_check import cause, check_app, products_to_add
from licenses.core.app_findings import Check, Facts, Finding, Outcome, Step
from licenses.core.apps import App
from licenses.core.catalog import Catalog, Plan, Seats, Sku
from licenses.core.holdings import DIRECT, Held, Path, PathState, UserState
from licenses.core.rules import EXCHANGE_ENTERPRISE, EXCHANGE_STANDARD, MCOMEETADV, MCOSTANDARD, TEAMS1

SHAREPOINT = "sharepoint"
_NAMES = {
    TEAMS1: "TEAMS1",
    EXCHANGE_ENTERPRISE: "EXCHANGE_S_ENTERPRISE",
    EXCHANGE_STANDARD: "EXCHANGE_S_STANDARD",
    SHAREPOINT: "SHAREPOINTENTERPRISE",
    "web": "SHAREPOINTWAC",
    "apps": "M365_COPILOT_APPS",
    "chat": "M365_COPILOT_BUSINESS_CHAT",
    "visio": "VISIOONLINE",
    MCOMEETADV: "MCOMEETADV",
    MCOSTANDARD: "MCOSTANDARD",
}


def _sku(sku_id: str, *plans: str, free: int = 5, status: str = "Enabled", part: str = "") -> Sku:
    made = tuple(Plan(plan_id=plan, name=_NAMES[plan], display_name=_NAMES[plan]) for plan in plans)
    return Sku(
        sku_id=sku_id,
        part_number=part or sku_id,
        display_name=sku_id,
        seats=Seats(enabled=free),
        capability_status=status,
        plans=made,
    )


E3 = _sku("e3", TEAMS1, EXCHANGE_ENTERPRISE, SHAREPOINT)
E3_WITHOUT = _sku("e3-no-teams", EXCHANGE_ENTERPRISE, SHAREPOINT)
E1 = _sku("e1", TEAMS1, EXCHANGE_STANDARD)
TEAMS = _sku("teams", TEAMS1)
VISIO = _sku("visio-1", "visio")
OWNED = Catalog.of([E3, E3_WITHOUT, E1, TEAMS, VISIO])
ON = Path(via=DIRECT)
OFF = Path(via=DIRECT, disabled=frozenset({TEAMS1}))
BY_GROUP = Path(via="group")
OFF_BY_GROUP = Path(via="group", disabled=frozenset({TEAMS1}))


def _error(word: str, via: str = "group") -> Path:
    return Path(via=via, state=PathState.ERROR, error=word)


def _facts(held: dict[str, tuple[Path, ...]] | None = None, app: App = App.TEAMS, **more: object) -> Facts:
    catalog = more.pop("catalog", OWNED)
    provisioning = more.pop("provisioning", dict.fromkeys(((s, p) for s in OWNED.skus for p in _NAMES), "Success"))
    changes, fresh = more.pop("changes", 0), more.pop("fresh", frozenset())
    user = UserState(
        user_id="u",
        held={sku_id: Held(paths) for sku_id, paths in (held or {}).items()},
        **({"usage_location": "JP"} | more),  # type: ignore[arg-type]
    )
    known = {"provisioning": provisioning, "changes": changes, "fresh": fresh}
    return Facts(app=app, state=user, catalog=catalog, **known)  # type: ignore[arg-type]


def _checks(*args: object, **more: object) -> dict[Step, Check]:
    found = check_app(_facts(*args, **more))  # type: ignore[arg-type]
    assert [check.step for check in found] == list(Step)
    return {check.step: check for check in found}


def _codes(check: Check) -> list[str]:
    return [one.code for one in check.repairs]


def test_all_in_order_passes_everything() -> None:
    checks = _checks({"e3": (ON,)})
    assert {check.outcome for check in checks.values()} == {Outcome.PASS}
    assert cause(tuple(checks.values())) is None


@pytest.mark.parametrize(
    ("held", "more", "finding"),
    [
        ({}, {"exists": False}, Finding.DELETED),
        ({"e3": (ON,)}, {"enabled": False}, Finding.BLOCKED),
        ({}, {"guest": True, "usage_location": None}, Finding.GUEST),
        ({}, {"usage_location": None}, Finding.NOT_LOCATED),
        ({}, {}, Finding.NOTHING),
        ({"e3-no-teams": (ON,)}, {}, Finding.SUITE_WITHOUT),
        ({"visio-1": (ON,)}, {}, Finding.OTHERS_ONLY),
        ({"e3": (OFF,)}, {}, Finding.OFF_DIRECT),
        ({"e3": (OFF_BY_GROUP,)}, {}, Finding.OFF_BY_GROUP),
        ({"e3": (OFF, OFF_BY_GROUP)}, {}, Finding.OFF_DIRECT),
        ({"e3": (_error("CountViolation"),)}, {}, Finding.IN_ERROR),
        ({"e3": (Path(via=DIRECT, state=PathState.DISABLED),)}, {}, Finding.IN_ERROR),
        ({"e3": (ON,)}, {"catalog": Catalog.of([replace(E3, capability_status="Suspended")])}, Finding.LAPSED),
        ({"e3": (ON,)}, {"catalog": Catalog.of([replace(E3, capability_status="LockedOut")])}, Finding.LAPSED),
        ({"e3": (ON,)}, {"provisioning": {("e3", TEAMS1): "PendingProvisioning"}}, Finding.PENDING),
    ],
)
def test_each_cause_is_named(held: dict[str, tuple[Path, ...]], more: dict[str, object], finding: Finding) -> None:
    found = cause(check_app(_facts(held, **more)))
    assert found is not None
    assert found.finding == finding


@pytest.mark.parametrize(
    ("held", "more", "step", "finding", "outcome"),
    [
        ({"e3": (BY_GROUP,)}, {"usage_location": None}, Step.LOCATION, Finding.NOT_LOCATED, Outcome.WARN),
        ({"e3": (ON,)}, {"guest": True}, Step.ACCOUNT, Finding.GUEST, Outcome.WARN),
        ({"e3": (ON, _error("CountViolation"))}, {}, Step.ASSIGNMENT, Finding.ERROR_BESIDE, Outcome.WARN),
        (
            {"e3": (ON,)},
            {"catalog": Catalog.of([replace(E3, capability_status="Warning")])},
            Step.SUBSCRIPTION,
            Finding.IN_GRACE,
            Outcome.WARN,
        ),
        ({"e3": (ON,)}, {"provisioning": None}, Step.PROVISIONING, Finding.NOT_ANSWERED, Outcome.UNKNOWN),
        ({"e3": (ON,)}, {"provisioning": {}}, Step.PROVISIONING, Finding.ODD_STATE, Outcome.WARN),
        ({"e3": (ON,)}, {"changes": 1}, Step.CHANGES, Finding.CHANGED, Outcome.WARN),
        ({"e3": (ON,)}, {"fresh": frozenset({("e3", DIRECT)})}, Step.CHANGES, Finding.CHANGED, Outcome.WARN),
        ({"e3": (ON,)}, {"fresh": frozenset({("e3", "group")})}, Step.CHANGES, Finding.UNCHANGED, Outcome.PASS),
        ({"gone": (ON,)}, {}, Step.PRODUCT, Finding.UNKNOWN_PRODUCT, Outcome.UNKNOWN),
    ],
)
def test_what_does_not_stop_the_app_is_no_failure(
    held: dict[str, tuple[Path, ...]], more: dict[str, object], step: Step, finding: Finding, outcome: Outcome
) -> None:
    checks = _checks(held, **more)
    assert (checks[step].finding, checks[step].outcome) == (finding, outcome)
    assert cause(tuple(checks.values())) is None


def test_on_in_one_path_is_on() -> None:
    assert _checks({"e3": (OFF, BY_GROUP)})[Step.PLAN].outcome == Outcome.PASS
    assert _checks({"e3": (OFF,), "teams": (ON,)})[Step.PLAN].outcome == Outcome.PASS


def test_a_path_that_would_give_it_does_not_hide_that_it_is_off() -> None:
    checks = _checks({"e3": (OFF, _error("CountViolation"))})
    assert [step for step, check in checks.items() if check.outcome == Outcome.FAIL] == [Step.PLAN, Step.ASSIGNMENT]


def test_one_of_two_mailboxes_may_be_off() -> None:
    off = Path(via=DIRECT, disabled=frozenset({EXCHANGE_STANDARD}))
    assert _checks({"e3": (ON,), "e1": (off,)}, App.OUTLOOK)[Step.PLAN].finding == Finding.ON


def test_a_guest_with_a_license_is_checked_on() -> None:
    assert _checks({"e3": (OFF,)}, guest=True)[Step.PLAN].outcome == Outcome.FAIL


def test_a_subscription_that_does_not_give_the_app_does_not_count() -> None:
    owned = Catalog.of([E3, replace(TEAMS, capability_status="Suspended")])
    checks = _checks({"e3": (OFF,), "teams": (ON,)}, catalog=owned)
    assert checks[Step.SUBSCRIPTION].finding == Finding.LAPSED


def test_one_running_subscription_of_two_is_enough() -> None:
    owned = Catalog.of([replace(E3, capability_status="Suspended"), TEAMS])
    assert _checks({"e3": (ON,), "teams": (ON,)}, catalog=owned)[Step.SUBSCRIPTION].finding == Finding.ACTIVE


def test_pending_in_one_product_and_ready_in_another_is_ready() -> None:
    said = {("e3", TEAMS1): "PendingProvisioning", ("teams", TEAMS1): "Success"}
    checks = _checks({"e3": (ON,), "teams": (ON,)}, provisioning=said)
    assert checks[Step.PROVISIONING].outcome == Outcome.PASS


def test_pending_in_the_whole_tenant_is_known_without_an_answer() -> None:
    plan = replace(TEAMS.plans[0], provisioning_status="PendingActivation")
    checks = _checks({"teams": (ON,)}, provisioning=None, catalog=Catalog.of([replace(TEAMS, plans=(plan,))]))
    assert checks[Step.PROVISIONING].finding == Finding.PENDING
    assert checks[Step.PROVISIONING].items[0].word == "PendingActivation"


def test_what_cannot_be_asked_is_skipped() -> None:
    checks = _checks()
    skipped = {Step.PLAN, Step.ASSIGNMENT, Step.SUBSCRIPTION, Step.PROVISIONING}
    assert {step for step, check in checks.items() if check.outcome == Outcome.SKIPPED} == skipped
    deleted = _checks(exists=False)
    assert [check.outcome for check in deleted.values()] == [Outcome.FAIL, *[Outcome.SKIPPED] * 7]


def test_an_error_for_the_sake_of_another_license_is_named_by_that_one() -> None:
    checks = _checks({"e3": (_error("Other"),), "visio-1": (_error("CountViolation"),)})
    assert checks[Step.ASSIGNMENT].items[0].word == "CountViolation"
    assert _checks({"e3": (_error("Other"),)})[Step.ASSIGNMENT].items[0].word == "Other"


def test_a_plan_that_is_off_is_switched_on_where_it_is_direct() -> None:
    assert _codes(_checks({"e3": (OFF, OFF_BY_GROUP)})[Step.PLAN]) == [f"on:e3:{TEAMS1}"]


def test_a_plan_that_a_group_has_off_needs_another_product() -> None:
    # E1 would clash with E3's mailbox.
    assert _codes(_checks({"e3": (OFF_BY_GROUP,)})[Step.PLAN]) == ["add:teams"]


def test_the_smallest_free_products_that_go_with_the_rest_are_offered() -> None:
    more = [_sku(f"teams-{n}", TEAMS1, "visio", "web") for n in range(3)]
    others = [
        _sku("full", TEAMS1, free=0),
        _sku("gone", TEAMS1, status="Suspended"),
        _sku("room", TEAMS1, part="Microsoft_Teams_Rooms_Basic"),
    ]
    owned = Catalog.of([E3, E1, TEAMS, *more, *others])
    assert [one.sku_id for one in products_to_add(_facts(catalog=owned))] == ["teams", "e1", "e3"]
    assert [one.sku_id for one in products_to_add(_facts({"teams": (_error("Other"),)}, catalog=owned))] == [
        "e1",
        "e3",
        "teams-0",
    ]


@pytest.mark.parametrize(
    ("held", "location", "expected"),
    [("mailbox", "JP", ["teams", "calls"]), ("phone", "IN", ["teams", "e1"]), ("visio-1", "JP", ["teams", "e1"])],
)
def test_what_would_clash_lack_something_or_is_not_sold_there_is_not_offered(
    held: str, location: str, expected: list[str]
) -> None:
    others = [
        _sku("mailbox", EXCHANGE_ENTERPRISE, MCOSTANDARD),
        _sku("phone", MCOSTANDARD),
        _sku("calls", TEAMS1, MCOMEETADV),
    ]
    owned = Catalog.of([E1, TEAMS, VISIO, *others])
    assert [one.sku_id for one in products_to_add(_facts({held: (ON,)}, catalog=owned, usage_location=location))] == (
        expected
    )


def test_a_second_suite_is_offered_only_where_nothing_smaller_is_free() -> None:
    held = {"e3-no-teams": (ON,)}
    assert [one.sku_id for one in products_to_add(_facts(held))] == ["teams"]
    owned = Catalog.of([E3, E3_WITHOUT])
    assert [one.sku_id for one in products_to_add(_facts(held, catalog=owned))] == ["e3"]


def test_copilot_in_parts_is_a_note() -> None:
    copilot = _sku("copilot", "apps", "chat")
    off = Path(via=DIRECT, disabled=frozenset({"chat"}))
    checks = _checks({"copilot": (off,)}, App.COPILOT, catalog=Catalog.of([copilot]), provisioning=None)
    assert (checks[Step.PLAN].outcome, checks[Step.PLAN].finding) == (Outcome.WARN, Finding.PARTLY_OFF)
    assert _codes(checks[Step.PLAN]) == ["on:copilot:chat"]


def test_office_in_the_browser_is_told_from_no_office() -> None:
    web = _sku("web-only", "web", EXCHANGE_STANDARD, SHAREPOINT)
    checks = _checks({"web-only": (ON,)}, App.OFFICE, catalog=Catalog.of([web]))
    assert checks[Step.PRODUCT].finding == Finding.LESSER


@pytest.mark.parametrize("state", [{"enabled": False}, {"guest": True}])
def test_no_license_is_offered_to_whoever_may_not_sign_in_or_is_a_guest(state: dict[str, bool]) -> None:
    for held in ({}, {"e3": (OFF,)}, {"e3": (_error("CountViolation"),)}):
        for check in check_app(_facts(held, **state)):  # type: ignore[arg-type]
            assert check.repairs == ()
            assert [item.repairs for item in check.items if item.repairs] == []
