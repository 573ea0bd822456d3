"""Reads answers: status, headers and bytes become JSON, an error or a wait. Pure functions, no I/O.

Sources: Graph's error and throttling pages (graph-api.md, sections 3 to 5).
"""

import json
import math
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

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

type Json = Any

MAX_WAIT = 60.0
# Nobody means a longer wait than this, and no calendar holds all numbers.
LONGEST_WAIT = 86_400.0
_MESSAGE_LENGTH = 2_000
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, or one part of a `$batch`; header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def request_id(self) -> str:
        """Microsoft's id of the request, for support."""
        return self.headers.get("request-id", "")[:100]


@dataclass(frozen=True, slots=True)
class Fault:
    """The allow-listed facts of an error body."""

    code: str = ""
    message: str = ""
    request_id: str = ""


def lower_headers(headers: Mapping[str, Any]) -> dict[str, str]:
    """Return headers with lower-case names; values that are no text or number are dropped."""
    return {str(name).lower(): str(value) for name, value in headers.items() if isinstance(value, (str, int, float))}


def decode(body: bytes, operation: str) -> Json:
    """Return the JSON of a body; a byte order mark is passed over. Raises Unreadable."""
    try:
        text = body.decode("utf-8-sig")
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        # The cause holds the whole body, which belongs into no log.
        raise Unreadable(operation, message="the answer is not JSON") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """Return an object; which of two equal names is meant cannot be known."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


# Codes that say no more than the status; a code inside them says what was wrong.
_GENERIC: Final = frozenset({"", "badrequest", "request_badrequest", "unknownerror"})


def fault_of(body: Json) -> Fault:
    """Return code, message and request id of an error body of any documented shape."""
    if not isinstance(body, dict):
        return Fault()
    error = body.get("error", body.get("odata.error"))
    if isinstance(error, str):
        return _token_fault(error, body)
    if not isinstance(error, dict):
        return _partner_fault(body) if error is None else Fault()
    folded = {str(key).lower(): value for key, value in error.items()}
    inner = folded.get("innererror")
    inner = inner if isinstance(inner, dict) else {}
    message = folded.get("message")
    if isinstance(message, dict):
        message = message.get("value")
    code = _text(folded.get("code"))[:100]
    if code.casefold() in _GENERIC and (word := _text(inner.get("code"))[:100]) and not word.isdigit():
        code = word
    return _unwrapped(Fault(code, _text(message), _text(inner.get("request-id"))[:100]))


def _token_fault(error: str, body: dict[str, Json]) -> Fault:
    """Read the token endpoint's shape; the first line of its words is what people look up."""
    words = body.get("error_description")
    return Fault(
        code=_text(error)[:100],
        message=_text(words.partition("\n")[0].rstrip() if isinstance(words, str) else ""),
        request_id=_text(body.get("trace_id"))[:100],
    )


def _partner_fault(body: dict[str, Json]) -> Fault:
    """Read Partner Center's shapes: its own, whose code is a number or text, and that of the gateway before it.

    What stands in `data` belongs to the words: there the product is named (partner-center-api.md 3.1).
    """
    folded = {str(key).lower(): value for key, value in body.items()}
    data = folded.get("data")
    words = [folded.get("description") or folded.get("message"), *(data if isinstance(data, list) else ())]
    message = " ".join(dict.fromkeys(text for word in words if (text := _text(word))))
    code = folded.get("code")
    # True is a number to Python.
    return _unwrapped(Fault(str(code) if type(code) is int else _text(code)[:100], message[:_MESSAGE_LENGTH]))


def _unwrapped(fault: Fault) -> Fault:
    """Return the error that a gateway has put into its message as JSON; others as they are."""
    if not fault.message.lstrip().startswith("{"):
        return fault
    try:
        inner = fault_of(decode(fault.message.strip().encode("utf-8", "replace"), ""))
    except Unreadable:
        return fault
    if not inner.message:
        return fault
    return Fault(inner.code or fault.code, inner.message, inner.request_id or fault.request_id)


def _text(value: Json) -> str:
    """Return text that fits on one line of a log and into a database; anything else is empty."""
    return one_line(value[:_MESSAGE_LENGTH]) if isinstance(value, str) else ""


def one_line(text: str) -> str:
    """Replace what neither a log line nor a database can hold: controls, ends of line, half characters."""
    return text if text.isprintable() else _UNFIT.sub(" ", text)


def read_fault(answer: Answer) -> Fault:
    """Return the facts of an error answer; a body that is no JSON has none."""
    try:
        fault = fault_of(decode(answer.body, ""))
    except Unreadable:
        fault = Fault()
    return Fault(fault.code, fault.message, fault.request_id or answer.request_id)


def error_for(answer: Answer, operation: str) -> GatewayError:
    """Choose the exception for an answer that is not a success."""
    return error_of(answer.status, read_fault(answer), answer.headers, operation)


_KINDS: dict[int, type[GatewayError]] = {
    401: AuthenticationFailed,
    403: AccessDenied,
    404: NotFound,
    # Another part of a batch failed, so this one was not tried.
    424: Throttled,
    429: Throttled,
    # The service has no such function, today and tomorrow.
    501: Rejected,
}


def error_of(status: int, fault: Fault, headers: Mapping[str, str], operation: str) -> GatewayError:
    """Choose the exception for a status; one that is neither success nor failure is not documented."""
    usual = Unavailable if status >= 500 else Rejected if status >= 400 else Unreadable
    return _KINDS.get(status, usual)(
        operation,
        status=status,
        code=fault.code,
        message=fault.message,
        request_id=fault.request_id,
        retry_after=retry_after(headers, datetime.now(UTC)),
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the wait in seconds, at most a day: a number (fractions too) or an HTTP date; None when nonsense."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - now).total_seconds()
        except (TypeError, ValueError, OverflowError):
            return None
    return min(max(0.0, seconds), LONGEST_WAIT) if math.isfinite(seconds) else None


def wait_before(attempt: int, asked: float | None, dice: random.Random) -> float:
    """Return the seconds to wait before try number `attempt` + 1: as asked plus up to 1 s, else full jitter."""
    if asked is not None:
        return asked + dice.random()
    return dice.random() * min(MAX_WAIT, 2.0**attempt)
