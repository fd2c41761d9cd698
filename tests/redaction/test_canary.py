"""No secret that a program plants reaches anything that leaves the process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.otlp_receiver import OtlpReceiver

ROOT = Path(__file__).parents[2]
PROGRAM = "tests.redaction.unseen.canary"
CANARY = re.compile(rb"cnry\w*|Y25yeT\w*|NucnkZ?\w*")
SECRET_ENVIRONMENT = {
    "OTEL_RESOURCE_ATTRIBUTES": "owner=password=cnry00Xk7Qp,db.dsn=redis://:cnry00Xk7Qp@cache/0",
    "OTEL_EXPORTER_OTLP_HEADERS": "x-api-key=cnry00Xk7QpZz91",
    "FM_OTEL_PSEUDONYM_KEY": "cnry00-too-short",
    "LOG_SAMPLE_RATE": "password=cnry00Xk7Qp",
}


class Keeping(OtlpReceiver):
    """Keeps what it was sent, as it arrived."""

    def start(self) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        super().start()

    def receive(self, path: str, body: bytes, *rest: Any) -> tuple[str, bytes]:
        self.bodies.append((path, body))
        return super().receive(path, body, *rest)


def run(folder: Path, endpoint: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "LOG_", "FM_OTEL_"))}
    environment |= SECRET_ENVIRONMENT | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "LOG_FILE": str(folder / "app.log"), "FM_OTEL_AUDIT_FILE": str(folder / "audit.log"),
        "FM_OTEL_SPOOL_DIR": str(folder / "spool"), "PYTHONPATH": str(ROOT), "FM_OTEL_EXIT_TIMEOUT_MS": "5000",
    }
    return subprocess.run(
        [sys.executable, "-m", PROGRAM, *arguments], cwd=ROOT, env=environment, capture_output=True, timeout=90, check=False
    )


def leaks_in(text: bytes) -> list[bytes]:
    return [text[max(0, m.start() - 80) : m.end() + 40] for m in CANARY.finditer(text)]


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_no_planted_secret_leaves_by_any_way(tmp_path: Path) -> None:
    """Console, files, OTLP logs, spans and metrics, diagnostics and crashes are clean, and full."""
    with Keeping() as receiver:
        done = run(tmp_path, receiver.http_endpoint, "crash")
        receiver.wait_for(len(done.stdout.splitlines()))
    assert done.returncode == 1
    ways = {"stdout": done.stdout, "stderr": done.stderr, **files_in(tmp_path)}
    ways |= {f"{path} {number}": body for number, (path, body) in enumerate(receiver.bodies)}
    assert {path for path, _ in receiver.bodies} >= {"/v1/logs", "/v1/traces"}
    assert {name: leaks_in(text) for name, text in ways.items() if CANARY.search(text)} == {}
    for place in (*range(1, 21), 40, 44, 45, 46, 50, 67, 70, 80, 99):
        assert f"place-{place:02d}".encode() in done.stdout


@pytest.mark.slow
def test_no_planted_secret_stays_on_disk_when_nobody_listens(tmp_path: Path) -> None:
    """What waits, what is told about the failing receiver and what is kept is as clean."""
    done = run(tmp_path, "http://127.0.0.1:9")
    assert b"place-99" in done.stdout
    assert b"127.0.0.1:9" in done.stderr
    ways = {"stdout": done.stdout, "stderr": done.stderr, **files_in(tmp_path)}
    assert {name: leaks_in(text) for name, text in ways.items() if CANARY.search(text)} == {}
