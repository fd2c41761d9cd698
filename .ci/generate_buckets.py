"""The sieve's buckets: which literals share one, so that ordinary lines suit none of them.

Each literal stands where it costs least: in the bucket and with the window of its own that bring
the fewest further places of benign lines to be looked at. Some are then taken out and placed anew,
and the better of both is kept, so many times. The lines are those of the repository that are
nobody's: the benign ones of the corpora and the licence, without those that hold a literal.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final

from fm_otel.redaction import buckets
from fm_otel.redaction.gates import shortest, sieved
from fm_otel.redaction.scan import LITERALS
from tests.redaction.score import CORPORA, lines_named
from tests.redaction.unseen.lines import lines_of
from tests.redaction.unseen.score import ROUNDS

ROOT: Final = Path(__file__).resolve().parent.parent
BUCKETS: Final = 8
WINDOW: Final = 3
TRIALS: Final = 400

HEADER: Final = '''\
"""Made by .ci/generate: which three characters of a literal the sieve looks for, by bucket.

Change .ci/generate_buckets.py or the literals themselves (scan.py), not this file.
"""

from __future__ import annotations

from typing import Final

BUCKETS: Final = (
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

    def suiting(self, windows: list[str]) -> int:
        """Count the places of the text whose three characters suit a bucket of ``windows``."""
        if not windows:
            return 0
        found = -1
        for at in range(WINDOW):
            here = 0
            for character in {window[at] for window in windows}:
                here |= self._places[character, at]
            found &= here
        return found.bit_count()

    def place(self, literal: str) -> None:
        """Put ``literal`` where it adds least."""
        choices = []
        for bucket in range(BUCKETS):
            windows = self.windows(bucket)
            for at in range(len(literal) - WINDOW + 1):
                window = literal[at : at + WINDOW]
                cost = self.suiting([*windows, window])
                choices.append((cost - self.cost[bucket], bucket, window, cost))
        _, bucket, window, cost = min(choices)
        self.where[literal] = bucket, window
        self.cost[bucket] = cost

    def again(self, some: list[str]) -> None:
        """Place ``some`` anew; keep what was there where that is no better."""
        before = dict(self.where), list(self.cost)
        for literal in some:
            bucket, _ = self.where.pop(literal)
            self.cost[bucket] = self.suiting(self.windows(bucket))
        for literal in some:
            self.place(literal)
        if sum(self.cost) > sum(before[1]):
            self.where, self.cost = before


def grouped() -> Grouping:
    """Return the best grouping found; the same for the same literals and lines."""
    literals = sieved(shortest(LITERALS))
    lines = [line.text for name in ROUNDS for line in lines_of(f"{name}_benign")]
    lines += [line.text for name in CORPORA for line in lines_named(name) if line.kind == "benign"]
    lines += (ROOT / "LICENSE").read_text(encoding="utf-8").splitlines()
    clean = [
        line.lower() for line in lines
        if line.isascii() and not any(literal in line.lower() for literal in literals)
    ]  # fmt: skip
    grouping = Grouping(literals, "\n".join(clean))
    chance = random.Random(1)
    for _ in range(TRIALS):
        grouping.again(sorted(chance.sample(literals, 8), key=len))
    return grouping


def files(_: Path) -> dict[Path, str]:
    """Give the module's text, wherever the package is installed."""
    grouping = grouped()
    lines = []
    for bucket in range(BUCKETS):
        windows = grouping.windows(bucket)
        lines.append("    (\n")
        lines += [
            f"        {', '.join(map(repr, windows[at : at + 12]))},\n".replace("'", '"')
            for at in range(0, len(windows), 12)
        ]
        lines.append("    ),\n")
    text = HEADER + "".join(lines) + ")  # fmt: skip\n"
    return {Path(buckets.__file__): text}
