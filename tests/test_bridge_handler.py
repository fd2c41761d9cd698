"""``BridgeHandler`` on a plain LoggerProvider of upstream: what upstream's handler says, and more."""

from __future__ import annotations

import logging
import logging.config
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider

from fm_otel import BridgeHandler
from fm_otel.context import bound_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Say = Callable[[logging.Logger], object]

NAME = "shop.cart"


class Shop:
    """A provider with an exporter in memory, and the logger of a program."""

    def __init__(self) -> None:
        self.exporter = InMemoryLogRecordExporter()
        self.provider = LoggerProvider(shutdown_on_exit=False)
        self.provider.add_log_record_processor(SimpleLogRecordProcessor(self.exporter))
        self.logger = logging.getLogger(NAME)

    def attach(self, handler: logging.Handler) -> None:
        """Let one handler have the records of the program."""
        self.exporter.clear()
        self.logger.handlers[:] = [handler]
        self.logger.propagate = False
        self.logger.setLevel(1)

    def emitted(self) -> list[dict[str, Any]]:
        """Return what was exported, but for the times."""
        return [_told(each) for each in self.exporter.get_finished_logs()]


def _told(exported: Any) -> dict[str, Any]:
    record = exported.log_record
    return {
        "scope": exported.instrumentation_scope.name, "body": record.body,
        "severity": (record.severity_number, record.severity_text), "event": record.event_name,
        "attributes": dict(record.attributes or {}),
        "span": (record.trace_id, record.span_id, record.trace_flags),
    }


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    logger = made.logger
    before = logger.handlers[:], logger.propagate, logger.level
    yield made
    logger.handlers[:], logger.propagate = before[0], before[1]
    logger.setLevel(before[2])
    made.provider.shutdown()


def lookup(log: logging.Logger) -> None:
    try:
        {"a": 1}["b"]
    except KeyError:
        log.exception("cannot find %s", "b", extra={"attempt": 2})


SAME: dict[str, Say] = {
    "levels": lambda log: [log.log(level, "at %d", level) for level in (10, 15, 20, 25, 30, 35, 40, 45, 50)],
    "arguments": lambda log: log.info("%(a)s and %(b)d", {"a": "x", "b": 2}),
    "not a text": lambda log: log.info({"a": [1, None]}),
    "extras": lambda log: log.info("m", extra={
        "text": "a", "number": 1, "part": 0.5, "flag": True, "nothing": None, "bytes": b"ab",
        "many": ["a", 1], "nested": {"k": {"l": [None]}}, "session_id": "s-1"}),
    "event": lambda log: log.info("m", extra={"otel.event.name": "new", "event.name": "old"}),
    "older event": lambda log: log.info("m", extra={"event.name": "old", "n": 1}),
    "no exception": lambda log: log.error("m", exc_info=True),
    "exception without a word": lambda log: log.error("m", exc_info=ValueError()),
    "exception never raised": lambda log: log.error("m", exc_info=ValueError("bad")),
    "stack": lambda log: log.info("m", stack_info=True),
}


@pytest.mark.parametrize("case", SAME)
def test_what_upstreams_handler_emits(shop: Shop, case: str) -> None:
    """Who changes the handler finds the same records, in a span and out of it."""
    told = []
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
    with tracer.start_as_current_span("request"):
        for kind in (LoggingHandler, BridgeHandler):
            shop.attach(kind(logger_provider=shop.provider))
            SAME[case](shop.logger)
            told.append(shop.emitted())
    assert told[0] == told[1]
    assert told[1]
    assert all(record["span"][0] for record in told[1])


def test_a_level_below_debug_is_a_trace(shop: Shop) -> None:
    """Upstream's handler calls it unspecified, which no query for low levels finds."""
    shop.attach(BridgeHandler(logger_provider=shop.provider))
    shop.logger.log(3, "fine")
    assert [record["severity"] for record in shop.emitted()] == [(SeverityNumber.TRACE, "Level 3")]


def test_an_exception_by_its_whole_name_and_word(shop: Shop) -> None:
    """The type is qualified and the message is what ``str`` says of the exception."""
    class Gone(LookupError):
        def __str__(self) -> str:
            return "gone for good"

    shop.attach(BridgeHandler(logger_provider=shop.provider))
    try:
        raise Gone(7)
    except Gone:
        shop.logger.exception("failed")
    [record] = shop.emitted()
    stack = record["attributes"].pop("exception.stacktrace")
    assert record == {
        "scope": NAME, "body": "failed", "severity": (SeverityNumber.ERROR, "ERROR"),
        "event": None, "span": (0, 0, trace.TraceFlags(0)),
        "attributes": {
            "exception.type": f"{__name__}.test_an_exception_by_its_whole_name_and_word.<locals>.Gone",
            "exception.message": "gone for good",
        },
    }
    assert stack.startswith("Traceback (most recent call last):\n")
    assert stack.endswith("Gone: gone for good\n")


def test_code_attributes_when_they_are_asked_for(shop: Shop) -> None:
    """As upstream's, with the function's name qualified."""
    shop.attach(LoggingHandler(logger_provider=shop.provider, log_code_attributes=True))
    lookup(shop.logger)
    [theirs] = shop.emitted()
    shop.attach(BridgeHandler(logger_provider=shop.provider, log_code_attributes=True))
    lookup(shop.logger)
    [ours] = shop.emitted()
    assert theirs["attributes"].pop("code.function.name") == "lookup"
    assert ours["attributes"].pop("code.function.name") == f"{__name__}.lookup"
    assert theirs["attributes"].pop("exception.message") == "b"
    assert ours["attributes"].pop("exception.message") == "'b'"
    assert ours == theirs
    assert ours["attributes"]["code.file.path"] == __file__
    assert ours["attributes"]["attempt"] == 2


def test_the_request_context_comes_along(shop: Shop) -> None:
    """Under the names of OpenTelemetry; a value of the call's own is left as it is."""
    shop.attach(BridgeHandler(logger_provider=shop.provider))
    with bound_context(session_id="s-1", correlation_id="c-1", tenant="acme"):
        shop.logger.info("m", extra={"tenant": "other"})
    [record] = shop.emitted()
    assert record["attributes"] == {
        "session.id": "s-1", "faultmaven.correlation_id": "c-1", "tenant": "other"}


def test_a_formatter_writes_the_body(shop: Shop) -> None:
    """As ``dictConfig`` gives every handler one; where it fails the message stands."""
    handler = BridgeHandler(logger_provider=shop.provider)
    handler.setFormatter(logging.Formatter("<%(message)s> %(order)s"))
    shop.attach(handler)
    shop.logger.info("m %d", 1, extra={"order": "o-1"})
    shop.logger.info("m %d", 2)
    assert [record["body"] for record in shop.emitted()] == ["<m 1> o-1", "m 2"]


def test_it_is_named_in_a_configuration(shop: Shop) -> None:
    """``dictConfig`` makes it by its public name, with a level by name."""
    logging.config.dictConfig({
        "version": 1, "disable_existing_loggers": False,
        "handlers": {"otel": {"()": "fm_otel.BridgeHandler", "level": "WARNING",
                              "logger_provider": shop.provider}},
        "loggers": {NAME: {"handlers": ["otel"], "level": "DEBUG", "propagate": False}},
    })
    shop.logger.info("low")
    shop.logger.warning("high")
    assert [record["body"] for record in shop.emitted()] == ["high"]


class Talkative(LogRecordProcessor):
    """Logs about each record that it is given, as clients of HTTP do while exporting."""

    def on_emit(self, log_record: Any) -> None:
        logging.getLogger(f"{NAME}.transport").warning("sending %s", log_record.log_record.body)

    def shutdown(self) -> None:
        """Hold nothing."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Hold nothing."""
        return True


def test_a_processor_that_logs_does_not_feed_itself(shop: Shop) -> None:
    """Its record would come to it again, and again."""
    shop.provider.add_log_record_processor(Talkative())
    shop.attach(BridgeHandler(logger_provider=shop.provider))
    shop.logger.info("one")
    shop.logger.info("two")
    assert [record["body"] for record in shop.emitted()] == ["one", "two"]


class Hostile:
    """A value nobody can print."""

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


@pytest.mark.parametrize(("say", "body"), [
    (lambda log: log.info("%d items", "three"), "%d items [arguments: 'three']"),
    (lambda log: log.info("%s", Hostile()), None),
    (lambda log: log.info("m", extra={"x": Hostile()}), "m"),
    (lambda log: log.info("lone \ud800"), "lone \ufffd"),
], ids=["wrong argument", "argument that raises", "extra that raises", "surrogate"])
def test_no_call_raises_and_each_gives_a_record(
    shop: Shop, say: Say, body: str | None, capsys: pytest.CaptureFixture[str],
) -> None:
    """Upstream's handler lets these out into the program."""
    shop.attach(BridgeHandler(logger_provider=shop.provider))
    say(shop.logger)
    [record] = shop.emitted()
    if body is not None:
        assert record["body"] == body
    assert capsys.readouterr().err == ""


def test_a_provider_that_fails_is_the_handlers_error(
    shop: Shop, capsys: pytest.CaptureFixture[str],
) -> None:
    """Told as stdlib tells it of its own handlers; the program goes on."""
    class Broken(Talkative):
        def on_emit(self, log_record: Any) -> None:
            raise OSError("no way out")

    shop.provider.add_log_record_processor(Broken())
    shop.attach(BridgeHandler(logger_provider=shop.provider))
    shop.logger.info("m")
    assert "OSError: no way out" in capsys.readouterr().err
