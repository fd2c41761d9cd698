"""Exceptions nobody caught, and warnings, as records before they are gone.

They go past the application's handlers: without us these had none of them, and a log file or an
error tracker of the program must not tell another story than before. A hook the program installed
is called as before; the interpreter's own printing is left out only where our console has written
the record. ``KeyboardInterrupt`` stays the interpreter's.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Final, TextIO

if TYPE_CHECKING:
    from types import TracebackType

    from fm_otel.engine import Engine

_logger: Final = logging.getLogger("faultmaven.exception")
_warnings: Final = logging.getLogger("py.warnings")
_EVENT: Final = {"event": "faultmaven.exception.uncaught"}


class Uncaught:
    """Installs and removes the hooks; ``prints`` tells whether our console writes records."""

    current: ClassVar[Uncaught | None] = None
    """The one in force: a patch of ``multiprocessing`` outlives a single engine."""

    def __init__(self, engine: Engine, *, prints: bool) -> None:
        self._engine = engine
        self._prints = prints
        self._before: dict[str, Any] = {}

    def install(self) -> None:
        """Take over the interpreter's hooks, keeping what was there."""
        self._before = {
            "main": sys.excepthook, "thread": threading.excepthook,
            "unraisable": sys.unraisablehook, "warning": warnings.showwarning,
        }
        sys.excepthook = self._main
        threading.excepthook = self._thread
        sys.unraisablehook = self._unraisable
        if logging._warnings_showwarning is None:  # type: ignore[attr-defined]  # noqa: SLF001 - no public way
            # Else the program wants them as records of its own, and the hook captures those.
            warnings.showwarning = self._warning
        Uncaught.current = self
        _watch_children()

    def remove(self) -> None:
        """Give the hooks back where they are still ours."""
        if sys.excepthook == self._main:
            sys.excepthook = self._before["main"]
        if threading.excepthook == self._thread:
            threading.excepthook = self._before["thread"]
        if sys.unraisablehook == self._unraisable:
            sys.unraisablehook = self._before["unraisable"]
        if warnings.showwarning == self._warning:
            warnings.showwarning = self._before["warning"]
        if Uncaught.current is self:
            Uncaught.current = None

    def tell(self, level: int, text: str, *args: object, error: BaseException) -> bool:
        """Write the record of an exception; return whether our console shows it."""
        exc_info = (type(error), error, error.__traceback__)
        path, line, function, _ = _logger.findCaller(stacklevel=2)
        return self._take(_logger.makeRecord(
            _logger.name, level, path, line, text, args, exc_info, function, _EVENT,
        ))

    def _take(self, record: logging.LogRecord) -> bool:
        settings = self._engine.settings
        if settings.level_explicit and record.levelno < settings.level:
            return False
        return self._engine.take(record) is not None and self._prints

    def _main(
        self, kind: type[BaseException], error: BaseException, tb: TracebackType | None,
    ) -> None:
        before = self._before["main"]
        if issubclass(kind, KeyboardInterrupt):
            before(kind, error, tb)
            return
        shown = self.tell(
            logging.CRITICAL, "uncaught %s", kind.__name__, error=error.with_traceback(tb),
        )
        if not shown or before is not sys.__excepthook__:
            before(kind, error, tb)

    def _thread(self, args: threading.ExceptHookArgs) -> None:
        before = self._before["thread"]
        if args.exc_type is SystemExit:
            return
        error = args.exc_value or args.exc_type()
        shown = self.tell(
            logging.ERROR, "uncaught %s in thread %s", args.exc_type.__name__,
            args.thread.name if args.thread else "?", error=error,
        )
        if not shown or before is not threading.__excepthook__:
            before(args)

    def _unraisable(self, unraisable: sys.UnraisableHookArgs) -> None:
        before = self._before["unraisable"]
        if _is_of_patched_threads(unraisable):
            return
        error = unraisable.exc_value or unraisable.exc_type()
        shown = self.tell(
            logging.ERROR, "%s %s", unraisable.err_msg or "exception ignored in",
            getattr(unraisable.object, "__qualname__", type(unraisable.object).__name__),
            error=error.with_traceback(unraisable.exc_traceback),
        )
        if not shown or before is not sys.__unraisablehook__:
            before(unraisable)

    def _warning(
        self, message: Warning | str, category: type[Warning], filename: str, lineno: int,
        file: TextIO | None = None, line: str | None = None,
    ) -> None:
        before = self._before["warning"]
        shown = False
        if file is None and _warnings.level > logging.WARNING:
            return
        if file is None:
            text = warnings.formatwarning(message, category, filename, lineno, line)
            shown = self._take(_warnings.makeRecord(
                _warnings.name, logging.WARNING, filename, lineno, "%s", (text,), None,
                "(unknown function)",
            ))
        if not shown or before is not warnings._showwarning_orig:  # type: ignore[attr-defined]  # noqa: SLF001 - no public name
            before(message, category, filename, lineno, file, line)


def _is_of_patched_threads(unraisable: sys.UnraisableHookArgs) -> bool:
    """Return whether a thread older than gevent's or eventlet's patch fails to sign off.

    The patch gives the table of threads new keys; nothing the program does or sees is wrong.
    """
    tb = unraisable.exc_traceback
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    code = tb.tb_frame.f_code if tb is not None else None
    return (
        isinstance(unraisable.exc_value, KeyError)
        and code is threading.Thread._delete.__code__  # type: ignore[attr-defined]  # noqa: SLF001 - where it fails
    )


def _watch_children() -> None:
    """Let a failing ``multiprocessing`` child write its record before it ends."""
    from multiprocessing.process import BaseProcess

    bootstrap = BaseProcess._bootstrap  # type: ignore[attr-defined]  # noqa: SLF001 - no other seam
    if getattr(bootstrap, "fm_otel", False):
        return

    def watched(process: Any, *args: Any, **kwargs: Any) -> Any:
        run = process.run

        def reported() -> None:
            try:
                run()
            except Exception as error:
                if Uncaught.current is not None:
                    Uncaught.current.tell(
                        logging.ERROR, "uncaught %s in process %s", type(error).__name__,
                        process.name, error=error,
                    )
                raise

        process.run = reported
        return bootstrap(process, *args, **kwargs)

    watched.fm_otel = True  # type: ignore[attr-defined]  # the mark asked for above
    BaseProcess._bootstrap = watched  # type: ignore[attr-defined]  # noqa: SLF001 - see above
