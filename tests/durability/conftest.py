"""Fixtures of the runs in one process."""

from functools import partial

import pytest

from tests.durability import mixture
from tests.durability.points import StruckSandbox
from tests.durability.rehearsal import Rehearsal, rehearse
from tests.durability.world import SWAP, new_sandbox


@pytest.fixture
def rehearsal(monkeypatch: pytest.MonkeyPatch, db: None) -> Rehearsal:
    """A change of all kinds, saved and queued."""
    saved = rehearse(monkeypatch, mixture.new_sandbox, mixture.people(mixture.new_sandbox()), mixture.WISH)
    saved.make_sandbox = mixture.with_lacking_seats
    return saved


@pytest.fixture
def swap(monkeypatch: pytest.MonkeyPatch, db: None) -> Rehearsal:
    """One product for another for 44 users, three calls, saved and queued; every user is like the other."""
    return swap_of(44, monkeypatch)


@pytest.fixture
def small_swap(monkeypatch: pytest.MonkeyPatch, db: None) -> Rehearsal:
    """The same for 20 users, one call."""
    return swap_of(20, monkeypatch)


def swap_of(users: int, monkeypatch: pytest.MonkeyPatch) -> Rehearsal:
    """Return a saved swap of products for so many users."""
    make = partial(new_sandbox, users, kind=StruckSandbox)
    return rehearse(monkeypatch, make, make().own_tenant.order[:users], SWAP)
