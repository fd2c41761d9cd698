"""What the log branch really sends, held against Loki's documented mapping and limits."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Final

import pytest
from conftest import running
from loki_model import LIMITS, MAX_ENTRIES, MAX_LINE, MAX_METADATA, Entry, LokiReceiver, indexed
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from otlp_requests import any_value, foreign, key_values, line, request_of, send_http
from queries import annotation_queries, dashboard_queries
from stack_parts import Collector, eventually
from test_logql import parse  # noqa: F401 - the fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.stack

FULL: Final[dict[str, Any]] = {
    "level": "ERROR", "correlation_id": "c-1", "session_id": "s-1", "user_id": "u-1",
    "agent_phase": "define_blast_radius", "investigation_id": "inv-1", "data_type": "log_file",
    "query_complexity": "simple", "operation": "search", "outcome": "error",
    "event": "faultmaven.agent.phase_transition",
    "agent_phase_from": "define_blast_radius", "agent_phase_to": "establish_timeline",
    "duration_ms": 12.5, "tokens_used": 500, "cache_hit": False,
    "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
    "trace_flags": "01",
    "error": {"type": "E", "message": "m", "stack_trace": "s", "error_code": "KB_QUERY_FAILED",
              "category": "KB", "repeat": True},
    "http": {"method": "GET", "route": "/r", "status": 500, "path": "/p", "client": "10.0.0.1"},
    "audit": {"action": "login", "category": "authentication", "outcome": "failure",
              "actor": "a", "resource": "r", "reason": "w", "seq": 1, "hash": "h",
              "prev_hash": "p"},
    "sample_weight": 2.0, "sanitized": ["surrogate"], "plain": "x", "nested": {"a": {"b": [1]}},
}


@pytest.fixture(scope="module")
def loki() -> Iterator[LokiReceiver]:
    """Run a receiver in Loki's place."""
    with LokiReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def to_loki(
    tmp_path_factory: pytest.TempPathFactory, otelcol: Path, loki: LokiReceiver
) -> Iterator[Collector]:
    """Run the shipped configuration with its log branch on that receiver."""
    assert otelcol
    yield from running(Collector(tmp_path_factory.mktemp("loki"), logstore=loki.url))


def stored(collector: Collector, loki: LokiReceiver, **fields: object) -> Entry:
    """Send a record and give what Loki would keep of it."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    sent = line(timestamp=moment, **fields)
    assert send_http(collector.http, request_of(sent)) == 200
    found = eventually(lambda: loki.found(sent["record_id"]), 10)
    assert found, "the record did not arrive"
    return found


def test_full_record_is_kept_whole(to_loki: Collector, loki: LokiReceiver) -> None:
    """Every field of a line is there under the name that queries use."""
    entry = stored(to_loki, loki, **FULL)
    assert loki.paths == {"/otlp/v1/logs"}
    assert entry.refused() == []
    assert entry.line == "hello"
    assert entry.labels == {"service_name": "faultmaven-api",
                            "deployment_environment_name": "test"}
    wanted = {
        "trace_id": FULL["trace_id"], "severity_number": "17", "event_name": FULL["event"],
        "session_id": "s-1", "user_id": "u-1", "faultmaven_correlation_id": "c-1",
        "faultmaven_investigation_id": "inv-1", "faultmaven_operation": "search",
        "faultmaven_error_code": "KB_QUERY_FAILED", "faultmaven_duration_ms": "12.5",
        "faultmaven_tokens_used": "500", "faultmaven_cache_hit": "false",
        "faultmaven_audit_action": "login", "faultmaven_audit_outcome": "failure",
        "exception_stacktrace": "s", "http_response_status_code": "500", "plain": "x",
        "scope_name": "app.service", "host_name": "host-a",
    }
    assert wanted.items() <= entry.metadata.items()


def test_labels_are_few(to_loki: Collector, loki: LokiReceiver) -> None:
    """Ids never become labels: a stream for each would stop the log store."""
    streams = {
        tuple(sorted(stored(to_loki, loki, user_id=f"u-{n}", session_id=f"s-{n}").labels.items()))
        for n in range(3)
    }
    assert len(streams) == 1
    assert indexed() == {"service.name", "service.namespace", "deployment.environment.name"}


def test_names_in_queries_are_names_that_arrive(
    to_loki: Collector, loki: LokiReceiver, parse: Callable[..., Any]  # noqa: F811 - the fixture
) -> None:
    """No panel and no alert asks for something that is stored under another name."""
    entry = stored(to_loki, loki, **FULL)
    arrived = set(entry.labels) | set(entry.metadata)
    queries = [*dashboard_queries("loki"), *annotation_queries()]
    answers = parse([query.text for query in queries])
    named = {label for answer in answers for label in answer["labels"]}
    assert named
    assert named - arrived == set()


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("wide", {f"key_{n}": "v" * 10_000 for n in range(200)}),
        ("deep", {"tree": {f"a{n}": {f"b{m}": "v" * 200 for m in range(30)} for n in range(30)}}),
        ("unicode", {f"key_{n}": "\N{SNOWMAN}" * 4_000 for n in range(100)}),
        ("stack", {"error": {"type": "E", "stack_trace": "frame\n" * 20_000}}),
        ("long", {"message": "m" * 200_000}),
        ("longer", {"message": "\N{SNOWMAN}" * 200_000}),
        ("longest keys", {f"{'k' * 5_000}{n}": "v" for n in range(60)}),
        ("long keys", {f"{'k' * 900}{n}": "v" for n in range(60)}),
    ],
)
def test_large_record_stays_within_limits(
    to_loki: Collector, loki: LokiReceiver, kind: str, fields: dict[str, Any]
) -> None:
    """Past a limit Loki answers 400 and the record is gone; the branch cuts it instead."""
    ids = {"session_id": "s-9", "operation": "search", "trace_id": FULL["trace_id"],
           "span_id": FULL["span_id"]}
    entry = stored(to_loki, loki, **{**ids, **fields})
    assert entry.refused() == [], kind
    assert entry.metadata["session_id"] == "s-9"
    assert entry.metadata["faultmaven_operation"] == "search"
    assert entry.metadata["trace_id"] == FULL["trace_id"]


def test_large_resource_stays_within_limits(to_loki: Collector, loki: LokiReceiver) -> None:
    """What a process says about itself is stored with each record and counts too."""
    uid = secrets.token_hex(16)
    record = LogRecord(
        time_unix_nano=time.time_ns(), severity_number=9, body=any_value("hello"),
        attributes=key_values({"log.record.uid": uid, "session.id": "s-9"}),
    )
    resource = {"service.name": "big", **{f"host.label{n}": "v" * 2_000 for n in range(200)}}
    assert send_http(to_loki.http, foreign([record], resource)) == 200
    entry = eventually(lambda: loki.found(uid), 10)
    assert entry
    assert entry.refused() == []
    assert entry.labels == {"service_name": "big"}


def test_long_line_is_cut_by_the_store(to_loki: Collector, loki: LokiReceiver) -> None:
    """A message past the limit of a line is sent whole; Loki is told to cut, not to refuse."""
    entry = stored(to_loki, loki, message="m" * (MAX_LINE + 1))
    assert len(entry.line) > MAX_LINE
    assert LIMITS["max_line_size_truncate"] is True


def test_long_stack_keeps_its_end(to_loki: Collector, loki: LokiReceiver) -> None:
    """The end of a traceback names the exception; no character is cut in two."""
    stack = "File \N{SNOWMAN}\n" * 20_000 + "ValueError: last"
    entry = stored(to_loki, loki, error={"type": "ValueError", "stack_trace": stack})
    kept = entry.metadata["exception_stacktrace"]
    assert stack.endswith(kept)
    assert 16_000 < len(kept.encode()) <= 16_384


def test_batches_fit_one_push(to_loki: Collector, loki: LokiReceiver) -> None:
    """A flood is sent in pieces below Loki's burst."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    before = len(loki.entries)
    for _ in range(4):
        batch = [line(timestamp=moment, note="n" * 500, message="m" * 4_000) for _ in range(600)]
        assert send_http(to_loki.http, request_of(*batch)) == 200
    assert eventually(lambda: len(loki.entries) >= before + 2_400, 20)
    assert max(loki.sizes) < 4_000_000


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Entry({}, {}, "x", 1), "no label"),
        (Entry({f"l{n}": "v" for n in range(16)}, {}, "x", 1), "too many labels"),
        (Entry({"a": "b"}, {"k": "v" * MAX_METADATA}, "x", 1), "metadata too large"),
        (Entry({"a": "b"}, {f"k{n}": "" for n in range(MAX_ENTRIES + 1)}, "x", 1),
         "too much metadata"),
        (Entry({"a": "b"}, {}, "x", 0), "no time"),
    ],
)
def test_entry_past_a_limit_is_refused(entry: Entry, reason: str) -> None:
    """The check can fail."""
    assert entry.refused() == [reason]
