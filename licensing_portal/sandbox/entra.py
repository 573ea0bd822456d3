"""The token endpoint; tokens are opaque to clients and name their tenant."""

import hashlib
from urllib.parse import parse_qs

from licensing_portal.sandbox.http import Reply, Request

LIFE = 3599


def token_for(tenant_id: str) -> str:
    """Return the bearer token of a tenant."""
    sign = hashlib.sha256(f"sandbox:{tenant_id}".encode()).hexdigest()[:24]
    return f"sandbox.{tenant_id}.{sign}"


def tenant_of(token: str) -> str | None:
    """Return the tenant of a token, or None for a token that we did not give."""
    parts = token.split(".")
    if len(parts) != 3 or token_for(parts[1]) != token:
        return None
    return parts[1]


def token_reply(request: Request, tenant_id: str, *, known: bool, allowed: bool) -> Reply:
    """Answer POST …/oauth2/v2.0/token for the client credentials flow."""
    fields = parse_qs(request.body.decode("utf-8", "replace"))
    if fields.get("grant_type") != ["client_credentials"]:
        return _refusal("unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type.")
    if not fields.get("client_id"):
        return _refusal("invalid_request", "AADSTS900144: The request body must contain the parameter 'client_id'.")
    if not known:
        return _refusal("invalid_request", f"AADSTS90002: Tenant '{tenant_id}' not found.")
    if not allowed:
        return _refusal("invalid_grant", "AADSTS50020: The partner's user does not exist in this customer's tenant.")
    body = {
        "token_type": "Bearer",
        "expires_in": LIFE,
        "ext_expires_in": LIFE,
        "access_token": token_for(tenant_id),
    }
    return Reply(200, body, {"Cache-Control": "no-store"})


def _refusal(error: str, description: str) -> Reply:
    body = {"error": error, "error_description": description, "error_codes": [int(description[6:].partition(":")[0])]}
    return Reply(400, body, {"Cache-Control": "no-store"})
