"""One-time keys of forms: a form posted again is told from another one that has its key."""

import hashlib
import json
from collections.abc import Iterable

from customers.models import Customer
from licenses.models import LicenseChange
from licensing_portal.staff.models import StaffUser


class KeyReused(Exception):
    """The one-time key belongs to another change: of other content, or of another customer."""

    def __init__(self, change: LicenseChange) -> None:
        super().__init__(f"key belongs to change {change.pk}")
        self.change = change


def content_digest(customer: Customer, fields: Iterable[tuple[str, str]]) -> str:
    """Return the digest of a form's content, by which a repeated post is told from another one."""
    return hashlib.sha256(json.dumps([customer.tenant_id, sorted(fields)]).encode()).hexdigest()


def same_key(staff: StaffUser, customer: Customer, key: str, content: str) -> LicenseChange | None:
    """Return the change that this key already made; KeyReused when it was made for something else."""
    first = LicenseChange.objects.filter(staff=staff, key=key).first()
    if first is not None and (first.customer_id, first.content) != (customer.pk, content):
        raise KeyReused(first)
    return first
