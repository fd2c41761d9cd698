"""A signal may arrive between any two steps of a logging call: no hang, nothing lost or doubled."""

from __future__ import annotations

import json
import random
import signal
from collections import Counter
from time import sleep
from typing import TYPE_CHECKING, Any

import pytest

from .rig import parsed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otlp_receiver import OtlpReceiver

    from .rig import Bench

STEPS = """
import dis, functools, itertools, logging, os, signal, sys
import fm_otel
fm_otel.configure()
log = logging.getLogger("app")
every, event = int(sys.argv[1]), sys.argv[2]

def calls():
    for n in range(2):
        log.info("quiet %d", n)
        log.info("quiet %d again", n)
        log.warning("loud %d", n)

@functools.cache
def moments(code):
    # Where the interpreter looks for signals: behind calls, entries and jumps back.
    found = set()
    for one, following in itertools.pairwise(dis.get_instructions(code)):
        if one.opname.startswith(("CALL", "RESUME")):
            found.add(following.offset)
        elif one.opname.startswith("JUMP_BACKWARD"):
            found.add(one.argval)
    return found

def stepping(at, then):
    taken = 0
    def step(frame, event, argument):
        nonlocal taken
        frame.f_trace_opcodes = True
        if event == "opcode" and frame.f_lasti in moments(frame.f_code):
            taken += 1
            if taken == at:
                sys.settrace(None)
                then()
        return step
    sys.settrace(step)
    calls()
    sys.settrace(None)
    return taken

def leave(number, frame):
    os._exit(0)

log.info("parent")
stepping(0, None)
total = stepping(0, None)
wrong, ended = [], 0
for at in range(1, total, every):
    child = os.fork()
    if not child:
        # A child that hangs is ended by this signal's default action.
        signal.alarm(15)
        if event == "leave":
            signal.signal(signal.SIGTERM, leave)
        log.info("first of step %d", at)
        log.info("second of step %d", at)
        stepping(at, lambda: signal.raise_signal(signal.SIGTERM))
        log.info("the end came before step %d", at)
        sys.exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == (0 if event == "leave" else -signal.SIGTERM):
        ended += 1
    elif code != 1:
        wrong.append((at, code))
print(len(range(1, total, every)), ended, wrong, file=sys.stderr)
"""


@pytest.mark.parametrize("event", ["default", "leave"])
def test_sigterm_between_any_two_steps_of_a_call(bench: Bench, event: str) -> None:
    """What was logged before it is out, whether the handler is ours or leaves by ``os._exit``."""
    program = bench.run(STEPS, "3", event, launched=False)
    children, ended, wrong = program.stderr.split(maxsplit=2)
    assert wrong == "[]\n"
    assert int(ended) > 100
    told = Counter(m for m in program.messages("app") if " of step " in m)
    assert len(told) == 2 * int(children)
    assert set(told.values()) == {1}


STORM = """
import json, logging, os, signal, sys, threading
import fm_otel
handle = fm_otel.configure()
from fm_otel.configurator import running
started = running()._started
log = logging.getLogger("app")
armed, returned, hits, n = [], [], 0, 0

def interrupt(number, frame):
    if armed:
        del armed[:]
        raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)
print("ready", file=sys.stderr, flush=True)
while hits < 600:
    try:
        armed.append(True)
        while True:
            n += 1
            if n % 5:
                log.info("n %d", n)
            else:
                log.warning("n %d %s", n, "x" * (n % 700))
            returned.append(n)
    except KeyboardInterrupt:
        hits += 1
signal.signal(signal.SIGINT, signal.SIG_IGN)
flushed = handle.force_flush(20_000)
free = []
def ask():
    free.append(started.pipeline._lock.acquire(timeout=5))
    started.pipeline._lock.release()
asking = threading.Thread(target=ask)
asking.start(); asking.join()
with open("books", "w") as file:
    json.dump({"returned": returned, "flushed": flushed, "free": free,
               "processed": started.accounts.processed, "queued": len(started.queue),
               **started.accounts.summary()}, file)
"""


@pytest.mark.parametrize("stream", ["pipe", "file"])
def test_an_interrupt_costs_no_record(bench: Bench, receiver: OtlpReceiver, stream: str) -> None:
    """KeyboardInterrupt anywhere in a call: what has returned is out once, everywhere."""
    env = {"LOG_FILE": "app.log", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": receiver.http_endpoint + "/v1/logs"}
    with (bench.directory / "out").open("wb") as out:
        program = bench.script(STORM, env=env, launched=False,
                               **({"stdout": out} if stream == "file" else {}))
        program.says("ready")
        moments = random.Random(1)
        while program.process.poll() is None:
            program.signal(signal.SIGINT)
            sleep(moments.random() * 0.001)
        assert program.end() == 0, program.stderr
    books = json.loads((bench.directory / "books").read_text())
    assert (books["flushed"], books["free"], books["queued"]) == (True, [True], 0)
    shown = program.lines if stream == "pipe" else in_file(bench, "out")
    kept = in_file(bench, "app.log")
    sent = [{**record, "message": record["body"]} for record in receiver.records]
    for records in (shown, kept, sent):
        assert_once(books["returned"], records)
        assert len(records) == books["processed"] + 1, "and the stop record"
    assert set(books["delivered"].values()) == {books["processed"]}
    assert books["dropped"] == {}


def in_file(bench: Bench, name: str) -> list[dict[str, Any]]:
    return parsed((bench.directory / name).read_text().splitlines())


def assert_once(returned: list[int], records: Iterable[dict[str, Any]]) -> None:
    """Fail when a call that returned has no record, or any record is there twice."""
    assert max(Counter(record["record_id"] for record in records).values()) == 1
    told = {record["message"].split()[1] for record in records if record["logger"] == "app"}
    assert not [n for n in returned if str(n) not in told]
