"""Which handlers write to the process's stdout or stderr: the ones our console stands in for."""

from __future__ import annotations

import logging
import sys
from typing import Final

_STREAMS: Final = ("stdout", "stderr", "__stdout__", "__stderr__")
_CONSOLE_PATHS: Final = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/", "/dev/tty")
_KNOWN: Final = "_fm_otel_console"


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
    if stream is sys.stderr or stream is sys.stdout:
        return True
    known = handler.__dict__.get(_KNOWN)
    if known is None or known[0] is not stream:
        known = handler.__dict__[_KNOWN] = (stream, _is_standard(stream))
    verdict: bool = known[1]
    return verdict


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
