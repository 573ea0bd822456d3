"""What people lose, counted by family and by user."""

from dataclasses import replace

from licenses.core.catalog import Catalog, Plan
from licenses.core.diff import Choice, Wish
from licenses.core.families import Family
from licenses.core.losses import losses
from licenses.core.planning import plan_save
from tests.unit.core.build import A, B, C, direct, group, sku, user

ALL, NONE = Choice.ALL, Choice.NONE
MAIL, CHAT, SOME = "mail", "chat", "some"


def _catalog() -> Catalog:
    """A has a mailbox, Teams and something without a family; B a mailbox; C is used up."""
    mail, chat, other_mail, some = (
        Plan(plan_id=plan_id, name=plan_id, display_name=plan_id, family=family)
        for plan_id, family in (
            (MAIL, Family.EXCHANGE),
            (CHAT, Family.TEAMS),
            ("other-mail", Family.EXCHANGE),
            (SOME, Family.OTHER),
        )
    )
    both = replace(sku(A), plans=(mail, chat, some))
    return Catalog.of([both, replace(sku(B), plans=(other_mail,)), replace(sku(C, free=0), plans=())])


def _losses(wish: Wish, *states: object) -> dict[Family, int]:
    return losses(plan_save(states, wish, _catalog()), _catalog())  # type: ignore[arg-type]


def test_families_that_end_are_counted_most_first() -> None:
    states = [user("1", sku_a=(direct(),)), user("2", sku_a=(direct(),), sku_b=(direct(),)), user("3")]
    found = _losses(Wish(products={A: NONE}), *states)
    assert list(found.items()) == [(Family.TEAMS, 2), (Family.EXCHANGE, 1)]


def test_what_a_group_or_a_new_product_keeps_is_no_loss() -> None:
    assert _losses(Wish(products={A: NONE}), user(sku_a=(direct(), group()))) == {}
    assert _losses(Wish(products={A: NONE, B: ALL}), user(sku_a=(direct(),))) == {Family.TEAMS: 1}


def test_a_plan_switched_off_is_a_loss_unless_it_has_no_family() -> None:
    holder = user(sku_a=(direct(),))
    assert _losses(Wish(plans={(A, CHAT): NONE}), holder) == {Family.TEAMS: 1}
    assert _losses(Wish(plans={(A, SOME): NONE}), holder) == {}


def test_what_was_off_before_is_no_loss() -> None:
    assert _losses(Wish(products={A: NONE}), user(sku_a=(direct(CHAT),))) == {Family.EXCHANGE: 1}


def test_a_refused_user_loses_nothing() -> None:
    assert _losses(Wish(products={A: NONE, C: ALL}), user(sku_a=(direct(),))) == {}


def test_a_gain_is_no_loss() -> None:
    assert _losses(Wish(products={A: ALL}), user()) == {}
