"""A full queue and a reader who stalls: what waits, what helps, what goes, and what is told."""

from __future__ import annotations

import os
import re
import select
from typing import TYPE_CHECKING

import pytest

from .rig import eventually, parsed

if TYPE_CHECKING:
    from .rig import Bench, Program

HEAD = """
import logging, os, pathlib, time
from fm_otel import audit
from fm_otel.configurator import running
log = logging.getLogger("app")
accounts = running()._started.accounts
def wait_for(name):
    pathlib.Path(name + ".asked").touch()
    while not pathlib.Path(name).exists():
        time.sleep(0.01)
"""
IDLE = {"FM_OTEL_FLUSH_INTERVAL_MS": "60000", "FM_OTEL_QUEUE_RECORDS": "5"}
"""A queue of five that nobody drains unless a caller or a bound asks for it."""

FULL = HEAD + """
slow = 0
for n in range(40):
    began = time.perf_counter()
    log.info("record %d", n)
    slow += time.perf_counter() - began > 0.04
log.error("an error")
audit("login", outcome="success")
print("slow", slow)
"""


def test_assist_has_the_caller_bring_out_what_waits(bench: Bench) -> None:
    """The default: a full queue costs its callers time and nobody a record."""
    program = bench.run(FULL, env=IDLE)
    assert program.messages("app") == [*(f"record {n}" for n in range(40)), "an error"]
    assert program.messages("faultmaven.audit") == ["login"]
    assert program.stderr == ""


def test_block_waits_for_room_that_the_worker_makes(bench: Bench) -> None:
    """It waits for a worker that was told, not for its next interval a minute away."""
    program = bench.run(FULL, env={**IDLE, "FM_OTEL_OVERFLOW": "block"})
    assert program.messages("app") == [*(f"record {n}" for n in range(40)), "an error"]
    assert program.messages("faultmaven.audit") == ["login"]
    [slow] = program.prose
    assert int(slow.split()[1]) <= 5
    assert program.stderr == ""


def test_drop_refuses_the_new_record_but_no_error_and_no_audit(bench: Bench) -> None:
    """With start there is room for four; what may not be lost drains the queue itself."""
    program = bench.run(FULL, env={**IDLE, "FM_OTEL_OVERFLOW": "drop"})
    assert program.messages("app") == [*(f"record {n}" for n in range(4)), "an error"]
    assert program.messages("faultmaven.audit") == ["login"]
    assert program.stderr == "fm_otel: records not delivered: queue_full 36\n"


LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
ROUND = HEAD + """
for n in range(60):
    log.debug("DEBUG %d %s", n, "x" * 1500)
    log.info("INFO %d %s", n, "x" * 1500)
    log.warning("WARNING %d %s", n, "x" * 1500)
    log.error("ERROR %d %s", n, "x" * 1500)
    audit("step", outcome="success", number=n)
sink = running()._started.outputs[0].sinks[0][0]
while sink._arrivals or sink._held_bytes > 250_000:
    time.sleep(0.01)
wait_for("read")
"""


def read_after(bench: Bench, program: Program, reading: int) -> list[str]:
    """Begin to read when the program has said everything; return the lines."""
    eventually((bench.directory / "read.asked").exists, "the end of the storm")
    (bench.directory / "read").touch()
    pieces = []
    while piece := os.read(reading, 1 << 16):
        pieces.append(piece)
    os.close(reading)
    assert program.end() == 0
    return b"".join(pieces).decode().splitlines()


@pytest.mark.parametrize("policy", ["assist", "drop", "block"])
def test_a_stalled_reader_costs_the_lowest_levels_first(bench: Bench, policy: str) -> None:
    """Held is what the bound allows; errors and audits are, whatever it says."""
    reading, writing = os.pipe()
    env = {"FM_OTEL_QUEUE_BYTES": "250000", "FM_OTEL_OVERFLOW": policy, "LOG_LEVEL": "DEBUG",
           "FM_OTEL_EXIT_TIMEOUT_MS": "20000"}
    program = bench.script(ROUND, env=env, stdout=writing)
    os.close(writing)
    lines = parsed(read_after(bench, program, reading))
    kept: dict[str, list[int]] = {level: [] for level in LEVELS}
    for line in lines:
        if line["logger"] == "app":
            level, number, _ = line["message"].split(" ", 2)
            kept[level].append(int(number))
    assert kept["ERROR"] == list(range(60))
    audits = [line["number"] for line in lines if line["logger"] == "faultmaven.audit"]
    assert audits == list(range(60))
    assert kept == {level: sorted(numbers) for level, numbers in kept.items()}
    # The pipe took the first rounds; of the others DEBUG has gone before INFO was touched.
    assert len(kept["DEBUG"]) < 30
    assert len(kept["DEBUG"]) <= len(kept["INFO"]) <= len(kept["WARNING"])
    assert len(kept["WARNING"]) > len(kept["DEBUG"])
    missing = 240 - sum(len(numbers) for numbers in kept.values())
    told = dict(re.findall(r"(console|queue_full) (\d+)", program.stderr.splitlines()[-1]))
    assert sum(int(number) for number in told.values()) == missing
    stop = [line for line in lines if line["logger"] == "faultmaven.process"][-1]
    assert stop["counts"]["dropped"] == {reason: int(n) for reason, n in told.items()}
    assert program.stderr.splitlines()[:-1] == [
        "fm_otel: stdout is not being read, records are dropped there",
        "fm_otel: stdout is being read again",
    ]


def test_errors_alone_outgrow_the_bound_and_nothing_is_said(bench: Bench) -> None:
    """What may not be dropped is held; a line on stderr that tells of losses would be untrue."""
    reading, writing = os.pipe()
    program = bench.script(HEAD + """
for n in range(100):
    log.error("%d %s", n, "x" * 3000)
time.sleep(0.2)  # some turns of the thread that holds them
wait_for("read")
""", env={"FM_OTEL_QUEUE_BYTES": "50000", "FM_OTEL_EXIT_TIMEOUT_MS": "20000"}, stdout=writing)
    os.close(writing)
    lines = parsed(read_after(bench, program, reading))
    found = [line["message"].split()[0] for line in lines if line["logger"] == "app"]
    assert found == [str(n) for n in range(100)]
    assert program.stderr == ""


def test_a_flush_that_could_not_bring_out_everything_says_so(bench: Bench) -> None:
    """force_flush is true only if every record is out."""
    reading, writing = os.pipe()
    program = bench.script(HEAD + """
def flushed():
    return running().force_flush(300)
told = [flushed()]
log.warning("x" * 300_000)  # cut to the line's limit, yet more than a pipe holds
told.append(flushed())
wait_for("read")
deadline = time.monotonic() + 20
while not flushed() and time.monotonic() < deadline:
    pass
told.append(flushed())
wait_for("closed")
log.warning("nobody there")
told.append(flushed())
pathlib.Path("told").write_text(repr(told))
""", stdout=writing)
    os.close(writing)
    eventually((bench.directory / "read.asked").exists, "two flushes")
    (bench.directory / "read").touch()
    while not (bench.directory / "closed.asked").exists():
        if select.select([reading], [], [], 0.05)[0]:
            os.read(reading, 1 << 16)
    os.close(reading)
    (bench.directory / "closed").touch()
    assert program.end() == 0
    assert (bench.directory / "told").read_text() == "[True, False, True, False]"

