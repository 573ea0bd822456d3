"""Who holds what: what counts (Holding), by which path (Assignment), and how it changed (LicenseEvent, Reprocess)."""

import hashlib
from collections.abc import Iterable

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.models import GUID, Customer, DirectoryUser
from licenses.product_models import Product


class PlanSet(models.Model):
    """A distinct set of switched-off plans of one product; tenants have few, so boxes are a GROUP BY over them."""

    product = models.ForeignKey(Product, models.PROTECT, related_name="plan_sets")
    digest = models.CharField(max_length=32)
    # Sorted plan ids that are off; an empty list is "everything on".
    disabled = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["product", "digest"], name="plan_set_once")]

    def __str__(self) -> str:
        return f"{self.product}: {len(self.disabled)} off"

    @staticmethod
    def digest_of(disabled: Iterable[str]) -> str:
        """Return the key of a set of plan ids, whatever their order."""
        return hashlib.md5(",".join(sorted(set(disabled))).encode(), usedforsecurity=False).hexdigest()


class Holding(models.Model):
    """A user holds a product: the row that boxes, filters, holders and counts read."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+")
    user = models.ForeignKey(DirectoryUser, models.CASCADE, related_name="holdings")
    product = models.ForeignKey(Product, models.PROTECT, related_name="holdings")
    # Effective: a plan is in it only if it is off in every active path.
    plan_set = models.ForeignKey(PlanSet, models.PROTECT, related_name="+")
    direct = models.BooleanField()
    by_group = models.BooleanField()
    # The direct path's own set; null without an active direct path.
    direct_plan_set = models.ForeignKey(PlanSet, models.PROTECT, related_name="+", null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "product"], name="holding_once"),
            models.CheckConstraint(condition=Q(direct=True) | Q(by_group=True), name="holding_by_a_path"),
            models.CheckConstraint(
                condition=Q(direct=True, direct_plan_set__isnull=False) | Q(direct=False, direct_plan_set__isnull=True),
                name="holding_direct_set",
            ),
        ]
        indexes = [models.Index(fields=["customer", "product", "user"], name="holders_of_product")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.product_id}"


class Assignment(models.Model):
    """One path by which a user was given a product; in Error or Disabled it holds nothing."""

    DIRECT = "direct"

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+")
    user = models.ForeignKey(DirectoryUser, models.CASCADE, related_name="assignments")
    product = models.ForeignKey(Product, models.PROTECT, related_name="assignments")
    # A group's object id, or "direct".
    via = models.CharField(max_length=GUID)
    plan_set = models.ForeignKey(PlanSet, models.PROTECT, related_name="+")
    state = models.CharField(max_length=32)
    error = models.CharField(max_length=64, blank=True)
    since = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "product", "via"], name="assignment_once")]
        indexes = [
            models.Index(fields=["customer", "via", "user"], name="assignments_by_path"),
            models.Index(fields=["customer", "product"], name="assignments_in_error", condition=~Q(error="")),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.product_id} via {self.via}"


class LicenseEvent(models.Model):
    """Something changed for a user: seen by a sync, or made by one of our changes; the user's history."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="license_events")
    user = models.ForeignKey(DirectoryUser, models.SET_NULL, null=True, blank=True, related_name="license_events")
    object_id = models.CharField(max_length=GUID)
    # Null: the usage location changed, not a product.
    product = models.ForeignKey(Product, models.PROTECT, null=True, blank=True, related_name="+")
    # {"paths": {via: {"disabled": [plan ids], "state": "Active"}}}, {"usageLocation": "JP"}, or null: nothing held.
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    change = models.ForeignKey("licenses.LicenseChange", models.SET_NULL, null=True, blank=True, related_name="events")
    # Who asked for it when it was no change: licenses by group were reprocessed.
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    seen_at = models.DateTimeField()

    class Meta:
        verbose_name = _("license event")
        indexes = [
            models.Index(fields=["customer", "seen_at"], name="events_of_customer"),
            models.Index(fields=["user", "seen_at"], name="events_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.object_id} {self.seen_at:%Y-%m-%d %H:%M}"


class Reprocess(models.Model):
    """Somebody asked Microsoft to judge anew what groups give a user; what changed by it are events of the user."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="reprocesses")
    user = models.ForeignKey(DirectoryUser, models.SET_NULL, null=True, blank=True, related_name="reprocesses")
    object_id = models.CharField(max_length=GUID)
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False)
    # The path at which it was asked for; Microsoft judges all groups of the user.
    sku_id = models.CharField(max_length=GUID)
    group_id = models.CharField(max_length=GUID)
    asked_at = models.DateTimeField()
    # What the answer proves (gateways.protocol.OutcomeKind); until it is there nobody knows.
    outcome = models.CharField(max_length=16, default="unclear")
    was_sent = models.BooleanField(default=True)
    # Of what was not done: its kind (core.failures) and Microsoft's own words.
    failure_kind = models.CharField(max_length=32, blank=True)
    message = models.TextField(blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = _("reprocessing")
        indexes = [models.Index(fields=["user", "asked_at"], name="reprocesses_of_user")]

    def __str__(self) -> str:
        return f"{self.object_id} {self.asked_at:%Y-%m-%d %H:%M}"
