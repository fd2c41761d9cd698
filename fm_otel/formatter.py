"""``FaultMavenFormatter``: the engine's line from a plain stdlib handler.

For programs that configure ``logging`` themselves and want the schema only: capture, redaction
and encoding are the engine's, delivery is the handler's.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

try:
    from pythonjsonlogger.json import JsonFormatter
except ImportError:  # python-json-logger before version 3.1
    from pythonjsonlogger.jsonlogger import JsonFormatter

from fm_otel import settings
from fm_otel.capture import Capture, passing
from fm_otel.encoding.json_line import JsonLine
from fm_otel.record import Process
from fm_otel.redact import Redaction
from fm_otel.redaction import Redactor
from fm_otel.shape import Shaper

if TYPE_CHECKING:
    import logging

    from opentelemetry.trace import SpanContext


class FaultMavenFormatter(JsonFormatter):  # type: ignore[misc]  # untyped base
    """Formats a record as one line of the published schema.

    Takes the arguments of python-json-logger's formatter and leaves the layout to the schema.
    ``record_id`` and ``seq`` are the formatter's own, unless an engine is passing it the record.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = threading.RLock()
        self._stations: _Stations | None = None

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's JSON line."""
        with self._lock:
            stations = self._stations
            if stations is None or stations.pid != os.getpid():
                stations = self._stations = _Stations()
            return stations.line(record)


class _Stations:
    """Capture, shape, redaction and encoder of one formatter in one process."""

    def __init__(self) -> None:
        active = settings.active()
        self.pid = os.getpid()
        prefix = f"{secrets.token_hex(8)}-"
        process = Process(
            active.service, active.environment, active.version, socket.gethostname(), self.pid,
            prefix, {},
        )
        self.capture = Capture(_current_span)
        self.shaper = Shaper(prefix, performance=active.enable_metrics)
        self.redaction = Redaction(_redactor(active))
        self.encoder = JsonLine(process)

    def line(self, record: logging.LogRecord) -> str:
        """Walk ``record`` through the stations."""
        engines = passing.captured if passing.record is record else None
        captured = engines or self.capture.take(record) or self.capture.minimal(record)
        facts = self.shaper.shape(captured)
        if engines is not None:
            facts.record_id = f"{passing.prefix}{facts.seq:x}"
        self.redaction.clean(facts)
        return self.encoder.encode(facts).decode()


def _redactor(active: settings.Settings) -> Redactor | None:
    if not active.redact:
        return None
    return Redactor(rules_path=active.redact_rules, pseudonym_key=active.pseudonym_key)


def _current_span() -> SpanContext | None:
    context = trace.get_current_span().get_span_context()
    return context if context.is_valid else None
