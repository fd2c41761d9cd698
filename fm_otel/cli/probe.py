"""``fm-otel doctor --send``: one marked record through OTLP, and what the receiver said."""

from __future__ import annotations

import os
import platform
import secrets
import time
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

from fm_otel.encoding.otlp import OtlpEncoder, export_request
from fm_otel.record import ContextFacts, Facts, Process
from fm_otel.sinks.answer import Verdict
from fm_otel.site import Site

if TYPE_CHECKING:
    from fm_otel.settings import Settings
    from fm_otel.sinks.answer import Answer, Transport
    from fm_otel.sinks.endpoint import OtlpEndpoint

LOGGER: Final = "faultmaven.doctor"
_INFO: Final = 20
_TRANSPORTS: Final = {
    "http/protobuf": ("fm_otel.sinks.otlp_http", "OtlpHttp"),
    "grpc": ("fm_otel.sinks.otlp_grpc", "OtlpGrpc"),
}


@dataclass(frozen=True, slots=True)
class Probe:
    """How the marked record fared."""

    delivered: bool
    answer: str
    latency_ms: float
    mark: str


def send(endpoint: OtlpEndpoint, settings: Settings) -> Probe:
    """Send one record, once, without retries: the first answer is the one to know."""
    mark = f"doctor-{secrets.token_hex(8)}"
    payload = _payload(settings, mark)
    transport = _transport(endpoint)
    began = time.perf_counter()
    try:
        answer = transport.send(payload, endpoint.timeout)
    finally:
        transport.close()
    latency_ms = (time.perf_counter() - began) * 1000
    taken = answer.verdict is Verdict.DELIVERED and not answer.rejected
    return Probe(taken, _told(answer), round(latency_ms, 1), mark)


def _told(answer: Answer) -> str:
    if answer.verdict is not Verdict.DELIVERED:
        return answer.message or answer.verdict.name.lower()
    if answer.rejected:
        return f"accepted the request, rejected the record: {answer.message or 'no reason given'}"
    return f"accepted; {answer.message}" if answer.message else "accepted"


def _transport(endpoint: OtlpEndpoint) -> Transport:
    module, name = _TRANSPORTS[endpoint.protocol]
    transport: Transport = getattr(import_module(module), name)(endpoint)
    return transport


def _payload(settings: Settings, mark: str) -> bytes:
    encoder = OtlpEncoder(_process(settings))
    record = encoder.encode(_facts(mark))
    return export_request(encoder.resource, [(LOGGER, None, [record])])


def _process(settings: Settings) -> Process:
    hostname, pid = platform.node(), os.getpid()
    resource: dict[str, object] = {
        "service.name": settings.service,
        "deployment.environment.name": settings.environment,
        "service.version": settings.version,
        "host.name": hostname,
        "process.pid": pid,
    }
    return Process(settings.service, settings.environment, settings.version, hostname, pid,
                   "", resource)


def _facts(mark: str) -> Facts:
    facts = Facts()
    facts.time_ns = time.time_ns()
    facts.seq = 0
    facts.record_id = mark
    facts.site = Site(LOGGER, _INFO, "INFO")
    facts.message = f"Test record of fm-otel doctor: {mark}"
    facts.context = ContextFacts({}, {}, {})
    facts.fields = {"event": "faultmaven.doctor", "correlation_id": mark}
    facts.plain = {}
    facts.extra = {}
    facts.error = facts.http = facts.audit = None
    facts.span = facts.weight = None
    facts.sanitized = ()
    return facts
