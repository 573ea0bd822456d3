"""Changes under faults by dice, while others work on the same users: what the rows and the page say is true."""

import os
import random
from collections.abc import Callable

import pytest

from licenses.models import UserChange
from licenses.services.send import MAX_ATTEMPTS
from licensing_portal.sandbox import catalog as products
from licensing_portal.sandbox.http import Request
from licensing_portal.sandbox.model import Disabled
from tests.durability import mixture, worker
from tests.durability.invariants import page_violations, violations
from tests.durability.points import Blow, blows_for
from tests.durability.rehearsal import Rehearsal
from tests.durability.watched import LOCATION_PART, PART, writes_of

pytestmark = pytest.mark.django_db

# How likely something goes wrong at a call, at a commit; and somebody else does something before a write.
_AT_CALL, _AT_COMMIT, _MEANWHILE = 0.3, 0.05, 0.7
# Then Microsoft and the machine are well again.
_MOST_BLOWS = 40


def _seeds(number: int) -> list[int]:
    """Return the seeds of this run, or the one that repeats a run that failed (DURABILITY_SEED)."""
    if seed := os.environ.get("DURABILITY_SEED"):
        return [int(seed)]
    return [random.randrange(1_000_000) for _ in range(number)]


class Misfortune:
    """What goes wrong in one run, and what others do meanwhile."""

    def __init__(self, rehearsal: Rehearsal, seed: int) -> None:
        self.dice = random.Random(seed)
        self.events: list[str] = []
        self._rehearsal = rehearsal
        self._blows = 0

    def blow_at(self, number: int, name: str) -> Blow | None:
        """Say what happens at a point."""
        is_call = name.startswith("call")
        if self._blows >= _MOST_BLOWS or self.dice.random() > (_AT_CALL if is_call else _AT_COMMIT):
            return None
        self._blows += 1
        blow = self.dice.choice(blows_for(name))
        self.events.append(f"{number} {name}: {blow}")
        return blow

    def meanwhile(self, request: Request) -> None:
        """Let somebody else do something before a write is answered."""
        users = [user for _, user in writes_of(request)]
        if not users or self.dice.random() > _MEANWHILE:
            return
        deeds: tuple[Callable[[], str], ...] = (
            self._delete,
            self._change_otherwise,
            self._do_the_same,
            self._take_a_seat,
            self._refuse_parts,
        )
        self.events.append(self.dice.choice(deeds)())

    def _somebody(self) -> str:
        """Return a user of the change who has no end state yet."""
        with self._rehearsal.points.resting():
            rows = self._rehearsal.change.user_changes.filter(state__in=UserChange.OPEN).order_by("id")
            return self.dice.choice(list(rows.values_list("object_id", flat=True)))

    def _delete(self) -> str:
        tenant = self._rehearsal.sandbox.own_tenant
        object_id = self._somebody()
        if object_id in tenant.users:
            tenant.delete_user(tenant.users[object_id])
        return f"{object_id} was deleted"

    def _change_otherwise(self) -> str:
        """Give the product with another set of plans: a state that is neither the one before nor the wanted one."""
        people = mixture.people(self._rehearsal.sandbox)
        object_id = self.dice.choice([one for one in people if one in self._rehearsal.sandbox.own_tenant.users])
        self._give(object_id, frozenset({products.plan_id(mixture.ALSO_OFF)}))
        return f"{object_id} got other plans"

    def _do_the_same(self) -> str:
        """Do by hand what the change is about to do; not for those whom Microsoft would refuse."""
        object_id = self._somebody()
        clashing = mixture.of_kind(self._rehearsal.sandbox, "clash")
        if object_id not in clashing and self._give(object_id, frozenset({products.plan_id(mixture.OFF)})):
            user = self._rehearsal.sandbox.own_tenant.users[object_id]
            tenant, held = self._rehearsal.sandbox.own_tenant, frozenset(user.direct)
            user.direct.pop(products.sku_id(mixture.HELD), None)
            tenant.after_change(object_id, held)
        return f"{object_id} was done by hand"

    def _take_a_seat(self) -> str:
        object_id = self.dice.choice(mixture.outsiders(self._rehearsal.sandbox))
        self._give(object_id, frozenset())
        return f"a seat went to {object_id}"

    def _give(self, object_id: str, disabled: Disabled) -> bool:
        """Assign the wanted product directly if there is a seat."""
        tenant = self._rehearsal.sandbox.own_tenant
        user, sku_id = tenant.users.get(object_id), products.sku_id(mixture.WANTED)
        if user is None or (sku_id not in user.direct and tenant.skus[sku_id].free < 1):
            return False
        held = frozenset(tenant.held_skus(user))
        user.direct[sku_id] = (disabled, 1.0)
        tenant.after_change(object_id, held)
        return True

    def _refuse_parts(self) -> str:
        """Let some of the users of the call be put off, or be changed without anybody hearing of it."""
        fault = self.dice.choice(
            (
                {"status": 429, "headers": {"Retry-After": "3"}},
                {"status": 429},
                {"status": 500, "after_commit": True},
                {"status": 503},
                {"status": 409},
            )
        )
        number = self.dice.randint(1, 7)
        match = self.dice.choice((PART, LOCATION_PART))
        self._rehearsal.sandbox.faults.add({"match": match, "times": number, **fault})
        return f"{number} of {match}: {fault}"


def _broken(rehearsal: Rehearsal, seed: int) -> list[str]:
    """Return what is untrue after the run of a seed."""
    fate = Misfortune(rehearsal, seed)
    with rehearsal.take(fate.blow_at, before=lambda: _watch(rehearsal, fate)):
        found = violations(rehearsal.world, rehearsal.change, unknown_allowed=True)
        found += page_violations(rehearsal.world, rehearsal.change)
        unknown = rehearsal.change.user_changes.filter(state=UserChange.State.UNKNOWN)
        # Only of those who had a fault at each of their attempts the truth need not be known.
        found += [f"V4: {row.display_name} is unknown" for row in unknown if row.attempts < MAX_ATTEMPTS]
        assert fate.events, "nothing happened"
    return [f"DURABILITY_SEED={seed}", *found, *fate.events] if found else []


def _watch(rehearsal: Rehearsal, fate: Misfortune) -> None:
    rehearsal.sandbox.on_arrival = fate.meanwhile


def test_faults_by_dice_leave_everybody_told_the_truth(rehearsal: Rehearsal) -> None:
    assert [found for seed in _seeds(4) if (found := _broken(rehearsal, seed))] == []


@pytest.mark.one_database
@pytest.mark.thorough
def test_many_faults_by_dice_leave_everybody_told_the_truth(rehearsal: Rehearsal) -> None:
    assert [found for seed in _seeds(60) if (found := _broken(rehearsal, seed))] == []


@pytest.mark.one_database
def test_dice_find_out_a_worker_that_sends_again_without_looking(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.go_blind(monkeypatch.setattr)
    assert any(_broken(rehearsal, seed) for seed in range(5))
