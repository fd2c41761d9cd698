"""Django under the integrations, by WSGI and by ASGI."""

from __future__ import annotations

import asyncio
import logging

import django
import httpx
import pytest
from django.conf import settings as django_settings
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import include, path, re_path
from opentelemetry.instrumentation.django import DjangoInstrumentor

from fm_otel import integrations
from fm_otel.context import get_request_context, update_request_context
from tests.request_door import (
    REQUEST_LOGGER,
    TRACE_ID,
    TRACEPARENT,
    configured,
    recorded,
    traced,
)
from tests.test_wsgi import Called

logger = logging.getLogger("app")


def case(request, case_id):
    update_request_context(session_id="s-1")
    logger.info("inside")
    return JsonResponse(get_request_context())


def boom(_request):
    raise TimeoutError("slow")


async def asynchronous(_request):
    logger.info("inside")
    return JsonResponse(get_request_context())


def stream(request):
    async def body():
        yield b"one"
        yield b"two"

    asynchronous = hasattr(request, "scope")
    return StreamingHttpResponse(body() if asynchronous else iter([b"one", b"two"]))


def health(_request):
    return HttpResponse(status=200)


urlpatterns = [
    path("api/", include([path("cases/<str:case_id>/", case)])),
    path("boom", boom),
    path("async", asynchronous),
    path("stream", stream),
    path("health", health),
    re_path(r"^old/(?P<number>\d+)$", lambda _request, number: HttpResponse(number)),
]


@pytest.fixture(scope="module", autouse=True)
def _project():
    if not django_settings.configured:
        django_settings.configure(
            ROOT_URLCONF=__name__,
            SECRET_KEY="not secret",  # noqa: S106 - a test's
            ALLOWED_HOSTS=["*"],
            MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
            LOGGING_CONFIG=None,
            DEBUG=False,
        )
        django.setup()


@pytest.fixture(autouse=True)
def _installed(_project):
    with configured():
        integrations.install()
        yield
    integrations.uninstall()


@pytest.fixture
def log():
    with recorded() as recorder:
        yield recorder


class Answer:
    def __init__(self, status, headers, content):
        self.status = status
        self.headers = {key.lower(): value for key, value in headers.items()}
        self.content = content


def get_wsgi(path: str, headers: dict[str, str] | None = None) -> Answer:
    from django.core.handlers.wsgi import WSGIHandler

    environ = {
        "HTTP_" + key.upper().replace("-", "_"): value for key, value in (headers or {}).items()
    }
    called = Called(WSGIHandler(), path, **environ)
    return Answer(int(called.status.split()[0]), called.headers, called.content)


def get_asgi(path: str, headers: dict[str, str] | None = None) -> Answer:
    from django.core.handlers.asgi import ASGIHandler

    async def main():
        transport = httpx.ASGITransport(ASGIHandler())
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            return await http.get(path, headers=headers)

    answer = asyncio.run(main())
    return Answer(answer.status_code, answer.headers, answer.content)


BOTH = pytest.mark.parametrize("get", [get_wsgi, get_asgi], ids=["wsgi", "asgi"])


@BOTH
def test_request_record(log, get):
    """Context, header and record with Django's route, without a line in the project."""
    answer = get("/api/cases/c1/", {"X-Correlation-ID": "c-1"})
    assert (answer.status, answer.headers["x-correlation-id"]) == (200, "c-1")
    seen = log.the()
    assert seen.message == "GET /api/cases/<str:case_id>/ 200"
    fields = {"correlation_id": "c-1", "session_id": "s-1"}
    assert seen.context == log.the("app").context == fields
    assert get_request_context() == {}


@BOTH
def test_failure(log, get):
    """Django answers 500 itself; the record has the exception, its code and the route."""
    answer = get("/boom", {"X-Correlation-ID": "c-1"})
    assert (answer.status, answer.headers["x-correlation-id"]) == (500, "c-1")
    seen = log.the()
    assert (seen.levelno, seen.error_code, seen.http["route"]) == (
        logging.ERROR, "TIMEOUT_ERROR", "/boom",
    )
    assert all(other.context["correlation_id"] == "c-1" for other in log.of("django.request"))


@BOTH
def test_other_answers(log, get):
    """Async views, streams, regular expressions, unknown paths and health checks."""
    for url in ("/async", "/stream", "/old/7", "/nothing", "/health"):
        get(url)
    routes = [(seen.http.get("route"), seen.http["status"]) for seen in log.of(REQUEST_LOGGER)]
    assert routes == [
        ("/async", 200), ("/stream", 200), (r"/old/(?P<number>\d+)", 200), (None, 404),
    ]


@pytest.fixture
def instrumented():
    instrumentor = DjangoInstrumentor()
    instrumentor.instrument()
    yield
    instrumentor.uninstrument()


@BOTH
@pytest.mark.parametrize("url", ["/api/cases/c1/", "/boom"])
def test_one_server_span(monkeypatch, log, get, url):
    """Without contrib the span is ours."""
    spans = traced(monkeypatch)
    get(url, {"traceparent": TRACEPARENT})
    (server,) = spans.get_finished_spans()
    assert (f"{server.context.trace_id:032x}", server.kind.name) == (TRACE_ID, "SERVER")
    assert log.the().span_id == server.context.span_id


@BOTH
@pytest.mark.parametrize("url", ["/api/cases/c1/", "/boom"])
def test_one_server_span_with_contrib(monkeypatch, log, get, url, request):
    """With contrib the span is contrib's, though it is closed before the answer begins."""
    spans = traced(monkeypatch)
    request.getfixturevalue("instrumented")
    get(url, {"traceparent": TRACEPARENT})
    servers = [span for span in spans.get_finished_spans() if span.kind.name == "SERVER"]
    assert [f"{span.context.trace_id:032x}" for span in servers] == [TRACE_ID]
    assert log.the().span_id == servers[0].context.span_id
