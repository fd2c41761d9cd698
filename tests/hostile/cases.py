"""What programs log by mistake or malice, and what must arrive of it.

A case logs through ``say``, which takes what ``Logger.log`` takes but the level, WARNING unless
``level`` is given; ``check`` is told the line that arrived.
"""

from __future__ import annotations

import asyncio
import collections
import datetime as dt
import decimal
import logging
import os
import pathlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import fm_otel
from tests.hostile import objects as o

if TYPE_CHECKING:
    from collections.abc import Callable

    Line = dict[str, Any]
    Say = Callable[..., None]

STDLIB: Final = ("stdlib", "bridge", "formatter", "foreign")
"""Doors that take a stdlib record."""
ALL: Final = (*STDLIB, "api")

SECRET: Final = "hunter2-Tr0ub4dor"
os.environ.setdefault("HOSTILE_DB_PASSWORD", SECRET)


@dataclass(frozen=True)
class Case:
    """One thing to log. ``raises`` is what passes out of the call."""

    row: str
    name: str
    act: Callable[[Say], object]
    check: Callable[[Line], object]
    doors: tuple[str, ...] = ALL
    raises: type[BaseException] | None = None
    lines: int = 1
    logger: str = "hostile"

    @property
    def ways(self) -> tuple[str, ...]:
        """The doors, stdlib's both with the fast lane and with somebody who needs the record."""
        return ("filtered", *self.doors) if "stdlib" in self.doors else self.doors


CASES: list[Case] = []


def case(
    row: str, name: str, act: Callable[[Say], object], check: Callable[[Line], object],
    **options: Any,
) -> None:
    """Add a case."""
    CASES.append(Case(row, name, act, check, **options))


def said(msg: object, *args: object, **parts: Any) -> Callable[[Say], None]:
    """Log ``msg``; ``members`` are those of an API record."""
    return lambda say: say(msg, *args, **parts)


def field(name: str, expected: object) -> Callable[[Line], None]:
    """Check one member of the line, ``a.b`` for one inside an object."""

    def check(line: Line) -> None:
        value: Any = line
        for part in name.split("."):
            value = value[part]
        assert value == expected, (name, value, expected)

    return check


def message(expected: str, *words: str) -> Callable[[Line], None]:
    """Check message and words of ``sanitized``."""

    def check(line: Line) -> None:
        assert line["message"] == expected, line["message"]
        assert set(words) <= set(line.get("sanitized", ())), line.get("sanitized")

    return check


def value(logged: object, expected: object, *words: str) -> dict[str, Any]:
    """Log ``logged`` as the extra ``v`` and expect it as ``expected``."""

    def check(line: Line) -> None:
        assert line["v"] == expected, line["v"]
        assert set(words) <= set(line.get("sanitized", ())), line.get("sanitized")

    return {"act": lambda say: say("value", extra={"v": logged}), "check": check}


def error(logged: Callable[[], BaseException], check: Callable[[Line], object]) -> dict[str, Any]:
    """Log an exception."""
    return {"act": lambda say: say("failed", exc_info=o.raised(logged())), "check": check}


def stack(*needles: str, without: tuple[str, ...] = ()) -> Callable[[Line], None]:
    """Check what the stack trace holds."""

    def check(line: Line) -> None:
        text = line["error"]["stack_trace"]
        assert len(text) <= 32 * 1024 + 200
        assert all(needle in text for needle in needles), text
        assert not any(needle in text for needle in without), text

    return check


def both(*checks: Callable[[Line], object]) -> Callable[[Line], None]:
    """Check several things."""

    def check(line: Line) -> None:
        for one in checks:
            one(line)

    return check


def at_most(length: int, *path: str | int) -> Callable[[Line], None]:
    """Check that a text was cut."""

    def check(line: Line) -> None:
        found: Any = line
        for part in path:
            found = found[part]
        assert len(found) <= length

    return check


def absent(name: str) -> Callable[[Line], None]:
    """Check that there is no such field."""

    def check(line: Line) -> None:
        assert name not in line, line[name]

    return check


def one_of(*messages: str) -> Callable[[Line], None]:
    """Check that the message is one of several."""

    def check(line: Line) -> None:
        assert line["message"] in messages, line["message"]

    return check


def tells(text: str) -> Callable[[Line], None]:
    """Check that the message holds ``text``."""

    def check(line: Line) -> None:
        assert text in line["message"], line["message"][-200:]

    return check


def named_so(line: Line) -> None:
    """Check the name of a logger that had a surrogate in it."""
    assert line["logger"].endswith("host\ufffdile")


def short_keys(line: Line) -> None:
    """Check every key, also of the value ``v``."""
    assert all(len(key) <= 128 for key in (*line, *line.get("v", ())))


def changed(*words: str) -> Callable[[Line], None]:
    """Check words of ``sanitized`` only."""
    return lambda line: message(line["message"], *words)(line)


def no_secret(line: Line) -> None:
    """Nothing of the secret is on the line."""
    assert SECRET not in repr(line), line
    assert "hunter2" not in repr(line), line


# Text that no encoder takes.
case("H01", "surrogate", lambda say: say("a\ud800b"), message("a\ufffdb", "surrogate"))
case("H02", "surrogate value", **value("a\udfff", "a\ufffd", "surrogate"))
case("H02", "surrogate nested", **value({"k": ["\ud800"]}, {"k": ["\ufffd"]}, "surrogate"))
case("H03", "surrogate key", lambda say: say("m", extra={"k\ud800": 1}), field("k\ufffd", 1))
case("H03", "surrogate in nested key", **value({"k\ud800": 1}, {"k\ufffd": 1}, "surrogate"))
case("H03", "surrogate in logger name", lambda say: say("m"), named_so,
     logger="host\ud800ile")

# Text that cannot be had.
case("H04", "unprintable value",
     **value(o.Unprintable(), "<unprintable Unprintable: RuntimeError>", "unprintable"))
case("H04", "unprintable message", lambda say: say(o.Unprintable()),
     message("<unprintable Unprintable: RuntimeError>", "unprintable"), doors=STDLIB)
case("H05", "unprintable argument", lambda say: say("got %s", o.Unprintable()),
     message("got %s [arguments: '<unprintable Unprintable: RuntimeError>']", "bad_args"),
     doors=STDLIB)
case("H06", "too few arguments", lambda say: say("%s of %s", 1),
     message("%s of %s [arguments: 1]", "bad_args"), doors=STDLIB)
case("H06", "too many arguments", lambda say: say("done", 1, "b"),
     message("done [arguments: 1, 'b']", "bad_args"), doors=STDLIB)
case("H06", "wrong type of argument", lambda say: say("%d items", "many"),
     message("%d items [arguments: 'many']", "bad_args"), doors=STDLIB)
case("H06", "half a placeholder", lambda say: say("100%", 1),
     message("100% [arguments: 1]", "bad_args"), doors=STDLIB)
case("H06", "missing name", lambda say: say("%(a)s", {"b": 1}),
     message("%(a)s [arguments: {'b': 1}]", "bad_args"), doors=STDLIB)
case("H07", "exit in text", lambda say: say("got %s", o.Stopping(SystemExit)),
     message("got %s", "minimal"), doors=("stdlib",), raises=SystemExit)
case("H07", "interrupt in value",
     lambda say: say("value", extra={"v": [o.Stopping(KeyboardInterrupt)]}),
     message("value", "minimal"), doors=("stdlib",), raises=KeyboardInterrupt)

# Structures.
case("H08", "cycle", **value(o.loop(), {"a": 1, "again": ["<cycle>"]}, "cycle"))
case("H08", "cycle as argument", lambda say: say("%s", o.loop()),
     message("{'a': 1, 'again': [{...}]}"), doors=STDLIB)
DEEP: Any = "<max depth>"
for _ in range(16):
    DEEP = [DEEP]
case("H09", "5,000 levels", **value(o.tower(5000), DEEP, "too_deep"))
# As deep as no release of Python can show.
case("H09", "50,000 levels as argument", lambda say: say("%s", o.tower(50_000)),
     changed("too_deep", "bad_args"), doors=STDLIB)
case("H09", "50,000 levels as message", lambda say: say(o.tower(50_000)),
     message("<unprintable list: RecursionError>", "unprintable"), doors=STDLIB)
case("H10", "120 levels", **value(o.tower(120), DEEP, "too_deep"))
for number, text in ((float("nan"), "NaN"), (float("inf"), "Infinity"),
                     (float("-inf"), "-Infinity")):
    case("H11", f"{text} value", **value(number, text, "not_finite"))
    case("H11", f"{text} nested", **value({"n": [number]}, {"n": [text]}, "not_finite"))
    case("H11", f"{text} in a schema field",
         said("m", extra={"duration_ms": number}),
         field("extra.duration_ms", text))
    case("H11", f"{text} under a reserved key",
         said("m", extra={"seq": number}), field("extra.seq", text))
case("H12", "big int", **value(2**70, str(2**70), "big_int"))
case("H12", "big int nested", **value([-(2**70)], [str(-(2**70))], "big_int"))
case("H12", "64-bit limits", **value([2**63 - 1, -(2**63)], [2**63 - 1, -(2**63)]))
case("H12", "unsigned", **value(2**64 - 1, str(2**64 - 1), "big_int"))
case("H12", "big int in a schema field", lambda say: say("m", extra={"tokens_used": 2**70}),
     field("extra.tokens_used", str(2**70)))
case("H12", "int of 5,000 digits", **value(10**5000, "<int of 16610 bits>", "big_int"))
case("H12", "int of 5,000 digits as argument", lambda say: say("%d", 10**5000),
     message("%d [arguments: '<int of 16610 bits>']", "bad_args"), doors=STDLIB)

# Types.
case("H13", "bytes", **value(b"caf\xc3\xa9", "café"))
case("H13", "binary", **value(b"\xff\xfe", "//4="))
case("H13", "bytearray nested", **value([bytearray(b"ab")], ["ab"]))
case("H13", "memoryview", **value(memoryview(b"ab"), "ab"))
case("H13", "a megabyte of binary", lambda say: say("m", extra={"v": b"\xff" * 1_000_000}),
     both(message("m", "too_long"), at_most(5000, "v")))
case("H14", "bytes as message", lambda say: say(b"caf\xc3\xa9 \xff"), message("café \ufffd"),
     doors=STDLIB)
case("H15", "set", **value({"b", "a"}, ["a", "b"]))
case("H15", "data class", **value(o.Case("a"), {"name": "a"}))
case("H15", "enum", **value(o.Phase.TRIAGE, "triage"))
case("H15", "decimal", **value(decimal.Decimal("1.10"), "1.10"))
case("H15", "datetime", **value(dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "2026-01-02T00:00:00+00:00"))
case("H15", "uuid", **value(uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"))
case("H15", "path", **value(pathlib.PurePosixPath("data/x"), "data/x"))
case("H15", "exception", **value(ValueError("no"), "ValueError: no"))
GENERATOR = (n for n in range(3))


def generator_kept(line: Line) -> None:
    """Check that a generator is shown; the driver looks whether it was consumed."""
    assert "generator object" in line["v"]


case("H15", "generator", lambda say: say("m", extra={"v": GENERATOR}),
     generator_kept)
case("H16", "odd keys nested",
     **value({1: "a", None: "b", (1, 2): "c"}, {"1": "a", "None": "b", "(1, 2)": "c"}, "bad_key"))
case("H16", "keys that clash", **value({1: "a", "1": "b"}, {"1": "a", "1_2": "b"}, "bad_key"))
case("H16", "odd key at the top", lambda say: say("m", extra={1: "a", "b": 2}), field("b", 2))
case("H17", "empty key", lambda say: say("m", extra={"": 1, "b": 2}), field("b", 2))
case("H17", "empty key nested", **value({"": 1, "b": 2}, {"b": 2}, "empty_key"))
case("H17", "10,000-character key", lambda say: say("m", extra={"k" * 10_000: 1}), short_keys)
case("H17", "10,000-character key nested", lambda say: say("m", extra={"v": {"k" * 10_000: 1}}),
     short_keys)

# Names that are taken.
RESERVED = {"message": "m1", "asctime": "a1", "name": "n1", "args": "x1", "msg": "g1",
            "levelname": "l1", "exc_info": "e1"}
case("H18", "LogRecord attributes", lambda say: say("m", extra=dict(RESERVED)),
     field("extra", RESERVED))
COMPUTED = {"level": "z", "timestamp": "y", "trace_id": "x", "service": "w", "record_id": "v",
            "line": "u", "sanitized": "t", "hostname": "s"}
case("H19", "computed fields", lambda say: say("m", extra=dict(COMPUTED)),
     field("extra", COMPUTED))
case("H20", "taskName", lambda say: say("m", extra={"taskName": "mine"}),
     field("extra.taskName", "mine"))

# Sizes.
case("H21", "8 MB message", lambda say: say("word " * 1_600_000),
     both(changed("too_long"), at_most(65_536, "message"), tells("8000000")))
case("H21", "8 MB value", lambda say: say("m", extra={"v": "x" * 8_000_000}),
     both(message("m", "too_long"), at_most(65_536, "v")))
case("H21", "8 MB nested", lambda say: say("m", extra={"v": {"w": ["x y " * 2_000_000]}}),
     both(message("m", "too_long"), at_most(65_536, "v", "w", 0)))
case("H21", "100 values of 64 KB",
     lambda say: say("m", extra={f"k{n}": "word " * 13_000 for n in range(100)}),
     message("m", "too_long"))


def _many(line: Line) -> None:
    assert line["tokens_used"] == 5
    assert "too_many" in line["sanitized"]
    assert sum(key.startswith("k") for key in line) == 128


case("H22", "500 attributes",
     lambda say: say("m", extra={**{f"k{n}": n for n in range(500)}, "tokens_used": 5}), _many)
case("H23", "range", **value(range(2_000_000), [*range(64), "<+1999936 items>"], "too_many"))
case("H23", "huge list", lambda say: say("m", extra={"v": {"w": [0] * 2_000_000}}),
     field("v", {"w": [*[0] * 64, "<+1999936 items>"]}))
case("H23", "huge list as message", lambda say: say([0] * 2_000_000),
     changed("too_many"), doors=STDLIB)
case("H23", "broad tree",
     lambda say: say("m", extra={"v": [[[[0] * 64] * 64] * 64] * 64}), message("m", "too_many"))
case("H24", "environment", lambda say: say("m", extra={"v": os.environ}), no_secret)
case("H24", "settings object",
     lambda say: say("m", extra={"v": {"db": {"password": SECRET, "host": "db1"}}}),
     both(no_secret, field("v.db.host", "db1")))

# Characters that act.
case("H25", "controls", lambda say: say("a\x00b\x07c\x08d\te\nf\x7fg\x85h"),
     message("abcd\te\nfg\\u0085h"))
case("H25", "controls in value", **value("a\x00b\x9fc", "abc"))
case("H25", "controls in key", lambda say: say("m", extra={"k\x00\n": 1}),
     lambda line: line["k\n"])
FORGED = '{"level":"CRITICAL","message":"forged"}'
case("H26", "forged line", lambda say: say(f"a\n{FORGED}\r\nb"), message(f"a\n{FORGED}\nb"))
case("H26", "forged line in value", **value(f"\n{FORGED}", f"\n{FORGED}"))
case("H27", "line separators", lambda say: say("a\u2028b\u2029c\x85d\x0be\x0cf"),
     message("a\\u2028b\\u2029c\\u0085def"))
case("H28", "terminal sequences",
     lambda say: say("\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07 \x9b1mbold"),
     message("red link bold"))
case("H29", "bidi", lambda say: say("user\u202enimda\u2066 zero\u200bwidth"),
     message("user\\u202enimda\\u2066 zero\u200bwidth"))


# Times and levels.
def handed(**attributes: Any) -> Callable[[Say], None]:
    """Hand over a record as another library would have made it."""
    made = logging.makeLogRecord(
        {"name": "hostile", "levelno": 30, "levelname": "WARNING", "msg": "made",
         "pathname": __file__, "lineno": 1, "funcName": "f", **attributes}
    )
    return lambda say: say(logging.makeLogRecord(vars(made)))


def _recent(line: Line) -> None:
    moment = dt.datetime.fromisoformat(line["timestamp"])
    assert abs((dt.datetime.now(dt.UTC) - moment).total_seconds()) < 3600, line["timestamp"]
    assert "bad_time" in line["sanitized"]


for created in (-1.0, float("nan"), float("inf"), 1e12, "noon", None):
    row = "H30" if created == -1.0 else "H31"
    case(row, f"created {created}", handed(created=created),
         _recent, doors=STDLIB)
LEVELS = ((0, "DEBUG"), (1, "DEBUG"), (-5, "DEBUG"), (25, "INFO"), (9999, "CRITICAL"),
          (20.5, "INFO"), (True, "DEBUG"))
for number, name in LEVELS:
    case("H32", f"level {number}",
         handed(levelno=number, levelname=f"Level {number}"),
         field("level", name), doors=STDLIB)
case("H32", "level call 20.5", lambda say: say("m", level=30.5), field("level", "WARNING"),
     doors=("stdlib",))
case("H32", "level call named", lambda say: say("m", level="ERROR"), field("level", "ERROR"),
     doors=("stdlib",))
case("H32", "level call unknown", lambda say: say("m", level=object()), message("m", "bad_level"),
     doors=("stdlib",))
case("H33", "event name that is no text", lambda say: say("m", extra={"otel.event.name": 7}),
     message("m"))


# Exceptions.
def cycle() -> BaseException:
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__cause__ = second, first
    return first


def noted() -> BaseException:
    made = ValueError("noted")
    made.add_note(f"password={SECRET}")
    return made


def wide() -> BaseException:
    return ExceptionGroup("wide", [ValueError(n) for n in range(200)])


def deep() -> BaseException:
    made: Exception = ValueError("bottom")
    for depth in range(2000):
        made = ExceptionGroup(f"level {depth}", [made])
    return made


def own() -> BaseException:
    inner = ValueError("inner")
    made = ExceptionGroup("outer", [inner])
    inner.__cause__ = made
    return made


def syntax() -> BaseException:
    try:
        compile(f"password = '{SECRET}' 1", "settings.py", "exec")
    except SyntaxError as made:
        return made
    raise AssertionError


def traceback_line() -> BaseException:
    try:
        password = "hunter2-Tr0ub4dor"; raise ValueError(f"{password=}")  # noqa: E702, S105, EM102, TRY301
    except ValueError as made:
        return made


def recursion() -> BaseException:
    def again() -> None:
        again()

    try:
        again()
    except RecursionError as made:
        return made
    raise AssertionError


def at_the_limit(say: Say) -> None:
    """Log a RecursionError where no more than 20 frames can be entered."""

    def dive() -> None:
        dive()

    def again() -> int:
        try:
            left = again()
        except RecursionError:
            return 0
        if left == 20:
            try:
                dive()
            except RecursionError:
                say("at the limit", exc_info=True)
        return left + 1

    again()


case("H34", "cycle of causes", **error(cycle, stack("first", "second")))
case("H35", "exception without text",
     **error(o.UnprintableError, field("error.type", "tests.hostile.objects.UnprintableError")))
case("H36", "exception with unprintable arguments",
     **error(lambda: ValueError(o.Unprintable()), field("error.type", "ValueError")))
case("H37", "group 200 wide", **error(wide, stack("200 sub-exceptions", "and 185 more")))
case("H37", "group 2,000 deep", **error(deep, stack("level 1999", "max_group_depth")))
case("H37", "group in itself", **error(own, stack("outer", "inner")))
case("H38", "1,000 causes",
     **error(lambda: o.chain(1000), stack("number 0\n", "number 999\n", "more exceptions")))
case("H39", "note with a secret", **error(noted, both(no_secret, stack("noted"))))
case("H40", "secret in a syntax error", **error(syntax, no_secret))
case("H41", "secret in a traceback line", **error(traceback_line, no_secret))
case("H42", "exc_info outside of except", lambda say: say("m", exc_info=True),
     absent("error"), doors=("stdlib",))
case("H43", "exception never raised", lambda say: say("m", exc_info=ValueError("made")),
     field("error", {"type": "ValueError", "message": "made"}), doors=("stdlib", "api"))
case("H43", "tuple of Nones", lambda say: say("m", exc_info=(None, None, None)),
     absent("error"), doors=("stdlib",))
case("H44", "RecursionError", **error(recursion, field("error.type", "RecursionError")))
case("H44", "at the recursion limit", at_the_limit, field("error.type", "RecursionError"),
     doors=("stdlib",))
for kind in (MemoryError, GeneratorExit, asyncio.CancelledError, KeyboardInterrupt, SystemExit):
    qualified = kind.__name__ if kind.__module__ == "builtins" else f"asyncio.exceptions.{kind.__name__}"
    case("H45", kind.__name__, **error(kind, field("error.type", qualified)))


# Objects that act.
def _talk(say: Say) -> None:
    say("outer %s", o.Talkative(lambda: say("inner")))


case("H46", "text that logs", _talk, one_of("inner", "outer talkative"), doors=("stdlib",),
     lines=2)


def _mutate(say: Say) -> None:
    shared: dict[str, Any] = {"list": [1], "nested": {"a": 1}}
    say("now %s", shared["list"], extra={"v": shared}, level=logging.INFO)
    shared["list"].append(2)
    shared["nested"] = {"b": 2}


case("H53", "changed after the call", _mutate,
     both(message("now [1]"), field("v", {"list": [1], "nested": {"a": 1}})),
     doors=("stdlib", "bridge"))
case("H54", "changing mapping", **value(o.Changing(), "<mutating>", "mutating"))
case("H55", "str subclass", **value(o.Text("plain"), "plain"))
case("H55", "int subclass", **value([o.Number(7)], [7]))
case("H55", "dict subclass", **value(o.Mapping(a=1), {"a": 1}))
case("H55", "str subclass as message", lambda say: say(o.Text("got %s"), 1), message("got 1"),
     doors=STDLIB)
for lone in (o.Mapping(a=1), o.LyingClass(), o.Changing(), o.OfHostileClass()):
    case("H56", f"lone argument {type(lone).__name__}", said("got %s", lone),
         tells("got "), doors=STDLIB)
case("H55", "str subclass as key", lambda say: say("m", extra={o.Text("k"): 1}), message("m"))
case("H55", "dict subclass as extra", lambda say: say("m", extra=o.Mapping(a=1)), message("m"),
     doors=STDLIB)
case("H55", "int subclass as a schema field",
     lambda say: say("m", extra={"tokens_used": o.Number(7)}), message("m"))
case("H56", "untouchable", **value(o.Untouchable(), "<Untouchable>", "repr"))
case("H56", "untouchable message", lambda say: say(o.Untouchable()), message("<Untouchable>"),
     doors=STDLIB)
case("H56", "untouchable argument", lambda say: say("%s", o.Untouchable()),
     message("<Untouchable>"), doors=STDLIB)
case("H56", "unhashable class", **value(o.OfHostileClass(), "<OfHostileClass>", "repr"))
case("H56", "unhashable class as message", lambda say: say(o.OfHostileClass()),
     message("<OfHostileClass>"), doors=STDLIB)
case("H56", "lying class", **value(o.LyingClass(), "<LyingClass>", "repr"))
case("H56", "lying class as message", lambda say: say(o.LyingClass()), message("<LyingClass>"),
     doors=STDLIB)
case("H57", "lazy attribute", **value(o.Lazy(), "<Lazy>", "repr"))


# Context.
def context(name: str, value: object) -> Callable[[Say], None]:
    def act(say: Say) -> None:
        with fm_otel.bound_context(**{name: value}):
            say("m")

    return act


def one_line_id(line: Line) -> None:
    assert "\n" not in line["session_id"]


CONTEXTS = (*STDLIB[:3], "api")
case("H58", "1 MB context value", context("note", "x " * 500_000),
     at_most(65_536, "note"), doors=CONTEXTS)
case("H58", "multi-line id", context("session_id", f"s1\n{FORGED}"),
     one_line_id, doors=CONTEXTS)
case("H58", "number as id", context("session_id", 17), field("session_id", "17"), doors=CONTEXTS)
for bad in (o.Unprintable(), float("nan"), 2**70, o.loop(), None, b"\xff", "\ud800"):
    case("H58", f"context value {type(bad).__name__}", context("note", bad), message("m"),
         doors=CONTEXTS)
    case("H58", f"id {type(bad).__name__}", context("session_id", bad), message("m"),
         doors=CONTEXTS)

# Templates.
case("H64", "placeholder without arguments", lambda say: say("%s {} ${jndi:ldap://x} %(a)s"),
     message("%s {} ${jndi:ldap://x} %(a)s"))
case("H65", "secret split between template and argument",
     lambda say: say("Authorization: Bearer %s", "eyJhbGciOiJIUzI1NiJ9.hunter2aGVsbG8.c2lnbmF0dXJl"),
     no_secret, doors=STDLIB)
case("H65", "secret across the cut",
     lambda say: say("x " * 32_760 + f"password={SECRET}" + " y" * 100_000), no_secret)

# Extras that are no extras.
case("H18", "extra that is no mapping", lambda say: say("m", extra=[1]), message("m"),
     doors=("stdlib",))
case("H54", "extra that changes", lambda say: say("m", extra=o.Changing()), message("m"),
     doors=("stdlib",))
case("H15", "deque of views", **value(collections.deque([{"a": 1}.keys()]), [["a"]]))

# The Logs API's own members.
for name, members in {
    "negative time": {"timestamp": -5},
    "endless time": {"timestamp": 10**30},
    "textual time": {"timestamp": "noon", "observed_timestamp": None},
    "number as severity": {"severity_number": 13},
    "unknown severity": {"severity_number": 99},
    "odd severity text": {"severity_text": o.Unprintable()},
    "surrogate severity text": {"severity_text": "\ud800"},
    "list as attributes": {"attributes": [1]},
    "changing attributes": {"attributes": o.Changing()},
    "odd keys": {"attributes": {1: "a", None: "b", "c\ud800": "d"}},
    "odd event name": {"event_name": o.Unprintable()},
    "number as event name": {"event_name": 7},
}.items():
    row = "H32" if "severity" in name else "H31" if "time" in name else "H16"
    case(row, f"API {name}", said("m", members=members), message("m"),
         doors=("api",))
for name, body in {
    "none": None, "number": 7, "bytes": b"caf\xc3\xa9", "unprintable": o.Unprintable(),
    "lying": o.LyingClass(), "cycle": o.loop(), "dict": {"message": "m", 1: 2}, "huge": [0] * 10**6,
    "object": {"nested": {"a": 1j}},
}.items():
    case("H14", f"API body {name}", said("m", members={"body": body}),
         at_most(65_536, "message"), doors=("api",))
