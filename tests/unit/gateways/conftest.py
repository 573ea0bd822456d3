"""A transport and a gateway onto a scripted service, with time and chance in the test's hands."""

import pytest

from licensing_portal.gateways.graph import GraphDirectory
from licensing_portal.gateways.transport import Transport
from tests.unit.gateways.service import ROOT, TENANT, Clock, Half, Service, Tokens


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def transport(service: Service, clock: Clock, tokens: Tokens) -> Transport:
    return Transport(
        base_url=ROOT,
        tenant_id=TENANT,
        tokens=tokens,
        session_factory=service.session,
        sleep=clock.sleep,
        clock=clock,
        dice=Half(),
    )


@pytest.fixture
def directory(transport: Transport) -> GraphDirectory:
    return GraphDirectory(transport)
