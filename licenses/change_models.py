"""A save and its outbox: LicenseChange, its products, one UserChange per user, the write budget, the workers' beat."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.folded_field import FoldedField
from customers.models import GUID, Customer, DirectoryUser


class LicenseChange(models.Model):
    """One save: who wants what for whom. Its UserChange rows are the job; a task only rings the doorbell."""

    class Status(models.TextChoices):
        """Where a change stands."""

        DRAFT = "draft", _("Draft")
        PLANNING = "planning", _("Planning")
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        CANCELLING = "cancelling", _("Stopping")
        PAUSED = "paused", _("Paused")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Stopped")

    class Kind(models.TextChoices):
        """What a change was built from."""

        SAVE = "save", _("Save")
        RETRY = "retry", _("Retry")
        UNDO = "undo", _("Undo")
        REPAIR = "repair", _("Repair")

    class Lane(models.TextChoices):
        """Which of the tenant's two queues a change runs in; one change runs in each."""

        MAIN = "main"
        SMALL = "small"

    OPEN = (Status.PLANNING, Status.QUEUED, Status.RUNNING, Status.CANCELLING, Status.PAUSED)
    ACTIVE = (Status.RUNNING, Status.CANCELLING, Status.PAUSED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="changes")
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.SAVE)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="children")
    status = models.CharField(max_length=16, choices=Status, default=Status.DRAFT)
    lane = models.CharField(max_length=8, choices=Lane, default=Lane.MAIN)
    reference = models.CharField(max_length=200, blank=True, db_index=True)
    search = FoldedField(of=["reference"])
    # {"products": {sku: choice}, "plans": {"sku/plan": choice}, "location": "JP" or null, "overwriteLocation": false}
    wish = models.JSONField(default=dict)
    # The one-time key of the form that made it, and a digest of that form's content.
    key = models.CharField(max_length=64)
    content = models.CharField(max_length=64, blank=True)
    # The key of Review's own Save, once it was pressed.
    start_key = models.CharField(max_length=64, blank=True)
    selection_counter = models.PositiveIntegerField(default=0)
    seen_at = models.DateTimeField(null=True, blank=True)
    # Since when changes behind the draft's back are shown; null while there was none.
    drift_since = models.DateTimeField(null=True, blank=True)
    # Raised by every planning: who saves must have seen this one.
    plan_number = models.PositiveSmallIntegerField(default=0)
    # Why Review asks (core.planning.Cause values), and the seat table as planned.
    causes = models.JSONField(default=list)
    # Cause → how many users it concerns.
    figures = models.JSONField(default=dict)
    # Whom somebody left out in Review: {"blocked": [row ids], "guests": […], "<sku id>": […]}, the last without a seat.
    left_out = models.JSONField(default=dict)
    seats = models.JSONField(default=list)
    # SKU → units consumed when it began to run.
    seats_before = models.JSONField(default=dict)
    # What people lose, by family: [["exchange", 14], …].
    losses = models.JSONField(default=list)
    # What a swap keeps off: [{"skuId", "family", "planId", "users"}].
    kept_off = models.JSONField(default=list)
    total = models.PositiveIntegerField(default=0)
    # While `planning`: the chosen users' row ids in order, and whether to start at once when nothing asks for Review.
    planned_users = models.JSONField(default=list)
    starts_itself = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    # When the pump last worked on it, and until when Microsoft asked to wait.
    sliced_at = models.DateTimeField(null=True, blank=True)
    waiting_until = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("change")
        constraints = [
            models.UniqueConstraint(fields=["staff", "key"], name="change_key_once"),
            models.UniqueConstraint(
                fields=["customer", "lane"],
                condition=Q(status__in=["running", "cancelling", "paused"]),
                name="one_running_change_per_tenant_and_lane",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "-created_at"], name="changes_of_customer"),
            models.Index(fields=["-created_at", "id"], name="changes_by_time"),
            # Without a condition: SQLite looks into no partial index for a status that is a parameter.
            models.Index(fields=["status", "queued_at"], name="open_changes"),
        ]

    def __str__(self) -> str:
        return f"{self.customer} {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        """Whether work is still to be done."""
        return self.status in self.OPEN

    @property
    def is_finished(self) -> bool:
        """Whether every user has an end state."""
        return self.status in (self.Status.DONE, self.Status.CANCELLED)


class ChangeProduct(models.Model):
    """A product that a change is about: by these rows the history is filtered."""

    change = models.ForeignKey(LicenseChange, models.CASCADE, related_name="products")
    sku_id = models.CharField(max_length=GUID)
    # Whether anybody loses it, or service plans of it.
    takes_away = models.BooleanField(default=False)
    # How many users get it, lose it, or have its service plans changed: as planned, and at the end as done. Null: not
    # counted, for the change is older than these columns.
    assigned = models.PositiveIntegerField(null=True)
    unassigned = models.PositiveIntegerField(null=True)
    edited = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change", "sku_id"], name="product_once_per_change")]
        indexes = [models.Index(fields=["sku_id", "takes_away", "change"], name="changes_of_product")]

    def __str__(self) -> str:
        return f"{self.change_id}: {self.sku_id}"


class UserChange(models.Model):
    """One user of a change: the intent, committed before the call, and what came of it."""

    class State(models.TextChoices):
        """A user's state; `unknown` is never shown as success or as failure."""

        PENDING = "pending", _("Waiting")
        IN_FLIGHT = "in_flight", _("At Microsoft now")
        UPDATED = "updated", _("Updated")
        FAILED = "failed", _("Failed")
        NOT_TRIED = "not_tried", _("Not tried")
        UNKNOWN = "unknown", _("Unknown")

    class Step(models.TextChoices):
        """Which call comes next: the usage location, then the licences."""

        LOCATION = "location", _("Usage location")
        LICENCES = "licences", _("Licenses")

    OPEN = (State.PENDING, State.IN_FLIGHT)
    # Who was not updated in the end: somebody must look at these, unless they were left as they are.
    ACTION = (State.FAILED, State.UNKNOWN, State.NOT_TRIED)

    # Without an index of its own: each of those below begins with it.
    change = models.ForeignKey(LicenseChange, models.CASCADE, related_name="user_changes", db_index=False)
    user = models.ForeignKey(DirectoryUser, models.SET_NULL, null=True, blank=True, related_name="user_changes")
    object_id = models.CharField(max_length=GUID)
    user_principal_name = models.CharField(max_length=320)
    display_name = models.CharField(max_length=256)
    sort_key = models.CharField(max_length=256)
    search = FoldedField(of=["display_name", "user_principal_name"])
    position = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    step = models.CharField(max_length=16, choices=Step, default=Step.LICENCES)
    # The intent: [{"skuId", "disabledPlans": […]}], [sku ids], a location or "".
    add = models.JSONField(default=list)
    remove = models.JSONField(default=list)
    location = models.CharField(max_length=2, blank=True)
    # [{"skuId", "planId" or null, "groups": [ids]}]: what groups keep; [{"kind", "plans", "skus"}]: foreseen clashes.
    kept = models.JSONField(default=list)
    cautions = models.JSONField(default=list)
    # {"usageLocation": "JP", "paths": [{"skuId", "via", "disabledPlans", "state"}]}; after: as read back, else null.
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    # Equal for users with the same outcome: Review and the results group by it.
    outcome_key = models.CharField(max_length=32, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # True once a call was made whose answer is not known: read before sending again.
    uncertain = models.BooleanField(default=False)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    # Why it failed: our kind (core.triage), Microsoft's status, code, words and request id.
    failure_kind = models.CharField(max_length=32, blank=True)
    failure_skus = models.JSONField(default=list)
    failure_plans = models.JSONField(default=list)
    status = models.PositiveSmallIntegerField(default=0)
    code = models.CharField(max_length=100, blank=True)
    message = models.TextField(blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    # Whether the end state was read back from Microsoft.
    verified = models.BooleanField(default=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Not updated, and by somebody's decision that is how it stays.
    left_at = models.DateTimeField(null=True, blank=True)
    left_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta:
        verbose_name = _("user of a change")
        constraints = [models.UniqueConstraint(fields=["change", "object_id"], name="user_once_per_change")]
        indexes = [
            models.Index(
                fields=["change", "id"],
                name="open_user_changes",
                condition=Q(state__in=["pending", "in_flight"]),
            ),
            # With the text that a search looks through: 50,000 rows would be read for it.
            models.Index(fields=["change", "state", "sort_key", "id", "search"], name="user_changes_by_state"),
            # What the progress of 50,000 users is counted by, without reading their rows.
            models.Index(
                fields=["change", "state", "attempts", "step", "location", "finished_at", "left_at"],
                name="user_changes_counted",
            ),
            models.Index(fields=["object_id"], name="changes_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.display_name}: {self.state}"

    @property
    def is_located(self) -> bool:
        """Whether the usage location was set: the step before the licences is done."""
        return bool(self.location) and self.step == self.Step.LICENCES


class Throttle(models.Model):
    """The write budget of one tenant, shared by all workers: a token bucket in one row."""

    key = models.CharField(max_length=100, unique=True)
    rate = models.FloatField()
    cap = models.FloatField()
    tokens = models.FloatField()
    # Seconds since the epoch of the last refill, and until when Microsoft asked everybody to wait.
    at = models.FloatField()
    blocked_until = models.FloatField(default=0)
    # After a 429 the rate starts again from here, and grows by one write a second each minute.
    pace = models.FloatField(default=0)
    paced_at = models.FloatField(default=0)
    # Tokens that the large changes leave to a small one, and until when.
    reserved = models.FloatField(default=0)
    reserved_until = models.FloatField(default=0)
    # The circuit: calls without a clear answer in a row, the last 20 calls as bits, for how many seconds it opened last
    # (0: closed), and whether somebody tries if Microsoft answers again.
    unclear = models.PositiveSmallIntegerField(default=0)
    recent = models.PositiveIntegerField(default=0)
    open_seconds = models.FloatField(default=0)
    is_probing = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.key


class WorkerBeat(models.Model):
    """A worker process that is alive; its tasks are orphans when the beat stops."""

    worker_id = models.CharField(max_length=120, unique=True)
    host = models.CharField(max_length=120)
    pid = models.PositiveIntegerField(default=0)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.worker_id
