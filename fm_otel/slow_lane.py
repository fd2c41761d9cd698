"""The slow lane: records on their way through processors that users have registered.

The SDK's contract holds: each processor is called in order, on the caller, before anything is
exported, and may change the record. What it is given is redacted already, since it may export;
what it adds is redacted with the rest. Without processors nobody comes here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import ReadWriteLogRecord
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from fm_otel.fields import BY_NAME
from fm_otel.record import extras_of
from fm_otel.values import SCALARS, freeze

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    from fm_otel.engine import Engine
    from fm_otel.record import Captured, Facts
    from fm_otel.redact import Redaction
    from fm_otel.shape import Shaper


class SlowLane:
    """Shows each record to the registered processors and takes over what they changed."""

    def __init__(
        self, engine: Engine, shaper: Shaper, redaction: Redaction, resource: Resource,
    ) -> None:
        self._engine = engine
        self._shaper = shaper
        self._redaction = redaction
        self._resource = resource
        self._processors: tuple[LogRecordProcessor, ...] = ()

    def add(self, processor: LogRecordProcessor) -> None:
        """Register a processor behind those that are there."""
        self._processors = (*self._processors, processor)
        self._engine.obey = self.obey

    def obey(self, captured: Captured) -> Captured:
        """Return ``captured`` as the processors leave it; one that raises is counted."""
        try:
            shown = self._shown(captured)
        except Exception as error:  # noqa: BLE001 - the record itself goes on
            self._failed("the record could not be shown to", error)
            return captured
        before = dict(shown.log_record.attributes or {})
        body = shown.log_record.body
        for processor in self._processors:
            try:
                processor.on_emit(shown)
            except Exception as error:  # noqa: BLE001 - the next one and the record go on
                self._failed(type(processor).__name__, error)
        return _changed(captured, shown.log_record, before, body)

    def _failed(self, who: str, error: Exception) -> None:
        self._engine.accounts.processor_failed()
        self._engine.report(f"processor:{who}",
                            f"log record processor {who} failed ({type(error).__name__})")

    def _shown(self, captured: Captured) -> ReadWriteLogRecord:
        facts = self._shaper.shape(captured)
        self._redaction.clean(facts)
        site = facts.site
        record = LogRecord(
            timestamp=facts.time_ns,
            observed_timestamp=facts.time_ns,
            context=otel_context.get_current(),
            severity_number=SeverityNumber(site.severity_number),
            severity_text=site.severity_text,
            body=facts.message,
            attributes=wire_attributes(facts),
            event_name=_text(facts.fields.get("event")),
        )
        scope = InstrumentationScope(site.logger, site.scope[1])
        return ReadWriteLogRecord(
            log_record=record, resource=self._resource, instrumentation_scope=scope,
        )


def wire_attributes(facts: Facts) -> dict[str, Any]:
    """Return the record's OTLP attributes by their wire names."""
    attributes: dict[str, Any] = {}
    named = {**facts.context.schema, **facts.context.fields, **facts.fields}
    for name, value in named.items():
        if name != "event":
            attributes[BY_NAME[name].at] = value
    for name in ("error", "http", "audit"):
        members = {member.name: member.at for member in BY_NAME[name].members}
        for member, value in (getattr(facts, name) or {}).items():
            attributes[members[member]] = value
    attributes |= {**facts.context.plain, **facts.plain}
    attributes[BY_NAME["record_id"].at] = facts.record_id
    return attributes


def _changed(
    captured: Captured, record: LogRecord, before: dict[str, Any], body: object,
) -> Captured:
    """Return ``captured`` with the attributes and the body that processors changed."""
    after = dict(record.attributes or {})
    extras = extras_of(captured)
    notes: list[str] = []
    for key, value in after.items():
        if key not in before or before[key] is not value:
            extras[key] = value if type(value) in SCALARS else freeze(value, notes)
    for key in before.keys() - after.keys():
        extras.pop(key, None)
    message = captured.message if record.body is body else str(record.body)
    return captured._replace(
        message=message, keys=tuple(extras), values=tuple(extras.values()),
        sanitized=(*captured.sanitized, *notes),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
