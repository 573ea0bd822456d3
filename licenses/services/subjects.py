"""Notes which products a change is about, so that the history can be asked for them."""

from collections.abc import Iterable

from licenses.core.diff import Choice, UserDiff, Wish
from licenses.models import ChangeProduct, LicenseChange


def note_products(change: LicenseChange, wish: Wish, diffs: Iterable[UserDiff]) -> None:
    """Write anew what a change is about: what was wished, and what its users get or lose.

    The wish of an undo only names its products: who loses something is what each user's own call says.
    """
    is_undo = change.kind == LicenseChange.Kind.UNDO
    taken = {
        sku_id: choice == Choice.NONE and not is_undo
        for sku_id, choice in wish.products.items()
        if choice != Choice.KEEP
    }
    for (sku_id, _plan_id), choice in wish.plans.items():
        if choice != Choice.KEEP:
            taken[sku_id] = taken.get(sku_id, False) or (choice == Choice.NONE and not is_undo)
    for diff in diffs:
        for add in diff.add:
            taken.setdefault(add.sku_id, False)
        for sku_id in diff.remove:
            taken[sku_id] = True
    change.products.all().delete()
    ChangeProduct.objects.bulk_create(
        ChangeProduct(change=change, sku_id=sku_id, takes_away=takes) for sku_id, takes in taken.items()
    )
