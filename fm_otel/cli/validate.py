"""``fm-otel validate``: do the lines of a file keep the schema, and are they free of secrets."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from fm_otel.cli.terminal import FINDING, OK, Progress, Style, UsageError, say
from fm_otel.schema import MAX_LINE_BYTES, check

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from fm_otel.cli.secrets import SecretSearch


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one line; ``reason`` never holds a value of the line."""

    file: str
    line: int
    kind: str
    reason: str


@dataclass(slots=True)
class Totals:
    """What was read, over all files."""

    files: int = 0
    lines: int = 0
    bad_lines: int = 0
    findings: int = 0


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "validate",
        help="check files of JSON lines for schema and secrets",
        description="Check every line of the files against the schema and search it for "
        "secrets. Findings name file, line number and reason, never the value. "
        "Exit code 0: nothing found, 1: findings, 2: a file cannot be read.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="JSON lines; - is stdin")
    parser.add_argument("--json", action="store_true",
                        help="print findings as JSON lines, the last line holds the totals")


def run(args: argparse.Namespace) -> int:
    """Check the files and report."""
    from fm_otel.cli.secrets import SecretSearch

    totals = Totals()
    report = _as_json if args.json else _as_text(Style.of(sys.stdout))
    search = SecretSearch()
    for name in args.files:
        totals.files += 1
        _check_file(name, totals, report, search)
    if args.json:
        say(json.dumps({"files": totals.files, "lines": totals.lines,
                        "bad_lines": totals.bad_lines, "findings": totals.findings}))
    else:
        say(_summary(totals, Style.of(sys.stdout)))
    return FINDING if totals.findings else OK


def findings_of(raw: bytes, search: SecretSearch) -> Iterator[tuple[str, str]]:
    """Yield kind and reason of everything wrong with one line, its newline taken off."""
    if len(raw) > MAX_LINE_BYTES:
        yield "length", f"line of {len(raw)} bytes, at most {MAX_LINE_BYTES} are allowed"
    line: object = None
    try:
        line = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        yield "json", f"not valid JSON: {error}" if raw.strip() else "empty line"
    else:
        yield from (("schema", finding) for finding in _against_schema(line))
    fired = (search.in_line(line) if isinstance(line, dict)
             else search.in_text(raw.decode("utf-8", "replace")))
    yield from (("secret", f"secret found by rule {rule}") for rule in fired)


def _against_schema(line: object) -> list[str]:
    return check(line) if isinstance(line, dict) else ["not a JSON object"]


def _check_file(
    name: str,
    totals: Totals,
    report: Callable[[Finding], None],
    search: SecretSearch,
) -> None:
    with _opened(name) as (stream, size):
        progress = Progress(name, size)
        done = 0
        for number, raw in enumerate(stream, start=1):
            totals.lines += 1
            bad = False
            for kind, reason in findings_of(raw.rstrip(b"\r\n"), search):
                bad = True
                totals.findings += 1
                progress.clear()
                report(Finding(name, number, kind, reason))
            totals.bad_lines += bad
            done += len(raw)
            progress.at(done)
        progress.clear()


@contextmanager
def _opened(name: str) -> Iterator[tuple[BinaryIO, int]]:
    if name == "-":
        yield sys.stdin.buffer, 0
        return
    path = Path(name)
    try:
        stream = path.open("rb")
    except OSError as error:
        msg = f"{name}: {error.strerror}"
        raise UsageError(msg) from None
    with stream:
        yield stream, path.stat().st_size


def _as_json(finding: Finding) -> None:
    say(json.dumps({"file": finding.file, "line": finding.line, "kind": finding.kind,
                    "reason": finding.reason}))


def _as_text(style: Style) -> Callable[[Finding], None]:
    def report(finding: Finding) -> None:
        colour = "red" if finding.kind == "secret" else "yellow"
        place = style(f"{finding.file}:{finding.line}:", "bold")
        say(f"{place} {style(finding.reason, colour)}")

    return report


def _summary(totals: Totals, style: Style) -> str:
    files = "1 file" if totals.files == 1 else f"{totals.files} files"
    read = f"{files}, {totals.lines:,} lines"
    if not totals.findings:
        return style(f"{read}: every line is valid, no secrets", "green")
    return style(f"{read}: {totals.findings:,} findings in {totals.bad_lines:,} lines", "red")
