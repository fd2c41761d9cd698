"""The fast lane gives what the ordinary way gives, and steps aside where it could not."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("lane.probe")


class Foreign(logging.Handler):
    """Somebody who looks at the record, so that there must be one."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record)


def plain() -> None:
    log.info("plain")


def arguments() -> None:
    log.warning("%s and %d", "text", 7)


def mapping_argument() -> None:
    log.info("%(a)s", {"a": 1})


def wrong_arguments() -> None:
    log.info("%d", "no number")


def extras() -> None:
    log.info("m", extra={"a": 1, "b": [1, {"c": None}], "tokens_used": 4, "nan": float("nan")})


def odd_extras() -> None:
    log.info("m", extra={"s": {1}, "big": 1 << 70, 5: "number", "": "empty", "o": object})


def taken_names() -> None:
    log.info("m", extra={"name": 1, "message": 2, "taskName": 3, "level": 4})


def exception() -> None:
    try:
        raise KeyError("k")
    except KeyError:
        log.exception("failed")


def active_exception() -> None:
    try:
        raise KeyError("k")
    except KeyError:
        log.error("failed")
        log.error("silent", exc_info=False)


def stack_info() -> None:
    log.info("where", stack_info=True)


def stacklevel() -> None:
    def helper() -> None:
        log.info("from the caller", stacklevel=2)

    helper()


def by_level() -> None:
    log.log(logging.WARNING, "by number")


def adapter() -> None:
    logging.LoggerAdapter(log, {"adapted": True}).info("through an adapter")


def module_function() -> None:
    logging.info("on the root logger")


def structured() -> None:
    log.info('{"event": "signed in", "user": "ann"}')


CALLS = [
    plain, arguments, mapping_argument, wrong_arguments, extras, odd_extras, taken_names,
    exception, active_exception, stack_info, stacklevel, by_level, adapter, module_function,
    structured,
]
VARYING = ("timestamp", "record_id", "seq")


def without_ids(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    stripped = [{k: v for k, v in r.items() if k not in VARYING} for r in records]
    for record in stripped:
        # repr() of one class, whose address is its own.
        record.pop("o", None)
    return stripped


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_both_ways_say_the_same(
    call: Callable[[], None], engine: Any, root_logger: logging.Logger,
) -> None:
    """A handler of the application changes what a call costs, never what it says."""
    root_logger.handlers.clear()
    read = engine(console="own", console_stream="stderr")
    foreign = Foreign()
    for handlers in ([], [foreign]):
        root_logger.handlers[:] = handlers
        call()
    assert foreign.seen
    records = without_ids(read())
    half = len(records) // 2
    assert records[:half] == records[half:]
    assert half == (2 if call is active_exception else 1)


def test_no_record_is_made_where_nobody_looks(
    engine: Any, root_logger: logging.Logger, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The lane is in use at all: a plain call makes no ``LogRecord``."""
    root_logger.handlers.clear()
    read = engine(console="own", console_stream="stderr")
    log.info("first")
    made: list[str] = []
    stock = logging.LogRecord.__init__

    def noted(record: logging.LogRecord, *args: Any, **kwargs: Any) -> None:
        made.append(str(args[4]))
        stock(record, *args, **kwargs)

    monkeypatch.setattr(logging.LogRecord, "__init__", noted)
    log.info("second")
    monkeypatch.undo()
    assert [line["message"] for line in read()] == ["first", "second"]
    assert made == []


@pytest.mark.parametrize("refuse", ["filter", "factory", "class", "disabled", "handler_filter"])
def test_what_may_look_is_asked(
    refuse: str, engine: Any, root_logger: logging.Logger,
) -> None:
    """Filters, factories, classes and switches of the application keep their say."""
    root_logger.handlers.clear()
    engine_read = engine(console="own", console_stream="stderr")
    own = logging.getLogger(f"lane.{refuse}")
    factory = logging.getLogRecordFactory()
    console = logging.StreamHandler()
    try:
        if refuse == "filter":
            own.addFilter(lambda record: "secret" not in record.getMessage())
        elif refuse == "factory":
            def made(*args: Any, **kwargs: Any) -> logging.LogRecord:
                record = factory(*args, **kwargs)
                record.made_by = "factory"
                return record

            logging.setLogRecordFactory(made)
        elif refuse == "class":
            class Counting(logging.Logger):
                def handle(self, record: logging.LogRecord) -> None:
                    record.counted = True
                    super().handle(record)

            own = Counting("lane.class")
            own.parent = root_logger
        elif refuse == "disabled":
            own.disabled = True
        else:
            console.addFilter(lambda record: "secret" not in record.getMessage())
            root_logger.addHandler(console)
        own.info("secret one")
        own.info("plain one")
    finally:
        logging.setLogRecordFactory(factory)
        own.disabled = False
        root_logger.removeHandler(console)
    lines = [line for line in engine_read() if line["logger"] == f"lane.{refuse}"]
    messages = [line["message"] for line in lines]
    if refuse == "filter":
        assert messages == ["plain one"]
    elif refuse == "factory":
        assert [line["made_by"] for line in lines] == ["factory", "factory"]
    elif refuse == "class":
        assert [line["counted"] for line in lines] == [True, True]
    elif refuse == "disabled":
        assert messages == []
    else:
        assert messages == ["secret one", "plain one"]
