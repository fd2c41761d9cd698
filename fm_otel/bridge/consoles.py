"""Which handlers write to the process's stdout or stderr: the ones our console stands in for.

A handler class may do more in its ``emit`` than write: count, post, end the process. Such a
handler is called as before, and only what it writes is left out.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_STREAMS: Final = ("stdout", "stderr", "__stdout__", "__stderr__")
_CONSOLE_PATHS: Final = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/", "/dev/tty")
_KNOWN: Final = "_fm_otel_console"
_WRITERS: Final = ("logging", "rich")
"""Packages whose handlers' ``emit`` does nothing but write."""


class _Silent(threading.local):
    """The handler that writes nothing in this thread for now."""

    handler: logging.Handler | None = None


silent: Final = _Silent()


class _Nowhere:
    """Stands for a handler's stream while its handler is silent."""

    def __init__(self, stream: object) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Take ``text`` and write it nowhere."""
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def is_console(handler: logging.Handler) -> bool:
    """Return whether what ``handler`` writes ends on the process's stdout or stderr."""
    if isinstance(handler, logging.FileHandler):
        return handler.baseFilename.startswith(_CONSOLE_PATHS)
    if isinstance(handler, logging.StreamHandler):
        stream = handler.stream
    else:
        # Rich and its like hold a console, which holds the stream.
        stream = getattr(getattr(handler, "console", None), "file", None)
        if stream is None:
            return False
    if stream is sys.stderr or stream is sys.stdout or type(stream) is _Nowhere:
        return True
    known = handler.__dict__.get(_KNOWN)
    if known is None or known[0] is not stream:
        known = handler.__dict__[_KNOWN] = (stream, _is_standard(stream))
    verdict: bool = known[1]
    return verdict


def only_writes(handler: logging.Handler) -> bool:
    """Return whether nothing but its line is lost when a console handler is not called."""
    kind = type(handler)
    emit, verdict = _known_classes.get(kind, (None, False))
    if emit is not kind.emit:
        verdict = (
            kind.handle is logging.Handler.handle
            and kind.filter is logging.Handler.filter
            and (_of_writers(kind.emit) or hasattr(handler, "console"))
        )
        _known_classes[kind] = (kind.emit, verdict)
    return verdict and "emit" not in handler.__dict__


_known_classes: Final[dict[type, tuple[Any, bool]]] = {}


def _of_writers(emit: Any) -> bool:
    """Return whether an ``emit``, which the hook may have wrapped, is of stdlib or Rich."""
    original = emit.__wrapped__ if getattr(emit, "fm_otel", False) else emit
    return str(getattr(original, "__module__", "")).partition(".")[0] in _WRITERS


@contextlib.contextmanager
def silenced(handler: logging.Handler) -> Iterator[None]:
    """Let a console handler write nothing inside: neither by stdlib's ``emit`` nor by its own."""
    before, stream = silent.handler, getattr(handler, "stream", None)
    nowhere = _Nowhere(stream)
    silent.handler = handler
    # Some handlers compute their stream and have none to set.
    with contextlib.suppress(AttributeError):
        handler.stream = nowhere  # type: ignore[attr-defined]  # where it has one
    try:
        yield
    finally:
        silent.handler = before
        if getattr(handler, "stream", None) is nowhere:
            handler.stream = stream  # type: ignore[attr-defined]  # put there above


def _is_standard(stream: object) -> bool:
    """Return whether ``stream`` is, wraps or stands for a standard stream."""
    if any(stream is getattr(sys, name, None) for name in _STREAMS):
        return True
    # Flask's handler writes to a proxy of the server's error stream.
    if type(stream).__module__ in {"werkzeug.local", "celery.utils.log"}:
        return True
    try:
        return stream.fileno() in {1, 2}  # type: ignore[attr-defined]  # asked for, not assumed
    except Exception:  # noqa: BLE001 - a stream of any kind, with or without a descriptor
        return False
