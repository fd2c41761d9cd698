"""Traces and metrics: upstream's providers, samplers and exporters, assembled for this process.

Their exit is ours: upstream's own blocks for up to twenty seconds when a receiver hangs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry import metrics, trace

from fm_otel import _upstream
from fm_otel.sinks.endpoint import GRPC, HTTP, protocol_by_port, split
from fm_otel.span_redaction import RedactingSpanExporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.resources import Resource

    from fm_otel.redaction import Redactor
    from fm_otel.settings import Settings

_EXPORTERS: Final = {GRPC: "otlp_proto_grpc", HTTP: "otlp_proto_http"}


def start_traces(
    settings: Settings, resource: Resource, redactor: Redactor | None,
    report: Callable[[str, str], None], made: list[Any],
) -> Any:
    """Set the global tracer provider, unless the program has set one; return ours or None.

    ``made`` gets its exporters, for whoever follows forks.
    """
    if not settings.enable_tracing or settings.sdk_disabled:
        return None
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return None
    provider = _upstream.tracer_provider(resource, settings.environ)
    exporters = _exporters(settings, "traces", report)
    made += exporters
    for exporter in exporters:
        wrapped = exporter if redactor is None else RedactingSpanExporter(exporter, redactor)
        provider.add_span_processor(_upstream.batch_span_processor(wrapped))
    trace.set_tracer_provider(provider)
    return provider


def start_metrics(
    settings: Settings, resource: Resource, report: Callable[[str, str], None], made: list[Any],
) -> Any:
    """Set the global meter provider, unless the program has set one; as ``start_traces``."""
    if settings.sdk_disabled or not isinstance(
        metrics.get_meter_provider(), _upstream._ProxyMeterProvider,  # noqa: SLF001 - upstream's
    ):
        return None
    exporters = _exporters(settings, "metrics", report)
    made += exporters
    if not exporters:
        return None
    provider = _upstream.meter_provider(resource, exporters)
    metrics.set_meter_provider(provider)
    return provider


def _exporters(
    settings: Settings, signal: str, report: Callable[[str, str], None],
) -> list[Any]:
    names = settings.environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip()
    if not names and settings.has_endpoint(signal.upper()):
        names = "otlp"
    made = []
    for name in names.split(","):
        wanted = name.strip()
        if not wanted or wanted == "none":
            continue
        try:
            made.append(_upstream.exporter(_entry_point(wanted, signal, settings), signal))
        except Exception as error:  # noqa: BLE001 - logs go on without this exporter
            report(f"exporter:{signal}",
                   f"{signal} exporter {wanted!r} cannot be used "
                    f"({type(error).__name__}: {error})")
    return made


def _entry_point(name: str, signal: str, settings: Settings) -> str:
    """Return the entry point of an exporter name; ``otlp`` goes by protocol, else by port."""
    if name != "otlp":
        return name
    read = settings.environ.get
    prefix = "OTEL_EXPORTER_OTLP"
    protocol = read(f"{prefix}_{signal.upper()}_PROTOCOL") or read(f"{prefix}_PROTOCOL")
    if not protocol:
        endpoint = read(f"{prefix}_{signal.upper()}_ENDPOINT") or read(f"{prefix}_ENDPOINT") or ""
        protocol = protocol_by_port(split(endpoint))
    return _EXPORTERS.get(protocol.strip().lower(), _EXPORTERS[HTTP])
