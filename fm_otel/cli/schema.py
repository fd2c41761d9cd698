"""``fm-otel schema``: print the JSON Schema of a log line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fm_otel.cli.terminal import OK, say
from fm_otel.schema import schema

if TYPE_CHECKING:
    import argparse


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    subparsers.add_parser(
        "schema",
        help="print the JSON Schema of a log line",
        description="Print the JSON Schema (draft 2020-12) every log line conforms to. "
        "The same file is installed as fm_otel/schema.json.",
    )


def run(_args: argparse.Namespace) -> int:
    """Print the schema."""
    say(json.dumps(schema(), indent=2))
    return OK
