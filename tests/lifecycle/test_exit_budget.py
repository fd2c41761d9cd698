"""No exit waits longer than its budget, whatever the collector does, all signals on."""

from __future__ import annotations

import re
import signal
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from otlp_receiver import OtlpReceiver

    from .rig import Bench, Program

BUDGET = 1.0
TOLERANCE = 1.5
"""Seconds the interpreter may take for its own end on a busy machine; upstream takes 14 to 20."""

SOURCE = """
import logging, os, pathlib, signal, sys, time
from opentelemetry import metrics, trace
log = logging.getLogger("app")
log.setLevel(logging.DEBUG)
counter = metrics.get_meter("m").create_counter("c")
with trace.get_tracer("t").start_as_current_span("s"):
    for n in range(300):
        log.info("record %d", n)
        counter.add(1)
pathlib.Path("leaving").write_text(str(time.monotonic()))
if sys.argv[1] == "term":
    os.kill(os.getpid(), signal.SIGTERM)
"""
COLLECTORS = ["refused", "503", "hang"]


def endpoint(receiver: OtlpReceiver, mode: str, protocol: str) -> dict[str, str]:
    if mode == "refused":
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    else:
        receiver.behave(mode)
        url = receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_METRIC_EXPORT_INTERVAL": "100", "FM_OTEL_EXIT_TIMEOUT_MS": str(int(BUDGET * 1000)),
    }


def exit_seconds(bench: Bench, program: Program) -> float:
    return program.ended_at - float((bench.directory / "leaving").read_text())


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("mode", COLLECTORS)
def test_an_exit_ends_in_time_and_counts_what_is_left(
    bench: Bench, receiver: OtlpReceiver, mode: str, protocol: str,
) -> None:
    """The console has everything; one line says how many records the collector did not get."""
    program = bench.run(SOURCE, "end", env=endpoint(receiver, mode, protocol))
    assert program.process.returncode == 0
    assert program.messages("app") == [f"record {n}" for n in range(300)]
    assert exit_seconds(bench, program) <= BUDGET + TOLERANCE
    [told] = [line for line in program.stderr.splitlines() if "not delivered" in line]
    counted = sum(int(number) for number in re.findall(r"\b[a-z_]+ (\d+)", told))
    # 300, and the start and stop record.
    assert counted == 302, program.stderr


@pytest.mark.parametrize("mode", COLLECTORS)
def test_sigterm_ends_in_time_with_its_own_status(
    bench: Bench, receiver: OtlpReceiver, mode: str,
) -> None:
    """An orchestrator kills who takes too long."""
    program = bench.run(SOURCE, "term", env=endpoint(receiver, mode, "http/protobuf"))
    assert program.process.returncode == -signal.SIGTERM
    assert program.messages("app") == [f"record {n}" for n in range(300)]
    assert exit_seconds(bench, program) <= BUDGET + TOLERANCE


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_an_answering_collector_gets_all_three_signals(
    bench: Bench, receiver: OtlpReceiver, protocol: str,
) -> None:
    """The budget is no excuse: what can be delivered is."""
    program = bench.run(SOURCE, "end", env=endpoint(receiver, "ok", protocol))
    assert program.process.returncode == 0
    assert program.stderr == ""
    bodies = [record["body"] for record in receiver.records if record["logger"] == "app"]
    assert bodies == [f"record {n}" for n in range(300)]
    assert {request.signal for request in receiver.requests} == {
        "/v1/logs", "/v1/traces", "/v1/metrics"}


@pytest.mark.parametrize("way", ["os._exit(3)", "os.execv('/bin/sh', ['sh', '-c', 'exit 3'])"])
def test_a_hard_exit_gives_the_network_a_moment_only(
    bench: Bench, receiver: OtlpReceiver, way: str,
) -> None:
    """``os._exit`` drains to the kernel, tells what the collector did not take, and goes."""
    source = SOURCE.replace('os.kill(os.getpid(), signal.SIGTERM)', way)
    env = {**endpoint(receiver, "hang", "http/protobuf"), "FM_OTEL_EXIT_TIMEOUT_MS": "20000"}
    program = bench.run(source, "term", env=env)
    assert program.process.returncode == 3
    assert program.messages("app") == [f"record {n}" for n in range(300)]
    assert exit_seconds(bench, program) <= TOLERANCE
    told = [line for line in program.stderr.splitlines() if "not delivered" in line]
    assert told == [
        "fm_otel: records not delivered: spool_unavailable 301" if "_exit" in way else
        "fm_otel: the program is about to be replaced, records not delivered: 301"
    ]
