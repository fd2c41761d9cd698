"""Grafana's provisioning files and dashboards.

Grafana runs only as an image and says nothing about a key that it does not know: the link is
simply not there. So the keys of its documentation are written down here.
"""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from conftest import ROOT, tool
from queries import COLLECTOR, Query, boards, dashboard_queries, panels, rule_queries
from test_loki import ANYTHING, SCALAR, unknown

sys.path.insert(0, str(ROOT / ".ci"))
import dashboard_parts
import generate_dashboards

if TYPE_CHECKING:
    from pathlib import Path

PROVISIONING: Final = COLLECTOR / "grafana" / "provisioning"
SOURCES: Final = yaml.safe_load(
    (PROVISIONING / "datasources/datasources.yaml").read_text("utf-8"),
)
PROVIDERS: Final = yaml.safe_load((PROVISIONING / "dashboards/dashboards.yaml").read_text("utf-8"))
BY_UID: Final = {source["uid"]: source for source in SOURCES["datasources"]}
BOARDS: Final = boards()
COMPOSE: Final = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))

TAGS: Final = [{"key": SCALAR, "value": SCALAR}]
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "prometheus": {
        "httpMethod": SCALAR, "timeInterval": SCALAR, "queryTimeout": SCALAR,
        "manageAlerts": SCALAR, "alertmanagerUid": SCALAR, "prometheusType": SCALAR,
        "prometheusVersion": SCALAR, "cacheLevel": SCALAR, "incrementalQuerying": SCALAR,
        "incrementalQueryOverlapWindow": SCALAR, "disableRecordingRules": SCALAR,
        "customQueryParameters": SCALAR, "seriesLimit": SCALAR, "seriesEndpoint": SCALAR,
        "exemplarTraceIdDestinations": [
            {"name": SCALAR, "datasourceUid": SCALAR, "url": SCALAR, "urlDisplayLabel": SCALAR},
        ],
    },
    "loki": {
        "maxLines": SCALAR, "timeout": SCALAR, "manageAlerts": SCALAR, "alertmanagerUid": SCALAR,
        "derivedFields": [{
            "name": SCALAR, "matcherType": SCALAR, "matcherRegex": SCALAR, "url": SCALAR,
            "datasourceUid": SCALAR, "urlDisplayLabel": SCALAR,
        }],
    },
    "jaeger": {
        "nodeGraph": {"enabled": SCALAR},
        "spanBar": {"type": SCALAR, "tag": SCALAR},
        "traceIdTimeParams": {"enabled": SCALAR},
        "tracesToLogsV2": {
            "datasourceUid": SCALAR, "spanStartTimeShift": SCALAR, "spanEndTimeShift": SCALAR,
            "tags": TAGS, "filterByTraceID": SCALAR, "filterBySpanID": SCALAR,
            "customQuery": SCALAR, "query": SCALAR,
        },
        "tracesToMetrics": {
            "datasourceUid": SCALAR, "spanStartTimeShift": SCALAR, "spanEndTimeShift": SCALAR,
            "tags": TAGS, "queries": [{"name": SCALAR, "query": SCALAR}],
        },
    },
    "alertmanager": {"implementation": SCALAR, "handleGrafanaManagedAlerts": SCALAR},
}
SOURCE_KEYS: Final = {
    "name": SCALAR, "type": SCALAR, "access": SCALAR, "orgId": SCALAR, "uid": SCALAR,
    "url": SCALAR, "basicAuth": SCALAR, "basicAuthUser": SCALAR, "withCredentials": SCALAR,
    "isDefault": SCALAR, "version": SCALAR, "editable": SCALAR,
}
PROVIDER_KEYS: Final = {
    "apiVersion": SCALAR,
    "providers": [{
        "name": SCALAR, "orgId": SCALAR, "folder": SCALAR, "folderUid": SCALAR, "type": SCALAR,
        "disableDeletion": SCALAR, "updateIntervalSeconds": SCALAR, "allowUiUpdates": SCALAR,
        "options": {"path": SCALAR, "foldersFromFilesStructure": SCALAR},
    }],
}
REFERENCE: Final = {"type": SCALAR, "uid": SCALAR}
CURRENT: Final = {"text": SCALAR, "value": SCALAR}
LINKS: Final = [{"title": SCALAR, "url": SCALAR, "targetBlank": SCALAR}]
PANEL_KEYS: Final = {
    "id": SCALAR, "type": SCALAR, "title": SCALAR, "description": SCALAR, "collapsed": SCALAR,
    "panels": [SCALAR], "datasource": REFERENCE, "options": ANYTHING,
    "gridPos": {"x": SCALAR, "y": SCALAR, "w": SCALAR, "h": SCALAR},
    "targets": [{
        "refId": SCALAR, "datasource": REFERENCE, "expr": SCALAR, "legendFormat": SCALAR,
        "instant": SCALAR, "range": SCALAR, "exemplar": SCALAR, "format": SCALAR,
        "queryType": SCALAR,
    }],
    "fieldConfig": {
        "overrides": [SCALAR],
        "defaults": {
            "unit": SCALAR, "min": SCALAR, "max": SCALAR, "decimals": SCALAR, "links": LINKS,
            "thresholds": {"mode": SCALAR, "steps": [{"color": SCALAR, "value": SCALAR}]},
            "custom": {
                "lineWidth": SCALAR, "fillOpacity": SCALAR, "showPoints": SCALAR,
                "stacking": {"mode": SCALAR, "group": SCALAR},
            },
        },
    },
    "transformations": [
        {"id": SCALAR, "options": {"excludeByName": ANYTHING, "renameByName": ANYTHING}},
    ],
}
BOARD_KEYS: Final = {
    "uid": SCALAR, "title": SCALAR, "description": SCALAR, "tags": SCALAR,
    "schemaVersion": SCALAR, "editable": SCALAR, "refresh": SCALAR, "timezone": SCALAR,
    "graphTooltip": SCALAR, "time": {"from": SCALAR, "to": SCALAR},
    "annotations": {"list": [SCALAR]}, "panels": [PANEL_KEYS],
    "links": [{
        "title": SCALAR, "type": SCALAR, "tags": SCALAR, "icon": SCALAR, "asDropdown": SCALAR,
        "includeVars": SCALAR, "keepTime": SCALAR, "targetBlank": SCALAR, "tooltip": SCALAR,
        "url": SCALAR,
    }],
    "templating": {"list": [{
        "name": SCALAR, "type": SCALAR, "label": SCALAR, "datasource": REFERENCE,
        "query": ANYTHING, "definition": SCALAR, "refresh": SCALAR, "sort": SCALAR,
        "multi": SCALAR, "includeAll": SCALAR, "allValue": SCALAR, "current": CURRENT,
    }]},
}
OPTIONS: Final[dict[str, set[str]]] = {
    "timeseries": {"legend", "tooltip"},
    "stat": {"reduceOptions", "colorMode", "graphMode"},
    "bargauge": {"orientation", "displayMode", "reduceOptions"},
    "table": {"showHeader"},
    "logs": {"showTime", "wrapLogMessage", "enableLogDetails", "sortOrder", "dedupStrategy"},
}


def every_panel() -> list[Any]:
    """List every panel as a test parameter."""
    return [
        pytest.param(panel, id=f"{name}-{panel['title']}")
        for name, board in BOARDS.items()
        for panel in panels(board)
    ]


@pytest.mark.parametrize("source", SOURCES["datasources"], ids=lambda source: source["name"])
def test_keys_of_data_sources_are_documented(source: dict[str, Any]) -> None:
    """A misspelt key would silently cost a link."""
    assert unknown(source, {**SOURCE_KEYS, "jsonData": SETTINGS[source["type"]]}) == []


def test_keys_of_dashboard_providers_are_documented() -> None:
    """A misspelt key would silently cost the dashboards."""
    assert unknown(PROVIDERS, PROVIDER_KEYS) == []


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_keys_of_dashboards_are_documented(name: str) -> None:
    """A misspelt key would silently cost a setting."""
    assert unknown(BOARDS[name], BOARD_KEYS) == []


@pytest.mark.parametrize("panel", every_panel())
def test_panel_is_complete(panel: dict[str, Any]) -> None:
    """Each panel says what it shows, with options that its kind has."""
    assert panel["title"]
    assert panel["description"]
    assert set(panel["options"]) <= OPTIONS[panel["type"]]
    letters = [target["refId"] for target in panel["targets"]]
    assert letters == sorted(set(letters))


def test_a_key_that_is_not_documented_is_found() -> None:
    """The tables above can fail."""
    field = {"derivedFields": [{"name": "trace_id", "regex": "trace_id"}]}
    assert unknown(field, SETTINGS["loki"]) == [".derivedFields[].regex"]


def test_data_sources_are_referred_to_by_existing_uids() -> None:
    """Every panel, variable and link names a data source that is there, of the right type."""
    references = [
        reference
        for board in BOARDS.values()
        for holder in [*panels(board), *board["templating"]["list"],
                       *(t for p in panels(board) for t in p["targets"])]
        if (reference := holder.get("datasource"))
    ]
    assert references
    assert {r["uid"] for r in references} <= set(BY_UID)
    assert all(BY_UID[r["uid"]]["type"] == r["type"] for r in references)
    text = (PROVISIONING / "datasources/datasources.yaml").read_text("utf-8")
    linked = re.findall(r"(?:datasourceUid|alertmanagerUid): (\w+)", text)
    assert set(linked) <= set(BY_UID)


def test_a_log_line_links_to_its_trace() -> None:
    """trace_id is structured metadata, so it is matched as a label, and opens in Jaeger."""
    field = BY_UID["loki"]["jsonData"]["derivedFields"][0]
    assert (field["matcherType"], field["matcherRegex"]) == ("label", "trace_id")
    assert (field["datasourceUid"], field["url"]) == ("jaeger", "$${__value.raw}")


def test_a_trace_links_to_its_log_lines() -> None:
    """A span asks the log store for the records with its trace id, with room for clocks."""
    link = BY_UID["jaeger"]["jsonData"]["tracesToLogsV2"]
    assert link["datasourceUid"] == "loki"
    assert link["customQuery"] is True
    assert link["query"] == '{$${__tags}} | trace_id="$${__trace.traceId}"'
    assert {"key": "service.name", "value": "service_name"} in link["tags"]
    assert link["spanStartTimeShift"].startswith("-")


def test_an_exemplar_links_to_its_trace() -> None:
    """Prometheus keeps exemplars, a panel asks for them, and their trace_id opens in Jaeger."""
    destination = BY_UID["prometheus"]["jsonData"]["exemplarTraceIdDestinations"][0]
    assert (destination["name"], destination["datasourceUid"]) == ("trace_id", "jaeger")
    command = COMPOSE["services"]["prometheus"]["command"]
    assert "--enable-feature=exemplar-storage" in command
    asking = [t for p in panels(BOARDS["overview"]) for t in p["targets"] if t.get("exemplar")]
    assert asking
    assert all(target["range"] for target in asking)


def test_variables_in_provisioning_files_are_escaped() -> None:
    """Grafana expands $NAME in these files from its environment: a single $ would vanish."""
    for path in PROVISIONING.rglob("*.yaml"):
        lines = [ln for ln in path.read_text("utf-8").splitlines() if not ln.lstrip()[:1] == "#"]
        assert re.sub(r"\$\$", "", "\n".join(lines)).count("$") == 0


def test_data_sources_are_where_the_compose_file_puts_them() -> None:
    """Each address names a service of the compose file."""
    hosts = {re.sub(r"^http://([\w-]+):\d+$", r"\1", source["url"]) for source in BY_UID.values()}
    assert hosts <= set(COMPOSE["services"])


def test_dashboards_are_where_grafana_looks() -> None:
    """The folder that the provider reads is the one that is mounted, the home dashboard in it."""
    grafana = COMPOSE["services"]["grafana"]
    folder = PROVIDERS["providers"][0]["options"]["path"]
    assert f"./collector/grafana/dashboards:{folder}:ro" in grafana["volumes"]
    assert "./collector/grafana/provisioning:/etc/grafana/provisioning:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{folder}/overview.json"


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_panels_do_not_overlap(name: str) -> None:
    """The grid has 24 columns and every panel its own place and id."""
    places = [panel["gridPos"] for panel in BOARDS[name]["panels"]]
    assert all(place["x"] + place["w"] <= dashboard_parts.WIDTH for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below
    ids = [panel["id"] for panel in BOARDS[name]["panels"]]
    assert len(set(ids)) == len(ids)


def test_dashboards_have_ids_and_titles_of_their_own() -> None:
    """Two dashboards of one uid or title would overwrite each other."""
    for key in ("uid", "title"):
        values = [board[key] for board in BOARDS.values()]
        assert len(set(values)) == len(values)


def test_links_lead_to_dashboards_and_variables_that_exist() -> None:
    """A click on a code opens the records of that code."""
    variables = {b["uid"]: {v["name"] for v in b["templating"]["list"]} for b in BOARDS.values()}
    links = [
        link["url"]
        for board in BOARDS.values()
        for panel in panels(board)
        for link in panel["fieldConfig"]["defaults"].get("links", ())
    ]
    assert links
    for url in links:
        uid, _, asked = url.removeprefix("/d/").partition("?")
        assert {name for name in re.findall(r"var-(\w+)=", asked)} <= variables[uid]


def test_generated_dashboards_are_current() -> None:
    """What is committed is what the descriptions and the catalogue give today."""
    for path, text in generate_dashboards.files(ROOT).items():
        assert path.read_text("utf-8") == text, f"run .ci/generate: {path}"


def test_every_dashboard_is_generated() -> None:
    """No dashboard is left behind by a description that is gone."""
    assert {path.stem for path in generate_dashboards.files(ROOT)} == set(BOARDS)


@pytest.mark.parametrize(
    ("question", "kind", "wanted"),
    [
        ("error rate by error_code", "prometheus",
         ["faultmaven_errors_total", "by (faultmaven_error_code)"]),
        ("duration by operation, p50", "prometheus",
         ["histogram_quantile(0.5", "faultmaven_operation_duration_seconds_bucket",
          "by (faultmaven_operation, le)"]),
        ("duration by operation, p95", "prometheus",
         ["histogram_quantile(0.95", "faultmaven_operation_duration_seconds_bucket",
          "by (faultmaven_operation, le)"]),
        ("duration by operation, p99", "prometheus",
         ["histogram_quantile(0.99", "faultmaven_operation_duration_seconds_bucket",
          "by (faultmaven_operation, le)"]),
        ("tokens by user", "loki", ["sum by (user_id)", "unwrap faultmaven_tokens_used"]),
        ("tokens by session", "loki", ["sum by (session_id)", "unwrap faultmaven_tokens_used"]),
        ("cache hit rate", "prometheus",
         ['faultmaven_cache_hit="true"', "/", "faultmaven_cache_requests_total"]),
        ("phase transitions", "prometheus",
         ["faultmaven_agent_phase_transitions_total",
          "by (faultmaven_agent_phase_from, faultmaven_agent_phase_to)"]),
        ("volume by level", "prometheus", ["faultmaven_log_records_total", "by (level)"]),
        ("recent errors", "loki", ["severity_number >= 17"]),
        ("security events", "prometheus", ["faultmaven_security_events_total"]),
        ("audit events", "loki", ['faultmaven_audit_action != ""']),
    ],
)
def test_overview_answers(question: str, kind: str, wanted: list[str]) -> None:
    """Grafana opens on the answers to the questions that operators ask."""
    queries = [q.text for q in dashboard_queries(kind) if q.where.startswith("overview")]
    assert any(all(part in text for part in wanted) for text in queries), question


@pytest.mark.parametrize(
    "metric",
    [
        "otel_sdk_processor_log_processed_total", "otel_sdk_processor_log_queue_size",
        "fm_otel_spool_bytes", "otelcol_receiver_refused_log_records",
        "otelcol_exporter_queue_size", "otelcol_exporter_send_failed_log_records",
        "otelcol_deltatocumulative_streams_tracked",
    ],
)
def test_pipeline_shows(metric: str) -> None:
    """Dropped, queued, refused, spooled: each place where records wait or end has its panel."""
    queries = [q.text for q in dashboard_queries("prometheus") if q.where.startswith("pipeline")]
    assert any(metric in text for text in queries)


def derived_metrics() -> set[str]:
    """Give the names that Prometheus shows for what the collector derives from records."""
    text = yaml.safe_load((COLLECTOR / "otelcol.yaml").read_text("utf-8"))
    entries = text["connectors"]["signal_to_metrics"]["logs"]
    assert entries
    return {entry["name"].replace(".", "_") for entry in entries}


def test_every_derived_metric_is_shown_and_no_other() -> None:
    """A renamed or new metric breaks here, not on an empty panel."""
    texts = [q.text for q in [*dashboard_queries("prometheus"), *rule_queries()]]
    suffix = re.compile(r"_(total|seconds_bucket|seconds_count|seconds_sum)$")
    names = set(re.findall(r"\b(faultmaven_\w+)\{", " ".join(texts)))
    assert {suffix.sub("", name) for name in names} == derived_metrics()


def test_promql_of_dashboards_is_grammatical(tmp_path: Path) -> None:
    """Prometheus parses every expression with the variables filled in."""
    queries = dashboard_queries("prometheus")
    done = checked(queries, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(queries)} rules found" in done.stdout


def test_promql_that_is_broken_is_rejected(tmp_path: Path) -> None:
    """The check above can fail."""
    assert checked([Query("broken", "sum by (a (b))")], tmp_path).returncode != 0


def checked(queries: list[Query], folder: Path) -> subprocess.CompletedProcess[str]:
    """Let promtool read queries as if they were rules."""
    rules = [{"record": f"checked_{n}", "expr": query.text} for n, query in enumerate(queries)]
    path = folder / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), "utf-8")
    return subprocess.run(
        [tool("promtool"), "check", "rules", path],
        capture_output=True, text=True, check=False, timeout=60,
    )
