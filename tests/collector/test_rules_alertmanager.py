"""From a log record to a message: the shipped rules and routes in the real programs."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest
import yaml
from conftest import running, tool
from otlp_requests import line, request_of, send_http
from queries import COLLECTOR, ROOT
from stack_parts import Alertmanager, Prometheus, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stack_parts import Collector

pytestmark = pytest.mark.stack

Json = dict[str, Any]

SERVICE: Final = "svc-alerts"


class Inbox(ThreadingHTTPServer):
    """What each receiver was told, in the order of arrival."""

    def __init__(self) -> None:
        """Listen on the loopback address."""
        super().__init__(("127.0.0.1", 0), _Receive)
        self.alerts: list[tuple[str, Json]] = []

    def told(self, receiver: str, alert: str, status: str) -> list[Json]:
        """Give the messages about one alert that went to one receiver."""
        return [
            found
            for to, found in list(self.alerts)
            if (to, found["labels"]["alertname"], found["status"]) == (receiver, alert, status)
            and found["labels"].get("service_name") == SERVICE
        ]


class _Receive(BaseHTTPRequestHandler):
    server: Inbox

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.alerts += [(message["receiver"], alert) for alert in message["alerts"]]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    """Run a receiver of messages."""
    server = Inbox()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def alertmanager(
    tmp_path_factory: pytest.TempPathFactory, inbox: Inbox
) -> Iterator[Alertmanager]:
    """Run Alertmanager with the shipped routes, its receivers connected, its waits shortened."""
    tool("alertmanager")
    folder = tmp_path_factory.mktemp("alertmanager")
    config = yaml.safe_load((COLLECTOR / "alertmanager.yml").read_text("utf-8"))
    for receiver in config["receivers"]:
        url = f"http://127.0.0.1:{inbox.server_port}/"
        receiver["webhook_configs"] = [{"url": url, "send_resolved": True}]
    text = re.sub(r"(group_wait|group_interval): \S+", r"\1: 1s", yaml.safe_dump(config))
    path = folder / "alertmanager.yml"
    path.write_text(text, "utf-8")
    yield from running(Alertmanager(folder, path))


@pytest.fixture(scope="module")
def alerting(
    tmp_path_factory: pytest.TempPathFactory, collector: Collector, alertmanager: Alertmanager
) -> Iterator[Prometheus]:
    """Run Prometheus with the shipped rules on the collector, minutes shortened to seconds.

    The windows of the expressions stay; what makes an alert wait before and after is shortened,
    and the windows end early enough that it resolves while the test looks.
    """
    tool("prometheus")
    targets = {
        "otelcol:9464": collector.metrics.split("/")[2],
        "otelcol:8888": collector.own_metrics.split("/")[2],
        "alertmanager:9093": alertmanager.url.split("/")[2],
        "_interval: 15s": "_interval: 1s",
    }
    prometheus = Prometheus(tmp_path_factory.mktemp("alerting"), targets)
    shorten(prometheus.log.parent / "prometheus" / "rules")
    yield from running(prometheus)


def shorten(folder: Path) -> None:
    """Make minutes seconds in the rules."""
    for path in folder.glob("*.yml"):
        text = path.read_text("utf-8")
        text = re.sub(r"((?:keep_firing_)?for): \d+m", r"\1: 1s", text)
        text = re.sub(r"\[(\d+)m\]", "[15s]", text)
        path.write_text(re.sub(r"offset (\d+)m", "offset 5s", text), "utf-8")


def send(collector: Collector, count: int, **fields: object) -> None:
    """Send some records of the service under test."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    each = line(timestamp=moment, service=SERVICE, environment="prod", **fields)
    request = request_of(*[each] * count)
    assert send_http(collector.http, request) == 200


def known_to(prometheus: Prometheus) -> None:
    """Wait until Prometheus has scraped the collector for longer than the rules look back."""
    query = quote('up{job="faultmaven"} offset 6s == 1')
    url = f"{prometheus.url}/api/v1/query?query={query}"
    assert eventually(lambda: get(url)["data"]["result"], 30, 0.2)


def get(url: str) -> Any:  # noqa: ANN401 - JSON
    """Ask an HTTP API."""
    with urllib.request.urlopen(url, timeout=5) as response:
        return json.load(response)


def test_errors_reach_the_receiver_of_their_route_and_resolve(
    alerting: Prometheus, collector: Collector, inbox: Inbox
) -> None:
    """A burst of one code: its alert and the share of errors fire, say where to look, resolve."""
    known_to(alerting)
    send(collector, 80)
    send(collector, 20, level="ERROR",
         error={"error_code": "REDIS_CONNECTION_FAILED", "type": "ConnectionError"})
    assert eventually(lambda: inbox.told("team", "ErrorCodeFrequent", "firing"), 30)
    alert = inbox.told("team", "ErrorCodeFrequent", "firing")[0]
    assert alert["labels"] == {
        "alertname": "ErrorCodeFrequent", "service_name": SERVICE, "severity": "warning",
        "deployment_environment_name": "prod", "area": "errors", "category": "INFRA",
        "error_code": "REDIS_CONNECTION_FAILED",
        "faultmaven_error_code": "REDIS_CONNECTION_FAILED",
    }
    assert alert["annotations"] == {
        "summary": f"REDIS_CONNECTION_FAILED at {SERVICE}: Redis cannot be reached",
        "description": "20 in 15 minutes, limit 5 (INFRA_001).",
        "logs": f'{{service_name="{SERVICE}"}} | faultmaven_error_code="REDIS_CONNECTION_FAILED"',
    }
    assert eventually(lambda: inbox.told("team", "ErrorCodeFrequent", "resolved"), 60)


def test_critical_code_reaches_the_pager(
    alerting: Prometheus, collector: Collector, inbox: Inbox
) -> None:
    """One refusal of the provider's key is enough, and goes elsewhere than a warning."""
    known_to(alerting)
    send(collector, 1, level="CRITICAL",
         error={"error_code": "LLM_AUTHENTICATION_FAILED", "type": "E"})
    assert eventually(lambda: inbox.told("pager", "ErrorCodeFrequent", "firing"), 30)
    codes = {a["labels"]["error_code"]
             for a in inbox.told("pager", "ErrorCodeFrequent", "firing")}
    assert codes == {"LLM_AUTHENTICATION_FAILED"}


def test_security_events_reach_their_receiver_and_a_burst_silences_the_single(
    alerting: Prometheus, collector: Collector, alertmanager: Alertmanager, inbox: Inbox
) -> None:
    """Thirty refused logins page as one burst; the quieter alert about them is inhibited."""
    known_to(alerting)
    send(collector, 30, level="WARNING", event="faultmaven.audit",
         audit={"action": "login_failed", "category": "authentication", "outcome": "failure"})
    assert eventually(lambda: inbox.told("security", "SecurityEventBurst", "firing"), 30)
    alert = inbox.told("security", "SecurityEventBurst", "firing")[0]
    assert alert["labels"]["severity"] == "critical"
    assert alert["labels"]["faultmaven_audit_category"] == "authentication"
    assert {
        found["status"]["state"]
        for found in get(f"{alertmanager.url}/api/v2/alerts")
        if found["labels"]["alertname"] == "SecurityEvent"
        and found["labels"].get("service_name") == SERVICE
    } == {"suppressed"}
    assert eventually(lambda: inbox.told("security", "SecurityEventBurst", "resolved"), 60)


def test_health_checks_of_the_compose_file_answer(
    alerting: Prometheus, alertmanager: Alertmanager
) -> None:
    """The commands that the containers are asked with succeed while they work, not else."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    asked = (("prometheus", "9090", alerting.url), ("alertmanager", "9093", alertmanager.url))
    for name, port, url in asked:
        _, program, *arguments = compose[name]["healthcheck"]["test"]
        for address, healthy in ((url, True), ("http://127.0.0.1:9", False)):
            words = [word.replace(f"http://127.0.0.1:{port}", address) for word in arguments]
            done = subprocess.run(
                [tool(program), *words], capture_output=True, check=False, timeout=60,
            )
            assert (done.returncode == 0) is healthy, (name, done.stderr)
