"""Any Python value becomes a JSON value, and no value can hurt the call that logs it."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import ipaddress
import json
import logging
import os
import pathlib
import threading
import types
import uuid
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, NoReturn

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fm_otel.values import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_KEY,
    MAX_NODES,
    SCALARS,
    cut,
    freeze,
    message_of,
    text_of,
    tidy,
    type_name,
)
from tests.hostile.objects import (
    HostileMeta,
    Lazy,
    LyingClass,
    Mapping,
    Number,
    Phase,
    Unprintable,
    Untouchable,
    refuse,
    tower,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def frozen(value: object) -> tuple[object, list[str]]:
    """Freeze ``value`` and make sure that the result is strict JSON of 64-bit numbers."""
    notes: list[str] = []
    result = freeze(value, notes)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    orjson.dumps(result)
    return result, notes


class NamelessMeta(HostileMeta):
    """A hostile class of classes that lies about its name too."""

    @property
    def __name__(cls) -> str:  # type: ignore[override]
        refuse()


class OfHostileClass(metaclass=NamelessMeta):
    """An instance of a class with a hostile metaclass."""

    def __repr__(self) -> str:
        return "<OfHostileClass>"


class Text(str):
    """A text whose methods lie."""

    __slots__ = ()
    __str__ = __repr__ = __mod__ = encode = isascii = refuse


class Items(list[object]):
    """A list whose methods lie."""

    __iter__ = __len__ = __getitem__ = refuse


class Headers(collections.abc.Mapping[str, str]):
    """A mapping that is no dict, like request headers."""

    def __init__(self, **items: str) -> None:
        self._items = items

    def __getitem__(self, key: str) -> str:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:  # noqa: PLE0303 - the point of it
        refuse()


class Restless(collections.abc.Mapping[str, int]):
    """A mapping that changes whenever it is read."""

    def __getitem__(self, key: str) -> int:
        return len(key)

    def __iter__(self) -> Iterator[str]:
        yield "a"
        message = "dictionary changed size during iteration"
        raise RuntimeError(message)

    def __len__(self) -> int:
        return 1


class Level(enum.IntEnum):
    """An enumeration of numbers."""

    HIGH = 3


@dataclasses.dataclass
class Case:
    """A data class that hides one field from its repr."""

    name: str
    token: str = dataclasses.field(default="hunter2", repr=False)


@dataclasses.dataclass(slots=True, frozen=True)
class Slotted:
    """A data class without an instance dict."""

    number: int


class Pair(NamedTuple):
    """A tuple with names."""

    left: int
    right: int


class Model:
    """What pydantic leaves on a model, without pydantic."""

    __pydantic_fields__: ClassVar = {
        "name": types.SimpleNamespace(repr=True),
        "hidden": types.SimpleNamespace(repr=False),
    }

    def __init__(self, **stored: object) -> None:
        for name, value in stored.items():
            object.__setattr__(self, name, value)

    def __getattribute__(self, name: str) -> NoReturn:
        refuse(name)


DAY = dt.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=dt.UTC)

CONVERSIONS: list[tuple[str, object, object]] = [
    ("none", None, None),
    ("bool", True, True),
    ("int", 2**63 - 1, 2**63 - 1),
    ("float", 1.5, 1.5),
    ("large float", 1e300, 1e300),
    ("str", "é", "é"),
    ("nested", {"a": [1, {"b": None}], "c": ()}, {"a": [1, {"b": None}], "c": []}),
    ("tuple", (1, "a", None), [1, "a", None]),
    ("named tuple", Pair(1, 2), [1, 2]),
    ("set", {"b", "a"}, ["a", "b"]),
    ("frozenset", frozenset({1}), [1]),
    ("deque", collections.deque([1, 2]), [1, 2]),
    ("range", range(3), [0, 1, 2]),
    ("dict view", {"a": 1}.keys(), ["a"]),
    ("dict values", {"a": 1}.values(), [1]),
    ("dict subclass", Mapping(a=1), {"a": 1}),
    ("list subclass", Items([1]), [1]),
    ("str subclass", Text("plain"), "plain"),
    ("int subclass", Number(7), 7),
    ("ordered dict", collections.OrderedDict(a=1), {"a": 1}),
    ("mapping proxy", types.MappingProxyType({"a": 1}), {"a": 1}),
    ("foreign mapping", Headers(accept="*/*"), {"accept": "*/*"}),
    ("enum", Phase.TRIAGE, "triage"),
    ("int enum", Level.HIGH, 3),
    ("datetime", DAY, "2026-01-02T03:04:05.678000+00:00"),
    ("date", DAY.date(), "2026-01-02"),
    ("time", dt.time(1, 2), "01:02:00"),
    ("timedelta", dt.timedelta(seconds=90), "0:01:30"),
    ("decimal", decimal.Decimal("1.10"), "1.10"),
    ("fraction", fractions.Fraction(1, 3), "1/3"),
    ("uuid", uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ("path", pathlib.PurePosixPath("/a/b"), "/a/b"),
    ("address", ipaddress.ip_address("10.0.0.1"), "10.0.0.1"),
    ("complex", 1j, "1j"),
    ("bytes", b"caf\xc3\xa9", "café"),
    ("bytearray", bytearray(b"a"), "a"),
    ("memoryview", memoryview(b"abc")[::2], "ac"),
    ("binary", b"\xff\xfe", "//4="),
    ("exception", ValueError("no"), "ValueError: no"),
    ("silent exception", KeyError(), "KeyError"),
    ("class", decimal.Decimal, "decimal.Decimal"),
    ("data class", Case("a"), {"name": "a"}),
    ("slotted data class", Slotted(1), {"number": 1}),
    ("pydantic model", Model(name="a", hidden="s", other=1), {"name": "a"}),
]


@pytest.mark.parametrize(
    ("value", "expected"), [case[1:] for case in CONVERSIONS], ids=[c[0] for c in CONVERSIONS]
)
@pytest.mark.parametrize("nested", [False, True], ids=["alone", "nested"])
def test_a_value_that_keeps_its_meaning_needs_no_word(
    value: object, expected: object, *, nested: bool
) -> None:
    """The conversion table: what a value becomes, alone and inside a container."""
    if nested:
        assert frozen({"v": [value]}) == ({"v": [expected]}, [])
    else:
        assert frozen(value) == (expected, [])


def cyclic() -> dict[str, object]:
    """Build a dict that holds itself through a list."""
    loop: dict[str, object] = {"a": 1}
    loop["again"] = [loop]
    return loop


CHANGES: list[tuple[str, object, object, list[str]]] = [
    ("nan", [float("nan")], ["NaN"], ["not_finite"]),
    ("infinities", [float("inf"), -float("inf")], ["Infinity", "-Infinity"], ["not_finite"]),
    ("big int", [2**64], [str(2**64)], ["big_int"]),
    ("huge int", 10**5000, "<int of 16610 bits>", ["big_int"]),
    ("cycle", cyclic(), {"a": 1, "again": ["<cycle>"]}, ["cycle"]),
    ("surrogate", "a\ud800b", "a\ufffdb", ["surrogate"]),
    ("nested surrogate", {"k\udfff": "\udc80"}, {"k\ufffd": "\ufffd"}, ["surrogate"]),
    ("surrogate pair", "\ud83d\ude00", "😀", ["surrogate"]),
    ("int keys", {1: "a", None: "b", (1, 2): "c"}, {"1": "a", "None": "b", "(1, 2)": "c"},
     ["bad_key"]),
    ("clash", {1: "a", "1": "b", "1_2": "c"}, {"1": "a", "1_2": "b", "1_2_2": "c"}, ["bad_key"]),
    ("enum key", {Phase.TRIAGE: 1}, {"triage": 1}, ["bad_key"]),
    ("bytes key", {b"k": 1}, {"k": 1}, ["bad_key"]),
    ("empty key", {"": 1, "a": 2}, {"a": 2}, ["empty_key"]),
    ("unprintable", Unprintable(), "<unprintable Unprintable: RuntimeError>",
     ["repr", "unprintable"]),
    ("unprintable nested", [Unprintable(), 1], ["<unprintable Unprintable: RuntimeError>", 1],
     ["repr", "unprintable"]),
    ("unprintable key", {Unprintable(): 1}, {"<unprintable Unprintable: RuntimeError>": 1},
     ["bad_key", "unprintable"]),
    ("untouchable", [Untouchable()], ["<Untouchable>"], ["repr"]),
    ("hostile class", [OfHostileClass()], ["<OfHostileClass>"], ["repr"]),
    ("lying class", [LyingClass()], ["<LyingClass>"], ["repr"]),
    ("lazy", Lazy(), "<Lazy>", ["repr"]),
    ("restless", Restless(), "<mutating>", ["mutating"]),
]


@pytest.mark.parametrize(
    ("value", "expected", "words"), [case[1:] for case in CHANGES], ids=[c[0] for c in CHANGES]
)
def test_a_value_that_has_to_change_says_how(
    value: object, expected: object, words: list[str]
) -> None:
    """What cannot be kept as it is becomes the nearest thing that can, with its word."""
    assert frozen(value) == (expected, words)


def test_a_tower_is_cut_at_the_documented_depth() -> None:
    """Depth 16 survives, the seventeenth container is a marker, whatever lies below."""
    assert frozen(tower(MAX_DEPTH)) == (tower(MAX_DEPTH), [])
    cut_off, words = frozen(tower(5000))
    text = json.dumps(cut_off)
    assert text == "[" * MAX_DEPTH + '"<max depth>"' + "]" * MAX_DEPTH
    assert words == ["too_deep"]


@pytest.mark.parametrize(
    ("many", "total"),
    [
        ([0] * 100, 100),
        (tuple(range(100)), 100),
        (range(2_000_000), 2_000_000),
        (range(0, -(10**30), -1), 10**30),
        (collections.deque(range(70)), 70),
        (set(range(1000)), 1000),
    ],
    ids=["list", "tuple", "range", "endless range", "deque", "set"],
)
def test_a_long_sequence_keeps_the_first_items_and_the_count(many: Any, total: int) -> None:
    """64 items and how many more there were."""
    result, words = frozen(many)
    assert isinstance(result, list)
    assert result[MAX_ITEMS:] == [f"<+{total - MAX_ITEMS} items>"]
    assert words == ["too_many"]


def test_a_long_mapping_keeps_the_first_items_and_the_count() -> None:
    """64 keys, and the rest counted under a key that says so."""
    result, words = frozen({f"k{n}": n for n in range(70)})
    assert isinstance(result, dict)
    assert len(result) == MAX_ITEMS + 1
    assert result["<more>"] == "<+6 items>"
    assert words == ["too_many"]


def test_an_endless_mapping_is_read_no_further_than_needed() -> None:
    """A mapping that never ends costs 65 reads."""
    read: list[int] = []

    class Endless(collections.abc.Mapping[int, int]):
        def __getitem__(self, key: int) -> int:
            return key

        def __iter__(self) -> Iterator[int]:
            n = 0
            while True:
                read.append(n)
                yield n
                n += 1

        def __len__(self) -> int:  # noqa: PLE0303 - the point of it
            refuse()

    result, words = frozen(Endless())
    assert isinstance(result, dict)
    assert result["<more>"] == "<more items>"
    assert len(read) == MAX_ITEMS + 1
    assert words == ["bad_key", "too_many"]


def test_a_broad_tree_is_bounded_as_a_whole() -> None:
    """64 to the third values are not copied: the sum over all levels is bounded too."""
    tree = [[[float("nan")] * 64 for _ in range(64)] for _ in range(64)]
    result, words = frozen(tree)
    assert json.dumps(result).count("NaN") <= MAX_NODES
    assert words == ["not_finite", "too_many"]
    clean = [[[1.0] * 64 for _ in range(64)] for _ in range(64)]
    result, words = frozen(clean)
    assert json.dumps(result).count("1.0") <= MAX_NODES
    assert words == ["too_many"]


@pytest.mark.parametrize("widths", [(64, 32, 16, 8, 4), (16,) * 5, (2,) * 14, (8,) * 7])
def test_a_clean_tree_of_any_form_is_bounded(widths: tuple[int, ...]) -> None:
    """No way of spreading a tree over levels has more than the allowed values copied."""
    tree: object = 1.5
    for width in reversed(widths):
        tree = [tree] * width
    result, words = frozen(tree)
    assert json.dumps(result).count("1.5") <= MAX_NODES
    assert "too_many" in words


def test_a_shared_value_is_no_cycle() -> None:
    """The same list twice in a row is copied twice."""
    shared = [{"a": 1j}]
    assert frozen([shared, shared]) == ([[{"a": "1j"}], [{"a": "1j"}]], [])


def test_iterators_are_never_consumed() -> None:
    """A generator that was logged still yields everything to its owner."""
    generator = (n for n in range(3))
    mapped = map(str, [1, 2])
    for lazy in (generator, mapped):
        result, words = frozen({"lazy": lazy})
        assert "object" in json.dumps(result)
        assert words == ["repr"]
    assert list(generator) == [0, 1, 2]
    assert list(mapped) == ["1", "2"]


def test_long_keys_are_cut_and_stay_apart() -> None:
    """Two keys that differ only behind the limit keep both values."""
    result, words = frozen({"k" * 10_000 + "a": 1, "k" * 10_000 + "b": 2})
    assert isinstance(result, dict)
    assert sorted(result.values()) == [1, 2]
    assert all(len(key) <= MAX_KEY for key in result)
    assert words == ["too_long", "bad_key"]


def test_bytes_beyond_the_limit_are_cut() -> None:
    """Text keeps a window, even where a character lies on its edge; binary shows its head."""
    text, words = frozen("é".encode() * MAX_BYTES)
    assert text == "é" * (MAX_BYTES // 2)
    assert words == ["too_long"]
    text, _ = frozen(b"a" + "é".encode() * MAX_BYTES)
    assert isinstance(text, str)
    assert text.endswith("é")
    binary, words = frozen(b"\xff" * 10_000)
    assert isinstance(binary, str)
    assert binary.endswith("<+6928 bytes>")
    assert words == ["too_long"]


def test_a_released_buffer_is_told() -> None:
    """A memoryview that was released has nothing to show."""
    view = memoryview(b"abc")
    view.release()
    assert frozen([view]) == (["<unprintable memoryview: ValueError>"], ["unprintable"])


def test_the_environment_is_shown_by_key() -> None:
    """Mappings with secrets keep their keys, so that redaction can go by them."""
    result, _ = frozen(os.environ)
    assert isinstance(result, dict)
    assert "PATH" in result or "<more>" in result


class Scalar:
    """Stands for a numpy scalar."""

    __module__ = "numpy"
    shape = ()

    def __init__(self, value: object) -> None:
        self._value = value

    def item(self) -> object:
        """Give the Python value."""
        return self._value

    def __str__(self) -> str:
        return "text"


class Array:
    """Stands for an array, a frame or a tensor."""

    __module__ = "pandas.core.frame"
    __repr__ = refuse

    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def __getitem__(self, part: slice) -> Array:
        return Array(min(self.shape[0], part.stop))

    def tolist(self) -> list[int]:
        """Give the numbers."""
        return list(range(self.shape[0]))


def test_numbers_of_numeric_packages_are_numbers() -> None:
    """Scalars become Python numbers; one that has none becomes its text."""
    assert frozen([Scalar(3), Scalar(1.5), Scalar(float("nan"))]) == (
        [3, 1.5, "NaN"], ["not_finite"]
    )
    assert frozen(Scalar(object())) == ("text", [])


def test_large_arrays_are_never_printed() -> None:
    """A row of numbers keeps its head; a frame says its shape; neither is rendered."""
    row, _ = frozen(Array(3))
    assert row == [0, 1, 2]
    row, words = frozen(Array(1_000_000))
    assert isinstance(row, list)
    assert row[-1] == "<+999936 items>"
    assert words == ["too_many"]
    assert frozen(Array(1000, 3)) == ("<Array (1000, 3)>", ["repr"])


def test_attrs_classes_show_their_declared_fields() -> None:
    """An attrs class is an object of its fields but for those with ``repr=False``."""

    class Attrs:
        __attrs_attrs__ = (
            types.SimpleNamespace(name="a", repr=True),
            types.SimpleNamespace(name="b", repr=False),
            types.SimpleNamespace(name="unset", repr=True),
        )

        def __init__(self) -> None:
            self.a = 1
            self.b = 2

    assert frozen(Attrs()) == ({"a": 1}, [])


def test_a_field_that_would_have_to_be_computed_is_not_asked_for() -> None:
    """A property in the place of a declared field is never run."""

    class Row:
        __dataclass_fields__: ClassVar[dict[str, Any]] = {"rows": None, "id": None}
        rows = property(refuse)

        def __init__(self) -> None:
            self.id = 1

    assert frozen(Row()) == ({"id": 1}, [])


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_stops_a_program_passes(kind: type[BaseException]) -> None:
    """Only ``Exception`` is caught: an interrupt inside ``__repr__`` reaches its owner."""

    class Stopping:
        def __repr__(self) -> str:
            raise kind

    for value in (Stopping(), [Stopping()], {"a": Stopping()}):
        with pytest.raises(kind):
            freeze(value, [])
    with pytest.raises(kind):
        message_of("%s", (Stopping(),), [])


def test_the_copy_shares_nothing_that_can_change() -> None:
    """Later changes to what was logged are invisible."""
    inner = [1]
    original: dict[str, Any] = {"a": inner, "b": {"c": {1, 2}}}
    result, _ = frozen(original)
    inner.append(2)
    original["b"]["c"].clear()
    original["new"] = 1
    assert result == {"a": [1], "b": {"c": [1, 2]}}


def test_a_dict_that_another_thread_changes_does_not_stop_the_call() -> None:
    """Freezing while a thread adds and removes keys gives some state or the marker."""
    shared: dict[object, object] = {n: float("nan") for n in range(30)}
    done = threading.Event()

    def churn() -> None:
        n = 0
        while not done.is_set():
            shared[f"x{n % 50}"] = n
            shared.pop(f"x{(n + 25) % 50}", None)
            n += 1

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(2000):
            result, _ = frozen(shared)
            assert isinstance(result, dict) or result == "<mutating>"
    finally:
        done.set()
        thread.join()


def test_near_the_recursion_limit_something_is_still_said() -> None:
    """Freezing with no stack left gives a placeholder, not a RecursionError."""

    def dive() -> tuple[object, str]:
        try:
            return dive()
        except RecursionError:
            return freeze({"a": [{"b": 1j}]}, []), message_of("%s", (1,), [])

    value, message = dive()
    assert value
    assert message


@pytest.mark.parametrize(
    ("value", "expected", "words"),
    [
        ("plain", "plain", []),
        (1, 1, []),
        (True, True, []),
        (None, None, []),
        (0.5, 0.5, []),
        (float("nan"), "NaN", ["not_finite"]),
        (-(2**63) - 1, str(-(2**63) - 1), ["big_int"]),
        ("\udc80", "\ufffd", ["surrogate"]),
        ("x" * 100_000, "x" * 100_000, []),
    ],
)
def test_scalars_are_tidied_later(value: object, expected: object, words: list[str]) -> None:
    """Scalars a record refers to are made to fit JSON on the worker; texts are not cut here."""
    notes: list[str] = []
    assert type(value) in SCALARS
    assert tidy(value, notes) == expected
    assert notes == words


@pytest.mark.parametrize(
    ("msg", "args"),
    [
        ("plain", ()),
        ("plain", None),
        ("%s of %d", ("a", 2)),
        ("%(a)s", {"a": 1}),
        ("%(a)s", ({"a": 1},)),
        ("%s", ({"a": 1},)),
        ("%s", ((1, 2),)),
        ("100%", ()),
        ("%s", ()),
        ("{} ${jndi:ldap://x}", ()),
        ({"event": "a"}, ()),
        (ValueError("no"), ()),
        (None, ()),
        (42, ()),
        (Pair(1, 2), ()),
        ("%s %s", Pair(1, 2)),
        ("%s", {}),
    ],
)
def test_a_good_message_is_what_logging_makes_of_it(msg: object, args: Any) -> None:
    """The same text as ``LogRecord.getMessage``, and no word about it."""
    record = logging.LogRecord("n", logging.INFO, "p", 1, msg, None, None)
    record.args = args[0] if type(args) is tuple and args and args[0] == {"a": 1} else args
    notes: list[str] = []
    assert message_of(record.msg, record.args, notes) == record.getMessage()
    assert notes == []
    if isinstance(args, tuple):
        assert message_of(msg, args, notes) == record.getMessage()


BAD_MESSAGES: list[tuple[object, object, str, list[str]]] = [
    ("%s %s", (1,), "%s %s [arguments: 1]", ["bad_args"]),
    ("none", (1, "a"), "none [arguments: 1, 'a']", ["bad_args"]),
    ("%d", ("a",), "%d [arguments: 'a']", ["bad_args"]),
    ("%(a)s", ({"b": 1},), "%(a)s [arguments: {'b': 1}]", ["bad_args"]),
    ("%(a)s", {"b": 1}, "%(a)s [arguments: {'b': 1}]", ["bad_args"]),
    ("100%", (1,), "100% [arguments: 1]", ["bad_args"]),
    ("%d", (10**5000,), "%d [arguments: '<int of 16610 bits>']", ["bad_args", "big_int"]),
    ("%s", (Unprintable(),), "%s [arguments: '<unprintable Unprintable: RuntimeError>']",
     ["bad_args", "repr", "unprintable"]),
    ("%s", tuple(range(20)),
     f"%s [arguments: {', '.join(map(str, range(16)))}, <+4 items>]", ["bad_args"]),
    (b"caf\xc3\xa9 \xff", (), "café \ufffd", []),
    (b"%d items", (3,), "3 items", []),
    (Text("%s"), (1,), "1", []),
    (Unprintable(), (), "<unprintable Unprintable: RuntimeError>", ["unprintable"]),
    (LyingClass(), (), "<LyingClass>", []),
    (OfHostileClass(), (), "<OfHostileClass>", []),
]


@pytest.mark.parametrize(
    ("msg", "args", "expected", "words"), BAD_MESSAGES, ids=map(str, range(len(BAD_MESSAGES)))
)
def test_a_bad_message_keeps_its_template_and_arguments(
    msg: object, args: object, expected: str, words: list[str]
) -> None:
    """Nothing that was passed is lost when it cannot be formatted."""
    notes: list[str] = []
    assert message_of(msg, args, notes) == expected
    assert notes == words


def test_a_huge_container_as_message_is_not_written_out() -> None:
    """A list of two million as the message costs 64 items."""
    notes: list[str] = []
    text = message_of([0] * 2_000_000, (), notes)
    assert text.endswith("'<+1999936 items>']")
    assert notes == ["too_many"]


def test_cut_tells_the_length() -> None:
    """A cut text fits its limit and names how long it was; the rest stays the same object."""
    text = "x" * 100
    assert cut(text, 100) is text
    assert cut(text, 50) == "x" * 29 + "<cut: 100 characters>"
    assert len(cut(text, 5)) == 5


def test_type_names_are_qualified_but_for_builtins() -> None:
    """Names as in ``exception.type``."""
    assert type_name(ValueError) == "ValueError"
    assert type_name(decimal.InvalidOperation) == "decimal.InvalidOperation"
    assert type_name(Case) == f"{__name__}.Case"
    assert type_name(OfHostileClass) == f"{__name__}.OfHostileClass"


def test_text_of_gives_an_exact_str() -> None:
    """A ``__str__`` that returns a subclass cannot smuggle its methods in."""

    class Smuggler:
        def __str__(self) -> str:
            return Text("x")

    assert type(text_of(Smuggler(), [])) is str


class Wild:
    """An object whose every method is chosen by the test."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def __str__(self) -> str:
        return self._act()  # type: ignore[return-value]

    __repr__ = __str__
    __bool__ = __eq__ = __len__ = refuse

    def __hash__(self) -> int:
        return id(self)


def fail(kind: type[Exception]) -> NoReturn:
    """Raise."""
    raise kind


WILD = st.one_of(
    st.sampled_from([RuntimeError, ValueError, RecursionError, MemoryError, StopIteration]).map(
        lambda kind: Wild(functools.partial(fail, kind))
    ),
    st.sampled_from([None, 3, b"x", "\ud800"]).map(lambda v: Wild(lambda: v)),
    st.just(Text).map(lambda kind: Wild(lambda: kind("t"))),
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(max_size=20),
    st.characters(categories=["Cs"]), st.decimals(), st.datetimes(), st.uuids(),
    st.complex_numbers(),
    st.sampled_from([Phase.TRIAGE, Level.HIGH]),
    st.integers(0, 1).map(lambda n: (Untouchable, LyingClass)[n]()),
    WILD,
)
KEYS = st.one_of(
    st.text(), st.integers(), st.none(), st.tuples(st.integers()), st.binary(max_size=5), WILD,
    st.characters(categories=["Cs"]),
)
TREES = st.recursive(
    LEAVES,
    lambda children: st.one_of(
        st.lists(children, max_size=80),
        st.dictionaries(KEYS, children, max_size=80),
        st.lists(children, max_size=5).map(tuple),
        st.lists(children, max_size=5).map(collections.deque),
        st.lists(children, max_size=5).map(Items),
        st.lists(children, max_size=5).map(iter),
    ),
    max_leaves=60,
)


@settings(deadline=None)
@given(TREES)
def test_law_everything_becomes_strict_json(value: object) -> None:
    """Whatever was given: strict JSON comes out, and the same twice over."""
    result, _ = frozen(value)
    again, words = frozen(result)
    assert again == result
    assert set(words) <= {"too_many", "too_deep"}


@settings(deadline=None)
@given(st.one_of(st.text(), LEAVES), st.one_of(st.none(), st.tuples(LEAVES, LEAVES), TREES))
def test_law_every_message_becomes_text(msg: object, args: object) -> None:
    """Whatever was given: an exact ``str`` comes out."""
    assert type(message_of(msg, args, [])) is str
