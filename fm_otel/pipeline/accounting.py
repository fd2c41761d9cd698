"""The books: what became of every record, by reason.

``created`` = delivered + queued + dropped by reason + sampled out by rule, for each destination.
Every reason is there from the start at 0, so that a metric exists before its first event.
"""

from __future__ import annotations

import threading
from typing import Final

REASONS: Final = (
    "queue_full", "cap", "rejected", "corrupt", "too_large", "encode", "shutdown",
    "spool_unavailable", "console", "file", "crash",
)
"""Why a record was not delivered."""

RULES: Final = ("rate", "quiet", "limit", "duplicate")
"""Why a record was refused at capture."""

SINKS: Final = ("console", "file", "audit", "otlp")
"""Where records are delivered."""


class Accounts:
    """Counters of one process. Counting is exact and takes a lock; reading does not."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.late = 0
        self.processed = 0
        """Records handed to the sinks, written only by whoever drains."""
        self.failed_processors = 0
        self.worker_restarts = 0
        self.dropped_by_reason = dict.fromkeys(REASONS, 0)
        self.sampled_by_rule = dict.fromkeys(RULES, 0)
        self.delivered_by_sink: dict[str, int] = {}

    def late_one(self) -> None:
        """Count a record whose caller did not wait for its write."""
        with self._lock:
            self.late += 1

    def processor_failed(self) -> None:
        """Count a user's processor that raised."""
        with self._lock:
            self.failed_processors += 1

    def worker_restarted(self) -> None:
        """Count a worker thread that died and was replaced."""
        with self._lock:
            self.worker_restarts += 1

    def dropped(self, reason: str, count: int = 1) -> None:
        """Count ``count`` records lost for ``reason``."""
        with self._lock:
            self.dropped_by_reason[reason] = self.dropped_by_reason.get(reason, 0) + count

    def sampled_out(self, rule: str, count: int = 1) -> None:
        """Count ``count`` records refused by ``rule``."""
        with self._lock:
            self.sampled_by_rule[rule] = self.sampled_by_rule.get(rule, 0) + count

    def delivered(self, sink: str, count: int) -> None:
        """Count ``count`` records that ``sink`` has brought out."""
        with self._lock:
            self.delivered_by_sink[sink] = self.delivered_by_sink.get(sink, 0) + count

    def delivered_in_all(self, sink: str, total: int) -> None:
        """Take ``total`` as what ``sink`` has brought out so far; said twice it counts once."""
        self.delivered_by_sink[sink] = total

    def losses(self) -> dict[str, int]:
        """Return the reasons that have lost records, with their counts."""
        return {reason: n for reason, n in self.dropped_by_reason.items() if n}

    def summary(self) -> dict[str, object]:
        """Return the counts for the closing record."""
        return {
            "delivered": dict(self.delivered_by_sink),
            "dropped": self.losses(),
            "sampled_out": {rule: n for rule, n in self.sampled_by_rule.items() if n},
            "late": self.late,
        }

    def after_fork(self) -> None:
        """Start at zero in a child: its parent keeps its own books."""
        self.__init__()  # type: ignore[misc]  # a fresh state is what is wanted


class SinkAccount:
    """The view a sink has of the books: its own deliveries, everybody's losses."""

    def __init__(self, accounts: Accounts, sink: str) -> None:
        self._accounts = accounts
        self._sink = sink

    def delivered(self, count: int) -> None:
        """Count ``count`` records brought out."""
        self._accounts.delivered(self._sink, count)

    def delivered_in_all(self, total: int) -> None:
        """Take ``total`` as the records brought out so far."""
        self._accounts.delivered_in_all(self._sink, total)

    def dropped(self, reason: str, count: int = 1) -> None:
        """Count ``count`` records lost for ``reason``."""
        self._accounts.dropped(reason, count)
