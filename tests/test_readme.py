"""README is true: its tables are current, its programs and commands do what it says."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from dirty_equals import IsInt, IsStr

from fm_otel.schema import check
from fm_otel.settings import table

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "tests" / "examples"
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCRIPTS = str(Path(sys.executable).parent)
HASH = re.compile(r"[^\w\- ]")
MARKERS = re.compile(r"^ +[~^]+\n", re.MULTILINE)
"""What points into a line of source: not every release of Python does it for every line."""

DISTRO = '''
from opentelemetry.instrumentation.distro import BaseDistro
from opentelemetry.sdk._configuration import _OTelSDKConfigurator

class Configurator(_OTelSDKConfigurator):
    pass

class Distro(BaseDistro):
    def _configure(self, **kwargs):
        pass
'''
ENTRY_POINTS = '''
[opentelemetry_distro]
distro = another_distro:Distro
[opentelemetry_configurator]
configurator = another_distro:Configurator
'''


def environment(**settings: str) -> dict[str, str]:
    """Give an environment without settings but for these, with the console scripts on PATH."""
    known = {item.metadata["variable"] for item in table().values()}
    kept = {
        name: value for name, value in os.environ.items()
        if name not in known and not name.startswith(("OTEL_", "FM_OTEL_", "LOG_"))
    }
    return {**kept, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", **settings}


def run(*command: str, cwd: Path = EXAMPLES, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        command, cwd=cwd, env=environment(**settings), text=True, capture_output=True,
        timeout=60, check=True,
    )


def records(text: str) -> list[dict[str, Any]]:
    """Parse lines, all of them valid, without those of the process itself."""
    parsed = [json.loads(line) for line in text.splitlines()]
    assert [check(record) for record in parsed] == [[]] * len(parsed)
    return [record for record in parsed if record["logger"] != "faultmaven.process"]


def block(after: str) -> str:
    """Give the fenced block that follows a text."""
    found = re.search(re.escape(after) + r".*?```\w*\n(.*?)```", README, re.DOTALL)
    assert found is not None, after
    return found[1]


def test_generated_parts_are_current() -> None:
    """A new setting, field or line of an example does not leave README behind."""
    run(sys.executable, str(ROOT / ".ci" / "readme"), "--check")


def test_links_lead_somewhere() -> None:
    """Files and sections that README points to are there."""
    heads = {HASH.sub("", head.lower()).replace(" ", "-")
             for head in re.findall(r"^#+ (.+)$", README, re.MULTILINE)}
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert len(links) > 5
    for link in links:
        if link.startswith("#"):
            assert link[1:] in heads
        else:
            assert (ROOT / link).exists(), link


def test_plain_line_before() -> None:
    """The first block is what the program prints without us."""
    [line] = run(sys.executable, "first_line.py").stderr.splitlines()
    shown = block("today:").strip()
    stamp = len("2026-11-25 15:27:07,474")
    assert line[stamp:] == shown[stamp:]


def test_schema_line_after() -> None:
    """The second block is the same event, field by field and in this order."""
    [record] = records(run("fm-otel", "run", "--", sys.executable, "first_line.py").stdout)
    shown = json.loads(block("wrapped here):"))
    assert list(record) == list(shown)
    for line in (record, shown):
        line["error"]["stack_trace"] = MARKERS.sub("", line["error"]["stack_trace"])
    assert record == {
        **shown,
        "timestamp": IsStr(regex=r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
        "hostname": socket.gethostname(),
        "record_id": IsStr(regex=r"[0-9a-f]{16}-2"),
        "pid": IsInt,
    }


def test_setup_commands() -> None:
    """The two commands of the first screen start things that exist."""
    first, second = block("no configuration:").splitlines()
    assert first.startswith("python3 -m venv .venv && .venv/bin/pip install -q '.[demo]' && ")
    name, subcommand = first.rpartition(" && ")[2].split()
    assert (Path(SCRIPTS) / Path(name).name).exists()
    run(Path(name).name, subcommand, "--help")
    assert os.access(ROOT / second, os.X_OK)


@pytest.mark.parametrize("commands", re.findall(r"<!-- run -->\n```\n(.*?)```", README, re.DOTALL))
def test_commands_run_as_written(commands: str, tmp_path: Path) -> None:
    """Blocks of commands work in a row, and nothing they print is a complaint."""
    done = run("sh", "-ec", commands, cwd=tmp_path)
    assert "1 file, 3 lines: every line is valid, no secrets" in README
    assert "1 file, 3 lines: every line is valid, no secrets" in done.stdout
    assert "hello" in done.stdout
    assert not done.stderr


SESSION = {"logger": "faultmaven.session", "message": "Session created", "session_id": "s1"}
LOADED = {"logger": "faultmaven.main", "message": "Loaded", "session_id": "s1", "runbooks": 12}
MIGRATIONS = {
    "basic_config.py": {
        "logger": "faultmaven.main", "message": "Loaded 12 runbooks", "source": "disk",
        "function": "<module>",
    },
    "era_a_own_formatter.py": SESSION,
    "era_b_structlog_json.py": SESSION,
    "era_c_processor_formatter.py": SESSION,
    "json_logger_before.py": LOADED,
    "json_logger.py": LOADED,
    "otel_distro.py": {
        "logger": "faultmaven.main", "message": "Query answered", "tokens_used": 500,
        "trace_id": IsStr(regex="[0-9a-f]{32}"),
    },
}


@pytest.mark.parametrize("name", MIGRATIONS)
def test_migration_launched(name: str) -> None:
    """A program of another era gives each record once, with its fields, without a change."""
    assert f"tests/examples/{name}" in README
    done = run("fm-otel", "run", "--", sys.executable, name)
    [record] = records(done.stdout)
    assert {key: record.get(key) for key in MIGRATIONS[name]} == MIGRATIONS[name]
    assert (record["level"], record["module"]) == ("INFO", name.removesuffix(".py"))
    assert "extra" not in record
    assert not done.stderr


def test_formatter_alone() -> None:
    """python-json-logger's users get the schema by one line, without a launcher."""
    [record] = records(run(sys.executable, "json_logger.py").stdout)
    assert {key: record.get(key) for key in LOADED} == LOADED


@pytest.mark.parametrize("selected", [True, False])
def test_launch_beside_another_distribution(selected: bool, tmp_path: Path) -> None:
    """With the two variables ours is chosen; without them the log side still works, and says so.

    The other distribution has the entry points and base classes of opentelemetry-distro.
    """
    (tmp_path / "another_distro.py").write_text(DISTRO)
    info = tmp_path / "another_distro-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: another-distro\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    chosen = "fm_otel" if selected else ""
    done = run(
        "opentelemetry-instrument", sys.executable, "otel_distro.py", PYTHONPATH=str(tmp_path),
        OTEL_PYTHON_DISTRO=chosen or "distro", OTEL_PYTHON_CONFIGURATOR=chosen or "configurator",
        OTEL_TRACES_EXPORTER="none", OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none",
    )
    # Upstream's handler starts a thread at the exit, which Python 3.12 refuses; that is told, too.
    refused = "Exception ignored in atexit callback shutdown"
    [record] = [r for r in records(done.stdout) if r["message"] != refused]
    assert record["message"] == "Query answered"
    assert ("OTEL_PYTHON_DISTRO=fm_otel" in done.stderr) is not selected


def test_service_example() -> None:
    """The Python example's fields stand where README says."""
    done = run(sys.executable, "service.py")
    phase, start, milestone, end, shared = records(done.stdout)
    assert phase["event"] == "faultmaven.agent.phase_transition"
    assert start["event"] == "faultmaven.operation.start"
    assert milestone["milestone"] == "data_validated"
    assert (end["outcome"], end["tokens_used"], end["cache_hit"]) == ("ok", 500, False)
    assert {r["data_type"] for r in (start, milestone, end)} == {"log_file"}
    assert shared["audit"]["actor"] == "user_789"
    assert all(r["session_id"] == "session_123456" for r in (phase, start, milestone, end, shared))


def test_sanitizer_and_rules_example() -> None:
    """The customer's rules and sanitizer both apply."""
    done = run(sys.executable, "sanitizer.py", FM_OTEL_REDACT_RULES="redact.toml")
    [record] = records(done.stdout)
    assert record["message"] == "[project]: case EMP-[REDACTED:employee_id] opened"
    assert not done.stderr


def test_fixture_example(tmp_path: Path) -> None:
    """The test shown in README passes where only the package's plugin is there."""
    shutil.copy(EXAMPLES / "test_checkout.py", tmp_path)
    done = run(sys.executable, "-m", "pytest", "-q", cwd=tmp_path)
    assert "1 passed" in done.stdout


def free_port() -> int:
    """Give a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str, deadline: float) -> int:
    """Ask until somebody answers."""
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            assert time.monotonic() < deadline, "nobody answers"
            select.select([], [], [], 0.1)
        finally:
            connection.close()


@pytest.fixture
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[dict[str, Any]]]:
    """Start a server by README's command, ask it once, end it; give the records."""
    port = free_port()
    out = tmp_path / "stdout"
    with out.open("w") as stdout:
        process = subprocess.Popen(
            request.param.replace("8000", str(port)).split(), cwd=EXAMPLES, stdout=stdout,
            stderr=subprocess.DEVNULL, env=environment(), start_new_session=True,
        )
        try:
            assert get(port, "/cases/case_1", time.monotonic() + 60) == 200
            # A development server ends without waiting for the thread that has just answered, and
            # the request's record comes behind the answer.
            deadline = time.monotonic() + 30
            while '"faultmaven.request"' not in out.read_text():
                assert time.monotonic() < deadline, "no record of the request"
                select.select([], [], [], 0.02)
            process.send_signal(signal.SIGTERM)
            # A worker of gunicorn that is just being forked misses the signal, with and without
            # us, and its master waits 30 seconds for it.
            process.wait(50)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    lines = out.read_text().splitlines()
    if "flask --app" in request.param or "runserver" in request.param:
        lines = [line for line in lines if line.startswith("{")]
    yield records("\n".join(lines))


@pytest.mark.parametrize(
    "served", block("<!-- commands: servers -->").splitlines(), indirect=True, ids=str,
)
def test_server_started_as_written(served: list[dict[str, Any]]) -> None:
    """Each server gives the application's record and the request record, under one id."""
    [read] = [r for r in served if r["logger"] == "faultmaven.cases"]
    [asked] = [r for r in served if r["logger"] == "faultmaven.request"]
    assert read["message"] == "Case read"
    assert (asked["http"]["method"], asked["http"]["status"]) == ("GET", 200)
    assert "case_id" in asked["http"]["route"]
    assert read["correlation_id"] == asked["correlation_id"]
    assert read["trace_id"] == asked["trace_id"]
