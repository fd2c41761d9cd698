"""LogQL of dashboards, alerts and links, read by Grafana's own grammar."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import stack_tools
import yaml
from queries import COLLECTOR, Query, annotation_queries, dashboard_queries

from fm_otel.fields import FIELDS, Field, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Parse = "Callable[[list[str]], list[dict[str, Any]]]"

SOURCE: Final = Path(__file__).parent / "logql"

# What Loki makes of the record's slots, by its documentation of OTLP ingestion.
SLOTS: Final = {
    "trace_id", "span_id", "flags", "severity_number", "severity_text", "event_name",
    "observed_timestamp", "scope_name", "detected_level",
}
INDEXED: Final = {"service_name", "service_namespace", "deployment_environment_name"}


def grammar() -> Path:
    """Install the grammar once per version, outside the tree."""
    if not shutil.which("npm"):
        missing = "the LogQL tests need node and npm on PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    files = sorted(path for path in SOURCE.iterdir() if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:20]
    folder = stack_tools.cache() / f"logql-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            for path in files:
                shutil.copy(path, folder)
            subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder, check=True, capture_output=True, timeout=120,
            )
            (folder / "done").touch()
    return folder


@pytest.fixture(scope="session")
def parse() -> Callable[[list[str]], list[dict[str, Any]]]:
    """Give a function that parses queries."""
    folder = grammar()

    def run(texts: list[str]) -> list[dict[str, Any]]:
        done = subprocess.run(
            ["node", "parse.mjs"], cwd=folder, input=json.dumps(texts).encode(),
            capture_output=True, check=True, timeout=60,
        )
        answers: list[dict[str, Any]] = json.loads(done.stdout)
        return answers

    return run


def rejected(parse: Callable[[list[str]], list[dict[str, Any]]], queries: Iterable[Query]) -> Any:
    """Give the queries that the grammar does not accept."""
    queries = list(queries)
    answers = parse([query.text for query in queries])
    return {
        query.where: (query.text, answer["errors"])
        for query, answer in zip(queries, answers, strict=True)
        if answer["errors"]
    }


def attribute_label(field: Field) -> str:
    """Give the name of a field in the log store: dots become underscores."""
    return re.sub(r"\W", "_", field.at)


def stored_labels() -> set[str]:
    """Collect every name under which the log branch stores something."""
    members = [member for field in FIELDS for member in (field.members or (field,))]
    carried = (Wire.ATTRIBUTE, Wire.RESOURCE)
    return SLOTS | INDEXED | {attribute_label(m) for m in members if m.wire in carried}


def test_logql_of_dashboards_is_grammatical(parse: Callable[..., Any]) -> None:
    """Every log panel shows data instead of a syntax error."""
    queries = dashboard_queries("loki")
    assert queries
    assert rejected(parse, queries) == {}


def test_logql_of_alerts_is_grammatical(parse: Callable[..., Any]) -> None:
    """The query that an alert hands to its reader can be pasted as it is."""
    queries = annotation_queries()
    assert queries
    assert rejected(parse, queries) == {}


def test_logql_of_trace_links_is_grammatical(parse: Callable[..., Any]) -> None:
    """From a span to its log lines: the query that Grafana fills in parses."""
    path = COLLECTOR / "grafana/provisioning/datasources/datasources.yaml"
    sources = {s["uid"]: s for s in yaml.safe_load(path.read_text("utf-8"))["datasources"]}
    link = sources["jaeger"]["jsonData"]["tracesToLogsV2"]["query"]
    text = link.replace("$${__tags}", 'service_name="x"').replace("$${__trace.traceId}", "0af7")
    assert "$" not in text
    assert rejected(parse, [Query("trace to logs", text)]) == {}


@pytest.mark.parametrize(
    "broken",
    [
        '{a="b"} | foo ==',
        'sum by (x (rate({a="b"}[5m]))',
        'rate({a="b"}[5])',
        '{a="b"} | unwrap',
        '{a="b"} |= ',
    ],
)
def test_logql_that_is_broken_is_rejected(parse: Callable[..., Any], broken: str) -> None:
    """The grammar really refuses what Loki would refuse."""
    assert rejected(parse, [Query("broken", broken)])


def test_logql_names_only_what_is_stored(parse: Callable[..., Any]) -> None:
    """A renamed field breaks here, not on an empty panel."""
    queries = [*dashboard_queries("loki"), *annotation_queries()]
    answers = parse([query.text for query in queries])
    unknown = {
        query.where: names
        for query, answer in zip(queries, answers, strict=True)
        if (names := set(answer["labels"]) - stored_labels())
    }
    assert unknown == {}


def test_logql_for_numbers_is_a_metric_query(parse: Callable[..., Any]) -> None:
    """A panel of numbers gets numbers, a panel of log lines gets lines."""
    queries = dashboard_queries("loki")
    wrong = {
        query.where
        for query, answer in zip(queries, parse([q.text for q in queries]), strict=True)
        if answer["metric"] == query.where.split(" / ")[1] in {"Recent errors", "Audit records",
                                                               "Found"}
    }
    assert wrong == set()
