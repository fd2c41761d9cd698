"""Lines to stdout or stderr, whole, in order, without stalling the caller.

Several processes often share one pipe. A write of at most ``PIPE_BUF`` bytes is atomic there; a
longer line goes out in slices of that size, and an advisory lock on the pipe, taken by every
process of ours for every write, keeps the slices together. ``poll`` before each slice tells
whether it would block; what a slow reader does not take stays here, and a thread of its own goes
on with it.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
import threading
import time
from collections import deque
from time import sleep
from typing import TYPE_CHECKING, Final, TextIO

from fm_otel.capture import AUDIT_LOGGER

if TYPE_CHECKING:
    from collections.abc import Callable

    from fm_otel.pipeline.accounting import SinkAccount
    from fm_otel.site import Site

try:
    # By name, before gevent or eventlet replaces them: a wait of theirs lets other greenlets of
    # the same thread into what the lock holds together.
    from select import POLLOUT, poll
except ImportError:  # Windows waits for nothing here
    poll = None  # type: ignore[assignment,misc]

try:
    import fcntl
except ImportError:  # Windows has no shared pipes to protect this way
    fcntl = None  # type: ignore[assignment]

SLICE: Final = 4096
"""Bytes of one write to a pipe: Linux's PIPE_BUF; POSIX promises at least 512."""

PATIENCE: Final = 0.05
"""Seconds a write may wait for the reader before the rest is left to the thread."""

_ERROR: Final = 40


class ConsoleSink:
    """Writes lines to the process's stdout or stderr, looked up anew for every write.

    ``max_bytes`` bounds what is held for a reader who does not keep up; beyond it the lowest
    levels are dropped first, ERROR and above and audit records never.
    """

    def __init__(
        self,
        stream: str,
        account: SinkAccount,
        report: Callable[[str, str], None],
        *,
        max_bytes: int,
    ) -> None:
        self._name = stream
        self._account = account
        self._report = report
        self._max_bytes = max_bytes
        self._stream: TextIO | None = None
        self._target = _Target(-1)
        self._resting = 0
        self._failing = False
        self.after_fork()

    def write(self, chunk: list[tuple[Site, bytes]]) -> None:
        """Write a chunk of lines, or hold what the reader does not take within the patience."""
        if self.stalled:
            # The thread takes these too, unless it has just ended.
            self._arrive(chunk)
            if self.stalled:
                return
        had: list[bool] = []
        try:
            # Noted in the same step: an interrupt behind it must not leave the lock taken.
            had.extend(map(self._lock.acquire, (True,), (PATIENCE,)))
            if not had[0]:
                self._arrive(chunk)
                return
            if chunk and not self._held and not self._arrivals and self._write_at_once(chunk):
                return
            self._hold(chunk)
            # The thread may have given up meanwhile, and another stall begun.
            if not self.stalled and not self._push(time.monotonic() + PATIENCE):  # type: ignore[redundant-expr]
                self._stall()
        finally:
            if True in had:
                self._lock.release()

    def flush(self, timeout: float) -> bool:
        """Write what is held; return whether the stream takes it, and all of it in time."""
        deadline = time.monotonic() + timeout
        had: list[bool] = []
        try:
            had.extend(map(self._lock.acquire, (True,), (max(timeout, 0),)))
            if not had[0]:
                return False
            self._hold([])
            while (done := self._push(deadline)) and self._arrivals:
                self._hold([])
            return done and not self._failing
        finally:
            if True in had:
                self._lock.release()

    def shutdown(self, timeout: float) -> bool:
        """Write what is held; what is left afterwards is counted as lost."""
        if self.flush(timeout):
            return True
        # The thread lets go of the lock after each patience.
        if self._lock.acquire(timeout=2 * PATIENCE):
            self._hold([])
            self._account.dropped("console", len(self._held) + self._resting)
            self._resting = 0
            self._held.clear()
            self._held_bytes = 0
            self._lock.release()
        return False

    def after_fork(self) -> None:
        """Start with nothing held: it is the parent's to write."""
        self._lock = threading.RLock()
        self._held: list[tuple[int, bytes]] = []
        self._held_bytes = 0
        self._arrivals: deque[list[tuple[Site, bytes]]] = deque()
        self._resting = self._delivered = 0
        self.stalled = False
        """Whether the reader does not keep up: what is written is only held for now."""
        self._stream = None
        self._target.close()
        self._target = _Target(-1)

    # ---- holding

    def _hold(self, chunk: list[tuple[Site, bytes]]) -> None:
        while self._arrivals:
            self._hold_one(self._arrivals[0])
            del self._arrivals[0]
        self._hold_one(chunk)

    def _arrive(self, chunk: list[tuple[Site, bytes]]) -> None:
        # Here and below: an interrupt comes out of calls, so that none comes between moving lines
        # and having moved them.
        self._arrivals += (chunk[:],)
        del chunk[:]

    def _hold_one(self, chunk: list[tuple[Site, bytes]]) -> None:
        size = sum([len(line) + 1 for _, line in chunk])
        self._held += [(_rank(site), line + b"\n") for site, line in chunk]
        self._held_bytes += size
        del chunk[:]

    def _trim(self) -> None:
        """Drop the lowest levels until the bound is kept."""
        before = len(self._held)
        for below in (20, 30, _ERROR):
            if self._held_bytes > self._max_bytes:
                self._drop_below(below)
        lost = before - len(self._held)
        if lost:
            self._account.dropped("console", lost)
            self._failing = True
            self._report("console", f"{self._name} is not being read, records are dropped there")

    def _drop_below(self, below: int) -> None:
        kept: list[tuple[int, bytes]] = []
        size = self._held_bytes
        for level, line in self._held:
            if level < below and size > self._max_bytes:
                size -= len(line)
            else:
                kept.append((level, line))
        self._held, self._held_bytes = kept, size

    # ---- writing

    def _push(self, deadline: float) -> bool:
        """Write what is held; return False when the reader did not take it by the deadline."""
        target = self._resolve()
        try:
            if not target.finish(deadline):
                return False
            self._settle()
            while self._held:
                if not target.begin(deadline):
                    return False
                count, block = self._block()
                size = len(block)
                # Once begun the lines are the target's, which keeps what the reader leaves.
                target.rest = block
                self._resting = count
                self._held_bytes -= size
                del self._held[:count]
                if not target.finish(deadline):
                    return False
                self._settle()
        except (OSError, ValueError) as error:
            self._lose(error)
        return True

    def _write_at_once(self, chunk: list[tuple[Site, bytes]]) -> bool:
        """Write a chunk that fits a file, or one atomic write to a pipe; return whether it did."""
        target = self._resolve()
        lines = b"\n".join([line for _, line in chunk]) + b"\n"
        count = len(chunk)
        if len(lines) > target.limit:
            return False
        try:
            if not (target.finish(0) and target.takes() and target.begin(0)):
                return False
            self._settle()
            target.rest = lines
            self._resting = count
            del chunk[:]
            if target.finish(0):
                self._settle()
            else:
                self._stall()
        except (OSError, ValueError) as error:
            self._lose(error)
        return not chunk

    def _settle(self) -> None:
        """Count what a reader has taken to its last byte."""
        if self._resting:
            self._delivered += self._resting
            self._resting = 0
            self._account.delivered_in_all(self._delivered)
            if self._failing and not self._held:
                self._failing = False
                self._report("console_recovered", f"{self._name} is being read again")

    def _block(self) -> tuple[int, bytes]:
        """Return the number and the bytes of the next lines that go out together."""
        limit = self._target.limit
        held = self._held
        if len(held) == 1 or len(held[0][1]) >= limit:
            return 1, held[0][1]
        lines: list[bytes] = []
        size = 0
        for _, line in held:
            size += len(line)
            if size > limit:
                break
            lines.append(line)
        return len(lines), b"".join(lines)

    def _lose(self, error: Exception) -> None:
        self._account.dropped("console", len(self._held) + self._resting)
        self._resting = 0
        self._held.clear()
        self._held_bytes = 0
        self._target.forget()
        self._failing = True
        reason = getattr(error, "strerror", None) or type(error).__name__
        self._report("console", f"{self._name} cannot be written ({reason}), "
                     "its records are lost and counted")

    def _resolve(self) -> _Target:
        """Return the target of the stream in force now; capture tools replace it at run time."""
        stream: TextIO | None = getattr(sys, self._name)
        if not isinstance(stream, io.TextIOBase):
            # A proxy, such as celery's, that would log what is written to it.
            stream = getattr(sys, f"__{self._name}__")
        if stream is not self._stream:
            target, before = _target(stream), self._target
            # Together: an interrupt between the two would leave a target of no stream.
            self._target, self._stream = target, stream
            before.close()
        if stream is not None and self._target.takes():
            # What the application printed comes first, and ends where it ends.
            with contextlib.suppress(Exception):
                stream.flush()
        return self._target

    # ---- a reader who does not keep up

    def _stall(self) -> None:
        self.stalled = True
        self._trim()
        thread = threading.Thread(target=self._go_on, name="fm_otel-console", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The interpreter is ending: the closing flush is what is left.
            self.stalled = False

    def _go_on(self) -> None:
        """Write what is held until it is gone, letting go of the lock between the pieces."""
        while True:
            with self._lock:
                self._hold([])
                if self._push(time.monotonic() + PATIENCE):
                    self.stalled = False
                    # Who came before that line counts on this thread, who comes after does not.
                    if not self._arrivals:
                        return
                    self.stalled = True
                self._trim()
            sleep(0.001)


def _rank(site: Site) -> int:
    """Return the level by which a record is kept; an audit's own says nothing of its worth."""
    return _ERROR if site.logger == AUDIT_LOGGER else site.levelno


class _Target:
    """A descriptor that takes everything at once: a regular file."""

    limit = 1 << 16
    piece: int | None = None

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.rest = b""
        self._written: list[int] = []

    def takes(self) -> bool:
        """Return whether a write would not wait."""
        return True

    def finish(self, deadline: float) -> bool:
        """Write ``rest``, the block in hand or what is left of it; return whether that is done."""
        written = self._written
        while self.rest:
            if written:
                self.rest = self.rest[written[0]:]
                del written[0]
                continue
            if not self._wait(deadline):
                return False
            # An interrupt is raised when the write is done: its length must be kept by then.
            written.extend(map(os.write, (self.fd,), (self.rest[:self.piece],)))
        return True

    def begin(self, deadline: float) -> bool:  # noqa: ARG002 - files never wait
        """Prepare for a block; return whether it may be written now."""
        return True

    def forget(self) -> None:
        """Forget the rest: its reader is gone."""
        self.rest = b""
        self._written.clear()

    def _wait(self, deadline: float) -> bool:  # noqa: ARG002 - files never wait
        return True

    def close(self) -> None:
        """Let go of what belongs to the target itself."""


class _Stream(_Target):
    """A text stream without a descriptor, such as the one of a capture tool."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(-1)
        self._stream = stream

    def finish(self, deadline: float) -> bool:  # noqa: ARG002 - memory never waits
        """Write ``rest`` as text."""
        if self.rest:
            if not self._written:
                self._written.extend(map(self._stream.write, (self.rest.decode(),)))
            self.forget()
            # Only then: a stream that is closed at the end of a process has nothing to flush.
            self._stream.flush()
        return True


class _Pipe(_Target):
    """A pipe, socket or terminal: written in slices, when they fit."""

    limit = piece = SLICE

    def __init__(self, fd: int, *, shared: bool) -> None:
        super().__init__(fd)
        self._poll = poll()
        self._poll.register(fd, POLLOUT)
        self._lock_fd = _own_description(fd) if shared and fcntl is not None else -1
        self._locked: list[None] = []

    def takes(self) -> bool:
        """Return whether a write of one slice would not wait."""
        return bool(self._poll.poll(0))

    def finish(self, deadline: float) -> bool:
        """Write ``rest`` slice by slice; return whether that is done."""
        if not super().finish(deadline):
            return False
        self._release()
        return True

    def begin(self, deadline: float) -> bool:
        """Take the pipe's lock; return whether it was had in time."""
        if self._lock_fd < 0 or self._locked:
            return True
        while not self._try_lock():
            if time.monotonic() >= deadline:
                return False
            sleep(0.0005)
        return True

    def forget(self) -> None:
        """Forget the rest: its reader is gone."""
        super().forget()
        self._release()

    def _wait(self, deadline: float) -> bool:
        return bool(self._poll.poll(max(0, int((deadline - time.monotonic()) * 1000))))

    def close(self) -> None:
        """Close the descriptor that carries the lock, and so free it."""
        if self._lock_fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._lock_fd)
            self._lock_fd = -1

    def _try_lock(self) -> bool:
        try:
            lock = (self._lock_fd,), (fcntl.LOCK_EX | fcntl.LOCK_NB,)
            self._locked.extend(map(fcntl.flock, *lock))
        except BlockingIOError:
            return False
        except OSError:
            # A kind of descriptor that knows no locks.
            self.close()
        return True

    def _release(self) -> None:
        if self._locked:
            del self._locked[:]
            fcntl.flock(self._lock_fd, fcntl.LOCK_UN)


def _own_description(fd: int) -> int:
    """Open the file behind ``fd`` anew: a lock on it is not shared with forked children."""
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return -1


def _target(stream: TextIO | None) -> _Target:
    if stream is None:
        return _Target(-1)
    try:
        fd = stream.fileno()
        mode = os.fstat(fd).st_mode
    except (OSError, ValueError):
        return _Stream(stream)
    if stat.S_ISREG(mode) or poll is None:
        return _Target(fd)
    return _Pipe(fd, shared=stat.S_ISFIFO(mode))
