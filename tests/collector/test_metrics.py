"""Derived metrics are exact: so many records of a kind, so many in the counter."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import grpc
import pytest
from conftest import tool
from otlp_requests import GrpcSender, line, request_of, send_http
from stack_parts import Prometheus, eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stack_parts import Collector

pytestmark = pytest.mark.stack

_SAMPLE: Final = re.compile(r"^(\w+)\{(.*)\} (\S+)")
_LABEL: Final = re.compile(r'(\w+)="((?:\\.|[^"\\])*)"')
Series = tuple[str, dict[str, str], float]


def exposed(url: str) -> list[Series]:
    """Read what a Prometheus endpoint exposes."""
    with urllib.request.urlopen(url, timeout=10) as response:
        text = response.read().decode()
    found = (_SAMPLE.match(row) for row in text.splitlines())
    return [(m[1], dict(_LABEL.findall(m[2])), float(m[3])) for m in found if m]


def total(url: str, metric: str, **labels: str) -> float:
    """Add up the series of a metric that carry these labels."""
    wanted = labels.items()
    return sum(
        value for name, found, value in exposed(url) if name == metric and wanted <= found.items()
    )


def settled(url: str, metric: str, wanted: float, **labels: str) -> float:
    """Wait until a total is as wanted, or give what it is at the deadline."""
    eventually(lambda: total(url, metric, **labels) == wanted, 8, 0.2)
    return total(url, metric, **labels)


@pytest.fixture
def service() -> str:
    """Give a service name that no other test counts."""
    return f"svc-{secrets.token_hex(4)}"


def send_concurrently(collector: Collector, batches: list[list[dict[str, Any]]]) -> None:
    """Send the batches of several clients at once, half by gRPC."""

    def client(number: int) -> None:
        with grpc.insecure_channel(collector.grpc) as channel:
            sender = GrpcSender(channel)
            for each in batches[number]:
                if number % 2:
                    assert sender.send(request_of(each)) is grpc.StatusCode.OK
                else:
                    assert send_http(collector.http, request_of(each)) == 200

    with ThreadPoolExecutor(len(batches)) as pool:
        list(pool.map(client, range(len(batches))))


def test_counters_exact_with_concurrent_clients(collector: Collector, service: str) -> None:
    """Four clients at once: every record is counted once, under its own labels."""
    kinds: list[dict[str, Any]] = [
        {"level": "ERROR", "error": {"error_code": "LLM_PROVIDER_ERROR", "type": "E"},
         "operation": "route_request"},
        {"level": "CRITICAL", "error": {"type": "E"}},
        {"level": "ERROR", "error": {"error_code": "LLM_PROVIDER_ERROR", "repeat": True}},
        {"operation": "process_query", "outcome": "ok", "duration_ms": 250.0,
         "tokens_used": 7, "user_id": "u-1", "cache_hit": True},
        {"operation": "process_query", "outcome": "error", "duration_ms": 3000,
         "cache_hit": False},
        {"event": "faultmaven.agent.phase_transition", "agent_phase_from": "intake",
         "agent_phase_to": "timeline"},
        {"level": "WARNING", "event": "faultmaven.audit",
         "audit": {"action": "login_failed", "category": "authentication",
                   "outcome": "failure"}},
        {"event": "faultmaven.audit",
         "audit": {"action": "login", "category": "authentication", "outcome": "success"}},
        {"level": "DEBUG"},
    ]
    clients, rounds = 4, 25
    batch = [line(service=service, **kind) for kind in kinds for _ in range(rounds)]
    send_concurrently(collector, [batch] * clients)
    n = clients * rounds
    url, own = collector.metrics, {"service_name": service, "deployment_environment_name": "test"}
    bucket = hashlib.sha256(b"u-1").hexdigest()[:2]
    expected: list[tuple[str, dict[str, str], float]] = [
        ("log_records_total", {}, 9 * n),
        ("log_records_total", {"level": "ERROR"}, 2 * n),
        ("log_records_total", {"level": "CRITICAL"}, n),
        ("log_records_total", {"level": "WARNING"}, n),
        ("log_records_total", {"level": "DEBUG"}, n),
        ("errors_total", {}, 2 * n),
        ("errors_total", {"faultmaven_error_code": "LLM_PROVIDER_ERROR",
                          "faultmaven_operation": "route_request"}, n),
        ("errors_total", {"faultmaven_error_code": "NONE", "faultmaven_operation": "none"}, n),
        ("operation_duration_seconds_count", {"faultmaven_operation": "process_query"}, 2 * n),
        ("operation_duration_seconds_sum", {"faultmaven_outcome": "ok"}, 0.25 * n),
        ("operation_duration_seconds_sum", {"faultmaven_outcome": "error"}, 3.0 * n),
        ("operation_duration_seconds_bucket", {"faultmaven_outcome": "ok", "le": "0.1"}, 0),
        ("operation_duration_seconds_bucket", {"faultmaven_outcome": "ok", "le": "0.25"}, n),
        ("operation_duration_seconds_bucket", {"faultmaven_outcome": "error", "le": "5"}, n),
        ("tokens_total", {"faultmaven_user_bucket": bucket,
                          "faultmaven_operation": "process_query"}, 7 * n),
        ("cache_requests_total", {"faultmaven_cache_hit": "true"}, n),
        ("cache_requests_total", {"faultmaven_cache_hit": "false"}, n),
        ("agent_phase_transitions_total", {"faultmaven_agent_phase_from": "intake",
                                           "faultmaven_agent_phase_to": "timeline"}, n),
        ("security_events_total", {"faultmaven_audit_category": "authentication"}, n),
    ]
    found = [
        (name, labels, settled(url, f"faultmaven_{name}", value, **own, **labels))
        for name, labels, value in expected
    ]
    assert found == expected


def test_counters_monotonic_and_typed(collector: Collector, service: str) -> None:
    """Counters are exposed as counters, the duration as a histogram in seconds."""
    send_http(collector.http, request_of(line(
        service=service, operation="search", duration_ms=1, tokens_used=1, cache_hit=True,
        level="ERROR")))
    settled(collector.metrics, "faultmaven_tokens_total", 1, service_name=service)
    with urllib.request.urlopen(collector.metrics, timeout=10) as response:
        types = dict(re.findall(r"# TYPE (faultmaven\S+) (\w+)", response.read().decode()))
    assert types.pop("faultmaven_operation_duration_seconds") == "histogram"
    assert {"faultmaven_log_records_total", "faultmaven_errors_total",
            "faultmaven_tokens_total"} <= types.keys()
    assert set(types.values()) == {"counter"}


def test_sampled_records_count_with_their_weight(collector: Collector, service: str) -> None:
    """A record that stands for ten counts ten, its tokens and durations too."""
    send_http(collector.http, request_of(line(
        service=service, sample_weight=10, tokens_used=3, operation="search", duration_ms=20)))
    found = [
        settled(collector.metrics, f"faultmaven_{name}", value, service_name=service)
        for name, value in (("log_records_total", 10), ("tokens_total", 30),
                            ("operation_duration_seconds_count", 10))
    ]
    assert found == [10, 30, 10]


@pytest.mark.parametrize(
    "odd",
    [
        {"sample_weight": float("inf")}, {"sample_weight": -5}, {"sample_weight": "10"},
        {"sample_weight": float("nan")}, {"duration_ms": float("inf"), "operation": "search"},
        {"duration_ms": float("nan"), "operation": "search"}, {"tokens_used": 10**15},
        {"tokens_used": float("nan")}, {"tokens_used": "many"}, {"tokens_used": -1},
        {"cache_hit": "yes"}, {"operation": 7, "duration_ms": 1}, {"user_id": 12},
    ],
    ids=str,
)
def test_odd_numbers_count_once_and_stay_finite(
    collector: Collector, service: str, odd: dict[str, Any]
) -> None:
    """No wrong type or infinity spoils a counter or stops its neighbours."""
    lines = [line(service=service), line(service=service, **odd), line(service=service)]
    assert send_http(collector.http, request_of(*lines)) == 200
    assert settled(collector.metrics, "faultmaven_log_records_total", 3, service_name=service) == 3
    values = [v for _, labels, v in exposed(collector.metrics)
              if labels.get("service_name") == service]
    assert all(abs(value) < 1e12 for value in values)


def test_unknown_words_share_one_series(collector: Collector, service: str) -> None:
    """Invented codes, operations and phases cannot make series; the file keeps them."""
    lines = [
        line(service=service, level="ERROR", error={"error_code": f"FAKE_{n}"},
             operation=f"op {secrets.token_hex(8)}", agent_phase_from=f"p{n}",
             event="faultmaven.agent.phase_transition")
        for n in range(50)
    ]
    send_http(collector.http, request_of(*lines))
    url = collector.metrics
    assert settled(url, "faultmaven_errors_total", 50, service_name=service,
                   faultmaven_error_code="OTHER", faultmaven_operation="other") == 50
    assert settled(url, "faultmaven_agent_phase_transitions_total", 50, service_name=service,
                   faultmaven_agent_phase_from="other", faultmaven_agent_phase_to="none") == 50


def test_many_users_stay_below_the_series_cap(collector: Collector, service: str) -> None:
    """Ten thousand users are at most 256 series, their tokens add up."""
    lines = [line(service=service, user_id=f"user-{n}", tokens_used=1) for n in range(10_000)]
    for start in range(0, len(lines), 1000):
        assert send_http(collector.http, request_of(*lines[start:start + 1000])) == 200
    assert settled(collector.metrics, "faultmaven_tokens_total", 10_000,
                   service_name=service) == 10_000
    series = [labels for name, labels, _ in exposed(collector.metrics)
              if name == "faultmaven_tokens_total" and labels["service_name"] == service]
    assert 200 < len(series) <= 256


def test_labels_are_the_permitted_ones(collector: Collector, service: str) -> None:
    """No id, message, version or instance becomes a label."""
    send_http(collector.http, request_of(line(
        service=service, session_id="s", user_id="u", tokens_used=1, correlation_id="c")))
    settled(collector.metrics, "faultmaven_tokens_total", 1, service_name=service)
    found = [labels.keys() for name, labels, _ in exposed(collector.metrics)
             if name == "faultmaven_tokens_total" and labels["service_name"] == service]
    assert found == [{"service_name", "deployment_environment_name", "job",
                      "faultmaven_operation", "faultmaven_user_bucket"}]


def test_restart_keeps_the_series(
    start_collector: Callable[..., Collector], service: str
) -> None:
    """After a restart counting goes on in the same series, from zero, as rate() expects."""
    collector = start_collector()

    def labels_after_one_record() -> list[dict[str, str]]:
        send_http(collector.http, request_of(line(service=service)))
        assert settled(collector.metrics, "faultmaven_log_records_total", 1,
                       service_name=service) == 1
        return [labels for name, labels, _ in exposed(collector.metrics)
                if name == "faultmaven_log_records_total"]

    before = labels_after_one_record()
    collector.stop()
    collector.start()
    assert labels_after_one_record() == before


def test_rate_stays_sane_over_a_restart(
    start_collector: Callable[..., Collector], service: str, tmp_path: Path
) -> None:
    """Prometheus sees one reset, and no rate far from what was really sent."""
    tool("prometheus")
    collector = start_collector()
    server = Prometheus(tmp_path, {
        "otelcol:9464": collector.metrics.split("/")[2],
        "otelcol:8888": collector.own_metrics.split("/")[2],
        "alertmanager:9093": "127.0.0.1:9",
        "scrape_interval: 15s": "scrape_interval: 1s",
    })
    series = f'faultmaven_log_records_total{{service_name="{service}"}}'

    def asked(expression: str) -> list[float]:
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{server.url}/api/v1/query?{query}", timeout=5) as response:
            return [float(row["value"][1]) for row in json.load(response)["data"]["result"]]

    def send(batches: int) -> None:
        for _ in range(batches):
            send_http(collector.http, request_of(*(line(service=service) for _ in range(10))))
            time.sleep(0.25)

    server.start()
    try:
        send(20)
        assert eventually(lambda: asked(series) == [200.0], 15, 0.3)
        collector.stop()
        collector.start()
        send(1)
        assert eventually(lambda: asked(series) == [10.0], 15, 0.3)
        send(12)
        assert asked(f"resets({series}[1m])") == [1.0]
        (highest,) = asked(f"max_over_time(rate({series}[4s])[30s:1s])")
        (lowest,) = asked(f"min_over_time(rate({series}[4s])[30s:1s])")
    finally:
        server.stop()
    assert lowest >= 0
    assert 5 < highest < 120  # at most forty a second were sent
