"""CPU per record in the collector: pass-through, file branch with redaction, full pipeline.

    python tests/benchmarks/collector_throughput.py [--records N] [--rounds N] [--json]

Pass-through means received, checked against the memory limit and sent on to another collector.
Each variant gets the same pre-encoded batches by gRPC; what counts is the processor time of the
collector's process, so neither the sender nor other programs of the machine blur the figure. The
ratios to the pass-through of the same run are what is judged.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import secrets
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / ".ci"), str(ROOT / "tests" / "collector")]

import grpc
from otlp_requests import GrpcSender, line, request_of
from stack_parts import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

BATCH: Final = 512
LIMITS: Final = {"file": 6.0, "full": 8.0}


class Cost(NamedTuple):
    """What one variant took."""

    variant: str
    microseconds: float
    ratio: float
    records_per_core_second: int


def overlays() -> dict[str, str]:
    """Give the pipelines of each variant, laid over the shipped configuration."""
    plain = "  otlp_grpc/jaeger: {sending_queue: {storage: null}}\n"
    head = f"exporters:\n  nop:\n{plain}receivers:\n  otlp/idle:\n    protocols:\n      http:\n"
    head += "        endpoint: 127.0.0.1:0\nservice:\n  pipelines:\n"
    idle = "receivers: [otlp/idle], processors: [], exporters: [nop]"
    bare = "receivers: [otlp], processors: [memory_limiter], exporters: [otlp_grpc/jaeger]"
    store, metrics = f"    logs/store: {{{idle}}}\n", f"    logs/metrics: {{{idle}}}\n"
    derived = f"    metrics/derived: {{{idle}}}\n"
    return {
        "pass-through": f"{head}    logs/in: {{{bare}}}\n"
        f"    logs/file: {{{idle}}}\n{store}{metrics}{derived}",
        "file": head + store + metrics + derived,
        "full": "",
    }


def batches(count: int) -> list[ExportLogsServiceRequest]:
    """Encode records as the demo writes them: about 620 bytes of JSON, every tenth nested."""
    rng = random.Random(7)
    made = []
    for start in range(0, count, BATCH):
        records = [record(rng, n) for n in range(start, min(start + BATCH, count))]
        made.append(merged(records))
    return made


def record(rng: random.Random, number: int) -> dict[str, object]:
    """Make one line."""
    failed = number % 20 == 0
    extra: dict[str, object] = {}
    if number % 10 == 0:
        extra["details"] = {"steps": [1, 2, 3], "source": {"name": "pod-7", "ready": True}}
    if failed:
        extra["error"] = {"type": "TimeoutError", "message": "no answer in 30 s",
                          "error_code": "LLM_PROVIDER_ERROR", "category": "INFRA"}
    return line(
        level="ERROR" if failed else "INFO",
        logger="faultmaven.services.agent",
        message=f"Processing milestone reached after {rng.randint(1, 900)} ms for query {number}",
        correlation_id=f"{rng.getrandbits(128):032x}",
        session_id=f"session-{rng.randint(1, 500)}",
        user_id=f"user-{rng.randint(1, 500)}",
        agent_phase="define_blast_radius",
        trace_id=f"{rng.getrandbits(128) | 1:032x}",
        span_id=f"{rng.getrandbits(64) | 1:016x}",
        trace_flags="01",
        module="agent", function="process", line=rng.randint(1, 400),
        operation="process_query", outcome="error" if failed else "ok",
        duration_ms=rng.random() * 2000, tokens_used=rng.randint(1, 4000),
        cache_hit=rng.random() < 0.4, record_id=secrets.token_hex(16), seq=number,
        milestone="data_validated", **extra,
    )


def merged(records: list[dict[str, object]]) -> ExportLogsServiceRequest:
    """Put the records of one process under one resource and scope, as the SDK sends them."""
    request = request_of(*records)
    target = request.resource_logs[0].scope_logs[0].log_records
    for other in request.resource_logs[1:]:
        target.extend(other.scope_logs[0].log_records)
    del request.resource_logs[1:]
    return request


def cpu_seconds(pid: int) -> float:
    """Read the processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def microseconds(
    collector: Collector, warm: list[ExportLogsServiceRequest],
    requests: list[ExportLogsServiceRequest],
) -> float:
    """Send everything and give the processor time per record."""
    assert collector.process is not None
    with grpc.insecure_channel(collector.grpc) as channel:
        sender = GrpcSender(channel)
        for request in warm:
            sender.send(request)
        time.sleep(1.5)
        before = cpu_seconds(collector.process.pid)
        for request in requests:
            assert sender.send(request) is grpc.StatusCode.OK
        time.sleep(2.5)  # the branches that work behind a queue
        used = cpu_seconds(collector.process.pid) - before
    return used * 1e6 / sum(len(r.resource_logs[0].scope_logs[0].log_records) for r in requests)


def measured(count: int, rounds: int) -> list[Cost]:
    """Run every variant some times, in turn; the least disturbed round of each counts."""
    warm, requests = batches(4 * BATCH), batches(count)
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name, sink(Path(name)) as behind:
        for number in range(rounds):
            for variant, text in overlays().items():
                overlay = Path(name) / f"{variant}.yaml"
                overlay.write_text(text, encoding="utf-8")
                part = Collector(
                    Path(name), ["otelcol.yaml", *([overlay] if text else [])],
                    name=f"{variant}-{number}", logstore=behind.http, jaeger=behind.grpc,
                )
                with running(part):
                    us = microseconds(part, warm, requests)
                best[variant] = min(us, best.get(variant, us))
    base = best["pass-through"]
    return [
        Cost(variant, round(us, 1), round(us / base, 2), int(1e6 / us))
        for variant, us in best.items()
    ]


@contextmanager
def running(part: Collector) -> Iterator[Collector]:
    """Run a collector for a while."""
    try:
        yield part.start()
    finally:
        part.stop()


@contextmanager
def sink(folder: Path) -> Iterator[Collector]:
    """Run a collector that takes everything and keeps nothing."""
    swallow = folder / "sink.yaml"
    text = overlays()["pass-through"].replace("[otlp_grpc/jaeger]", "[nop]")
    swallow.write_text(text, encoding="utf-8")
    with running(Collector(folder, ["otelcol.yaml", swallow], name="sink")) as part:
        yield part


def main() -> int:
    """Print the figures; 1 when a ratio is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    costs = measured(options.records, options.rounds)
    if options.json:
        print(json.dumps([cost._asdict() for cost in costs]))
    else:
        for cost in costs:
            print(f"{cost.variant:13} {cost.microseconds:7.1f} us/record {cost.ratio:5.2f} x "
                  f"{cost.records_per_core_second:7,d} records/s per core")
    return int(any(cost.ratio > LIMITS.get(cost.variant, 1e9) for cost in costs))


if __name__ == "__main__":
    sys.exit(main())
