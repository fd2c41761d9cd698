"""``fm-otel redact`` shows what would be removed, and by which rule."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from fm_otel.cli import main

if TYPE_CHECKING:
    from pathlib import Path

LINES = 'login password=hunter2x ok\n{"api_key": "a8Fk2LmQ9zXcV4bN7tYw", "n": 1}\nall is well\n'


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text(LINES, encoding="utf-8")
    return path


def test_redact_writes_every_line_as_it_would_leave(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text is redacted as text, JSON by its keys, and the counts stand on stderr."""
    assert main(["redact", str(log)]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "login password=[REDACTED:password] ok",
        '{"api_key": "[REDACTED:api_key]", "n": 1}',
        "all is well",
    ]
    assert "2 of 3 lines changed" in err
    assert "hunter2x" not in out + err


def test_redact_json_names_line_and_rule(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A program reads one object per changed line and the totals last."""
    assert main(["redact", "--json", str(log)]) == 1
    first, second, totals = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["line"], first["rules"]) == (1, {"password": 1})
    assert (second["line"], second["rules"]) == (2, {"api_key": 1})
    assert totals == {"files": 1, "lines": 3, "changed": 2, "counts": {"api_key": 1, "password": 1}}


def test_redact_reads_stdin_and_gives_zero_for_clean_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a file the text comes from stdin; nothing to remove is exit code 0."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"all is well\n")))
    assert main(["redact"]) == 0
    assert capsys.readouterr().out == "all is well\n"


def test_redact_uses_the_users_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--rules`` takes the same file as the service does."""
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rule]]\nname = "employee"\npattern = "EMP-\\\\d{6}"\n', encoding="utf-8")
    log = tmp_path / "a.log"
    log.write_text("seen EMP-123456 today\n", encoding="utf-8")
    assert main(["redact", "--changed", "--rules", str(rules), str(log)]) == 1
    assert capsys.readouterr().out == "seen [REDACTED:employee] today\n"


def test_redact_of_a_missing_file_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that cannot be read is exit code 2, named in one line."""
    assert main(["redact", "/nowhere/app.log"]) == 2
    assert "/nowhere/app.log" in capsys.readouterr().err
