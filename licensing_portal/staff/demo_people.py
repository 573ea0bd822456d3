"""The five people of the demo, one for each role."""

from dataclasses import dataclass

from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role

_TENANT = "00000000-0000-4000-8000-000000000001"


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody to sign in as."""

    key: str
    name: str
    role: Role

    @property
    def subject(self) -> str:
        """The person's tid:oid."""
        return f"{_TENANT}:demo-{self.key}"


PEOPLE = (
    DemoPerson("global-admin", "Mika Mori", Role.GLOBAL_ADMIN),
    DemoPerson("admin-agent", "佐藤 直樹", Role.ADMIN_AGENT),
    DemoPerson("helpdesk-agent", "Hana Suzuki", Role.HELPDESK_AGENT),
    DemoPerson("sales-agent", "Tom Becker", Role.SALES_AGENT),
    DemoPerson("user-admin", "田中 恵", Role.USER_ADMIN),
)


def ensure_demo_people() -> None:
    """Make the five accounts if they are not there."""
    for person in PEOPLE:
        StaffUser.objects.update_or_create(
            subject=person.subject,
            defaults={"display_name": person.name, "roles": [person.role.value], "is_active": True},
            create_defaults={
                "display_name": person.name,
                "roles": [person.role.value],
                "sign_in_name": f"{person.key}@partner.example",
            },
        )
