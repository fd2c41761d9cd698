"""Everything of OpenTelemetry Python that is private and that we lean on.

Each name has a test that fails when upstream moves it.
"""

from __future__ import annotations

import copy
import threading
from typing import TYPE_CHECKING, Any

from opentelemetry import context as _context
from opentelemetry._logs._internal import ProxyLoggerProvider
from opentelemetry.metrics._internal import _ProxyMeterProvider
from opentelemetry.sdk._logs._internal import Logger, _LoggerConfig
from opentelemetry.trace import SpanContext, TraceFlags
from opentelemetry.trace.propagation import _SPAN_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Logger", "ProxyLoggerProvider", "_LoggerConfig", "_ProxyMeterProvider",
    "batch_span_processor", "current_span_context", "exporter", "exports_spans", "meter_provider",
    "reconnect", "revive", "span_context_of", "tracer_provider",
]


def current_span_context() -> Callable[[], SpanContext | None]:
    """Return the fastest reader of the current span's context; None where there is none.

    ``trace.get_current_span()`` costs six times as much as reading the runtime context itself.
    """
    runtime: Any = _context._RUNTIME_CONTEXT  # noqa: SLF001 - what this module is for
    variable = getattr(runtime, "_current_context", None)
    read = runtime.get_current if variable is None else variable.get

    def current() -> SpanContext | None:
        span: Any = read().get(_SPAN_KEY)
        if span is None:
            return None
        context: SpanContext | None = span.get_span_context()
        # Its last item is is_valid; a property costs a call.
        return context if context is not None and context[5] else None

    return current


def span_context_of(record: Any) -> SpanContext | None:
    """Return the span context an API log record names, or None."""
    span = None if record.context is None else record.context.get(_SPAN_KEY)
    if span is not None:
        context: SpanContext = span.get_span_context()
        return context if context.is_valid else None
    if not record.trace_id or not record.span_id:
        return None
    return SpanContext(record.trace_id, record.span_id, is_remote=False,
                       trace_flags=record.trace_flags or TraceFlags(0))


def tracer_provider(resource: Any, environ: Any) -> Any:
    """Make a tracer provider with sampler and id generator of the environment."""
    from opentelemetry.sdk import _configuration
    from opentelemetry.sdk.trace import TracerProvider

    sampler = None
    if environ.get("OTEL_TRACES_SAMPLER"):
        sampler = _configuration._import_sampler(_configuration._get_sampler())  # noqa: SLF001
    generator = _configuration._import_id_generator(_configuration._get_id_generator())  # noqa: SLF001
    return TracerProvider(
        sampler=sampler, id_generator=generator, resource=resource, shutdown_on_exit=False,
    )


def batch_span_processor(span_exporter: Any) -> Any:
    """Make upstream's batching processor around an exporter."""
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(span_exporter)


def exports_spans(provider: Any) -> bool:
    """Return whether a tracer provider, or None, has processors that send its spans."""
    return bool(getattr(provider, "_active_span_processor", None)
                and provider._active_span_processor._span_processors)  # noqa: SLF001 - no public way


def meter_provider(resource: Any, exporters: list[Any]) -> Any:
    """Make a meter provider that pushes to ``exporters``, or lets its readers be pulled."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import (
        MetricReader,
        PeriodicExportingMetricReader,
    )

    readers = [
        each if isinstance(each, MetricReader) else PeriodicExportingMetricReader(each)
        for each in exporters
    ]
    return MeterProvider(resource=resource, metric_readers=readers, shutdown_on_exit=False)


def revive(provider: Any, resource: Any) -> None:
    """In a forked child: let a provider speak for ``resource``, and its readers export again.

    A thread that exports in the parent while it forks holds a lock that upstream's own hook
    leaves to the child, where nobody would ever let go of it.
    """
    provider._update_resource(resource)  # noqa: SLF001 - what this module is for
    for reader in getattr(provider, "_metric_readers", ()):
        held = getattr(reader, "_export_lock", None)
        if held is not None and held.locked():
            reader._export_lock = threading.Lock()  # noqa: SLF001 - see above
            # For the reader's new thread, should it wait there already.
            held.release()


def reconnect(made: Any) -> None:
    """In a forked child: give an exporter by HTTP connections of its own.

    The parent goes on using those it has; requests of both on one of them would mix.
    """
    holder = made
    for name in ("_client", "_transport", "_session"):
        holder = getattr(holder, name, holder)
    adapters = getattr(holder, "adapters", {})
    for prefix, adapter in list(adapters.items()):
        # A copy of requests' adapter begins with an empty pool.
        adapters[prefix] = copy.copy(adapter)


def exporter(name: str, signal: str) -> Any:
    """Make the exporter that an entry point of ``opentelemetry_<signal>_exporter`` names."""
    from importlib.metadata import entry_points

    found = list(entry_points(group=f"opentelemetry_{signal}_exporter", name=name))
    if not found:
        msg = "no exporter of this name is installed"
        raise LookupError(msg)
    return found[0].load()()
