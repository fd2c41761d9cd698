"""Random hostile objects through a running engine: always one valid line, never an exception."""

from __future__ import annotations

import collections
import json
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from fm_otel.configurator import memory_engine
from fm_otel.encoding.json_line import JsonLine
from fm_otel.encoding.otlp import OtlpEncoder
from fm_otel.pipeline.worker import Output
from fm_otel.resource import process_of
from fm_otel.schema import check
from fm_otel.sinks.memory import MemorySink
from tests.hostile import objects as o

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "200"))
"""How many calls are tried; continuous integration sets 20,000."""

MAKERS: tuple[Callable[[], object], ...] = (
    o.Unprintable, o.Untouchable, o.OfHostileClass, o.LyingClass, o.Lazy, o.Changing, o.loop,
    lambda: o.Text("text"), lambda: o.Number(7), lambda: o.Mapping(a=1), lambda: o.Case("a"),
    lambda: o.tower(40), lambda: range(10**9), lambda: iter([1]), lambda: o.Phase.TRIAGE,
    lambda: o.UnprintableError(), lambda: "a b " * 20_000, lambda: memoryview(b"abc"), lambda: collections.deque([1]),
    object, lambda: type, lambda: o.raised(ValueError("v")),
)
ERRORS = [number for number, maker in enumerate(MAKERS) if issubclass(type(maker()), Exception)]


@dataclass(frozen=True)
class Ref:
    """Stands for a hostile object until it is logged: Hypothesis wants to print and compare."""

    number: int


def made(value: Any) -> Any:
    """Return ``value`` with its hostile objects."""
    if type(value) is Ref:
        return MAKERS[value.number]()
    if type(value) is list:
        return [made(item) for item in value]
    if type(value) is tuple:
        return tuple(made(item) for item in value)
    if type(value) is dict:
        return {key: made(item) for key, item in value.items()}
    return value


objects = st.builds(Ref, st.integers(0, len(MAKERS) - 1))
texts = st.one_of(
    st.text(),
    st.text(st.characters(categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=20),
    st.sampled_from(["%s", "%d %(a)s", "{\"event\": 1}", "{}", "\x1b[31m"] ),
)
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(2**80), 2**80), st.floats(), texts,
    st.binary(max_size=20), st.decimals(), st.datetimes(), st.uuids(), objects,
)
keys = st.one_of(texts, st.integers(), st.none(), st.tuples(st.integers()), st.binary(max_size=3))
trees = st.recursive(
    leaves,
    lambda children: st.one_of(
        st.lists(children, max_size=8),
        st.dictionaries(keys, children, max_size=8),
        st.lists(children, max_size=4).map(tuple),
    ),
    max_leaves=40,
)
names = st.one_of(
    texts,
    st.sampled_from([
        "level", "message", "name", "args", "exc_info", "error", "http", "audit", "sanitized",
        "tokens_used", "duration_ms", "session_id", "user_id", "sample_weight", "error_code",
        "event", "otel.event.name", "extra", "seq", "pid", "code.x", "taskName", "", "stack_info",
    ]),
)


class Engine:
    """A running engine whose JSON lines and OTLP records can be read."""

    def __init__(self, engine: Any) -> None:
        started = engine.handle._started  # noqa: SLF001 - to see both encodings
        self.json, self.otlp = MemorySink(), MemorySink()
        process = process_of(started.settings, started.resource)
        started.outputs.append(Output(JsonLine, process, [(self.json, None)]))
        started.outputs.append(Output(OtlpEncoder, process, [(self.otlp, None)]))
        self.pipeline = started.pipeline
        # Of no hierarchy: pytest's handlers raise when they cannot format a record.
        self.logger = logging.Logger("hostile.fuzz", 1)

    def take(self) -> tuple[list[bytes], list[bytes]]:
        """Return what came since the last time."""
        self.pipeline.flush(10)
        found = self.json.lines, self.otlp.lines
        self.json.lines, self.otlp.lines = [], []
        return found


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Start an engine for all examples."""
    with memory_engine() as running:
        engine = Engine(running)
        engine.logger.info("first")
        engine.take()
        yield engine


@pytest.mark.timeout(3600)
@settings(
    max_examples=EXAMPLES, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large,
                           HealthCheck.function_scoped_fixture],
)
@given(
    msg=st.one_of(texts, trees),
    args=st.lists(trees, max_size=3),
    extra=st.one_of(st.none(), st.dictionaries(names, trees, max_size=6), trees),
    exc_info=st.one_of(st.booleans(), st.none(), st.builds(Ref, st.sampled_from(ERRORS))),
    level=st.one_of(st.sampled_from([10, 20, 30, 40, 50]), st.integers(1, 10**6), st.floats(1, 60)),
)
def test_law_every_call_gives_one_valid_record(
    engine: Engine, msg: object, args: list[object], extra: Any, exc_info: Any, level: Any,
) -> None:
    """Whatever is logged: no exception, one strict line of the schema, one decodable record."""
    engine.logger.log(
        level, made(msg), *made(args), extra=made(extra), exc_info=made(exc_info)
    )
    lines, payloads = engine.take()
    assert len(lines) == len(payloads) == 1
    [line] = lines
    assert b"\n" not in line
    record = orjson.loads(line)
    assert record == json.loads(line.decode("utf-8", "strict"))
    assert check(record) == []
    assert len(line) <= 256 * 1024
    assert "minimal" not in record.get("sanitized", ())
    assert "withheld" not in record.get("sanitized", ())
    decoded = LogRecord.FromString(payloads[0])
    assert decoded.body.string_value == record["message"]
    assert len({pair.key for pair in decoded.attributes}) == len(decoded.attributes)
