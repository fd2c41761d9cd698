"""The command line ``fm-otel``.

Exit codes: 0 fine, 1 something was found or a promise is broken, 2 wrong use. ``run`` gives the
exit code of the program it starts.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from fm_otel.cli.terminal import OK, USAGE, UsageError, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COMMANDS: Final = ("run", "demo", "doctor", "validate", "schema", "tail", "redact")
"""Modules of this package, in the order of the help text."""

_INTERRUPTED: Final = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = sys.argv[1:] if argv is None else list(argv)
    args = _parser(given[:1]).parse_args(given)
    command: Callable[[argparse.Namespace], int] = args.run
    try:
        code = command(args)
        sys.stdout.flush()
    except UsageError as error:
        warn(f"fm-otel {args.command}: {error}")
        return USAGE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return OK
    return code


def _parser(first: list[str]) -> argparse.ArgumentParser:
    """Return the parser; where the first argument names a command, only that one is loaded."""
    parser = argparse.ArgumentParser(
        prog="fm-otel",
        description="Every log record of a Python service, once, as one JSON line and one OTLP "
        "record.",
        epilog="fm-otel COMMAND --help explains a command. Exit codes: 0 fine, 1 something was "
        "found, 2 wrong use.",
    )
    parser.add_argument(
        "--version", action="version", version=f"fm-otel {metadata.version('fm-otel')}"
    )
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True
    )
    for name in _offered(first):
        module = import_module(f"fm_otel.cli.{name}")
        module.add_parser(commands)
        commands.choices[name].set_defaults(run=module.run)
    return parser


def _offered(first: list[str]) -> list[str]:
    """Return the commands to load: the one asked for, else all whose module is there."""
    there = [name for name in COMMANDS if find_spec(f"fm_otel.cli.{name}") is not None]
    return first if first and first[0] in there else there


def _forget_stdout() -> None:
    """Let the interpreter's last flush go nowhere: the reader of the pipe has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
