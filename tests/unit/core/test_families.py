"""Families of plans by their names."""

import pytest

from licenses.core.families import Family, family_of


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("EXCHANGE_S_STANDARD", Family.EXCHANGE),
        ("exchange_s_enterprise", Family.EXCHANGE),
        ("EXCHANGE_S_FOUNDATION", Family.OTHER),
        ("SHAREPOINTENTERPRISE", Family.SHAREPOINT),
        ("ONEDRIVESTANDARD", Family.SHAREPOINT),
        ("SHAREPOINTWAC", Family.OFFICE_WEB),
        ("SHAREPOINT_PROJECT", Family.PROJECT),
        ("TEAMS1", Family.TEAMS),
        ("MCOSTANDARD", Family.SKYPE),
        ("MCOIMP", Family.SKYPE),
        ("MCOEV", Family.PHONE),
        ("MCOMEETADV", Family.AUDIO_CONFERENCING),
        ("MCOPSTN2", Family.CALLING_PLAN),
        ("OFFICESUBSCRIPTION", Family.OFFICE),
        ("INTUNE_A", Family.INTUNE),
        ("AAD_PREMIUM_P2", Family.ENTRA),
        ("ATP_ENTERPRISE", Family.DEFENDER),
        ("RMS_S_ENTERPRISE", Family.INFORMATION_PROTECTION),
        ("YAMMER_ENTERPRISE", Family.YAMMER),
        ("M365_COPILOT_TEAMS", Family.COPILOT),
        ("BI_AZURE_P2", Family.POWER_BI),
        ("PROJECTWORKMANAGEMENT", Family.PLANNER),
        ("PROJECT_PROFESSIONAL", Family.PROJECT),
        ("PROJECT_O365_P3", Family.PLANNER),
        ("GRAPH_CONNECTORS_COPILOT", Family.OTHER),
        ("BING_CHAT_ENTERPRISE", Family.OTHER),
        ("VISIOONLINE", Family.VISIO),
        ("A_PLAN_OF_TOMORROW", Family.OTHER),
        ("", Family.OTHER),
    ],
)
def test_a_plan_belongs_to_a_family(name: str, family: Family) -> None:
    assert family_of(name) == family
