"""The WSGI middleware, wrapped by hand."""

from __future__ import annotations

import io
import logging
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import httpx
import pytest

from fm_otel import sampling
from fm_otel.context import get_request_context, update_request_context
from fm_otel.middleware import WSGIRequestContextMiddleware
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
def _settings():
    with configured():
        yield


@pytest.fixture
def log():
    with recorded() as recorder:
        yield recorder


def bare(environ, start_response):
    update_request_context(session_id="s-1")
    path = environ["PATH_INFO"]
    if path == "/boom":
        raise TimeoutError("slow")
    status = "503 Unavailable" if environ.get("QUERY_STRING") else "200 OK"
    start_response(status, [("Content-Type", "text/plain")])
    if path == "/stream":
        return stream()
    if path == "/broken":
        return broken()
    logger.info("inside")
    return [b"hello"]


def stream():
    yield b"one"
    logger.info("streaming")
    yield b"two"


def broken():
    yield b"one"
    raise ValueError("half")


class Called:
    """What a server gets from one call; ``validator`` checks both sides of the protocol."""

    def __init__(self, app, path="/x", *, close=True, **environ):
        self.status, self.headers, self.written = "", {}, io.BytesIO()
        self.environ = {"PATH_INFO": path, "REMOTE_ADDR": "10.0.0.1", "QUERY_STRING": "",
                        "SCRIPT_NAME": "", **environ}
        setup_testing_defaults(self.environ)
        self.body = app(self.environ, self.start_response)
        self.content = b"".join(self.body)
        if close:
            self.body.close()

    def start_response(self, status, headers, exc_info=None):
        self.status, self.headers = status, dict(headers)
        return self.written.write


def test_request_record(log):
    """Method, path, status and client, inside the request's context, and the id on the answer."""
    app = WSGIRequestContextMiddleware(validator(bare))
    called = Called(validator(app), HTTP_X_CORRELATION_ID="c-1")
    assert (called.content, called.headers["X-Correlation-ID"]) == (b"hello", "c-1")
    seen = log.the()
    assert (seen.levelno, seen.message, seen.outcome) == (logging.INFO, "GET /x 200", "ok")
    assert seen.http == {"method": "GET", "status": 200, "path": "/x", "client": "10.0.0.1"}
    fields = {"correlation_id": "c-1", "session_id": "s-1"}
    assert seen.context == log.the("app").context == fields
    assert get_request_context() == {}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [({"HTTP_X_CORRELATION_ID": "c", "HTTP_X_REQUEST_ID": "r"}, "c"),
     ({"HTTP_X_REQUEST_ID": "r"}, "r"), ({"HTTP_TRACEPARENT": TRACEPARENT}, TRACE_ID)],
)
def test_where_the_correlation_id_comes_from(environ, expected):
    """The same order as under ASGI."""
    called = Called(WSGIRequestContextMiddleware(bare), **environ)
    assert called.headers["X-Correlation-ID"] == expected


def test_streamed_body_is_inside_the_request(log):
    """Records made while the body is produced are the request's."""
    called = Called(WSGIRequestContextMiddleware(bare), "/stream", HTTP_X_CORRELATION_ID="c-1")
    assert called.content == b"onetwo"
    assert log.the("app").context["correlation_id"] == "c-1"
    assert log.the().http["status"] == 200


def test_failure_is_answered_recorded_and_passed_on(log):
    """A bare application's exception becomes a 500 with the id, and reaches the server."""
    answered = {}

    def start_response(status, headers, exc_info=None):
        answered.update(headers, status=status)
        return lambda _data: None

    environ = {"PATH_INFO": "/boom", "HTTP_X_CORRELATION_ID": "c-1"}
    setup_testing_defaults(environ)
    with pytest.raises(TimeoutError, match="slow"):
        WSGIRequestContextMiddleware(bare)(environ, start_response)
    assert (answered["status"], answered["X-Correlation-ID"]) == (
        "500 Internal Server Error", "c-1",
    )
    seen = log.the()
    assert (seen.levelno, seen.error_code, seen.http["status"]) == (
        logging.ERROR, "TIMEOUT_ERROR", 500,
    )
    assert get_request_context() == {}


def test_failure_in_the_body_is_an_error(log):
    """A body that breaks after the status was sent does not pass as a success."""
    app = WSGIRequestContextMiddleware(bare)
    environ = {"PATH_INFO": "/broken"}
    setup_testing_defaults(environ)
    body = app(environ, lambda *_: None)
    with pytest.raises(ValueError, match="half"):
        list(body)
    body.close()
    assert (log.the().levelno, log.the().http["status"]) == (logging.ERROR, 200)


def test_client_that_stops_reading_is_no_error(log):
    """The server closes a body it does not read to the end."""
    environ = {"PATH_INFO": "/stream"}
    setup_testing_defaults(environ)
    body = WSGIRequestContextMiddleware(bare)(environ, lambda *_: None)
    assert next(iter(body)) == b"one"
    body.close()
    assert log.the().levelno == logging.INFO


def test_closed_in_another_thread(log):
    """Servers may finish an answer elsewhere than they began it."""
    environ = {"PATH_INFO": "/x", "HTTP_X_CORRELATION_ID": "c-1"}
    setup_testing_defaults(environ)
    thread_made: list = []

    def begin():
        thread_made.append(WSGIRequestContextMiddleware(bare)(environ, lambda *_: None))

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    list(thread_made[0])
    thread_made[0].close()
    assert log.the().context == {"correlation_id": "c-1", "session_id": "s-1"}
    assert [seen.name for seen in log.seen] == ["app", REQUEST_LOGGER]


def test_file_wrapper_reaches_the_server_as_it_is(log):
    """The server can still send the file by itself; the record comes when it closes it."""
    file = io.BytesIO(b"content")

    def app(environ, start_response):
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](file)

    environ = {"wsgi.file_wrapper": FileWrapper}
    setup_testing_defaults(environ)
    body = WSGIRequestContextMiddleware(app)(environ, lambda *_: None)
    assert type(body) is FileWrapper
    assert log.seen == []
    body.close()
    assert file.closed
    assert log.the().http["status"] == 200


def test_health_checks_are_quiet_unless_they_fail(log):
    """A success is refused and counted, a failure is loud."""
    refused: list[str] = []
    sampling.count_refusals(refused.append)
    try:
        Called(WSGIRequestContextMiddleware(bare), "/health")
        assert (log.of(REQUEST_LOGGER), refused) == ([], ["quiet"])
        Called(WSGIRequestContextMiddleware(bare), "/health", QUERY_STRING="fail")
    finally:
        sampling.count_refusals(None)
    assert log.the().http["status"] == 503


def test_server_span(monkeypatch, log):
    """One server span below the caller's, current inside, on the request record."""
    spans = traced(monkeypatch)
    Called(WSGIRequestContextMiddleware(bare), HTTP_TRACEPARENT=TRACEPARENT)
    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind.name) == ("GET", "SERVER")
    assert f"{span.context.trace_id:032x}" == TRACE_ID
    assert {seen.span_id for seen in log.seen} == {span.context.span_id}


def test_server_that_never_closes(log):
    """The record comes with the last byte, and the next request does not restore the old one."""
    app = WSGIRequestContextMiddleware(bare)
    Called(app, close=False, HTTP_X_CORRELATION_ID="c-1")
    assert log.the().context["correlation_id"] == "c-1"
    Called(app, HTTP_X_CORRELATION_ID="c-2")
    assert get_request_context() == {}


def test_non_ascii_path(log):
    """PATH_INFO is bytes in latin-1 clothes; the record shows the text."""
    Called(WSGIRequestContextMiddleware(bare), "/größe".encode().decode("latin-1"))
    assert log.the().http["path"] == "/größe"


def test_real_server(log):
    """wsgiref serves it over a socket, one record per request, nothing left between them."""
    class Silent(WSGIRequestHandler):
        def log_message(self, *_args):
            pass

    server = make_server(
        "127.0.0.1", 0, WSGIRequestContextMiddleware(bare), handler_class=Silent,
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        for number in range(3):
            answer = httpx.get(
                f"http://127.0.0.1:{server.server_port}/x",
                headers={"X-Correlation-ID": f"c-{number}"},
            )
            assert answer.headers["x-correlation-id"] == f"c-{number}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert [seen.context["correlation_id"] for seen in log.of(REQUEST_LOGGER)] == [
        "c-0", "c-1", "c-2",
    ]
