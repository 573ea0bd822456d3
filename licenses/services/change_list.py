"""Change history: what may be asked of it, which changes match, and what each of them was about."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from unicodedata import normalize
from uuid import UUID

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.folding import fold, one_line
from customers.models import Customer
from licenses.core.diff import Choice
from licenses.models import ChangeProduct, LicenseChange, Product, ServicePlan, UserChange
from licenses.services.outcomes import Line
from licenses.services.report import NEEDED_NOTHING
from licensing_portal.converters import is_guid
from licensing_portal.lists import listed
from licensing_portal.staff.models import StaffUser

# What may be a part of any tenant id: as a search it means a ticket.
_ID_PART = re.compile("[0-9a-f-]{1,35}")
# Names offered while typing; more are found by typing.
_OFFERED = 200
# Service plans named in a line; more are a number.
_PLANS_NAMED = 3
_LONGEST = 200
# Columns of a change that may be long and are not part of its row.
UNSHOWN = ("planned_users", "seats", "seats_before", "losses", "causes", "search")
_EARLIEST, _LATEST = date(1970, 1, 2), date(9000, 1, 1)

FIELDS = {
    "q": gettext_lazy("Search changes"),
    "person": gettext_lazy("Person"),
    "customer": gettext_lazy("Customer"),
    "product": gettext_lazy("Product"),
    "user": gettext_lazy("User"),
    "ticket": gettext_lazy("Ticket or reason"),
    "removals": gettext_lazy("Removals only"),
    "from": gettext_lazy("From"),
    "to": gettext_lazy("To"),
}


@dataclass(frozen=True, slots=True)
class ChangeQuery:
    """What was typed into each field, and what is wrong with it: field → sentence."""

    typed: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_filtered(self) -> bool:
        """Whether a part of the changes is asked for."""
        return any(self.typed.values())

    @property
    def object_id(self) -> str:
        """The one user who is asked for by id; empty for a text."""
        return self.typed["user"].lower() if is_guid(self.typed["user"]) else ""


class ChangeList:
    """The changes of some customers: all that a person may see, or a single one."""

    def __init__(self, customers: QuerySet[Customer], single: Customer | None = None) -> None:
        self._customers, self._single = customers, single
        # As EXISTS: with IN, SQLite reads customer by customer and sorts them all for one page.
        seen = Exists(customers.filter(pk=OuterRef("customer_id")))
        scope = Q(customer=single) if single else Q(seen)
        self._all = LicenseChange.objects.filter(scope).exclude(status=LicenseChange.Status.DRAFT)
        mine = self._all.filter(staff=OuterRef("pk"))
        self.people = list(StaffUser.objects.filter(Exists(mine)).order_by("display_name", "pk"))

    def offered_customers(self) -> list[str]:
        """Return names of customers with changes, for the list under the field."""
        changed = self._all.filter(customer=OuterRef("pk"))
        found = self._customers.filter(Exists(changed)).order_by("sort_key", "pk")
        return list(found.values_list("name", flat=True)[:_OFFERED])

    def offered_products(self, chosen: str) -> list[Product]:
        """Return the products of these changes, and the one that is asked for."""
        scope = Q(change__customer=self._single) if self._single else Q(change__customer__in=self._customers)
        shown = ~Q(change__status=LicenseChange.Status.DRAFT)
        touched = ChangeProduct.objects.filter(scope, shown, sku_id=OuterRef("sku_id"))
        wanted = Q(sku_id=chosen.lower()) if is_guid(chosen) else Q(pk__in=())
        return list(Product.objects.filter(Exists(touched) | wanted).order_by("display_name", "pk"))

    def parse(self, data: Mapping[str, str], products: Sequence[Product]) -> ChangeQuery:
        """Read the fields of the form; what is not known or no date is an error of its field."""
        typed = {name: one_line(data.get(name, ""))[:_LONGEST] for name in FIELDS}
        # No text, but a choice: what is not one is refused as it came.
        typed["product"] = data.get("product", "").strip()[:_LONGEST]
        if self._single:
            typed["customer"] = ""
        known = {product.sku_id for product in products}
        checks: dict[str, bool] = {
            "product": not typed["product"] or typed["product"].lower() in known,
            "removals": typed["removals"] in ("", "1"),
            "customer": not is_guid(typed["customer"]) or self._sees(typed["customer"]),
        }
        errors = {name: _unknown(name) for name, is_good in checks.items() if not is_good}
        days = {name: _day(typed[name]) for name in ("from", "to")}
        errors |= {name: _no_date(name) for name, day in days.items() if typed[name] and day is None}
        typed |= {name: day.isoformat() for name, day in days.items() if day}
        if days["from"] and days["to"] and days["from"] > days["to"]:
            errors["to"] = _('"%(to)s" is before "%(from)s".') % {"to": FIELDS["to"], "from": FIELDS["from"]}
        return ChangeQuery(typed, errors)

    def _sees(self, tenant_id: str) -> bool:
        return self._customers.filter(tenant_id=tenant_id.lower()).exists()

    def matching(self, query: ChangeQuery) -> QuerySet[LicenseChange]:
        """Return the changes that a query matches, newest first; all of them when something is wrong with it."""
        found = self._all
        if not query.errors:
            found = found.filter(self._about(query), self._texts(query))
        return found.select_related("customer", "staff").defer(*UNSHOWN).order_by("-created_at", "pk")

    def _texts(self, query: ChangeQuery) -> Q:
        """Return the conditions of the fields that take any text, compared as folded."""
        condition = Q()
        if ticket := fold(query.typed["ticket"]):
            condition &= Q(search__contains=ticket)
        if customer := fold(query.typed["customer"]):
            condition &= self._customer_like(customer)
        if person := fold(query.typed["person"]):
            condition &= self._by(person)
        if q := fold(query.typed["q"]):
            by_customer = Q(pk__in=()) if self._single or _ID_PART.fullmatch(q) else self._customer_like(q)
            condition &= Q(search__contains=q) | self._by(q) | by_customer
        return condition

    def _by(self, folded: str) -> Q:
        texts = ((person, (person.display_name, person.sign_in_name)) for person in self.people)
        return Q(staff__in=[person for person, names in texts if any(folded in fold(name) for name in names)])

    def _customer_like(self, folded: str) -> Q:
        return Q(customer__in=self._customers.filter(search__contains=folded))

    def _about(self, query: ChangeQuery) -> Q:
        """Return the conditions of product, removals, user and time."""
        condition = Q()
        asked: dict[str, Any] = {"takes_away": True} if query.typed["removals"] else {}
        asked |= {"sku_id": sku_id} if (sku_id := query.typed["product"].lower()) else {}
        if asked:
            condition &= Q(pk__in=ChangeProduct.objects.filter(**asked).values("change_id"))
        if user := query.object_id:
            condition &= Q(pk__in=UserChange.objects.filter(object_id=user).values("change_id"))
        elif folded := fold(query.typed["user"]):
            condition &= Q(pk__in=UserChange.objects.filter(search__contains=folded).values("change_id"))
        if since := _day(query.typed["from"]):
            condition &= Q(created_at__gte=_midnight(since))
        if until := _day(query.typed["to"]):
            condition &= Q(created_at__lt=_midnight(until + timedelta(days=1)))
        return condition


def _unknown(name: str) -> str:
    return _('The value of "%(field)s" is not known; the list shows all changes.') % {"field": FIELDS[name]}


def _no_date(name: str) -> str:
    return _('"%(field)s" is no date like 2026-11-23; the list shows all changes.') % {"field": FIELDS[name]}


def _day(text: str) -> date | None:
    """Return a day as a date field sends it, full-width digits and slashes too; None for anything else."""
    try:
        day = date.fromisoformat(normalize("NFKC", text).replace("/", "-"))
    except ValueError:
        return None
    return day if _EARLIEST <= day <= _LATEST else None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change with what it was about and how many of its users were updated or need action."""

    change: LicenseChange
    lines: tuple[Line, ...]
    updated: int
    # Who needed no call.
    already: int
    action: int
    # Who was not updated, and by somebody's decision stays so.
    left: int


def rows_of(changes: Sequence[LicenseChange]) -> list[ChangeRow]:
    """Return the rows of a page, in four queries."""
    states = UserChange.State
    rows = UserChange.objects.filter(change__in=changes).order_by().values("change_id", "state")
    counted = rows.annotate(
        number=Count("*"),
        already=Count("state", filter=NEEDED_NOTHING),
        left=Count("state", filter=Q(left_at__isnull=False)),
    )
    updated, already, action, left = Counter[UUID](), Counter[UUID](), Counter[UUID](), Counter[UUID]()
    for row in counted:
        if row["state"] == states.UPDATED:
            already[row["change_id"]] = row["already"]
            updated[row["change_id"]] = row["number"] - row["already"]
        elif row["state"] in UserChange.ACTION:
            left[row["change_id"]] += row["left"]
            action[row["change_id"]] += row["number"] - row["left"]
    subjects: dict[UUID, list[ChangeProduct]] = {}
    for subject in ChangeProduct.objects.filter(change__in=changes):
        subjects.setdefault(subject.change_id, []).append(subject)
    names = _names(changes, {one.sku_id for found in subjects.values() for one in found})
    return [
        ChangeRow(
            change,
            tuple(_lines(change, subjects.get(change.pk, ()), *names)),
            updated[change.pk],
            already[change.pk],
            action[change.pk],
            left[change.pk],
        )
        for change in changes
    ]


def _names(changes: Sequence[LicenseChange], skus: set[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return names of products and of service plans by id."""
    plans = [key.split("/", 1) for change in changes for key in change.wish.get("plans", {})]
    skus |= {sku_id for change in changes for sku_id in change.wish.get("products", {})} | {sku for sku, _plan in plans}
    named = Product.objects.filter(sku_id__in=skus).values_list("sku_id", "display_name")
    plans_named = ServicePlan.objects.filter(plan_id__in={plan for _sku, plan in plans})
    return dict(named), dict(plans_named.values_list("plan_id", "display_name"))


def _lines(
    change: LicenseChange, subjects: Sequence[ChangeProduct], products: Mapping[str, str], plans: Mapping[str, str]
) -> list[Line]:
    """Return what a change does or did, by product names, and for how many users."""
    found = []
    counted = {subject.sku_id: subject for subject in subjects}
    for sku_id in dict.fromkeys((*counted, *change.wish.get("products", {}))):
        name, wished = products.get(sku_id, sku_id), change.wish.get("products", {}).get(sku_id)
        subject = counted.get(sku_id) or ChangeProduct()
        if subject.assigned or (wished == Choice.ALL and not subject.unassigned):
            found.append(Line("plus", _("Assigned"), _with_number(name, subject.assigned)))
        if subject.unassigned or (wished == Choice.NONE and not subject.assigned):
            found.append(Line("minus", _("Unassigned"), _with_number(name, subject.unassigned)))
    found.sort(key=lambda line: (line.icon != "plus", line.text))
    if change.kind == LicenseChange.Kind.UNDO:
        edited = sorted((products.get(one.sku_id, one.sku_id), one.edited) for one in subjects if one.edited)
        words = _("%(product)s: service plans as before")
        found += [
            Line("switch", _("Service plans"), _with_number(words % {"product": name}, number))
            for name, number in edited
        ]
        return found or _of_an_undo(change)
    switched: dict[tuple[str, str], list[str]] = {}
    for key, choice in change.wish.get("plans", {}).items():
        sku_id, _slash, plan_id = key.partition("/")
        switched.setdefault((products.get(sku_id, sku_id), choice), []).append(plans.get(plan_id, plan_id))
    found += [_switched(name, choice, sorted(names)) for (name, choice), names in sorted(switched.items())]
    if location := change.wish.get("location"):
        found.append(Line("location", _("Usage location"), location))
    return found


def _with_number(text: str, users: int | None) -> str:
    """Return a text with its number of users; without one where nobody has counted."""
    return text if users is None else f"{text} ({intcomma(users)})"


def _of_an_undo(change: LicenseChange) -> list[Line]:
    """Return the line of an undo that wishes no product: it turns back a change of locations alone."""
    is_undo = change.kind == LicenseChange.Kind.UNDO
    return [Line("location", _("Usage location"), _("as before the change"))] if is_undo else []


def _switched(product: str, choice: str, plans: list[str]) -> Line:
    """Return a line about the service plans that are switched in one product."""
    is_off = choice == Choice.NONE
    names = listed(plans)
    if len(plans) > _PLANS_NAMED:
        names = _("%(n)d service plans") % {"n": len(plans)}
    words = _("%(plans)s off in %(product)s") if is_off else _("%(plans)s on in %(product)s")
    text = words % {"plans": names, "product": product}
    return Line("switch", _("Switched off") if is_off else _("Switched on"), text)
