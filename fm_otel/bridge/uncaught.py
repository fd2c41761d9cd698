"""Exceptions nobody caught, and warnings, as records before they are gone.

A hook the program installed is called as before; the interpreter's own printing is left out only
where our console has written the record. ``KeyboardInterrupt`` stays the interpreter's.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import TracebackType

_logger: Final = logging.getLogger("faultmaven.exception")
_EVENT: Final = {"event": "faultmaven.exception.uncaught"}


class Uncaught:
    """Installs and removes the hooks; ``prints`` tells whether our console writes records."""

    def __init__(self, *, prints: bool) -> None:
        self._prints = prints
        self._before: dict[str, Any] = {}
        # Keeps stdlib's last resort from printing what the interpreter prints anyway.
        self._silence = logging.NullHandler()

    def install(self) -> None:
        """Take over the interpreter's hooks, keeping what was there."""
        self._before = {
            "main": sys.excepthook, "thread": threading.excepthook,
            "unraisable": sys.unraisablehook,
        }
        sys.excepthook = self._main
        threading.excepthook = self._thread
        sys.unraisablehook = self._unraisable
        _logger.addHandler(self._silence)
        logging.captureWarnings(capture=True)
        _watch_children()

    def remove(self) -> None:
        """Give the hooks back where they are still ours."""
        if sys.excepthook == self._main:
            sys.excepthook = self._before["main"]
        if threading.excepthook == self._thread:
            threading.excepthook = self._before["thread"]
        if sys.unraisablehook == self._unraisable:
            sys.unraisablehook = self._before["unraisable"]
        _logger.removeHandler(self._silence)
        logging.captureWarnings(capture=False)

    def _main(
        self, kind: type[BaseException], error: BaseException, tb: TracebackType | None,
    ) -> None:
        before = self._before["main"]
        if issubclass(kind, KeyboardInterrupt):
            before(kind, error, tb)
            return
        _logger.critical("uncaught %s", kind.__name__, exc_info=(kind, error, tb), extra=_EVENT)
        if not self._prints or before is not sys.__excepthook__:
            before(kind, error, tb)

    def _thread(self, args: threading.ExceptHookArgs) -> None:
        before = self._before["thread"]
        if args.exc_type is SystemExit:
            return
        error = args.exc_value or args.exc_type()
        _logger.error(
            "uncaught %s in thread %s", args.exc_type.__name__,
            args.thread.name if args.thread else "?",
            exc_info=(args.exc_type, error, args.exc_traceback), extra=_EVENT,
        )
        if not self._prints or before is not threading.__excepthook__:
            before(args)

    def _unraisable(self, unraisable: sys.UnraisableHookArgs) -> None:
        before = self._before["unraisable"]
        if _is_of_patched_threads(unraisable):
            return
        error = unraisable.exc_value or unraisable.exc_type()
        _logger.error(
            "%s %s", unraisable.err_msg or "exception ignored in",
            getattr(unraisable.object, "__qualname__", type(unraisable.object).__name__),
            exc_info=(type(error), error, unraisable.exc_traceback), extra=_EVENT,
        )
        if not self._prints or before is not sys.__unraisablehook__:
            before(unraisable)


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
                _logger.error(  # noqa: TRY400 - the traceback is given
                    "uncaught %s in process %s", type(error).__name__, process.name,
                    exc_info=error, extra=_EVENT,
                )
                raise

        process.run = reported
        return bootstrap(process, *args, **kwargs)

    watched.fm_otel = True  # type: ignore[attr-defined]  # the mark asked for above
    BaseProcess._bootstrap = watched  # type: ignore[attr-defined]  # noqa: SLF001 - see above
