"""Unpaced storms: whether every record is accounted for, and how many go through per second."""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from configurations import (
    CONFIGURATIONS,
    FILE_OFF,
    OTLP_OFF,
    OTLP_ON,
    REFERENCE,
    UPSTREAM,
    Place,
    recording_span,
)
from receiver import receiver, taken
from subject import pin
from table import Table

THREADS = (1, 4)


def _storm(call: Callable[[int], object], threads: int, records: int) -> float:
    """Return the seconds that ``threads`` threads take for ``records`` calls in all."""

    def work() -> None:
        with recording_span():
            for number in range(records // threads):
                call(number)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    start = perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return perf_counter() - start


def _ours_dropped() -> dict[str, int] | None:
    from fm_otel.configurator import running

    handle = running()
    return None if handle is None else handle._started.accounts.losses()


def main() -> None:
    """Make one storm in this process and tell about it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configuration")
    parser.add_argument("--endpoint", default="")
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--core", type=int, default=-1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--records", type=int, default=1000)
    asked = parser.parse_args()
    pin(asked.core)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    running = CONFIGURATIONS[asked.configuration](Place(asked.endpoint, asked.folder))
    # Upstream warns of each record it drops, which would be logged in turn.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    start = perf_counter()
    seconds = _storm(running.calls[REFERENCE], asked.threads, asked.records)
    running.flush()
    whole = perf_counter() - start
    dropped = None if asked.configuration == UPSTREAM else _ours_dropped()
    print(json.dumps({"seconds": seconds, "whole": whole, "dropped": dropped}), file=answers)
    answers.flush()
    os._exit(0)


def _run_one(name: str, place: Place, core: int, threads: int, records: int) -> dict[str, Any]:
    done = subprocess.run(
        [
            sys.executable, str(Path(__file__)), name, "--endpoint", place.endpoint,
            "--folder", str(place.folder), "--core", str(core), "--threads", str(threads),
            "--records", str(records),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, timeout=600,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _delivered(name: str, endpoint: str, before: int, folder: Path) -> int:
    if name == FILE_OFF:
        lines = (folder / "bench.jsonl").read_bytes().splitlines()
        return sum(json.loads(line).get("logger") == "bench.app" for line in lines)
    return taken(endpoint) - before


def run(
    place: Place, progress: Callable[[str], None], *, core: int, quick: bool,
) -> tuple[list[Table], object]:
    """Return the table of the section and its figures."""
    records = 20_000 if quick else 200_000
    table = Table(
        f"storm: {records:,} records, unpaced, healthy sink",
        ("threads", "calls/s", "through/s", "delivered", "dropped", "unaccounted"),
        note="our OTLP rows hold one record more, the process's start; upstream counts no losses, "
             "so what is missing there is unaccounted",
    )
    all_told = []
    with receiver(core=0 if core else 1, count=True) as endpoint:
        to = Place(endpoint, place.folder)
        for name in (UPSTREAM, OTLP_OFF, OTLP_ON, FILE_OFF):
            for threads in THREADS:
                progress(f"{name}, {threads} threads")
                (place.folder / "bench.jsonl").unlink(missing_ok=True)
                before = taken(endpoint)
                told = _run_one(name, to, core, threads, records)
                delivered = _delivered(name, endpoint, before, place.folder)
                # The start record of ours is no record of the storm's.
                emitted = records + (name in (OTLP_OFF, OTLP_ON))
                losses = told["dropped"] or {}
                dropped = sum(losses.values())
                table.row(
                    name, str(threads), f"{records / told['seconds']:,.0f}",
                    f"{delivered / told['whole']:,.0f}",
                    f"{delivered:,}", f"{dropped:,}", f"{emitted - delivered - dropped:,}",
                )
                all_told.append({"name": name, "threads": threads, "delivered": delivered, **told})
    return [table], all_told


if __name__ == "__main__":
    main()
