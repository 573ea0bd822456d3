"""Users of a customer as rows for a sheet: who they are and what they hold, by which path."""

from collections.abc import Iterator
from itertools import batched

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from customers.models import Customer, DirectoryUser
from customers.user_list import as_of
from licenses.core.holdings import PathState
from licenses.explanations import path_error
from licenses.models import Assignment, Holding
from licenses.product_names import in_words
from licenses.services.exports import ROWS_AT_ONCE
from licensing_portal.lists import listed
from licensing_portal.sheets import Cell, Column, Sheet

# (name, direct, groups): what is held and how.
type Held = tuple[str, bool, list[str]]


def user_sheet(customer: Customer, users: QuerySet[DirectoryUser]) -> Sheet:
    """Return a row per user, in the order given."""
    headings = [
        _("User"),
        _("Sign-in name"),
        _("Mail"),
        _("Object ID"),
        _("Department"),
        _("Job title"),
        _("Usage location"),
        _("Sign-in"),
        _("Type"),
        _("Source"),
        _("Licenses"),
        _("Errors"),
    ]
    columns = [*map(Column, headings), Column(_("As of"), is_moment=True)]
    return Sheet(_("Users and licenses"), columns, _rows(customer, users))


def _rows(customer: Customer, users: QuerySet[DirectoryUser]) -> Iterator[list[Cell]]:
    groups = dict(customer.groups.values_list("object_id", "display_name"))
    for some in batched(users.defer("search").iterator(ROWS_AT_ONCE), ROWS_AT_ONCE):
        pks = [user.pk for user in some]
        vias, errors = _paths(pks, groups)
        licences = _licences(pks, vias)
        for user in some:
            yield _row(customer, user, licences.get(user.pk, ()), errors.get(user.pk, ()))


def _row(
    customer: Customer, user: DirectoryUser, licences: "list[str] | tuple[()]", errors: "list[str] | tuple[()]"
) -> list[Cell]:
    return [
        user.display_name,
        user.user_principal_name,
        user.mail,
        user.object_id,
        user.department,
        user.job_title,
        user.usage_location,
        _("allowed") if user.enabled else _("blocked"),
        _("Guest") if user.is_guest else _("Member"),
        _("synced from on-premises") if user.on_premises else _("cloud"),
        listed(licences),
        listed(errors),
        as_of(user, customer),
    ]


def _licences(pks: list[int], vias: dict[tuple[int, int], list[str]]) -> dict[int, list[str]]:
    """Return what users hold by row id, in the order of the names: "Microsoft 365 E3 (direct)"."""
    held = Holding.objects.filter(user_id__in=pks).order_by("product__display_name", "product_id")
    found: dict[int, list[str]] = {}
    for user, product, name, direct in held.values_list("user_id", "product_id", "product__display_name", "direct"):
        paths = [_("direct")] * direct + [_by(group) for group in vias.get((user, product), ())]
        found.setdefault(user, []).append(f"{in_words(name)} ({listed(paths) or _('by group')})")
    return found


def _paths(pks: list[int], groups: dict[str, str]) -> tuple[dict[tuple[int, int], list[str]], dict[int, list[str]]]:
    """Return the groups by which users hold a product, and the errors of their paths, each in words."""
    rows = Assignment.objects.filter(user_id__in=pks).order_by("product__display_name", "product_id", "via")
    vias: dict[tuple[int, int], list[str]] = {}
    errors: dict[int, list[str]] = {}
    for user, product, name, via, state, error in rows.values_list(
        "user_id", "product_id", "product__display_name", "via", "state", "error"
    ):
        group = "" if via == Assignment.DIRECT else groups.get(via, via)
        if group and PathState.parse(state).holds:
            vias.setdefault((user, product), []).append(group)
        if error:
            path = _by(group) if group else _("direct")
            errors.setdefault(user, []).append(f"{in_words(name)} ({path}): {path_error(error).title}")
    return vias, errors


def _by(group: str) -> str:
    return _("by group %(group)s") % {"group": group}
