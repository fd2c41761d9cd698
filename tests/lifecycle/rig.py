"""Real programs under zero-code launch: start them, read what they write, see how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from fm_otel.cli.run import environment as launch_environment
from fm_otel.redaction import Redactor
from fm_otel.schema import check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

BIN = Path(sys.executable).parent
PATIENCE = 60.0
_TAKEN_OVER = ("OTEL_", "FM_OTEL_", "LOG_", "PYTHON")
_FRAMEWORKS = "fastapi,flask,django,celery,httpx,asgi,wsgi"


def environment(directory: Path, **settings: str) -> dict[str, str]:
    """Return the environment of a launched program: ours selected, nothing else set."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(_TAKEN_OVER)}
    path = os.pathsep.join([str(BIN), kept.get("PATH", "")])
    return launch_environment({**kept, "PATH": path, **settings}, str(directory))


def eventually(condition: Callable[[], Any], what: str, timeout: float = PATIENCE) -> Any:
    """Return the first true value of ``condition``; fail when none comes in time."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not seen within {timeout} s: {what}"
        time.sleep(0.02)


@dataclass
class Program:
    """A started program and what it has written so far."""

    process: subprocess.Popen[bytes]
    out: list[bytes] = field(default_factory=list)
    err: list[bytes] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    ended_at: float = 0.0

    def follow(self) -> None:
        """Collect both streams in the background."""
        for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err)):
            if stream is not None:
                thread = threading.Thread(target=_collect, args=(stream, lines), daemon=True)
                thread.start()
                self.threads.append(thread)

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    @property
    def stderr(self) -> str:
        """What the program wrote to stderr so far."""
        return b"".join(self.err).decode()

    @property
    def stdout(self) -> str:
        """What the program wrote to stdout so far."""
        return b"".join(self.out).decode()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines so far; other lines of stdout are left out."""
        return parsed(self.stdout.splitlines())

    @property
    def prose(self) -> list[str]:
        """The lines of stdout that are not ours."""
        return [line for line in self.stdout.splitlines() if line and not line.startswith("{")]

    def messages(self, logger: str | None = None) -> list[str]:
        """Return the messages of one logger, or of all that are not our own."""
        return [
            line["message"] for line in self.lines
            if (line["logger"] == logger if logger else not line["logger"].startswith("faultmaven."))
        ]

    def says(self, text: str, timeout: float = PATIENCE) -> None:
        """Wait until ``text`` is on one of the streams."""
        eventually(lambda: text in self.stdout or text in self.stderr,
                   f"{text!r} in\n{self.stdout[-2000:]}\n{self.stderr[-2000:]}", timeout)

    def signal(self, number: int) -> None:
        """Send a signal to the program."""
        self.process.send_signal(number)

    def end(self, timeout: float = PATIENCE) -> int:
        """Wait for the end and for the streams' ends; return the exit status."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait(5)
            raise AssertionError(f"still running\n{self.stdout[-3000:]}\n{self.stderr[-3000:]}") from None
        self.ended_at = time.monotonic()
        for thread in self.threads:
            thread.join(10)
        return code


class Bench:
    """Writes programs into a directory and starts them there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.started: list[Program] = []

    def write(self, name: str, source: str) -> Path:
        """Write a source file beside the programs."""
        path = self.directory / name
        path.write_text(source)
        return path

    def start(
        self, command: list[str], *, env: Mapping[str, str] | None = None, stdout: Any = subprocess.PIPE,
        launched: bool = True, stderr: Any = subprocess.PIPE,
    ) -> Program:
        """Start a command; ``launched`` False runs it as it would be without us."""
        whole = environment(self.directory, **(env or {}))
        if not launched:
            whole["PYTHONPATH"] = str(self.directory)
        process = subprocess.Popen(
            command, cwd=self.directory, env=whole, stdout=stdout, stderr=stderr,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )
        program = Program(process)
        program.follow()
        self.started.append(program)
        return program

    def script(
        self, source: str, *args: str, env: Mapping[str, str] | None = None, name: str = "program.py",
        **options: Any,
    ) -> Program:
        """Start a Python script; frameworks it does not use are not instrumented."""
        path = self.write(name, source)
        settings = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": _FRAMEWORKS, **(env or {})}
        command = [sys.executable, "-X", "faulthandler", str(path), *args]
        return self.start(command, env=settings, **options)

    def run(self, source: str, *args: str, timeout: float = PATIENCE, **options: Any) -> Program:
        """Run a Python script to its end."""
        program = self.script(source, *args, **options)
        program.end(timeout)
        return program

    def close(self) -> None:
        """Kill what still runs, with its children."""
        for program in self.started:
            if program.process.poll() is None:
                os.killpg(program.pid, signal.SIGKILL)
                program.end()


def _collect(stream: IO[bytes], lines: list[bytes]) -> None:
    for line in stream:
        lines.append(line)
    stream.close()


def _strict(text: str) -> Any:
    def refuse(name: str) -> None:
        msg = f"{name} is no JSON"
        raise ValueError(msg)

    return json.loads(text, parse_constant=refuse)


def parsed(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Return the JSON lines as objects, each checked against the schema."""
    found = []
    for text in lines:
        if text.startswith("{") or '"timestamp"' in text:
            try:
                line = _strict(text)
            except ValueError as error:
                msg = f"broken line ({error}): {text[:300]}"
                raise AssertionError(msg) from None
            assert not list(check(line)), (text, list(check(line)))
            found.append(line)
    return found


# ---- the oracle: what was logged, told apart from what arrived

_TAP = '''
"""Writes down every record that passes Logger.handle, before anybody else sees it."""
import json, logging, os

def install():
    directory = os.environ["TAP"]
    handle, enabled = logging.Logger.handle, logging.Logger.isEnabledFor

    def note(name, message):
        data = json.dumps([name, message]).encode() + b"\\n"
        fd = os.open(f"{directory}/tap-{os.getpid()}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(fd, data)
        os.close(fd)

    def tapped(logger, record):
        told = record.name.partition(".")[0] not in {
            "fm_otel", "opentelemetry", "faultmaven", "fastapi", "py"}
        if told and not logger.disabled and logger.filter(record):
            message = record.getMessage()
            handle(logger, record)
            note(record.name, message)  # the call has returned: from here on it is owed
            return
        handle(logger, record)

    def asked(logger, level):
        wanted = enabled(logger, level)
        if logger.disabled and level >= logger.getEffectiveLevel() > 0:
            note(logger.name, "<said to a logger that is switched off>")
        return wanted

    call = logging.Logger._log

    def called(logger, level, msg, args, *rest, **how):
        told = logger.name.partition(".")[0] not in {"fm_otel", "opentelemetry", "faultmaven", "py"}
        told = told and not logger.disabled and logger.filter(logging.makeLogRecord({}))
        call(logger, level, msg, args, *rest, **how)
        if told:
            note(logger.name, str(msg) % args if args else str(msg))

    if os.environ.get("TAP_AT") == "call":
        # Above the lane that makes no record; a tap on handle() closes it.
        logging.Logger._log = called
    else:
        logging.Logger.handle = tapped
    logging.Logger.isEnabledFor = asked
'''
_TAP_ENTRY = "[opentelemetry_pre_instrument]\nzz_tap = fm_test_tap:install\n"


def lay_tap(directory: Path) -> dict[str, str]:
    """Put the tap where launched programs find it; return the settings that switch it on."""
    (directory / "fm_test_tap.py").write_text(_TAP)
    info = directory / "fm_test_tap-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fm-test-tap\nVersion: 1\n")
    (info / "entry_points.txt").write_text(_TAP_ENTRY)
    return {"TAP": str(directory)}


def tapped(directory: Path) -> Counter[tuple[str, str]]:
    """Return (logger, message) of every record logged in any process, as it may be written."""
    redactor = Redactor()
    owed: Counter[tuple[str, str]] = Counter()
    for path in directory.glob("tap-*"):
        for text in path.read_text().splitlines():
            name, message = json.loads(text)
            owed[name, redactor.text(message)] += 1
    return owed


def arrived(lines: Iterable[Mapping[str, Any]]) -> Counter[tuple[str, str]]:
    """Return (logger, message) of the lines that came through stdlib and are not our own.

    Warnings come through no logger unless the program wants them to.
    """
    return Counter((line["logger"], line["message"]) for line in lines
                   if not line["logger"].startswith(("faultmaven.", "fastapi", "py.warnings")))


def assert_same(owed: Counter[tuple[str, str]], came: Counter[tuple[str, str]]) -> None:
    """Fail when a record is lost or comes twice."""
    lost, extra = owed - came, came - owed
    assert not lost, f"lost {sum(lost.values())} of {sum(owed.values())}: {lost.most_common(5)}"
    assert not extra, f"extra {sum(extra.values())}: {extra.most_common(5)}"
