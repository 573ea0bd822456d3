"""Words for families of service plans and for what people lose with them, in both languages."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from licenses.core.families import Family

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


def loss(family: str, number: int) -> str:
    """Return the sentence that says what people lose; empty for families that nobody misses by name."""
    words = _LOSSES.get(family)
    return str(words % {"n": number}) if words is not None else ""
