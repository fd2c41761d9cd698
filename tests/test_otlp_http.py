"""OTLP/HTTP: the environment's endpoint, and requests to a real receiver."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from email.utils import formatdate
from time import monotonic, sleep, time
from typing import TYPE_CHECKING, Any

import pytest

from fm_otel.encoding.otlp import export_request
from fm_otel.encoding.protobuf import block
from fm_otel.sinks.answer import Answer, Verdict
from fm_otel.sinks.endpoint import OtlpEndpoint
from fm_otel.sinks.otlp_http import OtlpHttp
from tests.otlp_certificates import Certificates, make_certificates
from tests.otlp_receiver import OtlpReceiver, Tls

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "OTEL_EXPORTER_OTLP_"
RECORD = block(5, block(1, b"hello"))
PAYLOAD = export_request(block(1, b""), [("app", None, [RECORD])])


def endpoint_of(**variables: str) -> OtlpEndpoint:
    """Read an endpoint from variables without their prefix; nothing may be reported."""
    endpoint, reports = read(**variables)
    assert endpoint is not None
    assert reports == []
    return endpoint


def read(**variables: str) -> tuple[OtlpEndpoint | None, list[str]]:
    """Read an endpoint and what was reported about it."""
    reports: list[str] = []
    environ = {PREFIX + name: value for name, value in variables.items()}
    return OtlpEndpoint.from_environ(environ, reports.append), reports


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """A receiver over HTTP alone."""
    with OtlpReceiver(with_grpc=False) as running:
        yield running


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, a server and a client."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


# The endpoint.


@pytest.mark.parametrize(
    ("variables", "protocol", "target", "insecure"),
    [
        ({"ENDPOINT": "http://c:4318"}, "http/protobuf", "http://c:4318/v1/logs", True),
        ({"ENDPOINT": "http://c:4318/"}, "http/protobuf", "http://c:4318/v1/logs", True),
        ({"ENDPOINT": "https://c/otlp"}, "http/protobuf", "https://c/otlp/v1/logs", False),
        ({"LOGS_ENDPOINT": "http://c:9/x"}, "http/protobuf", "http://c:9/x", True),
        ({"LOGS_ENDPOINT": "http://c:9"}, "http/protobuf", "http://c:9/", True),
        ({"LOGS_ENDPOINT": "http://l:1/a?k=v"}, "http/protobuf", "http://l:1/a?k=v", True),
        ({"ENDPOINT": "http://[::1]:4318"}, "http/protobuf", "http://[::1]:4318/v1/logs", True),
        ({"ENDPOINT": "http://c:4317"}, "grpc", "c:4317", True),
        ({"ENDPOINT": "https://c:4317"}, "grpc", "c:4317", False),
        ({"ENDPOINT": "c:4317"}, "grpc", "c:4317", False),
        ({"ENDPOINT": "c:4317", "INSECURE": "true"}, "grpc", "c:4317", True),
        ({"ENDPOINT": "c:4317", "INSECURE": "no"}, "grpc", "c:4317", False),
        ({"ENDPOINT": "https://c:4317", "INSECURE": "true"}, "grpc", "c:4317", False),
        ({"ENDPOINT": "http://c:5", "PROTOCOL": "grpc"}, "grpc", "c:5", True),
        ({"ENDPOINT": "unix:///run/o", "PROTOCOL": "grpc"}, "grpc", "unix:///run/o", False),
        (
            {"ENDPOINT": "http://c:4317", "LOGS_PROTOCOL": "http/protobuf", "PROTOCOL": "grpc"},
            "http/protobuf",
            "http://c:4317/v1/logs",
            True,
        ),
    ],
)
def test_endpoint_follows_the_specification(
    variables: dict[str, str], protocol: str, target: str, *, insecure: bool
) -> None:
    """Path rule, scheme, port and protocol decide where and how to send."""
    endpoint = endpoint_of(**variables)
    assert (endpoint.protocol, endpoint.target) == (protocol, target)
    assert endpoint.insecure is insecure


def test_endpoint_unset_means_no_otlp() -> None:
    """Nothing set, or set to nothing, is no endpoint and no complaint."""
    assert read() == (None, [])
    assert read(ENDPOINT="", LOGS_ENDPOINT="  ") == (None, [])


@pytest.mark.parametrize(
    ("protocol", "target"),
    [("", "http://localhost:4318/v1/logs"), ("grpc", "localhost:4317")],
)
def test_endpoint_defaults_to_this_host_when_asked_for(protocol: str, target: str) -> None:
    """An exporter chosen by name without an endpoint sends to the default address."""
    environ = {PREFIX + "PROTOCOL": protocol}
    endpoint = OtlpEndpoint.from_environ(environ, pytest.fail, asked_for=True)
    assert endpoint is not None
    assert (endpoint.target, endpoint.insecure) == (target, True)


def test_endpoint_reads_every_setting() -> None:
    """Headers are percent-decoded and lower-cased; the logs signal's values replace others."""
    endpoint = endpoint_of(
        ENDPOINT="http://c:4318",
        HEADERS="other=1",
        LOGS_HEADERS="Authorization=Bearer%20a%3Db, X-Tenant = t1 ,",
        TIMEOUT="7",
        LOGS_TIMEOUT="2.5",
        COMPRESSION="GZIP",
        CERTIFICATE="/ca",
        CLIENT_KEY="/key",
        CLIENT_CERTIFICATE="/cert",
    )
    assert endpoint.headers == (("authorization", "Bearer a=b"), ("x-tenant", "t1"))
    assert (endpoint.timeout, endpoint.compression) == (2.5, "gzip")
    assert (endpoint.certificate, endpoint.client_key) == ("/ca", "/key")
    assert endpoint.client_certificate == "/cert"
    assert "Bearer" not in repr(endpoint)


def test_endpoint_turns_userinfo_into_a_header() -> None:
    """Credentials in the URL are sent as basic authorization and shown nowhere."""
    endpoint = endpoint_of(ENDPOINT="http://us%40er:p%3Aw@c:4318")
    assert endpoint.headers == (("authorization", "Basic dXNAZXI6cDp3"),)
    assert endpoint.shown == endpoint.target == "http://c:4318/v1/logs"


@pytest.mark.parametrize(
    ("variables", "report"),
    [
        (
            {"TIMEOUT": "soon"},
            "OTEL_EXPORTER_OTLP_TIMEOUT='soon': not a number of seconds above 0; 10 is used",
        ),
        (
            {"LOGS_TIMEOUT": "-1"},
            "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT='-1': not a number of seconds above 0; 10 is used",
        ),
        (
            {"COMPRESSION": "lzma"},
            "OTEL_EXPORTER_OTLP_COMPRESSION='lzma': not none or gzip or deflate; none is used",
        ),
        (
            {"PROTOCOL": "http/json"},
            "OTEL_EXPORTER_OTLP_PROTOCOL='http/json': not grpc or http/protobuf;"
            " http/protobuf is used",
        ),
        (
            {"HEADERS": "a=1,hunter2,b=x%0Ay"},
            "OTEL_EXPORTER_OTLP_HEADERS: entry 2 is not name=value; it is left out",
        ),
        (
            {"LOGS_ENDPOINT": "ftp://u:secret@h"},
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT='ftp://h': not an http:// or https:// URL;"
            " it is not used",
        ),
        (
            {"LOGS_ENDPOINT": "http://h:99999"},
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT='http://h:99999': Port out of range 0-65535;"
            " it is not used",
        ),
    ],
)
def test_endpoint_reports_bad_values(variables: dict[str, str], report: str) -> None:
    """A bad value is one line with name, value and what is used; the endpoint stays usable."""
    endpoint, reports = read(ENDPOINT="http://c:4318", **variables)
    assert reports[0] == report
    assert endpoint is not None
    assert (endpoint.target, endpoint.timeout) == ("http://c:4318/v1/logs", 10.0)
    assert endpoint.compression == "none"
    assert dict(endpoint.headers) in ({}, {"a": "1"})


def test_endpoint_that_cannot_be_used_means_no_otlp() -> None:
    """A bad endpoint alone leaves the program without OTLP, with one line."""
    endpoint, reports = read(ENDPOINT="localhost:4318")
    assert endpoint is None
    assert reports == [
        "OTEL_EXPORTER_OTLP_ENDPOINT='localhost:4318': not an http:// or https:// URL;"
        " it is not used"
    ]


# Requests.


def transport_to(receiver: OtlpReceiver, **variables: str) -> OtlpHttp:
    """Return a transport as the environment would make it."""
    return OtlpHttp(endpoint_of(ENDPOINT=receiver.http_endpoint, **variables))


def test_requests_share_one_connection(receiver: OtlpReceiver) -> None:
    """Ten requests, whatever their answers, go over one kept-alive connection."""
    transport = transport_to(receiver)
    for mode in ("ok", "503", "400", "partial", "ok") * 2:
        receiver.behave(mode)
        transport.send(PAYLOAD, 5)
    requests = receiver.wait_for_requests(10)
    assert len({request.connection for request in requests}) == 1
    assert [record["body"] for record in receiver.records] == ["hello"] * 6
    assert requests[0].signal == "/v1/logs"
    assert requests[0].headers["content-type"] == "application/x-protobuf"


@pytest.mark.parametrize("compression", ["gzip", "deflate"])
def test_request_is_compressed(receiver: OtlpReceiver, compression: str) -> None:
    """The receiver reads what was compressed, and headers of the environment arrive."""
    transport = transport_to(receiver, COMPRESSION=compression, HEADERS="x-tenant=a%20b")
    big = export_request(block(1, b""), [("app", None, [RECORD] * 500)])
    assert transport.send(big, 5).verdict is Verdict.DELIVERED
    (request,) = receiver.wait_for_requests(1)
    assert request.headers["content-encoding"] == compression
    assert request.headers["x-tenant"] == "a b"
    assert request.size < len(big) / 10
    assert len(receiver.records) == 500


@pytest.mark.parametrize(
    ("mode", "verdict", "message"),
    [
        ("ok", Verdict.DELIVERED, ""),
        ("503", Verdict.RETRY, "503 Service Unavailable told to"),
        ("429", Verdict.RETRY, "429 Too Many Requests told to"),
        ("400", Verdict.BISECT, "400 Bad Request told to"),
        ("401", Verdict.HOLD, "401 Unauthorized told to"),
        ("redirect", Verdict.HOLD, "307 Temporary Redirect"),
        ("partial", Verdict.DELIVERED, "told to reject"),
        ("reset", Verdict.RETRY, "connection closed without an answer"),
        ("lost", Verdict.RETRY, "connection closed without an answer"),
    ],
)
def test_answer_becomes_a_verdict(
    receiver: OtlpReceiver, mode: str, verdict: Verdict, message: str
) -> None:
    """Each answer says what becomes of the batch; 3xx is a failure and not followed."""
    receiver.behave(mode, retry_after=7)
    answer = transport_to(receiver).send(PAYLOAD, 5)
    assert (answer.verdict, answer.message) == (verdict, message)
    assert answer.retry_after == (7 if mode == "429" else None)
    assert answer.rejected == (1 if mode == "partial" else 0)


def test_too_large_is_read_although_the_body_was_not(receiver: OtlpReceiver) -> None:
    """A receiver that refuses by size has its answer read."""
    receiver.behave("413", limit=10)
    answer = transport_to(receiver).send(PAYLOAD, 5)
    assert answer.verdict is Verdict.SPLIT


def test_refused_connection_is_retried_later(receiver: OtlpReceiver) -> None:
    """Nobody listening is a reason to wait, told in words."""
    transport = transport_to(receiver)
    receiver.stop()
    answer = transport.send(PAYLOAD, 5)
    assert answer.verdict is Verdict.RETRY
    assert "ConnectionRefusedError" in answer.message


def test_idle_connection_the_receiver_closed_is_replaced(receiver: OtlpReceiver) -> None:
    """After a restart of the receiver the next request is delivered at once."""
    transport = transport_to(receiver)
    assert transport.send(PAYLOAD, 5).verdict is Verdict.DELIVERED
    receiver.stop()
    with OtlpReceiver(with_grpc=False, http_port=receiver.http_port) as second:
        assert transport.send(PAYLOAD, 5).verdict is Verdict.DELIVERED
        assert len(second.records) == 1


def test_silent_receiver_times_out(receiver: OtlpReceiver) -> None:
    """A receiver that never answers costs no more than the timeout."""
    receiver.behave("hang")
    started = monotonic()
    answer = transport_to(receiver).send(PAYLOAD, 0.3)
    assert (answer.verdict, answer.message) == (Verdict.RETRY, "no answer in time")
    assert 0.25 < monotonic() - started < 2


def closes_under(transport: Any, receiver: OtlpReceiver, seen: int) -> float:
    """Close ``transport`` once its request hangs; return how long the sender then still took."""
    answers: list[Any] = []
    sender = threading.Thread(target=lambda: answers.append(transport.send(PAYLOAD, 30)))
    sender.start()
    receiver.wait_for_requests(seen)
    sleep(0.05)  # the request arrived; let the sender be inside its wait for the answer
    started = monotonic()
    transport.close()
    sender.join(10)
    assert answers[0].verdict is Verdict.RETRY
    return monotonic() - started


def test_close_ends_a_hanging_request(receiver: OtlpReceiver) -> None:
    """Another thread can end a request that hangs, and later ones fail at once."""
    receiver.behave("hang")
    transport = transport_to(receiver)
    assert closes_under(transport, receiver, 1) < 1
    assert transport.send(PAYLOAD, 30).message == "closed"


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Serve one connection with these very bytes; yield the URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                received = b""
                while PAYLOAD not in received:  # closing on unread bytes would reset
                    received += connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(5)


def date(seconds: float) -> bytes:
    """Return an HTTP date that many seconds from now."""
    return formatdate(time() + seconds, usegmt=True).encode()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"200 OK\r\n\r\nnot protobuf", Answer(Verdict.DELIVERED)),
        (b"204 No Content\r\n\r\n", Answer(Verdict.DELIVERED)),
        (b"429 X\r\nRetry-After: soon\r\n\r\n", Answer(Verdict.RETRY, "429 X")),
        (b"429 X\r\nRetry-After: 9999999999\r\n\r\n", Answer(Verdict.RETRY, "429 X", 300.0)),
        (b"400 X\r\n\r\n\x12\x09a\x1b[31m\nb\xff", Answer(Verdict.BISECT, "400 X")),
        (b"400 X\r\n\r\n\x12\x05a\x1b[\nb", Answer(Verdict.BISECT, "400 X a [ b")),
        (b"404 Not Found\r\n\r\n<html>", Answer(Verdict.HOLD, "404 Not Found")),
        (b"503 X\r\n\r\n" + b"x" * 200_000, Answer(Verdict.RETRY, "503 X")),
    ],
)
def test_answers_of_strangers_are_read_with_care(answer: bytes, expected: Answer) -> None:
    """Whatever a server that is no OTLP receiver sends becomes a verdict and one plain line."""
    with answering(b"HTTP/1.1 " + answer) as url:
        transport = OtlpHttp(endpoint_of(ENDPOINT=url))
        assert transport.send(PAYLOAD, 5) == expected
        transport.close()


@pytest.mark.parametrize(("seconds", "wait"), [(-9, 0), (999, 300.0)], ids=["past", "far"])
def test_a_date_to_retry_after_is_read_from_now_on(seconds: float, wait: float) -> None:
    """A date that is over means at once, one far ahead means the longest wait kept."""
    with answering(b"HTTP/1.1 429 X\r\nRetry-After: %s\r\n\r\n" % date(seconds)) as url:
        transport = OtlpHttp(endpoint_of(ENDPOINT=url))
        assert transport.send(PAYLOAD, 5) == Answer(Verdict.RETRY, "429 X", wait)
        transport.close()


def test_what_is_not_http_is_retried() -> None:
    """A server of another protocol is told from a receiver and costs no record."""
    with answering(b"\x16\x03\x01\r\n\r\n") as url:
        answer = OtlpHttp(endpoint_of(ENDPOINT=url)).send(PAYLOAD, 5)
    assert answer.verdict is Verdict.RETRY
    assert answer.message.startswith("BadStatusLine:")
    assert answer.message.isprintable()


# TLS.


def test_tls_with_the_authority_of_the_environment(certificates: Certificates) -> None:
    """``CERTIFICATE`` is what the receiver is verified by; without it nothing is sent."""
    tls = Tls(certificates.server, certificates.server_key)
    with OtlpReceiver(with_grpc=False, tls=tls) as receiver:
        trusting = transport_to(receiver, CERTIFICATE=str(certificates.ca))
        assert trusting.send(PAYLOAD, 5).verdict is Verdict.DELIVERED
        assert trusting.send(PAYLOAD, 5).verdict is Verdict.DELIVERED
        assert len({request.connection for request in receiver.requests}) == 1
        answer = transport_to(receiver).send(PAYLOAD, 5)
        assert answer.verdict is Verdict.HOLD
        assert answer.message.startswith("certificate not accepted: ")
        assert len(receiver.requests) == 2


def test_tls_with_a_client_certificate(certificates: Certificates) -> None:
    """A receiver that demands a client certificate gets it, and nothing without."""
    tls = Tls(certificates.server, certificates.server_key, client_ca=certificates.ca)
    with OtlpReceiver(with_grpc=False, tls=tls) as receiver:
        ca = str(certificates.ca)
        mutual = transport_to(
            receiver,
            CERTIFICATE=ca,
            CLIENT_KEY=str(certificates.client_key),
            CLIENT_CERTIFICATE=str(certificates.client),
        )
        assert mutual.send(PAYLOAD, 5).verdict is Verdict.DELIVERED
        assert transport_to(receiver, CERTIFICATE=ca).send(PAYLOAD, 5).verdict is Verdict.RETRY
        assert len(receiver.requests) == 1


def test_tls_close_ends_a_hanging_request(certificates: Certificates) -> None:
    """Ending a request from another thread works inside TLS too."""
    tls = Tls(certificates.server, certificates.server_key)
    with OtlpReceiver(with_grpc=False, tls=tls) as receiver:
        receiver.behave("hang")
        transport = transport_to(receiver, CERTIFICATE=str(certificates.ca))
        assert closes_under(transport, receiver, 1) < 1


def test_missing_certificate_file_does_not_raise(receiver: OtlpReceiver) -> None:
    """A certificate file that is not there is a failed attempt with a reason."""
    endpoint = endpoint_of(ENDPOINT="https://localhost:1", CERTIFICATE="/nowhere/ca.pem")
    answer = OtlpHttp(endpoint).send(PAYLOAD, 5)
    assert answer.verdict is Verdict.RETRY
    assert "FileNotFoundError" in answer.message
