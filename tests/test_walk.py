"""One record through everything: the whole line, the whole OTLP record, from one call."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
from typing import Any

import pytest
from dirty_equals import IsInt, IsStr
from opentelemetry import trace

import fm_otel
from fm_otel.schema import check

log = logging.getLogger("faultmaven.services.agent_service")


def test_line_is_the_schema_in_order(engine: Any) -> None:
    """A reader gets every promised field, in the published order, and no other."""
    read = engine(service="svc", environment="test", version="9.9")
    with fm_otel.bound_context(
        correlation_id="c-1", session_id="s-1", user_id="u-1", agent_phase="triage",
        investigation_id="i-1", tenant="acme",
    ), trace.use_span(trace.NonRecordingSpan(trace.SpanContext(
        0x0AF7651916CD43DD8448EB211C80319C, 0x00F067AA0BA902B7, False, trace.TraceFlags(0),
    ))):
        log.info("Processing %s", "query", extra={
            "operation": "process_query", "duration_ms": 12.5, "tokens_used": 500,
            "cache_hit": False, "step": 3, "nested": {"list": [1, None]}, "absent": None,
        })
    (line,) = read()
    assert line == {
        "timestamp": IsStr(regex=r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
        "level": "INFO",
        "logger": "faultmaven.services.agent_service",
        "message": "Processing query",
        "service": "svc",
        "environment": "test",
        "version": "9.9",
        "hostname": socket.gethostname(),
        "correlation_id": "c-1",
        "session_id": "s-1",
        "user_id": "u-1",
        "agent_phase": "triage",
        "investigation_id": "i-1",
        "module": "test_walk",
        "function": "test_line_is_the_schema_in_order",
        "line": IsInt,
        "operation": "process_query",
        "duration_ms": 12.5,
        "tokens_used": 500,
        "cache_hit": False,
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "00f067aa0ba902b7",
        "trace_flags": "00",
        "record_id": IsStr(regex=r"[0-9a-f]{16}-[0-9a-f]+"),
        "seq": IsInt,
        "pid": os.getpid(),
        "tenant": "acme",
        "step": 3,
        "nested": {"list": [1, None]},
    }
    assert list(line)[:8] == [
        "timestamp", "level", "logger", "message", "service", "environment", "version", "hostname",
    ]
    assert list(line)[-3:] == ["tenant", "step", "nested"]


def test_error_holds_type_message_stack_and_code(engine: Any) -> None:
    """A failure says what, where and which code, without being asked for the traceback."""
    read = engine()
    try:
        raise TimeoutError("no answer")
    except TimeoutError as error:
        log.error("first")
        log.error("again", exc_info=error)
    first, again = (line["error"] for line in read())
    assert first["type"] == "TimeoutError"
    assert first["message"] == "no answer"
    assert first["stack_trace"].startswith("Traceback (most recent call last):\n")
    assert first["stack_trace"].endswith("TimeoutError: no answer\n")
    assert "repeat" not in first
    assert again["repeat"] is True


def test_opting_out_of_the_active_exception(engine: Any) -> None:
    """``exc_info=False`` keeps the exception off the record."""
    read = engine()
    try:
        raise ValueError("secret state")
    except ValueError:
        log.error("handled", exc_info=False)
    assert "error" not in read()[0]


def test_extras_that_may_not_stand_at_the_top_go_under_extra(engine: Any) -> None:
    """No key a user picks can forge a schema field or be lost."""
    read = engine()
    log.info("m", extra={
        "level": "FAKE", "trace_id": "x", "name": "n", "args": [1], "message": "forged",
        "code.line.number": 5, "tokens_used": "many", "session_id": 7, "extra": {"inner": 1},
        "session.id": None,
    })
    (line,) = read()
    assert line["level"] == "INFO"
    assert line["message"] == "m"
    assert line["session_id"] == "7"
    assert line["extra"] == {
        "level": "FAKE", "trace_id": "x", "name": "n", "args": [1], "message": "forged",
        "code.line.number": 5, "tokens_used": "many", "inner": 1,
    }


def test_explicit_extra_beats_the_context(engine: Any) -> None:
    """What a call says about itself is nearer than what its request says."""
    read = engine()
    with fm_otel.bound_context(session_id="outer", agent_phase="a", operation="whole"):
        log.info("m", extra={"session_id": "own", "operation": "part"})
    (line,) = read()
    assert (line["session_id"], line["agent_phase"], line["operation"]) == ("own", "a", "part")


def test_no_secret_in_message_extras_or_stack(engine: Any) -> None:
    """A password stays out of every corner of the line."""
    read = engine()
    secret = "hunter2-Tr0ub4dor"
    try:
        raise RuntimeError(f"connect postgres://admin:{secret}@db/x")
    except RuntimeError:
        log.exception("login with password=%s failed", secret, extra={
            "password": secret, "deep": {"headers": [{"Authorization": f"Bearer {secret}"}]},
            "url": f"https://u:{secret}@example.com/?token={secret}",
        })
    assert secret not in json.dumps(read())


def test_sampling_keeps_a_share_with_its_weight(engine: Any) -> None:
    """Kept records tell how many they stand for; warnings are all kept."""
    read = engine(sample_rate=0.25)
    for number in range(400):
        log.info("n %d", number)
        if number % 100 == 0:
            log.warning("w %d", number)
    lines = read()
    infos = [line for line in lines if line["level"] == "INFO"]
    assert sum(line["level"] == "WARNING" for line in lines) == 4
    assert 40 < len(infos) < 180
    assert {line["sample_weight"] for line in infos} == {4.0}


def test_metrics_switch_removes_performance_fields(engine: Any) -> None:
    """LOG_ENABLE_METRICS=false leaves duration, tokens and cache hits out."""
    read = engine(enable_metrics=False)
    log.info("m", extra={"duration_ms": 1.0, "tokens_used": 2, "cache_hit": True, "kept": 1})
    (line,) = read()
    assert line["kept"] == 1
    assert not {"duration_ms", "tokens_used", "cache_hit"} & set(line)


def test_structlog_shapes_become_message_and_fields(engine: Any) -> None:
    """A dict message and a JSON message both read as event with fields."""
    read = engine()
    log.info({"event": "user signed in", "user": "ann", "level": "info", "_logger": object()})
    log.info('{"event": "user signed out", "user": "bob", "timestamp": "x"}')
    log.info('{"broken": ')
    first, second, third = read()
    assert (first["message"], first["user"]) == ("user signed in", "ann")
    assert (second["message"], second["user"]) == ("user signed out", "bob")
    assert third["message"] == '{"broken": '
    assert "_logger" not in first


def test_plain_program_writes_lines_and_keeps_its_exit_code() -> None:
    """Without any setting a program's records are JSON lines on stdout, start to stop."""
    program = (
        "import logging, sys, fm_otel\n"
        "fm_otel.configure()\n"
        "logging.getLogger('a').info('hello')\n"
        "print('printed')\n"
        "logging.getLogger('a').debug('hidden')\n"
        "sys.exit(3)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 3
    assert done.stderr == ""
    lines = [line for line in done.stdout.splitlines() if line != "printed"]
    records = [json.loads(line) for line in lines]
    assert [check(record) for record in records] == [[]] * len(records)
    assert [record["message"] for record in records] == [
        "process started", "hello", "process stopping",
    ]
    assert "printed" in done.stdout


@pytest.mark.parametrize(("console", "lines"), [("own", 3), ("tee", 3), ("off", 0)])
@pytest.mark.parametrize("stacklevel", [1, 2], ids=["call", "record"])
def test_last_resort_of_the_stdlib_prints_nothing_raw(
    console: str, lines: int, stacklevel: int,
) -> None:
    """Without handlers of the program stdlib's own would write the raw warning to stderr."""
    program = (
        "import logging, fm_otel\n"
        f"fm_otel.configure(console={console!r})\n"
        f"logging.getLogger('a').warning('token=%s', 'ghp_' + 'a1' * 18, stacklevel={stacklevel})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == lines
    assert "a1a1" not in done.stdout


def test_failed_request_without_a_code_says_whose_failure_it_is(engine: Any) -> None:
    """An exception the catalogue does not know still has a category on the request record."""
    read = engine()
    try:
        raise RuntimeError("unforeseen")
    except RuntimeError:
        for status in (404, 500):
            log.error("GET /x %d", status, extra={"http": {"method": "GET", "status": status}})
    assert [line["error"]["category"] for line in read()] == ["client", "server"]


def test_context_of_an_exception_fills_what_the_call_left_out(engine: Any) -> None:
    """What a service put on its exception is searchable; the call's and the request's word counts."""

    class QueryError(Exception):
        error_code = "SESSION_EXPIRED"

        def __init__(self, text: str) -> None:
            super().__init__(text)
            self.context = {
                "operation": "query", "session_id": "other", "tokens_used": 7, "shard": 3,
                "level": "FORGED", "password": "hunter2hunter2", "step": "exception's",
            }

    read = engine()
    with fm_otel.bound_context(session_id="own"):
        try:
            raise QueryError("late")
        except QueryError:
            log.exception("failed", extra={"step": "call's"})
    (line,) = read()
    assert line["level"] == "ERROR"
    assert (line["operation"], line["tokens_used"], line["shard"]) == ("query", 7, 3)
    assert (line["session_id"], line["step"]) == ("own", "call's")
    assert line["error"]["error_code"] == "SESSION_EXPIRED"
    assert "hunter2" not in json.dumps(line)
