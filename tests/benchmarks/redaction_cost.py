"""What redaction costs per line, beside one substring test of the same run as the baseline.

``python tests/benchmarks/redaction_cost.py``
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from fm_otel.redaction import Redactor
from tests.benchmarks.table import Table, ratio
from tests.redaction.score import lines_named

if TYPE_CHECKING:
    from collections.abc import Callable

LINE = (
    "Processing milestone reached for case c-1029: data_validated in define_blast_radius phase, "
    "14 files parsed in 231.5 ms"
).ljust(120, ".")
REQUEST = (
    "GET /api/v1/cases/3f2b8c9e-1d2a-4b5c-8d7e-9f0a1b2c3d4e/evidence?limit=20 200 in 12 ms for "
    "tenant acme-prod at web-01.eu"
).ljust(120, ".")
NAMES = (
    "Token usage for this request: prompt 512, completion 231; cache key case:1029 not found, "
    "authorization cached for 30 s"
).ljust(120, ".")
EXTRAS = {
    "milestone": "data_validated", "tokens_used": 500, "files": 14, "ok": True,
    "operation": "process_query", "region": "eu-west-1",
}
REPEATS, ROUNDS = 300, 60


def microseconds(call: Callable[[], object]) -> float:
    """Return the best mean of many short rounds, in microseconds of wall time."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(REPEATS):
            call()
        best = min(best, time.perf_counter() - start)
    return best / REPEATS * 1e6


def main() -> None:
    """Print the table."""
    redactor = Redactor(project_root="/srv/app/")

    def unseen(text: str) -> Callable[[], object]:
        def call() -> object:
            redactor.forget()
            return redactor.text(text)

        return call

    def record() -> object:
        redactor.text(LINE)
        return redactor.mapping(EXTRAS)

    dirty = [line.text for line in lines_named("round2") if line.kind == "secret"][:100]
    base = microseconds(lambda: "AKIA" in LINE)
    table = Table("Redaction, us", ("us", "of one `in`"),
                  "Lines of 120 characters; the first three are not remembered.")
    for name, call, per in (
        ("one `in`", lambda: "AKIA" in LINE, 1),
        ("clean line", unseen(LINE), 1),
        ("clean line with id and query", unseen(REQUEST), 1),
        ("clean line full of sensitive words", unseen(NAMES), 1),
        ("short record seen before, six extras", record, 1),
    ):
        cost = microseconds(call) / per
        table.row(name, f"{cost:.2f}", ratio(cost, base))
    start = time.perf_counter()
    for text in dirty:
        redactor.text(text)
    cost = (time.perf_counter() - start) / len(dirty) * 1e6
    table.row("text with a secret", f"{cost:.0f}", ratio(cost, base))
    print(table)


if __name__ == "__main__":
    main()
