"""Exceptions: taken at the call in a microsecond, written out when the record is shaped.

:func:`capture_error` keeps of an exception its class, its text and for every frame the code
object and position; no exception, no frame and no local variable stays alive in the queue.
:meth:`CapturedError.stack_trace` writes what ``traceback.format_exception`` writes, from texts
that are made once per position, so an edited source file keeps the text first seen. Suggestions
("Did you mean") are left out, for finding them runs code of the objects involved.
"""

from __future__ import annotations

import linecache
import re
import sys
import traceback
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from fm_otel.errors import resolve
from fm_otel.values import MAX_STACK, freeze, text_of, type_name, well_formed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import CodeType

    Frames = tuple[tuple[CodeType, int], ...]
    Known = tuple[str, tuple[str, int, str]]
    _Step = tuple[BaseException, str, tuple[tuple["_Part", ...], ...]]

MAX_FRAMES: Final = 1000
"""Frames of one traceback: of a longer one the first and last halves of this are kept."""
MAX_CHAIN: Final = 20
"""Exceptions of one chain of causes: of a longer one the first and last halves are kept."""
MAX_HOPS: Final = 10_000
"""Causes followed to find the last."""
MAX_GROUP_WIDTH: Final = 15
MAX_GROUP_DEPTH: Final = 10
MAX_PARTS: Final = 100
"""Exceptions of one record, groups and causes together."""
MAX_NOTES: Final = 64
MAX_MESSAGE: Final = 4 * 1024
"""Characters of one message or note inside a stack trace."""
MAX_CODES: Final = 4096
"""Code objects whose texts are kept before the table starts afresh."""

_REPEATS_SHOWN: Final = 3
_MARK: Final = "_fm_otel_recorded"
_CAUSE: Final = (
    "\nThe above exception was the direct cause of the following exception:\n\n"
)
_CONTEXT: Final = (
    "\nDuring handling of the above exception, another exception occurred:\n\n"
)
_HEADER: Final = "Traceback (most recent call last):\n"
_LAST_LINE: Final = re.compile(r"([A-Za-z_][\w.]{0,200})(?:: (.*))?", re.DOTALL)

_instance_dict: Final = cast(
    "Callable[[BaseException], dict[str, Any]]", vars(BaseException)["__dict__"].__get__
)
_children_of: Final = cast(
    "Callable[[BaseException], tuple[BaseException, ...]]",
    vars(BaseExceptionGroup)["exceptions"].__get__,
)

_texts: dict[int, tuple[CodeType, dict[int, Known]]] = {}


class _Part(NamedTuple):
    """One exception of a chain. ``link`` joins it to the next part, the one it came from."""

    kind: type
    message: str
    frames: Frames
    notes: tuple[str, ...] = ()
    syntax: str | None = None
    link: str = ""
    children: tuple[tuple[_Part, ...], ...] = ()
    width: int = 0
    """Members of a group, those without a place in ``children`` included; 0: no group."""


class CapturedError:
    """An exception as the logging call left it, or the text of one.

    ``type`` is module-qualified, bare for builtins; ``error_code`` the mnemonic of the
    exception's own attribute, ``context`` a copy of its ``context`` when that is a dict;
    ``repeat`` tells that the same exception object was recorded before.
    """

    __slots__ = (
        "_chain", "_stack_info", "_text", "_type", "context", "error_code", "exception_type",
        "message", "repeat",
    )

    def __init__(
        self,
        exception_type: type[BaseException] | None,
        message: str | None,
        chain: tuple[_Part, ...],
        stack_info: str | None = None,
    ) -> None:
        """Made by ``capture_error`` and ``error_from_text``."""
        self.exception_type = exception_type
        self.message = message
        self.error_code: str | None = None
        self.context: dict[str, object] | None = None
        self.repeat = False
        self._chain = chain
        self._stack_info = stack_info
        self._type: str | None = None
        self._text: str | None = None

    @property
    def type(self) -> str | None:
        """Name of the exception's class."""
        if self.exception_type is None:
            return self._type
        return type_name(self.exception_type)

    def stack_trace(self) -> str:
        """Return the stack with causes, groups and notes, at most ``MAX_STACK`` characters.

        Empty for an exception that was never raised and says no more than type and message.
        """
        if self._text is not None:
            return self._text
        pieces = _pieces(self._chain)
        if self._stack_info:
            pieces.append(self._stack_info)
        return _bounded(pieces)


def capture_error(exc_info: object, *, stack_info: str | None = None) -> CapturedError | None:
    """Capture the exception that ``exc_info`` means, in any shape ``logging`` takes.

    None when there is neither an exception nor ``stack_info``.
    """
    exception, trace = _found(exc_info)
    if exception is None:
        if not stack_info:
            return None
        return CapturedError(None, None, (), text_of(stack_info, []))
    try:
        return _captured(exception, trace, stack_info)
    except Exception:  # noqa: BLE001 - the exception's class may override anything
        kind = type(exception)
        return CapturedError(kind, "<exception could not be read>", (), stack_info)


def error_from_text(text: object) -> CapturedError:
    """Make an error of a traceback that exists as text only."""
    whole = well_formed(text_of(text, []), [])
    captured = CapturedError(None, None, ())
    captured._text = _bounded(whole.splitlines(keepends=True))  # noqa: SLF001 - its own maker
    last = whole.rstrip()[-MAX_STACK:].rpartition("\n")[2]
    parsed = _LAST_LINE.fullmatch(last)
    if parsed is None:
        return captured
    name = parsed[1].rpartition(".")[2]
    if "Traceback (" in whole or name.endswith(("Error", "Exception", "Warning")):
        captured._type, captured.message = parsed[1], parsed[2]  # noqa: SLF001
    return captured


def _found(exc_info: object) -> tuple[BaseException | None, TracebackType | None]:
    """Return the exception meant and its traceback; (None, None) when there is none."""
    if type(exc_info) is tuple:
        exception = exc_info[1] if len(exc_info) > 1 else None
        trace = exc_info[2] if len(exc_info) > 2 else None
        if type(trace) is not TracebackType:
            trace = None
    elif issubclass(type(exc_info), BaseException):
        exception = exc_info
        trace = cast("BaseException", exc_info).__traceback__
    elif exc_info is None or exc_info is False:
        return None, None
    else:
        _, exception, trace = sys.exc_info()
    if issubclass(type(exception), BaseException):
        return cast("BaseException", exception), trace
    return None, None


def _captured(
    exception: BaseException, trace: TracebackType | None, stack_info: str | None
) -> CapturedError:
    try:
        message = str.__str__(str(exception))
    except Exception:  # noqa: BLE001 - the exception's own __str__
        message = text_of(exception, [])
    stored = _instance_dict(exception)
    chain: tuple[_Part, ...]
    if _plain(exception) and "__notes__" not in stored:
        part = (type(exception), message, _frames(trace), (), None, "", (), 0)
        chain = (tuple.__new__(_Part, part),)
    else:
        chain = _Reader().chain(exception, trace)
    captured = CapturedError(type(exception), message, chain, stack_info)
    if _MARK in stored:
        captured.repeat = True
    else:
        stored[_MARK] = True
    captured.error_code = _error_code(exception)
    context = stored.get("context")
    if type(context) is dict and context:
        captured.context = cast("dict[str, object]", freeze(context, []))
    return captured


def _error_code(exception: BaseException) -> str | None:
    try:
        code = getattr(exception, "error_code", None)
        return None if code is None else resolve(code)
    except Exception:  # noqa: BLE001 - it may be a property of the application's
        return None


def _plain(exception: BaseException) -> bool:
    """Whether an exception has neither cause, members nor source text of its own."""
    if exception.__cause__ is not None:
        return False
    if exception.__context__ is not None and not exception.__suppress_context__:
        return False
    return not isinstance(exception, (BaseExceptionGroup, SyntaxError))


def _frames(trace: TracebackType | None) -> Frames:
    """Return code and position of each frame, outermost first."""
    found = []
    known = linecache.cache
    while trace is not None:
        frame = trace.tb_frame
        code = frame.f_code
        found.append((code, trace.tb_lasti))
        # Source that only an importer can give (zip files) is found by the frame's globals.
        if code.co_filename not in known:
            linecache.lazycache(code.co_filename, frame.f_globals)
        trace = trace.tb_next
    if len(found) > MAX_FRAMES:
        found[MAX_FRAMES // 2 : -MAX_FRAMES // 2] = []
    return tuple(found)


class _Reader:
    """Reads exceptions with causes and members, each once and no more than ``MAX_PARTS``."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._left = MAX_PARTS

    def chain(
        self, exception: BaseException, trace: TracebackType | None, depth: int = 0
    ) -> tuple[_Part, ...]:
        """Return the parts of ``exception`` and what it came from, itself first."""
        line = list(islice(self._line(exception, depth), MAX_HOPS))
        limit = MAX_CHAIN if self._left > 0 else 2
        left_out = len(line) - limit
        if left_out > 0:
            edge = limit // 2
            one, _, children = line[edge - 1]
            link = f"\n[{left_out} more exceptions]\n{_CAUSE}"
            line = [*line[: edge - 1], (one, link, children), *line[-edge:]]
        self._left -= len(line)
        parts = []
        for one, link, children in line:
            own = trace if one is exception else one.__traceback__
            parts.append(_part(one, own, link, children))
        return tuple(parts)

    def _line(self, exception: BaseException, depth: int) -> Iterator[_Step]:
        """Follow causes and contexts as tracebacks do, each object once."""
        self._seen.add(id(exception))
        current: BaseException | None = exception
        while current is not None:
            link, following = self._origin(current)
            children: tuple[tuple[_Part, ...], ...] = ()
            if isinstance(current, BaseExceptionGroup) and depth <= MAX_GROUP_DEPTH:
                children = self._children(_children_of(current), depth + 1)
            yield current, link, children
            current = following

    def _origin(self, exception: BaseException) -> tuple[str, BaseException | None]:
        link, origin = _CAUSE, exception.__cause__
        if origin is None or id(origin) in self._seen:
            link, origin = _CONTEXT, exception.__context__
            if exception.__suppress_context__ or origin is None or id(origin) in self._seen:
                return "", None
        self._seen.add(id(origin))
        return link, origin

    def _children(
        self, members: tuple[BaseException, ...], depth: int
    ) -> tuple[tuple[_Part, ...], ...]:
        taken = members[: max(0, min(MAX_GROUP_WIDTH, self._left))]
        self._left -= len(taken)
        self._seen.update(map(id, members))
        # The last first: with a cause in common it is told where tracebacks tell it.
        chains = [self.chain(one, one.__traceback__, depth) for one in reversed(taken)]
        return tuple(reversed(chains))


def _part(
    exception: BaseException,
    trace: TracebackType | None,
    link: str,
    children: tuple[tuple[_Part, ...], ...],
) -> _Part:
    group = isinstance(exception, BaseExceptionGroup)
    return _Part(
        type(exception),
        _shortened(text_of(exception, [])),
        _frames(trace),
        _notes(exception),
        _syntax(exception) if isinstance(exception, SyntaxError) else None,
        link,
        children,
        len(_children_of(exception)) if group else 0,
    )


def _notes(exception: BaseException) -> tuple[str, ...]:
    notes = _instance_dict(exception).get("__notes__")
    if notes is None:
        return ()
    if type(notes) is not list and type(notes) is not tuple:
        return (_shortened(text_of(notes, [], repr)) + "\n",)
    return tuple(_shortened(text_of(one, [])) + "\n" for one in notes[:MAX_NOTES])


def _syntax(exception: SyntaxError) -> str | None:
    """Return the lines that show where the syntax error is, or None when they cannot be had."""
    try:
        text, offset = exception.text, exception.offset
        if text is not None and len(text) > MAX_MESSAGE:
            text, offset = _shortened(text), None
        # A copy without causes: the original would have its whole chain read again.
        bare = SyntaxError(
            exception.msg,
            (exception.filename, exception.lineno, offset, text, exception.end_lineno,
             exception.end_offset),
        )
        shown = traceback.TracebackException(type(exception), bare, None, compact=True)
        return "".join(shown.format_exception_only())
    except Exception:  # noqa: BLE001 - attributes of a syntax error may hold anything
        return None


def _shortened(text: str) -> str:
    """Cut a text that stands inside a stack trace, at a word edge: no half secrets."""
    if len(text) <= MAX_MESSAGE:
        return text
    head = text[:MAX_MESSAGE]
    if not head[-1].isspace():
        head = head[: -len(head.rsplit(maxsplit=1)[-1])]
    return f"{head}<cut: {len(text)} characters>"


def _pieces(chain: tuple[_Part, ...]) -> list[str]:
    """Return the texts whose sum is the stack trace."""
    if not chain or (len(chain) == 1 and _says_nothing(chain[0])):
        return []
    pieces: list[str] = []
    _write(chain, 0, pieces)
    return pieces


def _says_nothing(part: _Part) -> bool:
    return not (part.frames or part.notes or part.width or part.syntax)


def _write(chain: tuple[_Part, ...], depth: int, pieces: list[str]) -> bool:
    """Append a chain's texts, the first cause first; return whether it closed a group's box."""
    closed = False
    for part in reversed(chain):
        if part.link:
            pieces.append(_indented(part.link, depth))
        if not part.width:
            _write_one(part, depth, pieces)
        elif depth > MAX_GROUP_DEPTH:
            pieces.append(_indented(f"... (max_group_depth is {MAX_GROUP_DEPTH})\n", depth))
        else:
            _write_group(part, depth, pieces)
            closed = True
    return closed


def _write_one(part: _Part, depth: int, pieces: list[str]) -> None:
    texts = [*_frame_texts(part.frames), *_closing(part)]
    if part.frames:
        texts.insert(0, _HEADER)
    pieces.extend(_indented(text, depth) for text in texts) if depth else pieces.extend(texts)


def _write_group(part: _Part, depth: int, pieces: list[str]) -> None:
    inner = depth or 1
    if part.frames:
        header = f"Exception Group {_HEADER}"
        pieces.append("  + " + header if depth == 0 else _indented(header, depth))
        pieces.extend(_indented(text, inner) for text in _frame_texts(part.frames))
    pieces.extend(_indented(text, inner) for text in _closing(part))
    margin = "  " * inner
    closed = False
    for place, child in enumerate(part.children):
        edge = "+-" if place == 0 else "  "
        pieces.append(f"{margin}{edge}+---------------- {place + 1} ----------------\n")
        closed = _write(child, inner + 1, pieces)
    left_out = part.width - len(part.children)
    if left_out:
        closed = False
        plural = "s" if left_out > 1 else ""
        edge = "  " if part.children else "+-"
        pieces.append(f"{margin}{edge}+---------------- ... ----------------\n")
        pieces.append(_indented(f"and {left_out} more exception{plural}\n", inner + 1))
    if not closed:
        pieces.append(f"{margin}  +------------------------------------\n")


def _closing(part: _Part) -> Iterable[str]:
    """Return the lines after the frames: type and message, then notes."""
    if part.syntax is not None:
        yield part.syntax
    else:
        name = type_name(part.kind).removeprefix("__main__.")
        message = _shortened(part.message)
        yield f"{name}: {message}\n" if message else f"{name}\n"
    yield from part.notes


def _indented(text: str, depth: int) -> str:
    if not depth:
        return text
    margin = "  " * depth + "| "
    return "".join(margin + line for line in text.splitlines(keepends=True))


def _frame_texts(frames: Frames) -> list[str]:
    """Return the text of each frame, those of a recursion collapsed."""
    texts: list[str] = []
    last: tuple[str, int, str] | None = None
    count = 0
    for code, lasti in frames:
        known = _texts.get(id(code))
        found = known[1].get(lasti) if known is not None else None
        text, place = found or _learn(code, lasti)
        if place == last:
            count += 1
            if count > _REPEATS_SHOWN:
                continue
        else:
            if count > _REPEATS_SHOWN:
                texts.append(_repeated(count))
            last, count = place, 1
        texts.append(text)
    if count > _REPEATS_SHOWN:
        texts.append(_repeated(count))
    return texts


def _repeated(count: int) -> str:
    more = count - _REPEATS_SHOWN
    return f"  [Previous line repeated {more} more time{'s' if more > 1 else ''}]\n"


def _learn(code: CodeType, lasti: int) -> Known:
    """Make the text of one frame and keep it; the code object is kept so its id stays its own."""
    if len(_texts) >= MAX_CODES:
        _texts.clear()
    line, end_line, column, end_column = _positions(code, lasti)
    linecache.checkcache(code.co_filename)
    frame = traceback.FrameSummary(
        code.co_filename, line, code.co_name, lookup_line=False, end_lineno=end_line,
        colno=column, end_colno=end_column,
    )
    text = "".join(traceback.StackSummary.from_list([frame]).format())
    known = text, (code.co_filename, line, code.co_name)
    _texts.setdefault(id(code), (code, {}))[1][lasti] = known
    return known


def _positions(code: CodeType, lasti: int) -> tuple[int, int | None, int | None, int | None]:
    nowhere = (None, None, None, None)
    place = next(islice(code.co_positions(), lasti // 2, None), nowhere) if lasti >= 0 else nowhere
    line, end_line, column, end_column = place
    if line is not None:
        return line, end_line, column, end_column
    lines = (line for start, end, line in code.co_lines() if start <= lasti < end and line)
    return next(lines, code.co_firstlineno), None, None, None


def _bounded(pieces: list[str]) -> str:
    """Join ``pieces``, of too many the first and the last ones around a marker."""
    text = "".join(pieces)
    if len(text) <= MAX_STACK:
        return text
    room = (MAX_STACK - 100) // 2
    head, tail = _fitting(pieces, room), _fitting(pieces[::-1], room)[::-1]
    left_out = len(text) - sum(map(len, head)) - sum(map(len, tail))
    return "".join([*head, f"[... {left_out} characters ...]\n", *tail])


def _fitting(pieces: list[str], room: int) -> list[str]:
    """Return as many of the first ``pieces`` as ``room`` characters hold."""
    fitting = []
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            break
        fitting.append(piece)
    return fitting
