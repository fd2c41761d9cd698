"""One configuration in one process, measured on demand.

Started by the other modules, never by hand: answers each line ``variant<TAB>records`` on its
standard input by one line of JSON on the descriptor it was given. Standard output is the null
device, which is where the configurations write. With ``--rounds`` it makes that many rounds and
ends, for counting instructions.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from pathlib import Path
from time import perf_counter_ns, process_time_ns
from typing import Any

from configurations import CONFIGURATIONS, VARIANTS, Call, Place, Running, recording_span
from figures import quantile

WARM_UP = 200


def pin(core: int) -> None:
    """Keep this process on one core, where the system can."""
    if core >= 0 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


def _nothing(number: int) -> None:
    pass


def timed(call: Call, count: int) -> list[int]:
    """Return the nanoseconds of each of ``count`` calls."""
    clock, taken = perf_counter_ns, [0] * count
    for number in range(count):
        before = clock()
        call(number)
        taken[number] = clock() - before
    return taken


def measured(running: Running, variant: str, count: int, floor: float) -> dict[str, float]:
    """Return caller and CPU nanoseconds per record of one round, flush included."""
    call = running.calls[variant]
    running.flush()
    with recording_span(), running.around():
        before = process_time_ns()
        taken = timed(call, count)
        running.flush()
        cpu = process_time_ns() - before
    taken.sort()
    return {
        "p50": quantile(taken, 0.5) - floor,
        "p99": quantile(taken, 0.99) - floor,
        "cpu": cpu / count - floor,
    }


def counted(running: Running, variant: str, rounds: int, count: int) -> None:
    """Make ``rounds`` rounds of ``count`` records; somebody outside counts instructions."""
    call = running.calls[variant]
    for _ in range(rounds):
        with recording_span(), running.around():
            for number in range(count):
                call(number)
            running.flush()


def serve(running: Running, answers: Any) -> None:
    """Answer measurements until the input ends."""
    for variant in VARIANTS:
        timed(running.calls[variant], WARM_UP)
    running.flush()
    floor = quantile(sorted(timed(_nothing, 5000)), 0.5)
    gc.collect()
    gc.freeze()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        variant, count = line.rstrip("\n").split("\t")
        figures = measured(running, variant, int(count), floor)
        print(json.dumps(figures), file=answers, flush=True)


def main() -> None:
    """Start the configuration named and do as asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configuration")
    parser.add_argument("--endpoint", default="")
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--core", type=int, default=-1)
    parser.add_argument("--variant", default=VARIANTS[0])
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--records", type=int, default=480)
    asked = parser.parse_args()
    pin(asked.core)
    answers = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    running = CONFIGURATIONS[asked.configuration](Place(asked.endpoint, asked.folder))
    if asked.rounds:
        counted(running, asked.variant, asked.rounds, asked.records)
    else:
        serve(running, answers)
    # What the exit handlers of each library do is no part of a record's cost.
    os._exit(0)


if __name__ == "__main__":
    main()
