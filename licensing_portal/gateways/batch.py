"""`$batch`: at most 20 requests in one call, each judged by its own status (graph-api.md, section 3)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from licensing_portal.gateways.answers import (
    Answer,
    Fault,
    Json,
    decode,
    error_for,
    error_of,
    fault_of,
    lower_headers,
    read_fault,
    retry_after,
)
from licensing_portal.gateways.errors import (
    AccessDenied,
    AuthenticationFailed,
    GatewayError,
    NotFound,
    NotSent,
    Rejected,
    Unavailable,
    Unreadable,
)
from licensing_portal.gateways.protocol import OutcomeKind, WriteOutcome
from licensing_portal.gateways.transport import BATCH, Transport

SIZE: Final = 20


@dataclass(frozen=True, slots=True)
class Part:
    """The answer to one request of a batch."""

    status: int
    headers: Mapping[str, str]
    body: Json


@dataclass(frozen=True, slots=True)
class Write:
    """One user's write: method, address below the root, body."""

    user_id: str
    method: str
    url: str
    body: Json


def write(transport: Transport, writes: Sequence[Write]) -> tuple[WriteOutcome, ...]:
    """Send writes in one batch, once; return one outcome per write, in order.

    Raises AuthenticationFailed or AccessDenied when the whole call was refused: then nothing happened.
    """
    if not 0 < len(writes) <= SIZE:
        raise ValueError(f"a batch holds 1 to {SIZE} writes, not {len(writes)}")
    try:
        answer = transport.send("POST", BATCH, {"requests": _numbered(writes)}, limits=transport.limits.of_writes())
    except NotSent as error:
        # Known not done, so due again later, like what Microsoft has put off.
        code, asked = error.code, error.retry_after
        return tuple(
            replace(
                _same_for(item, OutcomeKind.THROTTLED, error.status, code, error.message, "", asked), was_sent=False
            )
            for item in writes
        )
    except (Unavailable, Unreadable) as error:
        return tuple(_same_for(item, OutcomeKind.UNCLEAR, error.status, "", error.message, "") for item in writes)
    try:
        parts = parts_of(decode(answer.body, BATCH))
    except Unreadable:
        parts = None
    if parts is None:
        return _whole(answer, writes)
    if any(part.status == 401 for part in parts.values()):
        # The token ended between the parts: whoever asks next must bring a new one.
        transport.forget_token()
    now = datetime.now(UTC)
    return tuple(
        _outcome(item, parts.get(str(number)), answer.request_id, now) for number, item in enumerate(writes, start=1)
    )


def _numbered(writes: Sequence[Write]) -> list[Json]:
    """Return the requests of a batch, with ids from 1."""
    return [
        {
            "id": str(number),
            "method": item.method,
            "url": item.url,
            "headers": {"Content-Type": "application/json"},
            "body": item.body,
        }
        for number, item in enumerate(writes, start=1)
    ]


def parts_of(page: Json) -> dict[str, Part] | None:
    """Return the parts of a decoded answer by id; None when it is no answer to a batch.

    A part that came twice is left out: which of the two is true is not known.
    """
    responses = page.get("responses") if isinstance(page, dict) else None
    if not isinstance(responses, list):
        return None
    entries = [entry for entry in responses if isinstance(entry, dict)]
    times = Counter(str(entry.get("id")) for entry in entries)
    return {
        str(entry.get("id")): Part(entry["status"], _headers(entry), entry.get("body"))
        for entry in entries
        # A status of true is a number to Python, not to Graph.
        if times[str(entry.get("id"))] == 1 and type(entry.get("status")) is int
    }


def _headers(entry: dict[str, Json]) -> dict[str, str]:
    headers = entry.get("headers")
    return lower_headers(headers) if isinstance(headers, dict) else {}


def _outcome(item: Write, part: Part | None, outer_id: str, now: datetime) -> WriteOutcome:
    """Judge one part; one that is missing may have been done."""
    if part is None:
        return _same_for(item, OutcomeKind.UNCLEAR, 0, "", "the answer does not name this user", outer_id)
    fault = fault_of(part.body) if part.status >= 400 else Fault()
    asked = retry_after(part.headers, now)
    return WriteOutcome(
        user_id=item.user_id,
        kind=kind_of(part.status, fault.code, asked),
        status=part.status,
        code=fault.code,
        message=fault.message,
        request_id=fault.request_id or part.headers.get("request-id", "") or outer_id,
        retry_after=asked,
    )


def kind_of(status: int, code: str, asked: float | None) -> OutcomeKind:
    """Tell what a status proves about a write."""
    if 200 <= status < 300:
        return OutcomeKind.DONE
    if status in (424, 429) or (status == 503 and asked is not None):
        return OutcomeKind.THROTTLED
    if status == 409 and code.casefold() == "directory_concurrencyviolation":
        return OutcomeKind.THROTTLED
    # 401: the token is to blame, not the user; 408: the service lost its patience at an unknown moment.
    if 400 <= status < 500 and status not in (401, 408):
        return OutcomeKind.REFUSED
    return OutcomeKind.UNCLEAR


def _whole(answer: Answer, writes: Sequence[Write]) -> tuple[WriteOutcome, ...]:
    """Judge an answer that has no parts: the batch as a whole was refused, throttled or lost."""
    if answer.status in (401, 403):
        raise error_for(answer, f"POST {BATCH}")
    fault = read_fault(answer)
    asked = retry_after(answer.headers, datetime.now(UTC))
    kind = kind_of(answer.status, fault.code, asked)
    if kind == OutcomeKind.DONE:
        # A success without parts says nothing about anybody.
        kind = OutcomeKind.UNCLEAR
    return tuple(
        _same_for(item, kind, answer.status, fault.code, fault.message, fault.request_id, asked) for item in writes
    )


def _same_for(
    item: Write, kind: OutcomeKind, status: int, code: str, message: str, request_id: str, asked: float | None = None
) -> WriteOutcome:
    return WriteOutcome(
        user_id=item.user_id,
        kind=kind,
        status=status,
        code=code,
        message=message,
        request_id=request_id,
        retry_after=asked,
    )


def read(
    transport: Transport,
    urls: Sequence[str],
    *,
    may_lack: bool = False,
    headers: Mapping[str, str] | None = None,
) -> list[Json]:
    """Read at most 20 addresses in one batch and return their bodies in order; with `may_lack` None for a 404.

    The headers go with every part. Only the parts that failed are asked for again, after the longest wait; those whose
    token was refused once and at once, with a new one. Raises GatewayError.
    """
    bodies: dict[int, Json] = {}
    ends_at = transport.ends_at()
    attempt, has_new_token = 0, False
    while left := [number for number in range(len(urls)) if number not in bodies]:
        also = {"headers": dict(headers)} if headers else {}
        requests = [{"id": str(number), "method": "GET", "url": urls[number], **also} for number in left]
        page = transport.read("POST", BATCH, body={"requests": requests}, ends_at=ends_at)
        parts = parts_of(page) or {}
        if may_lack:
            bodies.update((number, None) for number in left if _is_absent(parts.get(str(number))))
        error = _collect(parts, [number for number in left if number not in bodies], urls, bodies)
        if error is None:
            break
        if not isinstance(error, AuthenticationFailed):
            transport.wait_or_raise(error, attempt, ends_at)
            attempt += 1
            continue
        if has_new_token:
            raise error
        transport.forget_token()
        has_new_token = True
    return [bodies[number] for number in range(len(urls))]


def _is_absent(part: Part | None) -> bool:
    return part is not None and part.status == 404


def _collect(
    parts: Mapping[str, Part], asked_for: Sequence[int], urls: Sequence[str], bodies: dict[int, Json]
) -> GatewayError | None:
    """Keep the parts that succeeded; return the error with the longest wait, or None when all are there."""
    worst: GatewayError | None = None
    for number in asked_for:
        part = parts.get(str(number))
        if part is not None and 200 <= part.status < 300 and isinstance(part.body, dict):
            bodies[number] = part.body
            continue
        error = _part_error(part, urls[number])
        if worst is None or (error.retry_after or 0) > (worst.retry_after or 0):
            worst = error
    return worst


def _part_error(part: Part | None, url: str) -> GatewayError:
    """Return the error of a part; refusals that waiting cannot mend are raised at once."""
    operation = f"GET {url.partition('?')[0]}"
    if part is None:
        return Unavailable(operation, message="the answer lacks a part")
    error = error_of(part.status, fault_of(part.body), part.headers, operation)
    if isinstance(error, (AccessDenied, NotFound, Rejected)):
        raise error
    return error
