"""Django: both of its handlers serve inside the middleware.

The handlers, not the ``MIDDLEWARE`` setting: nothing in it is outermost, and a project may
compute it or lock it down.
"""

from __future__ import annotations

import sys
from functools import partial, wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fm_otel.integrations.patching import connect, patch
from fm_otel.middleware import asgi, wsgi
from fm_otel.middleware.request import SERVED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from types import ModuleType

    from fm_otel.middleware.request import Exchange


def patch_base(module: ModuleType) -> None:
    """Learn route and span where the request is resolved, and what is answered 500 to."""
    patch(module.BaseHandler, "resolve_request", _resolved)
    connect(import_module("django.core.signals").got_request_exception, _note_failure)


def patch_wsgi(module: ModuleType) -> None:
    """Serve WSGI requests inside the middleware."""
    patch(module.WSGIHandler, "__call__", _served_wsgi)


def patch_asgi(module: ModuleType) -> None:
    """Serve ASGI requests inside the middleware."""
    patch(module.ASGIHandler, "__call__", _served_asgi)


def _served_wsgi(original: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    @wraps(original)
    def call(self: object, environ: Any, start_response: Any) -> Iterable[bytes]:
        return wsgi.serve(
            partial(original, self), environ, start_response, instrumented=_is_instrumented(),
        )

    return call


def _served_asgi(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @wraps(original)
    async def call(self: object, scope: Any, receive: Any, send: Any) -> None:
        await asgi.serve(
            partial(original, self), self, scope, receive, send, instrumented=_is_instrumented(),
        )

    return call


def _resolved(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def resolve_request(self: object, request: Any) -> Any:
        exchange = _exchange(request)
        if exchange is not None:
            # Contrib's span is open here, inside all middleware, and closed before the answer.
            exchange.see_span()
        match = original(self, request)
        if exchange is not None:
            exchange.request.route = "/" + match.route.removeprefix("^").removesuffix("$")
        return match

    return resolve_request


def _note_failure(*, request: Any = None, **_: object) -> None:
    exchange = _exchange(request)
    if exchange is not None:
        exchange.request.failure = sys.exception()


def _exchange(request: Any) -> Exchange | None:
    environ = getattr(request, "scope", None) or getattr(request, "META", {})
    exchange: Exchange | None = environ.get(SERVED)
    return exchange


def _is_instrumented() -> bool:
    middleware = import_module("django.conf").settings.MIDDLEWARE
    return any(name.startswith("opentelemetry.instrumentation.django.") for name in middleware)
