"""OTLP through an HTTP proxy: the environment chooses it, and only it gets its credentials."""

from __future__ import annotations

import http.client
import os
import select
import socket
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from fm_otel.encoding.otlp import export_request
from fm_otel.encoding.protobuf import block
from fm_otel.sinks.answer import Answer, Verdict
from fm_otel.sinks.endpoint import OtlpEndpoint
from fm_otel.sinks.otlp_grpc import OtlpGrpc
from fm_otel.sinks.otlp_http import OtlpHttp
from fm_otel.sinks.proxy import Proxy
from tests.otlp_certificates import Certificates, make_certificates
from tests.otlp_receiver import OtlpReceiver, Tls

if TYPE_CHECKING:
    from collections.abc import Iterator

PAYLOAD = export_request(block(1, b""), [("app", None, [block(5, block(1, b"hello"))])])
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "grpc_proxy", "no_grpc_proxy")


@dataclass
class HttpProxy:
    """A proxy on loopback: forwards what names a whole URL, carries what asks for a tunnel.

    With ``authorization`` it demands that header. ``seen`` has method, target and the names of
    the headers of each request that was meant for the proxy.
    """

    authorization: str | None = None
    seen: list[tuple[str, str, set[str]]] = field(default_factory=list)

    def __enter__(self) -> HttpProxy:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.proxy = self  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and target of each request."""
        return [(method, target) for method, target, _ in self.seen]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def _admitted(self) -> bool:
        proxy: HttpProxy = self.server.proxy  # type: ignore[attr-defined]
        names = {name.lower() for name in self.headers}
        proxy.seen.append((self.command, self.path, names))
        if proxy.authorization in {None, self.headers.get("Proxy-Authorization")}:
            return True
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(407)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def do_POST(self) -> None:  # noqa: N802 - named by the base class
        if not self._admitted():
            return
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        onward = http.client.HTTPConnection(str(url.hostname), url.port, timeout=10)
        headers = {k: v for k, v in self.headers.items() if not k.lower().startswith("proxy-")}
        onward.request("POST", url.path, body, headers)
        answer = onward.getresponse()
        content = answer.read()
        onward.close()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_CONNECT(self) -> None:  # noqa: N802
        if not self._admitted():
            return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as onward:
            self.send_response(200)
            self.end_headers()
            _carry(self.connection, onward)
        self.close_connection = True


def _carry(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until either side ends."""
    while True:
        for ready in select.select([one, other], [], [])[0]:
            try:
                piece = ready.recv(65536)
            except OSError:
                return
            if not piece:
                return
            (other if ready is one else one).sendall(piece)


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """A receiver over HTTP and gRPC."""
    with OtlpReceiver() as running:
        yield running


@pytest.fixture
def proxy() -> Iterator[HttpProxy]:
    """A proxy for everybody."""
    with HttpProxy() as running:
        yield running


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority and a server."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def transport(endpoint: str, **environ: str) -> OtlpHttp:
    """Return a transport as the environment would make it; nothing may be reported."""
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **environ}
    found = OtlpEndpoint.from_environ(environ, pytest.fail)
    assert found is not None
    return OtlpHttp(found)


# Requests.


def test_request_in_the_clear_is_forwarded(receiver: OtlpReceiver, proxy: HttpProxy) -> None:
    """The proxy is given the whole URL, over one connection, and the receiver the record."""
    sender = transport(receiver.http_endpoint, http_proxy=f"http://{proxy.address}")
    for _ in range(2):
        assert sender.send(PAYLOAD, 5) == Answer(Verdict.DELIVERED)
    sender.close()
    url = f"{receiver.http_endpoint}/v1/logs"
    assert proxy.requests == [("POST", url)] * 2
    assert receiver.requests[0].headers["host"] == f"localhost:{receiver.http_port}"
    assert [record["body"] for record in receiver.records] == ["hello"] * 2


def test_request_under_tls_is_carried(proxy: HttpProxy, certificates: Certificates) -> None:
    """TLS goes through a tunnel to the receiver, whose certificate and name are verified."""
    with OtlpReceiver(with_grpc=False, tls=Tls(certificates.server, certificates.server_key)) as r:
        environ = {
            "HTTPS_PROXY": proxy.address,
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20s3cr3t",
        }
        ca = {"OTEL_EXPORTER_OTLP_CERTIFICATE": str(certificates.ca)}
        sender = transport(r.http_endpoint, **environ, **ca)
        for _ in range(2):
            assert sender.send(PAYLOAD, 5) == Answer(Verdict.DELIVERED)
        sender.close()
        assert proxy.requests == [("CONNECT", f"localhost:{r.http_port}")]
        assert "authorization" not in proxy.seen[0][2]
        assert r.requests[0].headers["authorization"] == "Bearer s3cr3t"
        assert transport(r.http_endpoint, **environ).send(PAYLOAD, 5).verdict is Verdict.HOLD
        assert len(r.requests) == 2


@pytest.mark.parametrize("tls", [False, True])
def test_credentials_go_to_the_proxy_alone(certificates: Certificates, *, tls: bool) -> None:
    """User and password of the proxy's URL are sent to it, and never to the receiver."""
    secured = Tls(certificates.server, certificates.server_key) if tls else None
    with (
        HttpProxy("Basic dXNAZXI6cDp3") as proxy,
        OtlpReceiver(with_grpc=False, tls=secured) as receiver,
    ):
        ca = {"OTEL_EXPORTER_OTLP_CERTIFICATE": str(certificates.ca)}
        url = f"http://us%40er:p%3Aw@{proxy.address}"
        sender = transport(receiver.http_endpoint, all_proxy=url, **ca)
        assert sender.send(PAYLOAD, 5) == Answer(Verdict.DELIVERED)
        sender.close()
        assert "proxy-authorization" not in receiver.requests[0].headers
        assert len(proxy.seen) == 1

        stranger = transport(receiver.http_endpoint, all_proxy=f"http://{proxy.address}", **ca)
        refused = Answer(Verdict.HOLD, "407 Proxy Authentication Required")
        if tls:
            reason = "OSError: Tunnel connection failed: 407 Proxy Authentication Required"
            refused = Answer(Verdict.RETRY, f"{reason} (proxy {proxy.address})")
        assert stranger.send(PAYLOAD, 5) == refused
        stranger.close()
        assert len(receiver.requests) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_that_is_away_is_named(scheme: str) -> None:
    """Where nobody listens, the line says that it was the proxy, and costs no record."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    environ = {f"{scheme}_proxy": f"http://us:p4ssw0rd@127.0.0.1:{port}"}
    answer = transport(f"{scheme}://collector:4318", **environ).send(PAYLOAD, 5)
    refused = "ConnectionRefusedError: [Errno 111] Connection refused"
    assert answer == Answer(Verdict.RETRY, f"{refused} (proxy 127.0.0.1:{port})")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_silent_proxy_times_out(scheme: str) -> None:
    """A proxy that takes the connection and says nothing costs no more than the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        sender = transport(f"{scheme}://collector:4318", **{f"{scheme}_proxy": address})
        started = monotonic()
        answer = sender.send(PAYLOAD, 0.3)
        assert answer == Answer(Verdict.RETRY, f"no answer in time (proxy {address})")
        assert 0.25 < monotonic() - started < 2


# The environment.


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, None),
        ({"http_proxy": "http://p:3128"}, ("p", 3128)),
        ({"http_proxy": "p:3128"}, ("p", 3128)),
        ({"http_proxy": "http://p/"}, ("p", 80)),
        ({"http_proxy": "http://[::1]:3128"}, ("::1", 3128)),
        ({"HTTP_PROXY": "http://up:1", "http_proxy": "http://low:1"}, ("low", 1)),
        ({"HTTP_PROXY": "http://up:1", "http_proxy": ""}, None),
        ({"HTTP_PROXY": "http://up:1", "REQUEST_METHOD": "GET"}, None),
        ({"http_proxy": "http://low:1", "REQUEST_METHOD": "GET"}, ("low", 1)),
        ({"HTTPS_PROXY": "http://p:1"}, None),
        ({"ALL_PROXY": "http://a:1", "HTTPS_PROXY": "http://p:1"}, ("a", 1)),
        ({"ALL_PROXY": "http://a:1", "HTTP_PROXY": "http://p:1"}, ("p", 1)),
        ({"ALL_PROXY": "http://a:1", "http_proxy": ""}, ("a", 1)),
    ],
)
def test_variables_choose_the_proxy(
    environ: dict[str, str], found: tuple[str, int] | None
) -> None:
    """The scheme's variable beats the one for all, lower case beats upper, CGI's is a stranger's."""
    proxy = Proxy.before("http://c.corp.example:4318/v1/logs", environ, pytest.fail)
    assert (proxy and (proxy.host, proxy.port)) == found


@pytest.mark.parametrize(
    ("exceptions", "host", "straight"),
    [
        ("*", "c.corp.example", True),
        ("c.corp.example", "c.corp.example", True),
        ("other, .CORP.example", "c.corp.example", True),
        ("corp.example", "c.corp.example", True),
        ("*.corp.example", "c.corp.example", True),
        ("c.corp.example:4318", "c.corp.example", True),
        ("c.corp.example:4317", "c.corp.example", False),
        ("orp.example", "c.corp.example", False),
        ("", "c.corp.example", False),
        (",", "c.corp.example", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "c.corp.example", False),
        ("fd00::/8", "[fd00::1]", True),
        ("x/y", "10.1.2.3", False),
    ],
)
def test_exceptions_go_straight(exceptions: str, host: str, *, straight: bool) -> None:
    """``no_proxy`` takes names, domains, ports and address ranges."""
    environ = {"http_proxy": "http://p:1", "NO_PROXY": exceptions}
    proxy = Proxy.before(f"http://{host}:4318/v1/logs", environ, pytest.fail)
    assert (proxy is None) is straight


@pytest.mark.parametrize(
    "value", ["socks5://u:p4ss@p:1", "https://u:p4ss@p", "http://u:p4ss", "http://[p4ss", "http://"]
)
def test_proxy_that_cannot_be_used_is_one_line(value: str) -> None:
    """The variable is named, what may be a password is not, and records go straight."""
    told: list[str] = []
    assert Proxy.before("http://c:4318", {"HTTP_PROXY": value}, told.append) is None
    assert told == ["HTTP_PROXY: not the http:// URL of a proxy; it is not used"]


def test_credentials_are_not_shown() -> None:
    """Neither the proxy nor the endpoint before it tells them."""
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "http_proxy": "http://us:p4ssw0rd@p:1",
    }
    endpoint = OtlpEndpoint.from_environ(environ, pytest.fail)
    assert endpoint is not None
    assert "proxy=Proxy(host='p', port=1)" in repr(endpoint)
    assert endpoint.shown == "http://c:4318/v1/logs"


# A whole process, and the other protocol.


def test_process_sends_through_the_proxy(receiver: OtlpReceiver) -> None:
    """A program under these variables delivers, and prints nothing about them."""
    program = """
        import logging, fm_otel
        handle = fm_otel.configure(console="off")
        logging.getLogger("shop").info("order")
        handle.shutdown()
    """
    environ = {name: value for name, value in os.environ.items() if name.lower() not in VARIABLES}
    with HttpProxy("Basic dXM6cDRzc3cwcmQ=") as proxy:
        environ |= {
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{receiver.http_endpoint}/v1/logs",
            "HTTP_PROXY": f"http://us:p4ssw0rd@{proxy.address}",
        }
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            capture_output=True, text=True, check=False, timeout=60, env=environ,
        )
        assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
        assert {method for method, _ in proxy.requests} == {"POST"}
    assert "order" in [record["body"] for record in receiver.records]


@pytest.mark.parametrize("exception", ["", "localhost"])
def test_grpc_finds_the_proxy_itself(
    receiver: OtlpReceiver, proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch, exception: str
) -> None:
    """The gRPC library reads the lower-case variables and asks for a tunnel."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
    monkeypatch.setenv("no_proxy", exception)
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.grpc_endpoint,
               "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    endpoint = OtlpEndpoint.from_environ(environ, pytest.fail)
    assert endpoint is not None
    sender = OtlpGrpc(endpoint)
    assert sender.send(PAYLOAD, 5) == Answer(Verdict.DELIVERED)
    sender.close()
    tunnel = ("CONNECT", f"localhost:{receiver.grpc_port}")
    assert proxy.requests == ([] if exception else [tunnel])
