"""Assembly: one engine for this process, put together in the order a record walks.

``start`` is what ``fm_otel.configure()`` and the distro's configurator call; a second call finds
the engine running and changes nothing.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager, suppress
from functools import partial
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from opentelemetry import _logs, propagate
from opentelemetry.propagators.composite import CompositePropagator

from fm_otel import integrations, sampling, signals
from fm_otel import settings as settings_module
from fm_otel._upstream import (
    ProxyLoggerProvider,
    current_span_context,
    exports_spans,
    reconnect,
    revive,
)
from fm_otel.bridge.hook import Hook, muted
from fm_otel.bridge.uncaught import Uncaught
from fm_otel.capture import AUDIT_LOGGER, Capture
from fm_otel.diagnostics import Diagnostics
from fm_otel.encoding.json_line import JsonLine
from fm_otel.encoding.otlp import OtlpEncoder, encode_resource
from fm_otel.encoding.text import Text
from fm_otel.engine import Engine
from fm_otel.lifecycle import Closers, Lifecycle
from fm_otel.pipeline.accounting import Accounts, SinkAccount
from fm_otel.pipeline.queue import Queue
from fm_otel.pipeline.worker import Output, Pipeline
from fm_otel.propagator import RequestContextPropagator
from fm_otel.provider import FaultMavenLoggerProvider
from fm_otel.redact import Redaction
from fm_otel.redaction import Redactor
from fm_otel.resource import process_of, resource_of, resource_of_child
from fm_otel.self_metrics import SelfMetrics
from fm_otel.settings import Settings
from fm_otel.shape import Shaper
from fm_otel.sinks.console import ConsoleSink
from fm_otel.sinks.endpoint import GRPC, OtlpEndpoint
from fm_otel.sinks.file import FileSink
from fm_otel.sinks.memory import MemorySink
from fm_otel.sinks.otlp import OtlpSink
from fm_otel.sinks.otlp_http import OtlpHttp
from fm_otel.sinks.quarantine import Quarantine
from fm_otel.slow_lane import SlowLane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.propagators.textmap import TextMapPropagator
    from opentelemetry.sdk.resources import Resource

    from fm_otel.record import Captured, Process

    Custom = Callable[[str], str]

_lock = threading.RLock()
_running: Handle | None = None


class Handle:
    """A configured process: flush it, shut it down."""

    def __init__(self, started: _Started) -> None:
        self._started = started

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._started.settings

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Bring out every record; True only if all are delivered or spooled in time."""
        return self._started.pipeline.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Bring out every record within the exit budget and take fm_otel out of the process."""
        global _running  # noqa: PLW0603 - one process has one engine
        with _lock:
            self._started.stop()
            if _running is self:
                _running = None


def start(*, redactor: Custom | None = None, **overrides: Any) -> Handle:
    """Configure the process; ``overrides`` are fields of ``Settings``.

    Idempotent: an engine that is running stays as it is, and one line on stderr says so where
    the call asked for something.
    """
    global _running  # noqa: PLW0603 - one process has one engine
    with _lock:
        if _running is not None:
            if redactor is not None and _running._started.sanitize(redactor):  # noqa: SLF001 - same module
                redactor = None
            if overrides or redactor is not None:
                settings_module.to_stderr("already configured, configure() changes nothing")
            return _running
        settings = Settings.from_environ(**overrides)
        settings_module.activate(settings)
        if settings.config_file:
            settings_module.to_stderr(
                f"OTEL_CONFIG_FILE={settings.config_file!r}: its log section is not read, "
                "the environment variables are in force",
            )
        _running = Handle(_Started(settings, redactor))
        return _running


def running() -> Handle | None:
    """Return the handle of the engine in this process, if there is one."""
    return _running


class _Started:
    """Everything one engine is made of, in walk order, and how it starts, forks and stops."""

    def __init__(self, settings: Settings, custom: Custom | None) -> None:
        self.settings = settings
        diagnostics = Diagnostics()
        self.report = report = diagnostics.report
        self.accounts = accounts = Accounts()
        self.redactor = redactor = _redactor(settings, custom, report)
        if redactor is not None:
            diagnostics.clean = redactor.text
        self.resource = resource_of(settings, redactor)
        process = process_of(settings, self.resource)

        self._exporters: list[Any] = []
        tracers = signals.start_traces(settings, self.resource, redactor, report, self._exporters)
        meters = signals.start_metrics(settings, self.resource, report, self._exporters)
        self._providers = [provider for provider in (tracers, meters) if provider is not None]

        capture = Capture(
            current_span_context() if settings.enable_tracing else _no_span,
            rate=settings.sample_rate,
            auto_exc_info=settings.auto_exc_info,
            sampled_out=lambda: accounts.sampled_out("rate"),
        )
        self.queue = Queue(settings.queue_records, settings.queue_bytes)
        self.shaper = Shaper(process.record_prefix, performance=settings.enable_metrics)
        endpoint = _endpoint(settings)
        self.outputs = _outputs(settings, endpoint, process, accounts, report)
        redaction = Redaction(redactor)
        self.pipeline = Pipeline(
            self.queue, self.shaper, redaction, self.outputs, accounts,
            write_through=settings.write_through,
            flush_interval=settings.flush_interval,
            overflow=settings.overflow,
        )
        self.pipeline.reset = self.after_fork
        self.engine = Engine(
            settings, capture, self.pipeline, accounts, report, process.record_prefix,
        )

        lane = SlowLane(self.engine, self.shaper, redaction, self.resource)
        self.provider = _logger_provider(
            self.engine, lane, self.resource, None if endpoint is None else endpoint.target,
        )
        if meters is not None and settings.enable_metrics:
            SelfMetrics(self.engine, self.queue, self._backlog).register()
        sampling.count_refusals(accounts.sampled_out)
        self.hook = Hook(self.engine)
        self.hook.install()
        self.uncaught = Uncaught(self.engine, prints=settings.console != "off")
        self.uncaught.install()
        ends = [p.shutdown for p in (tracers, self.provider) if p is not None]
        if meters is not None:
            ends.append(partial(self._close_meters, meters))
        closers = Closers(ends)
        if meters is not None or exports_spans(tracers):
            closers.prepare()
        # Else no thread before the first record: a program that patches its threads when it
        # begins (gevent, eventlet) can do so only while it has one.
        self.engine.prepare = closers.prepare
        self.lifecycle = Lifecycle(
            self.engine, closers, before_fork=self.before_fork, restart=self.in_child,
        )
        self.lifecycle.install()
        integrations.install()
        self._textmap = propagate.get_global_textmap()
        _append_propagator(settings, self._textmap)

    def sanitize(self, custom: Custom) -> bool:
        """Take the application's sanitizer where the launcher could not know it."""
        return self.redactor is not None and self.redactor.add_custom(_quietly(custom))

    def _close_meters(self, meters: Any) -> None:
        """Export the last metrics when they can tell what the end of the process cost."""
        self.pipeline.ended.wait(self.settings.exit_timeout / 2)
        meters.shutdown()

    def _backlog(self) -> int:
        return sum(sink.held for sink in self._otlp_sinks())

    def _otlp_sinks(self) -> list[OtlpSink]:
        return [
            sink for output in self.outputs for sink, _ in output.sinks
            if isinstance(sink, OtlpSink)
        ]

    def before_fork(self) -> None:
        """Let go of connections that must not be carried into a child."""
        for sink in self._otlp_sinks():
            sink.before_fork()

    def in_child(self) -> None:
        """After a fork that ran hooks: upstream's have given its providers locks of their own."""
        for exporter in self._exporters:
            with suppress(Exception):
                reconnect(exporter)
        self.after_fork()
        for provider in self._providers:
            with suppress(Exception):
                revive(provider, self.resource)

    def after_fork(self) -> None:
        """In a child: own identity, empty queue, fresh sinks; the parent keeps its records."""
        self.resource = resource_of_child(self.settings, self.resource)
        process = process_of(self.settings, self.resource)
        self.accounts.after_fork()
        self.engine.after_fork(process.record_prefix)
        self.shaper.rename(process.record_prefix)
        for output in self.outputs:
            output.encoder = output.make(process)
            for sink, _ in output.sinks:
                sink.after_fork()
        resource = encode_resource(process)
        for otlp in self._otlp_sinks():
            otlp.identify(resource)
        self.pipeline.after_fork()

    def stop(self) -> None:
        """End delivery and give back what was taken over."""
        self.lifecycle.end()
        self.lifecycle.remove()
        self.uncaught.remove()
        self.hook.remove()
        integrations.uninstall()
        propagate.set_global_textmap(self._textmap)
        sampling.count_refusals(None)
        settings_module.activate(None)


def _logger_provider(
    engine: Engine, lane: SlowLane, resource: Resource, receiver: str | None,
) -> FaultMavenLoggerProvider:
    """Return our provider, and make it the global one where the program has set none."""
    current = _logs.get_logger_provider()
    if isinstance(current, FaultMavenLoggerProvider):
        current.feed(engine, lane, receiver)
        return current
    provider = FaultMavenLoggerProvider(engine, lane, resource, receiver)
    if isinstance(current, ProxyLoggerProvider):
        _logs.set_logger_provider(provider)
    return provider


def _append_propagator(settings: Settings, current: TextMapPropagator) -> None:
    """Let the request context travel beside whatever propagators are set."""
    if "fm_otel" not in settings.environ.get("OTEL_PROPAGATORS", ""):
        propagate.set_global_textmap(CompositePropagator([current, RequestContextPropagator()]))


def _no_span() -> None:
    return None


def _redactor(
    settings: Settings, custom: Custom | None, report: Callable[[str, str], None],
) -> Redactor | None:
    """Return the rule set in force with the customer's own sanitizer behind it."""
    if not settings.redact:
        settings_module.to_stderr("redaction is off (FM_OTEL_REDACT): secrets reach every output")
        return None
    own = custom or _custom_by_entry_point(report)
    return Redactor(
        rules_path=settings.redact_rules,
        pseudonym_key=settings.pseudonym_key,
        custom=None if own is None else _quietly(own),
        report=lambda line: report(f"redaction:{line}", line),
    )


def _custom_by_entry_point(report: Callable[[str, str], None]) -> Custom | None:
    for entry_point in entry_points(group="fm_otel_redactor"):
        try:
            loaded: Custom = entry_point.load()
        except Exception as error:  # noqa: BLE001 - the rules still stand
            report("redactor", f"fm_otel_redactor {entry_point.name!r} cannot be loaded "
                   f"({type(error).__name__}: {error})")
        else:
            return loaded
    return None


def _quietly(custom: Custom) -> Custom:
    """Keep records a sanitizer makes from needing the sanitizer."""

    def call(text: str) -> str:
        with muted():
            return custom(text)

    return call


def _outputs(
    settings: Settings, endpoint: OtlpEndpoint | None, process: Process, accounts: Accounts,
    report: Callable[[str, str], None],
) -> list[Output]:
    """Return the encoders in force with their sinks."""
    lines: list[tuple[Any, Callable[[Captured], bool] | None]] = []
    outputs = []
    if settings.console != "off":
        account = SinkAccount(accounts, "console")
        console = ConsoleSink(settings.console_stream, account, report,
                              max_bytes=settings.queue_bytes)
        if _text_wanted(settings):
            colour = not settings.environ.get("NO_COLOR") and _is_terminal(settings)
            outputs.append(Output(lambda _: Text(colour=colour), process,
                                  [(console, _shown_on_console)]))
        else:
            lines.append((console, _shown_on_console))
    if settings.file:
        lines.append((FileSink(settings.file, SinkAccount(accounts, "file"), report), None))
    if settings.audit_file and settings.enable_audit:
        account = SinkAccount(accounts, "audit")
        lines.append((FileSink(settings.audit_file, account, report, "FM_OTEL_AUDIT_FILE"),
                      _is_audit))
    if lines:
        outputs.append(Output(JsonLine, process, lines))
    if endpoint is not None:
        sink = _otlp(settings, endpoint, process, accounts, report)
        outputs.append(Output(OtlpEncoder, process, [(sink, None)]))
    return outputs


def _shown_on_console(captured: Captured) -> bool:
    return captured.console


def _is_audit(captured: Captured) -> bool:
    return captured.site.logger == AUDIT_LOGGER


def _text_wanted(settings: Settings) -> bool:
    return settings.format == "text" or (settings.format == "auto" and _is_terminal(settings))


def _is_terminal(settings: Settings) -> bool:
    stream: Any = getattr(sys, settings.console_stream, None)
    try:
        return bool(stream.isatty())
    except Exception:  # noqa: BLE001 - no stream, or one of another kind
        return False


def _endpoint(settings: Settings) -> OtlpEndpoint | None:
    """Return where log records go by OTLP, None where they do not."""
    if not settings.wants_otlp:
        return None
    return OtlpEndpoint.from_environ(
        settings.environ, settings_module.to_stderr, asked_for=settings.names_otlp,
    )


def _otlp(
    settings: Settings, endpoint: OtlpEndpoint, process: Process, accounts: Accounts,
    report: Callable[[str, str], None],
) -> OtlpSink:
    """Return the OTLP sink; gRPC is imported only when asked for."""
    transport: Any
    if endpoint.protocol == GRPC:
        from fm_otel.sinks.otlp_grpc import OtlpGrpc

        transport = OtlpGrpc(endpoint)
    else:
        transport = OtlpHttp(endpoint)
    return OtlpSink(
        transport, encode_resource(process), losses=SinkAccount(accounts, "otlp"), report=report,
        name=endpoint.shown, queue_records=settings.queue_records,
        queue_bytes=settings.queue_bytes, timeout=endpoint.timeout,
        max_batch=settings.export_batch, schedule_delay=settings.export_delay,
        quarantine=_quarantine(settings),
    )


def _quarantine(settings: Settings) -> Callable[[bytes], str] | None:
    """Return what sets refused records aside, None where they may or can not be kept safely."""
    directory = settings.state_dir if hasattr(os, "O_NOFOLLOW") else None
    return None if directory is None else Quarantine(f"{directory}/quarantine").keep


class MemoryEngine:
    """A running engine whose JSON lines are also kept in memory."""

    def __init__(self, handle: Handle, sink: MemorySink) -> None:
        self.handle = handle
        self._sink = sink

    def lines(self) -> list[bytes]:
        """Return the lines so far, in order."""
        self.handle.force_flush(5000)
        return list(self._sink.lines)


@contextmanager
def memory_engine(**overrides: Any) -> Iterator[MemoryEngine]:
    """Keep the lines made inside in memory; starts an engine where none is running."""
    owned = running() is None
    handle = start(**{"console": "off", **overrides}) if owned else running()
    if handle is None:
        msg = "the engine was shut down while memory_engine() started"
        raise RuntimeError(msg)
    sink = MemorySink()
    started = handle._started  # noqa: SLF001 - same module
    output = Output(JsonLine, process_of(started.settings, started.resource), [(sink, None)])
    started.outputs.append(output)
    try:
        yield MemoryEngine(handle, sink)
    finally:
        handle.force_flush(5000)
        started.outputs.remove(output)
        if owned:
            handle.shutdown()
