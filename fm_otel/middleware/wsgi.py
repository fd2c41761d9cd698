"""WSGI: request context, correlation id in and out, one record per request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fm_otel.headers import CORRELATION_HEADER
from fm_otel.middleware.request import (
    SERVED,
    SERVER_ERROR,
    Exchange,
    Request,
    filter_access_lines,
    span_is_current,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fm_otel.spans import Header

    Environ = dict[str, Any]
    Headers = list[tuple[str, str]]
    Write = Callable[[bytes], object]
    StartResponse = Callable[..., Write]
    App = Callable[[Environ, StartResponse], Iterable[bytes]]


class WSGIRequestContextMiddleware:
    """Give every request a context, its answer the correlation id, and the log one record.

    Put it outermost: ``app = WSGIRequestContextMiddleware(app)``. Zero-code launch does so by
    itself. Inside another one it does nothing.
    """

    def __init__(self, app: App) -> None:
        self.app: Final = app
        filter_access_lines()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        return serve(self.app, environ, start_response, answers_failures=True)


def serve(
    call: App,
    environ: Environ,
    start_response: StartResponse,
    *,
    instrumented: bool = False,
    answers_failures: bool = False,
) -> Iterable[bytes]:
    """Serve one request by ``call``, inside its exchange.

    ``instrumented`` says that the application opens the server span where none can see it;
    ``answers_failures`` that an exception leaves nobody behind to answer with the id.
    """
    if SERVED in environ:
        return call(environ, start_response)
    served = _Served(environ, start_response, own_span=not (instrumented or span_is_current()))
    return served.run(call, answers_failures=answers_failures)


class _Served:
    """One request and, once the application has answered, its body."""

    def __init__(
        self, environ: Environ, start_response: StartResponse, *, own_span: bool,
    ) -> None:
        self._environ: Final = environ
        self._start_response: Final = start_response
        self._body: Iterable[bytes] = ()
        self._close_body: Callable[[], object] | None = None
        self._iterator: Iterator[bytes] | None = None
        self._request: Final = _request(environ)
        self._exchange: Final = Exchange(self._request, own_span=own_span)
        environ[SERVED] = self._exchange

    def run(self, call: App, *, answers_failures: bool) -> Iterable[bytes]:
        try:
            self._body = call(self._environ, self.start_response)
        except BaseException as exc:
            self._fail(exc)
            if answers_failures and isinstance(exc, Exception) and self._request.status is None:
                self._answer()
            self._leave()
            raise
        self._close_body = getattr(self._body, "close", None)
        return self._body if _watch_file(self._body, self._environ, self.close) else self

    def start_response(self, status: str, headers: Headers, *exc_info: object) -> Write:
        self._learn_route()
        self._exchange.answered(int(status.split(maxsplit=1)[0]))
        kept = [item for item in headers if item[0].lower() != CORRELATION_HEADER.lower()]
        kept.append((CORRELATION_HEADER, self._exchange.correlation_id))
        return self._start_response(status, kept, *exc_info)

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over the body."""
        return self

    def __next__(self) -> bytes:
        """Give the next piece of the body; failures and the end of it are noted."""
        try:
            if self._iterator is None:
                self._iterator = iter(self._body)
            return next(self._iterator)
        except StopIteration:
            self._exchange.end()
            self._exchange.keep_span()
            raise
        except BaseException as exc:
            self._fail(exc)
            raise

    def close(self) -> None:
        """Close the body and the request; the server calls this after the last byte."""
        try:
            if self._close_body is not None:
                self._close_body()
        except BaseException as exc:
            self._fail(exc)
            raise
        finally:
            self._leave()

    def _fail(self, exc: BaseException) -> None:
        self._exchange.see_span()
        # A client that goes while the body is streamed closes the generator.
        if not isinstance(exc, GeneratorExit):
            self._request.failure = exc

    def _answer(self) -> None:
        write = self.start_response(
            f"{SERVER_ERROR} Internal Server Error", [("Content-Type", "text/plain")],
        )
        write(b"Internal Server Error")

    def _learn_route(self) -> None:
        """Read Flask's rule, which is gone from the environment once Flask has answered."""
        if self._request.route is None:
            rule = getattr(self._environ.get("werkzeug.request"), "url_rule", None)
            self._request.route = getattr(rule, "rule", None)

    def _leave(self) -> None:
        self._exchange.end()
        self._exchange.close()


def _watch_file(body: object, environ: Environ, close: Callable[[], None]) -> bool:
    """Leave a file wrapper as it is, so that the server can send the file by itself."""
    wrapper = environ.get("wsgi.file_wrapper")
    if not isinstance(wrapper, type) or not isinstance(body, wrapper):
        return False
    try:
        body.close = close  # type: ignore[attr-defined]  # servers look for it
    except AttributeError:
        return False
    return True


def _request(environ: Environ) -> Request:
    path = environ.get("PATH_INFO", "") or "/"
    return Request(
        method=environ.get("REQUEST_METHOD", "GET"),
        path=path.encode("latin-1", "replace").decode("utf-8", "replace"),
        header=_header_reader(environ),
        scheme=environ.get("wsgi.url_scheme", "http"),
        client=environ.get("REMOTE_ADDR") or None,
    )


def _header_reader(environ: Environ) -> Header:
    def header(name: str) -> str | None:
        value = environ.get("HTTP_" + name.upper().replace("-", "_"))
        return None if value is None else str(value)

    return header
