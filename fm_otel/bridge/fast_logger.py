"""The fast lane of ``Logger._log``: a call is captured without making its ``LogRecord``.

Making the record is most of what a logging call costs, and where every handler on its way is a
console that ours stands in for, nobody looks at it. Whatever is not the plain case (filters,
other handlers, a logger class or record factory of its own, ``stacklevel``, ``stack_info``) goes
the ordinary way, with the same result. Nothing about handlers is remembered: their lists change
at any time, also without a method being called.
"""

from __future__ import annotations

import logging
import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from fm_otel.bridge.consoles import is_console, only_writes
from fm_otel.fields import RECORD_ATTRIBUTES

if TYPE_CHECKING:
    from types import FrameType

_SOURCE: Final = logging._srcfile  # noqa: SLF001 - as findCaller
_HELD: Final = ("makeRecord", "callHandlers", "handle", "findCaller", "_log")


class FastLane:
    """Decides which calls take the fast lane, and finds their call site."""

    def __init__(self, *, owns_console: bool) -> None:
        self._owns_console = owns_console
        self._classes: dict[type, bool] = {}
        self._methods: tuple[Any, ...] = ()

    def open(self) -> None:
        """Remember the methods in force now: a later patch of any of them closes the lane.

        Where one was patched before, it stays closed: whoever did that wants to see records.
        """
        self._methods = tuple(getattr(logging.Logger, name) for name in _HELD)
        self._classes.clear()
        if not all(map(is_stock, self._methods)):
            self._methods = (None,) * len(_HELD)

    def admits(self, logger: logging.Logger, levelno: int) -> bool | None:
        """Return whether a console would show the record; None when somebody needs the record."""
        kind = type(logger)
        if kind is not logging.Logger and not self._is_plain(kind):
            return None
        if (
            logger.filters
            or logging._logRecordFactory is not logging.LogRecord  # type: ignore[attr-defined]  # noqa: SLF001
            or not self._is_whole()
        ):
            return None
        consoles = shown = False
        current: logging.Logger | None = logger
        while current is not None:
            for handler in current.handlers:
                if handler.filters or not (
                    self._owns_console and is_console(handler) and only_writes(handler)
                ):
                    return None
                consoles = True
                shown = shown or levelno >= handler.level
            if not current.propagate:
                break
            current = current.parent
        return shown or not consoles

    def _is_whole(self) -> bool:
        """Return whether nobody has patched what the lane stands in for."""
        make_record, call_handlers, handle, find_caller = self._methods[:4]
        stock = logging.Logger
        return (
            stock.callHandlers is call_handlers and stock.makeRecord is make_record
            and stock.handle is handle and stock.findCaller is find_caller
        )

    def _is_plain(self, kind: type) -> bool:
        """Return whether a logger class leaves alone what the lane stands in for."""
        plain = self._classes.get(kind)
        if plain is None:
            inherited = tuple(getattr(kind, name, None) for name in _HELD)
            plain = self._classes[kind] = inherited == self._methods
        return plain


def is_stock(method: Any) -> bool:
    """Return whether a method, which the hook may have wrapped once, is stdlib's own below."""
    original = method.__wrapped__ if getattr(method, "fm_otel", False) else method
    code = getattr(original, "__code__", None)
    return code is not None and code.co_filename == _SOURCE


def collides(extra: Any) -> bool:
    """Return whether ``extra`` is anything but a dict of names a record has no use for."""
    return type(extra) is not dict or not RECORD_ATTRIBUTES.isdisjoint(extra)


def caller(frame: FrameType | None) -> FrameType | None:
    """Return the frame outside of ``logging`` that made the call."""
    while frame is not None and frame.f_code.co_filename == _SOURCE:
        frame = frame.f_back
    return frame


def posing(wrapper: Any) -> Any:
    """Return a wrapper that looks like a part of ``logging`` to who searches the calling frame.

    stdlib tells its frames by file, structlog and others by module name; an unknown frame between
    theirs and the application's would be taken for the caller.
    """
    code = wrapper.__code__.replace(co_filename=_SOURCE)
    names = {**wrapper.__globals__, "__name__": logging.__name__}
    posed = FunctionType(code, names, wrapper.__name__, wrapper.__defaults__, wrapper.__closure__)
    posed.__kwdefaults__ = wrapper.__kwdefaults__
    return posed


def normalised(exc_info: Any) -> Any:
    """Return ``exc_info`` as a record would hold it."""
    if not exc_info or isinstance(exc_info, tuple):
        return exc_info
    if isinstance(exc_info, BaseException):
        return (type(exc_info), exc_info, exc_info.__traceback__)
    return sys.exc_info()


__all__ = ["FastLane", "caller", "collides", "is_stock", "normalised", "posing"]
