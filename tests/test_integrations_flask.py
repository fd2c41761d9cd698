"""Flask under the integrations."""

from __future__ import annotations

import logging
import threading
from wsgiref.util import setup_testing_defaults

import flask
import httpx
import pytest
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from werkzeug.serving import make_server

from fm_otel import context, integrations
from fm_otel.context import get_request_context, update_request_context
from tests.request_door import (
    REQUEST_LOGGER,
    TRACE_ID,
    TRACEPARENT,
    configured,
    recorded,
    traced,
)

logger = logging.getLogger("app")


@pytest.fixture(autouse=True)
def _installed():
    with configured():
        integrations.install()
        yield
    integrations.uninstall()


@pytest.fixture(autouse=True)
def _context():
    """Werkzeug's test client closes an answer only when it is told to."""
    token = context.request_context.set(context.EMPTY)
    yield
    context.request_context.reset(token)


@pytest.fixture
def log():
    with recorded() as recorder:
        yield recorder


def demo() -> flask.Flask:
    app = flask.Flask("demo")

    @app.before_request
    def before():
        update_request_context(session_id="s-1")

    @app.get("/cases/<int:case_id>")
    def case(case_id):
        logger.info("inside")
        return get_request_context()

    @app.get("/boom")
    def boom():
        raise TimeoutError("slow")

    @app.get("/stream")
    def stream():
        def body():
            yield "one"
            logger.info("streaming")
            yield "two"

        return body()

    @app.get("/health")
    def health():
        return "", 503 if flask.request.args else 200

    return app


def test_request_record(log):
    """Context, header and record with Flask's rule as route, without a line of code."""
    answer = demo().test_client().get("/cases/7", buffered=True, headers={"X-Correlation-ID": "c-1"})
    fields = {"correlation_id": "c-1", "session_id": "s-1"}
    assert answer.json == fields
    assert answer.headers.getlist("X-Correlation-ID") == ["c-1"]
    seen = log.the()
    assert seen.message == "GET /cases/<int:case_id> 200"
    assert seen.http["route"] == "/cases/<int:case_id>"
    assert seen.context == log.the("app").context == fields


def test_failure(log):
    """Flask answers 500 itself; the record still has the exception and its code."""
    answer = demo().test_client().get("/boom", buffered=True, headers={"X-Correlation-ID": "c-1"})
    assert (answer.status_code, answer.headers["X-Correlation-ID"]) == (500, "c-1")
    seen = log.the()
    assert (seen.levelno, seen.error_code) == (logging.ERROR, "TIMEOUT_ERROR")
    assert log.the("demo").context["correlation_id"] == "c-1"


def test_propagated_failure_passes_on(log):
    """With PROPAGATE_EXCEPTIONS the exception reaches the caller, and is recorded once."""
    app = demo()
    app.testing = True
    with pytest.raises(TimeoutError):
        app.test_client().get("/boom")
    assert log.the().error_code == "TIMEOUT_ERROR"
    assert get_request_context() == {}


def test_streamed_answer_and_unknown_path(log):
    """Records made while streaming are the request's; a 404 has no route."""
    client = demo().test_client()
    assert client.get("/stream", buffered=True, headers={"X-Correlation-ID": "c-1"}).text == "onetwo"
    assert log.the("app").context["correlation_id"] == "c-1"
    assert client.get("/nothing", buffered=True).status_code == 404
    stream, nothing = log.of(REQUEST_LOGGER)
    assert stream.http["route"] == "/stream"
    assert (nothing.levelno, "route" in nothing.http) == (logging.WARNING, False)


@pytest.mark.parametrize("path", ["/cases/7", "/boom"])
@pytest.mark.parametrize("order", ["none", "instrument_app", "before", "after"])
def test_one_server_span_with_and_without_contrib(monkeypatch, log, order, path):
    """One server span, contrib's or ours, and its id on the request record."""
    spans = traced(monkeypatch)
    instrumentor = FlaskInstrumentor()
    if order == "before":
        integrations.uninstall()
        instrumentor.instrument()
        integrations.install()
    elif order == "after":
        instrumentor.instrument()
    try:
        app = demo()
        if order == "instrument_app":
            instrumentor.instrument_app(app)
        app.test_client().get(path, buffered=True, headers={"traceparent": TRACEPARENT})
    finally:
        if order in {"before", "after"}:
            instrumentor.uninstrument()
    servers = [span for span in spans.get_finished_spans() if span.kind.name == "SERVER"]
    assert [f"{span.context.trace_id:032x}" for span in servers] == [TRACE_ID]
    assert log.the().span_id == servers[0].context.span_id


def test_span_is_there_for_the_servers_access_line(monkeypatch, log):
    """Contrib's span has ended with the last byte; a line written before close still has it."""
    traced(monkeypatch)
    app = demo()
    FlaskInstrumentor().instrument_app(app)
    environ = {"PATH_INFO": "/cases/7", "REQUEST_METHOD": "GET"}
    setup_testing_defaults(environ)
    body = app(environ, lambda *_: None)
    list(body)
    logging.getLogger("gunicorn.access").info("line")
    body.close()
    logging.getLogger("gunicorn.access").info("after")
    inside, after = log.of("gunicorn.access")
    assert inside.span_id == log.the().span_id != 0
    assert (after.span_id, after.context) == (0, {})


def test_development_server(log):
    """Werkzeug's own line is inside the request's context, and quiet for health checks."""
    server = make_server("127.0.0.1", 0, demo(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        httpx.get(address + "/health")
        httpx.get(address + "/health?fail=1")
        httpx.get(address + "/cases/7", headers={"X-Correlation-ID": "c-1"})
        log.wait_for(REQUEST_LOGGER, 2)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    failed, served = log.of("werkzeug")
    assert "fail=1" in failed.message
    assert served.context["correlation_id"] == "c-1"
