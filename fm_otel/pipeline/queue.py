"""The queue: records between the logging call and whoever drains them.

Appending takes no lock: a ``deque`` append is atomic, so a finaliser or signal handler that logs
in the middle of another log call cannot deadlock. The byte count is kept without a lock too; two
threads may miscount, so it starts again from zero whenever the queue is found empty.
"""

from __future__ import annotations

from collections import deque
from itertools import repeat, starmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fm_otel.record import Captured


class Queue:
    """Captured records in call order, bounded by count and bytes."""

    def __init__(self, max_records: int, max_bytes: int) -> None:
        self.max_records = max_records
        self.max_bytes = max_bytes
        self.records: deque[Captured] = deque()
        self.bytes = 0

    def put(self, captured: Captured) -> None:
        """Append a record."""
        self.records.append(captured)
        self.bytes += captured.size

    def full(self) -> bool:
        """Return whether one of the bounds is reached."""
        return len(self.records) >= self.max_records or self.bytes >= self.max_bytes

    def take(self, limit: int, chunk: list[Captured]) -> None:
        """Move the oldest records, at most ``limit``, to the end of ``chunk``.

        One call in C moves them, so that an interrupt cannot drop one on the way.
        """
        try:
            chunk.extend(starmap(self.records.popleft, repeat((), limit)))
        except IndexError:
            self.bytes = 0
        else:
            self.bytes -= sum([captured.size for captured in chunk])

    def __len__(self) -> int:
        """Return how many records wait."""
        return len(self.records)
