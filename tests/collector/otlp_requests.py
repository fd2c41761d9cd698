"""OTLP requests made by hand, and a sender that knows what was acknowledged."""

from __future__ import annotations

import secrets
import urllib.error
import urllib.request
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from fm_otel.fields import BY_NAME, Field, Wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SEVERITY: Final = {"DEBUG": 5, "INFO": 9, "WARNING": 13, "ERROR": 17, "CRITICAL": 21}
RESOURCE: Final = {
    "service": "faultmaven-api",
    "environment": "test",
    "version": "1.2.3",
    "hostname": "host-a",
    "pid": 4711,
}
_SCALARS: Final = (
    (bool, "bool_value"), (int, "int_value"), (float, "double_value"), (str, "string_value"),
    (bytes, "bytes_value"),
)


def any_value(value: object) -> AnyValue:
    """Write a Python value; None is the empty value."""
    if value is None:
        return AnyValue()
    for kind, slot in _SCALARS:
        if isinstance(value, kind):
            return AnyValue(**{slot: value})
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=key_values(value)))
    return AnyValue(array_value=ArrayValue(values=[any_value(v) for v in value]))


def key_values(mapping: Mapping[str, object]) -> list[KeyValue]:
    """Write a mapping."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in mapping.items()]


def line(**fields: object) -> dict[str, Any]:
    """Make a complete line of the schema: what every record has, and these fields."""
    required = {
        "timestamp": "2026-03-01T12:00:00.123Z",
        "level": "INFO",
        "logger": "app.service",
        "message": "hello",
        **RESOURCE,
        "record_id": secrets.token_hex(16),
        "seq": 1,
    }
    return required | fields


def nanoseconds(timestamp: str) -> int:
    """Read the line's time."""
    moment = datetime.fromisoformat(timestamp)
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1000


def request_of(*lines: Mapping[str, Any]) -> ExportLogsServiceRequest:
    """Write lines as OTLP, field by field as the field table says."""
    return ExportLogsServiceRequest(resource_logs=[_resource_logs(each) for each in lines])


def _resource_logs(fields: Mapping[str, Any]) -> ResourceLogs:
    resource = {
        f.at: fields[f.name]
        for f in BY_NAME.values()
        if f.wire is Wire.RESOURCE and f.name in fields
    }
    return ResourceLogs(
        resource=Resource(attributes=key_values(resource)),
        scope_logs=[
            ScopeLogs(
                scope=InstrumentationScope(name=fields["logger"]), log_records=[_record(fields)]
            )
        ],
    )


def _record(fields: Mapping[str, Any]) -> LogRecord:
    return LogRecord(
        time_unix_nano=nanoseconds(fields["timestamp"]),
        observed_time_unix_nano=nanoseconds(fields["timestamp"]),
        severity_number=SEVERITY[fields["level"]],
        body=any_value(fields["message"]),
        event_name=fields.get("event", ""),
        trace_id=bytes.fromhex(fields.get("trace_id", "")),
        span_id=bytes.fromhex(fields.get("span_id", "")),
        flags=int(fields.get("trace_flags", "0"), 16),
        attributes=key_values(_attributes(fields)),
    )


def _attributes(fields: Mapping[str, Any]) -> dict[str, object]:
    attributes: dict[str, object] = {}
    for name, value in fields.items():
        known = BY_NAME.get(name)
        if known is None:
            attributes[name] = value
        elif known.wire is Wire.ATTRIBUTE:
            attributes |= _attribute(known, value)
    return attributes


def _attribute(known: Field, value: Any) -> dict[str, object]:  # noqa: ANN401 - JSON
    if known.members:
        return {m.at: value[m.name] for m in known.members if m.name in value}
    spelled = {"module": "app/{}.py", "function": "app.service.Engine.{}"}.get(known.name, "")
    return {known.at: spelled.format(value) if spelled else value}


def foreign(
    records: Iterable[LogRecord],
    resource: Mapping[str, object] | None = None,
    scope: str = "other.sdk",
) -> ExportLogsServiceRequest:
    """Write records as some other SDK would."""
    return ExportLogsServiceRequest(
        resource_logs=[
            ResourceLogs(
                resource=Resource(attributes=key_values(resource or {})),
                scope_logs=[
                    ScopeLogs(scope=InstrumentationScope(name=scope), log_records=list(records))
                ],
            )
        ]
    )


def post(
    url: str, payload: bytes, headers: Mapping[str, str] | None = None, seconds: float = 10
) -> int:
    """Send one request over HTTP and give the status; 0 when nobody answered."""
    request = urllib.request.Request(
        url, payload, {"Content-Type": "application/x-protobuf", **(headers or {})}
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds) as response:
            return int(response.status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0


def send_http(base: str, request: ExportLogsServiceRequest, **options: Any) -> int:  # noqa: ANN401
    """Send logs over HTTP."""
    return post(f"{base}/v1/logs", request.SerializeToString(), **options)


class GrpcSender:
    """A channel to a collector's log service."""

    def __init__(self, channel: grpc.Channel) -> None:
        """Prepare the call."""
        self.channel = channel
        self.export = channel.unary_unary(
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            request_serializer=ExportLogsServiceRequest.SerializeToString,
            response_deserializer=ExportLogsServiceResponse.FromString,
        )

    def send(
        self, request: ExportLogsServiceRequest, metadata: tuple[tuple[str, str], ...] = ()
    ) -> grpc.StatusCode:
        """Send logs and give the status."""
        try:
            self.export(request, timeout=10, metadata=metadata)
        except grpc.RpcError as refused:
            code: grpc.StatusCode = refused.code()
            return code
        return grpc.StatusCode.OK
