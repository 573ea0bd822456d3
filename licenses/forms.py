"""The form of Manage licenses: choices of boxes become a wish (frontend.md 4.2).

An absent field means keep; an unknown value is an error at its field; an id that the customer does not own is a 404.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime

from django.http import Http404, QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from customers.folding import one_line
from licenses.core.catalog import AppliesTo, Catalog
from licenses.core.diff import Choice, Wish
from licenses.core.template import Line, lines_of_wish
from licenses.countries import CODES
from licenses.template_models import MAX_NAME

_GUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_PRODUCT = re.compile(f"product-({_GUID})")
_PLAN = re.compile(f"plan-({_GUID})-({_GUID})")
_KEY = re.compile(r"[0-9A-Za-z-]{8,64}")
MAX_REFERENCE = 200
# "enter" is nobody's button: the one that a form is sent by when Enter is pressed in a field.
BUTTONS = ("save", "review", "enter", "copy", "template", "save-template")


def one_time_key(data: QueryDict) -> str:
    """Return the one-time key of a form; empty when it is none."""
    key = data.get("key", "")
    return key if _KEY.fullmatch(key) else ""


def content_of(data: QueryDict) -> list[tuple[str, str]]:
    """Return what makes two posts the same: everything but token and key."""
    skipped = ("csrfmiddlewaretoken", "key")
    return [(name, value) for name in data if name not in skipped for value in data.getlist(name)]


@dataclass
class WishForm:
    """A posted form against what the customer owns; `errors` holds a sentence per field name."""

    data: QueryDict
    catalog: Catalog
    errors: dict[str, str] = field(default_factory=dict)
    products: dict[str, Choice] = field(default_factory=dict)
    plans: dict[tuple[str, str], Choice] = field(default_factory=dict)
    _boxes: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name in self.data:
            if name.startswith(("product-", "plan-")):
                self._take(name)
        self.location = self._location()
        if self.data.get("go", "review") not in BUTTONS:
            self.errors[""] = _("This button is not known. Use Save or Review changes.")
        if len(self.reference) > MAX_REFERENCE:
            self.errors["reference"] = _("At most %(n)d characters, please.") % {"n": MAX_REFERENCE}

    @classmethod
    def of_wish(cls, wish: Wish, reference: str, catalog: Catalog) -> "WishForm":
        """Return the form of a stored wish; what the customer no longer owns is left out."""
        data = QueryDict(mutable=True)
        offered = {sku.sku_id: sku for sku in catalog.skus.values() if sku.applies_to == AppliesTo.USER}
        for sku_id, choice in wish.products.items():
            if sku_id in offered:
                data[f"product-{sku_id}"] = choice.value
        for (sku_id, plan_id), choice in wish.plans.items():
            if sku_id in offered and plan_id in {plan.plan_id for plan in offered[sku_id].user_plans}:
                data[f"plan-{sku_id}-{plan_id}"] = choice.value
        if wish.location:
            data["location"] = wish.location
        if wish.overwrite_location:
            data["overwrite_location"] = "1"
        if not wish.carry_over:
            data["carry_over"] = "off"
        data["reference"] = reference
        return cls(data, catalog)

    def _take(self, name: str) -> None:
        """Read one box; one that comes twice, in whatever letters, is as unclear as an unknown value."""
        product, plan = _PRODUCT.fullmatch(name), _PLAN.fullmatch(name)
        match = product or plan
        sku = self.catalog.get(match[1].lower()) if match else None
        if match is None or sku is None or sku.applies_to != AppliesTo.USER:
            raise Http404
        plan_id = plan[2].lower() if plan else ""
        if plan and plan_id not in {one.plan_id for one in sku.user_plans}:
            raise Http404
        values = self.data.getlist(name)
        # Our own spelling: the page links to the box by it.
        box = name.lower()
        if len(values) != 1 or box in self._boxes:
            self.errors[box] = _("This choice came twice. Choose again.")
        elif values[0] not in {choice.value for choice in Choice}:
            self.errors[box] = _("This choice is not known. Choose again.")
        elif plan:
            self.plans[sku.sku_id, plan_id] = Choice(values[0])
        else:
            self.products[sku.sku_id] = Choice(values[0])
        self._boxes.add(box)

    def _location(self) -> str | None:
        code = self.data.get("location", "keep").strip().upper()
        if code in ("KEEP", ""):
            return None
        if code not in CODES:
            self.errors["location"] = _("This location is not known. Choose one of the list.")
            return None
        return code

    @property
    def product_errors(self) -> dict[str, str]:
        """What was refused in a product's row, its plans included, by SKU."""
        found = ((_PRODUCT.fullmatch(name) or _PLAN.fullmatch(name), text) for name, text in self.errors.items())
        return {match[1]: text for match, text in found if match}

    @property
    def reference(self) -> str:
        """The ticket or reason."""
        return one_line(self.data.get("reference", ""))

    @property
    def overwrite_location(self) -> bool:
        """Whether the location is for users who have another one, too."""
        return self.data.get("overwrite_location") == "1"

    @property
    def carry_over(self) -> bool:
        """Whether what people had off in a product that goes stays off in one that comes."""
        return self.data.get("carry_over") != "off"

    @property
    def key(self) -> str:
        """The one-time key; empty when it is none."""
        return one_time_key(self.data)

    @property
    def counter(self) -> int | None:
        """The selection's counter when the form was rendered."""
        text = self.data.get("selection", "")
        return int(text) if text.isdecimal() and len(text) < 10 else None

    @property
    def seen(self) -> datetime | None:
        """When the form was rendered; a time without zone counts as not given.

        So does one in the future: a clock was ahead, and what changed since the form cannot be told.
        """
        try:
            moment = parse_datetime(self.data.get("seen", ""))
        except ValueError:
            return None
        if moment is None or moment.tzinfo is None or moment > timezone.now():
            return None
        return moment

    @property
    def starts(self) -> bool:
        """Whether Save was pressed; without a button it is only reviewed."""
        return self.data.get("go") == "save"

    @property
    def wish(self) -> Wish:
        """The choices."""
        return Wish(
            products=self.products,
            plans=self.plans,
            location=self.location,
            overwrite_location=self.overwrite_location,
            carry_over=self.carry_over,
        )


@dataclass
class NameForm:
    """A typed name of a template; `errors` holds a sentence per field name."""

    data: QueryDict
    errors: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name:
            self.errors["template_name"] = _("Give the template a name.")
        elif len(self.name) > MAX_NAME:
            self.errors["template_name"] = _("At most %(n)d characters, please.") % {"n": MAX_NAME}

    @property
    def name(self) -> str:
        """The name."""
        return one_line(self.data.get("template_name", ""))

    def say_taken(self) -> None:
        """Refuse the name: another template has it."""
        self.errors["template_name"] = _("There is a template “%(name)s” already. Choose another name.") % {
            "name": self.name
        }


@dataclass
class TemplateForm(NameForm):
    """The part of Manage licenses by which what is to be assigned becomes a template."""

    wish: Wish = field(default_factory=Wish)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.data.get("template_for", "customer") not in ("customer", "all"):
            self.errors["template_for"] = _("This choice is not known. Choose again.")
        if not self.lines:
            text = _("Assign at least one product: a template holds what is assigned.")
            self.errors.setdefault("template_name", text)

    @property
    def is_for_all(self) -> bool:
        """Whether every customer may use it."""
        return self.data.get("template_for") == "all"

    @property
    def lines(self) -> tuple[Line, ...]:
        """What it will hold."""
        return lines_of_wish(self.wish)
