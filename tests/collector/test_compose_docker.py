"""The compose stack in containers: opt in with ``pytest -m docker`` where an engine runs.

Takes the ports of the compose file, builds the demo's image, and removes all of it afterwards.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import pytest
from conftest import lines_of
from otlp_requests import request_of, send_http
from queries import ROOT, Query, boards, dashboard_queries
from stack_parts import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]

GRAFANA: Final = "http://127.0.0.1:3000"
LOKI: Final = f"{GRAFANA}/api/datasources/proxy/uid/loki/loki/api/v1"
PROMETHEUS: Final = f"{GRAFANA}/api/datasources/proxy/uid/prometheus/api/v1"
JAEGER: Final = f"{GRAFANA}/api/datasources/proxy/uid/jaeger/api"
COLLECTOR: Final = "http://127.0.0.1:4318"

# The demo's load need not contain a code of every category, nor give alerts.
MAY_BE_EMPTY: Final = ("errors / ", "overview / Firing alerts")


def compose(*arguments: str, seconds: float = 120) -> str:
    """Run a compose command on a project of its own."""
    command = ["docker", "compose", "--project-name", "fm-otel-test", "--profile", "load"]
    done = subprocess.run(
        [*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def get(url: str, **parameters: object) -> Any:  # noqa: ANN401 - JSON
    """Ask an HTTP API."""
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{url}?{query}", timeout=30) as response:
        return json.load(response)


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[None]:
    """Bring everything up and wait until it is healthy; take it down with its volumes."""
    if "docker" not in request.config.option.markexpr:
        pytest.skip("opt in with -m docker")
    if not shutil.which("docker") or subprocess.run(
        ["docker", "info"], capture_output=True, check=False, timeout=60
    ).returncode:
        pytest.skip("no container engine answers")
    try:
        compose("up", "--build", "--detach", "--wait", seconds=1200)
        yield
    finally:
        compose("down", "--volumes", "--remove-orphans", seconds=300)


def returns_data(query: Query, kind: str) -> bool:
    """Run a query as Grafana would and tell whether anything comes back."""
    if kind == "prometheus":
        result = get(f"{PROMETHEUS}/query", query=query.text)["data"]["result"]
    else:
        now = time.time_ns()
        result = get(f"{LOKI}/query_range", query=query.text, limit=10, step="60s",
                     start=now - 3_600 * 10**9, end=now)["data"]["result"]
    return bool(result)


@pytest.mark.usefixtures("stack")
def test_every_service_is_healthy() -> None:
    """What compose calls up is up, and no container was started twice."""
    states = [json.loads(row) for row in compose("ps", "--format", "json").splitlines()]
    assert {state["Health"] for state in states} <= {"healthy", ""}
    assert {state["State"] for state in states} == {"running"}


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("kind", ["prometheus", "loki"])
def test_every_panel_shows_data(kind: str) -> None:
    """Each query of each dashboard, through Grafana's data sources."""
    queries = [q for q in dashboard_queries(kind) if not q.where.startswith(MAY_BE_EMPTY)]

    def empty() -> list[str]:
        return [q.where for q in queries if not returns_data(q, kind)]

    eventually(lambda: not empty(), 240, 10)
    assert empty() == []


@pytest.mark.usefixtures("stack")
def test_dashboards_and_data_sources_are_provisioned() -> None:
    """Grafana took every file, without a login, and opens on the overview."""
    found = {board["uid"] for board in get(f"{GRAFANA}/api/search", type="dash-db")}
    assert {board["uid"] for board in boards().values()} <= found
    home = get(f"{GRAFANA}/api/dashboards/home")["dashboard"]
    assert home["title"] == boards()["overview"]["title"]


@pytest.mark.usefixtures("stack")
def test_a_log_line_and_its_trace_are_linked() -> None:
    """The trace_id of an error's line is a trace in Jaeger."""
    query = '{service_name="faultmaven-api"} | severity_number >= 17 | trace_id != ""'
    now = time.time_ns()

    def streams() -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = get(
            f"{LOKI}/query_range", query=query, limit=5, start=now - 3_600 * 10**9,
            end=time.time_ns(),
        )["data"]["result"]
        return result

    assert eventually(streams, 120, 5)
    trace_id = streams()[0]["stream"]["trace_id"]
    assert eventually(lambda: get(f"{JAEGER}/traces/{trace_id}")["data"], 60, 2)


@pytest.mark.usefixtures("stack")
def test_stock_image_writes_the_lines_of_the_collector_under_test(tmp_path: Path) -> None:
    """The image has its own text encoding: its lines are the same objects."""
    from test_parity import expected_lines  # noqa: PLC0415 - only where an engine runs

    expected = expected_lines()
    assert send_http(COLLECTOR, request_of(*expected.values())) == 200

    def found() -> dict[str, Any]:
        copy = tmp_path / "app.ndjson"
        compose("cp", "otelcol:/var/log/faultmaven/app.ndjson", str(copy))
        return {i: v for v in lines_of(copy) if (i := v.get("record_id")) in expected}

    eventually(lambda: set(found()) == set(expected), 30, 2)
    assert found() == expected


@pytest.mark.usefixtures("stack")
def test_loki_accepts_its_file() -> None:
    """Loki's own check of its configuration."""
    compose("run", "--rm", "--no-deps", "loki", "-config.file=/etc/loki/loki.yaml",
            "-verify-config")
