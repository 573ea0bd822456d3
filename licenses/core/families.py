"""Families of service plans: what people know a plan as (Exchange, Teams, …), whatever its edition.

Swaps, repairs and texts speak of families. The table is ours, made on 2026-11-24 from the plan names in Microsoft's
"Product names and service plan identifiers for licensing" (graph-api.md, sections 6 and 9).
"""

from enum import StrEnum


class Family(StrEnum):
    """What a plan gives to a person."""

    EXCHANGE = "exchange"
    SHAREPOINT = "sharepoint"
    TEAMS = "teams"
    SKYPE = "skype"
    OFFICE = "office"
    OFFICE_WEB = "office_web"
    INTUNE = "intune"
    ENTRA = "entra"
    DEFENDER = "defender"
    INFORMATION_PROTECTION = "information_protection"
    YAMMER = "yammer"
    COPILOT = "copilot"
    POWER_BI = "power_bi"
    POWER_APPS = "power_apps"
    POWER_AUTOMATE = "power_automate"
    DATAVERSE = "dataverse"
    PLANNER = "planner"
    PROJECT = "project"
    VISIO = "visio"
    PHONE = "phone"
    AUDIO_CONFERENCING = "audio_conferencing"
    CALLING_PLAN = "calling_plan"
    VIVA = "viva"
    FORMS = "forms"
    TODO = "todo"
    WHITEBOARD = "whiteboard"
    STREAM = "stream"
    OTHER = "other"


# First match wins: the longer, more special beginnings stand before the general ones.
_BEGINNINGS: tuple[tuple[str, Family], ...] = (
    ("EXCHANGE_S_FOUNDATION", Family.OTHER),
    ("EXCHANGE", Family.EXCHANGE),
    ("SHAREPOINTWAC", Family.OFFICE_WEB),
    ("SHAREPOINT_PROJECT", Family.PROJECT),
    ("SHAREPOINT", Family.SHAREPOINT),
    ("ONEDRIVE", Family.SHAREPOINT),
    ("TEAMS", Family.TEAMS),
    ("MESH_", Family.TEAMS),
    ("MCOMEETADV", Family.AUDIO_CONFERENCING),
    ("MCOPSTN", Family.CALLING_PLAN),
    ("MCOEV", Family.PHONE),
    ("MCO", Family.SKYPE),
    ("OFFICESUBSCRIPTION", Family.OFFICE),
    ("OFFICE_BUSINESS", Family.OFFICE),
    ("OFFICEMOBILE", Family.OFFICE),
    ("INTUNE", Family.INTUNE),
    ("AAD_", Family.ENTRA),
    ("MFA_", Family.ENTRA),
    ("ATP_", Family.DEFENDER),
    ("THREAT_", Family.DEFENDER),
    ("MTP", Family.DEFENDER),
    ("ADALLOM", Family.DEFENDER),
    ("RMS_", Family.INFORMATION_PROTECTION),
    ("MIP_", Family.INFORMATION_PROTECTION),
    ("CONTENTEXPLORER", Family.INFORMATION_PROTECTION),
    ("YAMMER", Family.YAMMER),
    ("VIVAENGAGE", Family.YAMMER),
    ("M365_COPILOT", Family.COPILOT),
    ("BI_", Family.POWER_BI),
    ("POWERAPPS", Family.POWER_APPS),
    ("FLOW", Family.POWER_AUTOMATE),
    ("CDS_", Family.DATAVERSE),
    ("DYN365_CDS", Family.DATAVERSE),
    ("PROJECTWORKMANAGEMENT", Family.PLANNER),
    # "Project for Office" of the suites: tasks in the browser, not the product Project.
    ("PROJECT_O365", Family.PLANNER),
    ("PROJECT", Family.PROJECT),
    ("VISIO", Family.VISIO),
    ("WORKPLACE_ANALYTICS", Family.VIVA),
    ("VIVA", Family.VIVA),
    ("MYANALYTICS", Family.VIVA),
    ("FORMS", Family.FORMS),
    ("BPOS_S_TODO", Family.TODO),
    ("WHITEBOARD", Family.WHITEBOARD),
    ("STREAM", Family.STREAM),
)


def family_of(plan_name: str) -> Family:
    """Return the family of a plan by its service plan name; OTHER when the table does not know it."""
    name = plan_name.upper()
    return next((family for beginning, family in _BEGINNINGS if name.startswith(beginning)), Family.OTHER)
