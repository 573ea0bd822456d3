"""What Microsoft refuses to combine: exclusions, dependencies and locations, as data with their sources.

A known clash is a warning only: Microsoft has the last word, and its list "is not kept complete".
One row of EXCLUSIONS is a set in which no two may be on for one user. Microsoft is also said to refuse Teams Rooms
Pro beside Basic, but no source names the pair of plans: there is no row for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from licenses.core.catalog import PlanId

# "Licensing service plan reference" of Microsoft Entra, edition of 29 October 2025 (graph-api.md 6.1).
SOURCE = "Microsoft Entra licensing service plan reference, 2025-10-29"

EXCHANGE_ENTERPRISE = "efb87545-963c-4e0d-99df-69c6916d9eb0"
EXCHANGE_STANDARD = "9aaf7827-d63c-4b61-89c3-182f06f82e5c"
EXCHANGE_DESKLESS = "4a82b400-a79f-41a4-b4e2-e94f5787b113"
SHAREPOINT_ENTERPRISE = "5dbe027f-2339-4123-9542-606e4d348a72"
SHAREPOINT_STANDARD = "c7699d2e-19aa-44de-8edf-1736da088ca1"
MCOSTANDARD = "0feaeb32-d00e-4d66-bd5a-43b5b83db82c"
TEAMS1 = "57ff2da0-773e-42df-b2af-ffb7a2317929"
MCOMEETADV = "3e26ee1f-8a5f-4d52-aee2-b81ce45c8f40"
MCOPSTN1 = "4ed3ff63-69d7-4fb7-b984-5aec7f605ca8"
MCOPSTN2 = "5a10155d-f5c1-411a-a8ec-e99aae125390"
MCOPSTN5 = "54a152dc-90de-4996-93d2-bc47e670fc06"
MCOEV = "4828c8ec-dc2e-4779-b502-87ac9ce28ab7"
SHAREPOINT_PROJECT = "fe71d6c3-a2ea-4499-9778-da042bf08063"
WORKPLACE_ANALYTICS = "f477b0f0-3bb1-4890-940c-40fcee6ce05f"
THREAT_INTELLIGENCE = "8e0c0a52-6a6c-4d40-8370-dd62790dcd70"
SHAREPOINTWAC = "e95bec33-7c88-4a70-8e19-b10bd9d0c014"

_SHAREPOINT = frozenset(
    {
        SHAREPOINT_ENTERPRISE,
        SHAREPOINT_STANDARD,
        "902b47e5-dcb2-4fdc-858b-c63a90a2bdb9",  # SHAREPOINTDESKLESS
        "a1f3d0a8-84c0-4ae0-bae4-685917b8ab48",  # SHAREPOINTLITE
        "afcafa6a-d966-4462-918c-ec0b4e0fe642",  # ONEDRIVEENTERPRISE
        "a361d6e2-509e-4e25-a8ad-950060064ef4",  # SHAREPOINT_S_DEVELOPER
    }
)

EXCLUSIONS: tuple[frozenset[PlanId], ...] = (
    frozenset(
        {
            "90927877-dcff-4af6-b346-2332c0b15bb7",  # EXCHANGE_B_STANDARD
            "da040e0a-b393-4bea-bb76-928b3fa1cf5a",  # EXCHANGE_S_ARCHIVE
            EXCHANGE_DESKLESS,
            "1126bef5-da20-4f07-b45e-ad25d2581aa8",  # EXCHANGE_S_ESSENTIALS
            EXCHANGE_STANDARD,
            "fc52cc4b-ed7d-472d-bbe7-b081c23ecc56",  # EXCHANGE_S_STANDARD_MIDMARKET
        }
    ),
    # In the text of the page, not in its table.
    frozenset({EXCHANGE_ENTERPRISE, EXCHANGE_STANDARD}),
    _SHAREPOINT,
    frozenset(
        {
            "c1ec4a95-1f05-45b3-a911-aa3fa01094f5",  # INTUNE_A
            "3e170737-c728-4eae-bbb9-3f3360f7184c",  # INTUNE_A_VL
            "2dc63b8a-df3d-448f-b683-8655877c9360",  # INTUNE_B
        }
    ),
    frozenset(
        {
            "afc06cb0-b4f4-4473-8286-d644f70d8faf",  # MCOIMP
            MCOSTANDARD,
            "b2669e95-76ef-4e7e-a367-002f60a39f3e",  # MCOSTANDARD_MIDMARKET
            "70710b6b-3ab4-4a38-9f6d-9f169461650a",  # MCOLITE
        }
    ),
    frozenset({MCOPSTN1, MCOPSTN2, MCOPSTN5}),
    frozenset(
        {
            "7547a3fe-08ee-4ccb-b430-5077c5041653",  # YAMMER_ENTERPRISE
            "2078e8df-cff6-4290-98cb-5408261a760a",  # YAMMER_EDU
            "41bf139a-4e60-409f-9346-a1361efc6dfb",  # YAMMER_MIDSIZE
        }
    ),
    frozenset({"bea4c11e-220a-4e6d-8eb8-8ea15d019f90", "6a76346d-5d6e-4051-9fe3-ed3f312b5597"}),  # RMS_S_ENTERPRISE
    frozenset(
        {
            "119cf168-b6cf-41fb-b82e-7fee7bae5814",  # CRMPLAN1
            "bf36ca64-95c6-4918-9275-eb9f4ce2c04f",  # CRMPLAN2
            "f9646fb2-e3b2-4309-95de-dc4833737456",  # CRMSTANDARD
            "056a5f80-b4e0-4983-a8be-7ad254a113c9",  # DYN365_ENTERPRISE_P1_IW
            "2da8e897-7791-486b-b08f-cc63c8129df7",  # DYN365_ENTERPRISE_SALES
            "6a54b05e-4fab-40e7-9828-428db3b336fa",  # DYN365_ENTERPRISE_TEAM_MEMBERS
            "ba5f0cfa-d54a-4ea0-8cf4-a7e1dc4423d8",  # EMPLOYEE_SELF_SERVICE
        }
    ),
    frozenset({"4fa4026d-ce74-4962-a151-8e96d57ea8e4", TEAMS1}),  # TEAMS_FREE
)

# Together in a row, yet no clash: the same edition calls SharePoint Plan 1 beside Plan 2 only "not recommended"
# (that of 2022 had it as a conflict).
NOT_RECOMMENDED: tuple[frozenset[PlanId], ...] = (frozenset({SHAREPOINT_ENTERPRISE, SHAREPOINT_STANDARD}),)

# Plan → one of these must be on too (graph-api.md 6.2).
DEPENDENCIES: Mapping[PlanId, frozenset[PlanId]] = {
    SHAREPOINT_PROJECT: frozenset({SHAREPOINT_ENTERPRISE}),
    WORKPLACE_ANALYTICS: frozenset({EXCHANGE_STANDARD, EXCHANGE_ENTERPRISE}),
    MCOMEETADV: frozenset({MCOSTANDARD}),
    MCOEV: frozenset({TEAMS1, MCOSTANDARD}),
    THREAT_INTELLIGENCE: frozenset({EXCHANGE_ENTERPRISE, EXCHANGE_STANDARD, EXCHANGE_DESKLESS}),
}
_DOCUMENTED = "Microsoft Entra documentation of group-based licensing, 2025"
_REPORTED = "Texts of refusals quoted in public, collected 2026-11"
DEPENDENCY_SOURCES: Mapping[PlanId, str] = {
    SHAREPOINT_PROJECT: _REPORTED,
    WORKPLACE_ANALYTICS: _DOCUMENTED,
    MCOMEETADV: _DOCUMENTED,
    MCOEV: _REPORTED,
    THREAT_INTELLIGENCE: _REPORTED,
}

# Widely told, confirmed by no source: kept for whoever can try them on a live tenant, never applied.
UNVERIFIED_DEPENDENCIES: Mapping[PlanId, frozenset[PlanId]] = {
    SHAREPOINTWAC: _SHAREPOINT
    | {
        "13696edf-5a08-49f6-8134-03083ed8ba30",  # ONEDRIVESTANDARD
        "da792a53-cbc0-4184-a10d-e544dd34b3c1",  # ONEDRIVE_BASIC
    },
    MCOPSTN1: frozenset({MCOEV}),
    MCOPSTN2: frozenset({MCOEV}),
    MCOPSTN5: frozenset({MCOEV}),
}

# Plans that are not sold in a country (design, section 5, rule 5).
LOCATIONS: Mapping[PlanId, frozenset[str]] = {
    plan_id: frozenset({"CN", "IN"}) for plan_id in (MCOPSTN1, MCOPSTN2, MCOMEETADV)
}

# Plans that any rule speaks of, and countries that refuse any plan: nothing else needs looking at.
RULED_PLANS: frozenset[PlanId] = frozenset().union(*EXCLUSIONS, DEPENDENCIES, *DEPENDENCIES.values(), LOCATIONS)
REFUSING_LOCATIONS: frozenset[str] = frozenset().union(*LOCATIONS.values())

_ROWS_OF: dict[PlanId, tuple[int, ...]] = {
    plan_id: tuple(number for number, row in enumerate(EXCLUSIONS) if plan_id in row)
    for plan_id in frozenset().union(*EXCLUSIONS)
}


@dataclass(frozen=True, slots=True)
class Clash:
    """Plans that may not be on together, sorted."""

    plans: tuple[PlanId, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """A plan that is on without any of the plans it needs."""

    plan_id: PlanId
    needs: tuple[PlanId, ...]


def clashes(plan_ids: Iterable[PlanId]) -> tuple[Clash, ...]:
    """Return the exclusions that this set of enabled plans breaks, in the order of the rows."""
    by_row: dict[int, set[PlanId]] = {}
    for plan_id in plan_ids:
        for number in _ROWS_OF.get(plan_id, ()):
            by_row.setdefault(number, set()).add(plan_id)
    return tuple(Clash(tuple(sorted(plans))) for _, plans in sorted(by_row.items()) if _is_refused(plans))


def _is_refused(plans: set[PlanId]) -> bool:
    """Tell whether these plans of one row may not be on together."""
    return len(plans) > 1 and not any(plans <= accepted for accepted in NOT_RECOMMENDED)


def missing_dependencies(plan_ids: frozenset[PlanId]) -> tuple[Missing, ...]:
    """Return the enabled plans whose needs are not met by this set."""
    return tuple(
        Missing(plan_id, tuple(sorted(needs)))
        for plan_id, needs in DEPENDENCIES.items()
        if plan_id in plan_ids and not needs & plan_ids
    )


def forbidden(plan_ids: Iterable[PlanId], location: str | None) -> tuple[PlanId, ...]:
    """Return the plans that may not be used in a location."""
    if not location:
        return ()
    return tuple(sorted(plan for plan in plan_ids if location in LOCATIONS.get(plan, frozenset())))
