"""The ASGI middleware, wrapped by hand around real applications."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse, StreamingResponse
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocketDisconnect

from fm_otel import context, sampling
from fm_otel.context import get_request_context, update_request_context
from fm_otel.middleware import RequestContextMiddleware
from tests.request_door import (
    REQUEST_LOGGER,
    TRACE_ID,
    TRACEPARENT,
    configured,
    recorded,
    traced,
    uvicorn_serving,
)

logger = logging.getLogger("app")
UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


@pytest.fixture(autouse=True)
def _settings():
    with configured():
        yield


@pytest.fixture
def log():
    with recorded() as recorder:
        yield recorder


class Refused(Exception):
    error_code = "SESSION_EXPIRED"


def demo() -> FastAPI:
    app = FastAPI()
    cases = APIRouter(prefix="/cases")

    def dependency(session: str = "s-1") -> None:
        update_request_context(session_id=session)

    @cases.get("/{case_id}", dependencies=[Depends(dependency)])
    def case(case_id: str, background: BackgroundTasks) -> dict:
        logger.info("in the endpoint")
        background.add_task(logger.info, "in the background")
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: None).result()
        return get_request_context()

    @cases.get("/{case_id}/parts/{number:int}")
    async def part(case_id: str, number: int) -> int:
        await run_in_threadpool(update_request_context, user_id="u")
        return number

    @app.get("/refused")
    async def refused() -> None:
        raise Refused

    @app.exception_handler(Refused)
    async def handle(_request: Request, _exc: Refused) -> JSONResponse:
        logger.info("in the handler")
        return JSONResponse({"detail": "no"}, 401)

    @app.get("/boom")
    async def boom() -> None:
        raise TimeoutError("too slow")

    @app.get("/health")
    async def health(fail: bool = False) -> JSONResponse:  # noqa: FBT001, FBT002 - a query
        return JSONResponse({}, 503 if fail else 200)

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def body():
            yield b"one"
            await asyncio.sleep(0.05)
            logger.info("streaming")
            yield b"two"

        return StreamingResponse(body())

    @app.get("/broken-stream")
    async def broken_stream() -> StreamingResponse:
        async def body():
            yield b"one"
            raise ValueError("half")

        return StreamingResponse(body())

    @app.get("/own-id")
    async def own_id() -> JSONResponse:
        return JSONResponse({}, headers={"X-Correlation-ID": "something-else"})

    @app.websocket("/ws/{room}")
    async def ws(socket: WebSocket, room: str) -> None:
        if room == "closed":
            await socket.close(4403)
            return
        await socket.accept()
        logger.info("in the socket")
        if room == "boom":
            raise ValueError(room)
        await socket.send_json(get_request_context())
        await socket.receive_text()
        await socket.close(1001)

    app.include_router(cases, prefix="/api/v1")
    return app


def client(app, **options) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, **options)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


def get(app, path: str, **options) -> httpx.Response:
    async def main() -> httpx.Response:
        async with client(app) as http:
            return await http.get(path, **options)

    return asyncio.run(main())


WRAPPINGS = ["around", "added", "added-under-base"]


def wrapped(app: FastAPI, wrapping: str):
    """Put the middleware around the application, or into it as most programs do."""
    if wrapping == "around":
        return RequestContextMiddleware(app)
    app.add_middleware(RequestContextMiddleware)
    if wrapping == "added-under-base":
        async def passing(request, call_next):
            return await call_next(request)

        app.add_middleware(BaseHTTPMiddleware, dispatch=passing)
    return app


@pytest.fixture(params=WRAPPINGS)
def app(request):
    return wrapped(demo(), request.param)


def test_request_record(app, log):
    """Method, route template, status, duration, path and client; once per request."""
    answer = get(app, "/api/v1/cases/c1?secret=1", headers={"X-Correlation-ID": "c-1"})
    assert answer.status_code == 200
    seen = log.the()
    assert (seen.levelno, seen.message) == (logging.INFO, "GET /api/v1/cases/{case_id} 200")
    assert seen.extras.pop("duration_ms") > 0
    assert {k: v for k, v in seen.extras.items() if k != "duration_ms"} == {
        "event": "faultmaven.request",
        "outcome": "ok",
        "http": {"method": "GET", "route": "/api/v1/cases/{case_id}", "status": 200,
                 "path": "/api/v1/cases/c1", "client": "127.0.0.1"},
    }
    assert seen.context == {"correlation_id": "c-1", "session_id": "s-1"}


def test_context_is_visible_everywhere(app, log):
    """A field set in a sync dependency is on records of endpoint, background task and request."""
    answer = get(app, "/api/v1/cases/c1", headers={"X-Correlation-ID": "c-1"})
    fields = {"correlation_id": "c-1", "session_id": "s-1"}
    assert answer.json() == fields
    assert [seen.context for seen in log.of("app")] == [fields, fields]
    assert [seen.message for seen in log.of("app")] == ["in the endpoint", "in the background"]


def test_context_of_handled_exceptions(app, log):
    """The exception handler logs inside the request; its answer is a client's failure."""
    answer = get(app, "/refused", headers={"X-Correlation-ID": "c-1"})
    assert (answer.status_code, answer.headers["x-correlation-id"]) == (401, "c-1")
    assert log.the("app").context == {"correlation_id": "c-1"}
    seen = log.the()
    assert (seen.levelno, seen.outcome) == (logging.WARNING, "error")
    assert seen.error == {"category": "client"}


def test_failure_is_answered_with_the_id_and_recorded_with_its_code(app, log):
    """A 500 carries the id; the record is an ERROR with the exception and its code."""
    answer = get(app, "/boom", headers={"X-Correlation-ID": "c-1"})
    assert (answer.status_code, answer.headers["x-correlation-id"]) == (500, "c-1")
    assert answer.text == "Internal Server Error"
    seen = log.the()
    assert (seen.levelno, seen.outcome, seen.error_code) == (
        logging.ERROR, "error", "TIMEOUT_ERROR",
    )
    assert seen.http["status"] == 500
    assert str(seen.exc_info[1]) == "too slow"
    assert seen.context["correlation_id"] == "c-1"


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_own_500_handler_answers(wrapping, log):
    """The application's own page for failures is kept, with the id on it."""
    app = demo()

    @app.exception_handler(Exception)
    async def page(_request: Request, exc: Exception) -> JSONResponse:
        logger.info("in the page")
        return JSONResponse({"sorry": str(exc)}, 500)

    answer = get(wrapped(app, wrapping), "/boom", headers={"X-Correlation-ID": "c-1"})
    assert (answer.json(), answer.headers["x-correlation-id"]) == ({"sorry": "too slow"}, "c-1")
    assert log.the("app").context == {"correlation_id": "c-1"}
    assert log.the().error_code == "TIMEOUT_ERROR"


def test_exception_passes_on_unchanged(app):
    """Whoever serves the application sees its exception."""
    async def main() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            await http.get("/boom")

    with pytest.raises(TimeoutError, match="too slow"):
        asyncio.run(main())


def test_nothing_of_a_request_stays_behind(app):
    """A caller in the same task finds its own context again, also after a failure."""
    async def main() -> None:
        update_request_context(mine=1)
        async with client(app) as http:
            for path in ("/api/v1/cases/c1", "/boom", "/stream"):
                await http.get(path)
                assert get_request_context() == {"mine": 1}

    asyncio.run(main())


def test_bare_application_that_fails_is_answered(log):
    """Without any framework a failure is a 500 with the id too."""
    async def bare(scope, receive, send):
        raise ValueError("bare")

    answer = get(RequestContextMiddleware(bare), "/x%0A", headers={"X-Correlation-ID": "c-1"})
    assert (answer.status_code, answer.headers["x-correlation-id"]) == (500, "c-1")
    assert log.the().message == "GET /x\\n 500"


def test_application_that_answers_nothing_is_a_500(log):
    """What the server turns into a 500 is recorded as one."""
    async def bare(scope, receive, send):
        pass

    async def main():
        await RequestContextMiddleware(bare)(
            {"type": "http", "method": "GET", "path": "/x", "headers": []}, None, None,
        )

    asyncio.run(main())
    assert (log.the().http["status"], log.the().levelno) == (500, logging.ERROR)
    assert log.the().error == {"category": "server"}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Correlation-ID": "c-1", "X-Request-ID": "r-1"}, "c-1"),
        ({"X-Request-ID": "r-1"}, "r-1"),
        ({"X-Request-ID": "r-1", "traceparent": TRACEPARENT}, "r-1"),
        ({"traceparent": TRACEPARENT}, TRACE_ID),
        ({"X-Correlation-ID": "550e8400"}, "550e8400"),
        ({"X-Correlation-ID": "bad id", "X-Request-ID": "r-1"}, "r-1"),
        ({"X-Correlation-ID": "x" * 129}, None),
        ({"X-Correlation-ID": "<script>"}, None),
        ({"X-Correlation-ID": ""}, None),
        ({"traceparent": "00-" + "0" * 32 + "-b7ad6b7169203331-01"}, None),
        ({}, None),
    ],
)
def test_where_the_correlation_id_comes_from(headers, expected):
    """X-Correlation-ID, X-Request-ID, the trace id, else a new one; odd ones are replaced."""
    app = RequestContextMiddleware(demo())
    answer = get(app, "/api/v1/cases/c1", headers=headers)
    given = answer.headers["x-correlation-id"]
    assert answer.json()["correlation_id"] == given
    assert given == expected if expected else UUID.fullmatch(given)


def test_repeated_headers_are_read_as_one_list():
    """Two correlation ids are none; a tracestate split over two lines is still whole."""
    app = RequestContextMiddleware(demo())
    twice = [("X-Correlation-ID", "a"), ("X-Correlation-ID", "b"), ("X-Request-ID", "r-1")]
    assert get(app, "/api/v1/cases/c1", headers=twice).headers["x-correlation-id"] == "r-1"


def test_session_and_case_ids_come_from_headers():
    """Valid ones are taken, odd ones dropped; either case header is the investigation."""
    app = RequestContextMiddleware(demo())
    path = "/api/v1/cases/c1?session=s"
    taken = get(app, path, headers={"X-Case-ID": "i-1", "X-Session-ID": "x"}).json()
    assert (taken["investigation_id"], taken["session_id"]) == ("i-1", "s")
    taken = get(app, path, headers={"X-Investigation-ID": "i-2"}).json()
    assert taken["investigation_id"] == "i-2"
    assert "investigation_id" not in get(app, path, headers={"X-Case-ID": "a b"}).json()


def test_propagated_fields_come_from_headers_only_when_configured():
    """FM_OTEL_PROPAGATE decides what a caller may set."""
    app = RequestContextMiddleware(demo())
    headers = {"X-User-ID": "u-1", "X-FM-Agent-Phase": "act"}
    assert "user_id" not in get(app, "/api/v1/cases/c1", headers=headers).json()
    with configured(FM_OTEL_PROPAGATE="correlation_id,user_id,agent_phase"):
        taken = get(app, "/api/v1/cases/c1", headers=headers).json()
    assert (taken["user_id"], taken["agent_phase"]) == ("u-1", "act")


def test_the_answer_has_one_id_and_it_is_the_logs(log):
    """An id the application puts on its answer does not contradict the records."""
    app = RequestContextMiddleware(demo())
    answer = get(app, "/own-id", headers={"X-Correlation-ID": "c-1"})
    assert answer.headers.get_list("x-correlation-id") == ["c-1"]


def test_id_set_by_code_cannot_break_the_answer():
    """An id that is unfit for a header never becomes one."""
    async def bare(scope, receive, send):
        update_request_context(correlation_id="a\r\nSet-Cookie: b")
        await PlainTextResponse("x")(scope, receive, send)

    answer = get(RequestContextMiddleware(bare), "/", headers={"X-Correlation-ID": "c-1"})
    assert answer.headers["x-correlation-id"] == "c-1"


def test_route_templates(log):
    """Included routers, mounts and converters give templates; no match gives no route."""
    sub = FastAPI()

    @sub.get("/files/{path:path}")
    def files(path: str) -> str:
        return path

    app = demo()
    app.mount("/tenants/{tenant}", sub)
    app.mount("/static", StaticFiles(directory="tests"))
    app.mount("/deep/{a}", Starlette(routes=[
        Mount("/in/{b}", routes=[Route("/{c}/", lambda _: PlainTextResponse("x"))]),
    ]))
    outer = RequestContextMiddleware(app)
    expected = {
        "/api/v1/cases/c1/parts/07": "/api/v1/cases/{case_id}/parts/{number}",
        "/tenants/acme/files/a/b.txt": "/tenants/{tenant}/files/{path}",
        "/static/test_asgi.py": "/static",
        "/deep/1/in/2/3/": "/deep/{a}/in/{b}/{c}/",
        "/docs": "/docs",
        "/nothing": None,
        "/tenants/acme/nothing": "/tenants/{tenant}",
    }
    for path in expected:
        get(outer, path)
    assert [seen.http.get("route") for seen in log.of(REQUEST_LOGGER)] == list(expected.values())


def test_path_is_without_the_servers_root_path(log):
    """Behind a prefix the route and the quiet paths stay what the application calls them."""
    async def main():
        app = RequestContextMiddleware(demo())
        async with client(app, root_path="/proxy") as http:
            await http.get("/proxy/api/v1/cases/c1")
            await http.get("/proxy/health")

    asyncio.run(main())
    assert log.the().http["route"] == "/api/v1/cases/{case_id}"


def test_health_checks_are_quiet_unless_they_fail(log):
    """A success is refused and counted, a failure is loud."""
    refused: list[str] = []
    sampling.count_refusals(refused.append)
    try:
        app = RequestContextMiddleware(demo())
        get(app, "/health")
        assert log.of(REQUEST_LOGGER) == []
        get(app, "/health?fail=true")
    finally:
        sampling.count_refusals(None)
    assert refused == ["quiet"]
    assert (log.the().levelno, log.the().http["status"]) == (logging.ERROR, 503)


def test_streams_last_to_the_last_byte(log):
    """The duration covers the body; records made while streaming are the request's."""
    get(RequestContextMiddleware(demo()), "/stream", headers={"X-Correlation-ID": "c-1"})
    assert log.the().duration_ms >= 50
    assert log.the("app").context == {"correlation_id": "c-1"}


def test_broken_stream_is_an_error(log):
    """A failure after the status was sent does not pass as a success."""
    with contextlib.suppress(ValueError):
        get(RequestContextMiddleware(demo()), "/broken-stream")
    seen = log.the()
    assert (seen.levelno, seen.outcome, seen.http["status"]) == (logging.ERROR, "error", 200)


def test_background_task_does_not_count_as_duration(log):
    """The record is written when the answer is out, not when the work behind it is done."""
    app = FastAPI()
    done = threading.Event()

    @app.get("/x")
    async def x(background: BackgroundTasks) -> None:
        background.add_task(lambda: log.wait_for(REQUEST_LOGGER) and done.set())

    get(RequestContextMiddleware(app), "/x")
    assert done.is_set()


def test_client_that_is_gone_before_the_answer(log):
    """Nobody got the answer: status 499, a warning, whatever the application says."""
    async def bare(scope, receive, send):
        assert (await receive())["type"] == "http.disconnect"
        await PlainTextResponse("late")(scope, receive, send)

    async def main():
        async def receive():
            return {"type": "http.disconnect"}

        async def send(_message):
            pass

        await RequestContextMiddleware(bare)(
            {"type": "http", "method": "GET", "path": "/x", "headers": []}, receive, send,
        )

    asyncio.run(main())
    seen = log.the()
    assert (seen.http["status"], seen.levelno, seen.outcome) == (499, logging.WARNING, "error")


def test_concurrent_requests_never_mix(log):
    """Many requests at once, in threads and tasks, each with its own fields only."""
    async def main() -> list[dict]:
        async with client(RequestContextMiddleware(demo())) as http:
            answers = await asyncio.gather(*(
                http.get(f"/api/v1/cases/c{n}?session=s{n}", headers={"X-Correlation-ID": f"c{n}"})
                for n in range(40)
            ))
        return [answer.json() for answer in answers]

    assert asyncio.run(main()) == [
        {"correlation_id": f"c{n}", "session_id": f"s{n}"} for n in range(40)
    ]
    for seen in log.seen:
        if seen.name in {"app", REQUEST_LOGGER}:
            assert seen.context["session_id"] == "s" + seen.context["correlation_id"][1:]


def test_nested_middleware_does_nothing(log):
    """Two of them make one record and one id."""
    app = demo()
    app.add_middleware(RequestContextMiddleware)
    answer = get(RequestContextMiddleware(app), "/stream")
    assert len(answer.headers.get_list("x-correlation-id")) == 1
    assert len(log.of(REQUEST_LOGGER)) == 1


# Spans


def server_spans(spans):
    return [span for span in spans.get_finished_spans() if span.kind.name == "SERVER"]


@pytest.mark.parametrize("path", ["/api/v1/cases/c1", "/boom", "/refused", "/stream"])
@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("instrumented", [False, True], ids=["native", "contrib"])
def test_request_record_carries_the_one_server_span(monkeypatch, log, path, wrapping, instrumented):
    """FastAPI's own span or contrib's: one server span, below the caller's, on the record."""
    spans = traced(monkeypatch)
    app = demo()
    if instrumented:
        FastAPIInstrumentor.instrument_app(app)
    try:
        get(wrapped(app, wrapping), path, headers={"traceparent": TRACEPARENT})
    finally:
        if instrumented:
            FastAPIInstrumentor.uninstrument_app(app)
    (server,) = server_spans(spans)
    seen = log.the()
    assert f"{server.context.trace_id:032x}" == TRACE_ID
    assert (seen.trace_id, seen.span_id) == (server.context.trace_id, server.context.span_id)
    assert seen.context["correlation_id"] == TRACE_ID


@pytest.mark.parametrize("failing", [False, True])
def test_server_span_is_opened_where_nobody_else_does(monkeypatch, log, failing):
    """A Starlette application gets its server span from the middleware."""
    spans = traced(monkeypatch)

    async def endpoint(_request):
        if failing:
            raise ValueError("x")
        logger.info("inside")
        return PlainTextResponse("x")

    app = RequestContextMiddleware(Starlette(routes=[Route("/x/{id}", endpoint)]))
    get(app, "/x/1", headers={"traceparent": TRACEPARENT})
    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind.name) == ("GET /x/{id}", "SERVER")
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert span.attributes["http.route"] == "/x/{id}"
    assert span.attributes["http.response.status_code"] == (500 if failing else 200)
    assert span.status.status_code.name == ("ERROR" if failing else "UNSET")
    assert log.the().span_id == span.context.span_id
    assert all(seen.span_id == span.context.span_id for seen in log.of("app"))


def test_no_span_when_tracing_is_off(monkeypatch):
    """LOG_ENABLE_TRACING=false opens none."""
    spans = traced(monkeypatch)
    with configured(LOG_ENABLE_TRACING="false"):
        get(RequestContextMiddleware(Starlette()), "/x")
    assert spans.get_finished_spans() == ()


# Real servers


def test_uvicorn_lines_of_a_request_carry_its_ids(log, monkeypatch):
    """Access line and server error are logged inside the request's context and span."""
    traced(monkeypatch)
    with uvicorn_serving(RequestContextMiddleware(demo())) as address:
        httpx.get(address + "/api/v1/cases/c1", headers={"X-Correlation-ID": "c-1"})
        (access,) = log.wait_for("uvicorn.access")
        httpx.get(address + "/boom", headers={"X-Correlation-ID": "c-2"})
        errors = [seen for seen in log.wait_for("uvicorn.error") if seen.exc_info]
        deadline = threading.Event()
        while not errors and not deadline.wait(0.01):
            errors = [seen for seen in log.of("uvicorn.error") if seen.exc_info]
    assert access.context["correlation_id"] == "c-1"
    first, second = log.of(REQUEST_LOGGER)
    assert access.span_id == first.span_id != 0
    assert errors[0].context["correlation_id"] == "c-2"
    assert errors[0].span_id == second.span_id != 0


def test_uvicorn_answers_a_bare_failure_once(log):
    """The 500 made by the middleware is the one the client gets."""
    async def bare(scope, receive, send):
        if scope["type"] == "http":
            raise ValueError("bare")

    with uvicorn_serving(RequestContextMiddleware(bare), lifespan="off") as address:
        answer = httpx.get(address, headers={"X-Correlation-ID": "c-1"})
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert answer.headers["x-correlation-id"] == "c-1"


def test_uvicorn_access_line_of_a_health_check_is_quiet(log):
    """Neither the request record nor the server's own line, unless the check fails."""
    with uvicorn_serving(RequestContextMiddleware(demo())) as address:
        httpx.get(address + "/health")
        httpx.get(address + "/health?fail=1")
        httpx.get(address + "/stream")
        log.wait_for("uvicorn.access", 2)
    paths = [seen.args[2] for seen in log.of("uvicorn.access")]
    assert paths == ["/health?fail=1", "/stream"]


def test_client_gone_from_a_real_server(log):
    """A client that hangs up while the application works is recorded as 499."""
    waiting = threading.Event()

    async def bare(scope, receive, send):
        waiting.set()
        while (await receive())["type"] != "http.disconnect":
            pass

    with uvicorn_serving(RequestContextMiddleware(bare), lifespan="off") as address:
        with contextlib.suppress(httpx.ReadTimeout):
            httpx.get(address, timeout=0.3)
        assert waiting.is_set()
        (seen,) = log.wait_for(REQUEST_LOGGER)
    assert seen.http["status"] == 499


# WebSockets


async def _socket(app, path: str, *received: dict) -> list[dict]:
    """Drive one WebSocket connection by hand and give what was sent."""
    inbox = iter([{"type": "websocket.connect"}, *received])
    sent: list[dict] = []

    async def receive():
        return next(inbox)

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"",
             "headers": [(b"x-correlation-id", b"c-1")], "client": ("127.0.0.1", 1),
             "subprotocols": [], "scheme": "ws"}
    with contextlib.suppress(ValueError, WebSocketDisconnect):
        await app(scope, receive, send)
    return sent


@pytest.mark.parametrize(
    ("room", "received", "status", "outcome", "close_code"),
    [
        ("a", [{"type": "websocket.receive", "text": "bye"}], 101, "ok", 1001),
        ("a", [{"type": "websocket.disconnect", "code": 1006}], 101, "ok", 1006),
        ("closed", [], 403, "error", 4403),
        ("boom", [], 101, "error", 1011),
    ],
    ids=["closed by us", "closed by the client", "refused", "failed"],
)
def test_websocket_record(log, room, received, status, outcome, close_code):
    """One record when the connection is over, whoever ended it and how."""
    app = RequestContextMiddleware(demo())
    sent = asyncio.run(_socket(app, f"/ws/{room}", *received))
    seen = log.the()
    assert seen.http["method"] == "WEBSOCKET"
    assert (seen.http["status"], seen.outcome, seen.close_code) == (status, outcome, close_code)
    assert seen.http["route"] == "/ws/{room}"
    assert seen.context == {"correlation_id": "c-1"}
    assert all(other.context == {"correlation_id": "c-1"} for other in log.of("app"))
    if status == 101:
        assert (b"x-correlation-id", b"c-1") in sent[0]["headers"]
    if room == "a":
        text = json.loads(sent[1]["text"])
        assert text == {"correlation_id": "c-1"}


def test_lifespan_is_left_alone(log):
    """Start-up and shutdown are no requests."""
    with uvicorn_serving(RequestContextMiddleware(demo()), lifespan="on"):
        pass
    assert log.of(REQUEST_LOGGER) == []
    assert context.request_holder() is None
