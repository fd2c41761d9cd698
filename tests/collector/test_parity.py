"""The collector's file line is the SDK's line: same objects, whatever the record and the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import grpc
import pytest
from conftest import lines_of, lines_with
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from otlp_requests import GrpcSender, any_value, foreign, key_values, line, request_of, send_http

if TYPE_CHECKING:
    from collections.abc import Callable

    from stack_parts import Collector

pytestmark = pytest.mark.stack

TRACE: Final = {
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "span_id": "b7ad6b7169203331",
    "trace_flags": "01",
}
CONTEXT: Final = {
    "correlation_id": "c-1",
    "session_id": "s-1",
    "user_id": "u-1",
    "agent_phase": "define_blast_radius",
    "investigation_id": "inv-1",
    "data_type": "log_file",
    "query_complexity": "simple",
}
STACK: Final = 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: \\ "bad"\n'
ERROR: Final = {
    "type": "app.errors.CaseError",
    "message": "no such case",
    "stack_trace": STACK,
    "error_code": "CASE_NOT_FOUND",
    "category": "CASE",
    "repeat": True,
}
HTTP: Final = {
    "method": "GET", "route": "/cases/{id}", "status": 404, "path": "/cases/7",
    "client": "10.0.0.9",
}
AUDIT: Final = {
    "action": "case_shared", "category": "data_access", "outcome": "success", "actor": "u-1",
    "resource": "case/7", "reason": "asked", "seq": 3, "hash": "ab" * 32, "prev_hash": "cd" * 32,
}
NESTED: Final = {"a": [1, 2.5, None, {"b": {"c": True}}], "text": 'q"\\\n\t\u2028 <>&', "none": None}

CASES: Final[dict[str, dict[str, Any]]] = {
    "plain": {},
    "debug": {"level": "DEBUG"},
    "warning": {"level": "WARNING"},
    "error": {"level": "ERROR"},
    "critical": {"level": "CRITICAL"},
    "midnight": {"timestamp": "2026-01-01T00:00:00.000Z"},
    "tenths": {"timestamp": "2026-12-31T23:59:59.900Z"},
    "context": CONTEXT,
    "trace": TRACE,
    "unsampled": TRACE | {"trace_flags": "00"},
    "site": {"module": "service", "function": "run", "line": 42},
    "operation": {"operation": "process_query", "outcome": "ok", "duration_ms": 12.5,
                  "event": "faultmaven.operation.end"},
    "whole_number": {"operation": "process_query", "duration_ms": 12.0},
    "large_numbers": {"tokens_used": 2**53, "duration_ms": 1.5e15, "large": 1.25e300},
    "tokens": {"tokens_used": 500, "cache_hit": False},
    "zeros": {"tokens_used": 0, "cache_hit": True, "duration_ms": 0.0, "seq": 0, "count": 0},
    "phase": {"event": "faultmaven.agent.phase_transition", "agent_phase_from": "intake",
              "agent_phase_to": "establish_timeline", "duration_ms": 1.0},
    "failure": {"level": "ERROR", "error": ERROR},
    "code_only": {"level": "ERROR", "error": {"error_code": "TIMEOUT_ERROR"}},
    "message_only": {"level": "ERROR", "error": {"message": "gone"}},
    "not_repeated": {"level": "ERROR", "error": {"type": "KeyError", "repeat": False}},
    "request": {"event": "faultmaven.request", "http": HTTP, "duration_ms": 3.25},
    "request_path": {"http": {"path": "/x"}},
    "audit": {"event": "faultmaven.audit", "audit": AUDIT},
    "audit_actor": {"audit": {"actor": "u-2"}},
    "weight": {"sample_weight": 10.0},
    "sanitized": {"sanitized": ["surrogate", "too_long"]},
    "extras": {"milestone": "data_validated", "count": 3, "ratio": 0.1, "flag": True},
    "nested": {"details": NESTED, "list": [1, "two", [3], {}], "empty": {}, "blank": ""},
    "colliding": {"extra": {"name": "x", "level": 5, "deep": NESTED, "none": None}},
    "unicode": {"message": "Störung 漢字 🔥 \u200b \u202e", "ключ": "значение", "漢字": {"鍵": "値"}},
    "awkward": {"message": 'tab\t quote" back\\ <script>&amp; {"json": [1]}', "a.b": "dotted",
                "a b": "spaced", "$x": "$1 ${2} $$", "%": "100 %s"},
    "lines": {"message": "first\nsecond\r\nthird"},
    "empty_message": {"message": ""},
    "long": {"message": "x" * 60_000, "other": "y" * 20_000},
    "many": {f"key_{n}": n for n in range(120)},
    "everything": {
        **CONTEXT, **TRACE, "level": "ERROR", "module": "service", "function": "run", "line": 42,
        "operation": "process_query", "outcome": "error", "event": "faultmaven.operation.end",
        "agent_phase_from": "intake", "agent_phase_to": "timeline", "duration_ms": 1.5,
        "tokens_used": 3, "cache_hit": True, "error": ERROR, "http": HTTP, "audit": AUDIT,
        "sample_weight": 4, "sanitized": ["bad_args"], "plain": "p", "details": NESTED,
        "extra": {"name": NESTED},
    },
}


def expected_lines() -> dict[str, dict[str, Any]]:
    """Make the lines of all cases, by record id."""
    lines = [line(**fields) for fields in CASES.values()]
    return {each["record_id"]: each for each in lines}


def test_lines_equal_over_http(collector: Collector) -> None:
    """What arrives by HTTP is written as the SDK would have written it."""
    expected = expected_lines()
    assert send_http(collector.http, request_of(*expected.values())) == 200
    assert lines_with(collector.file, set(expected)) == expected


def test_lines_equal_over_grpc(collector: Collector) -> None:
    """What arrives by gRPC is written as the SDK would have written it."""
    expected = expected_lines()
    with grpc.insecure_channel(collector.grpc) as channel:
        sender = GrpcSender(channel)
        for each in expected.values():
            assert sender.send(request_of(each)) is grpc.StatusCode.OK
    assert lines_with(collector.file, set(expected)) == expected
