"""Facts to one JSON line, in the order of the field table.

What does not change between records is kept as bytes: per process, per second, per call site,
per request context and per span. The rest of a line is one ``orjson`` call each for the message
and for the record's own values.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import orjson

from fm_otel.fields import CONTEXT_FIELDS, FIELDS
from fm_otel.values import MAX_LINE, cut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import SpanContext

    from fm_otel.record import ContextFacts, Facts, Process
    from fm_otel.site import Site

_ORDER: Final = {field.name: place for place, field in enumerate(FIELDS)}
_CONTEXT: Final = frozenset(CONTEXT_FIELDS)
_MILLIS: Final = tuple(b'.%03dZ",' % millis for millis in range(1000))
_NS: Final = 1_000_000_000
_dumps: Final = orjson.dumps
_CUT_TO: Final = (8192, 1024, 128)
"""Lengths strings of an oversized record are cut to, one after the other, until it fits."""


class JsonLine:
    """Encodes records of one process as JSON lines."""

    def __init__(self, process: Process) -> None:
        named = {
            "service": process.service,
            "environment": process.environment,
            "version": process.version,
            "hostname": process.hostname,
        }
        self._process = b"," + _members(named)
        self._pid = f',"pid":{process.pid}'
        self._second = -1
        self._stamp = b""
        self._span: SpanContext | None = None
        self._span_bytes = b""

    def encode(self, facts: Facts) -> bytes:
        """Return the line without its newline: strict JSON of at most 256 KiB."""
        line = self._line(facts)
        return line if len(line) <= MAX_LINE else self._shortened(facts)

    def _line(self, facts: Facts) -> bytes:
        site, context, fields, plain = facts.site, facts.context, facts.fields, facts.plain
        second, rest = divmod(facts.time_ns, _NS)
        if second != self._second:
            self._start_second(second)
        head, tail = site.json or _site(site)
        if context.fields:
            fields = _merged(context.fields, fields)
        parts = [
            self._stamp, _MILLIS[rest // 1_000_000], head, _dumps(facts.message), self._process,
        ]
        if not fields:
            parts += (context.json or _context(context), tail)
        elif _CONTEXT.isdisjoint(fields):
            parts += (context.json or _context(context), tail, b",", _dumps(fields)[1:-1])
        else:
            parts += _overridden(context, fields, tail)
        if facts.span is not None:
            if facts.span is not self._span:
                self._start_span(facts.span)
            parts.append(self._span_bytes)
        if facts.error or facts.http or facts.audit or facts.weight is not None or facts.sanitized:
            parts += _rare(facts)
        parts.append(
            f',"record_id":"{facts.record_id}","seq":{facts.seq}{self._pid}'.encode(),
        )
        if context.plain:
            plain = {**{k: v for k, v in context.plain.items() if k not in plain}, **plain}
            parts += (b",", _members(plain))
        elif plain:
            parts += (b",", facts.members or _members(plain))
        if facts.extra:
            parts += (b',"extra":', _dumps(facts.extra))
        parts.append(b"}")
        return b"".join(parts)

    def _start_second(self, second: int) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        self._stamp = b'{"timestamp":"' + stamp.encode()
        self._second = second

    def _start_span(self, span: SpanContext) -> None:
        self._span_bytes = (
            b',"trace_id":"%032x","span_id":"%016x","trace_flags":"%02x"'
            % (span.trace_id, span.span_id, span.trace_flags)
        )
        self._span = span

    def _shortened(self, facts: Facts) -> bytes:
        """Encode an oversized record with its longest values cut."""
        facts.sanitized = (*facts.sanitized, "too_long")
        for limit in _CUT_TO:
            facts.message = cut(facts.message, limit * 8)
            facts.members = None
            for name in ("plain", "extra", "error", "http", "audit"):
                value = getattr(facts, name)
                if value:
                    setattr(facts, name, _cut(value, limit))
            line = self._line(facts)
            if len(line) <= MAX_LINE:
                return line
        facts.plain, facts.extra, facts.members = {}, {}, None
        return self._line(facts)


def _members(mapping: Mapping[str, object]) -> bytes:
    return _dumps(mapping)[1:-1]


def _site(site: Site) -> tuple[bytes, bytes]:
    """Make and keep the fragments before and behind the message's neighbours."""
    head = _members({"level": site.level, "logger": site.logger}) + b',"message":'
    place = {"module": site.module, "function": site.function, "line": site.line}
    known = {name: value for name, value in place.items() if value is not None}
    site.json = (head, b"," + _members(known) if known else b"")
    return site.json


def _context(context: ContextFacts) -> bytes:
    context.json = b"," + _members(context.schema) if context.schema else b""
    return context.json


def _rare(facts: Facts) -> list[bytes]:
    """Return what few records have."""
    parts: list[bytes] = []
    for name in ("error", "http", "audit"):
        value = getattr(facts, name)
        if value is not None:
            parts += (b',"%b":' % name.encode(), _dumps(value))
    if facts.weight is not None:
        parts += (b',"sample_weight":', _dumps(facts.weight))
    if facts.sanitized:
        parts += (b',"sanitized":', _dumps(facts.sanitized))
    return parts


def _merged(inherited: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of context and record in line order; the record's word counts."""
    merged = {**inherited, **own}
    if len(inherited) > 1 or next(iter(inherited)) != "operation":
        return {name: merged[name] for name in sorted(merged, key=_ORDER.__getitem__)}
    return merged


def _overridden(
    context: ContextFacts, fields: Mapping[str, object], tail: bytes,
) -> tuple[bytes, ...]:
    """Return context and own fields of a record that sets context fields by ``extra``."""
    mine = {name: value for name, value in fields.items() if name in _CONTEXT}
    merged = {**context.schema, **mine}
    first: dict[str, object] = {name: merged[name] for name in CONTEXT_FIELDS if name in merged}
    rest = {name: value for name, value in fields.items() if name not in _CONTEXT}
    return (b",", _members(first), tail, *((b",", _members(rest)) if rest else ()))


def _cut(value: object, limit: int) -> object:
    if isinstance(value, str):
        return cut(value, limit)
    if isinstance(value, dict):
        return {key: _cut(item, limit) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(item, limit) for item in value]
    return value
