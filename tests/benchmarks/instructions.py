"""Instructions per record: what clocks on a busy machine cannot tell.

Each configuration runs twice under valgrind, once for more rounds; the difference, divided by the
records it holds, leaves out start and end. Repeats agree within half a percent.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from configurations import (
    CONFIGURATIONS,
    FLOOR,
    JSON_OFF,
    JSON_ON,
    OTLP_OFF,
    OTLP_ON,
    PJL,
    REFERENCE,
    UPSTREAM,
    Place,
)
from receiver import receiver
from table import Table, ratio

SHORT, LONG = 2, 6
RECORDS = 480
QUICK = (FLOOR, PJL, UPSTREAM, JSON_OFF, JSON_ON, OTLP_OFF, OTLP_ON)
_REFS = re.compile(r"I\s+refs:\s+([\d,]+)")


def available() -> bool:
    """Return whether instructions can be counted here."""
    return shutil.which("valgrind") is not None


def per_record(name: str, place: Place, variant: str = REFERENCE) -> float:
    """Return the instructions one record costs the whole process."""
    both = [_start(name, place, variant, rounds) for rounds in (SHORT, LONG)]
    short, long = (_total(process) for process in both)
    return (long - short) / ((LONG - SHORT) * RECORDS)


def _start(name: str, place: Place, variant: str, rounds: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            "valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
            sys.executable, str(Path(__file__).with_name("subject.py")), name,
            "--endpoint", place.endpoint, "--folder", str(place.folder),
            "--variant", variant, "--rounds", str(rounds), "--records", str(RECORDS),
        ],
        env={**os.environ, "PYTHONHASHSEED": "0"}, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )


def _total(process: subprocess.Popen[str]) -> int:
    _, said = process.communicate()
    found = _REFS.search(said)
    if process.returncode or found is None:
        raise RuntimeError(f"valgrind failed:\n{said[-2000:]}")
    return int(found[1].replace(",", ""))


def figures(
    names: tuple[str, ...], place: Place, progress: Callable[[str], None],
) -> Iterator[tuple[str, float]]:
    """Yield each configuration with its instructions per record."""
    for name in names:
        progress(name)
        yield name, per_record(name, place)


def run(
    place: Place, progress: Callable[[str], None], *, core: int, quick: bool,
) -> tuple[list[Table], object]:
    """Return the table of the section and its figures."""
    del core  # instructions do not mind where they run
    table = Table(
        "instructions", ("kinstr/record", "vs NullHandler", "vs pjl", "vs upstream"),
        note="reference record, all threads, flush included; sinks at the null device or a local "
             "receiver",
    )
    if not available():
        table.note = "not measured: valgrind is not installed"
        return [table], None
    names = QUICK if quick else tuple(CONFIGURATIONS)
    counts = dict(figures(names, place, progress))
    for name, count in counts.items():
        table.row(name, f"{count / 1000:.1f}",
                  *(ratio(count, counts[base]) for base in (FLOOR, PJL, UPSTREAM)))
    return [table], counts


def main() -> None:
    """Print the instructions of the configurations named, else of the quick choice."""
    import tempfile

    names = tuple(sys.argv[1:]) or QUICK
    with receiver() as endpoint, tempfile.TemporaryDirectory() as folder:
        for name, count in figures(names, Place(endpoint, Path(folder)), lambda _: None):
            print(f"{name:28} {count / 1000:8.1f} kinstr/record", flush=True)


if __name__ == "__main__":
    main()
