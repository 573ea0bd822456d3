"""Finds the signed-in StaffUser of a session; signing in itself happens in the sign-in views."""

from django.contrib.auth.backends import BaseBackend

from licensing_portal.staff.models import StaffUser


class SubjectBackend(BaseBackend):
    """Loads accounts by primary key; it never checks a credential itself."""

    def get_user(self, user_id: int) -> StaffUser | None:
        """Return the active account, or None."""
        return StaffUser.objects.filter(pk=user_id, is_active=True).first()
