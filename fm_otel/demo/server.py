"""The demo API as a child process under zero-code launch."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Final, Self

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LAUNCH: Final = (sys.executable, "-m", "fm_otel.cli", "run", "--", sys.executable)
"""Zero-code launch of the interpreter that runs us."""

_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.05
_OURS: Final = ("LOG_", "FM_OTEL_", "OTEL_")
_TO_COLLECTOR: Final = "OTEL_EXPORTER_OTLP_"


class NotStartedError(Exception):
    """The server ended, or did not answer, before it was asked for anything."""


class Server:
    """Runs the API on a free port of the loopback and hands out its output line by line."""

    def __init__(self, environ: Mapping[str, str], on_line: Callable[[bytes], None]) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._environ = dict(environ)
        self._on_line = on_line

    def __enter__(self) -> Self:
        """Start the server and wait until it answers."""
        self._process = subprocess.Popen(
            [*LAUNCH, *command("127.0.0.1", self._port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=self._environ,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._wait_until_healthy()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server if it still runs."""
        self.stop()

    def stop(self) -> int:
        """Ask the server to end as an orchestrator does; return its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._reader.join(_STOP_SECONDS)
        return code

    def _read(self) -> None:
        output = self._process.stdout
        assert output is not None
        with output:
            for line in output:
                self._on_line(line)

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                msg = f"the server ended with exit code {self._process.returncode}"
                raise NotStartedError(msg)
            if _answers(self.url):
                return
            time.sleep(_POLL_SECONDS)
        msg = f"the server did not answer within {_START_SECONDS:g} s"
        raise NotStartedError(msg)


def command(host: str, port: int) -> list[str]:
    """Return the arguments that make a Python interpreter serve the demo API."""
    return ["-m", "uvicorn", "fm_otel.demo.app:app", "--host", host, "--port", str(port)]


def environment(collector: str | None) -> dict[str, str]:
    """Return our environment without logging settings: the demo shows what nothing gives.

    With a collector the user's OTLP settings stay, because headers and certificates may be
    needed to reach it.
    """
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith(_OURS) or (collector and k.startswith(_TO_COLLECTOR))}
    kept |= {"ENVIRONMENT": "demo"}
    return kept | ({"OTEL_EXPORTER_OTLP_ENDPOINT": collector} if collector else {})


def free_port() -> int:
    """Return a port of the loopback nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=1).is_success
    except httpx.HTTPError:
        return False
