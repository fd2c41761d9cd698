"""`fm-otel run` becomes the program, with everything configured and nothing else changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from fm_otel.cli import main
from fm_otel.cli.run import environment

SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]), file=sys.stderr)"
CLI = [sys.executable, "-m", "fm_otel.cli"]


def launch(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CLI, *args], capture_output=True, text=True, timeout=60, check=False)


def seen(done: subprocess.CompletedProcess[str]) -> tuple[list[str], dict[str, str]]:
    arguments, environ = json.loads(done.stderr.splitlines()[-1])
    return arguments, environ


@pytest.mark.parametrize("dashes", [["--"], []], ids=["with --", "without --"])
def test_options_of_the_program_go_through_unchanged(dashes: list[str]) -> None:
    """`opentelemetry-instrument gunicorn --config x` dies of an ambiguous option; not here."""
    given = ["--config", "x.py", "--log", "debug", "-h", "--", "--version"]
    done = launch("run", *dashes, sys.executable, "-c", SHOW, *given)
    assert seen(done)[0] == given


def test_program_is_launched_with_us_selected() -> None:
    """Distro and configurator are both ours, whoever else is installed."""
    _, environ = seen(launch("run", "--", sys.executable, "-c", SHOW))
    assert environ["OTEL_PYTHON_DISTRO"] == "fm_otel"
    assert environ["OTEL_PYTHON_CONFIGURATOR"] == "fm_otel"


def test_exit_code_is_the_programs() -> None:
    """Supervisors judge by the exit code."""
    assert launch("run", "--", sys.executable, "-c", "raise SystemExit(7)").returncode == 7


@pytest.mark.parametrize(
    ("args", "code", "line"),
    [
        (["run", "--", "no-such-program-x"], 127,
         "fm-otel run: no-such-program-x: command not found\n"),
        (["run"], 2, "fm-otel run: no program given; example: fm-otel run -- uvicorn app:app\n"),
        (["run", "--"], 2,
         "fm-otel run: no program given; example: fm-otel run -- uvicorn app:app\n"),
    ],
)
def test_wrong_use_is_one_clear_line(args: list[str], code: int, line: str) -> None:
    """No traceback for a typing mistake."""
    done = launch(*args)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", line)


def test_a_program_that_cannot_be_executed_is_named(tmp_path: Path) -> None:
    """As shells do: 126."""
    script = tmp_path / "broken"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    done = launch("run", "--", str(script))
    assert done.returncode == 126
    assert done.stderr == f"fm-otel run: {script}: No such file or directory\n"


def test_a_python_of_another_installation_is_named_and_left_alone(tmp_path: Path) -> None:
    """The usual slip: ``.venv/bin/fm-otel run -- python ...`` where the venv is not activated."""
    venv.create(tmp_path / "other", symlinks=True, with_pip=False)
    other = tmp_path / "other" / "bin"
    done = subprocess.run(
        [*CLI, "run", "--", "python", "-c", "import logging; logging.warning('hello')"],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PATH": f"{other}{os.pathsep}{os.environ['PATH']}"},
    )
    beside = Path(sys.executable).parent / "python"
    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr == (
        f"fm-otel run: {other}/python has no fm_otel, the program runs without it; "
        f"did you mean {beside}?\nWARNING:root:hello\n"
    )


def test_a_program_of_our_own_installation_needs_no_path(tmp_path: Path) -> None:
    """What is installed beside us is found without activating the venv."""
    done = subprocess.run(
        [*CLI, "run", "--", "fm-otel", "--help"], capture_output=True, text=True, timeout=60,
        check=False, env={**os.environ, "PATH": str(tmp_path)},
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_path_keeps_what_was_there_and_puts_the_hook_first() -> None:
    """The user's own PYTHONPATH still works, and launching twice changes nothing."""
    once = environment({"PYTHONPATH": f"/a{os.pathsep}/b"}, "/work")
    hook, *rest = once["PYTHONPATH"].split(os.pathsep)
    assert (Path(hook) / "sitecustomize.py").is_file()
    assert rest == ["/work", "/a", "/b"]
    assert environment(once, "/work") == once


def test_unknown_command_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """argparse names the commands there are."""
    with pytest.raises(SystemExit) as raised:
        main(["frobnicate"])
    assert raised.value.code == 2
    assert "invalid choice: 'frobnicate'" in capsys.readouterr().err
