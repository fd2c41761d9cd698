"""Facts to the bytes of an OTLP ``LogRecord``, and those to an export request.

The bytes are written by hand: building protobuf objects from Python is nearly all of what OTLP
logs cost elsewhere, and the wire format of OTLP 1.x is frozen. What does not change between
records is kept as bytes: per call site, per request context, per span, and per attribute key.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from fm_otel.encoding.protobuf import SMALL, block, int64, read, scan, tag, varint
from fm_otel.fields import BY_NAME, FIELDS, Wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.trace import SpanContext

    from fm_otel.record import ContextFacts, Facts, Process
    from fm_otel.site import Site

MAX_KEYS: Final = 4096
"""Attribute keys remembered before the table starts afresh; keys may come from user data."""

MAX_SPANS: Final = 512
_MAX_FRAMED: Final = 1024
_SHORT_BODY, _SHORT_TEXT, _SHORT_ATTRIBUTE = 4096, 4000, 1024

# Fields of opentelemetry.proto.logs.v1 and common.v1.
_SEVERITY_NUMBER, _SEVERITY_TEXT, _BODY, _ATTRIBUTE = 2, 3, 5, 6
_DROPPED_COUNT, _EVENT_NAME = 7, 12
_STRING, _BOOL, _INT, _DOUBLE, _ARRAY, _MAP = 1, 2, 3, 4, 5, 6

_TIMES: Final = Struct("<BQBQ").pack
_TIME_TAG, _OBSERVED_TAG = 1 << 3 | 1, 11 << 3 | 1
_SPAN: Final = Struct("<2s16s2s8sBI").pack
_TRACE_ID_HEAD, _SPAN_ID_HEAD = tag(9, 2) + varint(16), tag(10, 2) + varint(8)
_FLAGS_TAG: Final = 8 << 3 | 5
_REAL: Final = Struct("<d").pack


class _Slot:
    """Where a value of any type may stand, with the bytes that go before it.

    ``head`` is the key of a ``KeyValue``; without one the slot takes a bare ``AnyValue``.
    """

    __slots__ = (
        "_head",
        "_tag",
        "arrays",
        "false",
        "integers",
        "maps",
        "nothing",
        "real",
        "strings",
        "true",
    )

    def __init__(self, field: int, key: str | None = None) -> None:
        self._tag = tag(field, 2)
        self._head = None if key is None else block(1, key.encode())
        self.true = self._frame(2) + tag(_BOOL, 0) + b"\x01"
        self.false = self._frame(2) + tag(_BOOL, 0) + b"\x00"
        self.real = self._frame(9) + tag(_DOUBLE, 1)
        self.nothing = self._frame(0)
        self.integers: dict[int, bytes] = {}
        self.strings: dict[int, bytes] = {}
        self.arrays: dict[int, bytes] = {}
        self.maps: dict[int, bytes] = {}

    def _frame(self, size: int) -> bytes:
        if self._head is None:
            return self._tag + varint(size)
        inner = self._head + b"\x12" + varint(size)
        return self._tag + varint(len(inner) + size) + inner

    def integer(self, size: int) -> bytes:
        """Return what goes before an integer of ``size`` encoded bytes."""
        frame = self.integers[size] = self._frame(1 + size) + tag(_INT, 0)
        return frame

    def string(self, size: int) -> bytes:
        """Return what goes before a string of ``size`` encoded bytes."""
        return self._delimited(_STRING, size, self.strings)

    def array(self, size: int) -> bytes:
        """Return what goes before the ``size`` bytes of an ``ArrayValue``."""
        return self._delimited(_ARRAY, size, self.arrays)

    def map(self, size: int) -> bytes:
        """Return what goes before the ``size`` bytes of a ``KeyValueList``."""
        return self._delimited(_MAP, size, self.maps)

    def _delimited(self, field: int, size: int, known: dict[int, bytes]) -> bytes:
        head = tag(field, 2) + varint(size)
        frame = self._frame(len(head) + size) + head
        if size < _MAX_FRAMED:
            known[size] = frame
        return frame


class _Slots(dict[str, _Slot]):
    """The slots of the keys seen so far, made when first asked for."""

    def __init__(self, field: int) -> None:
        super().__init__()
        self._field = field

    def __missing__(self, key: str) -> _Slot:
        if len(self) >= MAX_KEYS:
            self.clear()
        slot = self[key] = _Slot(self._field, key)
        return slot


_RECORD_HEADS: Final[dict[int, bytes]] = {}
_ATTRIBUTES: Final = _Slots(_ATTRIBUTE)
_ENTRIES: Final = _Slots(1)
_ELEMENT: Final = _Slot(1)
_BODY_SLOT: Final = _Slot(_BODY)

_FIELD_SLOTS: Final = {
    f.name: _Slot(_ATTRIBUTE, f.at) for f in FIELDS if f.wire is Wire.ATTRIBUTE and not f.members
}
_MEMBER_SLOTS: Final = {
    f.name: {m.name: _Slot(_ATTRIBUTE, m.at) for m in f.members} for f in FIELDS if f.members
}
_ERROR, _HTTP, _AUDIT = (_MEMBER_SLOTS[name] for name in ("error", "http", "audit"))
_EVENT: Final = BY_NAME["event"].name
_RECORD_ID, _SEQ, _WEIGHT, _SANITIZED, _EXTRA = (
    _FIELD_SLOTS[name] for name in ("record_id", "seq", "sample_weight", "sanitized", "extra")
)


def _put(out: list[bytes], slot: _Slot, value: object) -> None:
    """Append ``value`` in its slot."""
    if isinstance(value, str):
        text = value.encode()
        size = len(text)
        out.append(slot.strings.get(size) or slot.string(size))
        out.append(text)
    elif isinstance(value, bool):
        out.append(slot.true if value else slot.false)
    elif isinstance(value, int):
        digits = SMALL[value] if 0 <= value < 128 else int64(value)
        out.append(slot.integers.get(len(digits)) or slot.integer(len(digits)))
        out.append(digits)
    elif isinstance(value, float):
        out.append(slot.real)
        out.append(_REAL(value))
    elif value is None:
        out.append(slot.nothing)
    elif isinstance(value, dict):
        inner: list[bytes] = []
        for key, item in value.items():
            _put(inner, _ENTRIES[key], item)
        encoded = b"".join(inner)
        out.append(slot.maps.get(len(encoded)) or slot.map(len(encoded)))
        out.append(encoded)
    elif isinstance(value, (list, tuple)):
        inner = []
        for item in value:
            _put(inner, _ELEMENT, item)
        encoded = b"".join(inner)
        out.append(slot.arrays.get(len(encoded)) or slot.array(len(encoded)))
        out.append(encoded)
    else:
        message = f"no OTLP value for {type(value).__name__}"
        raise TypeError(message)


def _put_all(out: list[bytes], slots: dict[str, _Slot], values: Mapping[str, object]) -> None:
    for name, value in values.items():
        _put(out, slots[name], value)


class OtlpEncoder:
    """Turns facts into serialised ``opentelemetry.proto.logs.v1.LogRecord`` messages.

    ``resource`` is what :func:`export_request` wants to be told about the process.
    """

    def __init__(self, process: Process) -> None:
        self.resource = encode_resource(process)
        self._spans: dict[int, tuple[SpanContext, bytes]] = {}

    def encode(self, facts: Facts) -> bytes:
        """Return the encoded record.

        Raises when a value has no place in OTLP: not a JSON value, an integer beyond 64 bits,
        text with lone surrogates.
        """
        severity, code = facts.site.otlp or _encode_site(facts.site)
        out = [_TIMES(_TIME_TAG, facts.time_ns, _OBSERVED_TAG, facts.time_ns), severity]
        _put(out, _BODY_SLOT, facts.message)
        if facts.span is not None:
            out.append(self._span(facts.span))
        out.append(code)
        out.append(_encode_context(facts))
        if facts.fields:
            _put_fields(out, facts.fields)
        if facts.error or facts.http or facts.audit:
            _put_objects(out, facts)
        if facts.weight is not None:
            _put(out, _WEIGHT, facts.weight)
        if facts.sanitized:
            _put(out, _SANITIZED, facts.sanitized)
        _put(out, _RECORD_ID, facts.record_id)
        _put(out, _SEQ, facts.seq)
        if facts.plain:
            _put_all(out, _ATTRIBUTES, facts.plain)
        if facts.extra:
            _put(out, _EXTRA, facts.extra)
        return b"".join(out)

    def _span(self, span: SpanContext) -> bytes:
        known = self._spans.get(id(span))
        return known[1] if known is not None else self._encode_span(span)

    def _encode_span(self, span: SpanContext) -> bytes:
        if len(self._spans) >= MAX_SPANS:
            self._spans.clear()
        encoded = _SPAN(
            _TRACE_ID_HEAD,
            span.trace_id.to_bytes(16, "big"),
            _SPAN_ID_HEAD,
            span.span_id.to_bytes(8, "big"),
            _FLAGS_TAG,
            span.trace_flags,
        )
        # The span context is kept with its bytes: while it lives, its id means nothing else.
        self._spans[id(span)] = (span, encoded)
        return encoded


def _encode_site(site: Site) -> tuple[bytes, bytes]:
    severity = tag(_SEVERITY_NUMBER, 0) + varint(site.severity_number)
    severity += block(_SEVERITY_TEXT, site.severity_text.encode())
    code: list[bytes] = []
    place = {
        "module": site.file_path,
        "function": site.qualified_function,
        "line": site.line,
    }
    for name, value in place.items():
        if value is not None:
            _put(code, _FIELD_SLOTS[name], value)
    site.otlp = severity, b"".join(code)
    return site.otlp


def _encode_context(facts: Facts) -> bytes:
    """Return the attributes of the request context, without those the record sets itself."""
    context = facts.context
    if _overrides(facts, context):
        fields = facts.fields
        out: list[bytes] = []
        _put_fields(out, {k: v for k, v in context.schema.items() if k not in fields})
        _put_fields(out, {k: v for k, v in context.fields.items() if k not in fields})
        plain = {k: v for k, v in context.plain.items() if k not in facts.plain}
        _put_all(out, _ATTRIBUTES, plain)
        return b"".join(out)
    if context.otlp is None:
        out = []
        _put_fields(out, context.schema)
        _put_fields(out, context.fields)
        _put_all(out, _ATTRIBUTES, context.plain)
        context.otlp = b"".join(out)
    return context.otlp


def _overrides(facts: Facts, context: ContextFacts) -> bool:
    fields, plain = facts.fields, facts.plain
    if fields:
        names = fields.keys()
        if not (names.isdisjoint(context.schema) and names.isdisjoint(context.fields)):
            return True
    return bool(plain and context.plain) and not plain.keys().isdisjoint(context.plain)


def _put_fields(out: list[bytes], fields: Mapping[str, object]) -> None:
    for name, value in fields.items():
        if name == _EVENT:
            out.append(block(_EVENT_NAME, str(value).encode()))
        else:
            _put(out, _FIELD_SLOTS[name], value)


def _put_objects(out: list[bytes], facts: Facts) -> None:
    if facts.error:
        _put_all(out, _ERROR, facts.error)
    if facts.http:
        _put_all(out, _HTTP, facts.http)
    if facts.audit:
        _put_all(out, _AUDIT, facts.audit)


def encode_resource(process: Process) -> bytes:
    """Return resource and schema URL of a process, as fields of ``ResourceLogs``."""
    attributes: list[bytes] = []
    for key, value in process.resource.items():
        _put(attributes, _Slot(1, key), value)
    encoded = block(1, b"".join(attributes))
    return encoded + block(3, process.schema_url.encode()) if process.schema_url else encoded


def export_request(
    resource: bytes,
    scopes: Iterable[tuple[str, str | None, list[bytes]]],
) -> bytes:
    """Return an ``ExportLogsServiceRequest``.

    ``resource`` comes from :func:`encode_resource`; ``scopes`` are name, version and encoded
    records of each logger.
    """
    # Joined once: a second buffer of this size would be page faults for every request.
    out = [resource]
    for name, version, records in scopes:
        scope = block(1, name.encode())
        if version:
            scope += block(2, version.encode())
        about = block(1, scope)
        framed = _framed(records)
        out += (tag(2, 2), varint(len(about) + sum(map(len, framed))), about)
        out += framed
    return b"".join((tag(1, 2), varint(sum(map(len, out))), *out))


def _framed(records: list[bytes]) -> list[bytes]:
    """Return encoded records with what goes before each in the repeated field of ``ScopeLogs``."""
    out: list[bytes] = []
    for record in records:
        size = len(record)
        out.append(_RECORD_HEADS.get(size) or _record_head(size))
        out.append(record)
    return out


def _record_head(size: int) -> bytes:
    head = tag(2, 2) + varint(size)
    if size < MAX_KEYS:
        _RECORD_HEADS[size] = head
    return head


def shorten(record: bytes) -> bytes:
    """Return a record cut to what nearly any receiver takes: its long values are left out.

    The body keeps its beginning; attributes too long to keep are counted in
    ``dropped_attributes_count``, as the logs data model has it.
    """
    out: list[bytes] = []
    dropped = 0
    for field, value, encoded in scan(record):
        if field == _BODY and isinstance(value, bytes) and len(value) > _SHORT_BODY:
            _put(out, _BODY_SLOT, _beginning(value))
        elif field == _ATTRIBUTE and len(encoded) > _SHORT_ATTRIBUTE:
            dropped += 1
        else:
            out.append(encoded)
    if dropped:
        out.append(tag(_DROPPED_COUNT, 0) + varint(dropped))
    return b"".join(out)


def _beginning(body: bytes) -> str:
    text = b"".join(value for _, value in read(body) if isinstance(value, bytes))
    return text[:_SHORT_TEXT].decode(errors="ignore")
