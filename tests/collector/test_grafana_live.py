"""Every PromQL expression against a running Prometheus, after traffic of the demo."""

from __future__ import annotations

import json
import math
import re
import sys
import time
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from conftest import running, tool
from otlp_requests import line, request_of, send_http
from queries import COLLECTOR, Query, dashboard_queries, rule_queries
from stack_parts import Collector, Part, Prometheus, eventually, free_port

from fm_otel.errors import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack_parts import Jaeger, LogStore

pytestmark = pytest.mark.stack

Json = dict[str, Any]

# Series that begin with the first failure of their kind; test_rules_live has them.
ONLY_AFTER_FAILURE: Final = {
    'otelcol_deltatocumulative_datapoints{error!=""}',
    "otelcol_exporter_enqueue_failed_log_records{}",
    "otelcol_exporter_send_failed_log_records{}",
}
SPANS: Final = "traces_span_metrics_duration_milliseconds_bucket"


def get(url: str, path: str, **parameters: object) -> Any:  # noqa: ANN401 - JSON
    """Ask an HTTP API."""
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{url}{path}?{query}", timeout=20) as response:
        return json.load(response)


def every_kind_of_record() -> list[Json]:
    """Make what a short run of the demo need not contain: each code, and what went wrong."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    codes = [
        {"level": "ERROR", "error": {"error_code": code, "type": "E"}}
        for code in [*(code.mnemonic for code in CATALOGUE), "NOT_IN_THE_CATALOGUE"]
    ]
    others: list[Json] = [
        {"level": "ERROR", "error": {"type": "E"}},
        {"operation": "search", "outcome": "ok", "duration_ms": 20.0, "cache_hit": True},
        {"operation": "route_llm_request", "outcome": "ok", "duration_ms": 900.0,
         "tokens_used": 700, "user_id": "user-1", "session_id": "session-1"},
        {"level": "WARNING", "event": "faultmaven.audit",
         "audit": {"action": "login_failed", "category": "authentication", "outcome": "failure"}},
        {"event": "faultmaven.agent.phase_transition", "agent_phase_from": "establish_timeline",
         "agent_phase_to": "formulate_hypothesis", "duration_ms": 90.0},
    ]
    return [line(timestamp=moment, **fields) for fields in [*codes, *others]]


@pytest.fixture(scope="module")
def own_collector(
    tmp_path_factory: pytest.TempPathFactory, logstore: LogStore, jaeger: Jaeger
) -> Iterator[Collector]:
    """Run the shipped configuration, its span metrics every second instead of every fifteen."""
    tool("otelcol")
    folder = tmp_path_factory.mktemp("dashboards")
    faster = folder / "faster.yaml"
    faster.write_text("connectors: {span_metrics: {metrics_flush_interval: 1s}}\n", "utf-8")
    yield from running(
        Collector(folder, ("otelcol.yaml", faster), logstore=logstore.otlp, jaeger=jaeger.otlp),
    )


@pytest.fixture(scope="module")
def own_prometheus(
    tmp_path_factory: pytest.TempPathFactory, own_collector: Collector
) -> Iterator[Prometheus]:
    """Run Prometheus on that collector, every second."""
    tool("prometheus")
    targets = {
        "otelcol:9464": own_collector.metrics.split("/")[2],
        "otelcol:8888": own_collector.own_metrics.split("/")[2],
        "alertmanager:9093": "127.0.0.1:9",
        "_interval: 15s": "_interval: 1s",
    }
    yield from running(Prometheus(tmp_path_factory.mktemp("prometheus"), targets))


@pytest.fixture(scope="module")
def traffic(
    tmp_path_factory: pytest.TempPathFactory, own_collector: Collector, own_prometheus: Prometheus
) -> Iterator[Prometheus]:
    """Serve the demo and drive it, as the compose file does, until every counter has grown."""
    folder = tmp_path_factory.mktemp("demo")
    url = f"127.0.0.1:{free_port()}"
    host, port = url.split(":")
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": own_collector.http, "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "ENVIRONMENT": "demo", "FM_OTEL_SPOOL_DIR": str(folder / "spool"),
    }
    fm_otel = [sys.executable, "-m", "fm_otel.cli"]
    serve = [*fm_otel, "run", "--", *fm_otel, "demo", "--serve", "--host", host, "--port", port]
    load = [*fm_otel, "demo", "--load", f"http://{url}", "--rate", "30"]
    demo = Part("demo", serve, f"http://{url}/health", folder, environment)
    driver = Part("load", load, "", folder)
    try:
        demo.start()
        driver.launch()
        wait_for_growth(own_collector, own_prometheus)
        yield own_prometheus
    finally:
        driver.stop()
        demo.stop()


def wait_for_growth(collector: Collector, prometheus: Prometheus) -> None:
    """Send what the demo need not do, twice, and wait until Prometheus sees it all growing."""
    for floor in (50, 100):
        assert send_http(collector.http, request_of(*every_kind_of_record())) == 200
        seen = f"sum(faultmaven_errors_total) > {floor}"
        assert eventually(lambda seen=seen: ask(prometheus, seen), 20, 0.2), seen
    for metric in (SPANS, "faultmaven_errors_total", "faultmaven_tokens_total"):
        growth = f"sum(increase({metric}[1m])) > 0"
        assert eventually(lambda growth=growth: ask(prometheus, growth), 30, 0.2), growth


def ask(prometheus: Prometheus, expression: str) -> list[Json]:
    """Evaluate an expression now."""
    answer = get(prometheus.url, "/api/v1/query", query=expression)
    result: list[Json] = answer["data"]["result"]
    return result


def selectors(node: Any, grouping: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:  # noqa: ANN401 - JSON
    """Walk a parsed expression: each selector, without its offset, and what it is grouped by."""
    if isinstance(node, list):
        for item in node:
            yield from selectors(item, grouping)
    if not isinstance(node, dict):
        return
    if node.get("type") == "aggregation" and node["grouping"]:
        grouping = tuple(node["grouping"])
    if node.get("type") in {"vectorSelector", "matrixSelector"}:
        matchers = ", ".join(
            f"{m['name']}{m['type']}{json.dumps(m['value'])}"
            for m in node["matchers"]
            if m["name"] != "__name__"
        )
        yield f"{node['name']}{{{matchers}}}", grouping
        return
    for value in node.values():
        yield from selectors(value, grouping)


def parsed(prometheus: Prometheus, query: Query) -> list[tuple[str, tuple[str, ...]]]:
    """Let Prometheus parse an expression and list its selectors."""
    tree = get(prometheus.url, "/api/v1/parse_query", query=query.text)["data"]
    return list(selectors(tree))


def test_promql_of_every_panel_returns_data(traffic: Prometheus) -> None:
    """No panel is empty: names, labels and units are those that the pipeline really gives."""
    empty = {
        query.where: query.text
        for query in dashboard_queries("prometheus")
        if not [s for s in ask(traffic, query.text) if not math.isnan(float(s["value"][1]))]
    }
    assert empty == {}


def test_promql_of_every_alert_is_evaluated(traffic: Prometheus) -> None:
    """Prometheus loaded each rule and none fails in evaluation."""
    eventually(lambda: all(r["lastEvaluation"][:4] != "0001" for r in loaded(traffic)), 30, 0.5)
    rules = loaded(traffic)
    assert len(rules) == len(rule_queries())
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


def loaded(prometheus: Prometheus) -> list[Json]:
    """List the rules that Prometheus has."""
    groups = get(prometheus.url, "/api/v1/rules")["data"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_series_of_every_alert_exist(traffic: Prometheus) -> None:
    """No alert waits for a metric or label value that nobody sends."""
    wanted = {
        selector: query.where
        for query in rule_queries()
        for selector, _ in parsed(traffic, query)
        if selector not in ONLY_AFTER_FAILURE
    }
    missing = {s: where for s, where in wanted.items() if not ask(traffic, f"count({s})")}
    assert missing == {}


def test_labels_that_queries_group_by_exist(traffic: Prometheus) -> None:
    """Grouping by a label that nobody carries would merge what should be apart."""
    queries = [*dashboard_queries("prometheus"), *rule_queries()]
    wanted = {
        (selector, label): query.where
        for query in queries
        for selector, grouping in parsed(traffic, query)
        for label in grouping
        if selector not in ONLY_AFTER_FAILURE
    }
    missing = {}
    for (selector, label), where in wanted.items():
        name, _, matchers = selector.partition("{")
        narrowed = f'{name}{{{label}!="", {matchers}'
        if ask(traffic, f"count({selector})") and not ask(traffic, f"count({narrowed})"):
            missing[selector, label] = where
    assert missing == {}


def test_exemplars_lead_to_traces(traffic: Prometheus, jaeger: Jaeger) -> None:
    """The diamond on the latency panel opens a trace that Jaeger has."""
    panel = next(q for q in dashboard_queries("prometheus") if "Latency of spans" in q.where)
    now = time.time()

    def found() -> list[Json]:
        data = get(traffic.url, "/api/v1/query_exemplars", query=panel.text,
                   start=now - 300, end=time.time())["data"]
        return [exemplar for series in data for exemplar in series["exemplars"]]

    exemplars = eventually(found, 30, 0.5)
    assert exemplars
    trace_id = exemplars[0]["labels"][exemplar_label()]
    assert re.fullmatch("[0-9a-f]{32}", trace_id)
    traces = get(jaeger.url, f"/api/traces/{trace_id}")["data"]
    assert [trace["traceID"] for trace in traces] == [trace_id]


def exemplar_label() -> str:
    """Give the label that Grafana takes the trace id from."""
    path = COLLECTOR / "grafana/provisioning/datasources/datasources.yaml"
    sources = yaml.safe_load(path.read_text("utf-8"))["datasources"]
    settings = next(s["jsonData"] for s in sources if s["uid"] == "prometheus")
    return str(settings["exemplarTraceIdDestinations"][0]["name"])


def test_variables_of_dashboards_have_values(traffic: Prometheus) -> None:
    """Each list of choices offers something."""
    for metric, label in (
        ("faultmaven_log_records_total", "service_name"),
        ("faultmaven_log_records_total", "deployment_environment_name"),
        ("faultmaven_operation_duration_seconds_count", "faultmaven_operation"),
    ):
        path = f"/api/v1/label/{label}/values"
        assert get(traffic.url, path, **{"match[]": metric})["data"]
