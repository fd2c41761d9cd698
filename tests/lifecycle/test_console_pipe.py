"""The console pipe: shared, slow, full, closed; lines stay whole and callers free."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from .rig import eventually, parsed

if TYPE_CHECKING:
    from pathlib import Path

    from .rig import Bench

CHILDREN = """
import json, logging, os, sys, time
log = logging.getLogger("app")
children, lines, size = 4, int(sys.argv[1]), int(sys.argv[2])
for child in range(children):
    if not os.fork():
        slowest = 0.0
        for n in range(lines):
            began = time.perf_counter()
            log.info("%d %d %s", child, n, "x" * size)
            slowest = max(slowest, time.perf_counter() - began)
        from fm_otel.configurator import running
        handle = running()
        handle.force_flush(60_000)
        with open(f"child-{child}", "w") as file:
            json.dump({"slowest": slowest, "late": handle._started.accounts.late}, file)
        sys.exit()
for child in range(children):
    os.wait()
"""


def read_slowly(fd: int, pause: float) -> bytes:
    """Read a page at a time with pauses, until every writer is gone."""
    pieces = []
    while piece := os.read(fd, 4096):
        pieces.append(piece)
        time.sleep(pause)
    return b"".join(pieces)


def numbers(lines: list[str]) -> dict[str, list[int]]:
    found = defaultdict(list)
    for line in parsed(lines):
        if line["logger"] == "app":
            child, number, _ = line["message"].split(" ", 2)
            found[child].append(int(number))
    return found


@pytest.mark.parametrize(("size", "pause"), [(12_000, 0.0005), (600, 0.002)])
def test_four_processes_share_a_pipe_and_break_no_line(
    bench: Bench, size: int, pause: float,
) -> None:
    """Writes longer than PIPE_BUF mix on a pipe unless somebody keeps them apart."""
    reading, writing = os.pipe()
    program = bench.script(CHILDREN, "200", str(size), stdout=writing)
    os.close(writing)
    text = read_slowly(reading, pause).decode()
    os.close(reading)
    assert program.end() == 0
    found = numbers(text.splitlines())
    assert dict(found) == {str(child): list(range(200)) for child in range(4)}
    assert program.stderr == ""


def test_callers_do_not_wait_for_a_reader_who_sleeps(bench: Bench) -> None:
    """A full pipe costs a call the patience at most, once; afterwards the sink holds the lines."""
    reading, writing = os.pipe()
    program = bench.script("""
import logging, pathlib, time
log = logging.getLogger("app")
for n in range(300):
    began = time.perf_counter()
    log.warning("%d %s", n, "x" * 2000)
    if time.perf_counter() - began > 0.03:
        print(n, file=open("stalls", "a"))
from fm_otel.configurator import running
pathlib.Path("late").write_text(str(running()._started.accounts.late))
pathlib.Path("done").touch()
""", stdout=writing)
    os.close(writing)
    eventually((bench.directory / "done").exists, "the program going on without a reader")
    text = read_slowly(reading, 0).decode()
    os.close(reading)
    assert program.end() == 0
    found = [line["message"].split()[0] for line in parsed(text.splitlines())
             if line["logger"] == "app"]
    assert found == [str(n) for n in range(300)]
    stalls = bench.directory / "stalls"
    assert len(stalls.read_text().split() if stalls.exists() else []) <= 5
    # A pipe holds 64 KiB; nearly all the others were not out when their call returned.
    assert 260 < int((bench.directory / "late").read_text()) < 300


def test_a_reader_who_leaves_costs_records_and_nothing_else(bench: Bench) -> None:
    """``program | head -1``: the program ends as it would, the loss is one line on stderr."""
    source = """
import logging, sys
for n in range(2000):
    logging.getLogger("app").warning("record %d", n)
sys.exit(5)
"""
    reading, writing = os.pipe()
    program = bench.script(source, stdout=writing, env={"LOG_FILE": "app.log"})
    os.close(writing)
    os.read(reading, 100)
    os.close(reading)
    assert program.end() == 5
    file = parsed((bench.directory / "app.log").read_text().splitlines())
    assert [line["message"] for line in file if line["logger"] == "app"] == [
        f"record {n}" for n in range(2000)]
    first, last = program.stderr.splitlines()
    assert "stdout cannot be written (Broken pipe)" in first
    assert last.startswith("fm_otel: records not delivered: console ")


@pytest.mark.parametrize("size", [1000, 12_000])
def test_a_pipe_nobody_ever_reads_does_not_keep_the_program(bench: Bench, size: int) -> None:
    """The exit budget holds here too, and what did not fit is counted."""
    reading, writing = os.pipe()
    program = bench.script("""
import logging, pathlib, sys, time
for n in range(400):
    logging.getLogger("app").info("%d %s", n, "x" * int(sys.argv[1]))
pathlib.Path("leaving").write_text(str(time.monotonic()))
""", str(size), stdout=writing, env={"FM_OTEL_EXIT_TIMEOUT_MS": "500"})
    os.close(writing)
    try:
        assert program.end() == 0
        assert program.ended_at - float((bench.directory / "leaving").read_text()) < 4
        assert "records not delivered: console " in program.stderr
        whole = 0
        while select.select([reading], [], [], 0)[0] and (piece := os.read(reading, 1 << 16)):
            whole += piece.count(b"\n")
        [told] = [line for line in program.stderr.splitlines() if "not delivered" in line]
        # With the records of start and stop.
        assert whole + int(told.rpartition(" ")[2]) == 402
        assert whole > 0
    finally:
        os.close(reading)


def test_a_program_without_stdout_runs(bench: Bench) -> None:
    """Daemons close it; the records go where they can."""
    program = bench.run("""
import logging, os, sys
os.close(1)
logging.getLogger("app").warning("nobody hears this")
sys.stdout = None
logging.getLogger("app").warning("nor this")
""", env={"LOG_FILE": "app.log"})
    assert program.process.returncode == 0
    file = parsed((bench.directory / "app.log").read_text().splitlines())
    assert [line["message"] for line in file if line["logger"] == "app"] == [
        "nobody hears this", "nor this"]
    assert "Traceback" not in program.stderr


@pytest.mark.parametrize("target", ["pipe", "file"])
def test_prints_and_records_keep_their_order(
    bench: Bench, tmp_path: Path, target: str,
) -> None:
    """What was printed before a written-through record stands before it, whole."""
    source = """
import logging, sys
log = logging.getLogger("app")
for n in range(200):
    print("printed", n)
    log.warning("logged %d", n)
    if n % 50 == 0:
        sys.stdout.flush()
print("end")
"""
    output = (tmp_path / "out").open("wb") if target == "file" else subprocess.PIPE
    program = bench.run(source, stdout=output)
    text = program.stdout if target == "pipe" else (tmp_path / "out").read_text()
    order = []
    for line in text.splitlines():
        if line.startswith("{"):
            [record] = parsed([line])
            if record["logger"] == "app":
                order.append(record["message"])
        else:
            order.append(line)
    expected = [text for n in range(200) for text in (f"printed {n}", f"logged {n}")]
    assert order == [*expected, "end"]
