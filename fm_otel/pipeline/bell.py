"""A bell that wakes one thread, and that a signal handler may ring.

An ``Event`` takes a plain lock to be set: a handler that interrupts its thread in the middle of
``set`` and sets the same event would wait for itself.
"""

from __future__ import annotations

import queue


class Bell:
    """Stays rung until one ``wait`` has heard it."""

    def __init__(self) -> None:
        self._rings: queue.SimpleQueue[None] = queue.SimpleQueue()

    def ring(self) -> None:
        """Let the thread that waits go on; ringing twice is ringing once."""
        if self._rings.empty():
            self._rings.put(None)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the bell rings, at most ``timeout`` seconds."""
        try:
            self._rings.get(timeout=timeout)
        except queue.Empty:
            return
