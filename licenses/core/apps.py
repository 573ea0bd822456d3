"""Apps that people call about, and the service plans that give each of them.

Family alone is too wide: avatars are Teams plans, an archive is an Exchange plan, and neither gives the app. Names are
those of Microsoft's "Product names and service plan identifiers for licensing" (graph-api.md, section 9).
"""

import re
from enum import StrEnum

from licenses.core.catalog import PlanId, Sku


class App(StrEnum):
    """What a person says does not work."""

    TEAMS = "teams"
    OUTLOOK = "outlook"
    ONEDRIVE = "onedrive"
    OFFICE = "office"
    COPILOT = "copilot"


_PLANS: dict[App, re.Pattern[str]] = {
    App.TEAMS: re.compile(r"TEAMS1|TEAMS_GOV|TEAMS_AR_\w+|TEAMS_FREE"),
    # A mailbox: neither the foundation of other products nor an archive beside one.
    App.OUTLOOK: re.compile(r"EXCHANGE_[BLS]_(?!FOUNDATION|ARCHIVE)\w+"),
    App.ONEDRIVE: re.compile(r"SHAREPOINT(?:ENTERPRISE|STANDARD|DESKLESS|LITE)\w*|ONEDRIVE\w+"),
    # The apps that are installed; those in the browser and on phones are `_LESSER`.
    App.OFFICE: re.compile(r"OFFICESUBSCRIPTION\w*|OFFICE_BUSINESS"),
    App.COPILOT: re.compile(r"M365_COPILOT_(?:APPS|BUSINESS_CHAT|TEAMS)"),
}
_LESSER: dict[App, re.Pattern[str]] = {App.OFFICE: re.compile(r"OFFICEMOBILE_SUBSCRIPTION\w*|SHAREPOINTWAC\w*")}
# Apps of which each plan gives a part; of the others any one plan gives all.
IN_PARTS = frozenset({App.COPILOT})
_SUITE_APPS = (App.TEAMS, App.OUTLOOK, App.ONEDRIVE, App.OFFICE)


def plans_of(app: App, sku: Sku) -> frozenset[PlanId]:
    """Return the plans of a product that give an app."""
    return _matching(_PLANS[app], sku)


def gives_less(app: App, sku: Sku) -> bool:
    """Tell whether a product gives the app in the browser or on phones alone."""
    return app in _LESSER and not plans_of(app, sku) and bool(_matching(_LESSER[app], sku))


def is_suite(sku: Sku) -> bool:
    """Tell whether a product gives several apps, so that people expect the others in it too."""
    return sum(bool(plans_of(app, sku)) for app in _SUITE_APPS) > 1


def is_for_people(sku: Sku) -> bool:
    """Tell whether a product is for persons: licenses of meeting rooms have Teams too."""
    return "ROOM" not in sku.part_number.upper()


def _matching(pattern: re.Pattern[str], sku: Sku) -> frozenset[PlanId]:
    return frozenset(plan.plan_id for plan in sku.plans if pattern.fullmatch(plan.name.upper()))
