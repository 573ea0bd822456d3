"""Speaks to the control room of the stand-in for Microsoft, below `/_control` (design, section 8)."""

import json
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.utils.module_loading import import_string

from licensing_portal.gateways.errors import GatewayError
from licensing_portal.gateways.exchange import Limits, exchange

# It is on this machine; a list of 2,000 users and a reset take a moment.
_LIMITS = Limits(connect=2.0, read=20.0, total=30.0)
# Asked while a page is made: rather no answer than a slow page.
_AT_ONCE = Limits(connect=0.5, read=1.0, total=1.0)

type Json = Any


class StandInAway(Exception):
    """The stand-in did not answer."""


class Refused(Exception):
    """The stand-in answered that it has no such thing, or cannot do that."""


class ControlRoom:
    """What the demo changes behind the portal's back. Every method raises StandInAway or Refused."""

    def __init__(self) -> None:
        parts = urlsplit(settings.GRAPH_BASE_URL)
        self._root = f"{parts.scheme}://{parts.netloc}/_control"
        self._session: requests.Session = import_string(settings.GATEWAY_SESSION_FACTORY)()

    def __enter__(self) -> "ControlRoom":
        return self

    def __exit__(self, *error: object) -> None:
        self._session.close()

    def faults(self) -> list[dict[str, Json]]:
        """Return the faults that still wait for a call."""
        return cast("list[dict[str, Json]]", self._call("GET", "faults", limits=_AT_ONCE))

    def add_fault(self, fault: Mapping[str, Json]) -> None:
        """Let the next calls go wrong or last long."""
        self._call("POST", "faults", fault)

    def clear_faults(self) -> None:
        """Let every call go well again."""
        self._call("DELETE", "faults")

    def reset(self) -> None:
        """Bring the seeded data of all tenants back."""
        self._call("POST", "reset")

    def users(self, tenant_id: str) -> list[dict[str, Json]]:
        """Return every user of a tenant, in Graph's field names."""
        return cast("list[dict[str, Json]]", self._call("GET", f"tenants/{tenant_id}/users"))

    def change_user(self, tenant_id: str, user_id: str, fields: Mapping[str, Json]) -> None:
        """Change properties or the direct assignments of a user."""
        self._call("PATCH", f"tenants/{tenant_id}/users/{user_id}", fields)

    def product(self, tenant_id: str, sku_id: str) -> dict[str, Json]:
        """Return a product of a tenant with its true number of consumed units."""
        return cast("dict[str, Json]", self._call("GET", f"tenants/{tenant_id}/skus/{sku_id}"))

    def set_bought(self, tenant_id: str, sku_id: str, units: int) -> None:
        """Set the number of units that the tenant has bought of a product."""
        self._call("PATCH", f"tenants/{tenant_id}/skus/{sku_id}", {"prepaidUnits": {"enabled": units}})

    def _call(self, method: str, path: str, body: Json = None, *, limits: Limits = _LIMITS) -> Json:
        content = {} if body is None else {"json": body}
        try:
            url = f"{self._root}/{path}"
            answer = exchange(self._session, method, url, operation="control", limits=limits, **content)
        except GatewayError as error:
            raise StandInAway(error.message) from error
        if answer.status >= 400:
            raise Refused(f"{method} {path}: {answer.status}")
        try:
            return json.loads(answer.body) if answer.body else None
        except ValueError as error:
            raise StandInAway("the answer is no JSON") from error


def direct_assignments(user: Mapping[str, Json]) -> dict[str, frozenset[str]]:
    """Return what a user holds directly: product → service plans that are off."""
    return {
        state["skuId"]: frozenset(state["disabledPlans"])
        for state in user["licenseAssignmentStates"]
        if state["assignedByGroup"] is None
    }


def as_assigned(direct: Mapping[str, frozenset[str]]) -> list[dict[str, Json]]:
    """Return direct assignments as the control room takes them."""
    return [{"skuId": sku_id, "disabledPlans": sorted(plans)} for sku_id, plans in sorted(direct.items())]
