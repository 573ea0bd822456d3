"""One way to each kind of failure on the sandbox: what brings it about, for whom, what mends it, and by which button.

As Microsoft's own checks would do it where the sandbox has them, by an injected answer in Microsoft's words elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from customers.models import Customer
from licenses.core.diff import Choice, Wish
from licensing_portal.sandbox import Sandbox, catalog
from licensing_portal.sandbox.model import Tenant, User
from licensing_portal.sandbox.story import user_id

JOINERS = tuple(user_id("joiner", number) for number in (2, 3))
MAILBOX = tuple(user_id("mailbox", number) for number in (1, 2))
SALES = tuple(user_id("sales", number) for number in (1, 2))
PART = "POST /graph/v1.0/users/*/assignLicense"
BATCH = "POST /graph/v1.0/$batch"
PATCH = "PATCH /graph/v1.0/users/*"


def give(*parts: str) -> Wish:
    """Wish for products."""
    return Wish(products={catalog.sku_id(part): Choice.ALL for part in parts})


def take(part: str) -> Wish:
    """Wish a product away."""
    return Wish(products={catalog.sku_id(part): Choice.NONE})


@dataclass(frozen=True, slots=True)
class Site:
    """Where a case happens."""

    sandbox: Sandbox
    tenant: Tenant
    customer: Customer

    def sku(self, part: str) -> Any:
        """Return a product as the sandbox has it."""
        return self.tenant.skus[catalog.sku_id(part)]

    def user(self, object_id: str) -> User:
        """Return a user as the sandbox has them."""
        return self.tenant.users[object_id]

    def answer(self, status: int, message: str = "", code: str = "Request_BadRequest", **more: Any) -> None:
        """Let Microsoft answer so, each time, until the faults are cleared."""
        body = {"error": {"code": code, "message": message, "innerError": {"request-id": "r-1"}}}
        self.sandbox.faults.add({"match": PART, "status": status, "times": 99, "body": body} | more)


type Step = Callable[[Site], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A kind of failure. `after_plan` happens between the plan and the pump, `mend` before the button is pressed.

    `button` is empty where nothing can be done but to leave it; `form` is what its form holds beside.
    """

    kind: str
    wish: Wish = field(default_factory=lambda: give("SPE_E3"))
    people: tuple[str, ...] = JOINERS
    before: Step = lambda site: None
    after_plan: Step = lambda site: None
    mend: Step = lambda site: site.sandbox.faults.clear()
    button: str = "Retry these users"
    form: dict[str, str] = field(default_factory=dict)
    # What the cause names.
    about: str = ""
    # Those of the people who do not fail.
    updated: tuple[str, ...] = ()


def says(status: int, message: str, code: str = "Request_BadRequest", **more: Any) -> Step:
    """Return a step after which Microsoft answers so."""
    return lambda site: site.answer(status, message, code, **more)


def refuses(status: int, code: str, message: str) -> Step:
    """Return a step after which the whole call that writes is answered so; a refused token is brought anew once."""
    return says(status, message, code, match=BATCH, times=2 if status == 401 else 1)


def _no_seats(site: Site) -> None:
    site.sku("SPE_E3").enabled = site.sku("SPE_E3").consumed


def _seats(site: Site) -> None:
    site.sku("SPE_E3").enabled += 10


def _drop(part: str) -> Step:
    return lambda site: site.tenant.skus.pop(catalog.sku_id(part))


def _company(site: Site) -> None:
    site.sku("POWER_BI_PRO").applies_to = "Company"


def _without_sway(site: Site) -> None:
    sku = site.sku("SPE_E3")
    sku.plans = tuple(plan for plan in sku.plans if plan.name != "SWAY")


def _elsewhere(site: Site) -> None:
    """Somebody else gives the products with other plans, and our answer is lost."""
    for object_id in JOINERS:
        site.user(object_id).direct[catalog.sku_id("SPE_E3")] = (frozenset({catalog.plan_id("SWAY")}), site.tenant.born)
    site.answer(504, match=BATCH, times=1)


def _china(site: Site) -> None:
    for object_id in JOINERS:
        site.user(object_id).location = "CN"
        site.user(object_id).direct[catalog.sku_id("SPE_E3")] = (frozenset(), site.tenant.born)


def _delete(site: Site) -> None:
    for object_id in JOINERS:
        site.tenant.delete_user(site.user(object_id))


def _suspend(site: Site) -> None:
    site.sku("SPE_E3").capability_status = "Suspended"


def _resume(site: Site) -> None:
    site.sku("SPE_E3").capability_status = "Enabled"


_SWAY, _FORMS = catalog.plan_id("SWAY"), catalog.plan_id("FORMS_PLAN_E3")
_AUDIO = "Microsoft 365 Audio Conferencing"
CASES = (
    Case(kind="no_seat", before=_no_seats, mend=_seats, about="Microsoft 365 E3"),
    Case(kind="no_seat", after_plan=_no_seats, mend=_seats, about="Microsoft 365 E3"),
    Case(
        kind="no_seat",
        wish=give("SPE_E3", "POWER_BI_PRO"),
        before=_no_seats,
        button="Leave out Microsoft 365 E3 and retry",
        about="Microsoft 365 E3",
    ),
    Case(
        kind="exclusive",
        wish=give("EXCHANGEENTERPRISE"),
        people=MAILBOX,
        button="Unassign Exchange Online (Plan 1) and retry",
        about="Exchange Online (Plan 1)",
    ),
    Case(
        kind="dependency",
        wish=give("MCOMEETADV"),
        button="Add Office 365 E1 and retry",
        about=_AUDIO,
    ),
    Case(
        kind="no_location",
        people=(user_id("joiner", 1),),
        button="Set location and retry",
        form={"location": "JP"},
    ),
    Case(
        kind="location_forbidden",
        wish=give("MCOMEETADV", "POWER_BI_PRO"),
        before=_china,
        button=f"Leave out {_AUDIO} and retry",
        about=_AUDIO,
    ),
    Case(
        kind="inherited",
        wish=take("STANDARDPACK"),
        people=SALES,
        after_plan=says(400, "User license is inherited from a group membership and it cannot be removed directly."),
    ),
    Case(
        kind="not_held",
        wish=take("STANDARDPACK"),
        people=SALES,
        after_plan=says(400, "User does not have a corresponding license."),
    ),
    Case(
        kind="bad_sku",
        wish=give("SPE_E3", "POWER_BI_PRO"),
        after_plan=_drop("SPE_E3"),
        button="Leave out Microsoft 365 E3 and retry",
        about="Microsoft 365 E3",
    ),
    Case(
        kind="not_user_sku",
        wish=give("SPE_E3", "POWER_BI_PRO"),
        after_plan=_company,
        button="Leave out Power BI Pro and retry",
        about="Power BI Pro",
    ),
    Case(
        kind="not_user_sku",
        wish=give("SPE_E3", "POWER_BI_PRO"),
        before=_company,
        button="Leave out Power BI Pro and retry",
        about="Power BI Pro",
    ),
    Case(
        kind="bad_plan",
        wish=Wish(products=give("SPE_E3").products, plans={(catalog.sku_id("SPE_E3"), _SWAY): Choice.NONE}),
        after_plan=_without_sway,
        about="Sway",
    ),
    Case(
        kind="proxy",
        after_plan=says(400, "Another object with the same value for property proxyAddresses already exists."),
    ),
    Case(
        kind="on_premises",
        wish=Wish(location="US", overwrite_location=True),
        after_plan=says(
            400,
            "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects"
            " currently undergoing migration.",
            match=PATCH,
        ),
    ),
    Case(kind="concurrency", after_plan=says(409, "Two at once.", "Directory_ConcurrencyViolation")),
    Case(kind="not_found", after_plan=_delete, button=""),
    Case(kind="forbidden", after_plan=refuses(403, "Authorization_RequestDenied", "Insufficient privileges.")),
    Case(
        kind="relationship",
        after_plan=refuses(
            403, "Authorization_RequestDenied", "Unable to initialize the authorization context for this call."
        ),
    ),
    Case(kind="consent", after_plan=refuses(401, "invalid_grant", "AADSTS65001: No consent.")),
    Case(kind="conditional_access", after_plan=refuses(401, "invalid_grant", "AADSTS53003: Blocked.")),
    Case(kind="mfa", after_plan=refuses(401, "interaction_required", "AADSTS50076: Use multi-factor authentication.")),
    Case(kind="no_tenant", after_plan=refuses(401, "invalid_request", "AADSTS90002: Tenant not found.")),
    Case(kind="token", after_plan=refuses(401, "InvalidAuthenticationToken", "Access token has expired.")),
    Case(kind="configuration", after_plan=refuses(401, "invalid_client", "AADSTS7000222: The secret has expired.")),
    Case(kind="sku_suspended", before=_suspend, mend=_resume, about="Microsoft 365 E3"),
    Case(kind="changed_elsewhere", after_plan=_elsewhere),
    # No write is ever answered, and reading the users shows nothing new.
    Case(kind="unreadable", after_plan=says(504, "Timed out.", "UnknownError")),
    Case(kind="unknown", after_plan=says(400, "ライセンスを割り当てられません。")),
)
