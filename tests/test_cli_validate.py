"""`fm-otel validate` finds what is wrong with a file and never prints what it found."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fm_otel.cli import main
from fm_otel.cli.terminal import Progress
from fm_otel.schema import MAX_LINE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

GOOD: dict[str, Any] = {
    "timestamp": "2024-01-15T10:30:45.123Z", "level": "INFO", "logger": "faultmaven.api",
    "message": "Case opened", "service": "s", "environment": "e", "version": "1", "hostname": "h",
    "record_id": "r-1", "seq": 1, "pid": 7,
}
PLANTED = "hunter2xyz"


def row(**fields: object) -> bytes:
    return json.dumps({**GOOD, **fields}).encode()


def written(path: Path, *rows: bytes) -> str:
    path.write_bytes(b"\n".join(rows) + b"\n")
    return str(path)


def test_a_good_file_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0 and one line."""
    name = written(tmp_path / "a.log", row(), row(reason="wrong password", category="x"))
    assert main(["validate", name]) == 0
    assert capsys.readouterr().out == "1 file, 2 lines: every line is valid, no secrets\n"


@pytest.mark.parametrize(
    ("bad", "kind", "reason"),
    [
        (b'{"timestamp": "2024-01-15T10:3', "json", "not valid JSON: "),
        (b"", "json", "empty line"),
        (b"[1]", "schema", "not a JSON object"),
        (b"null", "schema", "not a JSON object"),
        (row(level="NOTICE"), "schema", "level: is none of DEBUG,"),
        (row(load=0).replace(b'"load": 0', b'"load": NaN'), "json", "not valid JSON: "),
        (b'{"message": "\xff"}', "json", "not valid JSON: "),
        (row(message="x" * MAX_LINE_BYTES), "length", "line of "),
        (row(message=f"password={PLANTED}"), "secret", "secret found by rule password"),
        (row(password=PLANTED), "secret", "secret found by rule password"),
        (row(request={"body": f'{{"password": "{PLANTED}"}}'}), "secret",
         "secret found by rule password"),
    ],
    ids=["cut off", "empty", "array", "null", "schema", "NaN", "no UTF-8", "too long",
         "secret in text", "secret under its key", "secret in escaped JSON"],
)
def test_each_defect_is_named_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: bytes, kind: str, reason: str
) -> None:
    """Exit code 1; file, line number and reason in both forms; the value in neither."""
    name = written(tmp_path / "a.log", row(), bad, row())
    assert main(["validate", name, "--json"]) == 1
    assert main(["validate", name]) == 1
    output = capsys.readouterr().out
    finding, totals, text, summary = output.splitlines()
    found = json.loads(finding)
    assert (found["file"], found["line"], found["kind"]) == (name, 2, kind)
    assert found["reason"].startswith(reason)
    assert text == f"{name}:2: {found['reason']}"
    assert json.loads(totals) == {"files": 1, "lines": 3, "bad_lines": 1, "findings": 1}
    assert summary == "1 file, 3 lines: 1 findings in 1 lines"
    assert PLANTED not in output


def test_a_missing_file_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, told apart from findings."""
    assert main(["validate", "/no/such/file"]) == 2
    assert capsys.readouterr().err == (
        "fm-otel validate: /no/such/file: No such file or directory\n")


def test_standard_input_and_several_files_are_read(tmp_path: Path) -> None:
    """Totals go over all of them, line numbers begin anew in each."""
    name = written(tmp_path / "a.log", row(), row(seq=-1))
    done = subprocess.run(
        [sys.executable, "-m", "fm_otel.cli", "validate", name, "-"], input=row(pid="7") + b"\n",
        capture_output=True, timeout=60, check=False,
    )
    assert done.returncode == 1
    assert done.stderr == b""
    assert done.stdout.decode().splitlines() == [
        f"{name}:2: seq: is below 0",
        "-:1: pid: is string, must be integer",
        "2 files, 3 lines: 2 findings in 2 lines",
    ]


class Terminal:
    """A stream that says it is a terminal."""

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        """Do nothing."""


def test_progress_is_drawn_for_a_person_and_taken_away() -> None:
    """The bar leaves nothing behind."""
    stream = Terminal()
    progress = Progress("a.log", 100, stream)  # type: ignore[arg-type]  # as much as is used
    progress.at(50)
    assert stream.text == "\ra.log [############............]  50%\x1b[K"
    progress.clear()
    assert stream.text.endswith("\r\x1b[K")
