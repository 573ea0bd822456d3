"""One request, its token and its repeats, on a scripted service."""

import logging
import uuid

import pytest
import requests

from licensing_portal.gateways.errors import (
    AccessDenied,
    AuthenticationFailed,
    GatewayError,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
    Unreadable,
)
from licensing_portal.gateways.transport import (
    Transport,
)
from tests.unit.gateways import samples
from tests.unit.gateways.service import ROOT, TENANT, Clock, Service, Tokens

THROTTLED = samples.data("error_throttled.json")


def test_every_request_carries_token_priority_and_an_id_of_its_own(transport: Transport, service: Service) -> None:
    service.always(lambda call: {"value": []})
    transport.get("/users")
    transport.get("/users")
    first, second = (call.headers for call in service.calls)
    assert first["authorization"] == "Bearer token-1"
    assert first["x-ms-throttle-priority"] == "high"
    assert uuid.UUID(first["client-request-id"]) != uuid.UUID(second["client-request-id"])


def test_background_priority_is_sent(transport: Transport, service: Service) -> None:
    transport.priority = "low"
    service.answers({})
    transport.get("/users")
    assert service.calls[0].headers["x-ms-throttle-priority"] == "low"


def test_body_goes_as_json_and_its_repeat_is_the_same(transport: Transport, service: Service) -> None:
    service.answers(status=503)
    service.answers({"responses": []})
    transport.read("POST", "/$batch", body={"requests": []})
    assert [call.json for call in service.calls] == [{"requests": []}] * 2
    assert service.calls[0].headers["content-type"] == "application/json"


def test_one_session_is_kept(transport: Transport, service: Service) -> None:
    made: list[requests.Session] = []

    def factory() -> requests.Session:
        made.append(service.session())
        return made[-1]

    transport.session_factory = factory
    service.always(lambda call: {})
    transport.get("/a")
    transport.get("/b")
    assert len(made) == 1


# Repeats of reads


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_read_is_repeated_after_exactly_the_named_wait(
    transport: Transport, service: Service, clock: Clock, status: int
) -> None:
    service.answers(THROTTLED, status=status, Retry_After="2.128")
    service.answers({"value": [1]})
    assert transport.get("/users") == {"value": [1]}
    assert clock.slept == [2.128 + 0.5]


def test_a_read_without_a_named_wait_backs_off_and_ends_after_six_tries(
    transport: Transport, service: Service, clock: Clock
) -> None:
    for _ in range(9):
        service.answers(samples.raw("error_page.html"), status=503)
    with pytest.raises(Unavailable) as caught:
        transport.get("/users")
    assert (caught.value.status, len(service.calls)) == (503, 6)
    assert clock.slept == [0.5, 1.0, 2.0, 4.0, 8.0]


def test_a_dropped_connection_a_cut_body_and_an_empty_answer_are_repeated(
    transport: Transport, service: Service
) -> None:
    service.drops()
    service.answers(samples.raw("users_cut.json"))
    service.answers()
    service.answers(samples.raw("users_bom.json"))
    assert transport.get("/users") == {"value": []}


def test_a_read_that_stays_throttled_raises_the_last_wait(transport: Transport, service: Service) -> None:
    for _ in range(6):
        service.answers(THROTTLED, status=429, Retry_After="9")
    with pytest.raises(Throttled) as caught:
        transport.get("/users")
    assert caught.value.retry_after == 9.0
    assert caught.value.request_id == "94fb3b52-452a-4535-a601-69e0a90e3aa2"


def test_a_wait_beyond_all_patience_is_not_begun(transport: Transport, service: Service, clock: Clock) -> None:
    service.answers(THROTTLED, status=429, Retry_After="900")
    with pytest.raises(Throttled) as caught:
        transport.get("/users")
    assert caught.value.retry_after == 900.0
    assert (clock.slept, len(service.calls)) == ([], 1)


def test_waits_together_stay_within_the_patience_of_one_read(
    transport: Transport, service: Service, clock: Clock
) -> None:
    for _ in range(6):
        service.answers(THROTTLED, status=429, Retry_After="60")
    with pytest.raises(Throttled):
        transport.get("/users")
    assert sum(clock.slept) <= 150
    assert len(service.calls) == 3


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Rejected), (403, AccessDenied), (404, NotFound), (409, Rejected), (302, Unreadable), (501, Rejected)],
)
def test_what_repeating_cannot_mend_is_raised_at_once(
    transport: Transport, service: Service, status: int, kind: type[GatewayError]
) -> None:
    service.answers(THROTTLED, status=status, Location=f"{ROOT}/elsewhere")
    with pytest.raises(kind):
        transport.get("/users?$top=1")
    assert len(service.calls) == 1


def test_errors_name_the_operation_without_its_query(transport: Transport, service: Service) -> None:
    service.answers(status=404)
    with pytest.raises(NotFound) as caught:
        transport.get("/users?$filter=mail eq 'secret'")
    assert caught.value.operation == "GET /users"


# The token


def test_a_refused_token_is_dropped_and_the_request_sent_once_more(
    transport: Transport, service: Service, tokens: Tokens
) -> None:
    service.answers(status=401)
    service.answers({"value": []})
    transport.get("/users")
    assert tokens.forgotten == [TENANT]
    assert [call.headers["authorization"] for call in service.calls] == ["Bearer token-1", "Bearer token-2"]


def test_a_token_refused_twice_ends_the_read(transport: Transport, service: Service, tokens: Tokens) -> None:
    service.answers(status=401)
    service.answers({"error": {"code": "InvalidAuthenticationToken"}}, status=401)
    with pytest.raises(AuthenticationFailed) as caught:
        transport.get("/users")
    assert caught.value.code == "InvalidAuthenticationToken"
    assert len(service.calls) == 2


def test_no_token_is_seen_in_errors_or_logs(
    transport: Transport, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    service.drops()
    service.answers(b'{"echo": "token-1"', status=200)
    service.answers({"error": {"code": "X", "message": "canary"}}, status=400)
    with pytest.raises(Rejected) as caught:
        transport.get("/users")
    assert "token-1" not in caplog.text
    assert "canary" not in caplog.text + str(caught.value)


def test_an_error_of_the_connection_tells_its_kind_only(transport: Transport, service: Service) -> None:
    service.drops()
    with pytest.raises(Unavailable) as caught:
        transport.send("GET", "/users", None)
    assert (caught.value.message, caught.value.status) == ("ConnectionError", 0)
    assert caught.value.__suppress_context__
