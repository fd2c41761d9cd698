"""A real OTLP receiver on loopback, over HTTP and gRPC, that can be told to misbehave.

In a test: ``with OtlpReceiver() as receiver: ... receiver.wait_for(3)``. As a process:
``python tests/otlp_receiver.py --port-file F --store F``; ``F`` then holds
``{"http": port, "grpc": port}``, accepted records are appended to the store as JSON lines, and
``PUT /control`` with a JSON object such as ``{"mode": "503"}`` changes what it does.

Modes: ``ok``, ``503``, ``429`` (with ``retry_after``), ``400``, ``marker`` (400 when a record's
bytes hold ``marker``), ``413`` (above ``limit`` bytes), ``hang``, ``slow`` (``delay`` seconds),
``reset`` (mid-body), ``partial`` (accepts, rejects ``rejected``), ``401``, ``redirect``,
``lost`` (stores, then cuts the connection without an answer).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import signal
import socket
import ssl
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from typing_extensions import Self

LOGS, TRACES, METRICS = "/v1/logs", "/v1/traces", "/v1/metrics"
_STATUS = {"503": 503, "429": 429, "400": 400, "marker": 400, "413": 413, "401": 401}
_GRPC_CODES = {
    "503": "UNAVAILABLE",
    "429": "RESOURCE_EXHAUSTED",
    "400": "INVALID_ARGUMENT",
    "marker": "INVALID_ARGUMENT",
    "413": "RESOURCE_EXHAUSTED",
    "401": "UNAUTHENTICATED",
    "redirect": "UNIMPLEMENTED",
    "reset": "UNAVAILABLE",
    "lost": "UNAVAILABLE",
}


@dataclass
class Request:
    """One export request as it arrived."""

    signal: str
    size: int
    records: int
    headers: dict[str, str]
    answer: str
    connection: str


@dataclass
class Behaviour:
    """What the receiver does with requests; changed by tests while it runs."""

    mode: str = "ok"
    marker: str = "POISON"
    retry_after: float = 1.0
    limit: int = 4 * 1024 * 1024
    delay: float = 0.05
    rejected: int = 1


@dataclass(frozen=True)
class Tls:
    """Certificate files of a receiver; ``client_ca`` makes it demand a client certificate."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass
class OtlpReceiver:
    """Accepts, stores and counts what is sent to it."""

    store: Path | None = None
    tls: Tls | None = None
    with_grpc: bool = True
    http_port: int = 0
    grpc_port: int = 0
    behaviour: Behaviour = field(default_factory=Behaviour)
    records: list[dict[str, Any]] = field(default_factory=list)
    exports: list[list[dict[str, Any]]] = field(default_factory=list)
    """The points of each accepted metrics request, those of gauges and sums."""
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # Life.

    def start(self) -> None:
        """Listen; ports are known when this returns."""
        self._changed = threading.Condition()
        self._released = threading.Event()
        self._http = _HttpServer(("127.0.0.1", self.http_port), self)
        self.http_port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        self._grpc = _serve_grpc(self) if self.with_grpc else None

    def stop(self) -> None:
        """Stop listening and let go of requests that hang."""
        self._released.set()
        self._http.shutdown()
        self._http.server_close()
        self._http.cut_connections()
        if self._grpc is not None:
            self._grpc.stop(None).wait(5)

    @property
    def http_endpoint(self) -> str:
        """Base URL for ``OTEL_EXPORTER_OTLP_ENDPOINT``."""
        return f"{'https' if self.tls else 'http'}://localhost:{self.http_port}"

    @property
    def grpc_endpoint(self) -> str:
        """URL for ``OTEL_EXPORTER_OTLP_ENDPOINT`` with protocol grpc."""
        return f"{'https' if self.tls else 'http'}://localhost:{self.grpc_port}"

    # What tests ask.

    def behave(self, mode: str, **values: Any) -> None:
        """Change what happens to requests from now on."""
        for name, value in values.items():
            setattr(self.behaviour, name, value)
        self.behaviour.mode = mode

    def wait_for(self, count: int, timeout: float = 10) -> list[dict[str, Any]]:
        """Return the accepted records once there are ``count``; fail when they do not come."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.records) >= count, timeout)
            assert arrived, f"{len(self.records)} of {count} records, {self.requests[-3:]}"
            return list(self.records)

    def wait_for_requests(self, count: int, timeout: float = 10) -> list[Request]:
        """Return the requests once there are ``count``, whatever they were answered."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.requests) >= count, timeout)
            assert arrived, f"{len(self.requests)} of {count} requests"
            return list(self.requests)

    def wait_for_exports(self, count: int, timeout: float = 10) -> list[list[dict[str, Any]]]:
        """Return the accepted metrics requests once there are ``count``."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.exports) >= count, timeout)
            assert arrived, f"{len(self.exports)} of {count} exports of metrics"
            return list(self.exports)

    # What both protocols do.

    def receive(
        self, path: str, body: bytes, headers: dict[str, str], connection: str, size: int
    ) -> tuple[str, bytes]:
        """Book a request; return the mode that answers it and the body of a success."""
        mode = self._mode_for(path, body)
        wire = ExportLogsServiceRequest.FromString(body) if path == LOGS else None
        found = list(_records(wire)) if wire is not None else []
        accepted = mode in {"ok", "slow", "partial", "lost"}
        with self._changed:
            self.requests.append(Request(path, size, len(found), headers, mode, connection))
            if accepted:
                self._keep(found)
                if path == METRICS:
                    self.exports.append(list(_points(body)))
            self._changed.notify_all()
        if mode in {"hang", "slow"}:
            self._released.wait(self.behaviour.delay if mode == "slow" else None)
        return mode, self._success(mode)

    def _mode_for(self, path: str, body: bytes) -> str:
        mode, behaviour = self.behaviour.mode, self.behaviour
        if mode == "marker":
            return mode if behaviour.marker.encode() in body else "ok"
        if mode == "413":
            return mode if len(body) > behaviour.limit else "ok"
        return "ok" if mode == "partial" and path != LOGS else mode

    def _keep(self, found: list[dict[str, Any]]) -> None:
        self.records += found
        if self.store is not None and found:
            lines = "".join(json.dumps(record) + "\n" for record in found)
            with self.store.open("a") as file:
                file.write(lines)

    def _success(self, mode: str) -> bytes:
        response = ExportLogsServiceResponse()
        if mode == "partial":
            response.partial_success.rejected_log_records = self.behaviour.rejected
            response.partial_success.error_message = "told to reject"
        encoded: bytes = response.SerializeToString()
        return encoded


def _records(request: ExportLogsServiceRequest) -> Iterator[dict[str, Any]]:
    for resource_logs in request.resource_logs:
        resource = _attributes(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                attributes = _attributes(record.attributes)
                yield {
                    "record_id": attributes.get("log.record.uid"),
                    "hash": hashlib.sha256(record.SerializeToString()).hexdigest(),
                    "logger": scope_logs.scope.name,
                    "scope_version": scope_logs.scope.version,
                    "time_unix_nano": record.time_unix_nano,
                    "observed_time_unix_nano": record.observed_time_unix_nano,
                    "severity_number": record.severity_number,
                    "severity_text": record.severity_text,
                    "body": value_of(record.body),
                    "event_name": record.event_name,
                    "trace_id": record.trace_id.hex(),
                    "span_id": record.span_id.hex(),
                    "flags": record.flags,
                    "dropped_attributes_count": record.dropped_attributes_count,
                    "attributes": attributes,
                    "resource": resource,
                    "schema_url": resource_logs.schema_url,
                }


def _points(body: bytes) -> Iterator[dict[str, Any]]:
    for resource_metrics in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        resource = _attributes(resource_metrics.resource.attributes)
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                points = metric.gauge if metric.HasField("gauge") else metric.sum
                for point in points.data_points:
                    yield {
                        "scope": scope_metrics.scope.name,
                        "name": metric.name,
                        "unit": metric.unit,
                        "monotonic": metric.sum.is_monotonic,
                        "attributes": _attributes(point.attributes),
                        "value": getattr(point, point.WhichOneof("value")),
                        "resource": resource,
                    }


def _attributes(pairs: Any) -> dict[str, Any]:
    found: list[KeyValue] = list(pairs)
    assert len({pair.key for pair in found}) == len(found), "an attribute comes twice"
    return {pair.key: value_of(pair.value) for pair in found}


def value_of(value: AnyValue) -> Any:
    """Return an ``AnyValue`` as a Python value."""
    kind = value.WhichOneof("value")
    if kind == "kvlist_value":
        return {pair.key: value_of(pair.value) for pair in value.kvlist_value.values}
    if kind == "array_value":
        return [value_of(item) for item in value.array_value.values]
    return None if kind is None else getattr(value, kind)


# HTTP.


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], receiver: OtlpReceiver) -> None:
        super().__init__(address, _Handler)
        self.receiver = receiver
        self.open: set[socket.socket] = set()
        self._context = _server_context(receiver.tls) if receiver.tls else None

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        try:
            if self._context is not None:
                request = self._context.wrap_socket(request, server_side=True)
                self.open.add(request)
            super().finish_request(request, client_address)
        except (OSError, ValueError):
            pass
        finally:
            self.open.discard(request)

    def cut_connections(self) -> None:
        """End the connections still open, as the death of the process would."""
        for connection in tuple(self.open):
            try:
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                pass


def _server_context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tls.certificate, tls.key)
    if tls.client_ca is not None:
        context.load_verify_locations(tls.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HttpServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def do_POST(self) -> None:  # noqa: N802 - named by the base class
        receiver = self.server.receiver
        size = int(self.headers["Content-Length"])
        if receiver.behaviour.mode == "reset":
            self.rfile.read(min(size, 10))
            with receiver._changed:  # noqa: SLF001 - one module
                receiver.requests.append(Request(self.path, size, 0, {}, "reset", ""))
                receiver._changed.notify_all()  # noqa: SLF001
            self._reset()
            return
        body = _unpacked(self.rfile.read(size), self.headers.get("Content-Encoding"))
        headers = {name.lower(): value for name, value in self.headers.items()}
        peer = f"{self.client_address[0]}:{self.client_address[1]}"
        mode, success = receiver.receive(self.path, body, headers, peer, size)
        if mode in {"hang", "lost"}:
            self._reset()
        elif mode == "redirect":
            self._answer(307, b"", {"Location": "/elsewhere"})
        elif mode in _STATUS:
            # google.rpc.Status with a message, as OTLP wants errors to be.
            pause = {"Retry-After": f"{receiver.behaviour.retry_after:g}"} if mode == "429" else {}
            self._answer(_STATUS[mode], b"\x12\x07told to", pause)
        else:
            self._answer(200, success, {"Content-Type": "application/x-protobuf"})

    def do_PUT(self) -> None:  # noqa: N802
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        mode = body.pop("mode", self.server.receiver.behaviour.mode)
        self.server.receiver.behave(mode, **body)
        self._answer(200, b"{}", {})

    def do_GET(self) -> None:  # noqa: N802
        receiver = self.server.receiver
        signals = [request.signal for request in receiver.requests]
        counts = {signal: signals.count(signal) for signal in set(signals)}
        told = {"records": len(receiver.records), "requests": counts}
        self._answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _reset(self) -> None:
        """End the connection with RST."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True
        self.rfile.close()


def _unpacked(body: bytes, encoding: str | None) -> bytes:
    if encoding == "gzip":
        return gzip.decompress(body)
    return zlib.decompress(body) if encoding == "deflate" else body


# gRPC.


def _serve_grpc(receiver: OtlpReceiver) -> Any:
    import grpc  # noqa: PLC0415 - some receivers need only HTTP

    class Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, details: Any) -> Any:
            found = [s for s in ("logs", "trace", "metrics") if f".{s}." in details.method]
            if not found:
                return None
            path = f"/v1/{'traces' if found[0] == 'trace' else found[0]}"
            metadata = {key: str(value) for key, value in details.invocation_metadata}

            def export(body: bytes, context: Any) -> bytes:
                peer = context.peer()
                mode, success = receiver.receive(path, body, metadata, peer, len(body))
                if mode in _GRPC_CODES:
                    if mode == "429":
                        info = _retry_info(receiver.behaviour.retry_after)
                        context.set_trailing_metadata((("grpc-status-details-bin", info),))
                    context.abort(grpc.StatusCode[_GRPC_CODES[mode]], "told to")
                if mode == "hang":
                    context.abort(grpc.StatusCode.UNAVAILABLE, "stopped")
                return success

            return grpc.unary_unary_rpc_method_handler(export)

    server = grpc.server(
        ThreadPoolExecutor(8),
        (Handlers(),),
        options=(("grpc.max_receive_message_length", 64 * 1024 * 1024),),
    )
    address = f"127.0.0.1:{receiver.grpc_port}"
    if receiver.tls is None:
        receiver.grpc_port = server.add_insecure_port(address)
    else:
        tls = receiver.tls
        credentials = grpc.ssl_server_credentials(
            [(tls.key.read_bytes(), tls.certificate.read_bytes())],
            tls.client_ca.read_bytes() if tls.client_ca else None,
            tls.client_ca is not None,
        )
        receiver.grpc_port = server.add_secure_port(address, credentials)
    server.start()
    return server


def _retry_info(seconds: float) -> bytes:
    from google.protobuf.any_pb2 import Any as PackedAny  # noqa: PLC0415
    from google.protobuf.duration_pb2 import Duration  # noqa: PLC0415
    from google.rpc.error_details_pb2 import RetryInfo  # noqa: PLC0415
    from google.rpc.status_pb2 import Status  # noqa: PLC0415

    whole = int(seconds)
    delay = Duration(seconds=whole, nanos=int((seconds - whole) * 1e9))
    detail = PackedAny()
    detail.Pack(RetryInfo(retry_delay=delay))
    encoded: bytes = Status(code=8, message="told to", details=[detail]).SerializeToString()
    return encoded


def main() -> None:
    """Run as a process until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--mode", default="ok")
    parser.add_argument("--http-port", type=int, default=0)
    parser.add_argument("--grpc-port", type=int, default=0)
    parser.add_argument("--no-grpc", action="store_true")
    options = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    receiver = OtlpReceiver(
        store=options.store,
        with_grpc=not options.no_grpc,
        http_port=options.http_port,
        grpc_port=options.grpc_port,
        behaviour=Behaviour(mode=options.mode),
    )
    receiver.start()
    ports = {"http": receiver.http_port, "grpc": receiver.grpc_port}
    written = options.port_file.with_suffix(".tmp")
    written.write_text(json.dumps(ports))
    written.rename(options.port_file)
    stopped.wait()
    os._exit(0)


if __name__ == "__main__":
    main()
