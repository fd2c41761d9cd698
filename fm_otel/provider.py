"""The OTel Logs API door: providers and loggers that feed the engine.

FastAPI and other libraries write log records through the OpenTelemetry API itself. They become
captured records like any other. Processors that users register keep the SDK's contract: called
in order, before export, with the SDK's record; what they are given is redacted already.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk._logs import LoggerProvider, ReadWriteLogRecord
from opentelemetry.sdk._logs._internal import Logger, _LoggerConfig

from fm_otel._upstream import span_context_of
from fm_otel.context import request_context
from fm_otel.record import Captured
from fm_otel.site import Site
from fm_otel.stack import capture_error, error_from_text
from fm_otel.values import SCALARS, freeze, text_of

if TYPE_CHECKING:
    from opentelemetry._logs import LogRecord
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from fm_otel.engine import Engine
    from fm_otel.stack import CapturedError

MAX_SITES: Final = 4096
_LEVELS: Final = ((21, 50, "CRITICAL"), (17, 40, "ERROR"), (13, 30, "WARNING"), (9, 20, "INFO"))
_EXCEPTION: Final = ("exception.type", "exception.message", "exception.stacktrace")
_OVERHEAD: Final = 500


class FaultMavenLoggerProvider(LoggerProvider):
    """A ``LoggerProvider`` whose loggers feed the engine; its processors are the slow lane."""

    def __init__(self, engine: Engine, resource: Resource) -> None:
        super().__init__(resource=resource, shutdown_on_exit=False)
        self.engine = engine
        self._sites: dict[tuple[str, str | None, int, str], Site] = {}

    def _get_logger_no_cache(self, *args: Any, **kwargs: Any) -> Logger:  # noqa: ANN401
        stock = super()._get_logger_no_cache(*args, **kwargs)
        return FaultMavenLogger(self, stock.instrumentation_scope)

    def _get_logger_cached(self, *args: Any, **kwargs: Any) -> Logger:  # noqa: ANN401
        stock = super()._get_logger_cached(*args, **kwargs)
        return FaultMavenLogger(self, stock.instrumentation_scope)

    def site(self, scope: InstrumentationScope, record: LogRecord) -> Site:
        """Return the site of records of one scope and severity."""
        number = record.severity_number.value if record.severity_number else 9
        text = record.severity_text or ""
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

    def __init__(self, provider: FaultMavenLoggerProvider, scope: InstrumentationScope) -> None:
        super().__init__(
            provider.resource,
            provider._multi_log_record_processor,  # noqa: SLF001 - the base class's own
            scope,
            logger_metrics=None,  # type: ignore[arg-type]  # counted by the engine
            _logger_config=_LoggerConfig.default(),
        )
        self._provider = provider

    def emit(self, record: LogRecord | None = None, **parts: Any) -> None:  # type: ignore[override]  # noqa: ANN401
        """Capture and submit an API record; never raises an ``Exception``."""
        engine = self._provider.engine
        try:
            log_record = record if record is not None else _api_record(parts)
            if isinstance(log_record, ReadWriteLogRecord):
                log_record = log_record.log_record
            captured = self._captured(log_record)
        except Exception as error:  # noqa: BLE001 - the application must not notice
            engine.accounts.dropped("encode")
            engine.report("emit", f"a record of scope {self._instrumentation_scope.name!r} could "
                          f"not be captured ({type(error).__name__})")
            return
        engine.accept(captured)

    def _captured(self, record: LogRecord) -> Captured:
        notes: list[str] = []
        provider = self._provider
        site = provider.site(self._instrumentation_scope, record)
        attributes = dict(record.attributes or {})
        error = _error(record, attributes)
        body = record.body
        message = body if isinstance(body, str) else _body(body, attributes, notes)
        if record.event_name:
            attributes["event_name"] = record.event_name
        keys = tuple(attributes)
        values = tuple(
            value if type(value) in SCALARS else freeze(value, notes)
            for value in attributes.values()
        )
        return Captured(
            record.timestamp or record.observed_timestamp or time.time_ns(),
            next(provider.engine.capture.sequence), site, message or record.event_name or "",
            keys, values, span_context_of(record), request_context.get().snapshot, error, None,
            tuple(notes), _OVERHEAD + len(message) + 60 * len(keys),
            True,  # noqa: FBT003 - a tuple's place
        )


def _level(severity_number: int) -> tuple[int, str]:
    for floor, levelno, name in _LEVELS:
        if severity_number >= floor:
            return levelno, name
    return 10, "DEBUG"


def _api_record(parts: dict[str, Any]) -> LogRecord:
    from opentelemetry._logs import LogRecord  # noqa: PLC0415 - the name is a type elsewhere

    return LogRecord(**parts)


def _body(body: object, attributes: dict[str, Any], notes: list[str]) -> str:
    """Return a structured body's text; its fields become attributes."""
    if body is None:
        return ""
    if isinstance(body, dict):
        for key, value in body.items():
            attributes.setdefault(str(key), value)
        return text_of(attributes.pop("message", ""), notes)
    return text_of(body, notes)


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
