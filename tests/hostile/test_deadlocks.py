"""Logging from the worst places: no deadlock, no recursion, no record twice or lost.

Each program ends itself with all its stacks when it hangs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HANGS = 90
"""Seconds after which a program is taken to hang: a shared machine is slow, a deadlock endless."""

START = f"""
import faulthandler
faulthandler.dump_traceback_later({HANGS}, exit=True)
import gc, json, logging, logging.config, os, signal, sys, threading, time, warnings
import fm_otel
log = logging.getLogger("app")
"""


def lines_of(source: str, **settings: str) -> list[dict[str, Any]]:
    """Run a program to its end and return its lines, each of them valid JSON."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-X", "faulthandler", "-c", START + source], cwd=ROOT,
        env={**os.environ, "LOG_FORMAT": "json", **settings}, capture_output=True,
        timeout=HANGS + 30, check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert len({record["record_id"] for record in records}) == len(records)
    return records


def messages(records: list[dict[str, Any]], logger: str = "app") -> list[Any]:
    """Return the messages of one logger."""
    return [record["message"] for record in records if record["logger"] == logger]


@pytest.mark.slow
@pytest.mark.timeout(HANGS + 60)
def test_a_thousand_forks_while_eight_threads_log() -> None:
    """No child hangs on an inherited lock; nothing of the parent comes out of a child."""
    records = lines_of("""
fm_otel.configure()
stop = threading.Event()
counts = [0] * 8
def talk(k):
    while not stop.is_set():
        log.warning("thread %d %d", k, counts[k])
        counts[k] += 1
        time.sleep(0.002)
threads = [threading.Thread(target=talk, args=(k,)) for k in range(8)]
[thread.start() for thread in threads]
for n in range(1000):
    pid = os.fork()
    if not pid:
        # The watchdog is the parent's: a signal's default action ends a child that hangs.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(30)
        (log.info if n % 2 else log.warning)("child %d", n)
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        log.error("failed %d", n)
stop.set()
[thread.join() for thread in threads]
log.info("counts %s", json.dumps(counts))
""")
    told = Counter(messages(records))
    assert [told[f"child {n}"] for n in range(1000)] == [1] * 1000
    assert not any(text.startswith("failed") for text in told)
    counts = json.loads(next(t for t in told if t.startswith("counts")).removeprefix("counts "))
    for thread, count in enumerate(counts):
        assert all(told[f"thread {thread} {n}"] == 1 for n in range(count))


def test_logging_configuration_under_load() -> None:
    """``dictConfig`` again and again while threads log: nothing is lost or comes twice."""
    records = lines_of("""
fm_otel.configure()
CONFIG = {"version": 1, "disable_existing_loggers": False,
          "handlers": {"h": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}},
          "root": {"handlers": ["h"], "level": "DEBUG"}}
done = threading.Event()
def configure():
    while not done.is_set():
        logging.config.dictConfig(CONFIG)
        logging.basicConfig(force=True, level=logging.DEBUG)
        logging.getLogger().handlers.clear()
        logging.shutdown()
def talk(k):
    for n in range(500):
        logging.getLogger(f"app").warning("%d %d", k, n)
        logging.getLogger(f"app").info("low %d %d", k, n)
configurator = threading.Thread(target=configure)
configurator.start()
threads = [threading.Thread(target=talk, args=(k,)) for k in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
done.set()
configurator.join()
""", LOG_LEVEL="DEBUG")
    told = Counter(messages(records))
    wanted = Counter(f"{low}{k} {n}" for low in ("", "low ") for k in range(4) for n in range(500))
    assert told == wanted


def test_finalisers_warnings_and_signals_at_once() -> None:
    """Garbage collection, ``captureWarnings`` and a timer signal all log from inside the call."""
    records = lines_of("""
fm_otel.configure()
logging.captureWarnings(True)
warnings.simplefilter("always")
class Dying:
    def __init__(self, n):
        self.me, self.n = self, n
    def __del__(self):
        log.error("dying %d", self.n)
        warnings.warn(f"warned {self.n}")
rings = iter(range(10**6))
signal.signal(signal.SIGALRM, lambda *_: log.critical("rang %d", next(rings)))
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
gc.set_threshold(5, 10**6)
for n in range(400):
    Dying(n)
    log.warning("plain %d %s", n, Dying)
    log.info("quiet %d", n)
signal.setitimer(signal.ITIMER_REAL, 0)
gc.collect()
log.info("rings %d", next(rings))
""")
    told = messages(records)
    assert [t for t in told if t.startswith("quiet")] == [f"quiet {n}" for n in range(400)]
    assert sum(t.startswith("plain") for t in told) == 400
    assert sorted(t for t in told if t.startswith("dying")) == sorted(
        f"dying {n}" for n in range(400)
    )
    rings = int(next(t for t in told if t.startswith("rings")).split()[1])
    assert sorted(t for t in told if t.startswith("rang")) == sorted(
        f"rang {n}" for n in range(rings)
    )
    warned = messages(records, "py.warnings")
    assert len(warned) == 400


def test_an_engine_whose_parts_log() -> None:
    """A sanitizer and a handler that log, and a stream that logs when written to, do not recurse."""
    records = lines_of("""
def sanitizer(text):
    logging.getLogger("sanitizer").warning("asked about %r", text[:20])
    return text
fm_otel.configure(redactor=sanitizer)
class Echo(logging.Handler):
    def emit(self, record):
        if record.name == "app":
            logging.getLogger("echo").warning("echo of %s", record.getMessage())
class Loud:
    def __init__(self, stream):
        self.stream = stream
    def write(self, text):
        if "deep" not in text:
            logging.getLogger("stream").info("deep in write")
        return self.stream.write(text)
    def __getattr__(self, name):
        return getattr(self.stream, name)
logging.getLogger().addHandler(Echo())
sys.stdout = Loud(sys.stdout)
for n in range(100):
    log.warning("plain %d", n)
""")
    assert messages(records) == [f"plain {n}" for n in range(100)]
    assert messages(records, "echo") == [f"echo of plain {n}" for n in range(100)]


def test_threads_with_different_contexts_never_mix() -> None:
    """64 threads and as many tasks, each with its own ids: every record has those of its own."""
    records = lines_of("""
import asyncio
fm_otel.configure()
def work(k):
    with fm_otel.bound_context(session_id=f"s{k}", correlation_id=f"c{k}"):
        for n in range(20):
            log.info("of %d", k)
            time.sleep(0)
async def task(k):
    with fm_otel.bound_context(session_id=f"s{k}", correlation_id=f"c{k}"):
        for n in range(20):
            log.warning("of %d", k)
            await asyncio.sleep(0)
async def tasks():
    await asyncio.gather(*(task(k) for k in range(64, 128)))
threads = [threading.Thread(target=work, args=(k,)) for k in range(64)]
[thread.start() for thread in threads]
asyncio.run(tasks())
[thread.join() for thread in threads]
""")
    own = [record for record in records if record["logger"] == "app"]
    assert Counter(record["message"] for record in own) == {f"of {k}": 20 for k in range(128)}
    for record in own:
        number = record["message"].removeprefix("of ")
        assert (record["session_id"], record["correlation_id"]) == (f"s{number}", f"c{number}")


def test_names_made_from_data_do_not_grow_memory() -> None:
    """New logger names and extra keys for ever: full tables begin anew, no object stays behind.

    Counted where all tables are equally full: after so many names as the largest one holds.
    """
    records = lines_of("""
from fm_otel.site import MAX_SITES
handle = fm_otel.configure(console="off", file=os.devnull)
def blocks_after_a_round_of_names(k):
    for n in range(k * MAX_SITES, (k + 1) * MAX_SITES):
        logging.Logger(f"name.{n}").info("m", extra={f"key{n}": n})
    handle.force_flush()
    gc.collect()
    return sys.getallocatedblocks()
first, *_, last = map(blocks_after_a_round_of_names, range(4))
told = {"names": 3 * MAX_SITES, "grown": last - first}
print(json.dumps({"logger": "side", "record_id": "side", "message": told}))
""")
    [told] = messages(records, "side")
    assert told["names"] > 20_000
    assert told["grown"] < told["names"] / 16
