"""The collector's file line is the SDK's line: same objects, whatever the record and the way."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Final

import grpc
import jsonschema
import pytest
from conftest import lines_of, lines_with
from opentelemetry._logs import LogRecord as ApiRecord
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from otlp_requests import GrpcSender, any_value, foreign, key_values, line, request_of, send_http
from stack_parts import eventually

from fm_otel import schema

if TYPE_CHECKING:
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


def test_lines_validate_against_the_schema(collector: Collector) -> None:
    """Every line written for an SDK's record conforms to the published schema."""
    expected = expected_lines()
    send_http(collector.http, request_of(*expected.values()))
    found = lines_with(collector.file, set(expected))
    assert len(found) == len(expected)
    assert [problem for each in found.values() for problem in schema.check(each)] == []


def test_other_sdk_yields_valid_lines(collector: Collector) -> None:
    """Records of the upstream SDK become lines of the same shape, less the fields only we have."""
    service = f"upstream-{secrets.token_hex(4)}"
    log_with_upstream_sdk(collector, service)

    def found() -> list[dict[str, Any]]:
        return [each for each in lines_of(collector.file) if each.get("service") == service]

    eventually(lambda: len(found()) == 2, 10)
    plain, failed = sorted(found(), key=lambda each: each["message"], reverse=True)
    published = {**schema.schema(), "required": ["timestamp", "level", "logger", "message"]}
    validator = jsonschema.Draft202012Validator(published)
    assert [e.message for each in found() for e in validator.iter_errors(each)] == []
    assert plain["message"] == "plain 7"
    assert plain["logger"] == "other.app"
    assert plain["environment"] == "qa"
    assert plain["milestone"] == "m"
    assert plain["extra"] == {"level": "mine", "seq": "first"}
    assert failed["level"] == "ERROR"
    assert failed["error"]["type"] == "ValueError"
    assert "ValueError: broken" in failed["error"]["stack_trace"]


def log_with_upstream_sdk(collector: Collector, service: str) -> None:
    """Log as a program without fm_otel does."""
    resource = {"service.name": service, "deployment.environment.name": "qa"}
    provider = LoggerProvider(resource=Resource(resource))
    provider.add_log_record_processor(
        SimpleLogRecordProcessor(OTLPLogExporter(endpoint=f"{collector.http}/v1/logs"))
    )
    logger = provider.get_logger("other.app")
    now = time.time_ns()
    logger.emit(ApiRecord(
        timestamp=now, severity_number=SeverityNumber.INFO, body="plain 7",
        attributes={"milestone": "m", "level": "mine", "seq": "first"},
    ))
    stack = "Traceback (most recent call last):\nValueError: broken\n"
    logger.emit(ApiRecord(
        timestamp=now, severity_number=SeverityNumber.ERROR, body="failed",
        attributes={"exception.type": "ValueError", "exception.message": "broken",
                    "exception.stacktrace": stack},
    ))
    provider.shutdown()


POISON: Final[dict[str, LogRecord]] = {
    "empty": LogRecord(),
    "nan": LogRecord(attributes=key_values({"x": float("nan")})),
    "infinity": LogRecord(attributes=key_values({"faultmaven.duration_ms": float("inf")})),
    "nan_weight": LogRecord(attributes=key_values({"faultmaven.sample.weight": float("nan")})),
    "nan_nested": LogRecord(attributes=key_values({"x": {"y": [float("-inf")]}})),
    "nan_body": LogRecord(body=any_value(float("nan"))),
    "nan_in_body": LogRecord(body=any_value({"x": float("nan")})),
    "bytes": LogRecord(attributes=key_values({"x": b"\x00\xff"})),
    "bytes_body": LogRecord(body=any_value(b"\x00\xff")),
    "map_body": LogRecord(body=any_value({"a": {"b": [1, None]}})),
    "list_body": LogRecord(body=any_value([1, "two"])),
    "number_body": LogRecord(body=any_value(7)),
    "flag_body": LogRecord(body=any_value(value=True)),
    "none": LogRecord(attributes=key_values({"x": None, "faultmaven.operation": None})),
    "no_key": LogRecord(attributes=key_values({"": "x"})),
    "twice": LogRecord(attributes=[*key_values({"x": 1}), *key_values({"x": 2})]),
    "path": LogRecord(attributes=key_values({"code.file.path": "/", "code.function.name": "."})),
    "path_number": LogRecord(attributes=key_values({"code.file.path": 1,
                                                    "code.function.name": [1]})),
    "error_types": LogRecord(attributes=key_values({"exception.type": 1,
                                                    "exception.stacktrace": {"a": 1}})),
    "extra_text": LogRecord(attributes=key_values({"faultmaven.extra": "text"})),
    "extra_list": LogRecord(attributes=key_values({"faultmaven.extra": [1]})),
    "nested_flag": LogRecord(attributes=key_values({"faultmaven.nested": "no",
                                                    "faultmaven.look": 1})),
    "schema_names": LogRecord(attributes=key_values({"timestamp": 1, "level": None, "error": {}})),
    "weights": LogRecord(attributes=key_values({"faultmaven.sample.weight": "ten",
                                                "faultmaven.tokens_used": {"a": 1}})),
    "severity": LogRecord(severity_number=24),
    "event": LogRecord(event_name="e" * 5000),
    "ancient": LogRecord(time_unix_nano=1),
    "future": LogRecord(time_unix_nano=2**63 - 1),
    "short_ids": LogRecord(trace_id=b"", span_id=b"", flags=255),
    "controls": LogRecord(body=any_value("a\x00b\x1b[31m\u2028\x7f")),
    "deep": LogRecord(),
    "large": LogRecord(body=any_value("x" * 900_000)),
    "many": LogRecord(attributes=key_values({f"k{n}": n for n in range(2000)})),
}
_deep: Any = "end"
for _ in range(14):
    _deep = {"k": [_deep]}
POISON["deep"].attributes.extend(key_values({"x": _deep}))


@pytest.mark.parametrize("kind", POISON)
def test_poison_never_takes_its_batch_along(collector: Collector, kind: str) -> None:
    """One odd record among 512: the others are written, once, and so is something of its own."""
    service = f"poison-{secrets.token_hex(4)}"
    good = [line(service=service, seq=n) for n in range(511)]
    request = request_of(*good)
    request.resource_logs.insert(
        256, foreign([POISON[kind]], {"service.name": service}).resource_logs[0]
    )
    assert send_http(collector.http, request) == 200
    expected = {each["record_id"]: each for each in good}
    assert lines_with(collector.file, set(expected)) == expected
    own = [each for each in lines_of(collector.file) if each.get("service") == service]
    assert len(own) == 512
