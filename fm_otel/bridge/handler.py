"""``BridgeHandler``: a stdlib handler that emits to an OpenTelemetry ``LoggerProvider``.

For programs that name their handlers in ``dictConfig``. Beside a running engine the hook has
captured every record already, so on our own provider the handler does nothing more; on a foreign
one it emits what upstream's handler would, with qualified names and without ever raising.
"""

from __future__ import annotations

import logging
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import _logs
from opentelemetry._logs import LogRecord, SeverityNumber

from fm_otel.capture import passing, time_of
from fm_otel.context import request_context
from fm_otel.fields import BY_NAME, RECORD_ATTRIBUTES
from fm_otel.site import SiteTable, clean
from fm_otel.stack import capture_error
from fm_otel.values import freeze, message_of, text_of, well_formed

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider

    from fm_otel.site import Site


_TEXTS: Final = {"WARNING": "WARN", "CRITICAL": "FATAL"}
_EVENT_NAMES: Final = ("otel.event.name", "event.name")

# A processor or exporter may log what it does: that record must not come back to it.
_emitting: Final[ContextVar[bool]] = ContextVar("fm_otel_bridge_emitting", default=False)


class BridgeHandler(logging.Handler):
    """Emits each record to ``logger_provider``, the global one when None.

    ``log_code_attributes`` adds ``code.file.path``, ``code.function.name`` and
    ``code.line.number``. With a formatter its text is the body. A record that cannot be emitted
    goes to ``handleError``; one that the provider itself logs meanwhile is left out.
    """

    def __init__(
        self,
        level: int | str = logging.NOTSET,
        logger_provider: LoggerProvider | None = None,
        log_code_attributes: bool = False,
    ) -> None:
        super().__init__(level)
        self._provider = logger_provider
        self._code = log_code_attributes
        self._sites = SiteTable()
        self._loggers: dict[str, Any] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Emit ``record`` unless the hook of our own engine has it already."""
        try:
            provider = self._provider or _logs.get_logger_provider()
            engine = getattr(provider, "engine", None)
            if engine is None:
                self._emit(provider, record)
            elif passing.record is not record:
                engine.take(record)
        except Exception:  # noqa: BLE001 - as stdlib's handlers
            self.handleError(record)

    def flush(self) -> None:
        """Flush the provider, where it can."""
        provider = self._provider or _logs.get_logger_provider()
        flush = getattr(provider, "force_flush", None)
        if flush is not None and getattr(provider, "engine", None) is None:
            flush()

    def _emit(self, provider: LoggerProvider, record: logging.LogRecord) -> None:
        if _emitting.get():
            return
        token = _emitting.set(True)
        try:
            site = self._sites.of(record)
            self._logger(provider, site.logger).emit(self._translated(record, site))
        finally:
            _emitting.reset(token)

    def _logger(self, provider: LoggerProvider, name: str) -> Any:
        key = f"{id(provider)}:{name}"
        logger = self._loggers.get(key)
        if logger is None:
            logger = self._loggers[key] = provider.get_logger(name)
        return logger

    def _translated(self, record: logging.LogRecord, site: Site) -> LogRecord:
        notes: list[str] = []
        attributes = self._attributes(record, site, notes)
        # The newer of its two names wins; neither stays behind as an attribute.
        events = [attributes.pop(name, None) for name in _EVENT_NAMES]
        event = next((each for each in events if each is not None), None)
        return LogRecord(
            timestamp=time_of(record.created, notes),
            observed_timestamp=time.time_ns(),
            severity_number=SeverityNumber(site.severity_number),
            severity_text=_TEXTS.get(record.levelname) or clean(record.levelname),
            body=well_formed(self._body(record, notes), notes),
            attributes=attributes,
            event_name=None if event is None else text_of(event, notes),
        )

    def _body(self, record: logging.LogRecord, notes: list[str]) -> str:
        if self.formatter is not None:
            try:
                return self.formatter.format(record)
            except Exception:  # noqa: BLE001 - the plain message is better than no record
                notes.append("bad_format")
        return message_of(record.msg, record.args, notes)

    def _attributes(
        self, record: logging.LogRecord, site: Site, notes: list[str],
    ) -> dict[str, Any]:
        attributes: dict[str, Any] = {}
        for name, value in request_context.get().fields.items():
            field = BY_NAME.get(name)
            attributes[field.at if field else name] = value
        for key, value in record.__dict__.items():
            name = well_formed(text_of(key, notes), notes)
            if name not in RECORD_ATTRIBUTES and not name.startswith("_fm_otel"):
                # The line has no bytes; the Logs API has.
                attributes[name] = value if type(value) is bytes else freeze(value, notes)
        if self._code:
            attributes["code.file.path"] = clean(record.pathname)
            attributes["code.function.name"] = site.qualified_function
            attributes["code.line.number"] = site.line
        if record.exc_info:
            error = capture_error(record.exc_info)
            if error is not None:
                told = {"type": error.type, "message": error.message,
                        "stacktrace": error.stack_trace()}
                attributes |= {f"exception.{name}": well_formed(text, notes)
                               for name, text in told.items() if text}
        return attributes
