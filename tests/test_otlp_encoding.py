"""The bytes of an OTLP record say what upstream's encoder says about the same facts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as WireRecord
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from fm_otel.encoding import protobuf
from fm_otel.encoding.otlp import MAX_KEYS, OtlpEncoder, encode_resource, export_request
from fm_otel.fields import BY_NAME
from fm_otel.record import ContextFacts, Facts, Process
from fm_otel.site import Site

PROCESS = Process(
    service="faultmaven-api",
    environment="test",
    version="1.2.3",
    hostname="host-a",
    pid=42,
    record_prefix="0123456789abcdef-",
    resource={
        "service.name": "faultmaven-api",
        "process.pid": 42,
        "debug": True,
        "ratio": 0.5,
        "tags": ["a", "b"],
        "ports": (1, 2),
    },
    schema_url="https://example.org/schema",
)


def facts(**members: Any) -> Facts:
    """Build facts of an INFO record; ``members`` replace what it has by default."""
    built = Facts()
    defaults: dict[str, Any] = {
        "time_ns": 1_700_000_000_123_456_789,
        "seq": 7,
        "record_id": "0123456789abcdef-7",
        "site": Site("app.main", 20, "INFO"),
        "message": "hello",
        "context": ContextFacts({}, {}, {}),
        "fields": {},
        "plain": {},
        "extra": {},
        "error": None,
        "http": None,
        "audit": None,
        "span": None,
        "weight": None,
        "sanitized": (),
    }
    for name, value in (defaults | members).items():
        setattr(built, name, value)
    return built


def decode(encoded: bytes) -> WireRecord:
    """Decode with the generated classes."""
    record: WireRecord = WireRecord.FromString(encoded)
    return record


def attributes(encoded: bytes) -> dict[str, Any]:
    """Return the decoded attributes as Python values; a doubled key fails."""
    pairs = [(pair.key, _value(pair.value)) for pair in decode(encoded).attributes]
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value) for pair in value.kvlist_value.values}
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return None if kind is None else getattr(value, kind)


def expected_attributes(of: Facts) -> dict[str, Any]:
    """Lay out what the field table says, in plain Python."""
    site, context = of.site, of.context
    code = {"module": site.file_path, "function": site.qualified_function, "line": site.line}
    flat: dict[str, Any] = {name: value for name, value in code.items() if value is not None}
    flat |= context.schema | context.fields | of.fields
    flat |= {} if of.weight is None else {"sample_weight": of.weight}
    flat |= {"sanitized": list(of.sanitized)} if of.sanitized else {}
    flat |= {"record_id": of.record_id, "seq": of.seq}
    flat |= {"extra": of.extra} if of.extra else {}
    flat.pop("event", None)
    named = {BY_NAME[name].at: value for name, value in flat.items()}
    for group in ("error", "http", "audit"):
        members = {member.name: member.at for member in BY_NAME[group].members}
        named |= {members[k]: v for k, v in (getattr(of, group) or {}).items()}
    return named | context.plain | of.plain


def by_upstream(of: Facts) -> ExportLogsServiceRequest:
    """Encode the same facts with upstream's SDK objects and encoder."""
    event = of.fields.get("event") or of.context.fields.get("event")
    log_record = LogRecord(
        timestamp=of.time_ns,
        observed_timestamp=of.time_ns,
        context=set_span_in_context(NonRecordingSpan(of.span)) if of.span else None,
        severity_text=of.site.severity_text,
        severity_number=SeverityNumber(of.site.severity_number),
        body=of.message,
        attributes=expected_attributes(of),
        event_name=str(event) if event else None,
    )
    readable = ReadableLogRecord(
        log_record=log_record,
        resource=Resource(dict(PROCESS.resource), PROCESS.schema_url),  # type: ignore[arg-type]
        instrumentation_scope=InstrumentationScope(of.site.logger, of.site.scope[1]),
    )
    return encode_logs([readable])


def canonical(request: ExportLogsServiceRequest) -> str:
    """Return a request as text, blind to the order of map entries."""

    def sort(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: sort(item) for key, item in value.items()}
        if isinstance(value, list):
            items = [sort(item) for item in value]
            keyed = all(isinstance(item, dict) and "key" in item for item in items)
            return sorted(items, key=lambda item: item["key"]) if keyed else items
        return value

    return json.dumps(sort(MessageToDict(request)), sort_keys=True)


INTEGERS = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(codec="utf-8"), max_size=300)
SCALARS = st.one_of(TEXT, st.booleans(), INTEGERS, st.floats(allow_nan=False))
NESTED = st.recursive(
    st.none() | SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
TOP = st.one_of(SCALARS, st.lists(NESTED, max_size=4), st.dictionaries(TEXT, NESTED, max_size=4))
PLAIN = st.dictionaries(TEXT.map(lambda key: f"x.{key}"), TOP, max_size=5)
CONTEXT_SCHEMA = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("correlation_id", "session_id", "user_id", "agent_phase"), TEXT)
)
RECORD_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "session_id": TEXT,
        "operation": TEXT,
        "event": st.text(st.characters(codec="utf-8"), min_size=1),
        "duration_ms": INTEGERS | st.floats(0, 1e12),
        "tokens_used": INTEGERS,
        "cache_hit": st.booleans(),
    },
)
SPANS = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.just(False),
    st.integers(0, 255).map(TraceFlags),
)
SITES = st.builds(
    Site,
    TEXT,
    st.integers(0, 60),
    st.sampled_from(["DEBUG", "WARNING", "CRITICAL", "NOTICE"]),
    file_path=st.none() | TEXT,
    function=st.none() | TEXT.filter(bool),
    line=st.none() | st.integers(0, 2**31),
    scope_version=st.none() | TEXT,
)
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FACTS = st.builds(
    facts,
    time_ns=st.integers(0, 2**63 - 1),
    seq=st.integers(0, 2**63 - 1),
    record_id=st.text("0123456789abcdef-", min_size=1, max_size=40),
    site=SITES,
    message=TEXT,
    context=st.builds(
        ContextFacts,
        CONTEXT_SCHEMA,
        st.fixed_dictionaries({}, optional={"operation": TEXT}),
        PLAIN,
    ),
    fields=RECORD_FIELDS,
    plain=PLAIN,
    extra=st.dictionaries(TEXT, NESTED, max_size=3),
    error=st.none()
    | st.fixed_dictionaries(
        {"type": TEXT}, optional={"stack_trace": TEXT, "repeat": st.booleans()}
    ),
    http=st.none() | st.fixed_dictionaries({"method": TEXT, "status": st.integers(100, 599)}),
    audit=st.none() | st.fixed_dictionaries({"action": TEXT, "seq": st.integers(0, 2**40)}),
    span=st.none() | SPANS,
    weight=st.none() | st.floats(1, 1e6),
    sanitized=st.lists(TEXT, max_size=3).map(tuple),
)


def test_record_has_every_slot_and_attribute() -> None:
    """One full record, literally: slots, semantic conventions, ``faultmaven.*``, plain keys."""
    site = Site(
        "app.llm",
        30,
        "WARNING",
        file_path="app/llm.py",
        function="ask",
        qualified_function="app.llm.Router.ask",
        line=88,
        scope_version="2.0",
    )
    encoded = OtlpEncoder(PROCESS).encode(
        facts(
            site=site,
            span=SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1)),
            context=ContextFacts({"session_id": "s-1"}, {"operation": "diagnose"}, {"team": "t"}),
            fields={"event": "llm.slow", "tokens_used": 500, "cache_hit": False},
            plain={"provider": "x", "nested": {"a": [1, None, "b"], "c": -1.5}},
            extra={"name": "clash"},
            error={"type": "app.Slow", "message": "m", "error_code": "LLM_TIMEOUT"},
            http={"method": "GET", "status": 200},
            audit={"action": "a"},
            weight=2.5,
            sanitized=("too_long",),
        )
    )
    record = decode(encoded)
    assert record.time_unix_nano == record.observed_time_unix_nano == 1_700_000_000_123_456_789
    assert (record.severity_number, record.severity_text) == (13, "WARN")
    assert record.body.string_value == "hello"
    assert record.event_name == "llm.slow"
    assert record.trace_id.hex() == "0" * 29 + "abc"
    assert record.span_id.hex() == "0" * 13 + "def"
    assert record.flags == 1
    assert attributes(encoded) == {
        "code.file.path": "app/llm.py",
        "code.function.name": "app.llm.Router.ask",
        "code.line.number": 88,
        "session.id": "s-1",
        "faultmaven.operation": "diagnose",
        "team": "t",
        "faultmaven.tokens_used": 500,
        "faultmaven.cache.hit": False,
        "exception.type": "app.Slow",
        "exception.message": "m",
        "faultmaven.error.code": "LLM_TIMEOUT",
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "faultmaven.audit.action": "a",
        "faultmaven.sample.weight": 2.5,
        "faultmaven.sanitized": ["too_long"],
        "log.record.uid": "0123456789abcdef-7",
        "faultmaven.seq": 7,
        "provider": "x",
        "nested": {"a": [1, None, "b"], "c": -1.5},
        "faultmaven.extra": {"name": "clash"},
    }


@UNTIMED
@given(FACTS)
def test_record_equals_upstream_encoding(of: Facts) -> None:
    """The law: decoded, our request and upstream's are the same message."""
    encoder = OtlpEncoder(PROCESS)
    scope = (of.site.logger, of.site.scope[1], [encoder.encode(of)])
    request = ExportLogsServiceRequest.FromString(export_request(encoder.resource, [scope]))
    assert canonical(request) == canonical(by_upstream(of))


@UNTIMED
@given(FACTS)
def test_record_stays_the_same_from_caches(of: Facts) -> None:
    """The second encoding of the same facts, from cached fragments, is the first."""
    encoder = OtlpEncoder(PROCESS)
    assert encoder.encode(of) == encoder.encode(of)


def test_record_beats_context_with_one_attribute() -> None:
    """A field or extra of the record replaces the context's; the context's bytes stay good."""
    context = ContextFacts({"session_id": "old", "user_id": "u"}, {"operation": "o"}, {"k": 1})
    encoder = OtlpEncoder(PROCESS)
    plain = attributes(encoder.encode(facts(context=context)))
    record = facts(context=context, fields={"session_id": "new"}, plain={"k": 2})
    beaten = attributes(encoder.encode(record))
    assert beaten == plain | {"session.id": "new", "k": 2}
    assert attributes(encoder.encode(facts(context=context))) == plain


def test_spans_of_equal_identity_are_not_mixed_up() -> None:
    """A span context that took over a dead one's address gets its own ids."""
    encoder = OtlpEncoder(PROCESS)
    for number in range(1, 2000):
        span = SpanContext(number, number, is_remote=False)
        record = decode(encoder.encode(facts(span=span)))
        assert int.from_bytes(record.trace_id, "big") == number


def test_keys_without_end_do_not_grow_memory() -> None:
    """Ten thousand different keys leave a bounded table and right bytes."""
    from fm_otel.encoding import otlp  # noqa: PLC0415 - the table is private

    encoder = OtlpEncoder(PROCESS)
    for number in range(10_000):
        key = f"key{number}"
        assert attributes(encoder.encode(facts(plain={key: number})))[key] == number
    assert len(otlp._ATTRIBUTES) <= MAX_KEYS  # noqa: SLF001


@pytest.mark.parametrize(
    ("value", "error"),
    [(2**63, OverflowError), (object(), TypeError), ("\ud800", UnicodeEncodeError)],
)
def test_value_outside_otlp_raises(value: object, error: type[Exception]) -> None:
    """What capture should have replaced is refused, so that no batch is poisoned."""
    with pytest.raises(error):
        OtlpEncoder(PROCESS).encode(facts(plain={"k": [value]}))


def test_request_groups_scopes_under_one_resource() -> None:
    """Two loggers give two scopes, records in order, beside the process's resource."""
    encoder = OtlpEncoder(PROCESS)
    records = [encoder.encode(facts(seq=seq)) for seq in range(300)]
    request = ExportLogsServiceRequest.FromString(
        export_request(
            encode_resource(PROCESS), [("a", None, records[:299]), ("b", "1.0", records[299:])]
        )
    )
    (resource_logs,) = request.resource_logs
    first, second = resource_logs.scope_logs
    assert resource_logs.schema_url == "https://example.org/schema"
    resource = {pair.key: _value(pair.value) for pair in resource_logs.resource.attributes}
    assert resource == {**PROCESS.resource, "ports": [1, 2]}
    assert (first.scope.name, first.scope.version) == ("a", "")
    assert (second.scope.name, second.scope.version) == ("b", "1.0")
    assert [r.SerializeToString() for r in first.log_records] == [
        decode(r).SerializeToString() for r in records[:299]
    ]


@UNTIMED
@given(st.binary(max_size=64))
def test_reading_any_bytes_ends(message: bytes) -> None:
    """A receiver's answer of any bytes is read as fields or refused with ValueError."""
    try:
        fields = list(protobuf.read(message))
    except ValueError:
        return
    assert len(fields) <= len(message)
