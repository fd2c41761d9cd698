"""The programs of the local stack as processes on loopback: start, wait until ready, stop."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TypeVar

from stack_tools import ROOT, binary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

COLLECTOR: Final = ROOT / "collector"
_T = TypeVar("_T")
_CLAIMED: Final[set[int]] = set()


def free_port(preferred: int = 0) -> int:
    """Give a port of the loopback address that nobody listens on, the preferred one if it may be.

    No port is given twice by one process. Ports are taken below the range from which the kernel
    gives clients theirs: a client that dials a program which is away could be given its port.
    """
    for wanted in (preferred, *random.sample(range(15_000, 32_000), 50)):
        if not wanted:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
        if wanted not in _CLAIMED:
            _CLAIMED.add(wanted)
            return wanted
    message = "no free port on the loopback address"
    raise RuntimeError(message)


def answers(url: str) -> bool:
    """Tell whether a GET is answered with success."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status < 300)
    except (OSError, urllib.error.URLError):
        return False


def eventually(look: Callable[[], _T], seconds: float = 30, pause: float = 0.05) -> _T:
    """Look again until the answer is true, or give the last answer at the deadline."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(pause)
    return found


class Part:
    """One running program; its output goes to ``<folder>/<name>.log``."""

    grace = 20.0

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        ready: str,
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Keep what a start needs."""
        self.name = name
        self.command = [str(word) for word in command]
        self.ready = ready
        self.log = folder / f"{name}.log"
        self.environment = dict(environment or {})
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = 60) -> Self:
        """Start the program and wait until it is ready."""
        self.launch()
        if not eventually(lambda: self.ended or answers(self.ready), seconds) or self.ended:
            self.stop()
            tail = self.log.read_text(errors="replace")[-3000:]
            message = f"{self.name} did not become ready; the end of its log:\n{tail}"
            raise RuntimeError(message)
        return self

    def launch(self) -> None:
        """Start the program without waiting."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | self.environment, start_new_session=True,
            )

    @property
    def ended(self) -> bool:
        """Tell whether the program is gone."""
        return self.process is None or self.process.poll() is not None

    def stop(self) -> None:
        """Ask the program to end; insist at the deadline."""
        self._end(signal.SIGTERM, self.grace)

    def kill(self) -> None:
        """End the program without notice."""
        self._end(signal.SIGKILL, 20)

    def _end(self, how: signal.Signals, seconds: float) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(how)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Collector(Part):
    """The collector with one of the shipped configurations, ports and files of its own."""

    def __init__(
        self,
        folder: Path,
        configs: Sequence[str | Path] = ("otelcol.yaml",),
        *,
        name: str = "otelcol",
        logstore: str = "http://127.0.0.1:9/none",
        jaeger: str = "127.0.0.1:9",
        preferred: bool = False,
        environment: Mapping[str, str] | None = None,
        configuration: Path = COLLECTOR,
    ) -> None:
        """Choose ports and files; ``preferred`` takes the well-known ports where they are free."""
        ports = (4317, 4318, 9464, 8888, 13133) if preferred else (0,) * 5
        grpc, http, metrics, own, health = (free_port(port) for port in ports)
        self.grpc, self.http = f"127.0.0.1:{grpc}", f"http://127.0.0.1:{http}"
        self.metrics = f"http://127.0.0.1:{metrics}/metrics"
        self.own_metrics = f"http://127.0.0.1:{own}/metrics"
        self.file = folder / name / "app.ndjson"
        self.queue = folder / name / "queue"
        settings = {
            # As otelcol.yaml recommends: fewer collections, bounded by the memory limit.
            "GOGC": "300",
            "GOMEMLIMIT": "800MiB",
            "FM_COLLECTOR_DIR": str(configuration),
            "FM_OTLP_GRPC": self.grpc,
            "FM_OTLP_HTTP": f"127.0.0.1:{http}",
            "FM_METRICS": f"127.0.0.1:{metrics}",
            "FM_SELF_METRICS_HOST": "127.0.0.1",
            "FM_SELF_METRICS_PORT": str(own),
            "FM_HEALTH": f"127.0.0.1:{health}",
            "FM_LOG_FILE": str(self.file),
            "FM_QUEUE_DIR": str(self.queue),
            "FM_LOGSTORE": logstore,
            "FM_JAEGER": jaeger,
        }
        paths = [configuration / config for config in configs]
        super().__init__(
            name,
            [binary("otelcol"), *(f"--config={path}" for path in paths)],
            f"http://127.0.0.1:{health}",
            folder,
            settings | dict(environment or {}),
        )


class Jaeger(Part):
    """Jaeger with the shipped configuration."""

    grace = 0.5  # it waits ten seconds before it ends, and keeps its traces in memory anyway

    def __init__(self, folder: Path, *, preferred: bool = False) -> None:
        """Choose ports."""
        wanted = (4327, 16686, 16685, 13134) if preferred else (0,) * 4
        otlp, page, grpc, health = (free_port(port) for port in wanted)
        self.otlp, self.url = f"127.0.0.1:{otlp}", f"http://127.0.0.1:{page}"
        super().__init__(
            "jaeger",
            [binary("jaeger"), f"--config={COLLECTOR / 'jaeger.yaml'}"],
            f"http://127.0.0.1:{health}/status",
            folder,
            {
                "FM_JAEGER_OTLP": self.otlp,
                "FM_JAEGER_UI": f"127.0.0.1:{page}",
                "FM_JAEGER_GRPC": f"127.0.0.1:{grpc}",
                "FM_JAEGER_HEALTH": f"127.0.0.1:{health}",
            },
        )


class LogStore(Part):
    """VictoriaLogs: the log store for machines without images."""

    def __init__(self, folder: Path, *, preferred: bool = False) -> None:
        """Choose the port and the folder."""
        port = free_port(9428 if preferred else 0)
        self.url = f"http://127.0.0.1:{port}"
        self.otlp = f"{self.url}/insert/opentelemetry"
        super().__init__(
            "victoria-logs",
            [
                binary("victoria-logs"), f"-httpListenAddr=127.0.0.1:{port}",
                f"-storageDataPath={folder / 'victoria-logs'}", "-retentionPeriod=7d",
                "-loggerLevel=WARN",
            ],
            f"{self.url}/health",
            folder,
        )


class Prometheus(Part):
    """Prometheus with the shipped scrape configuration and rules, targets on loopback."""

    def __init__(
        self, folder: Path, targets: Mapping[str, str], *, preferred: bool = False
    ) -> None:
        """Copy configuration and rules; ``targets`` gives the address of each name in them."""
        port = free_port(9090 if preferred else 0)
        self.url = f"http://127.0.0.1:{port}"
        home = folder / "prometheus"
        shutil.copytree(COLLECTOR / "rules", home / "rules", dirs_exist_ok=True)
        text = (COLLECTOR / "prometheus.yml").read_text(encoding="utf-8")
        for name, address in targets.items():
            text = text.replace(name, address)
        config = home / "prometheus.yml"
        config.write_text(text, encoding="utf-8")
        super().__init__(
            "prometheus",
            [
                binary("prometheus"), f"--config.file={config}",
                f"--storage.tsdb.path={home / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
                "--enable-feature=exemplar-storage", "--log.level=warn",
            ],
            f"{self.url}/-/ready",
            folder,
        )


class Alertmanager(Part):
    """Alertmanager with the shipped routes, or a configuration of a test's own."""

    def __init__(
        self, folder: Path, config: Path = COLLECTOR / "alertmanager.yml", *,
        preferred: bool = False,
    ) -> None:
        """Choose the port; no cluster is formed."""
        port = free_port(9093 if preferred else 0)
        self.url = f"http://127.0.0.1:{port}"
        super().__init__(
            "alertmanager",
            [
                binary("alertmanager"), f"--config.file={config}",
                f"--storage.path={folder / 'alertmanager'}", "--cluster.listen-address=",
                f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
            ],
            f"{self.url}/-/ready",
            folder,
        )
