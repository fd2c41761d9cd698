"""Whoever logs in the middle of a drain neither deadlocks nor breaks a line; the books balance."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .rig import Bench, Program

WATCHED = """
import faulthandler, gc, json, logging, os, signal, sys, threading, time
faulthandler.dump_traceback_later(30, exit=True)
log = logging.getLogger("app")
from fm_otel.configurator import running
started = running()._started
pipeline, accounts = started.pipeline, started.accounts
"""


def numbered(program: Program, kind: str) -> list[int]:
    return [int(message.split()[1]) for message in program.messages("app")
            if message.startswith(kind + " ")]


def test_a_finaliser_that_logs_inside_the_drain(bench: Bench) -> None:
    """Garbage collection runs anywhere, also while the sink is writing a line."""
    program = bench.run(WATCHED + """
class Dying:
    def __init__(self, n):
        self.n, self.me = n, self
    def __del__(self):
        log.warning("dying %d", self.n)
gc.set_threshold(7, 10**6)  # the youngest generation only: a full one takes as long as a record may
for n in range(500):
    Dying(n)
    log.warning("plain %d %s", n, "x" * 300)
gc.collect()
""")
    assert program.process.returncode == 0, program.stderr
    assert numbered(program, "plain") == list(range(500))
    assert sorted(numbered(program, "dying")) == list(range(500))


@pytest.mark.parametrize("threshold", ["WARNING", "CRITICAL"])
def test_a_signal_handler_that_logs_inside_the_drain(bench: Bench, threshold: str) -> None:
    """It interrupts the main thread between any two steps of its own drain."""
    program = bench.run(WATCHED + """
counter = iter(range(10**6))
def rang(number, frame):
    log.error("rang %d", next(counter))
signal.signal(signal.SIGALRM, rang)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
for n in range(3000):
    log.warning("plain %d %s", n, "x" * 300)
signal.setitimer(signal.ITIMER_REAL, 0)
log.warning("rings %d", next(counter))
""", env={"FM_OTEL_WRITE_THROUGH": threshold})
    assert program.process.returncode == 0, program.stderr
    assert numbered(program, "plain") == list(range(3000))
    [count] = numbered(program, "rings")
    assert count > 10
    assert sorted(numbered(program, "rang")) == list(range(count))


def test_forks_while_other_threads_log(bench: Bench) -> None:
    """A child inherits locks in any state; it logs, ends, and repeats nothing of the parent."""
    program = bench.run(WATCHED + """
stop = threading.Event()
counts = [0] * 4
def talk(k):
    while not stop.is_set():
        log.warning("thread%d %d", k, counts[k])
        counts[k] += 1
threads = [threading.Thread(target=talk, args=(k,)) for k in range(4)]
[t.start() for t in threads]
for n in range(25):
    pid = os.fork()
    if not pid:
        # The watchdog is the parent's: a signal's default action ends a child that hangs.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(15)
        log.info("child %d", n)
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        log.error("failed %d", n)
stop.set()
[t.join() for t in threads]
log.info("counts %s", json.dumps(counts))
""")
    assert program.process.returncode == 0, program.stderr
    assert numbered(program, "child") == list(range(25))
    assert numbered(program, "failed") == []
    [told] = [m for m in program.messages("app") if m.startswith("counts")]
    for thread, count in enumerate(json.loads(told.removeprefix("counts "))):
        assert numbered(program, f"thread{thread}") == list(range(count))


def test_a_text_that_logs_when_it_is_formatted(bench: Bench) -> None:
    """A ``__str__`` may log; both records arrive, the inner one first."""
    program = bench.run(WATCHED + """
class Chatty:
    def __str__(self):
        log.error("inner 1")
        return "text"
log.error("outer 1 %s", Chatty())
log.error("value 1", extra={"thing": Chatty()})
""")
    assert numbered(program, "inner")[0] == 1
    assert numbered(program, "outer") == [1]
    assert numbered(program, "value") == [1]


def test_a_worker_that_dies_is_replaced(bench: Bench) -> None:
    """The next record notices; the death is counted and nothing is lost."""
    program = bench.run(WATCHED + """
log.info("before 0")
drain = pipeline.drain
def die(limit, timeout):
    if threading.current_thread().name == "fm_otel-worker":
        pipeline.drain = drain
        raise SystemExit  # threading stays silent about it
    return drain(limit, timeout)
worker = pipeline._worker
pipeline.drain = die
worker.join()
for n in range(100):
    log.info("after %d", n)
seen = time.monotonic() + 20
while accounts.delivered_by_sink.get("console", 0) < 102 and time.monotonic() < seen:
    time.sleep(0.01)
log.info("restarts %d", accounts.worker_restarts)
""")
    assert numbered(program, "before") == [0]
    assert numbered(program, "after") == list(range(100))
    assert numbered(program, "restarts") == [1]


STORM = WATCHED + """
threads, each = int(sys.argv[1]), int(sys.argv[2]) // int(sys.argv[1])
def storm(k):
    for n in range(each):
        log.info("t%d %d", k, n)
running_threads = [threading.Thread(target=storm, args=(k,)) for k in range(threads)]
[t.start() for t in running_threads]; [t.join() for t in running_threads]
running().force_flush(60_000)
with open("books", "w") as file:
    json.dump({"created": started.engine.created(), "queued": len(started.queue),
               **accounts.summary()}, file)
"""


def storm(bench: Bench, threads: int, total: int, **env: str) -> tuple[list[str], dict[str, Any], str]:
    """Return the messages on the console, the books and stderr of a storm on a small queue."""
    out = bench.directory / "out"
    with out.open("wb") as stream:
        program = bench.run(STORM, str(threads), str(total), stdout=stream,
                            env={"FM_OTEL_QUEUE_RECORDS": "2000", **env})
    assert program.process.returncode == 0, program.stderr
    # A hundred thousand lines: each is parsed, which a broken one does not survive.
    lines = [json.loads(line) for line in out.read_bytes().splitlines()]
    messages = [line["message"] for line in lines if line["logger"] == "app"]
    return messages, json.loads((bench.directory / "books").read_text()), program.stderr


def balance(books: dict[str, Any]) -> int:
    ended = [*books["dropped"].values(), *books["sampled_out"].values()]
    return int(books["delivered"]["console"] + books["queued"] + sum(ended))


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "threads", "total"), [
    ("assist", 1, 100_000), ("assist", 4, 100_000), ("block", 1, 20_000), ("block", 4, 20_000),
])
def test_a_storm_loses_nothing(bench: Bench, policy: str, threads: int, total: int) -> None:
    """A small queue overflows at once; the callers wait or help."""
    messages, books, stderr = storm(bench, threads, total, FM_OTEL_OVERFLOW=policy)
    for thread in range(threads):
        found = [message for message in messages if message.startswith(f"t{thread} ")]
        # One thread's records keep their order, whoever brought them out.
        assert found == [f"t{thread} {n}" for n in range(total // threads)]
    assert books["dropped"] == {}
    assert balance(books) == books["created"] == total + 1
    assert stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 4])
def test_a_storm_that_drops_counts_exactly(bench: Bench, threads: int) -> None:
    """lost == counted, in the books and in the closing line on stderr."""
    messages, books, stderr = storm(bench, threads, 100_000, FM_OTEL_OVERFLOW="drop")
    dropped = books["dropped"]["queue_full"]
    assert dropped > 0
    # One more where the process's own start record, said by one thread, met the others' storm.
    assert len(messages) + dropped in {100_000, 100_001}
    assert balance(books) == books["created"] == 100_001
    assert stderr == f"fm_otel: records not delivered: queue_full {dropped}\n"


def test_sampling_balances_too(bench: Bench) -> None:
    """created = delivered + dropped + sampled out."""
    messages, books, _ = storm(bench, 4, 20_000, LOG_SAMPLE_RATE="0.1", FM_OTEL_OVERFLOW="drop")
    assert 0 < len(messages) < 4_000
    assert books["sampled_out"]["rate"] > 16_000
    assert balance(books) == books["created"] == 20_001
