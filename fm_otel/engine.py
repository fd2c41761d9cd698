"""The engine: what every door hands its records to.

One engine serves a process: it captures, admits and submits. The doors (stdlib hook, handler,
Logs API provider) know only it.
"""

from __future__ import annotations

import logging
import platform
from contextvars import Context
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from fm_otel.capture import AUDIT_LOGGER, PROCESS_LOGGER

if TYPE_CHECKING:
    from collections.abc import Callable

    from fm_otel.capture import Capture
    from fm_otel.pipeline.accounting import Accounts
    from fm_otel.pipeline.worker import Pipeline
    from fm_otel.record import Captured
    from fm_otel.settings import Settings
    from fm_otel.site import Site

_process: Final = logging.getLogger(PROCESS_LOGGER)


class Engine:
    """Takes records in for one process; ``obey`` is the slow lane of user processors."""

    def __init__(
        self,
        settings: Settings,
        capture: Capture,
        pipeline: Pipeline,
        accounts: Accounts,
        report: Callable[[str, str], None],
        record_prefix: str,
    ) -> None:
        self.settings = settings
        self.capture = capture
        self.pipeline = pipeline
        self.accounts = accounts
        self.report = report
        self.record_prefix = record_prefix
        self.obey: Callable[[Captured], Captured | None] | None = None
        self.prepare: Callable[[], None] | None = None
        """Called before a process's first record; a forked child makes its exit ready there."""
        self._announced = False

    def take(self, record: logging.LogRecord, *, console: bool = True) -> Captured | None:
        """Capture and submit a stdlib record; never raises an ``Exception``.

        Anything else (``SystemExit`` from a ``__str__``) passes, after what can be said of the
        record is queued.
        """
        if not self._announced:
            self._announce()
        try:
            captured = self.capture.take(record, console=console)
        except Exception:  # noqa: BLE001 - the application must not notice
            captured = self._minimal(record)
        except BaseException:
            captured = self._minimal(record)
            if captured is not None:
                self.submit(captured, captured.site.levelno, keep=False)
            raise
        if captured is not None:
            self.submit(captured, captured.site.levelno, keep=record.name == AUDIT_LOGGER)
        return captured

    def call(
        self, site: Site, levelno: int, msg: str, args: Any, exc_info: Any,
        extra: dict[str, Any] | None, *, console: bool,
    ) -> None:
        """Capture and submit a logging call without a ``LogRecord``; may raise, see the caller."""
        if not self._announced:
            self._announce()
        try:
            captured = self.capture.call(
                site, levelno, msg, args, exc_info, extra, console=console,
            )
        except Exception:
            raise
        except BaseException:
            # As in take(): what can be said is queued, and the exception passes.
            self.submit(self.capture.remains(site, msg), levelno, keep=False)
            raise
        if captured is not None:
            self.submit(captured, levelno, keep=site.logger == AUDIT_LOGGER)

    def accept(self, captured: Captured) -> None:
        """Submit a record that another door captured."""
        if not self._announced:
            self._announce()
        self.submit(captured, captured.site.levelno, keep=False)

    def submit(self, captured: Captured, levelno: int, *, keep: bool) -> None:
        """Queue a captured record, through the user's processors where there are any."""
        try:
            if self.obey is not None:
                captured = self.obey(captured) or captured
            self.pipeline.submit(captured, levelno, keep=keep)
        except Exception as error:  # noqa: BLE001 - the application must not notice
            self.accounts.dropped("encode")
            self.report("submit", f"a record could not be queued ({type(error).__name__})")

    def _minimal(self, record: logging.LogRecord) -> Captured | None:
        try:
            return self.capture.minimal(record)
        except Exception as error:  # noqa: BLE001 - a record that is none
            self.accounts.dropped("encode")
            self.report("capture", f"a record could not be captured ({type(error).__name__})")
            return None

    def _announce(self) -> None:
        """Write the process's start record before its first own."""
        self._announced = True
        if self.prepare is not None:
            self.prepare()
        in_force = {name: value for name, value, source in self.settings.describe()
                    if source != "default"}
        # Without the context of the request that happens to be the first.
        Context().run(self._say, logging.INFO, "process started", "start", {
            "settings": in_force, "python": platform.python_version(),
        })
        if not self.settings.enable_audit:
            Context().run(
                self._say, logging.WARNING, "audit records are switched off", "start", {}
            )

    def say_goodbye(self) -> None:
        """Write the closing record of a process that logged."""
        if self._announced:
            counts = {"created": self.created(), **self.accounts.summary()}
            Context().run(self._say, logging.INFO, "process stopping", "stop", {"counts": counts})

    def _say(self, level: int, text: str, moment: str, fields: dict[str, object]) -> None:
        """Write a record of our own, past the application's handlers: it is none of theirs."""
        if not _process.isEnabledFor(level):
            return
        path, line, function, _ = _process.findCaller()
        extra = {"event": f"faultmaven.process.{moment}", **fields}
        record = _process.makeRecord(
            _process.name, level, path, line, text, (), None, function, extra,
        )
        captured = self.capture.take(record)
        if captured is not None:
            self.submit(captured, level, keep=False)

    def created(self) -> int:
        """Return how many records were made, those sampled out included."""
        # A counter tells its next value without taking it where it is shown: "count(7)".
        kept = int(repr(self.capture.sequence)[len("count(") : -1]) - 1
        return kept + sum(self.accounts.sampled_by_rule.values())

    def after_fork(self, record_prefix: str) -> None:
        """In a child: announce it at its own first record, under its own ids."""
        self._announced = False
        self.record_prefix = record_prefix
        self.capture.sequence = count(1)
