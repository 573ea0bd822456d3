"""Builds the gateways to Microsoft from the settings: the only place that does."""

import threading
from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from licensing_portal.gateways.customers import GraphCustomers, OnlyCustomer
from licensing_portal.gateways.exchange import PATIENT, Limits, SessionFactory
from licensing_portal.gateways.graph import GraphDirectory
from licensing_portal.gateways.protocol import CustomerGateway, DirectoryGateway, TokenSource
from licensing_portal.gateways.tokens import ClientCredentialsTokens, StaticToken
from licensing_portal.gateways.transport import Transport

# A connection is kept per thread and tenant: sessions of requests are not meant to be shared by threads.
_kept = threading.local()


# Somebody looks at a page that waits for Microsoft: rather the stored answer, and said so.
PAGE_LIMITS = Limits(connect=3.0, read=6.0, total=8.0, patience=8.0)


def directory_gateway(tenant_id: str, *, background: bool = False, limits: Limits = PATIENT) -> DirectoryGateway:
    """Return the gateway to one customer's directory; `background` calls give way to people who wait."""
    return GraphDirectory(_transport(tenant_id, background=background, limits=limits))


def customer_gateway() -> CustomerGateway:
    """Return the gateway that lists the partner's customers."""
    if settings.GATEWAY_STATIC_TOKEN:
        return OnlyCustomer(GraphDirectory(_transport(settings.GATEWAY_STATIC_TENANT, background=True)))
    return GraphCustomers(_transport(settings.ENTRA_TENANT_ID, background=True))


def _transport(tenant_id: str, *, background: bool, limits: Limits = PATIENT) -> Transport:
    """Return this thread's connection for a tenant."""
    key = (settings.GRAPH_BASE_URL, settings.GATEWAY_STATIC_TOKEN, tenant_id, background, limits)
    transports: dict[tuple[str, str, str, bool, Limits], Transport] = _kept.__dict__.setdefault("transports", {})
    if key not in transports:
        transports[key] = Transport(
            base_url=settings.GRAPH_BASE_URL,
            tenant_id=tenant_id,
            tokens=_tokens(settings.GATEWAY_STATIC_TOKEN, settings.ENTRA_AUTHORITY),
            session_factory=_session_factory(),
            priority="low" if background else "high",
            limits=limits,
        )
    return transports[key]


@cache
def _tokens(static_token: str, authority: str) -> TokenSource:
    """Return the process's token source."""
    if static_token:
        return StaticToken(static_token, settings.GATEWAY_STATIC_TENANT)
    return ClientCredentialsTokens(
        authority=authority,
        client_id=settings.ENTRA_CLIENT_ID,
        client_secret=settings.ENTRA_CLIENT_SECRET,
        # Graph's own address, not the one below which we call it: a token is for a resource.
        scope="https://graph.microsoft.com/.default",
        session_factory=_session_factory(),
    )


def _session_factory() -> SessionFactory:
    factory: SessionFactory = import_string(settings.GATEWAY_SESSION_FACTORY)
    return factory
