"""A local stand-in for Microsoft: Graph and Entra ID's token endpoint over real HTTP, with faults on demand.

Standard library only; it knows nothing of the portal (docs/adr/0004).
"""

from licensing_portal.sandbox.app import Sandbox, SandboxOptions
from licensing_portal.sandbox.http import ConnectionDropped
from licensing_portal.sandbox.seed import PARTNER_TENANT_ID, STORY_TENANT_ID
from licensing_portal.sandbox.server import SandboxServer, serve

__all__ = [
    "PARTNER_TENANT_ID",
    "STORY_TENANT_ID",
    "ConnectionDropped",
    "Sandbox",
    "SandboxOptions",
    "SandboxServer",
    "serve",
]
