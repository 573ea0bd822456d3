"""What the portal remembers of customers and their users; licences live in the `licenses` app.

GUIDs are stored as lower-case text of 36 characters, the form in which the pure core compares them.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role

GUID = 36


class CustomerQuerySet(models.QuerySet["Customer"]):
    """Customers, asked for by who may see them."""

    def visible_to(self, staff: StaffUser) -> "CustomerQuerySet":
        """Return the customers in this person's scope: granted to them or to one of their roles."""
        if not staff.is_active or not staff.role_set:
            return self.none()
        if staff.sees_all_customers:
            return self
        roles = [role.value for role in staff.role_set]
        return self.filter(
            pk__in=CustomerGrant.objects.filter(Q(staff=staff) | Q(role__in=roles)).values("customer_id")
        )


class Customer(models.Model):
    """One customer tenant of the partner, with the figures that the last sync wrote."""

    # States of the relationship in which the partner may still act; empty: not known. Of a customer without a listed
    # one ("none") Microsoft has the last word: the partner may act by another right, or the list may lack it.
    REACHABLE = ("", "none", "active", "expiring")

    tenant_id = models.CharField(max_length=GUID, unique=True)
    name = models.CharField(max_length=256)
    sort_key = models.CharField(max_length=256, db_index=True)
    default_domain = models.CharField(max_length=256, blank=True)
    domains = models.JSONField(default=list)
    search = models.TextField(blank=True)
    # ISO 3166 code: the proposed usage location; empty when Microsoft did not say.
    country = models.CharField(max_length=2, blank=True)
    # Status of the delegated admin relationship in Graph's words; empty when unknown.
    relationship = models.CharField(max_length=40, blank=True)
    relationship_ends_at = models.DateTimeField(null=True, blank=True)
    synced_at = models.DateTimeField(null=True, blank=True)
    sync_error = models.TextField(blank=True)
    # When the last whole read began, and the link by which Microsoft tells what changed since.
    read_whole_at = models.DateTimeField(null=True, blank=True)
    delta_link = models.TextField(blank=True)
    # A whole read under way: when it began, the delta link from before it, and the page that comes next.
    reading_since = models.DateTimeField(null=True, blank=True)
    reading_delta_link = models.TextField(blank=True)
    reading_next = models.TextField(blank=True)
    # When the background reads it again; null: at the next chance.
    sync_due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    # Health figures, written by sync: users, free, short, over-assigned licences, users with an error.
    user_count = models.PositiveIntegerField(default=0)
    free_licenses = models.PositiveIntegerField(default=0)
    short_products = models.PositiveIntegerField(default=0)
    over_licenses = models.PositiveIntegerField(default=0)
    error_users = models.PositiveIntegerField(default=0)

    objects = CustomerQuerySet.as_manager()

    class Meta:
        verbose_name = _("customer")

    def __str__(self) -> str:
        return self.name

    @property
    def is_reachable(self) -> bool:
        """Whether the partner may act for this customer, as far as the portal knows."""
        return self.relationship in self.REACHABLE


class Schedule(models.Model):
    """When background work that concerns no single customer is due again."""

    name = models.CharField(max_length=32, unique=True)
    due_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class CustomerGrant(models.Model):
    """One customer put into the scope of a person or of a role."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="grants")
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="customer_grants"
    )
    role = models.CharField(max_length=32, blank=True, choices=[(role.value, role.value) for role in Role])

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(staff__isnull=False) & Q(role="")) | (Q(staff__isnull=True) & ~Q(role="")),
                name="grant_to_person_or_role",
            ),
            models.UniqueConstraint(fields=["customer", "staff"], name="grant_person_once", condition=Q(role="")),
            models.UniqueConstraint(
                fields=["customer", "role"], name="grant_role_once", condition=Q(staff__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.customer} → {self.staff or self.role}"


class DirectoryUserQuerySet(models.QuerySet["DirectoryUser"]):
    """Users of customers; views start from `of`."""

    def of(self, customer: Customer) -> "DirectoryUserQuerySet":
        """Return the customer's users who still exist."""
        return self.filter(customer=customer, deleted_at__isnull=True)


class DirectoryUser(models.Model):
    """A user in a customer's directory as last read; kept for 30 days after deletion."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="users")
    object_id = models.CharField(max_length=GUID)
    user_principal_name = models.CharField(max_length=320)
    display_name = models.CharField(max_length=256)
    mail = models.CharField(max_length=320, blank=True)
    usage_location = models.CharField(max_length=2, blank=True)
    enabled = models.BooleanField(default=True)
    is_guest = models.BooleanField(default=False)
    on_premises = models.BooleanField(default=False)
    department = models.CharField(max_length=128, blank=True)
    job_title = models.CharField(max_length=128, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField()
    # Written from the user's assignments with them, so that the list can filter without a join.
    is_licensed = models.BooleanField(default=False)
    has_errors = models.BooleanField(default=False)
    sort_key = models.CharField(max_length=256)
    search = models.TextField(blank=True)

    objects = DirectoryUserQuerySet.as_manager()

    class Meta:
        verbose_name = _("user")
        constraints = [
            models.UniqueConstraint(fields=["customer", "object_id"], name="directory_user_once"),
        ]
        # Lists ask for those who exist: with the same condition an index answers without the rows.
        indexes = [
            models.Index(fields=["customer", "id"], name="user_exists", condition=Q(deleted_at=None)),
            models.Index(fields=["customer", "id"], name="user_is_gone", condition=Q(deleted_at__isnull=False)),
            models.Index(fields=["customer", "sort_key", "id"], name="user_by_name", condition=Q(deleted_at=None)),
            models.Index(
                fields=["customer", "usage_location", "sort_key", "id"],
                name="user_by_location",
                condition=Q(deleted_at=None),
            ),
            models.Index(
                fields=["customer", "enabled", "is_guest", "sort_key", "id"],
                name="user_by_status",
                condition=Q(deleted_at=None),
            ),
            models.Index(fields=["customer", "department"], name="user_by_department"),
            # Somebody is looked for in all customers at once.
            models.Index(Lower("user_principal_name"), name="user_by_sign_in_name"),
            models.Index(Lower("mail"), name="user_by_mail"),
            models.Index(
                fields=["customer", "is_guest", "sort_key", "id"], name="user_by_kind", condition=Q(deleted_at=None)
            ),
            models.Index(
                fields=["customer", "is_licensed", "sort_key", "id"],
                name="user_by_licence",
                condition=Q(deleted_at=None),
            ),
            models.Index(
                fields=["customer", "sort_key", "id"],
                name="user_with_errors",
                condition=Q(has_errors=True, deleted_at=None),
            ),
        ]

    def __str__(self) -> str:
        return self.display_name


class Group(models.Model):
    """A group of a customer that hands out licences."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="groups")
    object_id = models.CharField(max_length=GUID)
    display_name = models.CharField(max_length=256)

    class Meta:
        verbose_name = _("group")
        constraints = [models.UniqueConstraint(fields=["customer", "object_id"], name="group_once")]

    def __str__(self) -> str:
        return self.display_name


class CustomerFacet(models.Model):
    """One entry of a filter list (a department, a location, …) with its number of users, written by sync."""

    class Kind(models.TextChoices):
        """Which filter list an entry belongs to."""

        DEPARTMENT = "department", _("Department")
        LOCATION = "location", _("Usage location")
        PRODUCT = "product", _("Product")
        GROUP = "group", _("Group")

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="facets")
    kind = models.CharField(max_length=16, choices=Kind)
    value = models.CharField(max_length=256, blank=True)
    label = models.CharField(max_length=256, blank=True)
    number = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["customer", "kind", "value"], name="facet_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}: {self.number}"


class Selection(models.Model):
    """The users of one customer that one member of staff has ticked; it survives pages and sign-out."""

    staff = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="selections")
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="selections")
    # Raised by every change: a form that shows an older number was rendered for another selection.
    counter = models.PositiveIntegerField(default=0)
    changed_at = models.DateTimeField(auto_now_add=True)
    # When the present set was begun; null while it is empty.
    since = models.DateTimeField(null=True, blank=True)
    # When the person last said "Keep" to an old selection.
    kept_at = models.DateTimeField(null=True, blank=True)
    # When the set before this one was put aside.
    earlier_at = models.DateTimeField(null=True, blank=True)

    users: "models.ManyToManyField[DirectoryUser, SelectedUser]" = models.ManyToManyField(
        DirectoryUser, through="SelectedUser", related_name="+"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["staff", "customer"], name="selection_once")]

    def __str__(self) -> str:
        return f"{self.staff} · {self.customer}"


class Source(models.TextChoices):
    """How a user came into a selection."""

    TICK = "tick", _("Ticked")
    MATCHING = "matching", _("All matching")
    LIST = "list", _("List")
    CHANGE = "change", _("Change")
    PAGE = "page", _("User's page")


class SelectedUser(models.Model):
    """One selected user, with the order of arrival."""

    selection = models.ForeignKey(Selection, models.CASCADE, related_name="rows")
    user = models.ForeignKey(DirectoryUser, models.CASCADE, related_name="+")
    position = models.PositiveIntegerField()
    source = models.CharField(max_length=16, choices=Source, default=Source.TICK)
    # The filters as the list's address has them, the number of the line, or the id of the change.
    source_detail = models.TextField(blank=True, default="")

    class Meta:
        ordering = [F("position").asc(), "id"]
        constraints = [models.UniqueConstraint(fields=["selection", "user"], name="selected_once")]
        indexes = [models.Index(fields=["selection", "position"], name="selected_in_order")]

    def __str__(self) -> str:
        return f"{self.selection_id}: {self.user_id}"


class EarlierUser(models.Model):
    """One user of the set that a selection held before it was replaced; restored as they were."""

    selection = models.ForeignKey(Selection, models.CASCADE, related_name="earlier")
    user = models.ForeignKey(DirectoryUser, models.CASCADE, related_name="+")
    position = models.PositiveIntegerField()
    source = models.CharField(max_length=16, choices=Source)
    source_detail = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.selection_id}: {self.user_id}"
