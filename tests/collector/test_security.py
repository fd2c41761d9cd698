"""secure.yaml: receivers take what is encrypted and carries the token, and nothing else."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, NamedTuple

import grpc
import pytest
from conftest import lines_with
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from otlp_requests import GrpcSender, line, request_of, send_http
from stack_parts import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.stack

TOKEN = "a-token-of-this-test"  # noqa: S105 - not a secret


class Secured(NamedTuple):
    """A collector started with secure.yaml, and its certificate."""

    collector: Collector
    certificate: bytes


def write_certificate(folder: Path) -> bytes:
    """Make a certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "collector")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "cert.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ))
    (folder / "token").write_text(TOKEN, encoding="ascii")
    return pem


@pytest.fixture(scope="module")
def secured(otelcol: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Run a collector with the switch on."""
    assert otelcol
    folder = tmp_path_factory.mktemp("secured")
    certificate = write_certificate(folder)
    part = Collector(folder, ["otelcol.yaml", "secure.yaml"], environment={
        "FM_TLS_CERT": str(folder / "cert.pem"),
        "FM_TLS_KEY": str(folder / "key.pem"),
        "FM_TOKEN_FILE": str(folder / "token"),
    })
    try:
        yield Secured(part.start(), certificate)
    finally:
        part.stop()


def post_over_tls(secured: Secured, payload: bytes, headers: dict[str, str]) -> int:
    """Send over HTTPS, trusting the collector's certificate only."""
    context = ssl.create_default_context(cadata=secured.certificate.decode())
    request = urllib.request.Request(
        secured.collector.http.replace("http:", "https:") + "/v1/logs", payload,
        {"Content-Type": "application/x-protobuf", **headers},
    )
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as response:
            return int(response.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_plain_http_is_refused(secured: Secured) -> None:
    """Nobody sends unencrypted by accident."""
    record = line()
    assert send_http(secured.collector.http, request_of(record)) not in (200, 202)
    with grpc.insecure_channel(secured.collector.grpc) as channel:
        assert GrpcSender(channel).send(request_of(record)) is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("header", [None, "Bearer wrong", TOKEN, "Basic " + TOKEN])
def test_http_without_the_token_is_refused(secured: Secured, header: str | None) -> None:
    """Without the token, or with another one, a sender is told 401."""
    headers = {"Authorization": header} if header else {}
    payload = request_of(line()).SerializeToString()
    assert post_over_tls(secured, payload, headers) == 401


def test_http_with_the_token_is_taken(secured: Secured) -> None:
    """With TLS and the token the line is written."""
    record = line()
    payload = request_of(record).SerializeToString()
    assert post_over_tls(secured, payload, {"Authorization": f"Bearer {TOKEN}"}) == 200
    assert lines_with(secured.collector.file, {record["record_id"]})


def test_grpc_asks_for_the_same(secured: Secured) -> None:
    """The same over gRPC: refused without the token, taken with it."""
    record = line()
    trusted = grpc.ssl_channel_credentials(secured.certificate)
    with grpc.secure_channel(secured.collector.grpc, trusted) as channel:
        sender = GrpcSender(channel)
        refused = sender.send(request_of(line()))
        taken = sender.send(request_of(record), (("authorization", f"Bearer {TOKEN}"),))
    assert (refused, taken) == (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.OK)
    assert lines_with(secured.collector.file, {record["record_id"]})


def test_token_is_in_no_log(secured: Secured) -> None:
    """The collector's own log never shows the token."""
    assert TOKEN not in secured.collector.log.read_text(encoding="utf-8")
