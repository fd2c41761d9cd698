"""How integrations are installed, and FastAPI and Starlette under them."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import textwrap

import httpx
import pytest
from fastapi import FastAPI
from fastapi.applications import FastAPI as PlainFastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from fm_otel import integrations
from fm_otel.context import get_request_context
from fm_otel.integrations import patching
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


@pytest.fixture(autouse=True)
def _installed():
    with configured():
        integrations.install()
        yield
    integrations.uninstall()


@pytest.fixture
def log():
    with recorded() as recorder:
        yield recorder


def get(app, path: str, **options) -> httpx.Response:
    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            return await http.get(path, **options)

    return asyncio.run(main())


def demo(kind: type[FastAPI] = FastAPI) -> FastAPI:
    app, sub = kind(), FastAPI()

    @app.get("/cases/{case_id}")
    def case(case_id: str) -> dict:
        logger.info("inside")
        return get_request_context()

    @app.get("/boom")
    def boom() -> None:
        raise ValueError("boom")

    @sub.get("/x")
    def x() -> dict:
        return get_request_context()

    app.mount("/sub", sub)
    return app


def test_nothing_to_do_in_the_application(log):
    """A FastAPI application gets context, header and record without a line of code."""
    answer = get(demo(), "/cases/c1", headers={"X-Correlation-ID": "c-1"})
    assert answer.json() == {"correlation_id": "c-1"}
    assert answer.headers["x-correlation-id"] == "c-1"
    assert log.the().message == "GET /cases/{case_id} 200"


def test_failures_are_answered_with_the_id(log):
    """Around everything: the 500 that Starlette sends passes through the middleware."""
    answer = get(demo(), "/boom", headers={"X-Correlation-ID": "c-1"})
    assert (answer.status_code, answer.headers["x-correlation-id"]) == (500, "c-1")
    assert str(log.the().exc_info[1]) == "boom"


def test_mounted_applications_are_part_of_the_request(log):
    """One record, with the mount's prefix in its route."""
    get(demo(), "/sub/x")
    assert log.the().http["route"] == "/sub/x"


def test_added_by_hand_as_well(log):
    """A program that already uses the middleware is not served twice."""
    app = demo()
    app.add_middleware(RequestContextMiddleware)
    answer = get(RequestContextMiddleware(app), "/cases/c1")
    assert len(answer.headers.get_list("x-correlation-id")) == 1
    assert len(log.of(REQUEST_LOGGER)) == 1


def test_starlette(log):
    """Plain Starlette, with a mount parameter in the template."""
    app = Starlette(routes=[
        Mount("/t/{tenant}", routes=[Route("/x/{id:int}", lambda _: PlainTextResponse("x"))]),
    ])
    get(app, "/t/acme/x/7")
    assert log.the().http["route"] == "/t/{tenant}/x/{id}"


@pytest.mark.parametrize("path", ["/cases/c1", "/boom", "/sub/x", "/nothing"])
@pytest.mark.parametrize("order", ["none", "instrument_app", "before", "after"])
def test_one_server_span_with_and_without_contrib(monkeypatch, log, order, path):
    """Whoever instruments FastAPI, and in whichever order: outermost, one span, its id."""
    spans = traced(monkeypatch)
    instrumentor = FastAPIInstrumentor()
    if order == "after":
        instrumentor.instrument()
    elif order == "before":
        integrations.uninstall()
        instrumentor.instrument()
        integrations.install()
    try:
        import fastapi

        app = demo(fastapi.FastAPI if order in {"before", "after"} else PlainFastAPI)
        if order == "instrument_app":
            FastAPIInstrumentor.instrument_app(app)
        answer = get(app, path, headers={"traceparent": TRACEPARENT})
    finally:
        if order in {"before", "after"}:
            instrumentor.uninstrument()
        elif order == "instrument_app":
            FastAPIInstrumentor.uninstrument_app(app)
    assert answer.headers["x-correlation-id"] == TRACE_ID
    servers = [span for span in spans.get_finished_spans() if span.kind.name == "SERVER"]
    assert {f"{span.context.trace_id:032x}" for span in servers} == {TRACE_ID}
    # Where contrib serves the parent, FastAPI opens its own span for a mounted application.
    assert len(servers) == (2 if order != "none" and path == "/sub/x" else 1)
    assert log.the().span_id in {span.context.span_id for span in servers}


def test_installing_twice_is_once(log):
    """Zero-code start and ``configure()`` may both install."""
    integrations.install()
    integrations.install()
    get(demo(), "/cases/c1")
    assert len(log.of(REQUEST_LOGGER)) == 1
    integrations.uninstall()
    assert not hasattr(Starlette.__call__, "__wrapped__")
    assert not hasattr(PlainFastAPI.__call__, "__wrapped__")
    get(demo(), "/cases/c1")
    assert len(log.of(REQUEST_LOGGER)) == 1


def test_patches_of_others_survive_uninstalling():
    """What somebody put on top of ours is left alone and still works."""
    class Owner:
        def method(self):
            return "original"

    patching.patch(Owner, "method", lambda original: lambda self: f"ours({original(self)})")
    ours = Owner.method
    Owner.method = lambda self: f"theirs({ours(self)})"
    patching.undo_all()
    assert Owner().method() == "theirs(ours(original))"


def test_uvicorn_under_integrations(log, monkeypatch):
    """Over a real socket: access line and server error inside the request's context."""
    traced(monkeypatch)
    with uvicorn_serving(demo()) as address:
        httpx.get(address + "/boom", headers={"X-Correlation-ID": "c-1"})
        (access,) = log.wait_for("uvicorn.access")
    assert access.context == {"correlation_id": "c-1"}
    (error,) = [seen for seen in log.of("uvicorn.error") if seen.exc_info]
    assert error.context == {"correlation_id": "c-1"}
    assert error.span_id == access.span_id == log.the().span_id != 0


def test_frameworks_are_patched_when_they_are_imported():
    """Installing imports none of them; importing one later patches it, a broken one imports."""
    script = textwrap.dedent("""
        import sys
        from fm_otel import integrations
        integrations._PATCHES["flask.app"] = "fm_otel.integrations.flask:no_such_function"
        integrations.install()
        names = ("starlette", "fastapi", "flask", "django", "celery", "opentelemetry.sdk", "grpc")
        print([name for name in names if name in sys.modules])
        import fastapi, flask
        print(hasattr(fastapi.FastAPI.__call__, "__wrapped__"))
        print(hasattr(flask.Flask.__call__, "__wrapped__"))
    """)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60,
    )
    assert done.stdout.split("\n")[:3] == ["[]", "True", "False"]
    assert "flask.app could not be patched" in done.stderr
