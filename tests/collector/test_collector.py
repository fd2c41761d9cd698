"""The shipped collector configurations: valid, quiet at start, private, never out of date."""

from __future__ import annotations

import contextlib
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from conftest import ROOT, lines_with, tool
from otlp_requests import line, request_of, send_http
from stack_parts import COLLECTOR, Collector, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIGS: Final = (
    "otelcol", "otelcol+secure", "otelcol+gateway", "otelcol+gateway+secure",
    "otelcol+gateway+gateway-kafka", "agent", "agent+secure", "agent+agent-kafka",
)
SWITCHES: Final = {"FM_TOKEN_FILE": "token", "FM_TLS_CERT": "cert.pem", "FM_TLS_KEY": "key.pem"}


def files_of(configs: str) -> list[str]:
    """Name the files of one way to start."""
    return [f"{name}.yaml" for name in configs.split("+")]


def test_generated_files_are_current() -> None:
    """A change of a table without its generated files is noticed."""
    check = [sys.executable, str(ROOT / ".ci" / "generate"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_no_debug_exporter() -> None:
    """Nothing shipped prints telemetry."""
    texts = [path.read_text(encoding="utf-8") for path in COLLECTOR.glob("*.yaml")]
    assert not [text for text in texts if re.search(r"^\s+debug\b", text, re.MULTILINE)]


def test_every_default_address_is_loopback() -> None:
    """What listens without being told where listens for this host only."""
    listening = re.compile(r"\$\{env:FM_(?:OTLP|METRICS|SELF|HEALTH|JAEGER_)\w*:-([0-9.]+):?\d*\}")
    for name in ("otelcol.yaml", "agent.yaml", "jaeger.yaml"):
        found = listening.findall((COLLECTOR / name).read_text(encoding="utf-8"))
        hosts = {host for host in found if "." in host}
        assert hosts == {"127.0.0.1"}, name


@pytest.mark.stack
@pytest.mark.parametrize("configs", CONFIGS)
def test_configuration_is_valid(otelcol: Path, tmp_path: Path, configs: str) -> None:
    """The collector's own check accepts every shipped way to start."""
    part = Collector(
        tmp_path, files_of(configs), environment={k: str(tmp_path / v) for k, v in SWITCHES.items()}
    )
    validate = [str(otelcol), "validate", *part.command[1:]]
    done = subprocess.run(
        validate, env=part.environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.stack
def test_jaeger_configuration_is_valid() -> None:
    """Jaeger's own check accepts the shipped configuration."""
    validate = [str(tool("jaeger")), "validate", f"--config={COLLECTOR / 'jaeger.yaml'}"]
    done = subprocess.run(validate, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.stack
@pytest.mark.parametrize("configs", ["otelcol", "otelcol+gateway", "agent"])
def test_start_logs_no_warning(
    start_collector: Callable[..., Collector], configs: str
) -> None:
    """Old names and keys only warn at start: there is no warning."""
    collector = start_collector(
        files_of(configs),
        environment={"FM_GATEWAY_PLAINTEXT": "true", "FM_GATEWAY": "dns:///localhost:9"},
    )
    collector.stop()
    loud = re.findall(
        r"^\S+\t(?:warn|error)\t.*", collector.log.read_text(encoding="utf-8"), re.MULTILINE
    )
    # Nobody is behind this one: its gRPC client says so.
    assert not [entry for entry in loud if '"grpc_log": true' not in entry]


@pytest.mark.stack
def test_files_are_private(start_collector: Callable[..., Collector]) -> None:
    """Other users reach neither lines nor queues: the folders are closed to them."""
    collector = start_collector()
    record = line()
    send_http(collector.http, request_of(record))
    assert lines_with(collector.file, {record["record_id"]})
    eventually(lambda: any(collector.queue.iterdir()), 5)
    folders = [collector.file.parent, collector.queue]
    assert [stat.S_IMODE(path.stat().st_mode) & 0o007 for path in folders] == [0, 0]


@pytest.mark.stack
def test_nothing_listens_beyond_loopback(start_collector: Callable[..., Collector]) -> None:
    """Every listening socket of the collector is bound to 127.0.0.1."""
    collector = start_collector()
    assert collector.process is not None
    bound = listening_addresses(collector.process.pid)
    assert len(bound) == 5
    assert set(bound) == {"127.0.0.1"}


def listening_addresses(pid: int) -> list[str]:
    """Read from the kernel what a process listens on."""
    links = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        # A file that was closed since the listing listens on nothing.
        with contextlib.suppress(FileNotFoundError):
            links.append(str(descriptor.readlink()))
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    rows = [
        row.split()
        for table in ("tcp", "tcp6")
        for row in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]
    ]
    local = [row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes]
    return [spelled(address) for address in local]


def spelled(address: str) -> str:
    """Spell the kernel's address out."""
    if len(address) == 8:
        return socket.inet_ntoa(bytes.fromhex(address)[::-1])
    words = [bytes.fromhex(address[n:n + 8])[::-1] for n in range(0, 32, 8)]
    return socket.inet_ntop(socket.AF_INET6, b"".join(words))
