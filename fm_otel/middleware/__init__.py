"""Middleware that opens the request context, for ASGI and for WSGI applications."""

from fm_otel.middleware.asgi import RequestContextMiddleware
from fm_otel.middleware.wsgi import WSGIRequestContextMiddleware

__all__ = ["RequestContextMiddleware", "WSGIRequestContextMiddleware"]
