"""Spans on their way out, with the same redaction as records.

Names, attributes, events, links and status descriptions are cleaned in a copy handed to the
exporter; ids stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fm_otel.redaction import Redactor

_FAILED: Final = "[REDACTED:redactor_error]"
_STACK: Final = "exception.stacktrace"
_URLS: Final = frozenset({"url.full", "url.path", "url.query", "http.url", "http.target"})


class RedactingSpanExporter(SpanExporter):
    """Passes cleaned spans to another exporter; a span that cannot be cleaned goes bare."""

    def __init__(self, exporter: SpanExporter, redactor: Redactor) -> None:
        self._exporter = exporter
        self._redactor = redactor

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export cleaned copies of ``spans``."""
        return self._exporter.export([self._clean(span) for span in spans])

    def shutdown(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the exporter."""
        return self._exporter.force_flush(timeout_millis)

    def _clean(self, span: ReadableSpan) -> ReadableSpan:
        try:
            return self._copy(
                span,
                self._redactor.text(span.name),
                self._attributes(span.attributes),
                [
                    Event(self._redactor.text(e.name), self._attributes(e.attributes), e.timestamp)
                    for e in span.events
                ],
                [Link(link.context, self._attributes(link.attributes)) for link in span.links],
                self._status(span.status),
            )
        except Exception:  # noqa: BLE001 - fails closed: without what could not be cleaned
            links = [Link(link.context) for link in span.links]
            return self._copy(span, _FAILED, {}, [], links, Status(span.status.status_code))

    def _attributes(self, attributes: Mapping[str, Any] | None) -> dict[str, Any]:
        cleaned = {}
        for key, value in (attributes or {}).items():
            cleaned[key] = self._value(key, value)
        return cleaned

    def _value(self, key: str, value: Any) -> Any:
        if isinstance(value, str):
            if key == _STACK:
                return self._redactor.stack(value)
            if key in _URLS:
                return self._redactor.url(value)
            return self._redactor.value(key, value)
        if isinstance(value, (list, tuple)):
            return [self._value(key, item) for item in value]
        return value

    def _status(self, status: Status) -> Status:
        if not status.description:
            return status
        return Status(status.status_code, self._redactor.text(status.description))

    def _copy(
        self, span: ReadableSpan, name: str, attributes: dict[str, Any], events: list[Event],
        links: list[Link], status: Status,
    ) -> ReadableSpan:
        return ReadableSpan(
            name=name, context=span.context, parent=span.parent, resource=span.resource,
            attributes=attributes, events=events, links=links, kind=span.kind,
            instrumentation_scope=span.instrumentation_scope, status=status,
            start_time=span.start_time, end_time=span.end_time,
        )
