"""`$batch`: what each answer proves about each write."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from licensing_portal.gateways import batch
from licensing_portal.gateways.batch import Write, kind_of
from licensing_portal.gateways.errors import (
    AccessDenied,
    AuthenticationFailed,
    GatewayError,
    Unavailable,
    Unreadable,
)
from licensing_portal.gateways.exchange import MAX_SMALL_BODY
from licensing_portal.gateways.protocol import OutcomeKind, WriteOutcome
from licensing_portal.gateways.transport import Transport
from tests.unit.gateways import samples
from tests.unit.gateways.service import Clock, Service, Tokens

DONE, REFUSED, THROTTLED, UNCLEAR = OutcomeKind.DONE, OutcomeKind.REFUSED, OutcomeKind.THROTTLED, OutcomeKind.UNCLEAR


def writes(count: int) -> list[Write]:
    return [Write(f"user-{number}", "POST", f"/users/user-{number}/x", {"n": number}) for number in range(1, count + 1)]


def kinds(outcomes: Sequence[WriteOutcome]) -> list[OutcomeKind]:
    return [outcome.kind for outcome in outcomes]


def test_a_batch_has_unique_text_ids_relative_addresses_and_a_content_type(
    transport: Transport, service: Service
) -> None:
    service.answers({"responses": []})
    batch.write(transport, writes(20))
    parts = service.calls[0].parts
    assert [part["id"] for part in parts] == [str(number) for number in range(1, 21)]
    assert all(part["url"].startswith("/users/") for part in parts)
    assert all(part["headers"] == {"Content-Type": "application/json"} for part in parts)
    assert not any("dependsOn" in part for part in parts)


@pytest.mark.parametrize("count", [0, 21])
def test_a_batch_holds_one_to_twenty(transport: Transport, service: Service, count: int) -> None:
    with pytest.raises(ValueError, match=str(count)):
        batch.write(transport, writes(count))
    assert service.calls == []


@pytest.mark.parametrize("outer", [200, 424])
def test_answers_in_any_order_reach_their_own_users(transport: Transport, service: Service, outer: int) -> None:
    service.answers(samples.raw("batch_shuffled.json"), status=outer, request_id="outer-id")
    one, two, three = batch.write(transport, writes(3))
    assert [one.user_id, two.user_id, three.user_id] == ["user-1", "user-2", "user-3"]
    assert (one.kind, one.status, one.request_id) == (DONE, 200, "11111111-1111-1111-1111-111111111111")
    assert (two.kind, two.status, two.code) == (REFUSED, 400, "Request_BadRequest")
    assert two.message == "License assignment cannot be done for user with invalid usage location."
    assert two.request_id == "613a2372-1a63-4b13-8c94-56793bbb140c"
    assert (three.kind, three.status, three.request_id) == (DONE, 204, "outer-id")


def test_throttled_parts_keep_their_own_waits(transport: Transport, service: Service) -> None:
    service.answers(samples.raw("batch_throttled.json"))
    outcomes = batch.write(transport, writes(7))
    assert kinds(outcomes) == [THROTTLED] * 7
    assert [outcome.retry_after for outcome in outcomes] == [2.128, 7.0, 0.0, None, 3.0, None, None]


def test_missing_doubled_and_malformed_parts_are_unclear(transport: Transport, service: Service) -> None:
    service.answers(samples.raw("batch_odd.json"), request_id="outer-id")
    outcomes = batch.write(transport, writes(7))
    assert kinds(outcomes) == [UNCLEAR] * 5 + [DONE] * 2
    assert outcomes[0].request_id == "outer-id"


@pytest.mark.parametrize(
    ("status", "code", "asked", "kind"),
    [
        (200, "", None, DONE),
        (204, "", None, DONE),
        (400, "Request_BadRequest", None, REFUSED),
        (401, "InvalidAuthenticationToken", None, UNCLEAR),
        (403, "Authorization_RequestDenied", None, REFUSED),
        (404, "Request_ResourceNotFound", None, REFUSED),
        (408, "", None, UNCLEAR),
        (409, "Directory_ConcurrencyViolation", None, THROTTLED),
        (409, "directory_concurrencyviolation", None, THROTTLED),
        (409, "Conflict", None, REFUSED),
        (424, "", None, THROTTLED),
        (429, "", None, THROTTLED),
        (503, "", 3.0, THROTTLED),
        (503, "", 0.0, THROTTLED),
        (503, "", None, UNCLEAR),
        (500, "", 3.0, UNCLEAR),
        (502, "", None, UNCLEAR),
        (504, "", None, UNCLEAR),
        (302, "", None, UNCLEAR),
        (0, "", None, UNCLEAR),
    ],
)
def test_a_status_proves_only_what_it_says(status: int, code: str, asked: float | None, kind: OutcomeKind) -> None:
    assert kind_of(status, code, asked) == kind


def test_an_answer_to_writes_beyond_five_megabytes_is_unclear(transport: Transport, service: Service) -> None:
    parts = [{"id": "1", "status": 200, "body": {"filler": "x" * MAX_SMALL_BODY}}, {"id": "2", "status": 200}]
    service.answers({"responses": parts})
    outcomes = batch.write(transport, writes(2))
    assert kinds(outcomes) == [UNCLEAR] * 2
    # A page of users may be as large.
    service.answers({"value": ["x" * MAX_SMALL_BODY]})
    assert transport.get("/users")


@dataclass
class _NoTokens:
    """A source of tokens that brings an error."""

    error: GatewayError

    def token(self, tenant_id: str) -> str:
        raise self.error

    def forget(self, tenant_id: str, token: str) -> None:
        """There is none."""


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("POST token", status=503, code="temporarily_unavailable", retry_after=7.0),
        Unavailable("POST token", status=0, message="ReadTimeout"),
        Unreadable("POST token", message="the answer is not JSON"),
    ],
)
def test_writes_without_a_token_were_not_sent_and_are_due_again(
    transport: Transport, service: Service, error: GatewayError
) -> None:
    transport.tokens = _NoTokens(error)
    outcomes = batch.write(transport, writes(2))
    assert kinds(outcomes) == [THROTTLED] * 2
    assert {(one.status, one.code, one.retry_after) for one in outcomes} == {
        (error.status, error.code, error.retry_after)
    }
    assert service.calls == []


def test_writes_whose_token_is_refused_raise(transport: Transport) -> None:
    transport.tokens = _NoTokens(AuthenticationFailed("POST token", status=400, code="invalid_grant"))
    with pytest.raises(AuthenticationFailed):
        batch.write(transport, writes(2))


def test_a_read_without_a_token_is_repeated(transport: Transport, service: Service, clock: Clock) -> None:
    transport.tokens = _NoTokens(Unavailable("POST token", status=503))
    with pytest.raises(Unavailable):
        transport.get("/users")
    assert len(clock.slept) == 5


def test_a_write_whose_connection_drops_is_unclear_and_not_repeated(transport: Transport, service: Service) -> None:
    service.drops()
    outcomes = batch.write(transport, writes(2))
    assert kinds(outcomes) == [UNCLEAR] * 2
    assert outcomes[0].message == "ConnectionError"
    assert len(service.calls) == 1


@pytest.mark.parametrize(
    "body",
    [samples.raw("users_cut.json"), b"", b"{}", b"[]", b'{"responses": 5}', samples.raw("error_page.html"), b"NaN"],
)
def test_a_success_without_parts_says_nothing(transport: Transport, service: Service, body: bytes) -> None:
    service.answers(body)
    assert kinds(batch.write(transport, writes(2))) == [UNCLEAR] * 2


@pytest.mark.parametrize(
    ("status", "headers", "kind", "wait"),
    [
        (429, {"Retry_After": "4"}, THROTTLED, 4.0),
        (429, {}, THROTTLED, None),
        (503, {"Retry_After": "4"}, THROTTLED, 4.0),
        (503, {}, UNCLEAR, None),
        (504, {}, UNCLEAR, None),
        (500, {}, UNCLEAR, None),
        (424, {}, THROTTLED, None),
        (400, {}, REFUSED, None),
    ],
)
def test_a_whole_batch_refused_gives_everybody_the_same_outcome(
    transport: Transport, service: Service, status: int, headers: dict[str, str], kind: OutcomeKind, wait: float | None
) -> None:
    service.answers(samples.raw("error_throttled.json"), status=status, **headers)
    outcomes = batch.write(transport, writes(3))
    assert kinds(outcomes) == [kind] * 3
    assert {(outcome.status, outcome.code, outcome.retry_after) for outcome in outcomes} == {
        (status, "TooManyRequests", wait)
    }
    assert len(service.calls) == 1


def test_a_refused_token_is_renewed_once_because_nothing_has_happened(
    transport: Transport, service: Service, tokens: Tokens
) -> None:
    service.answers(status=401)
    service.answers({"responses": [{"id": "1", "status": 200}]})
    assert kinds(batch.write(transport, writes(1))) == [DONE]
    assert len(tokens.forgotten) == 1
    service.answers(status=401)
    service.answers(status=401)
    with pytest.raises(AuthenticationFailed):
        batch.write(transport, writes(1))


def test_a_token_that_ends_between_the_parts_is_dropped(transport: Transport, service: Service, tokens: Tokens) -> None:
    service.answers({"responses": [{"id": "1", "status": 200}, {"id": "2", "status": 401}]})
    assert kinds(batch.write(transport, writes(2))) == [DONE, UNCLEAR]
    assert len(tokens.forgotten) == 1


def test_a_whole_batch_forbidden_is_access_denied(transport: Transport, service: Service) -> None:
    service.answers({"error": {"code": "Authorization_RequestDenied"}}, status=403)
    with pytest.raises(AccessDenied) as caught:
        batch.write(transport, writes(1))
    assert caught.value.code == "Authorization_RequestDenied"
