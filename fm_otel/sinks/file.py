"""Lines to a file that several processes may share and anybody may rotate.

Every write holds whole lines and goes to the end of the file in one system call (``O_APPEND``),
so processes do not mix. A renamed or removed file is noticed and opened anew. What a full disk
takes of a line is taken back, so that a reader finds whole lines only.
"""

from __future__ import annotations

import contextlib
import os
import select
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

PATIENCE_MS: Final = 50
"""Milliseconds the reader of a named pipe may let a write wait."""

_MODE: Final = 0o640

# A named pipe without a reader must not keep the program from starting.
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)


class FileSink:
    """Appends JSON lines to ``path``; ``kind`` names it in diagnostics."""

    def __init__(
        self,
        path: str,
        account: SinkAccount,
        report: Callable[[str, str], None],
        kind: str = "LOG_FILE",
    ) -> None:
        # The program may change its working directory later.
        self._path = Path(path).absolute()
        self._account = account
        self._report = report
        self._kind = kind
        self._fd = -1
        self._identity = (0, 0)
        self._looked = 0.0
        self._torn = self._failing = False
        self._lines = self._rest = b""
        self._written: list[int] = []
        self._resting = self._delivered = 0
        self._lock = threading.RLock()
        self._open()

    def write(self, chunk: list[tuple[Site, bytes]]) -> None:
        """Append a chunk of lines in one write; first what an interrupt has left of another."""
        with self._lock:
            self._look()
            self._bring_out()
            if not chunk:
                return
            # An earlier write may have ended in the middle of a line.
            lines = [b""] if self._torn else []
            lines += [data for _, data in chunk]
            whole, count = b"\n".join(lines) + b"\n", len(chunk)
            # An interrupt comes out of calls: between these statements there is none.
            self._lines = self._rest = whole
            self._resting = count
            del chunk[:]
            self._bring_out()

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 - nothing is held here
        """Return whether the file takes what it is given; nothing is held back."""
        return not self._failing

    def shutdown(self, timeout: float) -> bool:
        """As ``flush``: the file stays open for records that come later still."""
        return self.flush(timeout)

    def after_fork(self) -> None:
        """Take a lock of the child's own, and a descriptor at the next write if it may."""
        self._lock = threading.RLock()
        self._identity = (0, 0)
        self._looked = 0.0
        self._rest = b""
        self._written.clear()
        self._resting = self._delivered = 0

    def _bring_out(self) -> None:
        """Write the lines taken last and count what became of them."""
        if not self._resting:
            return
        lost = min(self._append(), self._resting)
        self._delivered += self._resting - lost
        self._resting = 0
        self._lines = self._rest = b""
        self._account.delivered_in_all(self._delivered)
        if lost:
            self._account.dropped("file", lost)

    def _append(self) -> int:
        """Write the rest of the lines; return how many of them are not whole in the file."""
        if self._fd < 0:
            return self._resting
        written = self._written
        try:
            while self._rest:
                if written:
                    self._rest = self._rest[written[0]:]
                    del written[0]
                    self._torn = False
                else:
                    self._put()
        except OSError as error:
            self._failed(error)
            self._mend(self._lines[:len(self._lines) - len(self._rest)])
        else:
            self._recovered()
        return self._rest.count(b"\n")

    def _put(self) -> None:
        # An interrupt is raised when the write is done: its length must be kept by then.
        writing = (self._fd,), (self._rest,)
        try:
            self._written.extend(map(os.write, *writing))
        except BlockingIOError:
            if self._failing:
                raise
            waiting = select.poll()
            waiting.register(self._fd, select.POLLOUT)
            waiting.poll(PATIENCE_MS)
            self._written.extend(map(os.write, *writing))

    def _mend(self, written: bytes) -> None:
        """Take back the beginning of a line, unless others have written after it."""
        fragment = len(written) - written.rfind(b"\n") - 1
        if not fragment:
            return
        self._torn = True
        with contextlib.suppress(OSError):
            end = os.lseek(self._fd, 0, os.SEEK_CUR)
            if os.fstat(self._fd).st_size == end:
                os.ftruncate(self._fd, end - fragment)
                self._torn = False

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
            fd = self._opened()
        except OSError as error:
            # A renamed file is as good as before, a removed one takes lines nobody will read.
            if self._fd < 0 or os.fstat(self._fd).st_nlink == 0:
                self._close()
                self._failed(error)
            return
        self._close()
        self._fd = fd
        self._torn = False
        state = os.fstat(fd)
        self._identity = (state.st_dev, state.st_ino)

    def _opened(self) -> int:
        try:
            return os.open(self._path, _FLAGS, _MODE)
        except FileNotFoundError:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, _FLAGS, _MODE)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _failed(self, error: OSError) -> None:
        self._failing = True
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        self._report(f"file:{self._kind}",
                     f"{self._kind}={str(self._path)!r} cannot be written ({reason}), "
                     "its records are lost and counted")

    def _recovered(self) -> None:
        if self._failing:
            self._failing = False
            self._report(f"file_recovered:{self._kind}",
                         f"{self._kind}={str(self._path)!r} takes records again")
