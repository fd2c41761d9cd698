"""Caller time and CPU per record, every logger beside the others.

One process per configuration, since two of them in one would see each other's records; all are
pinned to the same core and take turns, one round each, in reversed order every other round.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from configurations import (
    CONFIGURATIONS,
    FILE_OFF,
    FILE_ON,
    FLOOR,
    JSON_OFF,
    JSON_ON,
    OTLP_OFF,
    OTLP_ON,
    PJL,
    REFERENCE,
    UPSTREAM,
    VARIANTS,
    Place,
)
from figures import median, paired_ratio, quantile
from table import Table

RECORDS = 480
"""Records of a round: fewer than wake upstream's batch processor."""

AGAIN = f"{FLOOR} (A/A)"
SPREAD = 0.03
_PAIRS = ((JSON_OFF, JSON_ON), (FILE_OFF, FILE_ON), (OTLP_OFF, OTLP_ON))

Rounds = dict[str, list[dict[str, float]]]


class Subject:
    """A configuration that waits in its own process to be measured."""

    def __init__(self, name: str, place: Place, core: int) -> None:
        self._name = name
        self._process = subprocess.Popen(
            [
                sys.executable, str(Path(__file__).with_name("subject.py")), name,
                "--endpoint", place.endpoint, "--folder", str(place.folder), "--core", str(core),
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )

    def ready(self) -> None:
        """Wait until it can be asked."""
        self._answer()

    def measure(self, variant: str) -> dict[str, float]:
        """Have it make one round."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{variant}\t{RECORDS}\n")
        self._process.stdin.flush()
        figures: dict[str, float] = json.loads(self._answer())
        return figures

    def end(self) -> None:
        """Let it go."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} ended early")
        return line


def measure(
    place: Place, core: int, rounds: int, progress: Callable[[str], None],
) -> dict[str, Rounds]:
    """Return the figures of every round, by variant and configuration."""
    results: dict[str, Rounds] = {variant: defaultdict(list) for variant in VARIANTS}
    with ExitStack() as stack:
        subjects = {}
        for name in (*CONFIGURATIONS, AGAIN):
            progress(f"start {name}")
            subjects[name] = subject = Subject(name.removesuffix(" (A/A)"), place, core)
            stack.callback(subject.end)
            subject.ready()
        for number in range(rounds):
            progress(f"round {number + 1}/{rounds}")
            names = list(subjects) if number % 2 == 0 else list(subjects)[::-1]
            for variant in VARIANTS:
                for name in names:
                    results[variant][name].append(subjects[name].measure(variant))
    return results


def _of(rounds: Rounds, name: str, figure: str) -> list[float]:
    return [figures[figure] for figures in rounds[name]]


def table_of(variant: str, rounds: Rounds) -> Table:
    """Return the table of one variant."""
    table = Table(
        f"records: {variant}",
        ("caller p50 ns", "p99 ns", "CPU ns", "caller/NullH.", "CPU/NullH.", "CPU/pjl",
         "caller/upstr.", "CPU/upstr."),
    )
    for name in rounds:
        cells = [f"{median(_of(rounds, name, figure)):,.0f}" for figure in ("p50", "p99", "cpu")]
        for figure, base in (
            ("p50", FLOOR), ("cpu", FLOOR), ("cpu", PJL), ("p50", UPSTREAM), ("cpu", UPSTREAM),
        ):
            share = paired_ratio(_of(rounds, name, figure), _of(rounds, base, figure))
            cells.append(f"{share:.2f}x")
        table.row(name, *cells)
    table.note = _notes(rounds)
    return table


def _notes(rounds: Rounds) -> str:
    notes = []
    for off, on in _PAIRS:
        pairs = zip(_of(rounds, off, "cpu"), _of(rounds, on, "cpu"), strict=True)
        more = [with_rules - without for without, with_rules in pairs]
        name = on.removesuffix(", redact on")
        notes.append(f"{name}: redaction adds {median(more):,.0f} ns CPU")
    spread = spread_of(rounds)
    notes.append(
        f"A/A: the same logger twice, CPU ratio {spread[1]:.3f}, half of the rounds within "
        f"[{spread[0]:.3f}, {spread[2]:.3f}]",
    )
    if abs(spread[1] - 1) > SPREAD:
        notes.append(f"A/A is off by more than {SPREAD:.0%}: this machine is too noisy for these "
                     "clocks; trust the instructions")
    return "\n".join(notes)


def spread_of(rounds: Rounds) -> tuple[float, float, float]:
    """Return quartiles and median of the ratio between two runs of one configuration."""
    pairs = zip(_of(rounds, AGAIN, "cpu"), _of(rounds, FLOOR, "cpu"), strict=True)
    ratios = sorted(a / b for a, b in pairs)
    return quantile(ratios, 0.25), quantile(ratios, 0.5), quantile(ratios, 0.75)


def goals(rounds: Rounds) -> Table:
    """Return the ratios the project holds itself to, beside what was measured."""
    table = Table("records: goals, redaction off", ("measured", "goal", ""))
    for text, ours, base, figure, goal in (
        ("OTLP caller p50 / upstream", OTLP_OFF, UPSTREAM, "p50", 1 / 3),
        ("OTLP CPU / upstream", OTLP_OFF, UPSTREAM, "cpu", 1 / 4),
        ("JSON CPU / python-json-logger", JSON_OFF, PJL, "cpu", 0.65),
    ):
        share = paired_ratio(_of(rounds, ours, figure), _of(rounds, base, figure))
        table.row(text, f"{share:.2f}x", f"{goal:.2f}x", "met" if share <= goal else "MISSED")
    return table


def run(
    place: Place, progress: Callable[[str], None], *, core: int, quick: bool,
) -> tuple[list[Table], object]:
    """Return the tables of the section and its figures."""
    results = measure(place, core, 8 if quick else 30, progress)
    tables = [table_of(variant, rounds) for variant, rounds in results.items()]
    return [*tables, goals(results[REFERENCE])], results
