"""Error bodies as Microsoft's APIs and their users report them: each becomes its kind, and none a wrong one.

`tests/samples/errors/answers.json` holds them with the place in the notes that they were written from.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from licenses.core.failures import Failure, FailureKind
from licenses.core.triage import triage
from licensing_portal.gateways.answers import Answer, fault_of, lower_headers, read_fault

_FILE = Path(__file__).parents[2] / "samples" / "errors" / "answers.json"
SAMPLES: list[dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))


def _triaged(sample: dict[str, Any]) -> Failure:
    """Read an answer as the gateways do, and classify it."""
    body = sample["body"]
    content = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    fault = read_fault(Answer(sample["status"], lower_headers(sample.get("headers", {})), content.encode()))
    return triage(sample["status"], fault.code, fault.message, request_id=fault.request_id)


@pytest.mark.parametrize("sample", [pytest.param(one, id=one["name"]) for one in SAMPLES])
def test_an_answer_becomes_its_kind(sample: dict[str, Any]) -> None:
    failure = _triaged(sample)
    assert (failure.kind, failure.scope, failure.retryable) == (sample["kind"], sample["scope"], sample["retryable"])
    assert (list(failure.skus), list(failure.plans)) == (sample.get("skus", []), sample.get("plans", []))
    kept = {"request_id": failure.request_id, "words": failure.message, "code": failure.code}
    assert {name: kept[name] for name in kept if name in sample} == {
        name: sample[name] for name in kept if name in sample
    }


@pytest.mark.parametrize("sample", [pytest.param(one, id=one["name"]) for one in SAMPLES])
def test_the_words_of_what_is_not_known_are_kept(sample: dict[str, Any]) -> None:
    assert sample["kind"] != FailureKind.UNKNOWN or "words" in sample


def test_a_part_of_a_batch_is_read_like_an_answer_of_its_own() -> None:
    for sample in SAMPLES:
        if isinstance(sample["body"], dict):
            fault = fault_of(sample["body"])
            failure = triage(sample["status"], fault.code, fault.message)
            assert failure.kind == sample["kind"], sample["name"]


def test_a_byte_order_mark_hides_nothing() -> None:
    body = '\ufeff{"code":60012,"description":"Out of licenses."}'.encode()
    fault = read_fault(Answer(400, {}, body))
    assert triage(400, fault.code, fault.message).kind == FailureKind.NO_SEAT


def test_there_are_enough_of_them_for_every_kind_that_microsoft_can_cause() -> None:
    ours = {"sku_suspended", "changed_elsewhere", "unreadable", "not_done"}
    assert len(SAMPLES) >= 60
    assert {kind.value for kind in FailureKind} - {one["kind"] for one in SAMPLES} == ours
