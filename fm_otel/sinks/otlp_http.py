"""OTLP over http/protobuf: one keep-alive connection, spoken by the standard library."""

from __future__ import annotations

import os
import socket
import ssl
import zlib
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http.client import (
    HTTPS_PORT,
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
)
from importlib import import_module
from time import monotonic, time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from fm_otel.encoding.protobuf import read
from fm_otel.sinks.answer import Answer, Verdict, delivered, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from fm_otel.sinks.endpoint import OtlpEndpoint
    from fm_otel.sinks.proxy import Proxy

USER_AGENT: Final = "fm-otel"
_MAX_BODY: Final = 64 * 1024
_MAX_ASKED_PAUSE: Final = 300.0
_CUT_OFF: Final = (  # RemoteDisconnected of http.client is the first
    ConnectionResetError,
    BrokenPipeError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
)
_RETRIED: Final = frozenset({408, 429})
_OK, _REDIRECT, _BAD, _TOO_LARGE, _SERVER = 200, 300, 400, 413, 500


class OtlpHttp:
    """Sends export requests to one URL. One thread sends; any thread may close."""

    def __init__(self, endpoint: OtlpEndpoint) -> None:
        url = urlsplit(endpoint.target)
        self._endpoint = endpoint
        self._host, self._port = url.hostname or "", url.port
        self._via = ""
        self._path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        self._compress = _compressor(endpoint.compression)
        self._headers = {
            "Content-Type": "application/x-protobuf",
            "User-Agent": USER_AGENT,
            **dict(endpoint.headers),
        }
        if self._compress:
            self._headers["Content-Encoding"] = endpoint.compression
        if endpoint.proxy is not None:
            self._go_through(endpoint.proxy)
        self._connection: HTTPConnection | None = None
        self._closed = False

    def _go_through(self, proxy: Proxy) -> None:
        """Have a proxy forward requests in the clear; those under TLS it only carries."""
        self._via = f" (proxy {proxy.host}:{proxy.port})"
        if self._endpoint.insecure:
            self._host, self._port = proxy.host, proxy.port
            self._path = self._endpoint.target
            self._headers |= dict(proxy.headers)

    def send(self, payload: bytes, timeout: float) -> Answer:
        """Post ``payload``; a connection the receiver closed while idle is replaced once."""
        body = self._compress(payload) if self._compress else payload
        deadline = monotonic() + timeout
        reused = self._connection is not None
        answer = self._attempt(body, deadline)
        if answer is None and reused:
            answer = self._attempt(body, deadline)
        return answer or Answer(Verdict.RETRY, "connection closed without an answer")

    def _attempt(self, body: bytes, deadline: float) -> Answer | None:
        """Return the answer; None when the connection ended before one began."""
        if self._closed:
            return Answer(Verdict.RETRY, "closed")
        try:
            connection = self._connection or self._connect(deadline)
            _limit(connection, deadline)
            with suppress(ConnectionResetError, BrokenPipeError):
                # A receiver may refuse a body by its size before having read it.
                connection.request("POST", self._path, body, self._headers)
            response = connection.getresponse()
            answer = _judge(response, _body(connection, response, deadline))
        except _CUT_OFF:
            self._drop()
            return None
        except ssl.SSLCertVerificationError as error:
            self._drop()
            return Answer(Verdict.HOLD, f"certificate not accepted: {error.verify_message}")
        except (OSError, HTTPException, ValueError) as error:
            self._drop()
            return Answer(Verdict.RETRY, _told(error) + self._via)
        if response.will_close or not response.isclosed():
            self._drop()
        return answer

    def _connect(self, deadline: float) -> HTTPConnection:
        connection = self._new_connection(max(deadline - monotonic(), 0.001))
        connection.connect()
        self._connection = connection
        if self._closed:
            self.close()
        return connection

    def _new_connection(self, timeout: float) -> HTTPConnection:
        if self._endpoint.insecure:
            return HTTPConnection(self._host, self._port, timeout=timeout)
        context, proxy = self._tls(), self._endpoint.proxy
        if proxy is None:
            return HTTPSConnection(self._host, self._port, timeout=timeout, context=context)
        connection = HTTPSConnection(proxy.host, proxy.port, timeout=timeout, context=context)
        connection.set_tunnel(self._host, self._port or HTTPS_PORT, dict(proxy.headers))
        return connection

    def _tls(self) -> ssl.SSLContext:
        endpoint = self._endpoint
        context = ssl.create_default_context(cafile=endpoint.certificate)
        if endpoint.client_certificate:
            context.load_cert_chain(endpoint.client_certificate, endpoint.client_key)
        return context

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError):
                connection.close()

    def close(self) -> None:
        """End the connection; a request that hangs on it fails at once."""
        self._closed = True
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                # Not the method of an SSLSocket, which another thread may be reading.
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    def before_fork(self) -> None:
        """Nothing to do: the child drops its copy of the connection."""

    def after_fork(self) -> None:
        """Close this process's descriptor of the parent's connection, and nothing else."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                os.close(connection.sock.detach())


def _limit(connection: HTTPConnection, deadline: float) -> None:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    connection.sock.settimeout(left)


def _body(connection: HTTPConnection, response: HTTPResponse, deadline: float) -> bytes:
    body = b""
    while len(body) <= _MAX_BODY:
        if connection.sock is not None:  # given away with the last byte of a closing answer
            _limit(connection, deadline)
        piece = response.read1(_MAX_BODY)
        if not piece:
            response.close()  # an empty answer leaves it open, and the connection busy
            return body
        body += piece
    return body


def _judge(response: HTTPResponse, body: bytes) -> Answer:
    status = response.status
    if _OK <= status < _REDIRECT:
        return delivered(body)
    message = f"{status} {response.reason} {_status_message(body)}".strip()
    if status in _RETRIED or status >= _SERVER:
        return Answer(Verdict.RETRY, message, _asked_pause(response))
    if status == _TOO_LARGE:
        return Answer(Verdict.SPLIT, message)
    if status == _BAD:
        return Answer(Verdict.BISECT, message)
    return Answer(Verdict.HOLD, message)


def _status_message(body: bytes) -> str:
    """Return the message of a ``google.rpc.Status``, what OTLP errors carry."""
    with suppress(ValueError):
        for field, value in read(body):
            if field == 2 and isinstance(value, bytes):
                return printable(value.decode())
    return ""


def _asked_pause(response: HTTPResponse) -> float | None:
    text = response.getheader("Retry-After", "").strip()
    if not text:
        return None
    if text.isdecimal():
        return min(float(text[:9]), _MAX_ASKED_PAUSE)
    with suppress(ValueError):
        return min(max(parsedate_to_datetime(text).timestamp() - time(), 0), _MAX_ASKED_PAUSE)
    return None


def _told(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return printable(f"{type(error).__name__}: {error}")


def _compressor(name: str) -> Callable[[bytes], bytes] | None:
    if name == "gzip":
        return _gzip()
    if name == "deflate":
        return lambda payload: zlib.compress(payload, 1)
    return None


def _gzip() -> Callable[[bytes], bytes]:
    """Return isal's gzip when installed: the same format at a fraction of zlib's cost."""
    try:
        fast = import_module("isal.igzip").compress
    except ImportError:
        return lambda payload: zlib.compress(payload, 1, 31)
    return lambda payload: bytes(fast(payload, 1))
