"""Encoded records waiting in memory for their destination, bounded by count and bytes."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from fm_otel.site import Site

Item: TypeAlias = "tuple[Site, bytes]"
"""A call site, which knows its scope, and an encoded record of it."""

FRAME: Final = 8
"""Bytes a record adds to a request beside its own, and a share of its scope's."""

OVERHEAD: Final = 112
"""Bytes a waiting record costs beside its own."""


class Ring:
    """A backlog: records come in at one end and are taken in batches at the other.

    A taken batch belongs to the taker until it calls :meth:`settle`, and counts as held until
    then; what overflows meanwhile is the oldest of the rest. Not locked: the owner does that.
    """

    def __init__(self, max_records: int, max_bytes: int) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._items: deque[Item] = deque()
        self._taken = 0
        self._taken_bytes = 0
        self.bytes = 0
        self.received = 0
        """How many records came in so far."""

    def __len__(self) -> int:
        """Return how many records are held, taken ones included."""
        return len(self._items) + self._taken

    @property
    def waiting(self) -> int:
        """How many records are held and not taken."""
        return len(self._items)

    def append(self, chunk: list[Item]) -> int:
        """Take a chunk over, emptying it; return how many of the oldest records went for it."""
        size, count = _size(chunk), len(chunk)
        # An interrupt comes out of calls: between these statements there is none.
        self._items += chunk
        self.bytes += size
        self.received += count
        del chunk[:]
        dropped = 0
        while self._items and (len(self) > self._max_records or self.bytes > self._max_bytes):
            self.bytes -= _size((self._items.popleft(),))
            dropped += 1
        return dropped

    def take(self, max_records: int, max_bytes: int) -> list[Item]:
        """Return the oldest records, at least one, no more than both limits allow."""
        batch: list[Item] = []
        size = 0
        while self._items and len(batch) < max_records:
            size += len(self._items[0][1]) + FRAME
            if batch and size > max_bytes:
                break
            batch.append(self._items.popleft())
        self._taken += len(batch)
        self._taken_bytes += _size(batch)
        return batch

    def settle(self) -> None:
        """Forget the records taken so far."""
        self.bytes -= self._taken_bytes
        self._taken = self._taken_bytes = 0


def _size(items: list[Item] | tuple[Item, ...]) -> int:
    return sum(len(record) for _, record in items) + OVERHEAD * len(items)
