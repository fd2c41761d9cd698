"""The Logs API door and the slow lane of user processors."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

PROGRAM = """
import json, logging, sys
import fm_otel
from opentelemetry import _logs
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LogRecordProcessor
fm_otel.configure(format="json")
provider = _logs.get_logger_provider()
"""


def run(body: str, **environ: str) -> tuple[list[dict[str, Any]], str]:
    """Run a program and return its lines (ours but for start and stop) and stderr."""
    import os

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + body], capture_output=True, text=True, timeout=60,
        env={**os.environ, **environ},
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [line for line in lines if line["logger"] != "faultmaven.process"], done.stderr


def test_api_record_becomes_a_line_like_any_other() -> None:
    """Body, severity, event, attributes and exception find their fields, secrets do not."""
    lines, errors = run("""
try:
    raise LookupError("gone")
except LookupError as error:
    _logs.get_logger("lib", "1.2").emit(LogRecord(
        body="password=hunter2hunter2", severity_number=SeverityNumber.ERROR,
        event_name="lib.failed", attributes={"k": [1, 2], "session.id": "s1"}, exception=error,
    ))
""")
    (line,) = lines
    assert line["logger"] == "lib"
    assert line["level"] == "ERROR"
    assert line["message"] == "password=[REDACTED:password]"
    assert line["event"] == "lib.failed"
    assert line["session_id"] == "s1"
    assert line["k"] == [1, 2]
    assert line["error"]["type"] == "LookupError"
    assert "Traceback" in line["error"]["stack_trace"]
    assert errors == ""


def test_processors_are_called_in_order_with_redacted_records() -> None:
    """A user's processor sees no secret, may add, and cannot stop or break the record."""
    lines, errors = run("""
seen = []
class First(LogRecordProcessor):
    def on_emit(self, record):
        seen.append(("first", record.log_record.body))
        record.log_record.attributes["tenant"] = "acme"
        record.log_record.attributes["key"] = "api_key=ABCDEFGH12345678abcd"
    def shutdown(self): pass
    def force_flush(self, timeout_millis=0): return True
class Second(First):
    def on_emit(self, record):
        seen.append(("second", record.log_record.attributes["tenant"]))
        raise RuntimeError("broken processor")
provider.add_log_record_processor(First())
provider.add_log_record_processor(Second())
logging.getLogger("app").warning("token=ghp_abcdefghijklmnopqrstuvwxyz0123456789")
sys.stdout.flush()
print(json.dumps({"logger": "seen", "seen": [s for s in seen if "process" not in str(s)]}))
""")
    app = next(line for line in lines if line["logger"] == "app")
    seen = next(line for line in lines if line["logger"] == "seen")["seen"]
    assert app["tenant"] == "acme"
    assert "ABCDEFGH12345678abcd" not in json.dumps(app)
    assert ["second", "acme"] in seen
    first = [text for name, text in seen if name == "first"]
    assert first
    assert "ghp_" not in json.dumps(first)
    assert errors.count("Second failed") == 1


def test_second_exporter_for_our_receiver_is_declined() -> None:
    """Nobody pays for each record twice because a library added its own exporter."""
    lines, errors = run("""
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
processor = BatchLogRecordProcessor(OTLPLogExporter())
provider.add_log_record_processor(processor)
logging.getLogger("app").info("x")
processor.shutdown()
""", OTEL_EXPORTER_OTLP_LOGS_ENDPOINT="http://127.0.0.1:9/v1/logs",
                        FM_OTEL_EXIT_TIMEOUT_MS="300")
    assert [line["message"] for line in lines] == ["x"]
    assert "a second OTLP log exporter for the same receiver is declined" in errors


def test_level_of_the_environment_counts_here_too() -> None:
    """LOG_LEVEL keeps API records below it out, and says so to who asks."""
    lines, _ = run("""
log = _logs.get_logger("lib")
log.emit(LogRecord(body="low", severity_number=SeverityNumber.INFO))
log.emit(LogRecord(body="high", severity_number=SeverityNumber.WARN))
assert not log.enabled(severity_number=SeverityNumber.INFO)
assert log.enabled(severity_number=SeverityNumber.WARN)
""", LOG_LEVEL="WARNING")
    assert [line["message"] for line in lines] == ["high"]


def test_api_records_are_sampled_like_all_others() -> None:
    """The share that is kept holds for libraries too, and their records say their weight."""
    lines, _ = run("""
log = _logs.get_logger("lib")
for n in range(400):
    log.emit(LogRecord(body="low", severity_number=SeverityNumber.INFO))
log.emit(LogRecord(body="high", severity_number=SeverityNumber.WARN))
""", LOG_SAMPLE_RATE="0.25")
    low = [line for line in lines if line["message"] == "low"]
    assert 40 < len(low) < 180
    assert {line["sample_weight"] for line in low} == {4.0}
    assert [line.get("sample_weight") for line in lines if line["message"] == "high"] == [None]


def test_without_tracing_api_records_have_no_ids_either() -> None:
    """LOG_ENABLE_TRACING=false counts at every door."""
    lines, _ = run("""
from opentelemetry import trace
span = trace.NonRecordingSpan(trace.SpanContext(10, 11, False, trace.TraceFlags(1)))
_logs.get_logger("lib").emit(LogRecord(
    body="x", severity_number=SeverityNumber.WARN, context=trace.set_span_in_context(span)))
""", LOG_ENABLE_TRACING="false")
    assert [set(line) & {"trace_id", "span_id", "trace_flags"} for line in lines] == [set()]


def test_provider_set_before_us_stays(caplog: Any) -> None:
    """A program that built its own providers keeps them; its stdlib records are ours."""
    done = subprocess.run([sys.executable, "-c", """
import logging
from opentelemetry import _logs, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider
own_logs, own_traces = LoggerProvider(), TracerProvider()
_logs.set_logger_provider(own_logs)
trace.set_tracer_provider(own_traces)
import fm_otel
fm_otel.configure(format="json")
assert _logs.get_logger_provider() is own_logs
assert trace.get_tracer_provider() is own_traces
logging.getLogger("app").info("captured")
"""], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert '"message":"captured"' in done.stdout
    logging.getLogger("app")
