"""GET /auditLogs/directoryAudits: who changed which licences, newest first (graph-api.md 2.10)."""

import json
import re
from collections.abc import Callable

from licensing_portal.sandbox.http import Json, Reply, Request, bad_request, not_found
from licensing_portal.sandbox.model import Audit, Disabled, Tenant, iso
from licensing_portal.sandbox.paging import page_of

type Condition = Callable[[Audit], bool]

_EQUAL = re.compile(r"(activityDisplayName|category|loggedByService|result|id)\s+eq\s+'((?:[^']|'')*)'", re.IGNORECASE)
_TIME = re.compile(r"activityDateTime\s+(ge|gt|le|lt)\s+([0-9T:.Z+-]+)", re.IGNORECASE)
_TARGET = re.compile(r"targetResources/any\(\s*(\w+)\s*:\s*\1/id\s+eq\s+'([^']*)'\s*\)", re.IGNORECASE)
_SERVICE, _CATEGORY = "Core Directory", "UserManagement"


def directory_audits(tenant: Tenant, request: Request) -> Reply:
    """Answer the list; `$filter` joins conditions by `and`."""
    conditions = _conditions(request.query["$filter"]) if "$filter" in request.query else []
    if request.query.get("$orderby", "activityDateTime desc").casefold() != "activitydatetime desc":
        raise bad_request("Unsupported Query.", "Request_UnsupportedQuery")
    found = [entry for entry in reversed(tenant.audits) if all(condition(entry) for condition in conditions)]
    rows: list[Json] = [_shown(tenant, entry) for entry in found]
    return page_of(request, rows, "auditLogs/directoryAudits", usual=1000, largest=1000)


def directory_audit(tenant: Tenant, request: Request, key: str) -> Reply:
    """Answer GET /auditLogs/directoryAudits/{id}."""
    entry = next((entry for entry in tenant.audits if _id(entry) == key), None)
    if entry is None:
        raise not_found(key)
    context = f"{request.root}/$metadata#auditLogs/directoryAudits/$entity"
    return Reply(200, {"@odata.context": context, **_shown(tenant, entry)})


def _conditions(text: str) -> list[Condition]:
    return [_condition(part.strip()) for part in re.split(r"\sand\s", text, flags=re.IGNORECASE)]


def _condition(text: str) -> Condition:
    if match := _EQUAL.fullmatch(text):
        name, wanted = match[1].casefold(), match[2].replace("''", "'")
        return lambda entry: _value(entry, name) == wanted
    if match := _TIME.fullmatch(text):
        operator, moment = match[1].casefold(), match[2]
        return lambda entry: _compare(iso(entry.at), operator, moment)
    if match := _TARGET.fullmatch(text):
        user_id = match[2].casefold()
        return lambda entry: entry.user_id == user_id
    raise bad_request("Invalid filter clause.", "BadRequest")


def _compare(at: str, operator: str, moment: str) -> bool:
    """Compare two times as texts: both are UTC, only the fraction of a second may differ."""
    wanted = re.sub(r"\.\d+", "", moment)
    return {"ge": at >= wanted, "gt": at > wanted, "le": at <= wanted, "lt": at < wanted}[operator]


def _value(entry: Audit, name: str) -> str:
    return {
        "activitydisplayname": entry.activity,
        "category": _CATEGORY,
        "loggedbyservice": _SERVICE,
        "result": "success",
        "id": _id(entry),
    }[name]


def _id(entry: Audit) -> str:
    return f"Directory_{entry.number:08d}_{entry.user_id[:8]}"


def _shown(tenant: Tenant, entry: Audit) -> Json:
    changed = entry.before != entry.after and entry.activity == "Change user license"
    properties = (
        [
            {
                "displayName": "AssignedLicense",
                "oldValue": _licenses(tenant, entry.before),
                "newValue": _licenses(tenant, entry.after),
            }
        ]
        if changed
        else []
    )
    return {
        "id": _id(entry),
        "category": _CATEGORY,
        "correlationId": f"00000000-0000-4000-8000-{entry.number:012d}",
        "result": "success",
        "resultReason": "",
        "activityDisplayName": entry.activity,
        "activityDateTime": iso(entry.at),
        "loggedByService": _SERVICE,
        "operationType": "Update",
        "initiatedBy": {
            "app": {"appId": None, "displayName": "Sandbox client", "servicePrincipalId": None},
            "user": None,
        },
        "targetResources": [
            {
                "id": entry.user_id,
                "displayName": None,
                "type": "User",
                "userPrincipalName": entry.upn,
                "groupType": None,
                "modifiedProperties": properties,
            }
        ],
        "additionalDetails": [],
    }


def _licenses(tenant: Tenant, held: dict[str, Disabled]) -> str:
    """Return licences as the log prints them: one text per product, as a JSON list."""
    texts = []
    for sku_id, disabled in sorted(held.items()):
        sku = tenant.skus.get(sku_id)
        part = sku.part_number if sku is not None else ""
        plans = ", ".join(sorted(disabled))
        texts.append(f"[SkuName={part}, AccountId={tenant.tenant_id}, SkuId={sku_id}, DisabledPlans=[{plans}]]")
    return json.dumps(texts)
