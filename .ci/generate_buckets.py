"""The sieve's buckets: which literals share one, so that ordinary lines suit none of them.

Each literal stands where it costs least: in the bucket and with the window of its own that bring
the fewest further places of benign lines to be looked at. Some are then taken out and placed anew,
and the better of both is kept, so many times. The lines are those of the repository that are
nobody's: the benign ones of the corpora and the licence, without those that hold a literal.
"""

from __future__ import annotations

import functools
import operator
import random
from pathlib import Path
from typing import Final

from fm_otel.redaction import buckets
from fm_otel.redaction.gates import shortest, sieved
from fm_otel.redaction.scan import LITERALS, MARKS
from tests.redaction.score import CORPORA, lines_named
from tests.redaction.unseen.lines import lines_of
from tests.redaction.unseen.score import ROUNDS

ROOT: Final = Path(__file__).resolve().parent.parent
BUCKETS: Final = 8
WINDOW: Final = 3
TRIALS, MARK_TRIALS = 400, 60

HEADER: Final = '''\
"""Made by .ci/generate: which three characters of a literal the sieve looks for, by bucket.

Change .ci/generate_buckets.py or the literals themselves (scan.py), not this file.
"""

from __future__ import annotations

from typing import Final
'''


class Grouping:
    """Literals in buckets, and how many places of a text suit each bucket."""

    def __init__(self, literals: list[str], text: str) -> None:
        """Place the literals one by one, the shorter first: they have less choice."""
        self.literals = literals
        self.where: dict[str, tuple[int, str]] = {}
        self.cost = [0] * BUCKETS
        self._places = {
            (c, at): int("".join("1" if x == c else "0" for x in reversed(text)), 2) >> at
            for c in sorted(set("".join(literals))) for at in range(WINDOW)
        }  # fmt: skip
        for literal in literals:
            self.place(literal)

    def windows(self, bucket: int) -> list[str]:
        """Return what the literals of ``bucket`` are looked for by."""
        return sorted({window for place, window in self.where.values() if place == bucket})

    def wanted(self, windows: list[str]) -> tuple[int, int, int]:
        """Return, for each place in a window, where its character suits one of ``windows``."""
        characters = ({window[at] for window in windows} for at in range(WINDOW))
        first, second, third = (
            functools.reduce(operator.or_, (self._places[c, at] for c in here), 0)
            for at, here in enumerate(characters)
        )
        return first, second, third

    def place(self, literal: str) -> None:
        """Put ``literal`` where it adds least."""
        choices = []
        for bucket in range(BUCKETS):
            first, second, third = self.wanted(self.windows(bucket))
            for at in range(len(literal) - WINDOW + 1):
                window = literal[at : at + WINDOW]
                one, two, three = self.wanted([window])
                cost = ((first | one) & (second | two) & (third | three)).bit_count()
                choices.append((cost - self.cost[bucket], bucket, window, cost))
        _, bucket, window, cost = min(choices)
        self.where[literal] = bucket, window
        self.cost[bucket] = cost

    def again(self, some: list[str]) -> None:
        """Place ``some`` anew; keep what was there where that is no better."""
        before = dict(self.where), list(self.cost)
        for literal in some:
            bucket, _ = self.where.pop(literal)
            first, second, third = self.wanted(self.windows(bucket))
            self.cost[bucket] = (first & second & third).bit_count()
        for literal in some:
            self.place(literal)
        if sum(self.cost) > sum(before[1]):
            self.where, self.cost = before


def lines_at_hand() -> list[str]:
    """Return lines that are nobody's."""
    lines = [line.text for name in ROUNDS for line in lines_of(f"{name}_benign")]
    lines += [line.text for name in CORPORA for line in lines_named(name) if line.kind == "benign"]
    lines += (ROOT / "LICENSE").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.isascii()]


def grouped(every: tuple[str, ...], lines: list[str], trials: int) -> Grouping:
    """Return the best grouping found; the same for the same literals and lines."""
    literals = sieved(shortest(every))
    clean = [line for line in lines if not any(literal in line for literal in literals)]
    grouping = Grouping(literals, "\n".join(clean))
    chance = random.Random(1)
    for _ in range(trials):
        grouping.again(sorted(chance.sample(literals, 8), key=len))
    return grouping


def files(_: Path) -> dict[Path, str]:
    """Give the module's text, wherever the package is installed."""
    lines = lines_at_hand()
    low = [line.lower() for line in lines]
    words, marks = grouped(LITERALS, low, TRIALS), grouped(MARKS, lines, MARK_TRIALS)
    text = HEADER + written("BUCKETS", words) + written("MARK_BUCKETS", marks)
    return {Path(buckets.__file__): text}


def written(name: str, grouping: Grouping) -> str:
    """Write ``grouping`` as the constant ``name``."""
    lines = [f"\n{name}: Final = (\n"]
    for bucket in range(BUCKETS):
        windows = grouping.windows(bucket)
        lines.append("    (\n")
        lines += [
            f"        {', '.join(map(quoted, windows[at : at + 12]))},\n"
            for at in range(0, len(windows), 12)
        ]
        lines.append("    ),\n")
    return "".join(lines) + ")  # fmt: skip\n"


def quoted(window: str) -> str:
    """Write ``window`` as the linter wants it."""
    text = window.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    return f"'{text}'" if '"' in text and "'" not in text else '"' + text.replace('"', '\\"') + '"'

