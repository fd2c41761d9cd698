"""Observes the request door through stdlib logging and an SDK tracer provider."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvicorn
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from fm_otel import context, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"
REQUEST_LOGGER = "faultmaven.request"


@dataclass
class Seen:
    """A record, with the context and span that were current when it was made."""

    record: logging.LogRecord
    context: dict[str, Any]
    span_id: int
    trace_id: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.record, name)

    @property
    def message(self) -> str:
        return self.record.getMessage()

    @property
    def extras(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self.record).items() if k not in _PLAIN}


_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName"}


class Recorder(logging.Handler):
    """Keeps every record."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Seen] = []

    def emit(self, record: logging.LogRecord) -> None:
        span = trace.get_current_span().get_span_context()
        fields = context.get_request_context()
        self.seen.append(Seen(record, fields, span.span_id, span.trace_id))

    def of(self, logger: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.record.name == logger]

    def the(self, logger: str = REQUEST_LOGGER) -> Seen:
        (only,) = self.of(logger)
        return only

    def wait_for(self, logger: str, count: int = 1, timeout: float = 10) -> list[Seen]:
        deadline = time.monotonic() + timeout
        while len(self.of(logger)) < count:
            assert time.monotonic() < deadline, f"no record of {logger} in {timeout} s"
            time.sleep(0.005)
        return self.of(logger)


@contextmanager
def recorded(level: int = logging.INFO) -> Iterator[Recorder]:
    """Collect the records that reach the root logger."""
    root, recorder = logging.getLogger(), Recorder()
    before = root.level
    root.setLevel(level)
    root.addHandler(recorder)
    try:
        yield recorder
    finally:
        root.removeHandler(recorder)
        root.setLevel(before)


@contextmanager
def configured(**environ: str) -> Iterator[None]:
    """Put the settings of an environment in force."""
    settings.activate(settings.Settings.from_environ(environ))
    try:
        yield
    finally:
        settings.activate(None)


def traced(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Make an SDK tracer provider the global one, for one test."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    return exporter


@contextmanager
def uvicorn_serving(app: Callable[..., Any], **config: Any) -> Iterator[str]:
    """Serve ``app`` with uvicorn on a free port and give its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, **config),
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline
        assert thread.is_alive()
        time.sleep(0.005)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
