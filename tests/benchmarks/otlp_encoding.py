"""Cost of encoding one OTLP record with 14 attributes, one of them nested.

Run ``python tests/benchmarks/otlp_encoding.py``. Span and context change every 10 records, as
in a service; values are fresh strings. Prints nanoseconds per record beside upstream's encoder.
"""

from __future__ import annotations

import argparse
import sys
from time import process_time_ns
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext

from fm_otel.encoding.otlp import OtlpEncoder, export_request
from fm_otel.record import ContextFacts, Facts, Process
from fm_otel.site import Site

PER_REQUEST = 10
RESOURCE: dict[str, Any] = {"service.name": "bench", "process.pid": 1, "host.name": "h"}
PROCESS = Process("bench", "bench", "1", "h", 1, "0123456789abcdef-", RESOURCE)
SITE = Site(
    "app.bench",
    20,
    "INFO",
    file_path="app/bench.py",
    function="work",
    qualified_function="app.bench.work",
    line=10,
)


def extras(number: int, *, nested: bool) -> dict[str, Any]:
    """Return five extras, or six with a nested one, as the capture leaves them."""
    flat: dict[str, Any] = {
        "provider": f"provider-{number % 5}",
        "milestone": "data_validated",
        "attempt": number % 7,
        "ratio": number / 3,
        "path": f"/cases/{number}",
    }
    return flat | {"detail": {"host": "h1", "ports": [80, 443], "ok": True}} if nested else flat


def make(count: int, *, nested: bool) -> list[Facts]:
    """Return ``count`` records' facts."""
    records = []
    for number in range(count):
        if number % PER_REQUEST == 0:
            span = SpanContext(number + 1, number + 1, is_remote=False)
            context = ContextFacts(
                {
                    "correlation_id": f"c-{number}",
                    "session_id": f"s-{number}",
                    "user_id": "u",
                    "agent_phase": "define_blast_radius",
                },
                {},
                {},
            )
        of = Facts()
        of.time_ns, of.seq = 1_700_000_000_000_000_000 + number, number
        of.record_id = f"0123456789abcdef-{number:x}"
        of.site, of.message, of.context, of.span = SITE, f"Processing {number}", context, span
        of.fields, of.plain, of.extra = {}, extras(number, nested=nested), {}
        of.error = of.http = of.audit = of.weight = None
        of.sanitized = ()
        records.append(of)
    return records


def ours(records: list[Facts]) -> float:
    """Return nanoseconds per record, request included."""
    for of in records:
        of.context.otlp = None
    encoder = OtlpEncoder(PROCESS)
    start = process_time_ns()
    for at in range(0, len(records), 512):
        encoded = [encoder.encode(of) for of in records[at : at + 512]]
        export_request(encoder.resource, [("app.bench", None, encoded)])
    return (process_time_ns() - start) / len(records)


def upstream(records: list[Facts]) -> float:
    """Return nanoseconds per record of upstream's encoder for as many attributes."""
    resource, scope = Resource(RESOURCE), InstrumentationScope("app.bench")
    readable = [
        ReadableLogRecord(
            LogRecord(
                timestamp=of.time_ns,
                observed_timestamp=of.time_ns,
                severity_number=SeverityNumber.INFO,
                severity_text="INFO",
                body=of.message,
                attributes={f"faultmaven.{k}": v for k, v in of.context.schema.items()}
                | {"code.file.path": "a", "code.function.name": "b", "code.line.number": 1}
                | {"log.record.uid": of.record_id, "faultmaven.seq": of.seq}
                | dict[str, Any](of.plain),
            ),
            resource,
            scope,
        )
        for of in records
    ]
    start = process_time_ns()
    for at in range(0, len(readable), 512):
        encode_logs(readable[at : at + 512]).SerializeToString()
    return (process_time_ns() - start) / len(readable)


def main() -> None:
    """Print the best and median of interleaved rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    nested, flat = make(5120, nested=True), make(5120, nested=False)
    rows: dict[str, list[float]] = {"ours, nested": [], "ours, flat": [], "upstream, nested": []}
    for number in range(rounds):
        rows["ours, nested"].append(ours(nested))
        rows["ours, flat"].append(ours(flat))
        rows["upstream, nested"].append(upstream(nested))
        if sys.stderr.isatty():
            print(f"\rround {number + 1}/{rounds}", end="", file=sys.stderr)  # noqa: T201
    for name, figures in rows.items():
        figures.sort()
        print(f"{name:18} best {figures[0]:7.0f}  median {figures[len(figures) // 2]:7.0f} ns")  # noqa: T201


if __name__ == "__main__":
    main()
