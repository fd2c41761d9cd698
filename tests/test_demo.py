"""The demo keeps its promises, and notices when one is broken."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from typing import Any

import pytest

from fm_otel.cli import demo as command
from fm_otel.cli import main
from fm_otel.cli.secrets import SecretSearch
from fm_otel.demo.scenario import Step
from fm_otel.demo.server import environment, free_port
from fm_otel.demo.store import PHASES
from fm_otel.demo.summary import Summary
from fm_otel.schema import check
from tests.otlp_receiver import OtlpReceiver

CLI = [sys.executable, "-m", "fm_otel.cli"]
STEPS = [Step("s", 200, 200)]


def record(seq: int, **fields: object) -> dict[str, Any]:
    return {
        "timestamp": "2024-01-15T10:30:45.123Z", "level": "INFO", "logger": "faultmaven.api",
        "message": "m", "service": "s", "environment": "e", "version": "1", "hostname": "h",
        **fields, "record_id": f"r-{seq}", "seq": seq, "pid": 7,
    }


def sound() -> list[dict[str, Any]]:
    ids = {"correlation_id": "c1", "trace_id": "a" * 32, "span_id": "b" * 16}
    return [
        *(record(n, agent_phase=phase) for n, phase in enumerate(PHASES, start=1)),
        record(6, event="faultmaven.request", user_id="u1", **ids),
        record(7, event="faultmaven.process.stop", counts={"created": 7, "dropped": {}}),
    ]


def broken(lines: list[dict[str, Any]], steps: list[Step] = STEPS, leaked: int = 0) -> list[str]:
    summary, search = Summary(), SecretSearch()
    for line in lines:
        summary.add(json.dumps(line), search)
    return [p.text for p in summary.promises(steps, leaked, 2) if not p.kept]


def test_a_sound_run_keeps_every_promise() -> None:
    """The baseline of the cases below."""
    assert broken(sound()) == []


def _without(index: int) -> list[dict[str, Any]]:
    lines = sound()
    del lines[index]
    return lines


def _changed(index: int, **fields: object) -> list[dict[str, Any]]:
    lines = sound()
    lines[index].update(fields)
    return lines


CASES = {
    "phase missing": (_changed(0, agent_phase="observe"), ["4 of 5 agent phases seen"]),
    "record lost": ([*_without(5)[:-1], sound()[-1]], [
        "0% of 0 request records correlated: trace id and correlation id",
        "0 of 0 traces keep their correlation id across service borders", "1 records lost"]),
    "told of drops": (_changed(6, counts={"dropped": {"queue_full": 2}}), ["2 records lost"]),
    "no closing record": (_without(6), ["0 records lost, but the closing record is missing"]),
    "not by the schema": (_changed(5, line="x"), ["86% of 7 lines valid by the schema"]),
    "a secret": (_changed(5, reason="password=hunter2xyz"),
                 ["secrets found: 1; planted 2, came out 0"]),
    "torn": ([*sound()[:-1], record(7, trace_id="a" * 32, correlation_id="c2"),
              {**sound()[-1], "seq": 8}],
             ["0 of 1 traces keep their correlation id across service borders"]),
    "mixed": ([*sound()[:-1], record(7, correlation_id="c1", user_id="u2"),
               {**sound()[-1], "seq": 8}], ["1 requests with the context of another"]),
}


@pytest.mark.parametrize(("lines", "texts"), CASES.values(), ids=CASES)
def test_each_broken_promise_is_told(lines: list[dict[str, Any]], texts: list[str]) -> None:
    """A demo that cannot fail shows nothing."""
    assert broken(lines) == texts


def test_wrong_answers_and_leaks_break_promises() -> None:
    """What the driver saw counts too."""
    assert broken(sound(), steps=[Step("s", 200, 500)]) == ["0 of 1 requests answered as expected"]
    assert broken(sound(), leaked=1) == ["secrets found: 0; planted 2, came out 1"]


def test_settings_of_the_user_do_not_change_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows what an unconfigured program gives; with a collector, what reaches it stays."""
    monkeypatch.setenv("LOG_LEVEL", "CRITICAL")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "k=v")
    assert not {"LOG_LEVEL", "OTEL_EXPORTER_OTLP_HEADERS"} & environment(None).keys()
    sent = environment("http://127.0.0.1:4318")
    assert sent["OTEL_EXPORTER_OTLP_HEADERS"] == "k=v"
    assert sent["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4318"


def test_a_missing_extra_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command to run is in it."""
    monkeypatch.setattr(command, "_NEEDED", ("no_such_framework",))
    assert main(["demo"]) == 2
    assert capsys.readouterr().err == (
        "fm-otel demo: no_such_framework not installed; pip install 'fm-otel[demo]'\n")


@pytest.mark.timeout(180)
def test_demo_runs_and_keeps_its_promises() -> None:
    """The main job, as the first command of the README starts it."""
    done = subprocess.run([*CLI, "demo", "--json"], capture_output=True, text=True, timeout=150,
                          check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [finding for line in lines for finding in check(line)] == []
    codes = {line["error"].get("error_code") for line in lines if "error" in line}
    assert codes >= {"LLM_PROVIDER_ERROR", "REDIS_CONNECTION_FAILED", "VALIDATION_FAILED",
                     "AUTHENTICATION_FAILED", "SESSION_EXPIRED", "CASE_NOT_FOUND"}
    audits = [line["audit"]["action"] for line in lines if "audit" in line]
    assert audits == ["login_failed", "login", "case_shared"]
    assert any("[REDACTED:url_password]" in line["message"] for line in lines)
    crash = next(line for line in lines if line.get("http", {}).get("status") == 500)
    assert crash["http"]["route"] == "/api/v1/data/{data_id}/analyze"
    stacks = [line["error"].get("stack_trace", "") for line in lines if "error" in line]
    assert any("KeyError: 'frames'" in stack and "memory dump has no frames" in stack
               for stack in stacks)
    assert "BROKEN" not in done.stderr
    assert re.search(r"p50 \d+\.\d us for the caller", done.stderr)


@pytest.mark.timeout(180)
def test_a_collector_gets_the_same_records() -> None:
    """--collector sends every line by OTLP too; the closing record is among them."""
    with OtlpReceiver() as receiver:
        done = subprocess.run([*CLI, "demo", "--json", "--collector", receiver.http_endpoint],
                              capture_output=True, text=True, timeout=150, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        records = receiver.wait_for(len(lines))
    assert {record["attributes"]["log.record.uid"] for record in records} == {
        line["record_id"] for line in lines}


@pytest.mark.timeout(120)
def test_serve_and_load_work_as_two_processes() -> None:
    """The load source of a collector stack: one serves for ever, one drives at a rate."""
    port = free_port()
    server = subprocess.Popen([*CLI, "demo", "--serve", "--port", str(port)],
                              stdout=subprocess.PIPE, text=True)
    reader = Reader(server, 20)
    load = subprocess.Popen([*CLI, "demo", "--load", f"http://127.0.0.1:{port}", "--rate", "20"])
    try:
        assert reader.enough.wait(90), f"{len(reader.requests)} request records, {reader.odd}"
        assert load.poll() is None
        assert server.poll() is None
    finally:
        for process in (load, server):
            process.terminate()
            process.wait(30)
    reader.join(30)
    assert reader.odd == []
    routes = {line["http"]["route"] for line in reader.requests}
    assert {"/api/v1/sessions", "/api/v1/cases"} <= routes


class Reader(threading.Thread):
    """Reads a server's lines all the time: a full pipe would slow it down."""

    def __init__(self, server: subprocess.Popen[str], count: int) -> None:
        super().__init__(daemon=True)
        self.requests: list[dict[str, Any]] = []
        self.odd: list[str] = []
        self.enough = threading.Event()
        self._server = server
        self._count = count
        self.start()

    def run(self) -> None:
        output = self._server.stdout
        assert output is not None
        with output:
            for raw in output:
                self._take(raw)

    def _take(self, raw: str) -> None:
        try:
            line = json.loads(raw)
        except ValueError:
            self.odd.append(raw)
            return
        if line.get("event") == "faultmaven.request":
            self.requests.append(line)
        if len(self.requests) >= self._count:
            self.enough.set()


@pytest.mark.parametrize("rate", ["0", "-1", "many"])
def test_a_bad_rate_is_wrong_use(rate: str, capsys: pytest.CaptureFixture[str]) -> None:
    """argparse says which argument is meant."""
    with pytest.raises(SystemExit) as raised:
        main(["demo", "--rate", rate])
    assert raised.value.code == 2
    assert "--rate" in capsys.readouterr().err
