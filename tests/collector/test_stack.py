"""The stack command: starts every program, says where, stops them all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import stack_tools
from conftest import ROOT, lines_with, tool
from otlp_requests import line, request_of, send_http
from stack_parts import eventually
from test_logstore import now

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, str(ROOT / ".ci" / "stack"), "--json", "--any-ports"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """Run the command."""
    tool("prometheus")
    folder = tmp_path_factory.mktemp("command")
    with subprocess.Popen(
        [*COMMAND, f"--folder={folder}"], stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        if process.poll() is None:
            process.terminate()


@pytest.fixture(scope="module")
def facts(stack: subprocess.Popen[str]) -> dict[str, Any]:
    """Read the one object it prints."""
    assert stack.stdout is not None
    return dict(json.loads(stack.stdout.readline()))


def fetched(url: str) -> str:
    """GET a text."""
    with urllib.request.urlopen(url, timeout=5) as response:
        return str(response.read().decode())


@pytest.mark.stack
def test_a_record_reaches_every_end(facts: dict[str, Any]) -> None:
    """One record sent to the printed address is in the file, the store and Prometheus."""
    record = line(service=f"cmd-{secrets.token_hex(4)}", timestamp=now())
    assert send_http(facts["otlp_http"], request_of(record)) == 200
    assert lines_with(Path(facts["log_file"]), {record["record_id"]})
    query = urllib.parse.urlencode({"query": f'{{service.name="{record["service"]}"}}'})
    store = f"{facts['logstore']}/select/logsql/query?{query}"
    assert eventually(lambda: record["record_id"] in fetched(store), 15)
    query = urllib.parse.urlencode({"query": "up"})
    targets = f"{facts['prometheus']}/api/v1/query?{query}"
    # The scrape interval is the shipped one, fifteen seconds.
    assert eventually(lambda: fetched(targets).count(',"1"]') == 2, 40, 0.5)
    assert "cmd-" in fetched(facts["metrics"])


@pytest.mark.stack
def test_it_names_files_and_programs(facts: dict[str, Any]) -> None:
    """Addresses are on loopback; logs and binaries exist."""
    urls = [v for v in facts.values() if isinstance(v, str) and v.startswith("http")]
    assert {urllib.parse.urlparse(url).hostname for url in urls} == {"127.0.0.1"}
    assert len(urls) == 8
    paths = [*facts["logs"].values(), *facts["binaries"].values()]
    assert [path for path in paths if not Path(path).exists()] == []


@pytest.mark.stack
def test_ctrl_c_stops_everything(
    stack: subprocess.Popen[str], facts: dict[str, Any]
) -> None:
    """After Ctrl-C none of the programs is left."""
    stack.send_signal(signal.SIGINT)
    assert stack.wait(30) == 0
    left = [name for name, pid in facts["pids"].items() if Path(f"/proc/{pid}").exists()]
    assert left == []


def test_without_go_one_line_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without Go is told what to install, in one line."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(stack_tools.MissingToolError) as missing:
        stack_tools.binary("otelcol")
    assert "Go" in str(missing.value)
    assert "\n" not in str(missing.value)


def test_a_program_on_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is built where a program is there already."""
    there = tmp_path / "promtool"
    there.write_text("#!/bin/sh\n")
    there.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert stack_tools.binary("promtool") == there


def test_digest_follows_the_pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A moved pin is another build; the same pins are the same."""
    if not shutil.which("go"):
        pytest.skip("needs Go")
    shutil.copytree(stack_tools.SOURCES, tmp_path / "tools")
    before = stack_tools.digest("amtool"), stack_tools.digest("otelcol")
    monkeypatch.setattr(stack_tools, "SOURCES", tmp_path / "tools")
    assert (stack_tools.digest("amtool"), stack_tools.digest("otelcol")) == before
    with (tmp_path / "tools" / "amtool" / "go.mod").open("a") as pins:
        pins.write("// moved\n")
    assert stack_tools.digest("amtool") != before[0]
    assert stack_tools.digest("otelcol") == before[1]
