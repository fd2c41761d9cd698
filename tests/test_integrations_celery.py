"""Celery under the integrations, with a real worker on an in-memory broker."""

from __future__ import annotations

import logging

import pytest
from celery import Celery, chain, signals
from celery.contrib.testing.worker import start_worker
from opentelemetry.instrumentation.celery import CeleryInstrumentor

from fm_otel import integrations
from fm_otel.context import (
    bound_context,
    close_request,
    get_request_context,
    open_request,
    update_request_context,
)
from tests.request_door import TRACE_ID, configured, recorded, traced

logger = logging.getLogger("app")

celery = Celery("demo", broker="memory://", backend="cache+memory://")
celery.conf.update(
    worker_hijack_root_logger=False, broker_connection_retry_on_startup=True,
    task_always_eager=False,
)


@celery.task
def fields(_previous=None):
    logger.info("inside")
    return get_request_context()


@celery.task
def writes():
    update_request_context(phase_of_task=1)
    return get_request_context()


@celery.task
def fails():
    raise TimeoutError("slow")


@celery.task(bind=True, max_retries=1)
def retries(self):
    if not self.request.retries:
        raise self.retry(countdown=0)
    return get_request_context()


@celery.task
def publishes():
    return fields.delay().id


def _leave_logging_alone(**_):
    pass


@pytest.fixture(scope="module")
def worker():
    signals.setup_logging.connect(_leave_logging_alone)
    # Celery asks once, when the worker starts, whether INFO is wanted.
    logging.getLogger("celery").setLevel(logging.INFO)
    with start_worker(celery, perform_ping_check=False, pool="solo"):
        yield
    logging.getLogger("celery").setLevel(logging.NOTSET)
    signals.setup_logging.disconnect(_leave_logging_alone)


@pytest.fixture(autouse=True)
def _installed(worker):
    with configured():
        integrations.install()
        yield
    integrations.uninstall()


@pytest.fixture
def log():
    with recorded() as recorder:
        yield recorder


def _plain(found: dict) -> dict:
    return {key: value for key, value in found.items() if not key.startswith("task_")}


def test_a_task_has_the_publishers_context(log):
    """All of it, on the task's records and on Celery's own about the task."""
    with bound_context(correlation_id="c-1", session_id="s-1", tokens=5, agent_phase="act"):
        result = fields.delay()
    found = result.get(timeout=10)
    published = {"correlation_id": "c-1", "session_id": "s-1", "tokens": 5, "agent_phase": "act"}
    assert found == {**published, "task_id": result.id, "task_name": fields.name}
    assert log.the("app").context == found
    (succeeded,) = log.wait_for("celery.app.trace")
    assert succeeded.context == found


def test_tasks_do_not_leak_into_each_other():
    """A worker thread that serves many tasks keeps nothing of the one before."""
    with bound_context(correlation_id="c-1"):
        assert writes.delay().get(timeout=10)["phase_of_task"] == 1
    result = fields.delay()
    assert result.get(timeout=10) == {
        "correlation_id": result.id, "task_id": result.id, "task_name": fields.name,
    }


def test_chains_retries_and_subtasks_carry_it_on():
    """Whatever a task publishes belongs to the request it came from."""
    with bound_context(correlation_id="c-1"):
        chained = chain(fields.s(), fields.s()).delay()
        retried = retries.delay()
        published = publishes.delay()
    assert _plain(chained.get(timeout=10)) == {"correlation_id": "c-1"}
    assert _plain(retried.get(timeout=10)) == {"correlation_id": "c-1"}
    inner = celery.AsyncResult(published.get(timeout=10))
    assert _plain(inner.get(timeout=10)) == {"correlation_id": "c-1"}


def test_failures_are_logged_inside_the_task(log):
    """Celery's own error record carries the request's id."""
    with bound_context(correlation_id="c-1"):
        result = fails.delay()
    with pytest.raises(TimeoutError):
        result.get(timeout=10)
    (error,) = log.wait_for("celery.app.trace")
    assert error.context["correlation_id"] == "c-1"
    assert error.levelno == logging.ERROR


def test_eager_tasks_have_their_callers_context():
    """In tests and scripts a task that runs in place is part of the request."""
    opened = open_request({"correlation_id": "c-1"})
    assert _plain(fields.apply().get()) == {"correlation_id": "c-1"}
    assert get_request_context() == {"correlation_id": "c-1"}
    close_request(opened)


def test_calling_a_task_as_a_function_changes_nothing():
    """No task run, no context."""
    with bound_context(correlation_id="c-1"):
        assert fields() == {"correlation_id": "c-1"}


def test_foreign_publishers_headers_are_taken():
    """A publisher without fm_otel sends plain headers; odd values are not taken."""
    result = fields.apply_async(headers={"X-Correlation-ID": "c-9", "X-Session-ID": "a b"})
    assert _plain(result.get(timeout=10)) == {"correlation_id": "c-9"}
    traceparent = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}
    result = fields.apply_async(headers=traceparent)
    assert _plain(result.get(timeout=10)) == {"correlation_id": TRACE_ID}
    forged = {"fm_otel_context": {"correlation_id": "a\nb", "session_id": "s-1"}}
    result = fields.apply_async(headers=forged)
    assert _plain(result.get(timeout=10)) == {"correlation_id": result.id, "session_id": "s-1"}
    assert fields.apply_async(headers={"fm_otel_context": "text"}).get(timeout=10)


@pytest.mark.parametrize("order", ["before", "after"])
def test_with_contribs_instrumentor(monkeypatch, log, order):
    """Records of the task carry contrib's span as well, whoever connected first."""
    spans = traced(monkeypatch)
    instrumentor = CeleryInstrumentor()
    if order == "before":
        integrations.uninstall()
    instrumentor.instrument()
    integrations.install()
    try:
        with bound_context(correlation_id="c-1"):
            assert _plain(fields.delay().get(timeout=10)) == {"correlation_id": "c-1"}
        log.wait_for("celery.app.trace")
    finally:
        instrumentor.uninstrument()
    consumers = [span for span in spans.get_finished_spans() if span.kind.name == "CONSUMER"]
    inside = log.the("app")
    assert inside.trace_id != 0
    assert all(span.context.trace_id == inside.trace_id for span in consumers)
