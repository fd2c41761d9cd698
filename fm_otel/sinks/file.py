"""Lines to a file that several processes may share and anybody may rotate.

Every write holds whole lines and goes to the end of the file in one system call (``O_APPEND``),
so processes do not mix. A renamed or removed file is noticed and opened anew.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from fm_otel.pipeline.accounting import SinkAccount
    from fm_otel.site import Site

LOOK_EVERY: Final = 0.25
"""Seconds between two looks whether the file was rotated, or can be opened again."""

_MODE: Final = 0o640


class FileSink:
    """Appends JSON lines to ``path``; ``kind`` names it in diagnostics."""

    def __init__(
        self,
        path: str,
        account: SinkAccount,
        report: Callable[[str, str], None],
        kind: str = "LOG_FILE",
    ) -> None:
        self._path = Path(path)
        self._account = account
        self._report = report
        self._kind = kind
        self._fd = -1
        self._identity = (0, 0)
        self._looked = 0.0
        self._torn = False
        self._lock = threading.RLock()
        self._open()

    def write(self, chunk: list[tuple[Site, bytes]]) -> None:
        """Append a chunk of lines in one write."""
        with self._lock:
            self._look()
            if self._fd < 0:
                self._account.dropped("file", len(chunk))
                return
            lines = b"\n".join([data for _, data in chunk]) + b"\n"
            count = len(chunk)
            # Emptied before: an interrupt is raised when the write has been done.
            del chunk[:]
            try:
                self._append(lines)
            except OSError as error:
                self._failed(error)
                self._account.dropped("file", count)
            else:
                self._account.delivered(count)

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 - nothing is held here
        """Return whether the file can be written; nothing is held back."""
        return self._fd >= 0

    def shutdown(self, timeout: float) -> bool:
        """As ``flush``: the file stays open for records that come later still."""
        return self.flush(timeout)

    def after_fork(self) -> None:
        """Take a lock of the child's own; the descriptor may be shared."""
        self._lock = threading.RLock()

    def _append(self, lines: bytes) -> None:
        if self._torn:
            # An earlier write ended in the middle of a line.
            lines = b"\n" + lines
        written = os.write(self._fd, lines)
        self._torn = written < len(lines)
        while self._torn:
            lines = lines[written:]
            written = os.write(self._fd, lines)
            self._torn = written < len(lines)

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY:
            return
        self._looked = now
        try:
            seen = self._path.stat()
        except OSError:
            self._open()
        else:
            if self._fd < 0 or (seen.st_dev, seen.st_ino) != self._identity:
                self._open()

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
        except OSError as error:
            if self._fd < 0:
                self._failed(error)
            return
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = fd
        state = os.fstat(fd)
        self._identity = (state.st_dev, state.st_ino)

    def _failed(self, error: OSError) -> None:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        self._report(f"file:{self._kind}",
                     f"{self._kind}={str(self._path)!r} cannot be written ({reason}), "
                     "its records are lost and counted")
