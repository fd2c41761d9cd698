"""Flask: every application is served inside the middleware."""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from fm_otel.integrations.patching import connect, patch
from fm_otel.middleware.request import SERVED
from fm_otel.middleware.wsgi import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType


def patch_flask(module: ModuleType) -> None:
    """Serve every Flask application inside the middleware, and see what it answers 500 to."""
    patch(module.Flask, "__call__", _served)

    def note_failure(_sender: object, exception: BaseException, **_: object) -> None:
        request = module.request
        exchange = request.environ.get(SERVED)
        if exchange is not None:
            exchange.request.failure = exception
            exchange.request.route = getattr(request.url_rule, "rule", None)

    connect(module.got_request_exception, note_failure)


def _served(original: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    @wraps(original)
    def call(self: Any, environ: Any, start_response: Any) -> Iterable[bytes]:
        return serve(
            partial(original, self),
            environ,
            start_response,
            instrumented=getattr(self, "_is_instrumented_by_opentelemetry", False),
        )

    return call
