"""Starting points of Manage licenses: the licences of another user, or a template, brought into the form's boxes."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from customers import selection as selections
from customers.models import DirectoryUser, Selection
from licenses.core.catalog import Catalog, SkuId
from licenses.core.diff import Wish
from licenses.core.template import Box, Filled, Line, fill, lines_of_user
from licenses.models import LicenseTemplate, Product
from licenses.services.manage import ProductRow, product_rows
from licenses.services.states import load_states


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What was filled in and from where, for the sentence that says it."""

    name: str
    filled: Filled
    is_template: bool = False
    location: str = ""
    not_owned: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was chosen."""
        return not (self.filled.taken or self.filled.unassigned or self.location)

    @property
    def by_group(self) -> list[str]:
        """Products that the other user has by group alone."""
        return [one.sku.display_name for one in self.filled.taken if one.by_group]

    @property
    def already(self) -> list[str]:
        """Products that all selected users have."""
        return [one.sku.display_name for one in self.filled.taken if one.already]


def from_user(
    user: DirectoryUser, wish: Wish, selection: Selection, catalog: Catalog, *, also_unassign: bool = False
) -> Note:
    """Return the wish with this user's licences in it, and what is to be said of them."""
    lines = lines_of_user(load_states(selection.customer, [user.pk])[user.pk])
    filled = _fill(lines, wish, selection, catalog, also_unassign=also_unassign)
    return Note(name=user.display_name, filled=filled, not_owned=_names(filled.not_owned))


def from_template(template: LicenseTemplate, wish: Wish, selection: Selection, catalog: Catalog) -> Note:
    """Return the wish with a template in it, its usage location too, and what is to be said of it."""
    filled = _fill(template.lines, wish, selection, catalog)
    if template.usage_location:
        filled = replace(filled, wish=replace(filled.wish, location=template.usage_location))
    return Note(
        name=template.name,
        filled=filled,
        is_template=True,
        location=template.usage_location,
        not_owned=_names(filled.not_owned),
    )


def _fill(
    lines: Iterable[Line], wish: Wish, selection: Selection, catalog: Catalog, *, also_unassign: bool = False
) -> Filled:
    total = selections.count(selection)
    rows = product_rows(selection.customer, selection, catalog, Wish(), total=total)
    boxes = {row.sku.sku_id: _box(row) for row in rows}
    return fill(wish, lines, boxes, catalog, also_unassign=also_unassign)


def _box(row: ProductRow) -> Box:
    return Box(
        state=row.state,
        direct=row.direct > 0,
        locked=row.is_locked,
        plans={plan.plan.plan_id: plan.state for plan in row.plans},
    )


def _names(sku_ids: Iterable[SkuId]) -> tuple[str, ...]:
    """Return the names of products, whoever owns them; the id of one that nobody has owned."""
    wanted = tuple(sku_ids)
    known = dict(Product.objects.filter(sku_id__in=wanted).values_list("sku_id", "display_name")) if wanted else {}
    return tuple(known.get(sku_id, sku_id) for sku_id in wanted)
