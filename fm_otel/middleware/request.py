"""One request, from its headers to its record; what the ASGI and WSGI middleware share."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opentelemetry import context as otel_context
from opentelemetry import trace

from fm_otel import settings, spans
from fm_otel.context import (
    EMPTY,
    Binding,
    milliseconds,
    new_request,
    request_context,
    request_holder,
)
from fm_otel.errors import mnemonic_for
from fm_otel.headers import correlation_id_in, fields_in, new_id, valid_id
from fm_otel.sampling import refuse

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context

    from fm_otel.spans import Header

SERVED: Final = "fm_otel.exchange"
"""Key of ASGI scope and WSGI environment under which the request's exchange is found."""

SWITCHING_PROTOCOLS: Final = 101
CLIENT_GONE: Final = 499
SERVER_ERROR: Final = 500
_CLIENT_ERROR: Final = 400

_log: Final = logging.getLogger("faultmaven.request")


@dataclass(slots=True, eq=False)
class Request:
    """What is known about a request; transport and framework add what they learn."""

    method: str
    path: str
    header: Header
    scheme: str
    client: str | None = None
    route: str | None = None
    status: int | None = None
    close_code: int | None = None
    failure: BaseException | None = None

    @property
    def failed(self) -> bool:
        """Whether the request did not succeed."""
        return self.failure is not None or (self.status or SERVER_ERROR) >= _CLIENT_ERROR


class Exchange:
    """A request being served: its context, its span and, at the end, its one record.

    The transport opens it by making it, says ``answered`` before the first byte, ``completed``
    after the last, ``end`` when the application is through with it, and then closes it.
    """

    __slots__ = (
        "_attached", "_binding", "_duration_ms", "_holder", "_own_span", "_seen", "_started",
        "request",
    )

    def __init__(self, request: Request, *, own_span: bool) -> None:
        self._started: Final = time.perf_counter()
        self._duration_ms: float | None = None
        self._seen: trace.SpanContext | None = None
        self._own_span: trace.Span | None = None
        self._attached: Token[Context] | None = None
        self.request: Final = request
        self._holder: Final = new_request({
            "correlation_id": _correlation_id(request.header),
            **fields_in(request.header, settings.active().propagate),
        })
        _leave_unclosed()
        self._binding: Final = Binding(self._holder)
        if own_span and settings.active().enable_tracing:
            self._open_span()

    @property
    def correlation_id(self) -> str:
        """The id the answer carries: the context's, which the application may have set.

        It goes into a header, so one that would not be taken from a header is not put there.
        """
        current = valid_id(self._holder.snapshot.correlation_id)
        return current or str(self._holder.opened["correlation_id"])

    def see_span(self) -> None:
        """Take the current span as the request's, if none was seen before."""
        span_context = trace.get_current_span().get_span_context()
        if self._seen is None and span_context.is_valid:
            self._seen = span_context

    def answered(self, status: int) -> None:
        """Note the status, before the server writes its access line."""
        self.see_span()
        self.request.status = status
        quiet = self.request.path in settings.active().quiet_paths
        self._holder.quiet = quiet and not self.request.failed

    def completed(self) -> None:
        """Note that the last byte is out.

        A failed request is recorded at its end, when its exception may have been seen.
        """
        self._stop_clock()
        if (self.request.status or SERVER_ERROR) < SERVER_ERROR:
            self._record()

    def end(self) -> None:
        """Write the request's record, if that was not done."""
        self._stop_clock()
        self._record()

    def keep_span(self) -> None:
        """Make the request's span current again, for the access line a server writes at last."""
        if self._attached is None:
            self._attached = otel_context.attach(self._span_in_context())

    def close(self, *, linger: bool = False) -> None:
        """End the span and leave the request's context.

        With ``linger`` the context stays: for a server that gave the request a task of its own
        and will log its exception there.
        """
        if self._own_span is not None:
            self._close_span(self._own_span)
        if linger:
            otel_context.attach(self._span_in_context())
            return
        same_context = self._binding.undo()
        # A token is no good in another Context, and OpenTelemetry would log an error about it.
        if self._attached is not None and same_context:
            otel_context.detach(self._attached)

    def _open_span(self) -> None:
        request = self.request
        attributes = {
            "http.request.method": request.method,
            "url.path": request.path,
            "url.scheme": request.scheme,
            **({"client.address": request.client} if request.client else {}),
        }
        self._own_span = spans.tracer().start_span(
            request.method,
            context=spans.incoming_context(request.header),
            kind=trace.SpanKind.SERVER,
            attributes=attributes,
        )
        self._attached = otel_context.attach(trace.set_span_in_context(self._own_span))

    def _close_span(self, span: trace.Span) -> None:
        request = self.request
        if request.route:
            span.update_name(f"{request.method} {request.route}")
            span.set_attribute("http.route", request.route)
        status = request.status or SERVER_ERROR
        span.set_attribute("http.response.status_code", status)
        if isinstance(request.failure, Exception):
            span.record_exception(request.failure)
        if status >= SERVER_ERROR or request.failure is not None:
            span.set_status(trace.StatusCode.ERROR)
        span.end()

    def _stop_clock(self) -> None:
        if self._duration_ms is None:
            self._duration_ms = milliseconds(time.perf_counter() - self._started)

    def _span_in_context(self) -> Context:
        self.see_span()
        seen = self._seen or trace.INVALID_SPAN_CONTEXT
        return trace.set_span_in_context(trace.NonRecordingSpan(seen))

    def _record(self) -> None:
        if self._holder.ended:
            return
        self._holder.ended = True
        if self._holder.quiet and not self.request.failed:
            refuse("quiet")
            return
        bound = request_context.set(self._holder)
        attached = otel_context.attach(self._span_in_context())
        try:
            _write(self.request, self._duration_ms)
        finally:
            otel_context.detach(attached)
            request_context.reset(bound)


def _leave_unclosed() -> None:
    """Forget a request that its server never closed, or it would come back after this one."""
    before = request_holder()
    if before is not None and before.ended:
        request_context.set(EMPTY)


def _write(request: Request, duration_ms: float | None) -> None:
    status = request.status or SERVER_ERROR
    failure = _failure(request)
    _log.log(
        _level(request, status, failure),
        "%s %s %d",
        request.method,
        request.route or _printable(request.path),
        status,
        exc_info=failure,
        extra={
            "event": "faultmaven.request",
            "outcome": "error" if request.failed else "ok",
            "duration_ms": duration_ms,
            "http": _http(request, status),
            **_error(request, status, failure),
            **({} if request.close_code is None else {"close_code": request.close_code}),
        },
    )


def _failure(request: Request) -> Exception | None:
    """Tell failures of the application from cancellation and from clients that have gone."""
    if isinstance(request.failure, Exception) and request.status != CLIENT_GONE:
        return request.failure
    return None


def _level(request: Request, status: int, failure: Exception | None) -> int:
    if failure is not None or status >= SERVER_ERROR:
        return logging.ERROR
    return logging.WARNING if request.failed else logging.INFO


def _http(request: Request, status: int) -> dict[str, object]:
    members = {
        "method": request.method,
        "route": request.route,
        "status": status,
        "path": request.path,
        "client": request.client,
    }
    return {name: value for name, value in members.items() if value is not None}


def _error(request: Request, status: int, failure: Exception | None) -> dict[str, object]:
    """Give what the exception, which the record carries anyway, does not say."""
    if failure is not None:
        code = mnemonic_for(failure)
        return {} if code is None else {"error_code": code}
    if not request.failed:
        return {}
    return {"error": {"category": "client" if status < SERVER_ERROR else "server"}}


def _printable(path: str) -> str:
    """Keep control characters of an unknown path out of the message."""
    return path if path.isprintable() else ascii(path)[1:-1]


def _correlation_id(header: Header) -> str:
    return correlation_id_in(header) or spans.incoming_trace_id(header) or new_id()


def span_is_current() -> bool:
    """Return whether an instrumentation around us has opened a span."""
    return trace.get_current_span().get_span_context().is_valid


class _QuietAccess(logging.Filter):
    """Refuses the server's own line about a health check that succeeded."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the context decides
        holder = request_holder()
        if holder is None or not holder.quiet:
            return True
        refuse("quiet")
        return False


_ACCESS_LOGGERS: Final = (
    "uvicorn.access",
    "gunicorn.access",
    "hypercorn.access",
    "werkzeug",
    "django.server",
)
_quiet_access: Final = _QuietAccess()


def filter_access_lines() -> None:
    """Leave access lines of successful health checks out; may be called again."""
    for name in _ACCESS_LOGGERS:
        logging.getLogger(name).addFilter(_quiet_access)
