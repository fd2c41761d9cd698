"""The OTLP sink: everything handed over is delivered or counted, within the time promised."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from fm_otel.encoding.otlp import export_request, shorten
from fm_otel.sinks import otlp
from fm_otel.sinks.answer import Answer, Verdict
from fm_otel.sinks.endpoint import OtlpEndpoint
from fm_otel.sinks.otlp import OtlpSink, is_own_thread
from fm_otel.sinks.otlp_http import OtlpHttp
from fm_otel.site import Site
from tests.otlp_receiver import OtlpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fm_otel.sinks.ring import Item

TOO_LARGE = HTTPStatus(413).phrase
"""What the receiver's library calls it: Python 3.13 took the newer name."""


@dataclass
class Books:
    """What the sink said about its records, and the lines it had for people."""

    delivered_count: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    reports: list[tuple[str, str]] = field(default_factory=list)
    quarantined: list[bytes] = field(default_factory=list)

    def dropped(self, reason: str, count: int = 1) -> None:
        """Count lost records."""
        self.lost[reason] += count

    def delivered(self, count: int) -> None:
        """Count delivered records."""
        self.delivered_count += count

    def quarantine(self, request: bytes) -> str:
        """Keep a refused record."""
        self.quarantined.append(request)
        return "kept in F"

    def kinds(self) -> list[str]:
        """Return the kinds of the lines."""
        return [kind for kind, _ in self.reports]


def item(body: str, scope: str = "app") -> Item:
    """Return one encoded record under its scope."""
    record = LogRecord(severity_number=9, severity_text="INFO")  # type: ignore[arg-type]
    record.body.string_value = body
    return Site(scope, 20, "INFO"), record.SerializeToString()


def request_of(one: Item) -> bytes:
    """Return a record as a request of its own."""
    site, record = one
    return export_request(b"", [(*site.scope, [record])])


def items(count: int, start: int = 0) -> list[Item]:
    """Return records with their numbers as bodies."""
    return [item(str(number)) for number in range(start, start + count)]


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """A receiver over HTTP."""
    with OtlpReceiver(with_grpc=False) as running:
        yield running


@pytest.fixture
def books() -> Books:
    """Empty books."""
    return Books()


@pytest.fixture
def sink_to(books: Books) -> Iterator[Callable[..., OtlpSink]]:
    """Make sinks that are shut down at the end of the test."""
    made: list[OtlpSink] = []

    def make(receiver: OtlpReceiver, **options: Any) -> OtlpSink:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.http_endpoint}
        endpoint = OtlpEndpoint.from_environ(environ, pytest.fail)
        assert endpoint is not None
        made.append(sink_over(OtlpHttp(endpoint), books, **options))
        return made[-1]

    yield make
    for sink in made:
        sink.shutdown(0.2)


def sink_over(transport: Any, books: Books, **options: Any) -> OtlpSink:
    """Return a sink that keeps ``books``."""
    return OtlpSink(
        transport,
        b"",
        losses=books,
        report=lambda kind, text: books.reports.append((kind, text)),
        quarantine=books.quarantine,
        **{"schedule_delay": 0.02} | options,
    )


def bodies(receiver: OtlpReceiver) -> list[str]:
    """Return the bodies accepted so far, in order."""
    return [record["body"] for record in receiver.records]


def until(condition: Callable[[], bool], timeout: float = 10) -> None:
    """Wait for ``condition``; fail when it does not come true."""
    deadline = monotonic() + timeout
    while not condition():
        assert monotonic() < deadline
        sleep(0.005)


# Batches.


def test_record_is_sent_after_the_schedule_delay(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink], books: Books
) -> None:
    """One record and then silence: it arrives without anybody asking."""
    sink = sink_to(receiver)
    sink.write([item("only", scope="app.a")])
    (record,) = receiver.wait_for(1)
    assert (record["body"], record["logger"]) == ("only", "app.a")
    until(lambda: sink.held == 0)
    assert (books.delivered_count, books.lost, books.reports) == (1, {}, [])


def test_full_batch_does_not_wait(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink]
) -> None:
    """A full batch goes at once; what does not fill one waits for its time."""
    sink = sink_to(receiver, schedule_delay=60, max_batch=100)
    sink.write(items(60))
    sink.write(items(60, start=60))
    receiver.wait_for(100)
    assert bodies(receiver) == [str(number) for number in range(100)]
    until(lambda: sink.held == 20)


def test_terminating_sends_at_once(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink]
) -> None:
    """Once the process is ending, no record waits for company."""
    sink = sink_to(receiver, schedule_delay=60)
    sink.write(items(1))
    sink.terminating()
    receiver.wait_for(1)
    sink.write(items(1))
    receiver.wait_for(2)


LINGERING = textwrap.dedent("""
    import logging, signal, sys, fm_otel
    signal.signal(signal.SIGTERM, lambda *_: logging.getLogger("shop").info("asked to end"))
    handle = fm_otel.configure(console="off")
    logging.getLogger("shop").info("sent")
    assert handle.force_flush(20_000)
    logging.getLogger("shop").info("waiting")
    print("ready", flush=True)
    sys.stdin.read()
""")


def test_process_asked_to_end_does_not_let_records_wait(receiver: OtlpReceiver) -> None:
    """A program that takes its time after SIGTERM, and may be killed then, has sent them."""
    environ = {
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{receiver.http_endpoint}/v1/logs",
        "OTEL_BLRP_SCHEDULE_DELAY": "60000",
    }
    with subprocess.Popen(
        [sys.executable, "-c", LINGERING], env=os.environ | environ,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.terminate()
            receiver.wait_for(4)
            assert bodies(receiver) == ["process started", "sent", "waiting", "asked to end"]
            assert process.poll() is None
        finally:
            process.kill()


def test_scopes_are_kept_apart(receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink]) -> None:
    """Records of several loggers in one request keep logger and order."""
    sink = sink_to(receiver)
    sink.write([item(str(number), scope=f"app.{number % 2}") for number in range(10)])
    assert sink.flush(5)
    assert len(receiver.requests) == 1
    found = [(record["logger"], record["body"]) for record in receiver.records]
    assert found == [(f"app.{n % 2}", str(n)) for n in (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)]


# Answers.


def test_outage_loses_nothing_and_is_told_once(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink], books: Books
) -> None:
    """Records of an outage arrive in order after it, with one line at either end."""
    receiver.behave("503")
    sink = sink_to(receiver)
    sink.write(items(700))
    receiver.wait_for_requests(2)
    assert books.kinds() == ["otlp_outage"]
    receiver.behave("ok")
    assert sink.flush(10)
    assert bodies(receiver) == [str(number) for number in range(700)]
    assert books.kinds() == ["otlp_outage", "otlp_recovered"]
    assert (books.delivered_count, books.lost) == (700, {})


@pytest.mark.parametrize("mode", ["reset", "lost", "503"])
def test_failure_in_the_middle_is_retried(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink], books: Books, mode: str
) -> None:
    """A cut connection is retried; a lost answer may double records, never lose them."""
    receiver.behave(mode)
    sink = sink_to(receiver)
    sink.write(items(10))
    receiver.wait_for_requests(1)
    receiver.behave("ok")
    assert sink.flush(10)
    assert set(bodies(receiver)) == {str(number) for number in range(10)}
    assert books.delivered_count == 10


def test_retry_after_is_honoured(receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink]) -> None:
    """The pause a receiver asks for is kept."""
    receiver.behave("429", retry_after=2)
    sink = sink_to(receiver)
    sink.write(items(1))
    receiver.wait_for_requests(1)
    refused = monotonic()
    receiver.behave("ok")
    receiver.wait_for(1)
    assert 1.9 < monotonic() - refused < 4


def test_too_large_requests_are_split(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink], books: Books
) -> None:
    """A refusal by size makes smaller requests, now and later; no record is dropped."""
    receiver.behave("413", limit=40_000)
    sink = sink_to(receiver)
    sink.write([item(f"{number:0300}") for number in range(500)])
    assert sink.flush(10)
    assert len(set(bodies(receiver))) == len(receiver.records) == 500
    before = len(receiver.requests)
    sink.write([item(f"{number:0300}") for number in range(500)])
    assert sink.flush(10)
    assert {request.answer for request in receiver.requests[before:]} == {"ok"}
    assert (books.delivered_count, books.lost) == (1000, {})


def test_requests_stay_below_their_limit(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink]
) -> None:
    """A batch ends where its bytes would pass the limit."""
    sink = sink_to(receiver, max_request_bytes=20_000)
    sink.write([item(f"{number:01000}") for number in range(100)])
    assert sink.flush(10)
    assert len(receiver.records) == 100
    assert max(request.size for request in receiver.requests) <= 20_000


def test_single_record_too_large_is_shortened_then_dropped(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink], books: Books
) -> None:
    """One record beyond the receiver's limit arrives shortened; when even that is too much, it
    is counted, and set aside whole.
    """
    receiver.behave("413", limit=6_000)
    sink = sink_to(receiver)
    sink.write([item("x" * 50_000), item("small")])
    assert sink.flush(10)
    assert sorted(len(body) for body in bodies(receiver)) == [5, 4000]
    receiver.behave("413", limit=100)
    large = item("y" * 50_000)
    sink.write([large, item("small")])
    assert not sink.flush(10)
    assert len(receiver.records) == 3
    assert (books.delivered_count, books.lost) == (3, {"too_large": 1})
    assert books.quarantined == [request_of(large)]
    assert books.reports[-1] == (
        "otlp_too_large",
        f"OTLP receiver refused 1 record for good: 413 {TOO_LARGE} told to; kept in F",
    )


def test_shortened_record_says_what_it_lost() -> None:
    """Cutting keeps slots and short attributes, and counts the attributes left out."""
    record = LogRecord(time_unix_nano=5, severity_number=9, trace_id=b"t" * 16)  # type: ignore[arg-type]
    record.body.string_value = "ä" * 5000
    record.attributes.add(key="short").value.string_value = "s"
    record.attributes.add(key="long").value.string_value = "l" * 5000
    cut = LogRecord.FromString(shorten(record.SerializeToString()))
    assert cut.body.string_value == "ä" * 2000
    assert [pair.key for pair in cut.attributes] == ["short"]
    assert cut.dropped_attributes_count == 1
    assert (cut.time_unix_nano, cut.severity_number, cut.trace_id) == (5, 9, b"t" * 16)


def test_one_bad_record_costs_only_itself(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink], books: Books
) -> None:
    """511 of 512 arrive, the bad one is set aside, within 19 extra requests."""
    sink = sink_to(receiver)
    receiver.behave("marker", marker="POISON")
    batch = items(512)
    batch[200] = item("POISON")
    sink.write(batch[:])
    assert not sink.flush(10)
    assert bodies(receiver) == [str(number) for number in range(512) if number != 200]
    assert len(receiver.requests) <= 1 + 19
    assert books.quarantined == [request_of(batch[200])]
    assert (books.delivered_count, books.lost) == (511, {"rejected": 1})
    line = "OTLP receiver refused 1 record for good: 400 Bad Request told to; kept in F"
    assert books.reports == [("otlp_rejected", line)]


def test_bad_record_that_came_first_blocks_nobody(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink], books: Books
) -> None:
    """Refused before anything was ever accepted, it is held until others prove it bad."""
    receiver.behave("marker", marker="POISON")
    sink = sink_to(receiver)
    sink.write([item("POISON")])
    receiver.wait_for_requests(1)
    sink.write(items(5))
    sink.flush(10)
    assert sorted(bodies(receiver)) == ["0", "1", "2", "3", "4"]
    assert (books.delivered_count, books.lost) == (5, {"rejected": 1})


def test_address_that_refuses_everything_destroys_nothing(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink], books: Books
) -> None:
    """A wrong port that answers 400 to all is not a reason to reject records."""
    receiver.behave("400")
    sink = sink_to(receiver)
    sink.write(items(600))
    until(lambda: books.kinds() == ["otlp_outage"])
    assert len(receiver.requests) < 30
    receiver.behave("ok")
    assert sink.flush(10)
    assert set(bodies(receiver)) == {str(number) for number in range(600)}
    assert (books.delivered_count, books.lost) == (600, {})


def test_partial_success_is_counted_and_not_retried(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink], books: Books
) -> None:
    """Records a receiver rejected out of an accepted request are lost with that reason."""
    receiver.behave("partial", rejected=3)
    sink = sink_to(receiver)
    sink.write(items(10))
    assert not sink.flush(10)
    assert len(receiver.requests) == 1
    assert (books.delivered_count, books.lost) == (7, {"rejected": 3})
    kind, text = books.reports[0]
    assert kind == "otlp_rejected"
    assert text.endswith("rejected 3 of 10 records: told to reject")


@pytest.mark.parametrize("mode", ["401", "redirect"])
def test_refused_credentials_hold_records_back(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink], books: Books, mode: str
) -> None:
    """A wrong header or address costs no record and no more than one line."""
    receiver.behave(mode)
    sink = sink_to(receiver)
    sink.write(items(10))
    receiver.wait_for_requests(1)
    assert not sink.flush(0.3)
    assert 2 <= len(receiver.requests) <= 3
    assert books.kinds() == ["otlp_outage"]
    receiver.behave("ok")
    assert sink.flush(10)
    assert (books.delivered_count, books.lost) == (10, {})


# Bounds.


def test_write_does_not_wait_for_a_hanging_receiver(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink]
) -> None:
    """Handing records over costs the caller nothing the network does."""
    receiver.behave("hang")
    sink = sink_to(receiver)
    sink.write(items(1))
    receiver.wait_for_requests(1)
    started = monotonic()
    for _ in range(50):
        sink.write(items(64))
    assert monotonic() - started < 0.5


@pytest.mark.parametrize("bound", [{"queue_records": 100}, {"queue_bytes": 12_500}])
def test_overflow_drops_the_oldest_and_counts_them(
    receiver: OtlpReceiver,
    sink_to: Callable[..., OtlpSink],
    books: Books,
    bound: dict[str, int],
) -> None:
    """Memory is bounded by count and by bytes; what had to go is counted, the rest arrives."""
    receiver.behave("503")
    sink = sink_to(receiver, max_batch=10, **bound)
    for start in range(0, 1000, 50):
        sink.write(items(50, start))
    receiver.wait_for_requests(1)
    receiver.behave("ok")
    assert not sink.flush(10) or books.lost  # what overflowed may have done so before
    until(lambda: sink.held == 0)
    lost = books.lost["spool_unavailable"]
    assert books.delivered_count + lost == 1000
    assert 80 <= len(receiver.records) <= 110
    assert bodies(receiver)[-50:] == [str(number) for number in range(950, 1000)]


@pytest.mark.parametrize("mode", ["503", "hang", "401", "refused"])
def test_flush_ends_in_time_and_says_no(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink], mode: str
) -> None:
    """A flush nobody answers returns False within its time and gives nothing up."""
    if mode == "refused":
        receiver.stop()
    else:
        receiver.behave(mode)
    sink = sink_to(receiver)
    sink.write(items(5))
    started = monotonic()
    assert not sink.flush(0.4)
    assert monotonic() - started < 0.6
    assert sink.held == 5


def test_flush_with_nothing_held_is_done(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink]
) -> None:
    """An empty sink is flushed at once and without a thread."""
    before = threading.active_count()
    assert sink_to(receiver).flush(5)
    assert threading.active_count() == before


@pytest.mark.parametrize("mode", ["503", "hang", "slow", "401", "refused"])
def test_shutdown_ends_in_time_and_counts_the_rest(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink], books: Books, mode: str
) -> None:
    """Whatever the receiver does, shutdown keeps its time and every record is accounted for."""
    if mode == "refused":
        receiver.stop()
    else:
        receiver.behave(mode, delay=30)
    sink = sink_to(receiver)
    sink.write(items(2000))
    started = monotonic()
    assert not sink.shutdown(1.0)
    assert monotonic() - started < 1.1
    assert sink.held == 0
    assert books.lost == {"spool_unavailable": 2000}
    sink.write(items(3))
    assert books.lost["shutdown"] == 3


def test_shutdown_ends_the_thread_of_a_hanging_request(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink]
) -> None:
    """The connection is ended under a request that was made to wait much longer."""
    receiver.behave("hang")
    sink = sink_to(receiver, timeout=300)
    sink.write(items(1))
    receiver.wait_for_requests(1)
    assert not sink.shutdown(0.3)
    until(lambda: not otlp._own_threads, timeout=5)  # noqa: SLF001 - the thread itself is private


def test_shutdown_delivers_what_is_held(
    receiver: OtlpReceiver, sink_to: Callable[..., OtlpSink], books: Books
) -> None:
    """With a receiver that answers, shutdown loses nothing and returns when done."""
    sink = sink_to(receiver, schedule_delay=60)
    sink.write(items(2000))
    started = monotonic()
    assert sink.shutdown(5)
    assert monotonic() - started < 4
    assert len(receiver.records) == books.delivered_count == 2000
    assert sink.shutdown(5)


def test_shutdown_without_a_thread_delivers_on_the_caller(
    receiver: OtlpReceiver,
    sink_to: Callable[..., OtlpSink],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the interpreter starts no thread any more, the caller makes the last attempt."""

    def refuse(_thread: threading.Thread) -> None:
        message = "can't create new thread at interpreter shutdown"
        raise RuntimeError(message)

    sink = sink_to(receiver)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert not sink.start()
        sink.write(items(5))
        assert sink.held == 5
    assert sink.shutdown(5)
    assert len(receiver.records) == 5


# The thread.


class Scripted:
    """A transport whose answers a function decides."""

    def __init__(self, decide: Callable[[list[str]], Answer]) -> None:
        self.decide = decide
        self.requests: list[list[str]] = []
        self.taken: list[str] = []

    def send(self, payload: bytes, _timeout: float) -> Answer:
        """Decide and book."""
        request = ExportLogsServiceRequest.FromString(payload)
        records = request.resource_logs[0].scope_logs[0].log_records
        found = [record.body.string_value for record in records]
        self.requests.append(found)
        answer = self.decide(found)
        if answer.verdict is Verdict.DELIVERED:
            self.taken += found
        return answer

    def close(self) -> None:
        """Nothing is open."""


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    count=st.integers(1, 200),
    bad=st.sets(st.integers(0, 199), max_size=6),
    limit=st.integers(1, 60),
    accepted_before=st.booleans(),
)
def test_exactly_the_bad_records_are_rejected(
    count: int, bad: set[int], limit: int, *, accepted_before: bool
) -> None:
    """The law: whichever records a receiver refuses, all others arrive once, and sums hold."""
    bad = {number for number in bad if number < count - 1}

    def decide(found: list[str]) -> Answer:
        if len(found) > limit:
            return Answer(Verdict.SPLIT, "too many")
        refused = any(body.isdecimal() and int(body) in bad for body in found)
        return Answer(Verdict.BISECT if refused else Verdict.DELIVERED, "as decided")

    books, transport = Books(), Scripted(decide)
    sink = sink_over(transport, books, schedule_delay=0)
    first = [item("first")] if accepted_before else []
    sink.write(first[:])
    assert sink.flush(5)
    sink.write(items(count))
    deadline = monotonic() + 5
    while sink.held and monotonic() < deadline:
        sink.flush(0.05)  # cuts the pauses short
    good = {str(number) for number in range(count) if number not in bad}
    assert Counter(transport.taken) == Counter(good | {"first"} if first else good)
    assert books.lost == ({"rejected": len(bad)} if bad else {})
    assert books.delivered_count == len(good) + len(first)
    assert sink.shutdown(1)


def test_bisect_stays_within_its_requests() -> None:
    """Wherever the bad record of a batch stands, at most 2 * log2(n) + 1 extra requests."""
    for position in (0, 1, 255, 256, 300, 511):
        poison = str(position)
        transport = Scripted(
            lambda found, poison=poison: Answer(  # type: ignore[misc]
                Verdict.BISECT if poison in found else Verdict.DELIVERED, "no"
            )
        )
        books = Books()
        sink = sink_over(transport, books)
        sink.write(items(512))
        sink.flush(10)
        assert len(transport.requests) <= 1 + 19
        assert (books.delivered_count, books.lost) == (511, {"rejected": 1})
        sink.shutdown(1)


def test_error_inside_the_sink_does_not_end_it(books: Books) -> None:
    """An unforeseen exception is reported, and the batch is tried again."""
    failures = [ZeroDivisionError("bug")]

    def decide(_found: list[str]) -> Answer:
        if failures:
            raise failures.pop()
        return Answer(Verdict.DELIVERED)

    sink = sink_over(Scripted(decide), books)
    sink.write(items(3))
    until(lambda: bool(books.reports))
    assert sink.flush(5)
    assert books.reports == [("otlp_sink", "OTLP receiver: ZeroDivisionError: bug")]
    assert books.delivered_count == 3
    sink.shutdown(1)


def test_interrupt_while_the_thread_starts_leaves_one_sender(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second thread beside one that an interrupt hid would send the same batch again."""
    free = threading.Event()
    sent: list[list[str]] = []
    start = threading.Thread.start

    def decide(found: list[str]) -> Answer:
        sent.append(found)
        free.wait(20)
        return Answer(Verdict.DELIVERED)

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    def senders() -> int:
        return sum(thread.name == "fm_otel-otlp" for thread in threading.enumerate())

    sink = sink_over(Scripted(decide), books, schedule_delay=0)
    before = senders()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(threading.Thread, "start", interrupted)
        sink.write(items(1))
    assert sink.start()
    sink.write(items(1, start=1))
    until(lambda: bool(sent) and senders() == before + 1)
    free.set()
    assert sink.shutdown(5)
    assert sum(sent, []) == ["0", "1"]


def test_own_thread_is_known(books: Books) -> None:
    """What is logged while sending can be told from what the application logs."""
    answers: list[bool] = []

    def decide(_found: list[str]) -> Answer:
        answers.append(is_own_thread())
        return Answer(Verdict.DELIVERED)

    sink = sink_over(Scripted(decide), books)
    sink.write(items(1))
    assert sink.flush(5)
    assert answers == [True]
    assert not is_own_thread()
    sink.shutdown(1)
    until(lambda: not otlp._own_threads)  # noqa: SLF001 - a reused ident would be mistaken


def test_pauses_grow_to_their_limit(books: Books) -> None:
    """Pauses double from one second to thirty, each drawn from its upper half."""
    sink = sink_over(Scripted(lambda _: Answer(Verdict.DELIVERED)), books)
    for failures, longest in enumerate((1, 2, 4, 8, 16, 30, 30, 30), 1):
        sink._failures = failures  # noqa: SLF001 - the pauses themselves would take minutes
        for _ in range(50):
            pause = sink._pause_after(Answer(Verdict.RETRY))  # noqa: SLF001
            assert longest / 2 <= pause <= longest
    assert 15 <= sink._pause_after(Answer(Verdict.HOLD)) <= 30  # noqa: SLF001


FORK = textwrap.dedent("""
    import os, sys
    sys.path.insert(0, sys.argv[3])
    from tests.test_otlp_sink import Books, items, sink_over
    from fm_otel.sinks.endpoint import OtlpEndpoint
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": sys.argv[1], "OTEL_EXPORTER_OTLP_PROTOCOL": sys.argv[2]}
    endpoint = OtlpEndpoint.from_environ(environ, print)
    if endpoint.protocol == "grpc":
        from fm_otel.sinks.otlp_grpc import OtlpGrpc as Transport
    else:
        from fm_otel.sinks.otlp_http import OtlpHttp as Transport
    books = Books()
    sink = sink_over(Transport(endpoint), books, schedule_delay=60)
    os.register_at_fork(before=sink.before_fork, after_in_child=sink.after_fork)
    sink.write(items(10))
    assert sink.flush(10)
    sink.write(items(10, start=10))
    for child in range(3):
        if os.fork() == 0:
            assert sink.held == 0
            start = 100 * (child + 1)
            sink.write(items(10, start=start))
            assert sink.flush(20)
            sink.write(items(10, start=start + 10))
            os._exit(0 if sink.shutdown(20) else 1)
    codes = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(3)]
    sink.write(items(10, start=20))
    assert sink.shutdown(10)
    print(codes)
""")


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_fork_leaves_each_process_its_own_records(protocol: str) -> None:
    """Children start empty on connections of their own; the parent's records come once."""
    with OtlpReceiver() as receiver:
        endpoint = receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint
        root = str(Path(__file__).parents[1])
        command = [sys.executable, "-c", FORK, endpoint, protocol, root]
        run = subprocess.run(  # noqa: S603 - our own text
            command, capture_output=True, text=True, timeout=90, check=False, env=dict(os.environ)
        )
        assert (run.stdout, run.returncode) == ("[0, 0, 0]\n", 0), run.stderr
        expected = [*range(30), *range(100, 120), *range(200, 220), *range(300, 320)]
        assert sorted(int(body) for body in bodies(receiver)) == expected
        # The parent keeps its connection; gRPC's must be given up before a fork.
        connections = {request.connection for request in receiver.requests}
        assert len(connections) == (5 if protocol == "grpc" else 4)


def test_receiver_runs_as_a_process(tmp_path: Path, books: Books) -> None:
    """The receiver as a subprocess stores what arrives and can be told what to do."""
    ports, store = tmp_path / "ports.json", tmp_path / "store.jsonl"
    script = str(Path(__file__).with_name("otlp_receiver.py"))
    command = [sys.executable, script, "--port-file", str(ports), "--store", str(store)]
    with subprocess.Popen(command) as process:  # noqa: S603 - our own file
        try:
            until(ports.exists, timeout=30)
            port = json.loads(ports.read_text())["http"]
            url = f"http://127.0.0.1:{port}/v1/logs"
            transport = OtlpHttp(OtlpEndpoint("http/protobuf", url, True, url))  # noqa: FBT003
            sink = sink_over(transport, books)
            sink.write(items(3))
            assert sink.flush(10)
            sink.shutdown(1)
        finally:
            process.terminate()
        assert process.wait(10) == 0
    assert [json.loads(line)["body"] for line in store.read_text().splitlines()] == list("012")
