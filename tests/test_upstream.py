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
