"""LOG_FORMAT on a terminal and off it, colours, and what NO_COLOR says."""

from __future__ import annotations

import os
import pty
import re
from typing import TYPE_CHECKING

import pytest

from .rig import parsed

if TYPE_CHECKING:
    from .rig import Bench

SOURCE = """
import logging
log = logging.getLogger("app.part")
log.info("two\\nlines", extra={"session_id": "s-1", "note": "a b"})
try:
    raise ValueError("bad")
except ValueError:
    log.exception("failed")
"""
PLAIN = [
    r"\d\d:\d\d:\d\d\.\d{3} INFO     faultmaven\.process: process started  .*",
    r"\d\d:\d\d:\d\d\.\d{3} INFO     app\.part: two\\nlines  session_id=s-1 note=\"a b\"",
    r"\d\d:\d\d:\d\d\.\d{3} ERROR    app\.part: failed  error\.type=ValueError error\.message=bad",
    r"    Traceback \(most recent call last\):",
    r'      File "program\.py", line 6, in <module>',
    r"        raise ValueError\(\"bad\"\)",
    r"    ValueError: bad",
    r"\d\d:\d\d:\d\d\.\d{3} INFO     faultmaven\.process: process stopping  .*",
]
ESCAPE = re.compile(r"\x1b\[[\d;]*m")


def on_a_terminal(bench: Bench, **env: str) -> list[str]:
    """Run the program with a pseudo-terminal as its stdout; return the lines shown."""
    here, there = pty.openpty()
    program = bench.script(SOURCE, stdout=there, env=env)
    os.close(there)
    pieces = []
    while True:
        try:
            piece = os.read(here, 4096)
        except OSError:  # how a terminal tells that nobody writes any more
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(here)
    assert program.end() == 0
    assert program.stderr == ""
    return b"".join(pieces).decode().replace("\r\n", "\n").splitlines()


def assert_text(lines: list[str]) -> None:
    assert len(lines) == len(PLAIN), lines
    for line, pattern in zip(lines, PLAIN, strict=True):
        assert re.fullmatch(pattern, line), (line, pattern)


def test_a_terminal_gets_coloured_text(bench: Bench) -> None:
    """One line a record, its error below it, the level in its colour."""
    lines = on_a_terminal(bench)
    assert_text([ESCAPE.sub("", line) for line in lines])
    assert "\x1b[32mINFO    \x1b[0m" in lines[1]
    assert "\x1b[31mERROR   \x1b[0m" in lines[2]


def test_a_pipe_gets_json(bench: Bench) -> None:
    """Whatever reads a pipe is a program."""
    program = bench.run(SOURCE)
    assert program.prose == []
    assert program.messages("app.part") == ["two\nlines", "failed"]
    assert "\x1b" not in program.stdout


@pytest.mark.parametrize(("value", "coloured"), [("1", False), ("", True)])
def test_no_color_takes_the_colours_only(bench: Bench, value: str, coloured: bool) -> None:
    """Set and not empty, as its convention says."""
    lines = on_a_terminal(bench, NO_COLOR=value)
    assert any("\x1b" in line for line in lines) == coloured
    assert_text([ESCAPE.sub("", line) for line in lines])


def test_json_is_json_on_a_terminal_too(bench: Bench) -> None:
    """LOG_FORMAT=json beats what the stream is."""
    lines = on_a_terminal(bench, LOG_FORMAT="json")
    assert [line["message"] for line in parsed(lines)][1:3] == ["two\nlines", "failed"]
    assert len(lines) == 4


@pytest.mark.parametrize("value", ["text", "console", "%(asctime)s %(message)s"])
def test_text_off_a_terminal_has_no_colours(bench: Bench, value: str) -> None:
    """The words that other stacks use for text, and a format of stdlib's, are tolerated."""
    program = bench.run(SOURCE, env={"LOG_FORMAT": value})
    assert_text(program.stdout.splitlines())
    assert program.stderr == ""


def test_the_console_decides_for_its_own_stream(bench: Bench) -> None:
    """stdout on a terminal, records on a stderr that is a pipe: JSON."""
    here, there = pty.openpty()
    program = bench.script(SOURCE, stdout=there, env={"FM_OTEL_CONSOLE_STREAM": "stderr"})
    os.close(there)
    assert program.end() == 0
    os.close(here)
    assert [line["message"] for line in parsed(program.stderr.splitlines())][1:3] == [
        "two\nlines", "failed"]


def test_a_file_beside_a_terminal_holds_json(bench: Bench) -> None:
    """Text is for people at a terminal; a file is read by programs."""
    assert_text([ESCAPE.sub("", line) for line in on_a_terminal(bench, LOG_FILE="app.log")])
    texts = (bench.directory / "app.log").read_text().splitlines()
    assert [line["message"] for line in parsed(texts)][1:3] == ["two\nlines", "failed"]
