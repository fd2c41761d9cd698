"""The local stack as session fixtures: real programs on loopback, started once."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / ".ci", Path(__file__).parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import stack_tools
from stack_parts import Collector, Jaeger, LogStore, Part, Prometheus, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what the chosen tests need before any test's clock runs."""
    chosen = any(item.get_closest_marker("stack") for item in session.items)
    if not chosen or session.config.option.collectonly:
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled(), suppress(stack_tools.MissingToolError):
        for name in stack_tools.TOOLS:
            stack_tools.binary(name)


def tool(name: str) -> Path:
    """Give a program's path; where Go is missing skip, in CI fail."""
    try:
        return stack_tools.binary(name)
    except stack_tools.MissingToolError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def running(part: Part) -> Iterator[Any]:
    """Run one part for as long as a fixture lives."""
    try:
        yield part.start()
    finally:
        part.stop()


@pytest.fixture(scope="session")
def stack_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder for the stack's files and logs."""
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="session")
def otelcol() -> Path:
    """Give the collector's binary."""
    return tool("otelcol")


@pytest.fixture(scope="session")
def logstore(stack_folder: Path) -> Iterator[LogStore]:
    """Run the log store."""
    tool("victoria-logs")
    yield from running(LogStore(stack_folder))


@pytest.fixture(scope="session")
def jaeger(stack_folder: Path) -> Iterator[Jaeger]:
    """Run Jaeger."""
    tool("jaeger")
    yield from running(Jaeger(stack_folder))


@pytest.fixture(scope="session")
def collector(
    otelcol: Path, stack_folder: Path, logstore: LogStore, jaeger: Jaeger
) -> Iterator[Collector]:
    """Run the collector with the shipped configuration and every backend behind it."""
    yield from running(Collector(stack_folder, logstore=logstore.otlp, jaeger=jaeger.otlp))


@pytest.fixture(scope="session")
def prometheus(stack_folder: Path, collector: Collector) -> Iterator[Prometheus]:
    """Run Prometheus on the collector's metrics, every second."""
    tool("prometheus")
    yield from running(
        Prometheus(
            stack_folder,
            {
                "otelcol:9464": collector.metrics.split("/")[2],
                "otelcol:8888": collector.own_metrics.split("/")[2],
                "alertmanager:9093": "127.0.0.1:9",
                "scrape_interval: 15s": "scrape_interval: 1s",
                "evaluation_interval: 15s": "evaluation_interval: 1s",
            },
        )
    )


@pytest.fixture
def start_collector(
    otelcol: Path, tmp_path: Path
) -> Iterator[Callable[..., Collector]]:
    """Start collectors of a test's own; all end with it."""
    started: list[Collector] = []

    def start(*args: Any, **options: Any) -> Collector:  # noqa: ANN401 - passed on
        started.append(Collector(tmp_path, *args, **options))
        return started[-1].start()

    yield start
    for part in started:
        part.stop()


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Read a file of lines and its rotated ones; every line must be one object."""
    paths = sorted(path.parent.glob(f"{path.stem}*{path.suffix}"))
    texts = [t for p in paths for t in p.read_text(encoding="utf-8").splitlines() if t]
    return [json.loads(text) for text in texts]


def lines_with(path: Path, ids: set[str], seconds: float = 10) -> dict[str, dict[str, Any]]:
    """Wait for the lines with these record ids."""

    def found() -> dict[str, dict[str, Any]]:
        return {k: v for v in lines_of(path) if (k := v.get("record_id")) in ids}

    eventually(lambda: set(found()) == ids, seconds)
    return found()
