"""Saved templates: kept under a name, listed in words, renamed and deleted.

Who may change one: whoever prepares changes for its customer. One of all customers concerns people who see other
customers, so it is changed by its maker, or by those who may change the portal's settings.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import F

from customers.models import Customer
from licenses.core.template import Line
from licenses.models import LicenseTemplate, Product, ServicePlan
from licenses.template_models import name_key, products_of
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Right

# Templates that Manage licenses offers in its list.
OFFERED = 200


class NameTaken(Exception):
    """A template of the same customer, or of all customers, has this name."""


@dataclass(frozen=True, slots=True)
class Content:
    """A product of a template in words: its name and the names of the plans that are off."""

    product: str
    off: tuple[str, ...]


def offered(customer: Customer) -> list[LicenseTemplate]:
    """Return the templates that can be applied at a customer, its own first, by name; at most OFFERED."""
    found = LicenseTemplate.objects.usable_at(customer).only("customer_id", "name")
    return list(found.order_by(F("customer").asc(nulls_last=True), "name_key", "id")[:OFFERED])


def may_change(staff: StaffUser, template: LicenseTemplate) -> bool:
    """Tell whether somebody who sees a template may rename or delete it."""
    if not staff.may(Right.LICENSE_PLAN):
        return False
    is_own = template.created_by_id == staff.pk
    return template.customer_id is not None or is_own or staff.may(Right.SETTINGS_CHANGE)


def create(
    staff: StaffUser, name: str, lines: Iterable[Line], *, customer: Customer | None, location: str = ""
) -> LicenseTemplate:
    """Keep a template of a customer, or (None) of all customers. Raises NameTaken."""
    template = LicenseTemplate(
        customer=customer,
        name=name,
        name_key=name_key(name),
        products=products_of(lines),
        usage_location=location,
        created_by=staff,
    )
    _save(template)
    return template


def rename(template: LicenseTemplate, name: str) -> None:
    """Give a template another name. Raises NameTaken."""
    template.name, template.name_key = name, name_key(name)
    _save(template)


def _save(template: LicenseTemplate) -> None:
    try:
        # The constraint decides: two people may choose the same name at once.
        with transaction.atomic():
            template.save()
    except IntegrityError as error:
        raise NameTaken from error


def in_words(templates: Iterable[LicenseTemplate]) -> dict[object, list[Content]]:
    """Return what is in each template by its id, in two queries however many there are."""
    lines = {template.pk: template.lines for template in templates}
    skus = {line.sku_id for some in lines.values() for line in some}
    plans = {plan_id for some in lines.values() for line in some for plan_id in line.disabled}
    products = dict(Product.objects.filter(sku_id__in=skus).values_list("sku_id", "display_name"))
    names = dict(ServicePlan.objects.filter(plan_id__in=plans).values_list("plan_id", "display_name"))
    return {
        pk: sorted(
            (
                Content(
                    products.get(line.sku_id, line.sku_id),
                    tuple(sorted(names.get(plan_id, plan_id) for plan_id in line.disabled)),
                )
                for line in some
            ),
            key=lambda content: content.product,
        )
        for pk, some in lines.items()
    }
