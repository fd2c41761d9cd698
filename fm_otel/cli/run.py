"""``fm-otel run``: start a program with everything configured, the program unchanged.

The same launch as ``opentelemetry-instrument``, without its trap: that launcher reads options
behind the program's name as its own, by prefix (``gunicorn --config`` dies as ambiguous). Here
everything behind ``--`` goes to the program as it is.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fm_otel.cli.terminal import UsageError, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_EXECUTABLE: Final = 126
_NOT_FOUND: Final = 127
_PYTHON: Final = re.compile(r"pypy3?|python[0-9.]*")
_FOUND: Final = "import fm_otel, opentelemetry.instrumentation"
_PATIENCE: Final = 10
"""Seconds another Python may take to answer."""

_SELECTION: Final = {"OTEL_PYTHON_DISTRO": "fm_otel", "OTEL_PYTHON_CONFIGURATOR": "fm_otel"}


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "run",
        help="start a program with logs, traces and context configured",
        description="Start a program with everything configured; the program is unchanged. "
        "Settings come from the environment. The exit code is the program's.",
        epilog="example: fm-otel run -- uvicorn app:app --port 8000",
        usage="fm-otel run [-h] -- PROGRAM [ARG ...]",
    )
    parser.add_argument(
        "program", nargs=argparse.REMAINDER, metavar="-- PROGRAM [ARG ...]",
        help="the program and its arguments, passed on as they are",
    )


def run(args: argparse.Namespace) -> int:
    """Become the program; return only when it cannot be started."""
    program = args.program[1:] if args.program[:1] == ["--"] else args.program
    if not program:
        msg = "no program given; example: fm-otel run -- uvicorn app:app"
        raise UsageError(msg)
    executable = shutil.which(program[0]) or _beside_us(program[0])
    if executable is None:
        warn(f"fm-otel run: {program[0]}: command not found")
        return _NOT_FOUND
    if _lacks_us(executable):
        beside = _beside_us(program[0])
        warn(f"fm-otel run: {executable} has no fm_otel, the program runs without it"
             + (f"; did you mean {beside}?" if beside else ""))
        return _become(executable, program, dict(os.environ))
    return _become(executable, program, environment(os.environ, str(Path.cwd())))


def _beside_us(name: str) -> str | None:
    """Return the program of the installation we are part of, whose folder may not be on PATH."""
    return shutil.which(name, path=str(Path(sys.executable).parent))


def _lacks_us(executable: str) -> bool:
    """Return whether ``executable`` is a Python of another installation, without fm_otel."""
    path = Path(executable)
    if not _PYTHON.fullmatch(path.name) or path.parent == Path(sys.executable).parent:
        return False
    try:
        asked = subprocess.run(
            [executable, "-c", _FOUND], stdin=subprocess.DEVNULL, capture_output=True,
            timeout=_PATIENCE, check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode != 0


def environment(environ: Mapping[str, str], directory: str) -> dict[str, str]:
    """Return ``environ`` with us selected and upstream's ``sitecustomize`` first in line.

    ``directory`` joins the path because programs with their own executable do not see it.
    """
    rest = [p for p in environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    if directory not in rest:
        rest.insert(0, directory)
    hook = _hook()
    path = [hook, *(p for p in rest if p != hook)]
    return {**environ, **_SELECTION, "PYTHONPATH": os.pathsep.join(path)}


def _hook() -> str:
    """Return the directory whose ``sitecustomize`` starts OpenTelemetry, without importing it."""
    spec = find_spec("opentelemetry.instrumentation.auto_instrumentation")
    if spec is None or spec.origin is None:
        msg = "opentelemetry-instrumentation is not installed: pip install fm-otel"
        raise UsageError(msg)
    return str(Path(spec.origin).parent)


def _become(executable: str, program: list[str], environ: dict[str, str]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(executable, program, environ)  # noqa: S606 - the user's own program
    except OSError as error:
        warn(f"fm-otel run: {program[0]}: {error.strerror}")
        return _NOT_EXECUTABLE
