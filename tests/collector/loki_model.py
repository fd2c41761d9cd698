"""What Loki makes of an OTLP request, by its documentation, and the limits it holds it to.

Loki runs only as an image. This model and a receiver in its place tell beforehand whether what
the collector's log branch really sends would be taken, and under which names it is found.
"""

from __future__ import annotations

import gzip
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Self

import yaml
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from queries import COLLECTOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

LIMITS: Final[dict[str, Any]] = yaml.safe_load(
    (COLLECTOR / "loki.yaml").read_text("utf-8"),
)["limits_config"]

# Defaults of the limits that the shipped file leaves alone.
MAX_LABELS: Final = 15
MAX_LINE: Final = 256 * 1024
MAX_METADATA: Final = 64 * 1024
MAX_ENTRIES: Final = 128


@dataclass(frozen=True, slots=True)
class Entry:
    """One log line as Loki keeps it."""

    labels: dict[str, str]
    metadata: dict[str, str]
    line: str
    nanoseconds: int

    def refused(self) -> list[str]:
        """List the limits that this entry breaks; each means HTTP 400 and a lost record."""
        size = sum(len(k.encode()) + len(v.encode()) for k, v in self.metadata.items())
        broken = {
            "no label": not self.labels,
            "too many labels": len(self.labels) > MAX_LABELS,
            "line too long": not LIMITS.get("max_line_size_truncate")
            and len(self.line.encode()) > MAX_LINE,
            "metadata too large": size > MAX_METADATA,
            "too much metadata": len(self.metadata) > MAX_ENTRIES,
            "no time": self.nanoseconds == 0,
        }
        return [reason for reason, true in broken.items() if true]


def entries(request: ExportLogsServiceRequest) -> Iterator[Entry]:
    """Map a request as Loki documents it."""
    for resource_logs in request.resource_logs:
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                yield _entry(resource_logs, scope_logs, record)


def _entry(resource_logs: ResourceLogs, scope_logs: ScopeLogs, record: LogRecord) -> Entry:
    resource = resource_logs.resource.attributes
    labels = dict(_flat(pair for pair in resource if pair.key in indexed()))
    metadata = dict(_flat(pair for pair in resource if pair.key not in indexed()))
    metadata |= {f"scope_{name}": text for name in ("name", "version")
                 if (text := getattr(scope_logs.scope, name))}
    metadata |= dict(_flat(scope_logs.scope.attributes))
    metadata |= dict(_flat(record.attributes))
    metadata |= {name: text for name, text in _slots(record).items() if text}
    labels.setdefault("service_name", "unknown_service")
    return Entry(labels, metadata, text_of(record.body),
                 record.time_unix_nano or record.observed_time_unix_nano)


def _slots(record: LogRecord) -> dict[str, str]:
    return {
        "trace_id": record.trace_id.hex(), "span_id": record.span_id.hex(),
        "flags": str(record.flags or ""), "severity_number": str(record.severity_number or ""),
        "severity_text": record.severity_text, "event_name": record.event_name,
        "observed_timestamp": str(record.observed_time_unix_nano or ""),
        "detected_level": record.severity_text.lower() or "unknown",
    }


def indexed() -> set[str]:
    """Give the resource attributes that become labels by the shipped file."""
    rules = LIMITS["otlp_config"]["resource_attributes"]
    assert rules["ignore_defaults"] is True
    return {
        name
        for rule in rules["attributes_config"]
        if rule["action"] == "index_label"
        for name in rule["attributes"]
    }


def _flat(pairs: Iterable[KeyValue], prefix: str = "") -> Iterator[tuple[str, str]]:
    for pair in pairs:
        name = prefix + re.sub(r"\W", "_", pair.key)
        if pair.value.HasField("kvlist_value"):
            yield from _flat(pair.value.kvlist_value.values, f"{name}_")
        else:
            yield name, text_of(pair.value)


def text_of(value: AnyValue) -> str:
    """Write a value as a string; what is inside lists and maps is of no matter here."""
    kind = value.WhichOneof("value")
    if kind is None:
        return ""
    found = getattr(value, kind)
    return str(found).lower() if kind == "bool_value" else str(found)


class LokiReceiver(ThreadingHTTPServer):
    """Takes what the collector sends to Loki's OTLP path, and keeps it."""

    def __init__(self) -> None:
        """Listen on the loopback address."""
        super().__init__(("127.0.0.1", 0), _Receive)
        self.url = f"http://127.0.0.1:{self.server_port}/otlp"
        self.paths: set[str] = set()
        self.sizes: list[int] = []
        self.entries: list[Entry] = []

    def __enter__(self) -> Self:
        """Serve from another thread."""
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()

    def found(self, record_id: str) -> Entry | None:
        """Give the entry of one record."""
        return next((e for e in list(self.entries)
                     if e.metadata.get("log_record_uid") == record_id), None)


class _Receive(BaseHTTPRequestHandler):
    server: LokiReceiver

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.paths.add(self.path)
        self.server.sizes.append(len(body))
        self.server.entries += entries(ExportLogsServiceRequest.FromString(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
