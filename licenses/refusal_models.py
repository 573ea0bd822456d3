"""What Microsoft refused to combine for one customer, though no rule foresaw it."""

from django.db import models

from customers.models import Customer


class RefusalSeen(models.Model):
    """One combination that was refused; it goes when a call with the same combination succeeds."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="refusals")
    # The failure's kind (core.failures), and a digest of kind and combination.
    kind = models.CharField(max_length=32)
    key = models.CharField(max_length=32)
    # {"on": [plan ids], "lacking": […], "given": [SKU ids], "off": [plan ids], "location": "CN" or ""}
    combination = models.JSONField(default=dict)
    # What Microsoft named, in its order, and its own words.
    skus = models.JSONField(default=list)
    plans = models.JSONField(default=list)
    code = models.CharField(max_length=100, blank=True)
    message = models.TextField(blank=True)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    # How many users it has hit.
    number = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["customer", "key"], name="refusal_once_per_customer")]
        indexes = [models.Index(fields=["customer", "-last_seen"], name="refusals_by_time")]

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.kind} ({self.number})"
