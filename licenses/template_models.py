"""Saved templates: products with the plans that are off in them, under a name."""

import uuid
from collections.abc import Iterable

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.folding import fold
from customers.models import Customer
from licenses.core.template import Line
from licensing_portal.staff.models import StaffUser

MAX_NAME = 100
# Folding may make a name longer: some signs stand for several letters.
_MAX_KEY = 200


class LicenseTemplateQuerySet(models.QuerySet["LicenseTemplate"]):
    """Templates, asked for by who may see them and where they may be used."""

    def visible_to(self, staff: StaffUser) -> "LicenseTemplateQuerySet":
        """Return those of all customers, and those of customers in this person's scope."""
        return self.filter(Q(customer__isnull=True) | Q(customer__in=Customer.objects.visible_to(staff)))

    def usable_at(self, customer: Customer) -> "LicenseTemplateQuerySet":
        """Return those that may be applied to users of this customer."""
        return self.filter(Q(customer__isnull=True) | Q(customer=customer))


class LicenseTemplate(models.Model):
    """A starting point for Manage licenses, of one customer or (null) of all customers of the partner.

    SKU and plan ids are the same at every tenant, so a template of all customers names its products by them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(Customer, models.CASCADE, null=True, blank=True, related_name="license_templates")
    name = models.CharField(max_length=MAX_NAME)
    # The folded name: what reads the same is the same name, and is found by a search.
    name_key = models.CharField(max_length=_MAX_KEY, editable=False)
    # [{"skuId": …, "disabledPlans": [plan ids]}]
    products = models.JSONField(default=list)
    # Two letters; empty: the template says nothing about it.
    usage_location = models.CharField(max_length=2, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="license_templates")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects = LicenseTemplateQuerySet.as_manager()

    class Meta:
        verbose_name = _("template")
        constraints = [
            models.UniqueConstraint(fields=["customer", "name_key"], name="template_name_once_a_customer"),
            models.UniqueConstraint(
                fields=["name_key"], name="template_name_once_for_all", condition=Q(customer__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def lines(self) -> tuple[Line, ...]:
        """The products as they fill boxes."""
        return tuple(Line(sku_id=entry["skuId"], disabled=frozenset(entry["disabledPlans"])) for entry in self.products)


def products_of(lines: Iterable[Line]) -> list[dict[str, object]]:
    """Return the stored form of lines."""
    return [{"skuId": line.sku_id, "disabledPlans": sorted(line.disabled)} for line in lines]


def name_key(name: str) -> str:
    """Return what a name is compared and found by."""
    return fold(name)[:_MAX_KEY]
