"""What exists and what a customer bought: products, service plans, entitlements, subscriptions."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models import GUID, Customer
from licenses.core.catalog import Seats


class Product(models.Model):
    """One SKU of Microsoft's catalogue; the name is Microsoft's, or the part number while unknown."""

    sku_id = models.CharField(max_length=GUID, unique=True)
    part_number = models.CharField(max_length=128)
    display_name = models.CharField(max_length=256)

    class Meta:
        verbose_name = _("product")

    def __str__(self) -> str:
        return self.display_name


class ServicePlan(models.Model):
    """One service plan of Microsoft's catalogue; `family` says what people know it as (Exchange, Teams, …)."""

    plan_id = models.CharField(max_length=GUID, unique=True)
    name = models.CharField(max_length=128)
    display_name = models.CharField(max_length=256)
    family = models.CharField(max_length=32, blank=True)

    class Meta:
        verbose_name = _("service plan")

    def __str__(self) -> str:
        return self.display_name


class Entitlement(models.Model):
    """What a customer owns of a product: one subscribed SKU with its seats."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="entitlements")
    product = models.ForeignKey(Product, models.PROTECT, related_name="entitlements")
    applies_to = models.CharField(max_length=16, default="User")
    capability_status = models.CharField(max_length=32)
    enabled = models.IntegerField(default=0)
    warning = models.IntegerField(default=0)
    suspended = models.IntegerField(default=0)
    locked_out = models.IntegerField(default=0)
    consumed = models.IntegerField(default=0)
    # Microsoft's count lags behind our own writes: until then `consumed` holds our arithmetic.
    settling_until = models.DateTimeField(null=True, blank=True)
    subscription_ids = models.JSONField(default=list)
    read_at = models.DateTimeField()

    plans: "models.ManyToManyField[ServicePlan, EntitlementPlan]" = models.ManyToManyField(
        ServicePlan, through="EntitlementPlan", related_name="+"
    )

    class Meta:
        verbose_name = _("entitlement")
        constraints = [models.UniqueConstraint(fields=["customer", "product"], name="entitlement_once")]

    def __str__(self) -> str:
        return f"{self.customer}: {self.product}"

    @property
    def seats(self) -> Seats:
        """The seats as the pure core counts them."""
        return Seats(
            enabled=self.enabled,
            warning=self.warning,
            suspended=self.suspended,
            locked_out=self.locked_out,
            consumed=self.consumed,
        )

    @property
    def is_assignable(self) -> bool:
        """Whether users can be given this product now."""
        return self.applies_to == "User" and self.capability_status in {"Enabled", "Warning"}


class EntitlementPlan(models.Model):
    """A service plan inside a customer's product, in Microsoft's order."""

    entitlement = models.ForeignKey(Entitlement, models.CASCADE, related_name="plan_rows")
    plan = models.ForeignKey(ServicePlan, models.PROTECT, related_name="+")
    # "User" can be switched per user, "Company" is shown but never offered.
    applies_to = models.CharField(max_length=16, default="User")
    provisioning_status = models.CharField(max_length=32)
    position = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entitlement", "plan"], name="entitlement_plan_once")]

    def __str__(self) -> str:
        return f"{self.entitlement_id}: {self.plan}"


class Subscription(models.Model):
    """One subscription behind a product; term, renewal and price stay null unless Partner Center gave them."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="subscriptions")
    product = models.ForeignKey(Product, models.PROTECT, related_name="+")
    subscription_id = models.CharField(max_length=64)
    commerce_subscription_id = models.CharField(max_length=64, blank=True)
    owner_tenant_id = models.CharField(max_length=GUID, blank=True)
    quantity = models.IntegerField()
    status = models.CharField(max_length=32)
    is_trial = models.BooleanField(default=False)
    next_lifecycle_at = models.DateTimeField(null=True, blank=True)
    term = models.CharField(max_length=16, null=True, blank=True)  # noqa: DJ001  null says "not known", never guessed
    auto_renew = models.BooleanField(null=True, blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)

    class Meta:
        verbose_name = _("subscription")
        constraints = [
            models.UniqueConstraint(fields=["customer", "product", "subscription_id"], name="subscription_once")
        ]

    def __str__(self) -> str:
        return self.subscription_id
