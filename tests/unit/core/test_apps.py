"""Which service plans give an app: Microsoft's names, with what only looks like the app left out."""

import pytest

from licenses.core.apps import App, gives_less, is_for_people, is_suite, plans_of
from licenses.core.catalog import Plan, Seats, Sku


def _sku(*plans: str, part: str = "PART") -> Sku:
    made = tuple(Plan(plan_id=name.lower(), name=name, display_name=name) for name in plans)
    return Sku(sku_id="sku", part_number=part, display_name=part, seats=Seats(enabled=1), plans=made)


@pytest.mark.parametrize(
    ("app", "gives", "does_not"),
    [
        (App.TEAMS, ["TEAMS1", "TEAMS_GOV"], ["MESH_AVATARS_FOR_TEAMS", "Teams_Room_Pro", "TEAMSPRO_MGMT", "MCOEV"]),
        (
            App.OUTLOOK,
            ["EXCHANGE_S_STANDARD", "EXCHANGE_S_ENTERPRISE", "EXCHANGE_S_DESKLESS", "EXCHANGE_B_STANDARD"],
            ["EXCHANGE_S_FOUNDATION", "EXCHANGE_S_ARCHIVE", "EXCHANGE_S_ARCHIVE_ADDON", "EXCHANGE_ANALYTICS"],
        ),
        (
            App.ONEDRIVE,
            ["SHAREPOINTSTANDARD", "SHAREPOINTENTERPRISE", "SHAREPOINTDESKLESS", "ONEDRIVESTANDARD"],
            ["SHAREPOINTWAC", "SHAREPOINT_PROJECT", "SHAREPOINTSTORAGE"],
        ),
        (App.OFFICE, ["OFFICESUBSCRIPTION", "OFFICE_BUSINESS"], ["OFFICEMOBILE_SUBSCRIPTION", "SHAREPOINTWAC"]),
        (App.COPILOT, ["M365_COPILOT_APPS", "M365_COPILOT_TEAMS"], ["Bing_Chat_Enterprise", "M365_COPILOT_CONNECTORS"]),
    ],
)
def test_an_app_is_given_by_its_own_plans_alone(app: App, gives: list[str], does_not: list[str]) -> None:
    assert plans_of(app, _sku(*gives, *does_not)) == {name.lower() for name in gives}


def test_office_in_the_browser_alone_is_less() -> None:
    assert gives_less(App.OFFICE, _sku("SHAREPOINTWAC", "TEAMS1"))
    assert not gives_less(App.OFFICE, _sku("SHAREPOINTWAC", "OFFICE_BUSINESS"))
    assert not gives_less(App.TEAMS, _sku("SHAREPOINTWAC"))


def test_a_suite_gives_several_apps() -> None:
    assert is_suite(_sku("EXCHANGE_S_ENTERPRISE", "SHAREPOINTENTERPRISE"))
    assert not is_suite(_sku("EXCHANGE_S_ENTERPRISE", "M365_COPILOT_APPS"))


def test_a_license_of_a_meeting_room_is_for_nobody() -> None:
    assert not is_for_people(_sku("TEAMS1", part="Microsoft_Teams_Rooms_Pro"))
    assert is_for_people(_sku("TEAMS1", part="STANDARDPACK"))
