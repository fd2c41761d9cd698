"""A record set aside can be sent again: the collector takes the line as it stands."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest
import yaml
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from stack_parts import Part, eventually, free_port

from fm_otel.sinks.quarantine import Quarantine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.stack


@pytest.fixture
def bare(otelcol: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Run a collector that writes what it is sent; give its address and its file."""
    receiver, health = (f"127.0.0.1:{free_port()}" for _ in range(2))
    file, config = tmp_path / "out.jsonl", tmp_path / "bare.yaml"
    config.write_text(yaml.safe_dump({
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": receiver}}}},
        "exporters": {"file": {"path": str(file)}},
        "extensions": {"health_check": {"endpoint": health}},
        "service": {
            "extensions": ["health_check"],
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"logs": {"receivers": ["otlp"], "exporters": ["file"]}},
        },
    }))
    part = Part("bare", [otelcol, f"--config={config}"], f"http://{health}", tmp_path)
    try:
        part.start()
        yield f"http://{receiver}/v1/logs", file
    finally:
        part.stop()


def refused() -> bytes:
    """Give a request with a value of every kind."""
    message = ExportLogsServiceRequest()
    logs = message.resource_logs.add(schema_url="https://example.com/1")
    logs.resource.attributes.add(key="process.pid").value.int_value = 2**62
    scope = logs.scope_logs.add()
    scope.scope.name, scope.scope.version = "app", "1"
    record = scope.log_records.add(
        time_unix_nano=2**60, observed_time_unix_nano=2**60 + 1, severity_text="ERROR",
        severity_number=17,  # type: ignore[arg-type]
        trace_id=bytes(range(16)), span_id=b"\xff" * 8, flags=1, event_name="e",
        dropped_attributes_count=3,
    )
    record.body.string_value = "Zürich\n\u2028"
    values = record.attributes
    values.add(key="bytes").value.bytes_value = b"\x00\xff"
    values.add(key="double").value.double_value = 0.5
    values.add(key="endless").value.double_value = math.inf
    values.add(key="false").value.bool_value = False
    values.add(key="array").value.array_value.values.add().int_value = -1
    values.add(key="map").value.kvlist_value.values.add(key="k").value.string_value = ""
    return message.SerializeToString()


def test_line_is_what_the_collector_takes_and_writes(
    bare: tuple[str, Path], tmp_path: Path
) -> None:
    """Posted as README says, it comes out of the collector's file exporter the same."""
    url, file = bare
    Quarantine(str(tmp_path / "kept")).keep(refused())
    (kept,) = (tmp_path / "kept").iterdir()
    request = Request(url, kept.read_bytes().rstrip(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=10) as answer:
        assert json.loads(answer.read()) == {"partialSuccess": {}}
    written = eventually(lambda: file.exists() and file.read_text(), 20)
    assert json.loads(str(written)) == json.loads(kept.read_text())
