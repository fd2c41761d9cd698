"""Launches: zero-code with and without rivals, twice, with bad and unread settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent
UPSTREAMS = "Exception ignored in atexit callback shutdown"
"""Its handler starts a thread at the exit, which Python 3.12 refuses; a rival keeps that handler."""
PROGRAM = "import logging; logging.getLogger('app').warning('hello')"


def launch(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = words or (str(BIN / "opentelemetry-instrument"), sys.executable, "-c", PROGRAM)
    return subprocess.run(
        command, capture_output=True, text=True, timeout=90, env={**os.environ, **environ},
    )


def messages(done: subprocess.CompletedProcess[str]) -> list[str]:
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    return [line["message"] for line in lines if line["logger"] != "faultmaven.process"]


def rival(folder: Path) -> str:
    """Install another distribution, first on the path; return the PYTHONPATH that has it."""
    (folder / "rival_distro.py").write_text(
        "from opentelemetry.instrumentation.distro import BaseDistro\n"
        "from opentelemetry.sdk._configuration import _OTelSDKConfigurator\n"
        "class Distro(BaseDistro):\n"
        "    def _configure(self, **kwargs): pass\n"
        "class Configurator(_OTelSDKConfigurator): pass\n",
    )
    info = folder / "a_rival-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: a-rival\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[opentelemetry_distro]\ndistro = rival_distro:Distro\n"
        "[opentelemetry_configurator]\nconfigurator = rival_distro:Configurator\n",
    )
    return str(folder)


def test_nothing_changed_but_the_launcher() -> None:
    """A bare launch: one line a record on stdout, nothing on stderr, the exit code as it was."""
    done = launch()
    assert done.returncode == 0
    assert done.stderr == ""
    assert messages(done) == ["hello"]


def test_beside_another_distribution_the_records_are_still_ours(tmp_path: Path) -> None:
    """Whoever was chosen, the log side is complete; one line names the variables that choose."""
    done = launch(PYTHONPATH=rival(tmp_path))
    assert [told for told in messages(done) if told != UPSTREAMS] == ["hello"]
    chosen = [line for line in done.stderr.splitlines() if "OTEL_PYTHON_DISTRO=fm_otel" in line]
    # Which of two distributions comes first is the launcher's to say; ours wins in silence.
    assert len(chosen) == (0 if not done.stderr else 1)


@pytest.mark.parametrize("names", [
    {"OTEL_PYTHON_DISTRO": "distro", "OTEL_PYTHON_CONFIGURATOR": "configurator"},
    {"OTEL_PYTHON_DISTRO": "fm_otel", "OTEL_PYTHON_CONFIGURATOR": "fm_otel"},
])
def test_both_variables_choose(tmp_path: Path, names: dict[str, str]) -> None:
    """With the other one named we complete its launch; with ours named nothing is said."""
    done = launch(PYTHONPATH=rival(tmp_path), **names)
    assert [told for told in messages(done) if told != UPSTREAMS] == ["hello"]
    said = "OTEL_PYTHON_DISTRO=fm_otel" in done.stderr
    assert said == (names["OTEL_PYTHON_DISTRO"] == "distro")


def test_run_command_chooses_us_beside_a_rival(tmp_path: Path) -> None:
    """``fm-otel run`` needs no variables."""
    done = launch(
        str(BIN / "fm-otel"), "run", "--", sys.executable, "-c", PROGRAM,
        PYTHONPATH=rival(tmp_path),
    )
    assert messages(done) == ["hello"]
    assert done.stderr == ""


def test_launcher_and_configure_together_are_one_capture() -> None:
    """A program that also configures itself gets each record once, and is told."""
    program = f"import fm_otel; fm_otel.configure(level='DEBUG'); fm_otel.configure(); {PROGRAM}"
    done = launch(str(BIN / "opentelemetry-instrument"), sys.executable, "-c", program)
    assert messages(done) == ["hello"]
    assert done.stderr.count("already configured") == 1


def test_unread_and_bad_settings_are_one_line_each() -> None:
    """The program runs; each trouble is named once with what is used instead."""
    done = launch(
        LOG_LEVEL="LOUD", LOG_FILE="/proc/nowhere/app.log", OTEL_TRACES_EXPORTER="unheard_of",
        OTEL_CONFIG_FILE="/etc/otel.yaml", OTEL_EXPORTER_OTLP_LOGS_ENDPOINT="not a url",
        FM_OTEL_EXIT_TIMEOUT_MS="300",
    )
    assert done.returncode == 0
    assert messages(done) == ["hello"]
    for name in ("LOG_LEVEL='LOUD'", "LOG_FILE=", "unheard_of", "OTEL_CONFIG_FILE=",
                 "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT="):
        assert done.stderr.count(name) == 1, (name, done.stderr)


def test_disabled_sdk_keeps_the_console() -> None:
    """OTEL_SDK_DISABLED stops OTLP, not the lines."""
    done = launch(OTEL_SDK_DISABLED="true", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert messages(done) == ["hello"]
    assert done.stderr == ""


def test_sanitizer_given_under_a_launcher_is_used() -> None:
    """A program's own sanitizer counts although the launcher configured before it could say so."""
    program = (
        "import logging, fm_otel; log = logging.getLogger('app'); log.warning('EMP-1 early');"
        "fm_otel.configure(redactor=lambda text: text.replace('EMP-1', '[gone]'));"
        "log.warning('EMP-1 early'); log.warning('m', extra={'who': 'EMP-1'})"
    )
    done = launch(str(BIN / "opentelemetry-instrument"), sys.executable, "-c", program)
    assert messages(done) == ["EMP-1 early", "[gone] early", "m"]
    assert done.stdout.count("EMP-1") == 1
    assert done.stderr == ""


LIBRARIES = (
    "import logging; [logging.getLogger(n).info(n) for n in ('app', 'httpx', 'httpcore')]"
)


def test_default_levels_of_libraries_only_quiet() -> None:
    """LOG_LEVEL may ask less of httpx than its default level, never get more by it."""
    program = (str(BIN / "opentelemetry-instrument"), sys.executable, "-c", LIBRARIES)
    assert messages(launch(*program)) == ["app", "httpx"]
    assert messages(launch(*program, LOG_LEVEL="WARNING")) == []
    given = launch(*program, LOG_LEVEL="WARNING", FM_OTEL_LEVELS="httpcore=DEBUG")
    assert messages(given) == ["httpcore"]


def test_what_opentelemetry_has_to_say_is_redacted_too() -> None:
    """A password in a diagnostic of our own machinery does not reach stderr."""
    program = (
        "import logging; log = logging.getLogger('opentelemetry.sdk.test');"
        "log.warning('cannot reach https://user:hunter2hunter2@collector:4318');"
        "log.warning('%d misfits', 'hunter2hunter2 password=hunter2hunter2')"
    )
    done = launch(str(BIN / "opentelemetry-instrument"), sys.executable, "-c", program)
    assert done.returncode == 0
    assert "cannot reach https://user:[REDACTED:url_password]@collector:4318" in done.stderr
    assert "password=hunter2" not in done.stderr
    assert "user:hunter2" not in done.stderr


SANITIZER = """
import threading
asked = threading.Event()

def hide(text):
    if "Falke" in text:
        asked.set()
    return text.replace("Operation Falke", f"[on {threading.current_thread().name}]")
"""
SANITIZED = """
import logging
log = logging.getLogger("app")
log.setLevel("INFO")
log.info("Operation Falke, password=hunter2x")
__import__("house_rules").asked.wait(WAIT)
log.warning("Operation Falke again")
"""


def test_the_customers_sanitizer_is_found_and_works_off_the_caller(tmp_path: Path) -> None:
    """Its entry point is enough; below the write-through level nothing is redacted by the caller."""
    (tmp_path / "house_rules.py").write_text(SANITIZER)
    info = tmp_path / "house_rules-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: house-rules\nVersion: 1\n")
    point = info / "entry_points.txt"
    point.write_text("[fm_otel_redactor]\nhouse = house_rules:hide\n")
    program = (str(BIN / "opentelemetry-instrument"), sys.executable, "-c")
    # The worker has to come on its own: the warning would bring out what is queued before it.
    waiting = SANITIZED.replace("WAIT", "60")
    done = launch(*program, waiting, PYTHONPATH=str(tmp_path), LOG_LEVEL="INFO")
    quiet, loud = messages(done)
    assert quiet == "[on fm_otel-worker], password=[REDACTED:password]"
    # By the caller, unless the worker was in the middle of it.
    assert loud in {"[on MainThread] again", "[on fm_otel-worker] again"}
    assert done.stderr == ""
    point.write_text("[fm_otel_redactor]\nhouse = house_rules:missing\n")
    broken = launch(*program, SANITIZED.replace("WAIT", "0"), PYTHONPATH=str(tmp_path), LOG_LEVEL="INFO")
    assert messages(broken) == ["Operation Falke, password=[REDACTED:password]", "Operation Falke again"]
    [told] = broken.stderr.splitlines()
    assert "fm_otel_redactor 'house' cannot be loaded" in told
