"""Traces: the trace id on a line opens the request's trace, span metrics carry its exemplar."""

from __future__ import annotations

import json
import secrets
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from conftest import lines_of
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from stack_parts import eventually

if TYPE_CHECKING:
    from stack_parts import Collector, Jaeger

pytestmark = pytest.mark.stack


def log_inside_a_span(collector: Collector, service: str) -> None:
    """Log one record inside a span of two, by an SDK's own exporters."""
    resource = Resource({"service.name": service})
    tracers = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=collector.grpc, insecure=True)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(
        SimpleLogRecordProcessor(OTLPLogExporter(endpoint=collector.grpc, insecure=True))
    )
    tracer = tracers.get_tracer("app")
    with tracer.start_as_current_span("POST /cases"), tracer.start_as_current_span("llm call"):
        loggers.get_logger("app").emit(
            LogRecord(severity_number=SeverityNumber.INFO, body="inside")
        )
    loggers.shutdown()
    tracers.shutdown()


def trace_of(jaeger: Jaeger, trace_id: str) -> dict[str, Any]:
    """Ask Jaeger for one trace."""
    try:
        with urllib.request.urlopen(f"{jaeger.url}/api/traces/{trace_id}", timeout=5) as response:
            return dict(json.load(response)["data"][0])
    except (OSError, LookupError):
        return {}


def test_trace_of_a_line_is_in_jaeger(collector: Collector, jaeger: Jaeger) -> None:
    """The trace id on a line leads to its trace; the span id is one of that trace's spans."""
    service = f"traced-{secrets.token_hex(4)}"
    log_inside_a_span(collector, service)

    def found() -> list[dict[str, Any]]:
        return [each for each in lines_of(collector.file) if each.get("service") == service]

    assert eventually(found, 10)
    (written,) = found()
    assert eventually(lambda: len(trace_of(jaeger, written["trace_id"]).get("spans", ())) == 2, 15)
    trace = trace_of(jaeger, written["trace_id"])
    names = {span["spanID"]: span["operationName"] for span in trace["spans"]}
    assert sorted(names.values()) == ["POST /cases", "llm call"]
    assert names[written["span_id"]] == "llm call"
    assert trace["processes"]["p1"]["serviceName"] == service
