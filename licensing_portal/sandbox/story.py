"""コントソ商事, 137 users by hand: the customer with which the demo, the tour and the tests tell their stories.

12 joiners (one without a location), 14 of 営業部 on Office 365 E1 due for Microsoft 365 E3, 10 who want E5 with 7
free, E3 by group 全社員, users who hold a product directly and by group, a leaver who is still licensed, a user of a
suite without Teams, guests, and clashes ready to happen.
"""

import random

from licensing_portal.sandbox import catalog, names
from licensing_portal.sandbox.model import Group, Tenant, User
from licensing_portal.sandbox.seed import BORN, made_id

TOTAL = 137
# Free seats by part number; a suspended and an expired product follow below.
_FREE = {
    "SPE_E3": 26,
    "STANDARDPACK": 3,
    "SPE_E5": 7,
    "AAD_PREMIUM_P2": 23,
    "POWER_BI_PRO": 16,
    "VISIOCLIENT": 4,
    "Microsoft_365_Copilot": 7,
    "PROJECTPROFESSIONAL": 0,
    "EXCHANGESTANDARD": 8,
    "EXCHANGEENTERPRISE": 6,
    "O365_BUSINESS_ESSENTIALS": 5,
    "DESKLESSPACK": 12,
    "Microsoft_365_E3_(no_Teams)": 2,
    "MCOMEETADV": 9,
    "MCOEV": 5,
    "MCOPSTN1": 5,
    "Microsoft_Teams_Enterprise_New": 4,
    "FLOW_FREE": 10_000,
}
EVERYBODY = made_id("story", "group", "everybody")
SECURITY = made_id("story", "group", "security")


def user_id(role: str, number: int) -> str:
    """Return the fixed id of the n-th person (from 1) of a role: joiner, sales, wants-e5, member, …"""
    return made_id("story", "user", role, number)


def tell(tenant: Tenant) -> None:
    """Put the story into an empty tenant."""
    for part, free in _FREE.items():
        sku = catalog.sku(part, made_id("story", "subscription", part), enabled=free)
        tenant.skus[sku.sku_id] = sku
    suspended = catalog.sku("EMS", made_id("story", "subscription", "EMS"), suspended=10)
    suspended.capability_status = "Suspended"
    expired = catalog.sku("VISIOONLINE_PLAN1", made_id("story", "subscription", "visio"), warning=5)
    expired.capability_status = "Warning"
    tenant.skus.update({sku.sku_id: sku for sku in (suspended, expired)})
    _groups(tenant)
    _people(_Cast(tenant))


def _groups(tenant: Tenant) -> None:
    for group in (
        Group(EVERYBODY, "全社員", {catalog.sku_id("SPE_E3"): frozenset({catalog.plan_id("SWAY")})}),
        Group(SECURITY, "セキュリティ強化", {catalog.sku_id("AAD_PREMIUM_P2"): frozenset()}),
        Group(made_id("story", "group", "plain"), "サッカー部"),
    ):
        tenant.groups[group.group_id] = group


class _Cast:
    """Adds people one after another with names that do not repeat."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._dice = random.Random("story")
        self._latin = [names.latin(name) for name in names.LATIN.split(",")]
        self.first: dict[str, names.Person] = {
            "sales-1": names.Person("山田 太郎", "太郎", "山田", "taro.yamada"),
            "sales-2": names.Person("髙橋 優子", "優子", "髙橋", "yuko.takahashi"),
            "sales-3": names.Person("高橋\u3000翔太", "翔太", "高橋", "shota.takahashi"),
            "joiner-1": names.Person("小林 蓮", "蓮", "小林", "ren.kobayashi"),
            "leaver-1": names.Person("中村 翼", "翼", "中村", "tsubasa.nakamura"),
        }

    def add(self, role: str, number: int, *, department: str, **facts: object) -> User:
        """Add a person with the fixed id of their role."""
        who = self.first.get(f"{role}-{number}") or self._new_name()
        alias = who.alias
        while f"{alias}@{self._tenant.domain}" in self._tenant.by_upn:
            alias = f"{who.alias}{len(self._tenant.users)}"
        user = User(
            user_id(role, number),
            f"{alias}@{self._tenant.domain}",
            who.name,
            who.given,
            who.surname,
            mail=f"{alias}@{self._tenant.domain}",
            location="JP",
            department=department,
            job_title=self._dice.choice(names.TITLES),
        )
        for name, value in facts.items():
            setattr(user, name, value)
        self._tenant.add_user(user)
        return user

    def _new_name(self) -> names.Person:
        if self._latin and self._dice.random() < 0.13:
            return self._latin.pop()
        return names.person(self._dice, japanese=True)

    def join(self, user: User, *groups: str) -> None:
        """Put a user into groups."""
        user.groups = (*user.groups, *groups)
        for group_id in groups:
            self._tenant.groups[group_id].members.add(user.user_id)

    def give(self, user: User, part: str, *off: str) -> None:
        """Assign a product directly, with plans switched off."""
        user.direct[catalog.sku_id(part)] = (frozenset(catalog.plan_id(name) for name in off), BORN)


def _people(cast: _Cast) -> None:
    for number in range(1, 13):
        cast.add("joiner", number, department="営業部", location=None if number == 1 else "JP")
    for number in range(1, 15):
        user = cast.add("sales", number, department="営業部")
        # Teams is off for two of them: a swap must keep that.
        cast.give(user, "STANDARDPACK", *(("TEAMS1",) if number in (4, 5) else ()))
        cast.join(user, SECURITY)
        if number in (6, 7, 8):
            cast.give(user, "POWER_BI_PRO")
    for number in range(1, 11):
        user = cast.add("wants-e5", number, department="開発部")
        cast.join(user, SECURITY)
        if number <= 3:
            cast.give(user, "EXCHANGEENTERPRISE")
    _members(cast)
    _exceptions(cast)


def _members(cast: _Cast) -> None:
    """The many who have E3 by group 全社員, some of them directly as well."""
    for number in range(1, 73):
        user = cast.add("member", number, department=names.DEPARTMENTS[number % len(names.DEPARTMENTS)])
        cast.join(user, EVERYBODY, SECURITY)
        if number <= 5:
            cast.give(user, "SPE_E3", "TEAMS1")
        if number % 6 == 0:
            cast.give(user, "POWER_BI_PRO")
        if number % 9 == 0:
            cast.give(user, "Microsoft_365_Copilot")
        if number % 11 == 0:
            cast.give(user, "VISIOCLIENT")
        if number == 13:
            # The group's path found no seat that day; the direct one is in use.
            cast.give(user, "AAD_PREMIUM_P2")
            user.errors[catalog.sku_id("AAD_PREMIUM_P2"), SECURITY] = "CountViolation"
        if number == 20:
            user.location = "US"
        if number in (30, 31):
            user.on_premises = True


def _exceptions(cast: _Cast) -> None:
    """Everybody with a story of their own."""
    leaver = cast.add("leaver", 1, department="営業部", enabled=False)
    cast.give(leaver, "SPE_E5")
    cast.give(leaver, "POWER_BI_PRO")
    cast.give(cast.add("no-teams", 1, department="経理部"), "Microsoft_365_E3_(no_Teams)")
    for number in range(1, 6):
        executive = cast.add("executive", number, department="経営企画部")
        cast.give(executive, "SPE_E5")
        if number == 5:
            # Everything is in order, and Teams is not there yet.
            executive.provisioning[catalog.plan_id("TEAMS1")] = "PendingProvisioning"
    for number in range(1, 4):
        cast.give(cast.add("kiosk", number, department="総務部"), "DESKLESSPACK")
    for number in range(1, 4):
        cast.give(cast.add("mailbox", number, department="総務部"), "EXCHANGESTANDARD")
    for number in range(1, 4):
        cast.give(cast.add("basic", number, department="総務部"), "O365_BUSINESS_ESSENTIALS")
    for number in range(1, 5):
        cast.give(cast.add("project", number, department="開発部"), "PROJECTPROFESSIONAL")
    for number in range(1, 3):
        cast.give(cast.add("suspended", number, department="情報システム部"), "EMS")
    cast.give(cast.add("expired", 1, department="開発部"), "VISIOONLINE_PLAN1")
    for number in range(1, 4):
        cast.add("blocked", number, department="人事部", enabled=False)
    for number in range(1, 4):
        guest = cast.add("guest", number, department="", user_type="Guest", location=None)
        guest.department = None
