"""The pure reading of answers: bytes, errors and waits."""

import random
from datetime import UTC, datetime

import pytest

from licensing_portal.gateways.answers import (
    Answer,
    Fault,
    decode,
    error_for,
    fault_of,
    lower_headers,
    one_line,
    read_fault,
    retry_after,
    wait_before,
)
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
from tests.unit.gateways import samples

NOW = datetime(2026, 10, 21, 7, 28, 0, tzinfo=UTC)


def test_byte_order_mark_is_passed_over() -> None:
    assert samples.raw("users_bom.json").startswith(b"\xef\xbb\xbf")
    assert decode(samples.raw("users_bom.json"), "GET /users") == {"value": []}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        samples.raw("users_cut.json"),
        samples.raw("error_page.html"),
        b"\xff\xfe\x00",
        b'{"value": NaN}',
        b'{"value": Infinity}',
        b'{"value": [], "value": [1]}',
        b"[" * 200_000,
        b"1" * 5_000,
    ],
    ids=["empty", "cut", "html", "not utf-8", "nan", "infinity", "doubled name", "deep", "long number"],
)
def test_what_is_no_json_is_unreadable_and_leaves_nothing_of_itself(body: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        decode(body, "GET /users")
    assert caught.value.operation == "GET /users"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("name", "code", "request_id"),
    [
        ("error_throttled.json", "TooManyRequests", "94fb3b52-452a-4535-a601-69e0a90e3aa2"),
        ("error_innererror.json", "Request_ResourceNotFound", "613a2372-1a63-4b13-8c94-56793bbb140c"),
        ("error_token.json", "invalid_grant", ""),
    ],
)
def test_code_and_request_id_are_found_in_every_documented_shape(name: str, code: str, request_id: str) -> None:
    fault = fault_of(samples.data(name))
    assert (fault.code, fault.request_id) == (code, request_id)


def test_message_is_the_outer_one_and_a_token_refusal_keeps_its_first_line() -> None:
    assert fault_of(samples.data("error_throttled.json")).message == "Please retry again later."
    words = fault_of(samples.data("error_token.json")).message
    assert words.strip() == "AADSTS65001: The user or administrator has not consented to use the application."


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        {},
        {"error": None},
        {"error": 5},
        {"error": {"code": 5, "message": ["x"], "innerError": "x"}},
        {"error": {"code": None, "message": {"value": None}, "innerError": {"request-id": 7}}},
    ],
)
def test_an_error_of_another_shape_has_no_facts(body: object) -> None:
    assert fault_of(body) == Fault()


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ('{"error":{"code":"x","message":"No."}}', "No."),
        ('{"error":{"code":"x"}}', '{"error":{"code":"x"}}'),
        ('{"error":', '{"error":'),
    ],
)
def test_an_error_in_the_words_of_an_error_is_read_where_it_says_more(inside: str, message: str) -> None:
    assert fault_of({"error": {"code": "BadRequest", "message": inside}}).message == message


def test_odata_message_object_is_read() -> None:
    assert fault_of({"error": {"message": {"lang": "en", "value": "No."}}}).message == "No."


def test_token_refusal_without_words_keeps_its_code() -> None:
    assert fault_of({"error": "invalid_client", "error_description": 7}) == Fault(code="invalid_client")


def test_facts_are_bounded_and_cannot_forge_a_line_of_the_log() -> None:
    fault = fault_of(
        {"error": {"code": "a\nb" * 100, "message": "x\r\n" * 5_000, "innerError": {"request-id": "i\x00"}}}
    )
    assert len(fault.code) == 100
    assert len(fault.message) == 2_000
    assert not any(letter in fault.code + fault.message + fault.request_id for letter in "\r\n\x00")


def test_one_line_keeps_the_spaces_of_japanese_names_and_drops_half_characters() -> None:
    assert one_line("山田　太郎\u200d") == "山田　太郎\u200d"
    assert one_line("a\ud800b\x00c\u2028d") == "a b c d"


def test_request_id_of_the_headers_stands_in_where_the_body_has_none() -> None:
    answer = Answer(503, {"request-id": "from-header"}, samples.raw("error_page.html"))
    assert read_fault(answer) == Fault(request_id="from-header")


def test_header_names_are_lower_case_and_odd_values_dropped() -> None:
    assert lower_headers({"Retry-AFTER": 2.5, "A": None, "B": ["x"], "C": "y"}) == {"retry-after": "2.5", "c": "y"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, Unreadable),
        (400, Rejected),
        (401, AuthenticationFailed),
        (403, AccessDenied),
        (404, NotFound),
        (409, Rejected),
        (424, Throttled),
        (429, Throttled),
        (500, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
    ],
)
def test_status_chooses_the_error(status: int, kind: type[GatewayError]) -> None:
    error = error_for(Answer(status, {"retry-after": "3"}, samples.raw("error_throttled.json")), "GET /users")
    assert type(error) is kind
    assert (error.status, error.code, error.retry_after) == (status, "TooManyRequests", 3.0)
    assert error.request_id == "94fb3b52-452a-4535-a601-69e0a90e3aa2"


def test_the_text_of_an_error_names_facts_only_never_microsofts_words() -> None:
    error = error_for(Answer(400, {}, b'{"error":{"code":"C","message":"secret words"}}'), "GET /users")
    assert str(error) == "GET /users: 400 C (request unknown)"
    assert error.message == "secret words"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("2.128", 2.128),
        (" 3 ", 3.0),
        ("0", 0.0),
        ("-5", 0.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        # Nobody means more than a day.
        ("86400", 86_400.0),
        ("86401", 86_400.0),
        ("999999999999", 86_400.0),
        ("1e300", 86_400.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("1e999", None),
        ("Wed, 99 Oct 2026 07:28:30 GMT", None),
        ("Wed, 21 Oct 2026 07:28:30 -0000", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, NOW) == seconds


def test_no_retry_after_is_none() -> None:
    assert retry_after({}, NOW) is None


def test_named_wait_is_kept_exactly_plus_up_to_a_second() -> None:
    waits = [wait_before(attempt, 2.128, random.Random(attempt)) for attempt in range(50)]
    assert all(2.128 <= wait < 3.128 for wait in waits)
    assert len(set(waits)) > 40


def test_unnamed_wait_doubles_with_full_jitter_up_to_a_minute() -> None:
    for attempt in range(12):
        waits = [wait_before(attempt, None, random.Random(seed)) for seed in range(200)]
        ceiling = min(60.0, 2.0**attempt)
        assert 0 <= min(waits) < 0.1 * ceiling
        assert 0.9 * ceiling < max(waits) <= ceiling
