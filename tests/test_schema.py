"""The published schema, the shipped file and the check without dependencies say the same."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fm_otel
from fm_otel.fields import BY_NAME, FIELDS
from fm_otel.schema import check, schema

VALIDATOR = jsonschema.Draft202012Validator(schema())

PAPER_RECORD: dict[str, Any] = {
    "timestamp": "2024-01-15T10:30:45.123Z",
    "level": "INFO",
    "logger": "faultmaven.services.agent_service",
    "message": "Processing troubleshooting query",
    "service": "faultmaven-api",
    "environment": "production",
    "version": "1.0.0",
    "hostname": "faultmaven-api-7d9f8b-xyz",
    "correlation_id": "550e8400-e29b-41d4-a716-446655440000",
    "session_id": "session_123456",
    "user_id": "user_789",
    "agent_phase": "validate_hypothesis",
    "investigation_id": "inv_987654",
    "data_type": "kubernetes_logs",
    "query_complexity": "high",
    "module": "agent_service",
    "function": "process_query",
    "line": 74,
    "duration_ms": 1234,
    "tokens_used": 500,
    "cache_hit": False,
    "trace_id": "7d9f8b6c5e4a3b2c1d0e9f8a7b6c5d4e",
    "span_id": "3b2c1d0e9f8a7b6c",
    "error": {
        "type": "ValidationError",
        "message": "Invalid session state",
        "stack_trace": "...",
        "error_code": "SESSION_EXPIRED",
    },
    "record_id": "0123456789abcdef-1",
    "seq": 1,
    "pid": 7,
}


def changed(**fields: object) -> dict[str, Any]:
    line = copy.deepcopy(PAPER_RECORD)
    line.update(fields)
    return line


def test_schema_is_a_valid_draft_2020_12_schema() -> None:
    """A schema with a mistake in it would accept anything."""
    jsonschema.Draft202012Validator.check_schema(schema())


def test_schema_lists_the_fields_in_line_order() -> None:
    """Readers learn the order of the line from the schema."""
    assert list(schema()["properties"]) == [f.name for f in FIELDS]  # type: ignore[call-overload]


def test_shipped_schema_equals_the_field_table() -> None:
    """The published file is generated; `.ci/schema` writes it again after a change."""
    shipped = Path(fm_otel.__file__).with_name("schema.json").read_text(encoding="utf-8")
    assert json.loads(shipped) == schema()


def test_sample_record_of_the_strategy_conforms() -> None:
    """The record the logging strategy shows, with our required ids, is a valid line."""
    assert check(PAPER_RECORD) == []
    assert VALIDATOR.is_valid(PAPER_RECORD)


WRONG = {
    "wrong type": (changed(line="74"), "line: is string, must be integer"),
    "bool is no integer": (changed(seq=True), "seq: is boolean, must be integer"),
    "number is no text": (changed(message=5), "message: is integer, must be string"),
    "null at the top": (
        changed(note=None),
        "note: is null; a field without a value is absent",
    ),
    "null in a schema field": (changed(user_id=None), "user_id: is null, must be string"),
    "unknown level": (
        changed(level="NOTICE"),
        "level: is none of DEBUG, INFO, WARNING, ERROR, CRITICAL",
    ),
    "upper-case trace id": (
        changed(trace_id="7D9F8B6C5E4A3B2C1D0E9F8A7B6C5D4E"),
        "trace_id: does not match ^[0-9a-f]{32}$",
    ),
    "negative seq": (changed(seq=-1), "seq: is below 0"),
    "weight below one": (changed(sample_weight=0.5), "sample_weight: is below 1"),
    "empty error": (changed(error={}), "error: is empty; a field without a value is absent"),
    "foreign member": (changed(http={"verb": "GET"}), "http.verb: is not a member of http"),
    "wrong member": (changed(http={"status": "200"}), "http.status: is string, must be integer"),
    "empty sanitized": (
        changed(sanitized=[]),
        "sanitized: is empty; a field without a value is absent",
    ),
    "sanitized of numbers": (
        changed(sanitized=["too_long", 1]),
        "sanitized[1]: is integer, must be string",
    ),
}


@pytest.mark.parametrize(("line", "finding"), WRONG.values(), ids=WRONG)
def test_a_wrong_line_is_named_and_refused_by_both(line: dict[str, Any], finding: str) -> None:
    """The reason is exact, and the standard validator refuses the same line."""
    assert check(line) == [finding]
    assert not VALIDATOR.is_valid(line)


@pytest.mark.parametrize("name", [f.name for f in FIELDS if f.required])
def test_each_required_field_is_missed(name: str) -> None:
    """Every line can be placed: who, when, where, how bad."""
    line = changed()
    del line[name]
    assert check(line) == [f"{name}: is required but missing"]
    assert not VALIDATOR.is_valid(line)


def test_an_impossible_date_is_found() -> None:
    """The pattern alone would pass month 13."""
    assert check(changed(timestamp="2024-13-01T00:00:00.000Z")) == [
        "timestamp: is no date and time"
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_json_does_not_know_are_found_at_any_depth(value: float) -> None:
    """Python reads NaN where other readers stop with an error."""
    assert check(changed(duration_ms=value)) == ["duration_ms: is not a finite number"]
    assert check(changed(load={"avg": [1.0, value]})) == [
        "load.avg[1]: is not a finite number"
    ]


def test_nested_null_is_as_given() -> None:
    """Only a field of the line itself is absent instead of null."""
    assert check(changed(answer={"choice": None}, extra={"name": None})) == []


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("aé0-ZT:.\n", max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["type", "status", "action", "x"]), inner, max_size=3),
    max_leaves=5,
)
MUTATIONS = st.dictionaries(
    st.sampled_from([*(n for n in BY_NAME if n != "timestamp"), "query", "milestone"]),
    VALUES,
    max_size=4,
)


@given(mutations=MUTATIONS, missing=st.sets(st.sampled_from(list(PAPER_RECORD)), max_size=2))
def test_check_and_schema_agree(mutations: dict[str, Any], missing: set[str]) -> None:
    """`fm-otel validate` judges as any JSON Schema validator does."""
    line = {k: v for k, v in changed(**mutations).items() if k not in missing}
    assert (check(line) == []) == VALIDATOR.is_valid(line)
