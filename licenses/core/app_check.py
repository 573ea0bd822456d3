"""Why an app does not work for a user, as far as licensing goes: ordered checks over what is known of them.

Each check that does not pass has a finding (what is wrong), the products and plans that it is about, and what repairs
it. Nothing is guessed: what Microsoft did not say is unknown, what does not apply is skipped.
"""

from dataclasses import dataclass, replace

from licenses.core.app_findings import Check, Facts, Finding, Item, Outcome, Step
from licenses.core.apps import IN_PARTS, gives_less, is_for_people, is_suite, plans_of
from licenses.core.catalog import PlanId, Sku
from licenses.core.holdings import DIRECT, Path, UserState
from licenses.core.path_repair import is_broken, path_repairs
from licenses.core.repair import Act, Repair
from licenses.core.rules import clashes, forbidden, missing_dependencies

_PRODUCTS_OFFERED = 3
_PENDING = "pending"


@dataclass(frozen=True, slots=True)
class _Way:
    """A path by which a product with the app is assigned; `on` are the app's plans that it switches on."""

    sku: Sku
    path: Path
    plans: frozenset[PlanId]

    @property
    def on(self) -> frozenset[PlanId]:
        return self.plans - self.path.disabled

    @property
    def gives(self) -> bool:
        return self.path.state.holds and bool(self.on)

    def item(self, plans: frozenset[PlanId] = frozenset(), word: str = "") -> Item:
        return Item(sku_id=self.sku.sku_id, via=self.path.via, plans=tuple(sorted(plans)), word=word)


def cause(checks: tuple[Check, ...]) -> Check | None:
    """Return the first check that fails: what is named as the cause."""
    return next((check for check in checks if check.outcome == Outcome.FAIL), None)


def check_app(facts: Facts) -> tuple[Check, ...]:
    """Return the checks in their order, one for each step."""
    ways = _ways(facts)
    account = _account(facts.state, ways)
    if account.finding == Finding.DELETED or (account.finding == Finding.GUEST and not ways):
        # Nothing further can be a cause: a deleted user holds nothing, a guest brings a licence from home.
        return (account, *(_skipped(step) for step in Step if step != Step.ACCOUNT))
    checks = (
        account,
        _location(facts, ways),
        _product(facts, ways),
        _plan(facts, ways),
        _assignment(facts, ways),
        _subscription(facts, ways),
        _provisioning(facts, ways),
        _changes(facts, ways),
    )
    if account.outcome == Outcome.PASS:
        return checks
    # No licence helps whoever may not sign in.
    return tuple(_without_repairs(check) for check in checks)


def _ways(facts: Facts) -> list[_Way]:
    return [
        _Way(sku, path, plans)
        for sku_id, held in sorted(facts.state.held.items())
        if (sku := facts.catalog.get(sku_id)) is not None and (plans := plans_of(facts.app, sku))
        for path in held.paths
    ]


def _skipped(step: Step) -> Check:
    return Check(step=step, outcome=Outcome.SKIPPED, finding=Finding.NOT_CHECKED)


def _without_repairs(check: Check) -> Check:
    return replace(check, repairs=(), items=tuple(replace(item, repairs=()) for item in check.items))


def _account(state: UserState, ways: list[_Way]) -> Check:
    if not state.exists:
        return Check(step=Step.ACCOUNT, outcome=Outcome.FAIL, finding=Finding.DELETED)
    if not state.enabled:
        return Check(step=Step.ACCOUNT, outcome=Outcome.FAIL, finding=Finding.BLOCKED)
    if state.guest:
        outcome = Outcome.WARN if ways else Outcome.FAIL
        return Check(step=Step.ACCOUNT, outcome=outcome, finding=Finding.GUEST)
    return Check(step=Step.ACCOUNT, outcome=Outcome.PASS, finding=Finding.ALLOWED)


def _location(facts: Facts, ways: list[_Way]) -> Check:
    """Judge the usage location: groups do without one, a direct assignment does not (graph-api.md 6.5)."""
    if facts.state.usage_location:
        return Check(step=Step.LOCATION, outcome=Outcome.PASS, finding=Finding.LOCATED)
    outcome = Outcome.WARN if ways else Outcome.FAIL
    repairs = (Repair(act=Act.LOCATION),)
    return Check(step=Step.LOCATION, outcome=outcome, finding=Finding.NOT_LOCATED, repairs=repairs)


def _product(facts: Facts, ways: list[_Way]) -> Check:
    if ways:
        items = tuple(way.item() for way in ways)
        return Check(step=Step.PRODUCT, outcome=Outcome.PASS, finding=Finding.ASSIGNED, items=items)
    held = [sku_id for sku_id in sorted(facts.state.held) if facts.state.holds(sku_id)]
    known = [sku for sku_id in held if (sku := facts.catalog.get(sku_id)) is not None]
    if strange := [sku_id for sku_id in held if facts.catalog.get(sku_id) is None]:
        return Check(
            step=Step.PRODUCT,
            outcome=Outcome.UNKNOWN,
            finding=Finding.UNKNOWN_PRODUCT,
            items=tuple(Item(sku_id=sku_id) for sku_id in strange),
            repairs=products_to_add(facts),
        )
    found, about = Finding.OTHERS_ONLY if known else Finding.NOTHING, known
    for finding, some in (
        (Finding.LESSER, [sku for sku in known if gives_less(facts.app, sku)]),
        (Finding.SUITE_WITHOUT, [sku for sku in known if is_suite(sku)]),
    ):
        if some:
            found, about = finding, some
            break
    items = tuple(Item(sku_id=sku.sku_id) for sku in about)
    return Check(step=Step.PRODUCT, outcome=Outcome.FAIL, finding=found, items=items, repairs=products_to_add(facts))


def _plan(facts: Facts, ways: list[_Way]) -> Check:
    """Judge the paths that hold; where none does, what they would give."""
    relevant = [way for way in ways if way.path.state.holds] or ways
    if not relevant:
        return _skipped(Step.PLAN)
    on = frozenset[PlanId]().union(*(way.on for way in relevant))
    off = [way.item(way.plans - on) for way in relevant if way.plans - on]
    direct = tuple(
        Repair(act=Act.ON, sku_id=way.sku.sku_id, plan_id=plan_id)
        for way in relevant
        if way.path.via == DIRECT and way.path.state.holds
        for plan_id in sorted(way.plans - on)
    )
    if not on:
        finding = Finding.OFF_DIRECT if any(way.path.via == DIRECT for way in relevant) else Finding.OFF_BY_GROUP
        repairs = direct or products_to_add(facts)
        return Check(step=Step.PLAN, outcome=Outcome.FAIL, finding=finding, items=tuple(off), repairs=repairs)
    if facts.app in IN_PARTS and off:
        items = tuple(off)
        return Check(step=Step.PLAN, outcome=Outcome.WARN, finding=Finding.PARTLY_OFF, items=items, repairs=direct)
    items = tuple(way.item(way.on) for way in relevant if way.on)
    return Check(step=Step.PLAN, outcome=Outcome.PASS, finding=Finding.ON, items=items)


def _assignment(facts: Facts, ways: list[_Way]) -> Check:
    if not ways:
        return _skipped(Step.ASSIGNMENT)
    broken = [way for way in ways if is_broken(way.path)]
    if not broken:
        return Check(step=Step.ASSIGNMENT, outcome=Outcome.PASS, finding=Finding.IN_ORDER)
    works = any(way.gives for way in ways)
    return Check(
        step=Step.ASSIGNMENT,
        outcome=Outcome.WARN if works else Outcome.FAIL,
        finding=Finding.ERROR_BESIDE if works else Finding.IN_ERROR,
        items=tuple(_broken_item(facts, way) for way in broken),
    )


def _broken_item(facts: Facts, way: _Way) -> Item:
    """Name the error of a path: of one that failed with others of its group, that of the one which failed first."""
    word = way.path.error or way.path.state.value
    if _failed_with_others(way.path):
        word = _first_error_of(facts.state, way.path.via) or word
    repairs = path_repairs(facts.state, way.sku.sku_id, way.path, facts.catalog)
    return replace(way.item(word=word), repairs=repairs)


def _first_error_of(state: UserState, via: str) -> str | None:
    paths = (path for _, held in sorted(state.held.items()) for path in held.paths if path.via == via)
    return next((path.error for path in paths if path.error and not _failed_with_others(path)), None)


def _failed_with_others(path: Path) -> bool:
    """Tell whether Microsoft says of a path only that another one of its group failed."""
    return path.error is not None and path.error.casefold() in ("other", "others")


def _subscription(facts: Facts, ways: list[_Way]) -> Check:
    """Judge the products that give the app; where none does, those that should."""
    giving = [way for way in ways if way.gives] or ways
    if not giving:
        return _skipped(Step.SUBSCRIPTION)
    status = {way.sku.sku_id: way.sku.capability_status for way in giving}
    items = tuple(Item(sku_id=sku_id, word=word) for sku_id, word in status.items())
    if "Enabled" in status.values():
        return Check(step=Step.SUBSCRIPTION, outcome=Outcome.PASS, finding=Finding.ACTIVE, items=items)
    if "Warning" in status.values():
        return Check(step=Step.SUBSCRIPTION, outcome=Outcome.WARN, finding=Finding.IN_GRACE, items=items)
    return Check(
        step=Step.SUBSCRIPTION,
        outcome=Outcome.FAIL,
        finding=Finding.LAPSED,
        items=items,
        repairs=products_to_add(facts),
    )


def _provisioning(facts: Facts, ways: list[_Way]) -> Check:
    """Judge whether what is on has been set up: by what Microsoft says of the user, else of the whole tenant."""
    giving = [way for way in ways if way.gives]
    if not giving:
        return _skipped(Step.PROVISIONING)
    items: list[Item] = []
    for way in giving:
        tenant = {plan.plan_id: plan.provisioning_status for plan in way.sku.plans}
        for plan_id in sorted(way.on):
            word = tenant[plan_id]
            if facts.provisioning is not None:
                word = facts.provisioning.get((way.sku.sku_id, plan_id), "")
            items.append(Item(sku_id=way.sku.sku_id, plans=(plan_id,), word=word))
    items = list(dict.fromkeys(items))
    pending = tuple(item for item in items if item.word.casefold().startswith(_PENDING))
    if any(item.word == "Success" for item in items):
        known = facts.provisioning is not None
        finding = Finding.PROVISIONED if known else Finding.NOT_ANSWERED
        return Check(step=Step.PROVISIONING, outcome=Outcome.PASS if known else Outcome.UNKNOWN, finding=finding)
    if pending:
        return Check(step=Step.PROVISIONING, outcome=Outcome.FAIL, finding=Finding.PENDING, items=pending)
    return Check(step=Step.PROVISIONING, outcome=Outcome.WARN, finding=Finding.ODD_STATE, items=tuple(items))


def _changes(facts: Facts, ways: list[_Way]) -> Check:
    """Tell of what changed: what was seen of it, else that Microsoft gives a path as a new one."""
    fresh = tuple(way.item() for way in ways if (way.sku.sku_id, way.path.via) in facts.fresh)
    if facts.changes:
        return Check(step=Step.CHANGES, outcome=Outcome.WARN, finding=Finding.CHANGED)
    if fresh:
        return Check(step=Step.CHANGES, outcome=Outcome.WARN, finding=Finding.CHANGED, items=fresh)
    return Check(step=Step.CHANGES, outcome=Outcome.PASS, finding=Finding.UNCHANGED)


def products_to_add(facts: Facts) -> tuple[Repair, ...]:
    """Return the smallest products with the app that have a free licence and go with what the user has.

    A second suite is for those alone to whom nothing smaller can be given.
    """
    fitting = [sku for sku in facts.catalog.skus.values() if plans_of(facts.app, sku) and _fits(facts, sku)]
    if any(is_suite(sku) for sku_id in facts.state.held if (sku := facts.catalog.get(sku_id)) is not None):
        fitting = [sku for sku in fitting if not is_suite(sku)] or fitting
    smallest = sorted(fitting, key=lambda sku: (len(sku.plans), sku.display_name, sku.sku_id))
    return tuple(Repair(act=Act.ADD, sku_id=sku.sku_id) for sku in smallest[:_PRODUCTS_OFFERED])


def _fits(facts: Facts, sku: Sku) -> bool:
    """Tell whether a product can be added: free, for persons, not there by any path, and in nobody's way."""
    if sku.sku_id in facts.state.held or not (sku.is_assignable and sku.seats.available and is_for_people(sku)):
        return False
    before = facts.state.enabled_plans(facts.catalog)
    after = before | sku.plan_ids
    clashing = set(clashes(after)) - set(clashes(before))
    lacking = set(missing_dependencies(after)) - set(missing_dependencies(before))
    return not (clashing or lacking or forbidden(sku.plan_ids, facts.state.usage_location))
