"""OTLP/gRPC: requests to a real receiver, status codes, TLS, and ends from outside."""

from __future__ import annotations

import subprocess
import sys
import threading
from time import monotonic, sleep
from typing import TYPE_CHECKING

import grpc
import pytest

from fm_otel.encoding.otlp import export_request
from fm_otel.encoding.protobuf import block
from fm_otel.sinks.answer import Answer, Verdict
from fm_otel.sinks.endpoint import OtlpEndpoint
from fm_otel.sinks.otlp_grpc import OtlpGrpc
from tests.otlp_certificates import Certificates, make_certificates
from tests.otlp_receiver import OtlpReceiver, Tls

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "OTEL_EXPORTER_OTLP_"
RECORD = block(5, block(1, b"hello"))
PAYLOAD = export_request(block(1, b""), [("app", None, [RECORD])])
LARGE = export_request(block(1, b""), [("app", None, [RECORD] * 10_000)])


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """A receiver over both protocols."""
    with OtlpReceiver() as running:
        yield running


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, a server and a client."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def transport_to(receiver: OtlpReceiver, **variables: str) -> OtlpGrpc:
    """Return a transport as the environment would make it."""
    variables = {"ENDPOINT": receiver.grpc_endpoint, "PROTOCOL": "grpc"} | variables
    environ = {PREFIX + name: value for name, value in variables.items()}
    endpoint = OtlpEndpoint.from_environ(environ, pytest.fail)
    assert endpoint is not None
    return OtlpGrpc(endpoint)


def test_records_and_metadata_arrive_over_one_channel(receiver: OtlpReceiver) -> None:
    """Requests share a connection; headers arrive as metadata."""
    transport = transport_to(receiver, HEADERS="Authorization=Bearer%20x")
    for _ in range(5):
        assert transport.send(PAYLOAD, 5).verdict is Verdict.DELIVERED
    transport.close()
    assert [record["body"] for record in receiver.records] == ["hello"] * 5
    assert len({request.connection for request in receiver.requests}) == 1
    assert receiver.requests[0].headers["authorization"] == "Bearer x"


def test_gzip_request_is_read(receiver: OtlpReceiver) -> None:
    """A compressed request says so and is read."""
    transport = transport_to(receiver, COMPRESSION="gzip")
    assert transport.send(LARGE, 5).verdict is Verdict.DELIVERED
    transport.close()
    assert len(receiver.records) == 10_000


@pytest.mark.parametrize(
    ("mode", "payload", "expected"),
    [
        ("ok", PAYLOAD, Answer(Verdict.DELIVERED)),
        ("503", PAYLOAD, Answer(Verdict.RETRY, "UNAVAILABLE told to")),
        ("429", LARGE, Answer(Verdict.RETRY, "RESOURCE_EXHAUSTED told to", 2.5)),
        ("413", LARGE, Answer(Verdict.SPLIT, "RESOURCE_EXHAUSTED told to")),
        ("413", PAYLOAD, Answer(Verdict.RETRY, "RESOURCE_EXHAUSTED told to")),
        ("400", PAYLOAD, Answer(Verdict.BISECT, "INVALID_ARGUMENT told to")),
        ("401", PAYLOAD, Answer(Verdict.HOLD, "UNAUTHENTICATED told to")),
        ("redirect", PAYLOAD, Answer(Verdict.HOLD, "UNIMPLEMENTED told to")),
        ("partial", PAYLOAD, Answer(Verdict.DELIVERED, "told to reject", rejected=1)),
    ],
)
def test_status_becomes_a_verdict(
    receiver: OtlpReceiver, mode: str, payload: bytes, expected: Answer
) -> None:
    """Each status code says what becomes of the batch; RetryInfo is read."""
    receiver.behave(mode, retry_after=2.5, limit=1)
    transport = transport_to(receiver)
    assert transport.send(payload, 5) == expected
    transport.close()


def test_too_large_for_the_receivers_own_limit_is_split() -> None:
    """The refusal gRPC itself makes of a message beyond its limit asks for smaller ones."""

    class Refusing(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, _details: object) -> object:
            return grpc.unary_unary_rpc_method_handler(lambda _body, _context: b"")

    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    limits = (("grpc.max_receive_message_length", 100_000),)
    server = grpc.server(ThreadPoolExecutor(1), (Refusing(),), options=limits)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    transport = OtlpGrpc(OtlpEndpoint("grpc", f"127.0.0.1:{port}", True, ""))  # noqa: FBT003
    assert transport.send(LARGE, 5).verdict is Verdict.SPLIT
    assert transport.send(PAYLOAD, 5).verdict is Verdict.DELIVERED
    transport.close()
    server.stop(None).wait(5)


def test_nobody_listening_is_retried_and_recovers(receiver: OtlpReceiver) -> None:
    """A channel to an absent receiver waits in words, and delivers soon after it came back."""
    transport = transport_to(receiver)
    receiver.stop()
    answer = transport.send(PAYLOAD, 5)
    assert answer.verdict is Verdict.RETRY
    assert answer.message.startswith("UNAVAILABLE ")
    with OtlpReceiver(grpc_port=receiver.grpc_port) as second:
        deadline = monotonic() + 15
        while transport.send(PAYLOAD, 5).verdict is not Verdict.DELIVERED:
            assert monotonic() < deadline
            sleep(0.1)
        assert len(second.records) == 1
        transport.close()


def test_silent_receiver_times_out(receiver: OtlpReceiver) -> None:
    """A receiver that never answers costs no more than the timeout."""
    receiver.behave("hang")
    transport = transport_to(receiver)
    started = monotonic()
    assert transport.send(PAYLOAD, 0.3).verdict is Verdict.RETRY
    assert 0.25 < monotonic() - started < 3
    transport.close()


def test_close_ends_a_hanging_call(receiver: OtlpReceiver) -> None:
    """Another thread can end a call that hangs, and later ones fail at once."""
    receiver.behave("hang")
    transport = transport_to(receiver)
    answers: list[Answer] = []
    sender = threading.Thread(target=lambda: answers.append(transport.send(PAYLOAD, 30)))
    sender.start()
    receiver.wait_for_requests(1)
    started = monotonic()
    transport.close()
    sender.join(10)
    assert monotonic() - started < 1
    assert answers[0].verdict is Verdict.RETRY
    assert transport.send(PAYLOAD, 30) == Answer(Verdict.RETRY, "closed")


def test_tls_with_client_certificate(certificates: Certificates) -> None:
    """The environment's certificates are used, and without them nothing is delivered."""
    tls = Tls(certificates.server, certificates.server_key, client_ca=certificates.ca)
    with OtlpReceiver(tls=tls) as receiver:
        files = {
            "CERTIFICATE": str(certificates.ca),
            "CLIENT_KEY": str(certificates.client_key),
            "CLIENT_CERTIFICATE": str(certificates.client),
        }
        transport = transport_to(receiver, **files)
        assert transport.send(PAYLOAD, 5).verdict is Verdict.DELIVERED
        transport.close()
        stranger = transport_to(receiver, CERTIFICATE=files["CERTIFICATE"])
        assert stranger.send(PAYLOAD, 2).verdict is Verdict.RETRY
        stranger.close()
        missing = transport_to(receiver, CERTIFICATE="/nowhere/ca.pem")
        assert missing.send(PAYLOAD, 2).verdict is Verdict.HOLD
        assert len(receiver.requests) == 1


def test_channel_is_given_up_before_a_fork(receiver: OtlpReceiver) -> None:
    """An idle channel is closed before a fork, and the next request opens one."""
    transport = transport_to(receiver)
    assert transport.send(PAYLOAD, 5).verdict is Verdict.DELIVERED
    started = monotonic()
    transport.before_fork()
    assert monotonic() - started < 0.5
    assert transport.send(PAYLOAD, 5).verdict is Verdict.DELIVERED
    transport.close()
    assert len({request.connection for request in receiver.requests}) == 2


def test_sink_and_http_transport_do_without_grpc_and_protobuf() -> None:
    """Only the gRPC transport pulls grpc in; nothing of ours needs the protobuf package."""
    program = (
        "import sys, fm_otel.sinks.otlp, fm_otel.sinks.otlp_http, fm_otel.sinks.endpoint\n"
        "print([m for m in ('grpc', 'google.protobuf', 'opentelemetry.sdk') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )  # noqa: S603 - fixed text
    assert run.stdout == "[]\n"
