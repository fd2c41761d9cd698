"""The pytest plugin: light until it is asked, and truthful then."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fm_otel import bound_context, get_logger
from fm_otel.testing import CapturedLogs

if TYPE_CHECKING:
    from pathlib import Path

logger = get_logger("faultmaven.services.agent_service")

GOOD = {
    "timestamp": "2024-01-15T10:30:45.123Z", "level": "INFO", "logger": "l", "message": "m",
    "service": "s", "environment": "e", "version": "1", "hostname": "h",
    "record_id": "r-1", "seq": 1, "pid": 7,
}


def captured(*records: dict[str, object]) -> CapturedLogs:
    return CapturedLogs(lambda: [json.dumps(record).encode() for record in records])


def test_lines_of_the_test_are_captured(fm_logs: CapturedLogs) -> None:
    """With context, extras and redaction, as production writes them."""
    with bound_context(session_id="s1"):
        logger.warning("Login with password=%s", "hunter2xyz", extra={"milestone": "checked"})
    [record] = [r for r in fm_logs.records if r["logger"] == logger.name]
    assert record["message"] == "Login with password=[REDACTED:password]"
    assert record["session_id"] == "s1"
    assert record["milestone"] == "checked"
    assert json.loads(fm_logs.lines[-1]) == record
    fm_logs.assert_schema()
    fm_logs.assert_no_secrets()


def test_each_test_starts_empty(fm_logs: CapturedLogs) -> None:
    """What the test before logged is not seen."""
    assert [r for r in fm_logs.records if r["logger"] == logger.name] == []


def test_caplog_keeps_its_records(
    fm_logs: CapturedLogs, caplog: pytest.LogCaptureFixture
) -> None:
    """Tests that use pytest's own fixture go on working."""
    logger.warning("Seen by %s", "both")
    assert [r.getMessage() for r in caplog.records if r.name == logger.name] == ["Seen by both"]
    assert fm_logs.records[-1]["message"] == "Seen by both"


def test_logging_is_given_back(fm_logs: CapturedLogs) -> None:
    """The fixture's records pass the root logger's handlers as before."""
    before = list(logging.getLogger().handlers)
    logger.error("x")
    assert fm_logs.records[-1]["level"] == "ERROR"
    assert logging.getLogger().handlers == before


def test_a_wrong_line_fails_with_line_and_reason() -> None:
    """The failure is its own explanation."""
    logs = captured(GOOD, {**GOOD, "seq": "2"})
    with pytest.raises(AssertionError, match=r"^line 2: seq: is string, must be integer$"):
        logs.assert_schema()


def test_a_secret_fails_without_being_shown() -> None:
    """CI logs are read by many."""
    logs = captured(GOOD, {**GOOD, "reason": "password=hunter2xyz"})
    with pytest.raises(AssertionError) as raised:
        logs.assert_no_secrets()
    assert str(raised.value) == "line 2: password"


def test_the_plugin_is_light_until_asked(tmp_path: Path) -> None:
    """A project that has us installed and does not use us pays nothing: no SDK, no engine."""
    (tmp_path / "test_it.py").write_text(
        "import sys\n"
        "def test_it(pytestconfig):\n"
        "    assert pytestconfig.pluginmanager.has_plugin('fm_otel')\n"
        "    heavy = {'opentelemetry.sdk', 'grpc', 'google.protobuf', 'orjson',\n"
        "             'fm_otel.configurator', 'fm_otel.redaction'}\n"
        "    assert heavy & set(sys.modules) == set()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )
    assert done.returncode == 0, done.stdout
