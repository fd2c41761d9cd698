"""Lines kept in memory, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fm_otel.site import Site


class MemorySink:
    """Keeps what it is given in ``lines``."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, chunk: list[tuple[Site, bytes]]) -> None:
        """Keep a chunk."""
        self.lines += [data for _, data in chunk]

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 - nothing is held back
        """Return True: nothing is held back."""
        return True

    def shutdown(self, timeout: float) -> bool:
        """As ``flush``."""
        return self.flush(timeout)

    def after_fork(self) -> None:
        """Start empty."""
        self.lines = []
