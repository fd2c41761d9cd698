"""The pipeline: takes captured records in, brings them out through redaction and encoding.

One worker drains the queue every flush interval; a caller whose record must be out before its
call returns drains the queue itself, up to and including its own. Whoever drains holds the one
drain lock, so lines keep their order and are never mixed.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

from fm_otel.pipeline.bell import Bell
from fm_otel.redact import withhold

if TYPE_CHECKING:
    from collections.abc import Callable

    from fm_otel.pipeline.accounting import Accounts
    from fm_otel.pipeline.queue import Queue
    from fm_otel.record import Captured, Encoder, Facts, Process, Sink
    from fm_otel.redact import Redaction
    from fm_otel.shape import Shaper
    from fm_otel.site import Site

    Batches = list[tuple[Sink, list[tuple[Site, bytes]]]]
    Hand = tuple[list[Captured], Batches]
    """What a drain holds: records not yet encoded, and batches no sink has taken."""

CHUNK: Final = 64
"""Records encoded between two yields of the interpreter lock: about 0.4 ms."""

EARLY: Final = 256
"""Queued records that wake the worker before its interval is over."""

ASSIST: Final = 256
"""Records that a caller who meets a full queue brings out."""

RESERVE: Final = 150
"""Frames a drain wants; a caller with fewer left would spoil every record it brings out."""

PATIENCE: Final = 0.05
"""Seconds a logging call waits for another thread's drain or for room in the queue."""


class Output:
    """One encoder with the sinks that take its bytes, each with a condition or None.

    ``make`` builds the encoder for a process; a forked child builds its own.
    """

    def __init__(
        self,
        make: Callable[[Process], Encoder],
        process: Process,
        sinks: list[tuple[Sink, Callable[[Captured], bool] | None]],
    ) -> None:
        self.make = make
        self.encoder = make(process)
        self.sinks = sinks


class Pipeline:
    """Queue, worker and sinks of one process."""

    def __init__(
        self,
        queue: Queue,
        shaper: Shaper,
        redaction: Redaction,
        outputs: list[Output],
        accounts: Accounts,
        *,
        write_through: int,
        flush_interval: float,
        overflow: str,
    ) -> None:
        self._queue = queue
        self._shaper = shaper
        self._redaction = redaction
        self._outputs = outputs
        self.accounts = accounts
        self.write_through = write_through
        self._flush_interval = flush_interval
        self._overflow = overflow
        self._closed = False
        self._lock = threading.RLock()
        self._again = self._awake = False
        self._drainer = 0
        self._then: Callable[[], None] | None = None
        self._hand: Hand = [], []
        self._worker: threading.Thread | None = None
        self._wakeup, self._early = Bell(), Bell()
        self.ended = threading.Event()
        """Set when the books are closed: every record is out or counted as lost."""
        self.pid = os.getpid()
        self.reset: Callable[[], None] = self.after_fork
        """Called when a fork is noticed late; whoever owns more than this pipeline sets it."""

    # ---- taking records in

    def submit(self, captured: Captured, levelno: int, *, keep: bool = False) -> None:
        """Queue a record; ``keep`` records are never dropped and always written through."""
        if self.pid != os.getpid():
            # A fork in C code runs no hooks.
            self.reset()
        queue = self._queue
        waiting = len(queue.records)
        if (waiting >= queue.max_records or queue.bytes >= queue.max_bytes) and \
                not self._make_room(levelno, keep=keep):
            self.accounts.dropped("queue_full")
            return
        queue.records.append(captured)
        queue.bytes += captured.size
        if levelno >= self.write_through or keep or self._closed:
            if not (_has_room() and self.drain(waiting + 1, PATIENCE)) or self._held_back():
                self.accounts.late_one()
                self._wake()
        elif not self._awake:
            self._wake()
        elif waiting == EARLY:
            self._early.ring()

    def _make_room(self, levelno: int, *, keep: bool) -> bool:
        """Make room in a full queue; return whether the record may go in."""
        if self._overflow == "drop" and levelno < 40 and not keep:
            return False
        if self._overflow == "block":
            deadline = time.monotonic() + PATIENCE
            self._early.ring()
            while self._queue.full() and time.monotonic() < deadline:
                time.sleep(0.001)
            if not self._queue.full():
                return True
        if _has_room():
            self.drain(ASSIST, PATIENCE)
        return True

    # ---- bringing records out

    def drain(self, limit: int, timeout: float) -> bool:
        """Bring out at least ``limit`` queued records; return whether the lock was had in time.

        A thread that logs while it is draining (a finaliser, a signal handler, a ``__str__``)
        only queues: its outer drain goes on until the queue it left is empty.
        """
        held: list[bool] = []
        then = None
        try:
            # Noted in the same step: an interrupt behind it must not leave the lock taken.
            held.extend(map(self._lock.acquire, (True,), (timeout,)))
            if not held[0]:
                return False
            if self._drainer:
                self._again = True
                return True
            self._drainer = threading.get_ident()
            try:
                self._drain(limit)
            except BaseException:
                # An interrupt: the worker brings out what it left.
                self._wake()
                raise
            finally:
                self._drainer = 0
                then, self._then = self._then, None
        finally:
            if True in held:
                self._lock.release()
            if then is not None:
                then()
        return True

    def when_drained(self, then: Callable[[], None]) -> bool:
        """Have ``then`` called at the end of the drain this thread is in; False if in none."""
        if self._drainer != threading.get_ident():
            return False
        self._then = then
        return True

    def abandon_drain(self) -> None:
        """Let this thread, which will not return to a drain it is in, begin another."""
        if self._drainer == threading.get_ident():
            self._drainer = 0

    def _drain(self, limit: int) -> None:
        self._write()
        if self._hand[0]:
            self._bring_out()
        while limit > 0 or self._again:
            if limit <= 0:
                self._again = False
                limit = len(self._queue)
            chunk = self._hand[0]
            self._queue.take(min(CHUNK, limit), chunk)
            limit = limit - len(chunk) if chunk else 0
            self._bring_out()

    def _bring_out(self) -> None:
        chunk = self._hand[0]
        count = len(chunk)
        # In one store: an interrupt finds the chunk in hand or its batches, for the next drain,
        # never both. It comes out of calls, so the count is not lost to one.
        self._hand = [], self._batches(chunk)
        self.accounts.processed += count
        self._write()

    def _write(self) -> None:
        """Hand batches to their sinks; one whose hand-over is interrupted is handed over again.

        A sink empties a batch when it takes it, and finishes it when it is handed the empty one.
        """
        unwritten = self._hand[1]
        while unwritten:
            sink, batch = unwritten[0]
            try:
                sink.write(batch)
            except Exception:  # noqa: BLE001 - a sink's error must not cost the other sinks
                self.accounts.dropped("encode", len(batch))
            del unwritten[0]

    def _batches(self, chunk: list[Captured]) -> Batches:
        """Redact and encode a chunk for every sink that takes it."""
        batches: Batches = []
        chunk_facts = [self._facts(captured) for captured in chunk]
        for output in self._outputs:
            encoded = self._encoded(output.encoder, chunk_facts)
            for sink, admits in output.sinks:
                batch = [
                    (facts.site, data)
                    for captured, facts, data in zip(chunk, chunk_facts, encoded, strict=True)
                    if data is not None and (admits is None or admits(captured))
                ]
                if batch:
                    batches.append((sink, batch))
        return batches

    def _facts(self, captured: Captured) -> Facts:
        try:
            facts = self._shaper.shape(captured)
        except Exception:  # noqa: BLE001 - the record goes on with what is certain
            facts = self._shaper.minimal(captured)
        self._redaction.clean(facts)
        return facts

    def _encoded(self, encoder: Encoder, chunk: list[Facts]) -> list[bytes | None]:
        try:
            return [encoder.encode(facts) for facts in chunk]
        except Exception:  # noqa: BLE001 - one of them: find it, keep its neighbours
            return [self._encode(encoder, facts) for facts in chunk]

    def _encode(self, encoder: Encoder, facts: Facts) -> bytes | None:
        try:
            return encoder.encode(facts)
        except Exception:  # noqa: BLE001 - the record goes on with what is certain
            withhold(facts)
            facts.sanitized = (*facts.sanitized, "withheld")
        try:
            return encoder.encode(facts)
        except Exception:  # noqa: BLE001 - nothing is left to leave out
            self.accounts.dropped("encode")
            return None

    # ---- the worker

    def _wake(self) -> None:
        """Let the worker look at the queue within the flush interval; start it if need be."""
        self._awake = True
        worker = self._worker
        if worker is None or not worker.is_alive():
            self._start()
        self._wakeup.ring()

    def _start(self) -> None:
        if self._closed:
            return
        if self._worker is not None:
            self.accounts.worker_restarted()
        # Made with the thread: under gevent a thread begun from now on is a greenlet, and waits
        # as one.
        self._wakeup, self._early = Bell(), Bell()
        worker = threading.Thread(target=self._run, name="fm_otel-worker", daemon=True)
        self._worker = worker
        try:
            worker.start()
        except RuntimeError:
            # The interpreter is ending or out of threads: write on the caller from now on.
            self._worker = None
            self.write_through = 0

    def _run(self) -> None:
        try:
            while not self._closed:
                self._wakeup.wait()
                self._early.wait(self._flush_interval)
                # Before draining: a record queued meanwhile wakes the worker again.
                self._awake = False
                left = True
                while left and not self._closed:
                    self.drain(CHUNK, 1.0)
                    time.sleep(0)
                    left = len(self._queue) > 0
        finally:
            self._awake = False

    # ---- flush and end

    def flush(self, timeout: float) -> bool:
        """Bring out everything queued; return whether every sink has it out in time."""
        deadline = time.monotonic() + timeout
        done = self.drain(len(self._queue), timeout)
        for sink in self._sinks():
            done = sink.flush(max(0.0, deadline - time.monotonic())) and done
        return done

    @property
    def held(self) -> int:
        """How many records sinks hold that are neither delivered nor counted as lost."""
        return sum(getattr(sink, "held", 0) for sink in self._sinks())

    def terminating(self) -> None:
        """From now on every record is written through: the process is about to end.

        Sinks that let records wait for company are told to send them at once.
        """
        self.write_through = 0
        self._awake = True
        self._early.ring()
        self._wakeup.ring()
        for sink in self._sinks():
            if hurry := getattr(sink, "terminating", None):
                hurry()

    def shutdown(self, timeout: float) -> bool:
        """End the worker and bring out everything; later records are written by their caller."""
        deadline = time.monotonic() + timeout
        self._closed = True
        self.terminating()
        done = self.drain(len(self._queue), timeout)
        for sink in self._sinks():
            done = sink.shutdown(max(0.0, deadline - time.monotonic())) and done
        self.ended.set()
        return done

    def after_fork(self) -> None:
        """Start afresh in a child: an empty queue, own locks, a worker at the first record."""
        self.pid = os.getpid()
        self._lock = threading.RLock()
        self._drainer = 0
        self._then = None
        self._again = False
        self._hand = [], []
        self._worker = None
        self._wakeup, self._early = Bell(), Bell()
        self.ended = threading.Event()
        self._awake = False
        self._queue.records.clear()
        self._queue.bytes = 0

    def _held_back(self) -> bool:
        """Return whether a sink only holds what it was given, since nobody takes it."""
        return any(getattr(sink, "stalled", False) for sink in self._sinks())

    def _sinks(self) -> list[Sink]:
        return [sink for output in self._outputs for sink, _ in output.sinks]


def _has_room() -> bool:
    """Return whether the caller has stack left to drain on."""
    try:
        sys._getframe(max(1, sys.getrecursionlimit() - RESERVE))  # noqa: SLF001 - the one way
    except ValueError:
        return True
    return False
