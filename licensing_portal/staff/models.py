"""StaffUser: one member of the partner's staff, known by the tenant and object id of Microsoft Entra ID."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from licensing_portal.staff.roles import SEE_ALL_CUSTOMERS, Right, Role, parse_roles, rights_of


class StaffUserManager(BaseUserManager["StaffUser"]):
    """Makes accounts without passwords: Entra ID signs people in."""

    def create_user(self, subject: str, **fields: object) -> "StaffUser":
        """Store and return a new account for `tid:oid`."""
        user = self.model(subject=subject, **fields)
        user.save(using=self._db)
        return user


class StaffUser(AbstractBaseUser):
    """A person of the partner's staff; `subject` is `tid:oid`, never an address or a name."""

    # There are no passwords anywhere in this product.
    password = None  # type: ignore[assignment]

    subject = models.CharField(max_length=100, unique=True)
    display_name = models.CharField(max_length=256)
    sign_in_name = models.CharField(max_length=256, blank=True)
    roles = models.JSONField(default=list)
    is_active = models.BooleanField(default=True)
    # Raised to end every session of this person.
    session_epoch = models.PositiveIntegerField(default=0)
    language = models.CharField(max_length=8, blank=True)

    USERNAME_FIELD = "subject"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["display_name"]

    objects: ClassVar[StaffUserManager] = StaffUserManager()

    class Meta:
        verbose_name = _("member of staff")

    def __str__(self) -> str:
        return self.display_name

    @property
    def role_set(self) -> frozenset[Role]:
        """The roles that this person holds; unknown words in the row count for nothing."""
        return parse_roles(self.roles)

    @property
    def sees_all_customers(self) -> bool:
        """Whether one of the roles reaches every customer without a grant."""
        return bool(self.role_set & SEE_ALL_CUSTOMERS)

    def may(self, right: Right) -> bool:
        """Answer whether this person's roles hold a right."""
        return self.is_active and right in rights_of(self.role_set)

    def get_session_auth_hash(self) -> str:
        """Tie sessions to the epoch instead of a password."""
        value = f"{self.subject}:{self.session_epoch}"
        return salted_hmac("licensing_portal.staff", value, algorithm="sha256").hexdigest()

    def get_session_auth_fallback_hash(self):  # type: ignore[no-untyped-def]
        """Yield nothing: sessions end when the secret key changes."""
        yield from ()
