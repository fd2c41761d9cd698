"""The values a record is on its walk: captured at the call, facts when it is shaped.

``Captured`` is what the logging call leaves behind: one tuple, references and numbers only, so
that queueing a record costs little memory. ``Facts`` is the same record laid out by the field
table, ready to be redacted and encoded. Both are read by every later station and owned by none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import SpanContext

    from fm_otel.context import Snapshot
    from fm_otel.site import Site
    from fm_otel.stack import CapturedError


class Captured(NamedTuple):
    """One record as the logging call left it.

    ``values`` stand beside ``keys`` and hold JSON values only, copied where they could change:
    a tuple, or the bytes of a JSON object's members without the braces.
    ``size`` is an estimate in bytes for the queue's bound. ``console`` is false where the
    console handlers of the application, which ours stands in for, would not have shown it.
    """

    time_ns: int
    seq: int
    site: Site
    message: str
    keys: tuple[str, ...]
    values: tuple[object, ...] | bytes
    span: SpanContext | None
    context: Snapshot
    error: CapturedError | None
    weight: float | None
    sanitized: tuple[str, ...]
    size: int
    console: bool


def extras_of(captured: Captured) -> dict[str, object]:
    """Return the extras of ``captured`` as a new mapping."""
    if isinstance(captured.values, bytes):
        extras: dict[str, object] = orjson.loads(b"{%b}" % captured.values)
        return extras
    return dict(zip(captured.keys, captured.values, strict=True))


@dataclass(frozen=True, slots=True)
class Process:
    """What is the same for every record of a process: the resource and the id prefix.

    ``resource`` holds the OTel resource attributes, ``record_prefix`` the boot-unique part of
    ``record_id``; ``record_id`` is the prefix followed by the sequence number in hexadecimal.
    """

    service: str
    environment: str
    version: str
    hostname: str
    pid: int
    record_prefix: str
    resource: Mapping[str, object]
    schema_url: str = ""


class ContextFacts:
    """A request context laid out by the field table, redacted once for all its records.

    ``schema`` holds the context fields in line order, ``fields`` other schema fields that came
    by the context (``operation``), ``plain`` the rest. ``redacted`` tells whether that was done.
    ``json`` and ``otlp`` are the encoders' own caches, empty until an encoder fills them.
    """

    __slots__ = ("fields", "json", "otlp", "plain", "redacted", "schema")

    def __init__(
        self,
        schema: dict[str, str],
        fields: dict[str, object],
        plain: dict[str, object],
    ) -> None:
        self.schema = schema
        self.fields = fields
        self.plain = plain
        self.redacted = False
        self.json: bytes | None = None
        self.otlp: bytes | None = None


class Facts:
    """One record laid out by the field table.

    ``context`` holds the values of the request context. ``fields`` holds the schema fields of
    the record itself, by JSON name: everything settable but ``error``, ``http`` and ``audit``;
    when it names a context field it beats the context. ``plain`` are user extras that stand at
    the top of the line, ``extra`` those that may not. ``record_id`` is complete. Values are
    JSON values: str, bool, int of 64 bits, finite float, list, dict; None only nested.
    ``members`` is the JSON of ``plain``, without braces, where a station has it, else None.
    """

    __slots__ = (
        "audit",
        "context",
        "error",
        "extra",
        "fields",
        "http",
        "members",
        "message",
        "plain",
        "record_id",
        "sanitized",
        "seq",
        "site",
        "span",
        "time_ns",
        "weight",
    )

    time_ns: int
    seq: int
    record_id: str
    site: Site
    message: str
    context: ContextFacts
    fields: dict[str, object]
    plain: dict[str, object]
    members: bytes | None
    extra: dict[str, object]
    error: dict[str, object] | None
    http: dict[str, object] | None
    audit: dict[str, object] | None
    span: SpanContext | None
    weight: float | None
    sanitized: tuple[str, ...]


class Encoder(Protocol):
    """Turns facts into bytes: a JSON line without its newline, or an OTLP ``LogRecord``."""

    def encode(self, facts: Facts) -> bytes:
        """Return the encoded record."""
        ...


class Losses(Protocol):
    """Counts what is not delivered."""

    def dropped(self, reason: str, count: int = 1) -> None:
        """Count ``count`` records lost for ``reason``."""
        ...


class Sink(Protocol):
    """Moves encoded records to one destination and counts what it could not move.

    ``write`` takes one chunk in order, each item a call site and the encoded bytes, and must
    neither raise nor wait longer than its own bound. ``flush`` and ``shutdown`` return
    whether everything handed over is out of the process, within ``timeout`` seconds.
    """

    def write(self, chunk: list[tuple[Site, bytes]]) -> None:
        """Take one chunk of encoded records.

        An interrupted call is made again with what is left in ``chunk``: a sink that writes at
        once empties it first.
        """
        ...

    def flush(self, timeout: float) -> bool:
        """Bring out what is held."""
        ...

    def shutdown(self, timeout: float) -> bool:
        """Bring out what is held and let go of threads and descriptors."""
        ...

    def after_fork(self) -> None:
        """In a forked child: start empty, leaving the parent's records to the parent."""
        ...
