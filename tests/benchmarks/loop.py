"""Event-loop lag: what CPU figures hide, since a batch may hold the interpreter for long."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from configurations import (
    CONFIGURATIONS,
    FILE_ON,
    FLOOR,
    JSON_OFF,
    JSON_ON,
    OTLP_OFF,
    OTLP_ON,
    PJL,
    REFERENCE,
    UPSTREAM,
    Place,
    recording_span,
)
from figures import quantile
from subject import pin
from table import Table

RATE = 2000
BURST = 10
"""Records of one request, made in one go."""
BEAT = 0.001
OFF = "logging off"


async def _beats(seconds: float) -> list[float]:
    late = []
    end = perf_counter() + seconds
    while (before := perf_counter()) < end:
        await asyncio.sleep(BEAT)
        late.append((perf_counter() - before - BEAT) * 1e6)
    return late


async def _load(call: Callable[[int], Any]) -> None:
    due, number = perf_counter(), 0
    while True:
        for _ in range(BURST):
            call(number)
            number += 1
        due += BURST / RATE
        await asyncio.sleep(max(0.0, due - perf_counter()))


async def _measured(call: Callable[[int], Any], seconds: float) -> dict[str, float]:
    load = asyncio.create_task(_load(call))
    await asyncio.sleep(0.5)
    cpu = process_time()
    late = sorted(await _beats(seconds))
    cpu = (process_time() - cpu) / seconds
    load.cancel()
    shares = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
    return {name: quantile(late, share) for name, share in shares.items()} | {
        "max": late[-1], "cpu": cpu,
    }


def main() -> None:
    """Measure one configuration in this process."""
    import uvloop

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configuration")
    parser.add_argument("--endpoint", default="")
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--core", type=int, default=-1)
    parser.add_argument("--seconds", type=float, default=5)
    asked = parser.parse_args()
    pin(asked.core)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    name = FLOOR if asked.configuration == OFF else asked.configuration
    running = CONFIGURATIONS[name](Place(asked.endpoint, asked.folder))
    call = running.calls["disabled" if asked.configuration == OFF else REFERENCE]
    with recording_span(), running.around():
        told = uvloop.run(_measured(call, asked.seconds))
    print(json.dumps(told), file=answers, flush=True)
    os._exit(0)


def _told(name: str, place: Place, core: int, seconds: float) -> dict[str, float]:
    done = subprocess.run(
        [
            sys.executable, str(Path(__file__)), name, "--endpoint", place.endpoint,
            "--folder", str(place.folder), "--core", str(core), "--seconds", str(seconds),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, timeout=120,
    )
    told: dict[str, float] = json.loads(done.stdout)
    return told


def run(
    place: Place, progress: Callable[[str], None], *, core: int, quick: bool,
) -> tuple[list[Table], object]:
    """Return the table of the section and its figures."""
    columns = ("p50", "p99", "p99.9", "max")
    table = Table(
        f"loop: lag of a uvloop heartbeat at {RATE} records/s, us",
        (*columns, "p99 over off", "CPU"),
        note=f"{OFF} runs first and last: what these two rows differ by is noise",
    )
    names = (OFF, PJL, UPSTREAM, JSON_OFF, JSON_ON, FILE_ON, OTLP_OFF, OTLP_ON, OFF)
    figures = []
    first: float | None = None
    for name in names:
        progress(name)
        told = _told(name, place, core, 3 if quick else 20)
        figures.append({"name": name, **told})
        first = told["p99"] if first is None else first
        over = told["p99"] - first
        table.row(name, *(f"{told[column]:,.0f}" for column in columns), f"{over:+,.0f}",
                  f"{told['cpu']:.1%}")
    return [table], figures


if __name__ == "__main__":
    main()
