"""A program that logs every hostile case through every door, beside harmless neighbours.

``python -m tests.hostile.driver OUTCOMES fast|slow``: what each call did goes to OUTCOMES as
JSON, the engine's own outputs where the environment says. ``slow``: with a user's processor.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import LogRecord, SeverityNumber, get_logger_provider
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

import fm_otel
from tests.hostile.cases import CASES, GENERATOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hostile.cases import Case

neighbour = logging.getLogger("neighbour")


class Door:
    """One way into the engine; ``result`` is what came out beside it."""

    def __init__(self, logger: str) -> None:
        self.logger = logging.getLogger(logger)
        self.result: Any = None

    def say(self, msg: object, *args: object, level: Any = logging.WARNING, **parts: Any) -> None:
        """Log."""
        if type(msg) is logging.LogRecord:
            self.logger.handle(msg)
        else:
            self.logger.log(level, msg, *args, **parts)

    def record(self, msg: object, args: tuple[object, ...], level: int, parts: Any) -> Any:
        """Make the record that ``Logger.log`` would."""
        if type(msg) is logging.LogRecord:
            return msg
        exc_info = parts.get("exc_info")
        if isinstance(exc_info, BaseException):
            exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
        return self.logger.makeRecord(
            self.logger.name, level, __file__, 1, msg, args, exc_info, "say", parts.get("extra"),
        )


class Filtered(Door):
    """A logger with a filter: its records are made before they are captured."""

    def __init__(self, logger: str) -> None:
        super().__init__(logger)
        self.logger = logging.getLogger(f"filtered.{logger}")
        self.logger.filters = [lambda _: True]


class Bridge(Door):
    """``BridgeHandler`` in front of our provider, without the hook."""

    handler = fm_otel.BridgeHandler()

    def say(self, msg: object, *args: object, level: Any = logging.WARNING, **parts: Any) -> None:
        """Hand a record to the handler."""
        self.handler.handle(self.record(msg, args, level, parts))


class Foreign(Door):
    """``BridgeHandler`` in front of upstream's provider and encoder."""

    def say(self, msg: object, *args: object, level: Any = logging.WARNING, **parts: Any) -> None:
        """Hand a record to the handler and encode what it emitted."""
        exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        provider = LoggerProvider(shutdown_on_exit=False)
        provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
        handler = fm_otel.BridgeHandler(logger_provider=provider, log_code_attributes=True)
        handler.handle(self.record(msg, args, level, parts))
        logs = exporter.get_finished_logs()
        encode_logs(logs).SerializeToString()
        self.result = len(logs)


class Formatter(Door):
    """``FaultMavenFormatter`` in a handler of the application's own."""

    formatter = fm_otel.FaultMavenFormatter()

    def say(self, msg: object, *args: object, level: Any = logging.WARNING, **parts: Any) -> None:
        """Format a record."""
        self.result = self.formatter.format(self.record(msg, args, level, parts))


class Api(Door):
    """The OpenTelemetry Logs API."""

    def say(self, msg: object, *_: object, **parts: Any) -> None:
        """Emit an API record."""
        members = {
            "timestamp": time.time_ns(),
            "severity_number": SeverityNumber.WARN,
            "severity_text": "WARN",
            "body": msg,
            "attributes": parts.get("extra"),
            "exception": parts.get("exc_info"),
            **parts.get("members", {}),
        }
        get_logger_provider().get_logger(self.logger.name).emit(LogRecord(**members))


DOORS: dict[str, type[Door]] = {
    "stdlib": Door, "filtered": Filtered, "bridge": Bridge, "foreign": Foreign, "formatter": Formatter, "api": Api,
}


def counted(call: Callable[[], object]) -> tuple[str | None, int, float]:
    """Run ``call``; return the type that came out of it, the calls it made and its seconds."""
    calls = 0

    def profile(*_: object) -> None:
        nonlocal calls
        calls += 1

    raised = None
    start = time.perf_counter()
    sys.setprofile(profile)
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - that is what is looked for
        raised = type(error).__name__
    finally:
        sys.setprofile(None)
    return raised, calls, time.perf_counter() - start


def run(case: Case, door_name: str) -> dict[str, Any]:
    """Log one case between two neighbours."""
    key = f"{case.row} {case.name} {door_name}"
    neighbour.info("before %s", key, extra={"place": "before"})
    door = DOORS[door_name](case.logger)
    raised, calls, seconds = counted(lambda: case.act(door.say))
    neighbour.info("after %s", key, extra={"place": "after"})
    return {"key": key, "raised": raised, "calls": calls, "seconds": seconds,
            "result": door.result}


class Idle(LogRecordProcessor):
    """A processor of the user's, which makes every record take the slow lane."""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Look at the record."""
        assert log_record.log_record.body is not None

    def shutdown(self) -> None:
        """Have nothing to end."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the interface
        """Have nothing to flush."""
        return True


def main(outcomes: Path, lane: str) -> None:
    """Run every case through its doors."""
    handle = fm_otel.configure()
    if lane == "slow":
        get_logger_provider().add_log_record_processor(Idle())  # type: ignore[attr-defined]
    found = [run(case, door) for case in CASES for door in case.ways]
    assert list(GENERATOR) == [0, 1, 2], "a generator was consumed"
    flushed = handle.force_flush(60_000)
    outcomes.write_text(json.dumps({"outcomes": found, "flushed": flushed}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
