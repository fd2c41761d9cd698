"""``fm-otel redact``: what redaction would remove from text or JSON lines, and by which rule."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from fm_otel.cli.terminal import FINDING, OK, Progress, Style, UsageError, say, warn
from fm_otel.redaction import RedactionError, Redactor
from fm_otel.settings import Settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "redact",
        help="show what redaction removes from text or JSON lines",
        description="Write each line of FILE as it would leave the process, and on stderr how "
        "often each rule fired. Lines that hold a JSON object are redacted by their keys, others "
        "as text. Exit code 0: nothing had to be removed, 1: something was, 2: a file cannot be "
        "read.",
    )
    parser.add_argument("files", nargs="*", default=["-"], metavar="FILE",
                        help="text or JSON lines; - or nothing is stdin")
    parser.add_argument("--rules", metavar="TOML",
                        help="your own rules and exceptions (default: $FM_OTEL_REDACT_RULES)")
    parser.add_argument("--hide-hosts", action="store_true",
                        help="remove IP addresses and host names too")
    parser.add_argument("--changed", action="store_true", help="print changed lines only")
    parser.add_argument("--json", action="store_true",
                        help="print one JSON object per changed line, the last holds the totals")


def run(args: argparse.Namespace) -> int:
    """Redact the files and report."""
    rules = args.rules or Settings.from_environ().redact_rules
    redactor = Redactor(rules_path=rules, hide_hosts=args.hide_hosts, report=warn)
    lines = changed = 0
    style = Style.of(sys.stdout)
    for name in args.files:
        for number, line in _lines(name):
            lines += 1
            result, fired = _redacted(redactor, line)
            changed += bool(fired)
            if args.json and fired:
                say(json.dumps({"file": name, "line": number, "rules": fired, "text": result},
                               ensure_ascii=False))
            elif not args.json and (fired or not args.changed):
                say(_painted(style, result))
    _totals(args, lines, changed, dict(sorted(redactor.counts.items())))
    return FINDING if changed else OK


def _redacted(redactor: Redactor, line: str) -> tuple[str, dict[str, int]]:
    """Return ``line`` as it would leave, and how often each rule fired in it."""
    before = dict(redactor.counts)
    try:
        record = _object(line)
        if record is None:
            result = redactor.text(line)
        else:
            clean = redactor.mapping(record)
            result = line if clean is record else json.dumps(clean, ensure_ascii=False)
    except RedactionError:
        return "[REDACTED:redactor_error]", {"redactor_error": 1}
    fired = {rule: count - before.get(rule, 0) for rule, count in redactor.counts.items()
             if count != before.get(rule, 0)}
    return result, fired if result != line else {}


def _object(line: str) -> dict[str, Any] | None:
    if not line.lstrip().startswith("{"):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _painted(style: Style, text: str) -> str:
    if not style.colour:
        return text
    parts = text.split("[REDACTED:")
    painted = parts[:1]
    for part in parts[1:]:
        rule, bracket, rest = part.partition("]")
        painted.append(style(f"[REDACTED:{rule}{bracket}", "yellow") + rest)
    return "".join(painted)


def _totals(args: argparse.Namespace, lines: int, changed: int, counts: dict[str, int]) -> None:
    if args.json:
        say(json.dumps({"files": len(args.files), "lines": lines, "changed": changed,
                        "counts": counts}))
        return
    warn(f"{changed} of {lines} lines changed" + "".join(
        f"\n  {count:6} {rule}" for rule, count in counts.items()))


def _lines(name: str) -> Iterator[tuple[int, str]]:
    with _opened(name) as (stream, size):
        progress = Progress(f"redacting {name}", size)
        done = 0
        for number, raw in enumerate(stream, 1):
            yield number, raw.decode("utf-8", "replace").rstrip("\r\n")
            done += len(raw)
            progress.at(done)
        progress.clear()


@contextmanager
def _opened(name: str) -> Iterator[tuple[BinaryIO, int]]:
    if name == "-":
        yield sys.stdin.buffer, 0
        return
    try:
        with Path(name).open("rb") as stream:
            yield stream, os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror or type(error).__name__}") from error
