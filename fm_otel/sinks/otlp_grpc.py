"""OTLP over gRPC. The one module that imports grpc; imported only where grpc is asked for."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc

from fm_otel.encoding.protobuf import read
from fm_otel.sinks.answer import Answer, Verdict, delivered, printable

if TYPE_CHECKING:
    from fm_otel.sinks.endpoint import OtlpEndpoint

_METHOD: Final = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
_STATUS_DETAILS: Final = "grpc-status-details-bin"
_MAX_ASKED_PAUSE: Final = 300.0
_QUOTA_SIZE: Final = 64 * 1024
"""A request this small that exhausts a resource met a quota, not a limit of its size."""

_OPTIONS: Final = (
    ("grpc.primary_user_agent", "fm-otel"),
    # The sink has its own backoff; the channel's would add up to two minutes to an outage.
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 5000),
    # Closing the channel must close its connection; one from the global pool lives on.
    ("grpc.use_local_subchannel_pool", 1),
)
_CODE: Final = grpc.StatusCode
_VERDICTS: Final = {
    _CODE.INVALID_ARGUMENT: Verdict.BISECT,
    _CODE.UNAUTHENTICATED: Verdict.HOLD,
    _CODE.PERMISSION_DENIED: Verdict.HOLD,
    _CODE.UNIMPLEMENTED: Verdict.HOLD,
    _CODE.NOT_FOUND: Verdict.HOLD,
}

_abandoned: list[grpc.Channel] = []
"""Channels inherited over a fork: destroying one in the child may hang, so they are kept."""


class OtlpGrpc:
    """Sends export requests over one channel. One thread sends; any thread may close."""

    def __init__(self, endpoint: OtlpEndpoint) -> None:
        self._endpoint = endpoint
        self._channel: grpc.Channel | None = None
        self._calling = False
        self._closed = False
        compressed = endpoint.compression == "gzip"
        self._compression = grpc.Compression.Gzip if compressed else None

    def send(self, payload: bytes, timeout: float) -> Answer:
        """Call ``Export``; the channel is made by the first call."""
        if self._closed:
            return Answer(Verdict.RETRY, "closed")
        try:
            body = self._export(payload, timeout)
        except grpc.RpcError as error:
            return _judge(error, len(payload))
        except (OSError, ValueError) as error:
            return self._unsent(error)
        finally:
            self._calling = False
        return delivered(body)

    def _export(self, payload: bytes, timeout: float) -> bytes:
        """Call in this thread: a future needs one more, which Python 3.12 starts at no exit."""
        self._calling = True
        if self._channel is None:
            self._channel = self._open()
        if self._closed:
            # Whoever closed before the channel was there has not closed it.
            self._channel.close()
        body: bytes = self._channel.unary_unary(_METHOD)(
            payload,
            timeout=timeout,
            metadata=self._endpoint.headers,
            compression=self._compression,
        )
        return body

    def _unsent(self, error: Exception) -> Answer:
        """Judge a call that was not made: the channel is closed, or a certificate file no use."""
        if self._closed:
            return Answer(Verdict.RETRY, "closed")
        return Answer(Verdict.HOLD, printable(f"{type(error).__name__}: {error}"))

    def _open(self) -> grpc.Channel:
        endpoint = self._endpoint
        if endpoint.insecure:
            return grpc.insecure_channel(endpoint.target, _OPTIONS)
        credentials = grpc.ssl_channel_credentials(
            _content(endpoint.certificate),
            _content(endpoint.client_key),
            _content(endpoint.client_certificate),
        )
        return grpc.secure_channel(endpoint.target, credentials, _OPTIONS)

    def close(self) -> None:
        """End the channel, which cancels a call that hangs on it."""
        self._closed = True
        channel = self._channel
        if channel is not None:
            channel.close()

    def before_fork(self) -> None:
        """Close an idle channel: its threads would not exist in the child."""
        channel = self._channel
        if channel is not None and not self._calling:
            self._channel = None
            channel.close()

    def after_fork(self) -> None:
        """Leave the parent's channel untouched; the next call makes one."""
        if self._channel is not None:
            _abandoned.append(self._channel)
        self._channel = None
        self._calling = False


def _content(path: str | None) -> bytes | None:
    return Path(path).read_bytes() if path else None


def _judge(error: grpc.RpcError, size: int) -> Answer:
    code = error.code()
    message = printable(f"{code.name} {error.details() or ''}")
    pause = _asked_pause(error)
    if code is _CODE.RESOURCE_EXHAUSTED and pause is None and size > _QUOTA_SIZE:
        return Answer(Verdict.SPLIT, message)
    return Answer(_VERDICTS.get(code, Verdict.RETRY), message, pause)


def _asked_pause(error: grpc.RpcError) -> float | None:
    """Return the delay of a ``google.rpc.RetryInfo`` in the status details."""
    for key, value in error.trailing_metadata() or ():
        if key == _STATUS_DETAILS and isinstance(value, bytes):
            with suppress(ValueError):
                return _retry_delay(value)
    return None


def _retry_delay(status: bytes) -> float | None:
    for field, detail in read(status):
        if field != 3 or not isinstance(detail, bytes):
            continue
        packed = dict(read(detail))
        kind, info = packed.get(1), packed.get(2)
        if isinstance(kind, bytes) and kind.endswith(b"google.rpc.RetryInfo"):
            delay = dict(read(info)).get(1, b"") if isinstance(info, bytes) else b""
            return _duration(delay) if isinstance(delay, bytes) else None
    return None


def _duration(encoded: bytes) -> float:
    parts = dict(read(encoded))
    seconds, nanos = parts.get(1, 0), parts.get(2, 0)
    if not isinstance(seconds, int) or not isinstance(nanos, int):
        return 0.0
    return min(seconds + nanos / 1e9, _MAX_ASKED_PAUSE)
