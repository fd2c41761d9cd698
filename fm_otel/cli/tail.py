"""``fm-otel tail``: log lines as readable text, filtered."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from fm_otel.cli.readable import Readable
from fm_otel.cli.terminal import OK, Style, UsageError, say
from fm_otel.fields import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_POLL_SECONDS: Final = 0.2


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "tail",
        help="show JSON lines as readable text",
        description="Show a file of JSON lines, or standard input, as readable text. Filters "
        "given together must all match.",
        epilog="example: fm-otel tail app.log -f --level WARNING --field http.status=500",
    )
    parser.add_argument("file", metavar="FILE|-", help="JSON lines; - is standard input")
    parser.add_argument("-f", "--follow", action="store_true",
                        help="wait for more, also across rotation")
    parser.add_argument("-n", "--lines", type=_count, metavar="N",
                        help="start N lines before the end (default: at the first line)")
    parser.add_argument("--level", type=str.upper, choices=LEVELS,
                        help="records of this level and above")
    parser.add_argument("--logger", metavar="NAME", help="this logger and those below it")
    parser.add_argument("--field", action="append", default=[], type=_pair, metavar="KEY=VALUE",
                        help="records with this value; dots reach inside: error.error_code=X")
    parser.add_argument("--trace", metavar="ID", help="one trace; the first digits are enough")
    parser.add_argument("--json", action="store_true",
                        help="print the matching lines as they are")


def run(args: argparse.Namespace) -> int:
    """Print what matches."""
    wanted = Filter(args.level, args.logger, tuple(args.field), args.trace)
    readable = Readable(Style.of(sys.stdout))
    for raw in _lines(args):
        shown = _shown(raw, wanted, None if args.json else readable)
        if shown is not None:
            say(shown)
            sys.stdout.flush()
    return OK


@dataclass(frozen=True, slots=True)
class Filter:
    """What a line must be to be shown; what is None or empty asks for nothing."""

    level: str | None = None
    logger: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    trace: str | None = None

    def matches(self, line: Mapping[str, object]) -> bool:
        """Return whether ``line`` is wanted."""
        return (
            (self.level is None or self._severe(line))
            and (self.logger is None or self._below(str(line.get("logger", ""))))
            and (self.trace is None or str(line.get("trace_id", "")).startswith(self.trace))
            and all(_equals(_reach(line, key), value) for key, value in self.fields)
        )

    @property
    def asks(self) -> bool:
        """Whether anything is asked for at all."""
        return self != Filter()

    def _severe(self, line: Mapping[str, object]) -> bool:
        level = line.get("level")
        return level in LEVELS and LEVELS.index(level) >= LEVELS.index(self.level or LEVELS[0])

    def _below(self, logger: str) -> bool:
        return logger == self.logger or logger.startswith(f"{self.logger}.")


def _shown(raw: bytes, wanted: Filter, readable: Readable | None) -> str | None:
    text = raw.decode("utf-8", "replace").rstrip("\r\n")
    line = _parsed(text)
    if line is None:
        # What is no record cannot match a filter; without one nothing is hidden.
        return None if wanted.asks or readable is None or not text else readable.broken(text)
    if not wanted.matches(line):
        return None
    return readable.text(line) if readable else text


def _parsed(text: str) -> dict[str, object] | None:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None


def _reach(line: Mapping[str, object], key: str) -> object:
    if key in line:
        return line[key]
    head, _, rest = key.partition(".")
    inner = line.get(head)
    return _reach(inner, rest) if rest and isinstance(inner, dict) else None


def _equals(value: object, text: str) -> bool:
    if isinstance(value, str) or value is None:
        return value == text
    return json.dumps(value, ensure_ascii=False) == text


def _lines(args: argparse.Namespace) -> Iterator[bytes]:
    if args.file == "-":
        if args.follow:
            msg = "standard input is always followed; -f needs a file"
            raise UsageError(msg)
        yield from _last(sys.stdin.buffer, args.lines)
        return
    path = Path(args.file)
    try:
        stream = path.open("rb")
    except OSError as error:
        msg = f"{path}: {error.strerror}"
        raise UsageError(msg) from None
    yield from _followed(stream, path, args) if args.follow else _closing(stream, args.lines)


def _closing(stream: BinaryIO, count: int | None) -> Iterator[bytes]:
    with stream:
        yield from _last(stream, count)


def _last(stream: BinaryIO, count: int | None) -> Iterator[bytes]:
    yield from stream if count is None else deque(stream, count)


def _followed(stream: BinaryIO, path: Path, args: argparse.Namespace) -> Iterator[bytes]:
    """Yield whole lines for ever; a rotated or truncated file is read from its new start."""
    pending = b""
    count = args.lines
    while True:
        for raw in _last(stream, count):
            pending += raw
            if pending.endswith(b"\n"):
                yield pending
                pending = b""
        count = None
        if _replaced(stream, path):
            stream.close()
            stream, pending = path.open("rb"), b""
        else:
            time.sleep(_POLL_SECONDS)


def _replaced(stream: BinaryIO, path: Path) -> bool:
    try:
        now = path.stat()
    except OSError:
        return False
    then = os.fstat(stream.fileno())
    return (now.st_ino, now.st_dev) != (then.st_ino, then.st_dev) or now.st_size < stream.tell()


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        msg = f"{text} is negative"
        raise argparse.ArgumentTypeError(msg)
    return number


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not key or not sign:
        msg = f"{text!r} is not KEY=VALUE"
        raise argparse.ArgumentTypeError(msg)
    return key, value
