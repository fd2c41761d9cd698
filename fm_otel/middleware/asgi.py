"""ASGI: request context, correlation id in and out, one record per request."""

from __future__ import annotations

from asyncio import current_task
from functools import lru_cache
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final

from fm_otel.headers import CORRELATION_HEADER
from fm_otel.middleware.request import (
    CLIENT_GONE,
    SERVED,
    SERVER_ERROR,
    SWITCHING_PROTOCOLS,
    Exchange,
    Request,
    filter_access_lines,
    span_is_current,
)
from fm_otel.middleware.route import route_template

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, MutableMapping

    from fm_otel.spans import Header

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

_HEADER: Final = CORRELATION_HEADER.lower().encode()
_FORBIDDEN: Final = 403
_INTERNAL_ERROR: Final = 1011


class RequestContextMiddleware:
    """Give every request a context, its answer the correlation id, and the log one record.

    Put it outermost: ``app = RequestContextMiddleware(app)``. Zero-code launch does so by
    itself. Inside another one it does nothing.
    """

    def __init__(self, app: App) -> None:
        self.app: Final = app
        filter_access_lines()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await serve(self.app, self.app, scope, receive, send)


async def serve(
    call: App,
    app: object,
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    instrumented: bool = False,
) -> None:
    """Serve one request of ``app`` by ``call``, inside its exchange.

    ``instrumented`` says that the application opens the server span where none can see it.
    """
    transport = _TRANSPORTS.get(scope["type"])
    if transport is None or SERVED in scope:
        await call(scope, receive, send)
        return
    own_span = not (instrumented or span_is_current() or opens_server_span(app))
    await transport(scope, receive, send, own_span=own_span).run(call)


class _Http:
    """One HTTP request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, own_span: bool) -> None:
        self._scope: Final = scope
        self._receive: Final = receive
        self._send: Final = send
        # Inside an application others answer failures, and do it around us.
        self._surrounding: Final = scope.get("app")
        self._started = False
        self._gone = False
        self._request: Final = _request(scope)
        self._exchange: Final = Exchange(self._request, own_span=own_span)
        scope[SERVED] = self._exchange

    async def run(self, call: App) -> None:
        failed = False
        try:
            await call(self._scope, self.receive, self.send)
        except BaseException as exc:
            failed = True
            await self._fail(exc)
            raise
        finally:
            self._learn_route()
            self._settle()
            self._exchange.end()
            self._exchange.close(linger=failed and _has_own_task())

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._started:
            self._gone = True
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            message = self._start(message)
        await self._send(message)
        if _is_last(message):
            self._learn_route()
            self._exchange.completed()

    def _start(self, message: Message) -> Message:
        self._started = True
        self._exchange.answered(CLIENT_GONE if self._gone else message["status"])
        return _with_id(message, self._exchange.correlation_id)

    async def _fail(self, exc: BaseException) -> None:
        self._exchange.see_span()
        self._request.failure = exc
        if isinstance(exc, Exception) and not self._started and not self._gone:
            await self._answer(exc)

    async def _answer(self, exc: Exception) -> None:
        """Answer 500 here, so that the answer carries the id; who is around us only looks on."""
        if self._surrounding is None:
            await self.send({
                "type": "http.response.start",
                "status": SERVER_ERROR,
                "headers": [(b"content-type", b"text/plain; charset=utf-8")],
            })
            await self.send({"type": "http.response.body", "body": b"Internal Server Error"})
            return
        around = _server_error_middleware(self._surrounding)
        if around is not None:
            await _answer_like(around, exc, self._scope, self.receive, self.send)

    def _learn_route(self) -> None:
        if self._request.route is None:
            self._request.route = route_template(self._scope, self._request.path)

    def _settle(self) -> None:
        """Give a request that was never answered the status that tells why."""
        if not self._started:
            aborted = self._gone or not isinstance(self._request.failure, Exception | None)
            self._request.status = CLIENT_GONE if aborted else SERVER_ERROR


class _WebSocket:
    """One WebSocket connection, recorded when it is over."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, own_span: bool) -> None:
        self._scope: Final = scope
        self._receive: Final = receive
        self._send: Final = send
        self._request: Final = _request(scope)
        self._exchange: Final = Exchange(self._request, own_span=own_span)
        scope[SERVED] = self._exchange

    async def run(self, call: App) -> None:
        failed = False
        try:
            await call(self._scope, self.receive, self.send)
        except BaseException as exc:
            failed = True
            self._fail(exc)
            raise
        finally:
            self._request.route = route_template(self._scope, self._request.path)
            self._exchange.end()
            self._exchange.close(linger=failed and _has_own_task())

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._closed(message.get("code", 1005))
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind in {"websocket.accept", "websocket.http.response.start"}:
            message = _with_id(message, self._exchange.correlation_id)
        if kind == "websocket.accept":
            self._exchange.answered(SWITCHING_PROTOCOLS)
        elif kind == "websocket.http.response.start":
            self._exchange.answered(message["status"])
        elif kind == "websocket.close":
            self._closed(message.get("code", 1000))
        await self._send(message)

    def _closed(self, code: int) -> None:
        if self._request.status is None:
            self._exchange.answered(_FORBIDDEN)
        if self._request.close_code is None:
            self._request.close_code = code

    def _fail(self, exc: BaseException) -> None:
        self._exchange.see_span()
        # Starlette raises this for a client that closed as it should; servers expect it.
        if type(exc).__name__ == "WebSocketDisconnect":
            return
        self._request.failure = exc
        if self._request.status == SWITCHING_PROTOCOLS and self._request.close_code is None:
            self._request.close_code = _INTERNAL_ERROR


_TRANSPORTS: Final[dict[str, type[_Http | _WebSocket]]] = {
    "http": _Http,
    "websocket": _WebSocket,
}


def opens_server_span(app: object) -> bool:
    """Return whether an instrumentation inside ``app`` opens the server span."""
    return any(_is_instrumented(layer) for layer in _layers(app))


def _is_instrumented(layer: object) -> bool:
    if type(layer).__name__ == "OpenTelemetryMiddleware":
        return True
    if getattr(layer, "_is_instrumented_by_opentelemetry", False):
        return True
    native = getattr(layer, "_native_telemetry", None)
    return native is not None and bool(native.config["tracing"] and native.enabled())


def _layers(app: object) -> Iterator[object]:
    """Walk from an application or middleware to what it wraps."""
    seen: set[int] = set()
    while app is not None and id(app) not in seen:
        seen.add(id(app))
        yield app
        app = getattr(app, "middleware_stack", None) or getattr(app, "app", None)


def _server_error_middleware(app: object) -> Any | None:
    return next(
        (layer for layer in _layers(app) if type(layer).__name__ == "ServerErrorMiddleware"), None,
    )


async def _answer_like(
    around: Any,
    exc: Exception,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Have the application's handler of failures answer in here, once, through our ``send``."""

    async def fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise exc

    handler = around.handler
    if isinstance(handler, _UnlessAnswered):
        handler = handler.handler
    elif handler is not None:
        around.handler = _UnlessAnswered(handler)
    try:
        await type(around)(fail, handler=handler, debug=around.debug)(scope, receive, send)
    except Exception as raised:
        if raised is not exc:
            raise


class _UnlessAnswered:
    """A handler of failures that leaves those alone which were answered further inside.

    Starlette asks its handler for a response also when one was sent, and throws it away.
    """

    def __init__(self, handler: Callable[[Any, Exception], Any]) -> None:
        self.handler: Final = handler

    async def __call__(self, request: Any, exc: Exception) -> Any:
        exchange = request.scope.get(SERVED)
        if exchange is not None and exchange.request.failure is exc:
            return None
        response = self.handler(request, exc)
        return await response if isawaitable(response) else response


def _has_own_task() -> bool:
    """Return whether this runs in a task that uvicorn made for this request alone."""
    task = current_task()
    name = getattr(task and task.get_coro(), "__qualname__", "")
    return str(name).endswith(".run_asgi")


def _request(scope: Scope) -> Request:
    path, root = scope["path"], scope.get("root_path", "")
    client = scope.get("client")
    return Request(
        method=scope.get("method", "WEBSOCKET"),
        path=path.removeprefix(root) if root and path.startswith(root + "/") else path,
        header=_header_reader(scope),
        scheme=scope.get("scheme", "http"),
        client=client[0] if client else None,
    )


def _header_reader(scope: Scope) -> Header:
    pairs = scope.get("headers", ())
    values = dict(pairs)
    repeated = len(values) < len(pairs)

    def header(name: str) -> str | None:
        key = _key(name)
        if key not in values:
            return None
        value = b",".join(v for k, v in pairs if k == key) if repeated else values[key]
        return str(value, "latin-1")

    return header


@lru_cache(maxsize=64)
def _key(name: str) -> bytes:
    return name.lower().encode("latin-1")


def _with_id(message: Message, correlation_id: str) -> Message:
    headers = [item for item in message.get("headers", ()) if item[0].lower() != _HEADER]
    return {**message, "headers": [*headers, (_HEADER, correlation_id.encode())]}


def _is_last(message: Message) -> bool:
    kind = message["type"]
    if kind == "http.response.body":
        return not message.get("more_body", False)
    return bool(kind == "http.response.pathsend")
