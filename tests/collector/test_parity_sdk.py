"""The SDK's own file and the collector's hold the same objects, whatever a program logs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from conftest import lines_with

from fm_otel import schema

if TYPE_CHECKING:
    from stack_parts import Collector

pytestmark = pytest.mark.stack

PROGRAM: Final = '''
import logging, sys
from opentelemetry import trace
import fm_otel
from fm_otel import LogContext, audit, get_logger, set_agent_phase, set_request_context
from fm_otel import bound_context

handle = fm_otel.configure()
log = get_logger("app.service")
log.info("before any context")
for level in ("debug", "info", "warning", "error", "critical"):
    getattr(log, level)("at %s", level)
set_request_context({
    "correlation_id": "c-1", "session_id": "s-1", "user_id": "u-1", "investigation_id": "inv-1",
    "agent_phase": "intake", "data_type": "log_file", "query_complexity": "simple",
    "collection": "kb",
})
log.info("extras", extra={"milestone": "m", "count": 3, "ratio": 0.1, "flag": True, "big": 2**60,
                          "none": None, "list": [1, "two", [3.5, None], {}], "empty": {},
                          "deep": {"a": {"b": [{"c": "d"}], "n": None}, "t": 'q"\\\\ <>&'}})
log.info("set by extra", extra={"duration_ms": 12.0, "tokens_used": 500, "cache_hit": False,
                                "operation": "search", "outcome": "ok", "data_type": "config_file"})
log.info("colliding", extra={"timestamp": 1, "level_": 2, "service": {"a": [1]}, "pid": "x",
                             "code.line.number": 7, "exception.type": "mine", "sample_weight": 4})
log.info("wrong types", extra={"duration_ms": "long", "tokens_used": 1.5, "session_id": 17})
log.info("Störung 漢字 \\U0001f525 \\u2028 \\x1b[31mred\\x1b[0m", extra={"ключ": "значение", "漢": {"字": "値"}})
log.info("odd", extra={"nan": float("nan"), "inf": [float("inf")], "bytes": b"\\xff", "set": {1}})
log.info("surrogate \\ud800 end")
log.info("secret sk-proj-" + "a1B2" * 10, extra={"password": "hunter2hunter2", "nested": {"api_key": "k" * 30}})
log.info("three\\nlines\\r\\nhere")
log.info("x" * 300_000)
log.info("", extra={"a.b": 1, "a b": 2, "$x": "${1} $$"})
try:
    try:
        {}["missing"]
    except KeyError as cause:
        raise ValueError("outer 'quoted' \\\\ text") from cause
except ValueError as exc:
    log.exception("failed", extra={"error_code": "LLM_003"})
    log.error("again", exc_info=exc)
    log.warning("coded", extra={"error_code": "SESSION_002", "error": {"message": "only"}})
with LogContext(log, "process_query", data_type="log_file") as ctx:
    ctx.logger.info("inside")
    ctx.set(tokens_used=7, cache_hit=True)
try:
    with LogContext(log, "search"):
        raise TimeoutError("no answer")
except TimeoutError:
    pass
set_agent_phase("establish_timeline", reason="loop")
audit("case_shared", outcome="success", case_id="c1", details={"a": [1]})
audit("login_failed", outcome="failure", actor="u-2", reason="bad password")
with trace.get_tracer("t").start_as_current_span("span"):
    log.info("in a span", extra={"http": {"method": "GET", "status": 200, "path": "/x"}})
with bound_context(session_id="other"):
    logging.getLogger("lib.x").warning("bound")
log.info("bad %d args", "x")
ok = handle.force_flush(20000)
handle.shutdown()
sys.exit(0 if ok else 3)
'''


def logged(collector: Collector, folder: Path, endpoint: dict[str, str]) -> list[dict[str, Any]]:
    """Run the program and give the lines of its own file."""
    script = folder / "program.py"
    script.write_text(PROGRAM, encoding="utf-8")
    path = folder / "own.ndjson"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "FM_", "LOG_"))}
    environment = clean | endpoint | {
        "LOG_FILE": str(path), "LOG_LEVEL": "DEBUG", "FM_OTEL_SPOOL_DIR": str(folder / "spool"),
        "OTEL_SERVICE_NAME": "parity", "ENVIRONMENT": "qa", "APP_VERSION": "2.0.1",
        "OTEL_METRICS_EXPORTER": "none", "FM_OTEL_EXIT_TIMEOUT_MS": "20000",
    }
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True,
        timeout=60, check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(row) for row in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_both_files_hold_the_same_objects(
    collector: Collector, tmp_path: Path, protocol: str
) -> None:
    """Line by line, as parsed JSON, over either protocol; each conforms to the schema."""
    address = collector.http if protocol.startswith("http") else f"http://{collector.grpc}"
    own = logged(collector, tmp_path, {
        "OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
    })
    expected = {each["record_id"]: each for each in own}
    assert len(expected) == len(own) > 30
    found = lines_with(collector.file, set(expected), 15)
    different = {
        each["message"][:60]: {
            name: (each.get(name), found.get(key, {}).get(name))
            for name in each.keys() | found.get(key, {}).keys()
            if each.get(name) != found.get(key, {}).get(name)
        }
        for key, each in expected.items()
        if found.get(key) != each
    }
    assert different == {}
    assert [problem for each in found.values() for problem in schema.check(each)] == []
