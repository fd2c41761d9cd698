"""What fm_otel says about itself: single lines on stderr, never through the pipe it talks about.

The same kind of trouble speaks at most once a minute, with the number of times it stayed silent.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from fm_otel.settings import to_stderr

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL: Final = 60.0
"""Seconds between two lines of one kind."""


class Diagnostics:
    """Prints diagnostics of one process, each kind at most once per interval.

    ``clean`` takes secrets out of what others have to say; a text it fails on is withheld.
    """

    def __init__(self) -> None:
        self.clean: Callable[[str], str] = str
        self._lock = threading.RLock()
        self._last: dict[str, float] = {}
        self._silent: dict[str, int] = {}

    def report(self, kind: str, text: str) -> None:
        """Print ``text`` unless its kind spoke within the last minute."""
        with self._lock:
            now = time.monotonic()
            last = self._last.get(kind)
            if last is not None and now - last < INTERVAL:
                self._silent[kind] = self._silent.get(kind, 0) + 1
                return
            self._last[kind] = now
            silent = self._silent.pop(kind, 0)
        try:
            text = self.clean(text)
        except Exception:  # noqa: BLE001 - fails closed, as for records
            text = f"{kind.partition(':')[0]}: [REDACTED:failed]"
        to_stderr(f"{text} ({silent} more like it)" if silent else text)
