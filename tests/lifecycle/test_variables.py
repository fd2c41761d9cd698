"""Variables of the environment, one by one, by what a user sees of them."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import pytest

from .rig import eventually

if TYPE_CHECKING:
    from otlp_receiver import OtlpReceiver

    from .rig import Bench, Program

HEAD = """
import logging, os, pathlib, sys, time
log = logging.getLogger("app")
def wait_for(name):
    pathlib.Path(name + ".asked").touch()
    while not pathlib.Path(name).exists():
        time.sleep(0.01)
"""
ONE = HEAD + "log.info('hello')\n"


def the(program: Program, logger: str = "app") -> dict[str, Any]:
    """Return the one line of a logger, of a program that had nothing to complain of."""
    assert program.stderr == ""
    [line] = [line for line in program.lines if line["logger"] == logger]
    return line


def test_who_speaks(bench: Bench, receiver: OtlpReceiver) -> None:
    """OTEL_SERVICE_NAME, ENVIRONMENT and APP_VERSION stand on the line and on the resource."""
    names = {"OTEL_SERVICE_NAME": "billing", "ENVIRONMENT": "staging", "APP_VERSION": "2.7"}
    env = {**names, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.http_endpoint}
    line = the(bench.run(ONE, env=env))
    assert [line["service"], line["environment"], line["version"]] == ["billing", "staging", "2.7"]
    for record in receiver.records:
        resource = record["resource"]
        assert [resource[name] for name in (
            "service.name", "deployment.environment.name", "service.version",
        )] == ["billing", "staging", "2.7"]
    assert {record["body"] for record in receiver.records} == {
        "process started", "hello", "process stopping",
    }


def test_a_record_below_write_through_is_out_within_the_interval(bench: Bench) -> None:
    """FM_OTEL_FLUSH_INTERVAL_MS: nothing else happens in the program, and the line appears."""
    program = bench.script(ONE + "wait_for('seen')", env={"FM_OTEL_FLUSH_INTERVAL_MS": "20"})
    eventually(lambda: program.messages("app"), "the line of an idle program")
    (bench.directory / "seen").touch()
    assert program.end() == 0


def test_a_long_interval_lets_records_wait(bench: Bench) -> None:
    """What a SIGKILL may cost is what was said within the interval, below write-through."""
    program = bench.run(HEAD + """
log.warning("written through")
log.info("waits")
time.sleep(0.5)  # more than the default interval
os.kill(os.getpid(), 9)
""", env={"FM_OTEL_FLUSH_INTERVAL_MS": "60000"})
    assert program.messages("app") == ["written through"]


FAILING = HEAD + """
try:
    {}["gone"]
except KeyError:
    log.error("implicit")
    log.warning("only a warning")
    log.error("refused", exc_info=False)
    log.exception("explicit")
log.error("outside")
"""


@pytest.mark.parametrize(("value", "expected"), [
    ("true", ["implicit", "explicit"]), ("false", ["explicit"]),
])
def test_an_error_inside_except_has_its_exception(
    bench: Bench, value: str, expected: list[str],
) -> None:
    """FM_OTEL_AUTO_EXC_INFO attaches it to ERROR records that do not speak of exc_info."""
    program = bench.run(FAILING, env={"FM_OTEL_AUTO_EXC_INFO": value})
    lines = [line for line in program.lines if line["logger"] == "app"]
    assert len(lines) == 5
    assert [line["message"] for line in lines if "error" in line] == expected
    for line in lines:
        if "error" in line:
            assert line["error"]["type"] == "KeyError"
            assert line["error"]["stack_trace"].endswith("KeyError: 'gone'\n")


SERVED = HEAD + """
from fm_otel.middleware import WSGIRequestContextMiddleware
def app(environ, start_response):
    start_response("500 No" if environ["QUERY_STRING"] else "200 OK", [])
    return [b""]
served = WSGIRequestContextMiddleware(app)
for target in ("/health", "/internal/up", "/internal/up?fail", "/internal/upper", "/cases"):
    path, _, query = target.partition("?")
    environ = {"PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": "GET"}
    list(served(environ, lambda *_: None))
"""


@pytest.mark.parametrize(("env", "expected"), [
    ({}, ["GET /internal/up 200", "GET /internal/up 500", "GET /internal/upper 200",
          "GET /cases 200"]),
    ({"FM_OTEL_QUIET_PATHS": "/internal/up, /nothing"},
     ["GET /health 200", "GET /internal/up 500", "GET /internal/upper 200", "GET /cases 200"]),
])
def test_quiet_paths_are_recorded_when_they_fail(
    bench: Bench, env: dict[str, str], expected: list[str],
) -> None:
    """FM_OTEL_QUIET_PATHS replaces the list; whole paths count, not beginnings."""
    program = bench.run(SERVED, env=env)
    assert program.messages("faultmaven.request") == expected
    [stop] = [line for line in program.lines if line.get("event") == "faultmaven.process.stop"]
    assert stop["counts"]["sampled_out"] == {"quiet": 1}
    assert program.stderr == ""


SECRET = HEAD + "log.info('token=%s', 'ghp_' + 'a1B2' * 9)\n"


def test_redaction_is_on_unless_it_is_switched_off(bench: Bench) -> None:
    """FM_OTEL_REDACT=off leaves every secret in, which one line on stderr says."""
    assert the(bench.run(SECRET))["message"] == "token=[REDACTED:github_token]"
    program = bench.run(SECRET, env={"FM_OTEL_REDACT": "off"})
    assert program.messages("app") == ["token=ghp_" + "a1B2" * 9]
    assert program.stderr == (
        "fm_otel: redaction is off (FM_OTEL_REDACT): secrets reach every output\n")


def test_a_pseudonym_is_the_same_in_every_process_with_its_key(bench: Bench) -> None:
    """FM_OTEL_PSEUDONYM_KEY: an id that can be followed and not be read."""
    source = HEAD + "log.info('hello', extra={'user_id': 'anna'})"
    key = "k" * 40
    ids = [the(bench.run(source, env=env))["user_id"]
           for env in ({}, {"FM_OTEL_PSEUDONYM_KEY": key}, {"FM_OTEL_PSEUDONYM_KEY": key},
                       {"FM_OTEL_PSEUDONYM_KEY": "j" * 40})]
    assert ids[0] == "anna"
    assert ids[1] == ids[2]
    assert "anna" not in ids[1]
    assert len(set(ids)) == 3
    # Anybody who holds the key can find the records of a user again.
    told = hmac.new(key.encode(), b"user_id|anna", hashlib.sha256).hexdigest()
    assert ids[1].partition(":")[2] == told[:32]


def test_a_batch_has_at_most_so_many_records(bench: Bench, receiver: OtlpReceiver) -> None:
    """OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: a full batch goes at once, the rest with its delay."""
    program = bench.script(HEAD + """
for n in range(24):
    log.info("record %d", n)
wait_for("go")
""", env={"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{receiver.http_endpoint}/v1/logs",
          "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "10", "OTEL_BLRP_SCHEDULE_DELAY": "600000"})
    # The start record is the first of the twenty-five.
    receiver.wait_for(20)
    (bench.directory / "go").touch()
    assert program.end() == 0
    sizes = [request.records for request in receiver.requests]
    assert sizes[:2] == [10, 10]
    assert sum(sizes[2:]) == 6
    assert [r["body"] for r in receiver.records if r["logger"] == "app"] == [
        f"record {n}" for n in range(24)]
    assert program.stderr == ""


def test_a_record_waits_for_company_no_longer_than_its_delay(
    bench: Bench, receiver: OtlpReceiver,
) -> None:
    """OTEL_BLRP_SCHEDULE_DELAY bounds how old a record is when it leaves an idle program."""
    program = bench.script(ONE + "wait_for('seen')", env={
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{receiver.http_endpoint}/v1/logs",
        "FM_OTEL_FLUSH_INTERVAL_MS": "10", "OTEL_BLRP_SCHEDULE_DELAY": "50"})
    assert [r["body"] for r in receiver.wait_for(2)] == ["process started", "hello"]
    (bench.directory / "seen").touch()
    assert program.end() == 0


@pytest.mark.parametrize(("value", "signals"), [
    ("", {"/v1/logs", "/v1/metrics"}), ("otlp", {"/v1/logs", "/v1/metrics"}),
    ("otlp_proto_grpc", {"/v1/logs", "/v1/metrics"}), ("none", {"/v1/metrics"}),
    ("console", {"/v1/metrics"}),
])
def test_logs_go_where_their_exporter_says(
    bench: Bench, receiver: OtlpReceiver, value: str, signals: set[str],
) -> None:
    """OTEL_LOGS_EXPORTER chooses for logs alone; the console has them whatever it says."""
    program = bench.run(ONE, env={
        "OTEL_LOGS_EXPORTER": value, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.http_endpoint,
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT":
            receiver.grpc_endpoint if "grpc" in value else f"{receiver.http_endpoint}/v1/logs"})
    assert the(program)["message"] == "hello"
    assert {request.signal for request in receiver.requests} == signals
    bodies = [r["body"] for r in receiver.records if r["logger"] == "app"]
    assert bodies == (["hello"] if "/v1/logs" in signals else [])


@pytest.mark.parametrize(("budget", "arrives"), [("300", False), ("20000", True)])
def test_the_exit_timeout_is_what_a_slow_collector_gets(
    bench: Bench, receiver: OtlpReceiver, budget: str, arrives: bool,
) -> None:
    """FM_OTEL_EXIT_TIMEOUT_MS: who can wait loses nothing, who cannot is told what it cost."""
    receiver.behave("slow", delay=3)
    env = {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{receiver.http_endpoint}/v1/logs",
           "FM_OTEL_EXIT_TIMEOUT_MS": budget}
    program = bench.run(ONE + "pathlib.Path('leaving').write_text(str(time.monotonic()))", env=env)
    waited = program.ended_at - float((bench.directory / "leaving").read_text())
    assert program.process.returncode == 0
    assert program.messages("app") == ["hello"]
    if arrives:
        assert program.stderr == ""
        assert waited >= 2.5
    else:
        assert program.stderr.endswith(
            "fm_otel: records not delivered: spool_unavailable 3\n")
        assert waited < 2.5


def test_every_bad_value_is_one_line_and_the_program_runs(bench: Bench) -> None:
    """Name, value, what is expected, what is used instead; in the order of the table."""
    bad = {
        "LOG_LEVEL": ("LOUD", "DEBUG INFO WARNING ERROR CRITICAL", "INFO"),
        "LOG_FORMAT": ("xml", "auto json text", "auto"),
        "LOG_SAMPLE_RATE": ("2", "0..1", "1.0"),
        "LOG_ENABLE_TRACING": ("perhaps", "true false", "true"),
        "LOG_ENABLE_METRICS": ("perhaps", "true false", "true"),
        "LOG_ENABLE_AUDIT": ("perhaps", "true false", "true"),
        "FM_OTEL_CONSOLE": ("mine", "own tee off", "own"),
        "FM_OTEL_CONSOLE_STREAM": ("printer", "stdout stderr", "stdout"),
        "FM_OTEL_WRITE_THROUGH": ("LOUD", "level name", "WARNING"),
        "FM_OTEL_FLUSH_INTERVAL_MS": ("soon", "milliseconds", "200"),
        "FM_OTEL_QUEUE_RECORDS": ("0", "count", "20000"),
        "FM_OTEL_QUEUE_BYTES": ("0", "size", "33554432"),
        "FM_OTEL_OVERFLOW": ("explode", "assist drop block", "assist"),
        "FM_OTEL_SPOOL_MAX_MB": ("0", "MiB", "256"),
        "FM_OTEL_SPOOL_FSYNC": ("often", "off interval always", "interval"),
        "FM_OTEL_EXIT_TIMEOUT_MS": ("-1", "milliseconds", "2000"),
        "FM_OTEL_REDACT": ("perhaps", "on off", "on"),
        "FM_OTEL_LEVELS": ("httpx", "logger=LEVEL,...", "httpx=INFO,httpcore=WARNING"),
        "FM_OTEL_AUTO_EXC_INFO": ("perhaps", "true false", "true"),
        "FM_OTEL_SIGNALS": ("perhaps", "true false", "true"),
        "OTEL_SDK_DISABLED": ("perhaps", "true false", "false"),
        "OTEL_LOGS_EXPORTER": ("otpl", "otlp console none", "the default"),
        "OTEL_BLRP_SCHEDULE_DELAY": ("soon", "milliseconds", "1000"),
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": ("0", "count", "512"),
    }
    program = bench.run(ONE, env={name: value for name, (value, _, _) in bad.items()})
    assert program.process.returncode == 0
    assert program.messages("app") == ["hello"]
    assert program.stderr.splitlines() == [
        f"fm_otel: {name}={value!r} is not valid (expected {wanted}), using {used}"
        for name, (value, wanted, used) in bad.items()
    ]


def test_variables_of_the_spool_to_come_change_nothing(bench: Bench) -> None:
    """FM_OTEL_SPOOL_MAX_MB and FM_OTEL_SPOOL_FSYNC may be set already."""
    program = bench.run(ONE, env={"FM_OTEL_SPOOL_MAX_MB": "64", "FM_OTEL_SPOOL_FSYNC": "always"})
    assert the(program)["message"] == "hello"
    [start] = [line for line in program.lines if line.get("event") == "faultmaven.process.start"]
    assert start["settings"] == {"FM_OTEL_SPOOL_MAX_MB": "64", "FM_OTEL_SPOOL_FSYNC": "always"}
