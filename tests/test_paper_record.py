"""The record the logging strategy shows is what a service that logs so gets."""

from __future__ import annotations

import logging
import textwrap
from typing import Any

import pytest
from dirty_equals import IsInt, IsStr
from opentelemetry import trace

from fm_otel import bound_context, get_logger
from fm_otel.configurator import memory_engine, running
from fm_otel.schema import check

SERVICE = "faultmaven/services/agent_service.py"
SOURCE = """
def process_query(logger, error):
    logger.info("Processing troubleshooting query", exc_info=error, extra=EXTRA)
"""
EXTRA = {"duration_ms": 1234, "tokens_used": 500, "cache_hit": False}


class ValidationError(Exception):
    """As the strategy spells it: a bare name."""

    error_code = "SESSION_EXPIRED"


ValidationError.__module__ = "builtins"


def process_query(logger: logging.Logger, error: Exception) -> None:
    """Log from line 74 of the service's own file."""
    code = compile("\n" * 71 + textwrap.dedent(SOURCE), SERVICE, "exec")
    names: dict[str, Any] = {"EXTRA": EXTRA, "__name__": "faultmaven.services.agent_service"}
    exec(code, names)  # noqa: S102 - the text above
    names["process_query"](logger, error)


def raised() -> ValidationError:
    """Return an exception that has a traceback."""
    try:
        message = "Invalid session state"
        raise ValidationError(message)
    except ValidationError as error:
        return error


@pytest.fixture
def line() -> dict[str, Any]:
    """Log the strategy's event and return its line."""
    if running() is not None:
        pytest.fail("an engine of another test is still running")
    span = trace.NonRecordingSpan(trace.SpanContext(
        0x7D9F8B6C5E4A3B2C1D0E9F8A7B6C5D4E, 0x3B2C1D0E9F8A7B6C, is_remote=False,
        trace_flags=trace.TraceFlags(1)))
    context = bound_context(
        correlation_id="550e8400-e29b-41d4-a716-446655440000", session_id="session_123456",
        user_id="user_789", agent_phase="validate_hypothesis", investigation_id="inv_987654",
        data_type="kubernetes_logs", query_complexity="high",
    )
    with (
        memory_engine(environment="production") as engine,
        trace.use_span(span),
        context,
    ):
        process_query(get_logger("faultmaven.services.agent_service"), raised())
        import orjson

        lines: list[dict[str, Any]] = [orjson.loads(raw) for raw in engine.lines()]
    return next(found for found in lines if found["logger"].endswith("agent_service"))


def test_the_strategys_record_is_produced(line: dict[str, Any]) -> None:
    """Every field group of it, in its spelling, and the ids we add at the end."""
    assert line == {
        "timestamp": IsStr(regex=r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
        "level": "INFO",
        "logger": "faultmaven.services.agent_service",
        "message": "Processing troubleshooting query",
        "service": "faultmaven-api",
        "environment": "production",
        "version": "1.0.0",
        "hostname": IsStr(min_length=1),
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
        "trace_flags": "01",
        "error": {
            "type": "ValidationError",
            "message": "Invalid session state",
            "stack_trace": IsStr(regex=r"(?s)Traceback.*ValidationError: Invalid session state\n"),
            "error_code": "SESSION_EXPIRED",
            "category": "SESSION",
        },
        "record_id": IsStr(min_length=8),
        "seq": IsInt(gt=0),
        "pid": IsInt(gt=0),
    }
    assert check(line) == []


def test_its_fields_come_in_the_strategys_order(line: dict[str, Any]) -> None:
    """Readers of raw lines find things where the strategy shows them."""
    assert list(line) == [
        "timestamp", "level", "logger", "message", "service", "environment", "version",
        "hostname", "correlation_id", "session_id", "user_id", "agent_phase",
        "investigation_id", "data_type", "query_complexity", "module", "function", "line",
        "duration_ms", "tokens_used", "cache_hit", "trace_id", "span_id", "trace_flags", "error",
        "record_id", "seq", "pid",
    ]
