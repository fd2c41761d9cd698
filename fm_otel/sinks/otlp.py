"""The OTLP sink: batches, retries and accounts for records on a thread of its own.

``write`` only puts records into a bounded backlog; whatever the network does happens on the
sink's thread. Every record ends delivered or counted with a reason.
"""

from __future__ import annotations

import random
import threading
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol

from fm_otel.encoding.otlp import export_request
from fm_otel.sinks.answer import Answer, Verdict
from fm_otel.sinks.batch import Batch
from fm_otel.sinks.ring import Item, Ring

if TYPE_CHECKING:
    from collections.abc import Callable

    from fm_otel.sinks.answer import Transport

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
SMALLEST_REQUEST: Final = 16 * 1024
_GRACE: Final = 0.1

_own_threads: set[int] = set()


def is_own_thread() -> bool:
    """Return whether the calling thread is a sink's: what it logs must not be captured."""
    return threading.get_ident() in _own_threads


class DeliveryLosses(Protocol):
    """Counts how records ended."""

    def dropped(self, reason: str, count: int = 1) -> None:
        """Count ``count`` records lost for ``reason``."""
        ...

    def delivered(self, count: int) -> None:
        """Count ``count`` records the receiver has taken over."""
        ...


class OtlpSink:
    """Delivers encoded log records to an OTLP receiver, at least once.

    Failures that may pass are retried for ever with growing pauses; a refused batch is halved
    until only the offending record is left. ``quarantine`` gets it as a request of its own and
    returns where it went, in words. A refusal that is not about the records (credentials,
    address) holds everything back and is retried slowly. ``report`` gets a kind and one line for
    people when an outage begins, changes and ends, and when records are refused.
    """

    def __init__(
        self,
        transport: Transport,
        resource: bytes,
        *,
        losses: DeliveryLosses,
        report: Callable[[str, str], None],
        name: str = "OTLP receiver",
        quarantine: Callable[[bytes], str] | None = None,
        queue_records: int = 20_000,
        queue_bytes: int = 32 * 1024 * 1024,
        max_batch: int = 512,
        max_request_bytes: int = 3_670_016,
        schedule_delay: float = 1.0,
        timeout: float = 10.0,
    ) -> None:
        self._transport = transport
        self._resource = resource
        self._losses = losses
        self._report = report
        self._name = name
        self._quarantine = quarantine
        self._new_ring = partial(Ring, queue_records, queue_bytes)
        self._max_batch = max_batch
        self._max_request = max_request_bytes
        self._schedule_delay = schedule_delay
        self._timeout = timeout
        self._closing = False
        self._begin()

    def _begin(self) -> None:
        """Set up what a forked child must have anew."""
        self._lock = threading.RLock()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._ring = self._new_ring()
        self._batch = Batch()
        self._waiters: list[SimpleQueue[None]] = []
        self._sender: dict[str, threading.Thread] = {}
        """The one thread that sends, while it does: claiming the place names it, in one step."""
        self._since = 0.0
        self._urgent = False
        self._abandoned = False
        self._settled = self._lost = 0
        self._failures = 0
        self._trouble = self._refusal = ""
        self._accepted = False
        self._request_size = 0
        self._deadline = float("inf")

    # What the pipeline and the lifecycle call.

    @property
    def held(self) -> int:
        """How many records are neither delivered nor counted as lost."""
        return self._ring.received - self._settled

    def start(self) -> bool:
        """Have the thread run, if the interpreter still lets one start; return whether it does."""
        if self._sender:
            return True
        try:
            # A second one, after an interrupt in here or from two callers at once, ends at once.
            threading.Thread(target=self._run, name="fm_otel-otlp", daemon=True).start()
        except RuntimeError:
            return False
        return True

    def write(self, chunk: list[Item]) -> None:
        """Take over one chunk of encoded records; never waits for the network."""
        if not chunk:
            return
        if self._closing:
            self._losses.dropped("shutdown", len(chunk))
            return
        with self._lock:
            first = not self._ring.waiting
            if first:
                self._since = monotonic()
            overflow = self._ring.append(chunk)
            waiting = self._ring.waiting
        if overflow:
            self._settle(overflow, "spool_unavailable")
        self.start()
        if first or waiting >= self._max_batch:
            self._rouse()

    def flush(self, timeout: float) -> bool:
        """Send what is held now; return whether all of it was delivered within ``timeout``.

        A pause between retries is cut short once; further attempts follow the usual pauses.
        """
        deadline = monotonic() + timeout
        waiter: SimpleQueue[None] = SimpleQueue()
        with self._lock:
            target, lost = self._ring.received, self._lost
            self._waiters.append(waiter)
        try:
            self._urge()
            while self._settled < target and (left := deadline - monotonic()) > 0:
                with suppress(Empty):
                    waiter.get(timeout=left)
            return self._settled >= target and self._lost == lost
        finally:
            self._waiters.remove(waiter)

    def terminating(self) -> None:
        """From now on send at once what comes in; safe in a signal handler."""
        self._schedule_delay = 0.0
        self._urge()

    def shutdown(self, timeout: float) -> bool:
        """Try once to deliver what is held, count the rest; return whether there was no rest.

        Returns within ``timeout``, also when the receiver hangs.
        """
        deadline = monotonic() + timeout
        lost = self._lost
        self._deadline = deadline - min(_GRACE, timeout / 2)
        self._closing = True
        self._urge()
        self._finish()
        self._transport.close()
        self._join(deadline)
        with self._lock:
            self._abandoned = True
            left = self.held
            self._batch = Batch()
            self._ring = self._new_ring()
            self._settled = 0
        if left:
            self._losses.dropped("spool_unavailable", left)
        return not left and self._lost == lost

    def before_fork(self) -> None:
        """Give up connections a child could not leave alone."""
        self._transport.before_fork()

    def identify(self, resource: bytes) -> None:
        """Speak for another resource from now on: that of a forked child."""
        self._resource = resource

    def after_fork(self) -> None:
        """In a forked child: start empty; the parent delivers its own records."""
        _own_threads.clear()
        self._transport.after_fork()
        self._begin()

    # The thread.

    def _urge(self) -> None:
        """Have the thread make an attempt now."""
        self._urgent = True
        self._rouse()

    def _rouse(self) -> None:
        # A SimpleQueue, since an Event's lock could be held by the code a signal interrupted.
        if self._wake.empty():
            self._wake.put(None)

    def _finish(self) -> None:
        """Wait for the thread's last attempt; where no thread could start, make it here."""
        if self._sender:
            self._join(self._deadline)
        elif self.held:
            self._run()

    def _join(self, deadline: float) -> None:
        thread = self._sender.get("thread")
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(deadline - monotonic(), 0))

    def _run(self) -> None:
        """Work until closing, unless another thread does."""
        me = threading.current_thread()
        if self._sender.setdefault("thread", me) is not me:
            return
        _own_threads.add(threading.get_ident())
        try:
            self._work()
        finally:
            _own_threads.discard(threading.get_ident())
            self._sender.clear()

    def _work(self) -> None:
        """Deliver batches until closing; then make one attempt for each, up to a failure."""
        while self._batch or self._ring.waiting or not self._closing:
            try:
                if self._await_batch():
                    self._take()
                if not self._deliver() and self._closing:
                    return
            except Exception as error:  # noqa: BLE001 - a dead thread would lose every record
                self._report("otlp_sink", f"{self._name}: {type(error).__name__}: {error}")
                if self._closing:
                    return
                self._pause(FIRST_PAUSE)

    def _await_batch(self) -> bool:
        """Wait until a batch is due; return whether there is one to take."""
        while not self._batch:
            waiting = self._ring.waiting
            if self._closing or waiting >= self._max_batch:
                return bool(waiting)
            if waiting and (self._urgent or self._waiters):
                return True
            self._urgent = False
            left = self._since + self._schedule_delay - monotonic() if waiting else None
            if left is not None and left <= 0:
                return True
            with suppress(Empty):
                self._wake.get(timeout=left)
        return False

    def _take(self) -> None:
        with self._lock:
            self._urgent = False
            self._batch.begin(self._next(self._max_batch))
            self._since = monotonic()

    def _deliver(self) -> bool:
        """Send the batch taken, part by part; return False where closing had to give up."""
        batch = self._batch
        while batch:
            answer = self._send(batch.part)
            if self._abandoned:
                return False
            if not self._follow(batch, answer):
                if self._closing:
                    return False
                self._pause(self._pause_after(answer))
                self._fill_up(batch)
        self._give_up(batch.refused(), "rejected", self._refusal)
        with self._lock:
            self._ring.settle()
        return True

    def _next(self, records: int) -> list[Item]:
        return self._ring.take(records, self._max_request - len(self._resource))

    def _request(self, items: list[Item]) -> bytes:
        scopes: dict[tuple[str, str | None], list[bytes]] = {}
        for site, record in items:
            scopes.setdefault(site.scope, []).append(record)
        return export_request(
            self._resource,
            [(name, version, records) for (name, version), records in scopes.items()],
        )

    def _send(self, part: list[Item]) -> Answer:
        request = self._request(part)
        self._request_size = len(request)
        left = self._deadline - monotonic()
        if left <= 0:
            return Answer(Verdict.RETRY, "no time left")
        return self._transport.send(request, min(self._timeout, left))

    def _follow(self, batch: Batch, answer: Answer) -> bool:
        """Do what the answer says; return False when the part stays and must wait."""
        if answer.verdict is Verdict.DELIVERED:
            self._accept(len(batch.part), answer)
            batch.done()
            return True
        if answer.verdict is Verdict.SPLIT:
            self._split(batch, answer)
            return True
        if answer.verdict is Verdict.BISECT:
            if len(batch.part) > 1:
                batch.halve()
                return True
            self._refusal = answer.message
            if batch.suspect(proven=self._accepted):
                return True
        self._trouble_is(answer)
        return False

    def _accept(self, count: int, answer: Answer) -> None:
        rejected = min(max(answer.rejected, 0), count)
        if rejected:
            text = f"rejected {rejected} of {count} records: {answer.message or 'no reason given'}"
            self._report("otlp_rejected", f"{self._name} {text}")
        elif answer.message:
            self._report("otlp_warning", f"{self._name} warns: {answer.message}")
        if self._trouble:
            self._report("otlp_recovered", f"{self._name} accepts logs again")
        self._accepted, self._failures, self._trouble = True, 0, ""
        self._settle(rejected, "rejected")
        self._settle(count - rejected)

    def _split(self, batch: Batch, answer: Answer) -> None:
        if len(batch.part) > 1:
            learned = min(self._max_request, self._request_size // 2)
            self._max_request = max(learned, SMALLEST_REQUEST)
            batch.halve()
        elif not batch.shorten():
            self._give_up([batch.give_up()], "too_large", answer.message)

    def _fill_up(self, batch: Batch) -> None:
        """While the receiver has taken nothing yet, let newer records join the batch."""
        room = self._max_batch - len(batch)
        if not self._accepted and room > 0:
            with self._lock:
                batch.joined_by(self._next(room))

    def _give_up(self, items: list[Item], reason: str, why: str) -> None:
        """Set aside and count single records that will not be sent again."""
        if not items:
            return
        places = dict.fromkeys(self._set_aside(item) for item in items)
        records = "1 record" if len(items) == 1 else f"{len(items)} records"
        self._report(
            f"otlp_{reason}",
            f"{self._name} refused {records} for good: {why or 'no reason given'}; "
            + ", ".join(places),
        )
        self._settle(len(items), reason)

    def _set_aside(self, item: Item) -> str:
        return "not kept" if self._quarantine is None else self._quarantine(self._request([item]))

    def _settle(self, count: int, reason: str | None = None) -> None:
        """Book records as delivered, or as lost for a reason; wake those who wait for it."""
        with self._lock:
            if self._abandoned or not count:
                return
            if reason:
                self._losses.dropped(reason, count)
                self._lost += count
            else:
                self._losses.delivered(count)
            self._settled += count
        for waiter in tuple(self._waiters):
            waiter.put(None)

    # Trouble.

    def _trouble_is(self, answer: Answer) -> None:
        self._failures += 1
        if answer.message != self._trouble:
            self._trouble = answer.message
            self._report(
                "otlp_outage",
                f"{self._name}: {answer.message or 'no answer'};"
                f" {self.held} records wait, sending is retried",
            )

    def _pause_after(self, answer: Answer) -> float:
        if answer.retry_after is not None:
            return answer.retry_after * random.uniform(1, 1.1)  # noqa: S311 - spreads load
        longest = LONGEST_PAUSE
        if answer.verdict is Verdict.RETRY:
            longest = min(FIRST_PAUSE * 2 ** min(self._failures - 1, 10), LONGEST_PAUSE)
        return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads load

    def _pause(self, seconds: float) -> None:
        """Wait, unless somebody asks for an attempt at once."""
        until = monotonic() + seconds
        while not self._urgent and not self._closing and (left := until - monotonic()) > 0:
            with suppress(Empty):
                self._wake.get(timeout=left)
        self._urgent = False
