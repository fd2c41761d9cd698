"""The field table: every field of a log line, once.

The JSON Schema, the order of the JSON line, the OTLP attribute names, the collector's transform
and the redaction allow-list are all read from :data:`FIELDS`. Names on the OTLP side follow the
OpenTelemetry semantic conventions where they have one, ``faultmaven.*`` otherwise.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

SCHEMA_VERSION: Final = "1.0.0"

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

ID_PATTERN: Final = r"[A-Za-z0-9._:-]{1,128}"
"""Ids taken from headers match this whole; longer or odder ones are replaced or dropped."""


class Kind(StrEnum):
    """JSON type of a field's value."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OBJECT = "object"
    STRINGS = "array"


class Wire(StrEnum):
    """Where a field sits in an OTLP log record."""

    SLOT = "slot"
    SCOPE = "scope"
    RESOURCE = "resource"
    ATTRIBUTE = "attribute"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the line, or one member of an object field.

    ``at`` is the slot, resource attribute or record attribute that carries the value in OTLP.
    ``settable``: a logging call may set it by ``extra``. ``safe``: the value cannot hold a secret,
    so redaction leaves it alone but for detectors with a literal prefix. ``label``: may become a
    metric label. ``aliases``: other spellings accepted as ``extra`` keys.
    """

    name: str
    kind: Kind
    wire: Wire
    at: str
    about: str
    required: bool = False
    settable: bool = False
    safe: bool = False
    label: bool = False
    aliases: tuple[str, ...] = ()
    pattern: str | None = None
    values: tuple[str, ...] = ()
    minimum: float | None = None
    members: tuple[Field, ...] = field(default=())


_S, _I, _N, _B = Kind.STRING, Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN
_ATTR, _RES, _SLOT = Wire.ATTRIBUTE, Wire.RESOURCE, Wire.SLOT

_ERROR = (
    Field("type", _S, _ATTR, "exception.type", "exception type, module-qualified", safe=True),
    Field("message", _S, _ATTR, "exception.message", "text of the exception"),
    Field("stack_trace", _S, _ATTR, "exception.stacktrace", "full stack with causes and notes"),
    Field("error_code", _S, _ATTR, "faultmaven.error.code", "mnemonic of the error catalogue",
          safe=True, label=True),
    Field("category", _S, _ATTR, "faultmaven.error.category", "category of the error code",
          safe=True, label=True),
    Field("repeat", _B, _ATTR, "faultmaven.error.repeat",
          "true when this exception object was recorded before", safe=True),
)

_HTTP = (
    Field("method", _S, _ATTR, "http.request.method", "request method", safe=True, label=True),
    Field("route", _S, _ATTR, "http.route", "route template", label=True),
    Field("status", _I, _ATTR, "http.response.status_code", "response status",
          safe=True, label=True),
    Field("path", _S, _ATTR, "url.path", "request path without query"),
    Field("client", _S, _ATTR, "client.address", "address of the client", safe=True),
)

_AUDIT = (
    Field("action", _S, _ATTR, "faultmaven.audit.action", "what was done", safe=True),
    Field("category", _S, _ATTR, "faultmaven.audit.category", "kind of action",
          safe=True, label=True),
    Field("outcome", _S, _ATTR, "faultmaven.audit.outcome", "success, failure, denied, ...",
          safe=True, label=True),
    Field("actor", _S, _ATTR, "faultmaven.audit.actor", "who did it"),
    Field("resource", _S, _ATTR, "faultmaven.audit.resource", "what it was done to"),
    Field("reason", _S, _ATTR, "faultmaven.audit.reason", "why it was done or refused"),
    Field("seq", _I, _ATTR, "faultmaven.audit.seq", "position in the audit chain", safe=True),
    Field("hash", _S, _ATTR, "faultmaven.audit.hash", "hash of this audit record", safe=True),
    Field("prev_hash", _S, _ATTR, "faultmaven.audit.prev_hash", "hash of the one before it",
          safe=True),
)

FIELDS: Final = (
    Field("timestamp", _S, _SLOT, "time_unix_nano", "time of the call, RFC 3339, UTC", True,
          safe=True, pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"),
    Field("level", _S, _SLOT, "severity_number", "severity", True, safe=True, label=True,
          values=LEVELS),
    Field("logger", _S, Wire.SCOPE, "name", "name of the logger", True, safe=True),
    Field("message", _S, _SLOT, "body", "formatted message", True),
    Field("service", _S, _RES, "service.name", "name of the service", True, safe=True,
          label=True),
    Field("environment", _S, _RES, "deployment.environment.name", "deployment environment", True,
          safe=True, label=True),
    Field("version", _S, _RES, "service.version", "version of the service", True, safe=True),
    Field("hostname", _S, _RES, "host.name", "host that ran the call", True, safe=True),
    Field("correlation_id", _S, _ATTR, "faultmaven.correlation_id",
          "id of the request across services", settable=True, safe=True),
    Field("session_id", _S, _ATTR, "session.id", "id of the user's session", settable=True,
          safe=True, aliases=("session.id",)),
    Field("user_id", _S, _ATTR, "user.id", "id of the user, or its pseudonym", settable=True,
          safe=True, aliases=("user.id",)),
    Field("agent_phase", _S, _ATTR, "faultmaven.agent.phase", "phase of the investigation",
          settable=True, safe=True, label=True, aliases=("faultmaven.agent.phase",)),
    Field("investigation_id", _S, _ATTR, "faultmaven.investigation.id",
          "id of the investigation or case", settable=True, safe=True),
    Field("data_type", _S, _ATTR, "faultmaven.data_type", "kind of data under analysis",
          settable=True, safe=True, label=True),
    Field("query_complexity", _S, _ATTR, "faultmaven.query.complexity",
          "complexity of the query", settable=True, safe=True, label=True),
    Field("module", _S, _ATTR, "code.file.path", "file stem of the call site", safe=True),
    Field("function", _S, _ATTR, "code.function.name", "function of the call site", safe=True),
    Field("line", _I, _ATTR, "code.line.number", "line of the call site", safe=True),
    Field("operation", _S, _ATTR, "faultmaven.operation", "operation the record belongs to",
          settable=True, safe=True, label=True),
    Field("outcome", _S, _ATTR, "faultmaven.outcome", "ok or error", settable=True, safe=True,
          label=True),
    Field("event", _S, _SLOT, "event_name", "name of the event", settable=True, safe=True,
          aliases=("otel.event.name", "event_name")),
    Field("agent_phase_from", _S, _ATTR, "faultmaven.agent.phase.from", "phase left",
          settable=True, safe=True, label=True),
    Field("agent_phase_to", _S, _ATTR, "faultmaven.agent.phase.to", "phase entered",
          settable=True, safe=True, label=True),
    Field("duration_ms", _N, _ATTR, "faultmaven.duration_ms", "duration in milliseconds",
          settable=True, safe=True),
    Field("tokens_used", _I, _ATTR, "faultmaven.tokens_used", "LLM tokens used", settable=True,
          safe=True),
    Field("cache_hit", _B, _ATTR, "faultmaven.cache.hit", "whether a cache answered",
          settable=True, safe=True, label=True),
    Field("trace_id", _S, _SLOT, "trace_id", "W3C trace id", safe=True,
          pattern=r"^[0-9a-f]{32}$"),
    Field("span_id", _S, _SLOT, "span_id", "W3C span id", safe=True, pattern=r"^[0-9a-f]{16}$"),
    Field("trace_flags", _S, _SLOT, "flags", "W3C trace flags", safe=True,
          pattern=r"^[0-9a-f]{2}$"),
    Field("error", Kind.OBJECT, _ATTR, "exception", "what failed", settable=True,
          members=_ERROR),
    Field("http", Kind.OBJECT, _ATTR, "http", "the request, on request records", settable=True,
          members=_HTTP),
    Field("audit", Kind.OBJECT, _ATTR, "faultmaven.audit", "the action, on audit records",
          settable=True, members=_AUDIT),
    Field("sample_weight", _N, _ATTR, "faultmaven.sample.weight",
          "how many records this one stands for", settable=True, safe=True, minimum=1),
    Field("sanitized", Kind.STRINGS, _ATTR, "faultmaven.sanitized",
          "what was changed to keep the record", safe=True),
    Field("record_id", _S, _ATTR, "log.record.uid", "unique id of the record", True, safe=True),
    Field("seq", _I, _ATTR, "faultmaven.seq", "position in the process", True, safe=True,
          minimum=0),
    Field("pid", _I, _RES, "process.pid", "process id", True, safe=True, minimum=0),
    Field("extra", Kind.OBJECT, _ATTR, "faultmaven.extra",
          "extras that may not stand at the top"),
)

BY_NAME: Final = {f.name: f for f in FIELDS}

SETTABLE: Final = {
    spelling: f
    for f in FIELDS
    if f.settable
    for spelling in (f.name, *f.aliases)
} | {f.at: f for f in FIELDS if f.settable and f.wire is Wire.ATTRIBUTE and not f.members}
"""``extra`` keys that set a schema field, the OTel spellings among them."""

SETTABLE["error_code"] = next(m for m in _ERROR if m.name == "error_code")
SETTABLE["faultmaven.error.code"] = SETTABLE["error_code"]

RESERVED_PREFIXES: Final = ("code.", "exception.", "log.record.", "faultmaven.")
"""``extra`` keys under these are ours on the wire; a user's value goes under ``extra``."""

CONTEXT_FIELDS: Final = (
    "correlation_id",
    "session_id",
    "user_id",
    "agent_phase",
    "investigation_id",
    "data_type",
    "query_complexity",
)
"""Schema fields that usually come from the request context."""

RECORD_ATTRIBUTES: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message", "asctime", "taskName",
}
"""Names a ``LogRecord`` owns, on every Python: no extra may be one of them."""

ID_FIELDS: Final = ("correlation_id", "session_id", "user_id", "investigation_id")

PERFORMANCE_FIELDS: Final = ("duration_ms", "tokens_used", "cache_hit")
"""Fields that ``LOG_ENABLE_METRICS=false`` removes."""
