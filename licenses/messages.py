"""Words for what happens: why a user failed, what people lose; one registry in both languages."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from licenses.core.families import Family
from licenses.core.triage import FailureKind


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a failure means: a title, and what can be done."""

    title: Any
    text: Any


EXPLANATIONS: dict[str, Explanation] = {
    FailureKind.NO_SEAT: Explanation(
        _("Not enough licenses"),
        _("No license of this product was free. Free or buy licenses, then try these users again."),
    ),
    FailureKind.EXCLUSIVE: Explanation(
        _("Conflicting service plans"),
        _("These service plans cannot be on for one user. Switch one of them off, or unassign the other product."),
    ),
    FailureKind.DEPENDENCY: Explanation(
        _("Missing required plan"),
        _("A service plan needs another one that the user does not have. Assign a product that contains it."),
    ),
    FailureKind.NO_LOCATION: Explanation(
        _("No usage location"),
        _("Microsoft assigns licenses only to users with a usage location. Set it, then try again."),
    ),
    FailureKind.LOCATION_FORBIDDEN: Explanation(
        _("Not available in this location"),
        _("Microsoft does not offer a service plan of this product in the user's usage location."),
    ),
    FailureKind.INHERITED: Explanation(
        _("Inherited from a group"),
        _("The license comes from a group and can be taken away only there."),
    ),
    FailureKind.NOT_HELD: Explanation(
        _("The user no longer had the license"), _("Somebody else had unassigned it before.")
    ),
    FailureKind.BAD_SKU: Explanation(
        _("Product no longer available"),
        _("The customer does not own this product any more. Refresh, then look again."),
    ),
    FailureKind.NOT_USER_SKU: Explanation(
        _("Not for users"), _("This product belongs to the whole organization and is not assigned to users.")
    ),
    FailureKind.BAD_PLAN: Explanation(
        _("Unknown service plan"),
        _("The product does not contain this service plan any more. Refresh, then try again."),
    ),
    FailureKind.PROXY: Explanation(
        _("Duplicate proxy address"),
        _("With the license the user would get an address that somebody else has. Change one of the two addresses."),
    ),
    FailureKind.CONCURRENCY: Explanation(
        _("Changed by two at once"), _("Microsoft was changing this user at the same moment. Try again.")
    ),
    FailureKind.NOT_FOUND: Explanation(_("User no longer exists"), _("The user was deleted at Microsoft.")),
    FailureKind.FORBIDDEN: Explanation(
        _("Access refused"),
        _("Microsoft did not allow it. Check the admin relationship and its License Administrator role."),
    ),
    FailureKind.TOKEN: Explanation(
        _("Sign-in refused"), _("Microsoft did not accept our sign-in for this customer. Nothing was changed.")
    ),
    FailureKind.THROTTLED: Explanation(_("Too many requests"), _("Microsoft asked to wait. Try again later.")),
    FailureKind.SERVER: Explanation(_("Error at Microsoft"), _("Microsoft could not answer. Try again later.")),
    FailureKind.SKU_SUSPENDED: Explanation(
        _("Product suspended"), _("The subscription of this product is suspended, so it cannot be assigned.")
    ),
    FailureKind.CHANGED_ELSEWHERE: Explanation(
        _("Changed by somebody else"),
        _("The user's licenses are neither as before nor as wished. Look at what the user has now, then decide."),
    ),
    FailureKind.UNREADABLE: Explanation(
        _("Result unknown"),
        _("Microsoft's answer was lost, and reading the user did not settle it. It may or may not have happened."),
    ),
    FailureKind.NOT_DONE: Explanation(
        _("Not done by Microsoft"),
        _("Microsoft did not do it: the user still has what they had before. Try again."),
    ),
    FailureKind.UNKNOWN: Explanation(
        _("Refused by Microsoft"), _("Microsoft gave this reason, which the portal does not know yet:")
    ),
}

_LOSSES: dict[str, Any] = {
    Family.EXCHANGE: ngettext_lazy(
        "Mailbox ends for %(n)d user; data is kept 30 days", "Mailbox ends for %(n)d users; data is kept 30 days", "n"
    ),
    Family.SHAREPOINT: ngettext_lazy(
        "OneDrive and SharePoint end for %(n)d user", "OneDrive and SharePoint end for %(n)d users", "n"
    ),
    Family.TEAMS: ngettext_lazy("Teams ends for %(n)d user", "Teams ends for %(n)d users", "n"),
    Family.OFFICE: ngettext_lazy("Office apps end for %(n)d user", "Office apps end for %(n)d users", "n"),
    Family.INTUNE: ngettext_lazy(
        "Device management ends for %(n)d user", "Device management ends for %(n)d users", "n"
    ),
    Family.ENTRA: ngettext_lazy(
        "Entra ID premium features end for %(n)d user", "Entra ID premium features end for %(n)d users", "n"
    ),
    Family.DEFENDER: ngettext_lazy(
        "Defender protection ends for %(n)d user", "Defender protection ends for %(n)d users", "n"
    ),
    Family.COPILOT: ngettext_lazy("Copilot ends for %(n)d user", "Copilot ends for %(n)d users", "n"),
    Family.POWER_BI: ngettext_lazy("Power BI ends for %(n)d user", "Power BI ends for %(n)d users", "n"),
    Family.PHONE: ngettext_lazy("Phone calls end for %(n)d user", "Phone calls end for %(n)d users", "n"),
    Family.VISIO: ngettext_lazy("Visio ends for %(n)d user", "Visio ends for %(n)d users", "n"),
    Family.PROJECT: ngettext_lazy("Project ends for %(n)d user", "Project ends for %(n)d users", "n"),
}


# Microsoft's names; the others are ours.
_FAMILIES: dict[str, Any] = {
    Family.EXCHANGE: "Exchange",
    Family.SHAREPOINT: "SharePoint, OneDrive",
    Family.TEAMS: "Teams",
    Family.SKYPE: "Skype for Business",
    Family.OFFICE: _("Office apps"),
    Family.OFFICE_WEB: _("Office on the web"),
    Family.INTUNE: "Intune",
    Family.ENTRA: "Entra ID",
    Family.DEFENDER: "Defender",
    Family.INFORMATION_PROTECTION: _("Information protection"),
    Family.YAMMER: "Viva Engage",
    Family.COPILOT: "Copilot",
    Family.POWER_BI: "Power BI",
    Family.POWER_APPS: "Power Apps",
    Family.POWER_AUTOMATE: "Power Automate",
    Family.DATAVERSE: "Dataverse",
    Family.PLANNER: "Planner",
    Family.PROJECT: "Project",
    Family.VISIO: "Visio",
    Family.PHONE: _("Phone"),
    Family.AUDIO_CONFERENCING: _("Audio conferencing"),
    Family.CALLING_PLAN: _("Calling plan"),
    Family.VIVA: "Viva",
    Family.FORMS: "Forms",
    Family.TODO: "To Do",
    Family.WHITEBOARD: "Whiteboard",
    Family.STREAM: "Stream",
}


def family_name(family: str) -> str:
    """Return what people call a family of service plans; empty for the rest, which have names of their own."""
    return str(_FAMILIES.get(family, ""))


def explanation(kind: str) -> Explanation:
    """Return title and text of a failure kind; the unknown kind's for one without words."""
    return EXPLANATIONS.get(kind, EXPLANATIONS[FailureKind.UNKNOWN])


def loss(family: str, number: int) -> str:
    """Return the sentence that says what people lose; empty for families that nobody misses by name."""
    words = _LOSSES.get(family)
    return str(words % {"n": number}) if words is not None else ""
