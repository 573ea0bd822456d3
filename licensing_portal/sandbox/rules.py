"""Which plans Microsoft refuses together, needs together, or refuses in a country.

Source: graph-api.md 6.1 (Microsoft's page of 29 October 2025) and 6.2; locations: the design's section 5.
"""

_SHAREPOINT_STANDARD = "c7699d2e-19aa-44de-8edf-1736da088ca1"
_SHAREPOINT_ENTERPRISE = "5dbe027f-2339-4123-9542-606e4d348a72"

EXCLUSIONS: tuple[tuple[str, ...], ...] = (
    (
        "90927877-dcff-4af6-b346-2332c0b15bb7",  # EXCHANGE_B_STANDARD
        "da040e0a-b393-4bea-bb76-928b3fa1cf5a",  # EXCHANGE_S_ARCHIVE
        "4a82b400-a79f-41a4-b4e2-e94f5787b113",  # EXCHANGE_S_DESKLESS
        "1126bef5-da20-4f07-b45e-ad25d2581aa8",  # EXCHANGE_S_ESSENTIALS
        "9aaf7827-d63c-4b61-89c3-182f06f82e5c",  # EXCHANGE_S_STANDARD
        "fc52cc4b-ed7d-472d-bbe7-b081c23ecc56",  # EXCHANGE_S_STANDARD_MIDMARKET
    ),
    # In the text of the page, not in its table: EXCHANGE_S_ENTERPRISE with EXCHANGE_S_STANDARD.
    ("efb87545-963c-4e0d-99df-69c6916d9eb0", "9aaf7827-d63c-4b61-89c3-182f06f82e5c"),
    (
        _SHAREPOINT_ENTERPRISE,
        _SHAREPOINT_STANDARD,
        "902b47e5-dcb2-4fdc-858b-c63a90a2bdb9",  # SHAREPOINTDESKLESS
        "a1f3d0a8-84c0-4ae0-bae4-685917b8ab48",  # SHAREPOINTLITE
        "afcafa6a-d966-4462-918c-ec0b4e0fe642",  # ONEDRIVEENTERPRISE
        "a361d6e2-509e-4e25-a8ad-950060064ef4",  # SHAREPOINT_S_DEVELOPER
        "63038b2c-28d0-45f6-bc36-33062963b498",  # SHAREPOINTENTERPRISE_EDU
        "6b5b6a67-fc72-4a1f-a2b5-beecf05de761",  # SHAREPOINTENTERPRISE_MIDMARKET
        "0a4983bb-d3e5-4a09-95d8-b2d0127b3df5",  # SHAREPOINTSTANDARD_EDU
        "4c9efd0c-8de7-4c71-8295-9f5fdb0dd048",  # SHAREPOINTSTANDARD_YAMMERSHADOW
    ),
    (
        "c1ec4a95-1f05-45b3-a911-aa3fa01094f5",  # INTUNE_A
        "3e170737-c728-4eae-bbb9-3f3360f7184c",  # INTUNE_A_VL
        "2dc63b8a-df3d-448f-b683-8655877c9360",  # INTUNE_B
    ),
    (
        "afc06cb0-b4f4-4473-8286-d644f70d8faf",  # MCOIMP
        "0feaeb32-d00e-4d66-bd5a-43b5b83db82c",  # MCOSTANDARD
        "b2669e95-76ef-4e7e-a367-002f60a39f3e",  # MCOSTANDARD_MIDMARKET
        "70710b6b-3ab4-4a38-9f6d-9f169461650a",  # MCOLITE
    ),
    (
        "4ed3ff63-69d7-4fb7-b984-5aec7f605ca8",  # MCOPSTN1
        "5a10155d-f5c1-411a-a8ec-e99aae125390",  # MCOPSTN2
        "54a152dc-90de-4996-93d2-bc47e670fc06",  # MCOPSTN5
    ),
    (
        "7547a3fe-08ee-4ccb-b430-5077c5041653",  # YAMMER_ENTERPRISE
        "2078e8df-cff6-4290-98cb-5408261a760a",  # YAMMER_EDU
        "41bf139a-4e60-409f-9346-a1361efc6dfb",  # YAMMER_MIDSIZE
    ),
    # RMS_S_ENTERPRISE, RMS_S_ENTERPRISE_GOV
    ("bea4c11e-220a-4e6d-8eb8-8ea15d019f90", "6a76346d-5d6e-4051-9fe3-ed3f312b5597"),
    (
        "119cf168-b6cf-41fb-b82e-7fee7bae5814",  # CRMPLAN1
        "bf36ca64-95c6-4918-9275-eb9f4ce2c04f",  # CRMPLAN2
        "f9646fb2-e3b2-4309-95de-dc4833737456",  # CRMSTANDARD
        "056a5f80-b4e0-4983-a8be-7ad254a113c9",  # DYN365_ENTERPRISE_P1_IW
        "2da8e897-7791-486b-b08f-cc63c8129df7",  # DYN365_ENTERPRISE_SALES
        "6a54b05e-4fab-40e7-9828-428db3b336fa",  # DYN365_ENTERPRISE_TEAM_MEMBERS
        "ba5f0cfa-d54a-4ea0-8cf4-a7e1dc4423d8",  # EMPLOYEE_SELF_SERVICE
    ),
    # TEAMS_FREE, TEAMS1
    ("4fa4026d-ce74-4962-a151-8e96d57ea8e4", "57ff2da0-773e-42df-b2af-ffb7a2317929"),
)

# The same page calls these two together "not recommended" only, where that of 2022 had a conflict.
ALLOWED = frozenset({_SHAREPOINT_ENTERPRISE, _SHAREPOINT_STANDARD})

# Teams Rooms Basic and Pro are told to be refused together; nobody names the pair of plans, so it is one of products.
PRODUCT_EXCLUSIONS: tuple[tuple[str, str], ...] = (
    ("6af4b3d6-14bb-4a2a-960c-6c902aad34f3", "4cde982a-ede4-4409-9ae6-b003453c8ea6"),
)

# Plan → one of these.
DEPENDENCIES: dict[str, tuple[str, ...]] = {
    # SHAREPOINT_PROJECT
    "fe71d6c3-a2ea-4499-9778-da042bf08063": (_SHAREPOINT_ENTERPRISE,),
    # WORKPLACE_ANALYTICS
    "f477b0f0-3bb1-4890-940c-40fcee6ce05f": (
        "9aaf7827-d63c-4b61-89c3-182f06f82e5c",
        "efb87545-963c-4e0d-99df-69c6916d9eb0",
    ),
    # MCOMEETADV
    "3e26ee1f-8a5f-4d52-aee2-b81ce45c8f40": ("0feaeb32-d00e-4d66-bd5a-43b5b83db82c",),
    # MCOEV
    "4828c8ec-dc2e-4779-b502-87ac9ce28ab7": (
        "57ff2da0-773e-42df-b2af-ffb7a2317929",
        "0feaeb32-d00e-4d66-bd5a-43b5b83db82c",
    ),
    # THREAT_INTELLIGENCE
    "8e0c0a52-6a6c-4d40-8370-dd62790dcd70": (
        "efb87545-963c-4e0d-99df-69c6916d9eb0",
        "9aaf7827-d63c-4b61-89c3-182f06f82e5c",
        "4a82b400-a79f-41a4-b4e2-e94f5787b113",
    ),
}

# Widely told and confirmed by no source, so only with `strict_dependencies`: Office for the web needs a SharePoint
# or OneDrive plan, a calling plan needs Teams Phone.
_STRICT: dict[str, tuple[str, ...]] = {
    "e95bec33-7c88-4a70-8e19-b10bd9d0c014": (
        *EXCLUSIONS[2],
        "13696edf-5a08-49f6-8134-03083ed8ba30",
        "da792a53-cbc0-4184-a10d-e544dd34b3c1",
    ),
    **dict.fromkeys(EXCLUSIONS[5], ("4828c8ec-dc2e-4779-b502-87ac9ce28ab7",)),
}
_ALL_DEPENDENCIES = {**DEPENDENCIES, **_STRICT}

PROHIBITED: dict[str, tuple[str, ...]] = {
    "4ed3ff63-69d7-4fb7-b984-5aec7f605ca8": ("CN", "IN"),
    "5a10155d-f5c1-411a-a8ec-e99aae125390": ("CN", "IN"),
    "3e26ee1f-8a5f-4d52-aee2-b81ce45c8f40": ("CN", "IN"),
}

_ROWS = tuple(frozenset(row) for row in EXCLUSIONS)
EXCLUDED_PLANS = frozenset().union(*_ROWS)


def exclusive_pair(plans: frozenset[str]) -> tuple[str, ...] | None:
    """Return the first plans that may not be on together."""
    if len(plans & EXCLUDED_PLANS) < 2:
        return None
    for row in _ROWS:
        both = plans & row
        if len(both) > 1 and both != ALLOWED:
            return tuple(sorted(both))
    return None


def exclusive_products(sku_ids: frozenset[str]) -> tuple[str, str] | None:
    """Return the first products that may not be held together."""
    return next((pair for pair in PRODUCT_EXCLUSIONS if sku_ids.issuperset(pair)), None)


def missing_need(plans: frozenset[str], *, strict: bool = False) -> tuple[str, tuple[str, ...]] | None:
    """Return the first plan whose needs are not met, with what it needs."""
    for plan_id, needs in (_ALL_DEPENDENCIES if strict else DEPENDENCIES).items():
        if plan_id in plans and not plans.intersection(needs):
            return plan_id, needs
    return None


def prohibited(plans: frozenset[str], location: str) -> bool:
    """Tell whether one of these plans is not sold in a location."""
    return any(location in places and plan_id in plans for plan_id, places in PROHIBITED.items())
