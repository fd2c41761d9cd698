"""Starlette and FastAPI: every application is served inside the middleware.

The application's ``__call__`` is the outermost point there is: around the middleware stack, and
around the spans that FastAPI itself or contrib's instrumentor opens, whichever came first.
"""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from fm_otel.integrations.patching import patch
from fm_otel.middleware.asgi import serve

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import ModuleType


def patch_starlette(module: ModuleType) -> None:
    """Serve every Starlette application inside the middleware."""
    patch(module.Starlette, "__call__", _served)


def patch_fastapi(module: ModuleType) -> None:
    """Serve every FastAPI application inside the middleware."""
    patch(module.FastAPI, "__call__", _served)


def _served(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @wraps(original)
    async def call(self: object, scope: Any, receive: Any, send: Any) -> None:
        await serve(partial(original, self), self, scope, receive, send)

    return call
