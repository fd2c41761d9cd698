"""Private names of OpenTelemetry that we lean on: each fails here when upstream moves it."""

from __future__ import annotations

from opentelemetry import context, trace
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from fm_otel import _upstream

SPAN = SpanContext(0xA, 0xB, is_remote=False, trace_flags=TraceFlags(0))


def test_current_span_is_read_where_the_api_reads_it() -> None:
    """The short cut sees what ``get_current_span`` sees, also an unsampled span."""
    current = _upstream.current_span_context()
    assert current() is None
    with trace.use_span(NonRecordingSpan(SPAN)):
        assert current() is trace.get_current_span().get_span_context()
    assert current() is None
    with trace.use_span(trace.INVALID_SPAN):
        assert current() is None


def test_span_context_keeps_validity_last() -> None:
    """The sixth item of a span context is ``is_valid``."""
    assert SPAN[5] is SPAN.is_valid is True
    assert trace.INVALID_SPAN_CONTEXT[5] is False


def test_proxies_are_what_the_api_starts_with() -> None:
    """Unset providers are told from set ones by these classes."""
    import subprocess
    import sys

    code = (
        "from opentelemetry import _logs, metrics; from fm_otel import _upstream as u;"
        "assert isinstance(_logs.get_logger_provider(), u.ProxyLoggerProvider);"
        "assert isinstance(metrics.get_meter_provider(), u._ProxyMeterProvider)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_span_of_a_log_record_comes_from_its_context() -> None:
    """An API record names its span by context, or by ids."""
    from opentelemetry._logs import LogRecord

    inside = trace.set_span_in_context(NonRecordingSpan(SPAN))
    assert _upstream.span_context_of(LogRecord(context=inside)) is SPAN
    assert _upstream.span_context_of(LogRecord(context=context.Context())) is None


def test_providers_are_made_without_an_exit_of_their_own() -> None:
    """Neither provider registers an atexit callback that could block."""
    tracer = _upstream.tracer_provider(Resource({}), {})
    meter = _upstream.meter_provider(Resource({}), [])
    assert tracer._atexit_handler is None
    assert meter._atexit_handler is None
    tracer.shutdown()
    meter.shutdown()


def test_logger_takes_what_we_give_it() -> None:
    """The SDK's logger still has the constructor and the processor contract we extend."""
    assert {"on_emit", "shutdown", "force_flush", "enabled"} <= set(dir(LogRecordProcessor))
    assert _upstream._LoggerConfig.default().is_enabled


def test_providers_are_revived_in_a_child() -> None:
    """Tracers and meters made before a fork speak for the child; its reader is not locked out."""
    from opentelemetry.sdk.metrics.export import (
        ConsoleMetricExporter,
        InMemoryMetricReader,
        PeriodicExportingMetricReader,
    )

    memory = InMemoryMetricReader()
    periodic = PeriodicExportingMetricReader(ConsoleMetricExporter(), float("inf"))
    tracers = _upstream.tracer_provider(Resource({"a": 1}), {})
    meters = _upstream.meter_provider(Resource({"a": 1}), [memory, periodic])
    tracer = tracers.get_tracer("t")
    meters.get_meter("m").create_counter("c").add(1)
    periodic._export_lock.acquire()
    for provider in (tracers, meters):
        _upstream.revive(provider, Resource({"process.pid": 7}))
    assert not periodic._export_lock.locked()
    assert dict(tracer.start_span("s").resource.attributes) == {"a": 1, "process.pid": 7}
    [told] = memory.get_metrics_data().resource_metrics
    assert dict(told.resource.attributes) == {"a": 1, "process.pid": 7}
    tracers.shutdown()
    meters.shutdown()


def test_exporters_by_http_have_connections_of_their_own_in_a_child() -> None:
    """The session is where we look for it, and no pool of the parent's stays in it."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    for exporter in (OTLPMetricExporter(), OTLPSpanExporter()):
        session = exporter._client._transport._session
        before = {prefix: adapter.poolmanager for prefix, adapter in session.adapters.items()}
        _upstream.reconnect(exporter)
        after = session.adapters
        assert list(after) == list(before) == ["https://", "http://"]
        assert all(after[prefix].poolmanager is not before[prefix] for prefix in before)
        exporter.shutdown()
