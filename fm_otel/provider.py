"""The OTel Logs API door: providers and loggers that feed the engine.

FastAPI and other libraries write log records through the OpenTelemetry API itself. They become
captured records like any other. Processors that users register keep the SDK's contract: called
in order, before export, with the SDK's record; what they are given is redacted already.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk._logs import LoggerProvider, ReadWriteLogRecord
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from fm_otel._upstream import Logger, _LoggerConfig, span_context_of
from fm_otel.context import request_context
from fm_otel.record import Captured
from fm_otel.site import Site
from fm_otel.stack import capture_error, error_from_text
from fm_otel.structured import ASIDE
from fm_otel.values import freeze, message_of, note, text_of

if TYPE_CHECKING:
    from opentelemetry._logs import LogRecord
    from opentelemetry.sdk._logs import LogRecordProcessor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.util.types import Attributes

    from fm_otel.engine import Engine
    from fm_otel.slow_lane import SlowLane
    from fm_otel.stack import CapturedError

MAX_SITES: Final = 4096
_LEVELS: Final = ((21, 50, "CRITICAL"), (17, 40, "ERROR"), (13, 30, "WARNING"), (9, 20, "INFO"))
_EXCEPTION: Final = ("exception.type", "exception.message", "exception.stacktrace")
_TAKEN: Final = ("message", "asctime")
_INFO: Final = 9
_LAST_SEVERITY: Final = 24
_LATEST: Final = 10**20
"""Nanoseconds: times beyond this (year 5138) cannot be meant."""
_OVERHEAD: Final = 500


class FaultMavenLoggerProvider(LoggerProvider):
    """A ``LoggerProvider`` whose loggers feed the engine; its processors are the slow lane.

    ``receiver`` is the address our own OTLP records go to: a processor that would send them
    there a second time is declined.
    """

    def __init__(
        self, engine: Engine, lane: SlowLane, resource: Resource, receiver: str | None = None,
    ) -> None:
        super().__init__(resource=resource, shutdown_on_exit=False)
        self._sites: dict[tuple[str, str | None, int, str], Site] = {}
        self.feed(engine, lane, receiver)

    def feed(self, engine: Engine, lane: SlowLane, receiver: str | None) -> None:
        """Feed another engine: the global provider is set once, engines may follow each other."""
        self.engine = engine
        self._lane = lane
        self._receiver = receiver

    def add_log_record_processor(self, log_record_processor: LogRecordProcessor) -> None:
        """Register a processor; every record then takes the slow lane."""
        if self._receiver is not None and _target_of(log_record_processor) == self._receiver:
            self.engine.report("double", "a second OTLP log exporter for the same receiver is "
                               "declined: its records are sent already")
            return
        super().add_log_record_processor(log_record_processor)
        self._lane.add(log_record_processor)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Bring out every record, ours first; True only if all are out in time."""
        done = self.engine.pipeline.flush(timeout_millis / 1000)
        return bool(super().force_flush(timeout_millis)) and done

    def _get_logger_no_cache(
        self, name: str, version: str | None = None, schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> Logger:
        scope = InstrumentationScope(name, version, schema_url, attributes)
        return FaultMavenLogger(
            self.resource, self._multi_log_record_processor, scope,
            logger_metrics=self._logger_metrics, _logger_config=_LoggerConfig.default(),
        ).bound(self)

    def site(self, scope: InstrumentationScope, record: LogRecord) -> Site:
        """Return the site of records of one scope and severity."""
        number = _number(record.severity_number)
        text = record.severity_text
        if type(text) is not str:
            text = "" if text is None else text_of(text, [])
        key = (scope.name, scope.version, number, text)
        site = self._sites.get(key)
        if site is None:
            if len(self._sites) >= MAX_SITES:
                self._sites.clear()
            levelno, name = _level(number)
            site = Site(scope.name or "unknown", levelno, text or name,
                        scope_version=scope.version)
            site.severity_number = number
            self._sites[key] = site
        return site


class FaultMavenLogger(Logger):
    """A logger of the Logs API."""

    _provider: FaultMavenLoggerProvider

    def bound(self, provider: FaultMavenLoggerProvider) -> FaultMavenLogger:
        """Tie the logger to the provider whose engine it feeds."""
        self._provider = provider
        return self

    def enabled(self, **parts: Any) -> bool:  # the base names each
        """Return whether a record of this severity would be captured."""
        settings = self._provider.engine.settings
        number = parts.get("severity_number")
        if not settings.level_explicit or number is None:
            return True
        return _level(_number(number))[0] >= settings.level

    def emit(self, record: LogRecord | None = None, **parts: Any) -> None:
        """Capture and submit an API record; never raises an ``Exception``."""
        engine = self._provider.engine
        try:
            log_record = record if record is not None else _api_record(parts)
            if isinstance(log_record, ReadWriteLogRecord):
                log_record = log_record.log_record
            if not self.enabled(severity_number=log_record.severity_number):
                return
            captured = self._captured(log_record)
        except Exception as error:  # noqa: BLE001 - the application must not notice
            engine.accounts.dropped("encode")
            engine.report("emit", f"a record of scope {self._instrumentation_scope.name!r} could "
                          f"not be captured ({type(error).__name__})")
            return
        if captured is not None:
            engine.accept(captured)

    def _captured(self, record: LogRecord) -> Captured | None:
        notes: list[str] = []
        provider = self._provider
        capture = provider.engine.capture
        site = provider.site(self._instrumentation_scope, record)
        span = span_context_of(record) if provider.engine.settings.enable_tracing else None
        context = request_context.get().snapshot
        weight = capture.weigh(site.logger, site.levelno, span, context)
        if weight == 0:
            return None
        attributes = _attributes(record.attributes, notes)
        error = _error(record, attributes)
        body = record.body
        message = body if type(body) is str else _body(body, attributes, notes)
        event_name = record.event_name
        if event_name is not None and event_name != "":
            attributes["event_name"] = event_name = text_of(event_name, notes)
        keys = tuple(attributes)
        values = tuple(freeze(value, notes) for value in attributes.values())
        return Captured(
            _time(record, notes), next(capture.sequence), site, message or event_name or "",
            keys, values, span, context, error, weight, tuple(notes),
            _OVERHEAD + len(message) + 60 * len(keys),
            True,
        )


def _target_of(processor: Any) -> str | None:
    """Return the address an exporting processor of OTLP sends to, None for any other."""
    batch = getattr(processor, "_batch_processor", processor)
    exporter = getattr(batch, "_exporter", None)
    target = getattr(exporter, "_endpoint", None) if "OTLP" in type(exporter).__name__ else None
    return target if isinstance(target, str) else None


def _level(severity_number: int) -> tuple[int, str]:
    for floor, levelno, name in _LEVELS:
        if severity_number >= floor:
            return levelno, name
    return 10, "DEBUG"


def _number(severity: object) -> int:
    """Return a severity as its number; INFO for none and for what is no severity."""
    number = getattr(severity, "value", severity)
    return number if type(number) is int and 0 < number <= _LAST_SEVERITY else _INFO


def _time(record: LogRecord, notes: list[str]) -> int:
    for moment in (record.timestamp, record.observed_timestamp):
        if type(moment) is int and 0 < moment < _LATEST:
            return moment
        if moment:
            note(notes, "bad_time")
    return time.time_ns()


def _attributes(given: Any, notes: list[str]) -> dict[str, Any]:
    """Return attributes as a dict of our own; what formatters put on records goes aside."""
    try:
        attributes = dict(given) if given is not None else {}
    except Exception:  # noqa: BLE001 - a mapping of the application's own class, or none at all
        return {"attributes": freeze(given, notes)}
    aside = {key: attributes.pop(key) for key in _TAKEN if key in attributes}
    if aside:
        attributes[ASIDE] = aside
    return attributes


def _api_record(parts: dict[str, Any]) -> LogRecord:
    from opentelemetry._logs import LogRecord

    return LogRecord(**parts)


def _body(body: object, attributes: dict[str, Any], notes: list[str]) -> str:
    """Return a structured body's text; its fields become attributes."""
    if body is None:
        return ""
    if type(body) is dict:
        fields = {text_of(key, notes): value for key, value in body.items()}
        message = fields.pop("message", "")
        for key, value in fields.items():
            attributes.setdefault(key, value)
        return message_of(message, (), notes)
    return message_of(body, (), notes)


def _error(record: LogRecord, attributes: dict[str, Any]) -> CapturedError | None:
    """Take the exception out of the record, or out of its ``exception.*`` attributes."""
    exception = getattr(record, "exception", None)
    given = {key: attributes.pop(key) for key in _EXCEPTION if key in attributes}
    if exception is not None:
        return capture_error((type(exception), exception, exception.__traceback__))
    if not given:
        return None
    kind, message, stack = (str(given.get(key) or "") for key in _EXCEPTION)
    return error_from_text(stack or f"{kind}: {message}")
