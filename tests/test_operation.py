"""``LogContext`` and ``get_logger``."""

from __future__ import annotations

import asyncio
import logging

import pytest
from opentelemetry import trace

from fm_otel import context
from fm_otel.context import get_request_context, update_request_context
from fm_otel.logger import get_logger
from fm_otel.operation import LogContext
from tests.request_door import configured, recorded, traced

logger = logging.getLogger("app")


@pytest.fixture(autouse=True)
def _clean():
    token = context.request_context.set(context.EMPTY)
    with configured():
        yield
    context.request_context.reset(token)


@pytest.fixture
def log():
    with recorded() as recorder:
        yield recorder


def test_get_logger_is_the_stdlib_logger():
    """No own class, no handler, no level."""
    assert get_logger("some.name") is logging.getLogger("some.name")
    assert get_logger("some.name").handlers == []


def test_start_and_end(log):
    """Two records with operation, events, duration and outcome; results on the end only."""
    with LogContext(logger, "process_query", data_type="log_file") as ctx:
        ctx.logger.info("inside")
        logging.getLogger("other").info("inside too")
        ctx.set(tokens_used=500, cache_hit=False)
    start, inside, end = log.of("app")
    (other,) = log.of("other")
    fields = {"operation": "process_query", "data_type": "log_file"}
    assert [seen.context for seen in (start, inside, other, end)] == [fields] * 4
    assert start.extras == {"event": "faultmaven.operation.start", "operation": "process_query"}
    assert end.extras.pop("duration_ms") >= 0
    assert {k: v for k, v in end.extras.items() if k != "duration_ms"} == {
        "event": "faultmaven.operation.end", "operation": "process_query", "outcome": "ok",
        "tokens_used": 500, "cache_hit": False,
    }
    assert {seen.levelno for seen in log.seen} == {logging.INFO}
    assert get_request_context() == {}


def test_records_show_the_line_of_the_with_statement(log):
    """The call site is the program's, for start and end, sync and async."""
    async def work():
        async with LogContext(logger, "b"):
            pass

    with LogContext(logger, "a"):
        pass
    asyncio.run(work())
    assert [seen.funcName for seen in log.seen if seen.name == "app"] == [
        "test_records_show_the_line_of_the_with_statement",
        "test_records_show_the_line_of_the_with_statement", "work", "work",
    ]


def test_failure_is_one_error_with_code_and_is_raised_again(log):
    """An exception ends the operation as ERROR with its traceback and goes on unchanged."""
    failure = TimeoutError("slow")
    with pytest.raises(TimeoutError) as caught, LogContext(logger, "op", level=logging.DEBUG):
        raise failure
    assert caught.value is failure
    (end,) = log.of("app")
    assert (end.levelno, end.outcome, end.error_code) == (logging.ERROR, "error", "TIMEOUT_ERROR")
    assert end.exc_info[1] is failure


def test_cancellation_is_no_error(log):
    """A cancelled task ends its operation with a warning."""
    async def main():
        async def work():
            async with LogContext(logger, "op"):
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    _, end = log.of("app")
    assert (end.levelno, end.outcome) == (logging.WARNING, "error")


def test_nests_and_restores(log):
    """The outer operation is the current one again after the inner."""
    with LogContext(logger, "outer", a=1):
        with LogContext(logger, "inner", b=2):
            logger.info("x")
        logger.info("y")
    contexts = [seen.context for seen in log.of("app")]
    inner = {"operation": "inner", "a": 1, "b": 2}
    outer = {"operation": "outer", "a": 1}
    assert contexts == [outer, inner, inner, inner, outer, outer]


def test_request_writes_inside_outlive_it(log):
    """What is set for the request inside an operation stays after it."""
    opened = context.open_request({"correlation_id": "c"})
    with LogContext(logger, "op"):
        update_request_context(session_id="s")
    assert get_request_context() == {"correlation_id": "c", "session_id": "s"}
    context.close_request(opened)


def test_parallel_tasks_keep_their_operations(log):
    """Fields of one task's operation never show on another task's records."""
    async def work(number: int, gate: asyncio.Barrier):
        async with LogContext(logger, f"op{number}", number=number):
            await gate.wait()
            logger.info("inside %d", number)
            await gate.wait()

    async def main():
        gate = asyncio.Barrier(5)
        await asyncio.gather(*(work(number, gate) for number in range(5)))

    asyncio.run(main())
    inside = [seen for seen in log.of("app") if seen.message.startswith("inside")]
    assert len(inside) == 5
    for seen in inside:
        number = seen.args[0]
        assert seen.context == {"operation": f"op{number}", "number": number}


def test_span_is_named_after_the_operation(log, monkeypatch):
    """With tracing on, records inside carry the operation's span; a failure marks it."""
    spans = traced(monkeypatch)
    with pytest.raises(ValueError, match="x"), LogContext(logger, "outer"):
        with LogContext(logger, "inner"):
            logger.info("here")
        raise ValueError("x")
    inner, outer = spans.get_finished_spans()
    assert (inner.name, outer.name) == ("inner", "outer")
    assert inner.parent.span_id == outer.context.span_id
    assert (inner.status.is_ok, outer.status.is_ok) == (True, False)
    assert outer.events[0].name == "exception"
    assert [seen.span_id for seen in log.of("app")] == [
        span.context.span_id for span in (outer, inner, inner, inner, outer)
    ]
    assert not trace.get_current_span().get_span_context().is_valid


def test_no_span_when_tracing_is_off(log, monkeypatch):
    """LOG_ENABLE_TRACING=false makes no spans."""
    spans = traced(monkeypatch)
    with configured(LOG_ENABLE_TRACING="false"), LogContext(logger, "op"):
        pass
    assert spans.get_finished_spans() == ()
    assert len(log.of("app")) == 2


def test_generator_closed_in_another_context_is_quiet(log, monkeypatch):
    """A streamed answer finalised elsewhere leaves no error of OpenTelemetry and no context."""
    traced(monkeypatch)

    def stream():
        with LogContext(logger, "stream"):
            yield 1

    import contextvars

    generator = stream()
    contextvars.copy_context().run(next, generator)
    contextvars.copy_context().run(generator.close)
    assert [seen.name for seen in log.seen] == ["app", "app"]
    assert get_request_context() == {}


def test_failing_handler_leaves_no_context_behind():
    """When a handler of the program raises, the operation did not begin."""
    class Broken(logging.Handler):
        def emit(self, record):
            raise RuntimeError("broken")

    broken = logging.getLogger("broken")
    broken.setLevel(logging.INFO)
    broken.addHandler(Broken())
    with pytest.raises(RuntimeError), LogContext(broken, "op"):
        pass
    broken.handlers.clear()
    assert get_request_context() == {}


def test_results_named_like_record_attributes_do_not_raise(log):
    """Plain stdlib refuses such extras; the end record is written all the same."""
    with LogContext(logger, "op") as ctx:
        ctx.set(name="x", rows=2)
    end = log.of("app")[1]
    assert (end.rows, end.extras["extra"]) == (2, {"name": "x"})
