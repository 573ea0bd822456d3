"""Builds the gateways to Microsoft from the settings: the only place that does."""

from functools import cache
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.module_loading import import_string

from licensing_portal.gateways.graph import GraphCustomers, GraphDirectory
from licensing_portal.gateways.protocol import CustomerGateway, DirectoryGateway, TokenSource
from licensing_portal.gateways.tokens import ClientCredentialsTokens, StaticToken
from licensing_portal.gateways.transport import SessionFactory, Transport


def directory_gateway(tenant_id: str, *, background: bool = False) -> DirectoryGateway:
    """Return the gateway to one customer's directory; `background` calls give way to people who wait."""
    return GraphDirectory(_transport(tenant_id, background=background))


def customer_gateway() -> CustomerGateway:
    """Return the gateway that lists the partner's customers."""
    if settings.GATEWAY_STATIC_TOKEN:
        return GraphDirectory(_transport(settings.GATEWAY_STATIC_TENANT)).as_only_customer()
    return GraphCustomers(_transport(settings.ENTRA_TENANT_ID, background=True))
