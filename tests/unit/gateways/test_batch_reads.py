"""`$batch`: which parts of a read are asked for again."""

from typing import Any

import pytest

from licensing_portal.gateways import batch
from licensing_portal.gateways.errors import (
    AccessDenied,
    AuthenticationFailed,
    GatewayError,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
)
from licensing_portal.gateways.transport import Transport
from licensing_portal.wiring import PAGE_LIMITS
from tests.unit.gateways.service import Clock, Service, Tokens


def part(number: int, status: int = 200, **rest: Any) -> dict[str, Any]:
    return {"id": str(number), "status": status, "body": {"n": number} if status == 200 else None, **rest}


def test_reading_nothing_needs_no_call(transport: Transport, service: Service) -> None:
    assert batch.read(transport, []) == []
    assert service.calls == []


def test_a_read_asks_again_for_the_failed_parts_alone_after_the_longest_wait(
    transport: Transport, service: Service, clock: Clock
) -> None:
    service.answers(
        {
            "responses": [
                part(2, 429, headers={"retry-after": "5"}),
                part(0),
                part(1, 429, headers={"Retry-After": "1"}),
                part(3, 503),
            ]
        }
    )
    service.answers({"responses": [part(3), part(1), part(2)]})
    bodies = batch.read(transport, ["/a", "/b", "/c", "/d"])
    assert [body["n"] for body in bodies] == [0, 1, 2, 3]
    assert [entry["url"] for entry in service.calls[1].parts] == ["/b", "/c", "/d"]
    assert clock.slept == [5.5]


def test_an_outer_424_is_read_part_by_part(transport: Transport, service: Service) -> None:
    service.answers({"responses": [part(0), part(1, 429)]}, status=424)
    service.answers({"responses": [part(1)]})
    assert len(batch.read(transport, ["/a", "/b"])) == 2
    assert [entry["url"] for entry in service.calls[1].parts] == ["/b"]


@pytest.mark.parametrize("page", [{}, [], {"responses": {}}, {"responses": [part(0), part(0)]}, {"responses": [{}]}])
def test_a_part_that_is_not_there_is_asked_for_again(transport: Transport, service: Service, page: Any) -> None:
    service.answers(page)
    service.answers({"responses": [part(0, headers=["odd"])]})
    assert batch.read(transport, ["/a"]) == [{"n": 0}]


def test_a_part_that_never_comes_is_unavailable_after_six_tries(transport: Transport, service: Service) -> None:
    service.always(lambda call: {"responses": []})
    with pytest.raises(Unavailable):
        batch.read(transport, ["/a?x=1"])
    assert len(service.calls) == 6


def test_parts_that_stay_throttled_raise_their_wait(transport: Transport, service: Service, clock: Clock) -> None:
    service.always(lambda call: {"responses": [part(0, 429, headers={"Retry-After": "30"})]})
    with pytest.raises(Throttled) as caught:
        batch.read(transport, ["/a"])
    assert caught.value.retry_after == 30.0
    assert sum(clock.slept) <= 150


def test_whole_calls_and_parts_share_one_patience(transport: Transport, service: Service, clock: Clock) -> None:
    for _ in range(3):
        service.answers(status=503, Retry_After="40")
    service.answers({"responses": [part(0, 429, headers={"Retry-After": "20"})]})
    for _ in range(6):
        service.answers(status=503, Retry_After="40")
    with pytest.raises(Unavailable):
        batch.read(transport, ["/a"])
    assert sum(clock.slept) <= 150


@pytest.mark.parametrize("is_whole", [True, False])
def test_reading_by_id_in_front_of_a_page_ends_with_the_patience_of_a_page(
    transport: Transport, service: Service, clock: Clock, is_whole: bool
) -> None:
    transport.limits = PAGE_LIMITS
    for _ in range(6):
        if is_whole:
            service.answers(status=503, Retry_After="3")
        else:
            service.answers({"responses": [part(0, 429, headers={"Retry-After": "3"})]})
    with pytest.raises(GatewayError):
        batch.read(transport, ["/a"])
    assert clock.slept == [3.5, 3.5]


@pytest.mark.parametrize(("status", "kind"), [(400, Rejected), (403, AccessDenied), (404, NotFound)])
def test_a_refused_part_is_raised_at_once(
    transport: Transport, service: Service, status: int, kind: type[Exception]
) -> None:
    service.answers({"responses": [part(0, status)]})
    with pytest.raises(kind):
        batch.read(transport, ["/a"])
    assert len(service.calls) == 1


def test_a_part_whose_token_is_refused_gets_one_new_token(
    transport: Transport, service: Service, tokens: Tokens, clock: Clock
) -> None:
    service.answers({"responses": [part(0), part(1, 401)]})
    service.answers({"responses": [part(1)]})
    assert len(batch.read(transport, ["/a", "/b"])) == 2
    assert (len(tokens.forgotten), clock.slept) == (1, [])
    service.always(lambda call: {"responses": [part(0, 401)]})
    with pytest.raises(AuthenticationFailed):
        batch.read(transport, ["/a"])
    assert len(service.calls) == 4
