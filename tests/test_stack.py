"""Exceptions keep their whole story, cost little at the call and keep nothing alive."""

from __future__ import annotations

import contextlib
import gc
import json
import linecache
import logging
import sys
import traceback
import types
import weakref
import zipfile
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fm_otel import stack
from fm_otel.stack import CapturedError, capture_error, error_from_text
from fm_otel.values import MAX_STACK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def raised(raiser: Callable[[], object]) -> BaseException:
    """Return the exception ``raiser`` raises, with its traceback."""
    try:
        raiser()
    except BaseException as error:  # noqa: BLE001 - any kind is wanted
        return error
    pytest.fail("nothing was raised")


def captured(exc_info: object) -> CapturedError:
    """Capture, expecting something."""
    error = capture_error(exc_info)
    assert error is not None
    return error


def expected(error: BaseException) -> str:
    """Return what the standard library prints."""
    return "".join(traceback.format_exception(error))


def divide(depth: int = 3) -> float:
    """Fail some frames down."""
    return divide(depth - 1) if depth else 1 / 0


def plain() -> None:
    """Fail."""
    divide()


def recursion(depth: int = 0) -> NoReturn:
    """Fail for want of stack."""
    recursion(depth + 1)


def mutual(depth: int = 10) -> None:
    """Recurse in two turns, so that no line repeats."""
    if depth:
        partner(depth)
    divide(5)


def partner(depth: int) -> None:
    """Take turns with ``mutual``."""
    mutual(depth - 1)


def cause() -> None:
    """Fail because of something."""
    try:
        plain()
    except ZeroDivisionError as error:
        message = "first line\nsecond line"
        raise ValueError(message) from error


def context() -> None:
    """Fail while something else was handled."""
    try:
        plain()
    except ZeroDivisionError:
        raise KeyError("key")  # noqa: B904, EM101 - the point of it


def suppressed() -> None:
    """Fail and hide why."""
    try:
        plain()
    except ZeroDivisionError:
        raise KeyError from None


def notes() -> None:
    """Fail with notes."""
    error = ValueError("noted")
    error.add_note("one\ntwo")
    error.add_note("")
    raise error


def odd_notes() -> None:
    """Fail with notes that are no list."""
    error = ValueError("noted")
    error.__notes__ = 7  # type: ignore[assignment]
    raise error


def syntax() -> None:
    """Fail in source text."""
    compile("value = (1,\n  b c)\n", "given.py", "exec")


def syntax_cause() -> None:
    """Fail because of source text."""
    try:
        syntax()
    except SyntaxError as error:
        raise ImportError("given") from error  # noqa: EM101 - as imports do


def members(count: int) -> list[Exception]:
    """Make raised exceptions for a group."""
    made = [raised(plain) for _ in range(count)]
    return [*made, raised(context)]  # type: ignore[list-item]


def group(count: int = 3) -> None:
    """Fail in several ways at once."""
    message = "several"
    raise ExceptionGroup(message, members(count))


def wide_group() -> None:
    """Fail in more ways than are shown."""
    group(40)


def nested_groups() -> None:
    """Fail in groups of groups that share causes."""
    try:
        group()
    except ExceptionGroup as first:
        try:
            cause()
        except ValueError as error:
            inner = ExceptionGroup("inner", [error, TypeError("never raised")])
            raise ExceptionGroup("outer", [first, ValueError(1), inner])  # noqa: B904, EM101


def after_group() -> None:
    """Fail because a group failed."""
    try:
        nested_groups()
    except ExceptionGroup as error:
        raise RuntimeError from error


def group_as_context() -> None:
    """Fail in a group whose member failed because of a group."""
    raise BaseExceptionGroup("outer", [raised(after_group), raised(plain)])  # noqa: EM101


def deep_group() -> None:
    """Fail 2,000 groups deep."""
    error: Exception = ValueError("bottom")
    for depth in range(2000):
        error = ExceptionGroup(str(depth), [error])
    raise error


def cycle() -> None:
    """Fail because of a failure because of this one."""
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__cause__ = second, first
    raise first


def own_context() -> None:
    """Fail with a group that holds an exception caused by the group."""
    inner = ValueError("inner")
    outer = ExceptionGroup("outer", [inner])
    inner.__cause__ = outer
    raise outer


class LocalError(Exception):
    """An exception of this module."""


def local() -> None:
    """Fail with a class of a module."""
    raise LocalError


def generated() -> None:
    """Fail in code without source."""
    exec("raise OSError(2, 'none')")  # noqa: S102 - the point of it


def generator() -> None:
    """Fail in a generator."""
    sum(1 / n for n in (1, 0))


def surrogates() -> None:
    """Fail with text no encoder takes."""
    raise ValueError("\ud800")  # noqa: EM101 - the text itself


@pytest.mark.parametrize(
    "raiser",
    [
        plain, recursion, mutual, cause, context, suppressed, notes, syntax, syntax_cause, group,
        wide_group, nested_groups, after_group, group_as_context, deep_group,
        cycle, own_context, local, generated, generator, surrogates,
    ],
    ids=lambda raiser: raiser.__name__,
)
def test_the_stack_trace_is_what_python_prints(raiser: Callable[[], object]) -> None:
    """Text and order of the standard library, the first time and from the kept texts."""
    error = raised(raiser)
    wanted = expected(error)
    assert captured(error).stack_trace() == wanted
    assert captured((type(error), error, error.__traceback__)).stack_trace() == wanted


def test_notes_that_are_no_list_are_shown_as_they_are() -> None:
    """On a line of their own, which the standard library ends since Python 3.12 only."""
    error = raised(odd_notes)
    assert captured(error).stack_trace() == expected(error).removesuffix("\n") + "\n"


def test_the_active_exception_is_found() -> None:
    """``exc_info=True`` and ``sys.exc_info()`` mean the exception being handled."""
    try:
        plain()
    except ZeroDivisionError as error:
        wanted = expected(error)
        assert captured(exc_info=True).stack_trace() == wanted
        assert captured(1).stack_trace() == wanted
        assert captured(sys.exc_info()).stack_trace() == wanted


@pytest.mark.parametrize(
    "nothing", [None, False, True, (None, None, None), (), (ValueError,), "", 0, object()],
    ids=map(str, range(9)),
)
def test_no_exception_gives_none(nothing: object) -> None:
    """Outside of ``except`` there is nothing to capture, whatever was asked for."""
    assert capture_error(nothing) is None


def test_an_exception_never_raised_has_type_and_message() -> None:
    """No stack: neither a text nor an empty header."""
    error = captured(ValueError("made"))
    assert (error.type, error.message, error.stack_trace()) == ("ValueError", "made", "")
    assert captured((LocalError, LocalError(), None)).type == f"{__name__}.LocalError"


def test_the_given_traceback_counts() -> None:
    """A tuple's own traceback is shown, as ``logging`` shows it, not the exception's newer one."""
    error = raised(plain)
    shorter = error.__traceback__.tb_next  # type: ignore[union-attr]
    wanted = "".join(traceback.format_exception(type(error), error, shorter))
    assert captured((type(error), error, shorter)).stack_trace() == wanted


def test_a_hand_made_traceback_is_shown() -> None:
    """Template engines build tracebacks; positions without columns are shown by line."""
    frame = sys._getframe()  # noqa: SLF001 - there is no other way
    made = types.TracebackType(None, frame, -1, frame.f_lineno)
    error = ValueError("made").with_traceback(made)
    text = captured(error).stack_trace()
    assert text.startswith("Traceback (most recent call last):\n  File ")
    assert text.endswith("ValueError: made\n")


def test_source_in_a_zip_file_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line comes through the module's loader, although no globals are kept."""
    archive = tmp_path / "bundle.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("zipped_failure.py", "def fail():\n    raise ValueError('in zip')\n")
    monkeypatch.syspath_prepend(str(archive))
    import zipped_failure  # type: ignore[import-not-found]  # noqa: PLC0415 - made just now

    error = raised(zipped_failure.fail)
    text = captured(error).stack_trace()
    assert "    raise ValueError('in zip')\n" in text
    assert text == expected(error)


def test_stack_info_is_kept() -> None:
    """The stack of the call follows the exception's, or stands alone."""
    info = "Stack (most recent call last):\n  File ..."
    alone = capture_error(None, stack_info=info)
    assert alone is not None
    assert (alone.type, alone.message, alone.stack_trace()) == (None, None, info)
    error = raised(plain)
    both = capture_error(error, stack_info=info)
    assert both is not None
    assert both.stack_trace() == expected(error) + info


def test_a_repeated_exception_is_marked() -> None:
    """The same object recorded again says so; another one like it does not."""
    error = raised(plain)
    assert not captured(error).repeat
    assert captured(error).repeat
    assert not captured(raised(plain)).repeat


def test_what_the_exception_knows_is_kept() -> None:
    """Error code and context of the exception, copied at the call."""
    error = LocalError()
    error.error_code = "LLM_TIMEOUT"  # type: ignore[attr-defined]
    error.context = given = {"case": {"id": 1}}  # type: ignore[attr-defined]
    result = captured(error)
    given["case"]["id"] = 2
    assert result.error_code == "LLM_TIMEOUT"
    assert result.context == {"case": {"id": 1}}
    assert result.exception_type is LocalError
    other = captured(LocalError())
    assert (other.error_code, other.context) == (None, None)


def test_nothing_is_kept_alive() -> None:
    """Neither exception nor frame nor local variable outlives the call in the queue."""

    class Held:
        pass

    def fail() -> NoReturn:
        held = Held()
        refs.append(weakref.ref(held))
        raise LocalError(str(id(held)))

    refs: list[weakref.ref[object]] = []
    kept: list[CapturedError] = []
    try:
        fail()
    except LocalError as error:
        refs.append(weakref.ref(error))
        kept.append(captured(error))
        with contextlib.suppress(ValueError):
            raise ValueError("again") from error  # noqa: EM101 - only the chain counts
        group = ExceptionGroup("group", [error])
        kept.append(captured(group))
        del group
    gc.collect()
    assert [ref() for ref in refs] == [None, None]
    assert "LocalError" in kept[0].stack_trace()


class UnprintableError(Exception):
    """Has no text."""

    def __str__(self) -> str:
        message = "no text"
        raise RuntimeError(message)

    __repr__ = __str__


class StubbornError(Exception):
    """Raises wherever it can."""

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(name)

    def __getattr__(self, name: str) -> NoReturn:
        raise RuntimeError(name)

    @property
    def error_code(self) -> NoReturn:
        """Have none."""
        raise RuntimeError

    def __eq__(self, other: object) -> NoReturn:
        raise RuntimeError

    __hash__ = __bool__ = __len__ = __eq__  # type: ignore[assignment]


class UnreadableError(Exception):
    """Raises even for its cause."""

    @property
    def __cause__(self) -> NoReturn:  # type: ignore[override]
        raise RuntimeError


def test_an_exception_without_text_keeps_its_type() -> None:
    """A raising ``__str__`` costs the message only."""
    error = captured(raised(lambda: (_ for _ in ()).throw(UnprintableError())))
    assert error.type == f"{__name__}.UnprintableError"
    assert error.message == "<unprintable UnprintableError: RuntimeError>"
    assert "<unprintable UnprintableError: RuntimeError>" in error.stack_trace()
    chained = captured(ExceptionGroup("group", [UnprintableError()]))
    assert "<unprintable UnprintableError: RuntimeError>" in chained.stack_trace()


def test_an_exception_that_resists_is_captured() -> None:
    """Attributes that raise, hashes that raise and frozen classes change nothing."""

    def fail() -> NoReturn:
        raise StubbornError("stubborn")  # noqa: EM101 - the text itself

    error = raised(fail)
    first, again = captured(error), captured(error)
    assert (first.message, first.repeat, again.repeat) == ("stubborn", False, True)
    assert first.error_code is None
    assert first.stack_trace().endswith("StubbornError: stubborn\n")
    unreadable = captured(UnreadableError())
    assert unreadable.type == f"{__name__}.UnreadableError"


@pytest.mark.parametrize(
    "kind", [MemoryError, GeneratorExit, KeyboardInterrupt, SystemExit, StopIteration]
)
def test_every_kind_of_exception_is_captured(kind: type[BaseException]) -> None:
    """Also those that are no ``Exception``."""

    def fail() -> NoReturn:
        raise kind

    error = raised(fail)
    assert captured(error).stack_trace() == expected(error)
    assert captured(error).type == kind.__name__


def test_an_interrupt_inside_str_passes() -> None:
    """Only ``Exception`` is caught."""

    class Interrupting(Exception):  # noqa: N818 - not an error
        def __str__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        capture_error(Interrupting())


def chain_of(length: int) -> BaseException:
    """Raise ``length`` exceptions, each because of the one before."""
    error: BaseException | None = None
    for number in range(length):
        try:
            raise ValueError(f"number {number}") from error  # noqa: EM102 - the text itself
        except ValueError as caught:
            error = caught
    assert error is not None
    return error


def test_a_long_chain_keeps_both_ends() -> None:
    """The first causes and the last exceptions of 1,000; what is left out is counted."""
    text = captured(chain_of(1000)).stack_trace()
    assert "ValueError: number 0\n" in text
    assert "ValueError: number 9\n" in text
    assert "ValueError: number 10\n" not in text
    assert "[980 more exceptions]" in text
    assert "ValueError: number 990\n" in text
    assert text.endswith("ValueError: number 999\n")


def test_a_chain_at_the_limit_is_whole() -> None:
    """Twenty exceptions are all shown."""
    error = chain_of(stack.MAX_CHAIN)
    assert captured(error).stack_trace() == expected(error)


def test_a_bush_of_groups_is_bounded() -> None:
    """Groups of groups of groups: a number of exceptions in all, never a recursion."""
    error: Exception = ValueError("leaf")
    for depth in range(9):
        error = ExceptionGroup(f"level {depth}", [error] * 15)
    text = captured(error).stack_trace()
    assert len(text) <= MAX_STACK
    assert "level 8 (15 sub-exceptions)" in text


def test_a_long_traceback_keeps_both_ends() -> None:
    """Two functions in turn, a thousand deep, each line different from the one before."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(5000)
    try:
        error = raised(lambda: mutual(1500))
    finally:
        sys.setrecursionlimit(limit)
    text = captured(error).stack_trace()
    assert len(text) <= MAX_STACK
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith("ZeroDivisionError: division by zero\n")
    assert " characters ...]\n" in text


def test_a_huge_message_leaves_room_for_the_stack() -> None:
    """In the stack a message is cut at a word; the message itself is kept for its own limit."""
    error = captured(raised(lambda: (_ for _ in ()).throw(ValueError("word " * 100_000))))
    assert error.message == "word " * 100_000
    text = error.stack_trace()
    assert len(text) < MAX_STACK
    assert text.endswith("word <cut: 500000 characters>\n")
    solid = captured(raised(lambda: (_ for _ in ()).throw(ValueError("x" * 100_000))))
    assert solid.stack_trace().endswith("ValueError: <cut: 100000 characters>\n")


def test_a_syntax_error_in_one_endless_line_is_cut() -> None:
    """A minified source line cannot fill the record."""
    error = raised(lambda: compile("x = 1; " * 20_000 + "b c", "mini.py", "exec"))
    text = captured(error).stack_trace()
    assert len(text) < MAX_STACK
    assert '  File "mini.py", line 1\n' in text


def test_a_syntax_error_with_odd_attributes_is_captured() -> None:
    """Attributes of a syntax error can be set to anything."""
    error = SyntaxError("odd")
    error.text = 7  # type: ignore[assignment]
    error.offset = "x"  # type: ignore[assignment]
    assert captured(error).type == "SyntaxError"
    assert isinstance(captured(error).stack_trace(), str)


def with_frames_left(frames: int, call: Callable[[], CapturedError]) -> CapturedError:
    """Run ``call`` where only ``frames`` more frames may be entered."""
    depth = len(traceback.extract_stack())
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + frames)
    try:
        return call()
    finally:
        sys.setrecursionlimit(limit)


def test_logged_at_the_recursion_limit() -> None:
    """A RecursionError is captured whole with a few frames left."""
    error = raised(recursion)
    whole = with_frames_left(20, lambda: captured(error))
    assert whole.stack_trace() == expected(error)


def test_kept_texts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that is made anew for ever does not grow the table."""
    monkeypatch.setattr(stack, "MAX_CODES", 16)
    for _ in range(100):
        captured(raised(generated)).stack_trace()
        assert len(stack._texts) <= 17  # noqa: SLF001 - its bound is the point


def test_the_text_of_a_place_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second exception from the same places reads no source file."""
    error = raised(plain)
    wanted = captured(error).stack_trace()
    monkeypatch.setattr(linecache, "getline", pytest.fail)
    monkeypatch.setattr(linecache, "checkcache", pytest.fail)
    assert captured(error).stack_trace() == wanted


TEXT = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\n'


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (TEXT + "ValueError: it: is", "ValueError", "it: is"),
        (TEXT + "a.b.LostError: gone\n", "a.b.LostError", "gone"),
        (TEXT + "KeyboardInterrupt\n", "KeyboardInterrupt", None),
        (TEXT + "ValueError: first\nsecond line\n", None, None),
        ("ValueError: no stack", "ValueError", "no stack"),
        ("done", None, None),
        ("something: happened", None, None),
        ("", None, None),
    ],
)
def test_a_traceback_in_text_gives_what_its_last_line_says(
    text: str, kind: str | None, message: str | None
) -> None:
    """The text is the stack; type and message only where the last line is unmistakable."""
    error = error_from_text(text)
    assert (error.type, error.message, error.stack_trace()) == (kind, message, text)
    assert not error.repeat


def test_the_text_of_a_formatted_record_is_understood() -> None:
    """What a formatter left in ``exc_text`` gives the same error as the exception."""
    error = raised(plain)
    text = logging.Formatter().formatException((type(error), error, error.__traceback__))
    parsed = error_from_text(text)
    assert (parsed.type, parsed.message) == ("ZeroDivisionError", "division by zero")


def test_a_huge_text_is_cut_in_the_middle() -> None:
    """Head and tail of a text-only traceback, whole lines."""
    text = TEXT + "    line\n" * 100_000 + "ValueError: end\n"
    error = error_from_text(text)
    stack_trace = error.stack_trace()
    assert len(stack_trace) <= MAX_STACK
    assert stack_trace.startswith(TEXT)
    assert stack_trace.endswith("ValueError: end\n")
    assert error.type == "ValueError"


def test_a_text_that_is_no_text_is_taken_as_one() -> None:
    """Dict tracebacks and other objects do not raise."""
    assert error_from_text([{"exc_type": "ValueError"}]).stack_trace()
    assert error_from_text("\ud800").stack_trace() == "\ufffd"


NAMES = st.sampled_from(
    [ValueError, KeyError, LocalError, UnprintableError, StubbornError, OSError]
)
ERRORS = st.recursive(
    st.builds(lambda kind, text: kind(text), NAMES, st.text()),
    lambda children: st.lists(children, min_size=1, max_size=20).map(
        lambda members: ExceptionGroup("group", members)
    ),
    max_leaves=30,
)


@settings(deadline=None)
@given(st.lists(ERRORS, min_size=1, max_size=30), st.data())
def test_law_any_graph_of_exceptions_is_captured(
    errors: list[Exception], data: st.DataObject
) -> None:
    """Causes and contexts at random, loops included: bounded text, never an exception."""
    for error in errors:
        BaseException.__setattr__(error, "__cause__", data.draw(st.sampled_from([None, *errors])))
        BaseException.__setattr__(
            error, "__context__", data.draw(st.sampled_from([None, *errors]))
        )
        BaseException.__setattr__(error, "__suppress_context__", data.draw(st.booleans()))
    result = captured(errors[0])
    text = result.stack_trace()
    assert len(text) <= MAX_STACK
    assert result.type is not None
    json.dumps(text)
