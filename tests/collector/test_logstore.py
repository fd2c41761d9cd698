"""The log store: a request's records are found, totals equal the metrics'."""

from __future__ import annotations

import json
import secrets
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from conftest import lines_with
from otlp_requests import line, request_of, send_http
from stack_parts import eventually
from test_metrics import settled

if TYPE_CHECKING:
    from stack_parts import Collector, LogStore

pytestmark = pytest.mark.stack

def now() -> str:
    """Write the present as a line does; the store keeps a week only."""
    whole, part = divmod(time.time_ns() // 1_000_000, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{part:03d}Z"


def queried(store: LogStore, query: str) -> list[dict[str, Any]]:
    """Ask the store; it answers one object per line."""
    url = f"{store.url}/select/logsql/query"
    data = urllib.parse.urlencode({"query": query, "limit": "1000000"}).encode()
    with urllib.request.urlopen(url, data, timeout=10) as response:
        return [json.loads(row) for row in response.read().decode().splitlines()]


def found(store: LogStore, query: str, count: int) -> list[dict[str, Any]]:
    """Ask until there are so many answers."""
    eventually(lambda: len(queried(store, query)) >= count, 15, 0.2)
    return queried(store, query)


@pytest.fixture
def service() -> str:
    """Give a service of the test's own."""
    return f"store-{secrets.token_hex(4)}"


def test_log_of_a_request_is_found(
    collector: Collector, logstore: LogStore, service: str
) -> None:
    """By trace, by case, by session: exactly the request's records, in full."""
    trace, case, session = secrets.token_hex(16), f"inv_{service}", f"s_{service}"
    mine = [
        line(service=service, timestamp=now(), trace_id=trace, span_id=secrets.token_hex(8),
             investigation_id=case, session_id=session, message=f"step {n}", seq=n)
        for n in range(3)
    ]
    other = [line(service=service, timestamp=now(), session_id="other") for _ in range(3)]
    send_http(collector.http, request_of(*mine, *other))
    wanted = {each["record_id"] for each in mine}
    for query in (f"trace_id:={trace}", f'faultmaven.investigation.id:="{case}"',
                  f'session.id:="{session}"'):
        rows = found(logstore, query, 3)
        assert {row["log.record.uid"] for row in rows} == wanted, query
        assert {row["_msg"] for row in rows} == {"step 0", "step 1", "step 2"}


def test_totals_of_the_store_equal_the_metrics(
    collector: Collector, logstore: LogStore, service: str
) -> None:
    """The five questions have one answer, asked of the logs or of Prometheus."""
    phase = "faultmaven.agent.phase_transition"
    kinds: list[dict[str, Any]] = [
        {"level": "ERROR", "error": {"error_code": "TIMEOUT_ERROR"}},
        {"operation": "search", "duration_ms": 125.0, "tokens_used": 5, "user_id": "u-1",
         "session_id": "s-1", "cache_hit": True},
        {"operation": "search", "duration_ms": 62.5, "tokens_used": 7, "user_id": "u-2",
         "session_id": "s-1", "cache_hit": False},
        {"event": phase, "agent_phase_from": "intake", "agent_phase_to": "solution"},
    ]
    lines = [line(service=service, timestamp=now(), **kind) for kind in kinds for _ in range(20)]
    send_http(collector.http, request_of(*lines))
    mine = f'{{service.name="{service}"}}'
    found(logstore, mine, len(lines))

    def one(query: str) -> float:
        (row,) = queried(logstore, f"{mine} {query}")
        return float(row["x"])

    def metric(name: str, wanted: float, **labels: str) -> float:
        return settled(collector.metrics, f"faultmaven_{name}", wanted, service_name=service,
                       **labels)

    code = "faultmaven.error.code:=TIMEOUT_ERROR"
    hits = "faultmaven.cache.hit:=true"
    pairs = "faultmaven.agent.phase.from:=intake faultmaven.agent.phase.to:=solution"
    assert one(f"{code} | stats count() x") == metric(
        "errors_total", 20, faultmaven_error_code="TIMEOUT_ERROR")
    searches = "faultmaven.operation:=search | stats sum(faultmaven.duration_ms) x"
    assert one(searches) == 1000 * metric(
        "operation_duration_seconds_sum", 3.75, faultmaven_operation="search")
    assert one("* | stats sum(faultmaven.tokens_used) x") == metric("tokens_total", 240)
    assert one(f"{hits} | stats count() x") == metric(
        "cache_requests_total", 20, faultmaven_cache_hit="true")
    assert one(f"{pairs} | stats count() x") == metric("agent_phase_transitions_total", 20)
    rows = queried(logstore, f"{mine} | stats by (user.id) sum(faultmaven.tokens_used) x")
    by_user = {row["user.id"]: float(row["x"]) for row in rows if "user.id" in row}
    assert by_user == {"u-1": 100, "u-2": 140}
    rows = queried(logstore, f"{mine} | stats by (session.id) sum(faultmaven.tokens_used) x")
    by_session = {row["session.id"]: float(row["x"]) for row in rows if "session.id" in row}
    assert by_session == {"s-1": 240}


def test_file_keeps_what_the_store_cuts(
    collector: Collector, service: str
) -> None:
    """The file has the whole stack and every attribute."""
    record = line(service=service, level="ERROR",
                  error={"type": "E", "stack_trace": "x" * 100_000},
                  **{f"key_{n}": "v" * 1000 for n in range(100)})
    send_http(collector.http, request_of(record))
    assert lines_with(collector.file, {record["record_id"]}) == {record["record_id"]: record}


def test_many_users_are_exact_in_the_store(
    collector: Collector, logstore: LogStore, service: str
) -> None:
    """Totals by user come from the logs, where any number of users may be."""
    lines = [line(service=service, timestamp=now(), user_id=f"user-{n % 500}", tokens_used=n)
             for n in range(2000)]
    with ThreadPoolExecutor(4) as pool:
        parts = [lines[n::4] for n in range(4)]
        list(pool.map(lambda part: send_http(collector.http, request_of(*part)), parts))
    mine = f'{{service.name="{service}"}}'
    rows: list[dict[str, Any]] = []

    def complete() -> bool:
        by_user = "stats by (user.id) sum(faultmaven.tokens_used) x, count() n"
        rows[:] = queried(logstore, f"{mine} | {by_user}")
        return sum(int(row["n"]) for row in rows) == 2000

    eventually(complete, 15, 0.3)
    expected = {f"user-{u}": sum(range(u, 2000, 500)) for u in range(500)}
    assert {row["user.id"]: int(row["x"]) for row in rows} == expected
