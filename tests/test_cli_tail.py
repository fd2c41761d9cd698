"""`fm-otel tail` shows JSON lines to people."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from queue import Queue
from typing import TYPE_CHECKING, Any

import pytest

from fm_otel.cli import main
from fm_otel.cli.readable import Readable
from fm_otel.cli.tail import Filter
from fm_otel.cli.terminal import Style

if TYPE_CHECKING:
    from pathlib import Path

LINE: dict[str, Any] = {
    "timestamp": "2024-01-15T10:30:45.123Z",
    "level": "ERROR",
    "logger": "faultmaven.services.agent_service",
    "message": "route_llm_request failed",
    "service": "faultmaven-api",
    "environment": "production",
    "version": "1.0.0",
    "hostname": "h1",
    "correlation_id": "550e8400-e29b-41d4-a716-446655440000",
    "duration_ms": 12.5,
    "cache_hit": False,
    "trace_id": "7d9f8b6c5e4a3b2c1d0e9f8a7b6c5d4e",
    "error": {
        "type": "demo.LLMProviderError",
        "message": "no provider answered",
        "stack_trace": "Traceback:\n  File x\nLLMProviderError",
        "error_code": "LLM_PROVIDER_ERROR",
        "category": "INFRA",
    },
    "http": {"status": 502, "path": "/x"},
    "record_id": "r-1",
    "seq": 1,
    "pid": 7,
    "provider": "fireworks",
}
PLAIN = Style(colour=False)


def line(**fields: object) -> dict[str, Any]:
    return {**LINE, **fields}


def written(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(item) + "\n" for item in lines))
    return path


def test_a_record_reads_well() -> None:
    """Head, own fields, context, error, stack; what every line has is left out."""
    assert Readable(PLAIN).text(LINE) == (
        "--- 2024-01-15 ---\n"
        "10:30:45.123 ERROR    faultmaven.services.agent_service route_llm_request failed"
        " duration_ms=12.5 cache_hit=false http.path=/x provider=fireworks"
        " [LLM_PROVIDER_ERROR] [INFRA]"
        " correlation_id=550e8400 trace_id=7d9f8b6c\n"
        "  demo.LLMProviderError: no provider answered\n"
        "  | Traceback:\n"
        "  |   File x\n"
        "  | LLMProviderError"
    )


def test_the_date_is_said_once_and_again_when_it_changes() -> None:
    """A file over midnight stays readable."""
    readable = Readable(PLAIN)
    other = line(timestamp="2024-01-16T00:00:00.000Z")
    heads = [readable.text(item).splitlines()[0] for item in (LINE, LINE, other)]
    assert heads[0] == "--- 2024-01-15 ---"
    assert heads[1].startswith("10:30:45.123 ")
    assert heads[2] == "--- 2024-01-16 ---"


def test_the_stack_of_a_repeated_exception_is_left_out() -> None:
    """Its first record has just shown it."""
    repeated = line(error={**LINE["error"], "repeat": True})
    _, head, title = Readable(PLAIN).text(repeated).splitlines()
    assert "[INFRA] [repeat]" in head
    assert title == "  demo.LLMProviderError: no provider answered"


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x9b31m", "a\rb", "\x07", "\u202e", "a\nb"])
def test_nothing_in_a_line_steers_the_terminal(hostile: str) -> None:
    """Files hold what strangers sent: no escape sequence gets through, in any field."""
    evil = line(message=hostile, logger=hostile, level=hostile, timestamp=f"{hostile}T{hostile}",
                provider=hostile, error={"type": hostile, "message": hostile,
                                         "error_code": hostile, "stack_trace": hostile})
    evil[hostile] = hostile
    shown = Readable(PLAIN).text(evil)
    assert all(c.isprintable() for row in shown.split("\n") for c in row)


def test_broken_lines_are_shown_and_marked() -> None:
    """What a crash left half-written is still information."""
    assert Readable(PLAIN).broken('{"a": \x1b[31m') == '? {"a": \\x1b[31m'


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (Filter(level="ERROR"), True),
        (Filter(level="CRITICAL"), False),
        (Filter(logger="faultmaven.services"), True),
        (Filter(logger="faultmaven.serv"), False),
        (Filter(trace="7d9f8b6c"), True),
        (Filter(trace="8d"), False),
        (Filter(fields=(("provider", "fireworks"), ("duration_ms", "12.5"))), True),
        (Filter(fields=(("provider", "openai"),)), False),
        (Filter(fields=(("http.status", "502"),)), True),
        (Filter(fields=(("error.error_code", "LLM_PROVIDER_ERROR"),)), True),
        (Filter(fields=(("cache_hit", "false"),)), True),
        (Filter(fields=(("absent", "1"),)), False),
    ],
    ids=str,
)
def test_filters(wanted: Filter, matches: bool) -> None:  # noqa: FBT001 - a table
    """Level is a floor, logger a subtree, trace a beginning; values are compared whole."""
    assert wanted.matches(LINE) is matches


def test_dotted_keys_of_the_line_itself_are_found() -> None:
    """User extras may have dots in their names."""
    assert Filter(fields=(("a.b", "1"),)).matches({"a.b": 1})


def test_tail_filters_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Filters given together must all match; lines come out as they went in with --json."""
    path = written(tmp_path / "app.log", LINE, line(level="INFO"), line(provider="openai"))
    assert main(["tail", str(path), "--json", "--level", "error", "--field",
                 "provider=openai"]) == 0
    assert capsys.readouterr().out == json.dumps(line(provider="openai")) + "\n"


def test_tail_starts_lines_before_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """-n as tail has it."""
    path = written(tmp_path / "app.log", *(line(seq=n) for n in range(5)))
    assert main(["tail", str(path), "--json", "-n", "2"]) == 0
    assert [json.loads(x)["seq"] for x in capsys.readouterr().out.splitlines()] == [3, 4]


def test_tail_reads_standard_input() -> None:
    """`app | fm-otel tail -` is how developers read JSON logs; a pipe gets no colours."""
    done = subprocess.run(
        [sys.executable, "-m", "fm_otel.cli", "tail", "-"], capture_output=True, timeout=60,
        input=json.dumps(LINE).encode() + b"\nTraceback from elsewhere\n", check=True,
    )
    rows = done.stdout.decode().splitlines()
    assert rows[1].startswith("10:30:45.123 ERROR    faultmaven.services")
    assert rows[-1] == "? Traceback from elsewhere"


def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path) -> None:
    """`fm-otel tail x | head -1` prints no traceback."""
    path = written(tmp_path / "app.log", *(LINE for _ in range(3000)))
    command = f"{sys.executable} -m fm_otel.cli tail {path} | head -1"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == (b"--- 2024-01-15 ---\n", b"")


def test_following_survives_rotation(tmp_path: Path) -> None:
    """The new file is read from its start once the old one is done."""
    path = written(tmp_path / "app.log", line(seq=1))
    process = subprocess.Popen(
        [sys.executable, "-m", "fm_otel.cli", "tail", str(path), "-f", "--json"],
        stdout=subprocess.PIPE,
    )
    try:
        seen = _reader(process)
        assert seen.get(timeout=30) == 1
        with path.open("a") as stream:
            stream.write(json.dumps(line(seq=2)) + "\n")
        assert seen.get(timeout=30) == 2
        path.rename(tmp_path / "app.log.1")
        written(path, line(seq=3))
        assert seen.get(timeout=30) == 3
    finally:
        process.terminate()
        process.wait(30)


def _reader(process: subprocess.Popen[bytes]) -> Queue[int]:
    seen: Queue[int] = Queue()
    output = process.stdout
    assert output is not None

    def read() -> None:
        with output:
            for raw in output:
                seen.put(json.loads(raw)["seq"])

    threading.Thread(target=read, daemon=True).start()
    return seen


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["no-such-file"], "fm-otel tail: no-such-file: No such file or directory\n"),
        (["-", "-f"], "fm-otel tail: standard input is always followed; -f needs a file\n"),
    ],
)
def test_wrong_use_is_one_line(
    args: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and no traceback."""
    assert main(["tail", *args]) == 2
    assert capsys.readouterr().err == text


@pytest.mark.parametrize(
    ("environ", "terminal", "coloured"),
    [({}, True, True), ({}, False, False), ({"NO_COLOR": "1"}, True, False),
     ({"TERM": "dumb"}, True, False), ({"NO_COLOR": ""}, True, True)],
)
def test_colours_only_for_a_person_who_wants_them(
    environ: dict[str, str], terminal: bool, coloured: bool  # noqa: FBT001 - a table
) -> None:
    """A pipe gets none, and NO_COLOR is honoured when it is not empty."""
    main_end, other = os.openpty()
    path = os.ttyname(other) if terminal else os.devnull
    with open(path, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a device
        assert (Style.of(stream, environ)("x", "red") != "x") is coloured
    os.close(main_end)
    os.close(other)
