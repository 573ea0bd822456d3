"""Notes which products a change is about, so that the history can be asked for them."""

from collections.abc import Iterable

from licenses.core.catalog import SkuId
from licenses.core.diff import Choice, Wish
from licenses.core.planning import UserPlan
from licenses.core.undo import switched_off
from licenses.models import ChangeProduct, LicenseChange


def note_products(change: LicenseChange, wish: Wish, users: Iterable[UserPlan]) -> None:
    """Write anew what a change is about: what was wished, and what its users get or lose.

    The wish of an undo only names its products: who loses something is what each user's own call says.
    """
    is_by_wish = change.kind != LicenseChange.Kind.UNDO
    choices = [*wish.products.items(), *((sku_id, choice) for (sku_id, _plan), choice in wish.plans.items())]
    taken: dict[SkuId, bool] = {}
    for sku_id, choice in choices:
        if choice != Choice.KEEP:
            taken[sku_id] = taken.get(sku_id, False) or (is_by_wish and choice == Choice.NONE)
    for user in users:
        for add in user.diff.add:
            taken[add.sku_id] = taken.get(add.sku_id, False) or bool(switched_off(add, user.state_before))
        for sku_id in user.diff.remove:
            taken[sku_id] = True
    change.products.all().delete()
    ChangeProduct.objects.bulk_create(
        ChangeProduct(change=change, sku_id=sku_id, takes_away=takes) for sku_id, takes in taken.items()
    )
