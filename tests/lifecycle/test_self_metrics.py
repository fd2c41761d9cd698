"""The pipeline's own metrics, as an OTLP receiver gets them: complete, exact, never backwards."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from .rig import eventually

if TYPE_CHECKING:
    from otlp_receiver import OtlpReceiver

    from .rig import Bench, Program

Point = dict[str, Any]

PIPELINE = {"otel.component.type": "fm_otel_pipeline", "otel.component.name": "fm_otel/0"}
REASONS = ["queue_full", "cap", "rejected", "corrupt", "too_large", "encode", "shutdown",
           "spool_unavailable", "console", "file", "crash"]
PROCESSED = "otel.sdk.processor.log.processed"
SERIES: list[tuple[str, dict[str, str], int]] = [
    ("otel.sdk.log.created", PIPELINE, 0),
    (PROCESSED, PIPELINE, 0),
    *((PROCESSED, {**PIPELINE, "error.type": reason}, 0) for reason in REASONS),
    *(("otel.sdk.exporter.log.exported", {"otel.component.name": f"fm_otel/{sink}"}, 0)
      for sink in ("console", "file", "audit", "otlp")),
    *(("fm_otel.log.sampled_out", {"rule": rule}, 0)
      for rule in ("rate", "quiet", "limit", "duplicate")),
    ("fm_otel.log.late", PIPELINE, 0),
    ("otel.sdk.processor.log.queue.size", PIPELINE, 0),
    ("otel.sdk.processor.log.queue.capacity", PIPELINE, 20_000),
    ("otel.sdk.exporter.log.inflight", PIPELINE, 0),
    ("fm_otel.spool.bytes", PIPELINE, 0),
]
GAUGES = {"otel.sdk.processor.log.queue.size", "otel.sdk.processor.log.queue.capacity",
          "otel.sdk.exporter.log.inflight", "fm_otel.spool.bytes"}

HEAD = """
import logging, os, pathlib, time
log = logging.getLogger("app")
def wait_for(name):
    while not pathlib.Path(name).exists():
        time.sleep(0.01)
"""


def environment(receiver: OtlpReceiver, **settings: str) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.http_endpoint,
            "OTEL_METRIC_EXPORT_INTERVAL": "100",
            # On a busy machine the last export takes longer than programs like to wait.
            "FM_OTEL_EXIT_TIMEOUT_MS": "20000",
            "FM_OTEL_SPOOL_DIR": "off", **settings}


def ours(points: list[Point]) -> list[Point]:
    return [point for point in points if point["scope"] == "fm_otel"]


def key(point: Point) -> str:
    """Return what a person would call a series: the name's end with what tells it apart."""
    attributes = point["attributes"]
    name = point["name"].rpartition("log.")[2]
    told = attributes.get("error.type") or attributes.get("rule")
    if name == "exported":
        told = attributes["otel.component.name"].partition("/")[2]
    return f"{name} {told}" if told else name


def counted(points: list[Point]) -> dict[str, int]:
    """Return every count that is not 0; the capacity is no count."""
    return {key(point): point["value"] for point in ours(points)
            if point["value"] and not point["name"].endswith("capacity")}


def assert_only_up(exports: list[list[Point]]) -> None:
    highest: dict[str, int] = {}
    for points in exports:
        for point in ours(points):
            if point["monotonic"]:
                assert point["value"] >= highest.get(key(point), 0), (key(point), highest)
                highest[key(point)] = point["value"]


def test_every_series_is_there_at_zero_before_the_first_record(
    bench: Bench, receiver: OtlpReceiver,
) -> None:
    """An alert on an increase misses a series that begins with its first event."""
    program = bench.script(HEAD + "wait_for('go')", env=environment(receiver))
    first = receiver.wait_for_exports(1)[0]
    (bench.directory / "go").touch()
    assert program.end() == 0
    assert [(p["name"], p["attributes"], p["value"]) for p in ours(first)] == SERIES
    assert {p["name"] for p in ours(first) if not p["monotonic"]} == GAUGES
    assert {p["unit"] for p in ours(first)} == {"{log_record}", "By"}
    [pid] = {p["resource"]["process.pid"] for p in ours(first)}
    assert pid == program.pid


def test_a_program_that_loses_nothing_says_so(bench: Bench, receiver: OtlpReceiver) -> None:
    """The last export stands for the whole process: its end is in it."""
    program = bench.run("""
import logging
from fm_otel import audit
for n in range(100):
    logging.getLogger("app").info("record %d", n)
audit("login", outcome="success")
""", env=environment(receiver, LOG_FILE="app.log", FM_OTEL_AUDIT_FILE="audit.log"))
    assert program.stderr == ""
    assert counted(receiver.exports[-1]) == {
        # With start and stop.
        "created": 103, "processed": 103, "exported console": 103, "exported file": 103,
        "exported audit": 1, "exported otlp": 103,
    }


def unused_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


def lossy(bench: Bench, receiver: OtlpReceiver, source: str, **settings: str) -> Program:
    """Run a program to its end; console and file are out of the way unless it sets them."""
    env = environment(receiver, **{"FM_OTEL_CONSOLE": "off", **settings})
    program = bench.run(HEAD + source, env=env)
    assert program.process.returncode == 0, program.stderr
    assert_only_up(receiver.exports)
    return program


TEN = """
for n in range(10):
    log.info("record %d", n)
"""


def test_what_a_full_queue_drops(bench: Bench, receiver: OtlpReceiver) -> None:
    """The queue holds five, start among them; nobody drains before the end."""
    program = lossy(bench, receiver, TEN, FM_OTEL_OVERFLOW="drop", FM_OTEL_QUEUE_RECORDS="5",
                    FM_OTEL_FLUSH_INTERVAL_MS="60000", LOG_FILE="app.log",
                    OTEL_LOGS_EXPORTER="none")
    assert counted(receiver.exports[-1]) == {
        "created": 12, "processed": 6, "processed queue_full": 6, "exported file": 6,
    }
    assert program.stderr == "fm_otel: records not delivered: queue_full 6\n"


def test_what_the_receiver_refuses(bench: Bench, receiver: OtlpReceiver) -> None:
    """One record spoils its request; it alone is counted, its neighbours arrive."""
    receiver.behave("marker", marker="record 7")
    program = lossy(bench, receiver, TEN)
    assert counted(receiver.exports[-1]) == {
        "created": 12, "processed": 12, "processed rejected": 1, "exported otlp": 11,
    }
    assert "fm_otel: records not delivered: rejected 1\n" in program.stderr


def test_what_is_left_at_the_end(bench: Bench, receiver: OtlpReceiver) -> None:
    """The logs' receiver is away, the metrics' is not: the loss of the exit itself is told."""
    lossy(bench, receiver, TEN,
          OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=f"http://127.0.0.1:{unused_port()}/v1/logs")
    assert counted(receiver.exports[-1]) == {
        "created": 12, "processed": 12, "processed spool_unavailable": 12,
    }


def test_what_a_full_disk_loses(bench: Bench, receiver: OtlpReceiver) -> None:
    """The file's loss is not the receiver's."""
    lossy(bench, receiver, TEN, LOG_FILE="/dev/full")
    assert counted(receiver.exports[-1]) == {
        "created": 12, "processed": 12, "processed file": 12, "exported otlp": 12,
    }


def test_what_a_closed_console_loses(bench: Bench, receiver: OtlpReceiver) -> None:
    """The reader has gone before the first record."""
    reading, writing = os.pipe()
    os.close(reading)
    env = environment(receiver)
    program = bench.script(HEAD + TEN, env=env, stdout=writing)
    os.close(writing)
    assert program.end() == 0
    assert counted(receiver.exports[-1]) == {
        "created": 12, "processed": 12, "processed console": 12, "exported otlp": 12,
    }


def test_what_a_stalled_console_delays(bench: Bench, receiver: OtlpReceiver) -> None:
    """Nobody reads: written-through records are late while they are held, lost at the end."""
    reading, writing = os.pipe()
    program = bench.script(HEAD + """
for n in range(40):
    log.warning("%d %s", n, "x" * 10_000)
wait_for("go")
""", env=environment(receiver, FM_OTEL_EXIT_TIMEOUT_MS="1000"), stdout=writing)
    os.close(writing)

    def told() -> dict[str, int]:
        books = counted(receiver.exports[-1]) if receiver.exports else {}
        return books if books.get("exported otlp") == 41 else {}

    books = eventually(told, "the forty records and the start at the receiver")
    # A pipe holds 64 KiB: the start and six of the forty.
    assert books["late"] + books["exported console"] in {40, 41}
    assert 30 <= books["late"] <= 36
    (bench.directory / "go").touch()
    assert program.end() == 0
    os.close(reading)
    last = counted(receiver.exports[-1])
    assert last["created"] == last["processed"] == last["exported otlp"] == 42
    assert_only_up(receiver.exports)
    # The reader is waited for until the last moment, when metrics have gone.
    lost = 42 - last["exported console"]
    assert program.stderr.endswith(f"fm_otel: records not delivered: console {lost}\n")


def test_what_sampling_and_quiet_paths_refuse(bench: Bench, receiver: OtlpReceiver) -> None:
    """Refused records were created, never processed, and are no loss."""
    program = lossy(bench, receiver, TEN + """
from fm_otel.middleware import WSGIRequestContextMiddleware
def app(environ, start_response):
    start_response("200 OK", [])
    return [b""]
served = WSGIRequestContextMiddleware(app)
for path in ("/health", "/cases"):
    list(served({"PATH_INFO": path, "REQUEST_METHOD": "GET"}, lambda *_: None))
log.warning("kept")
""", LOG_SAMPLE_RATE="0", FM_OTEL_CONSOLE="own")
    assert counted(receiver.exports[-1]) == {
        "created": 15, "processed": 3, "sampled_out rate": 11, "sampled_out quiet": 1,
        "exported console": 3, "exported otlp": 3,
    }
    assert program.stderr == ""


def test_without_metrics_none_are_sent_and_losses_still_told(
    bench: Bench, receiver: OtlpReceiver,
) -> None:
    """LOG_ENABLE_METRICS=false stops the export, not the counting."""
    program = lossy(bench, receiver, TEN, LOG_ENABLE_METRICS="false", LOG_FILE="/dev/full")
    assert [point for points in receiver.exports for point in ours(points)] == []
    assert "fm_otel: records not delivered: file 12\n" in program.stderr


# Upstream gives the last collection no longer than the interval: on a busy machine 100 ms are few.
LAST_ONLY = {"OTEL_METRIC_EXPORT_INTERVAL": "10000"}
FORKING = HEAD + """
# Since Python 3.12 a fork beside threads warns, which would be a record more.
import warnings; warnings.simplefilter("ignore")
for n in range(10):
    log.info("parent %d", n)
child = os.fork()
if not child:
    for n in range(5):
        log.info("child %d", n)
    raise SystemExit
os.waitpid(child, 0)
print(child)
log.info("parent 10")
"""


def test_a_forked_child_keeps_books_of_its_own(bench: Bench, receiver: OtlpReceiver) -> None:
    """Its counts begin at 0 under its own process id; the parent's go on as they were."""
    program = bench.run(FORKING, env=environment(receiver, **LAST_ONLY))
    assert program.stderr == ""
    child = int(program.prose[0])
    last: dict[int, dict[str, int]] = {}
    for points in receiver.exports:
        [pid] = {point["resource"]["process.pid"] for point in points}
        last[pid] = counted(points)
    assert last == {
        program.pid: {"created": 13, "processed": 13, "exported console": 13, "exported otlp": 13},
        child: {"created": 7, "processed": 7, "exported console": 7, "exported otlp": 7},
    }


@pytest.mark.parametrize("named", ["", "service.instance.id=seven"])
def test_all_signals_of_a_child_speak_for_the_same_process(
    bench: Bench, receiver: OtlpReceiver, named: str,
) -> None:
    """An instance of its own, unless the user has named it."""
    program = bench.run(FORKING, env=environment(
        receiver, OTEL_RESOURCE_ATTRIBUTES=named, **LAST_ONLY,
    ))
    logs, metrics = {}, {}
    for record in receiver.records:
        logs[record["resource"]["process.pid"]] = record["resource"]
    for point in (point for points in receiver.exports for point in points):
        metrics[point["resource"]["process.pid"]] = point["resource"]
    assert set(logs) == {program.pid, int(program.prose[0])}
    assert logs == metrics
    instances = [resource["service.instance.id"] for resource in logs.values()]
    assert len(set(instances)) == (1 if named else 2)
    assert not named or instances[0] == "seven"
