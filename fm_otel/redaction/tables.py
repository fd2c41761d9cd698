"""Secrets in columns: CSV, Markdown and console tables, INSERT statements."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import shapes
from fm_otel.redaction.keys import KeyClass, Tier, classify
from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_CODES: Final = frozenset({"card", "card_code"})
_COLUMN: Final = re.compile(r"[A-Za-z][\w .-]{0,40}|")
_PARAMETERS: Final = re.compile(r"\s{0,4}\([^()]{1,400}\)[^\n\[]{0,200}\]?\s{0,4}\[parameters: ")
_DELIMITERS: Final = ("|", "\t", ",", ";")
_RULE_ROW: Final = re.compile(r"[\s|:+-]*")
_SQL_INSERT: Final = re.compile(
    r"(?:insert|replace)\s{1,4}into\s{1,4}([\w.\"`\[\]]{1,100})\s{0,4}\(([^()]{1,2000})\)\s{0,4}"
    r"(?:output[^()]{1,80})?values\s{0,4}",
    re.IGNORECASE,
)
_SECRET_TABLE: Final = re.compile(r"token|secret|credential|api_?key", re.IGNORECASE)
_ITS_KEY: Final = KeyClass("token", Tier.SECRET)
_SQL_ARGUMENTS: Final = re.compile(r";? {0,2}args=(?=\()")
_SQL_ROW: Final = re.compile(
    r"\s{0,4},?\s{0,4}\(((?:[^()']|'(?:[^']|'')*'|\([^()']{0,200}\)){1,8000}?)\)"
)
_SQL_VALUE: Final = re.compile(r"\s*('(?:[^']|'')*'|[^,]*)\s*(?:,|\Z)")


def table_spans(text: str) -> Iterator[Span]:
    """Yield the cells of sensitive columns: CSV and Markdown tables with a header line."""
    columns: list[tuple[int, KeyClass]] = []
    width, delimiter, at = 0, "", 0
    for line in text.split("\n"):
        if line and _RULE_ROW.fullmatch(line):
            at += len(line) + 1
            continue
        cells = line.split(delimiter) if width else []
        if width and len(cells) == width:
            yield from _cells(cells, columns, at)
        else:
            columns, width, delimiter = _header_of(line)
        at += len(line) + 1


def _header_of(line: str) -> tuple[list[tuple[int, KeyClass]], int, str]:
    for delimiter in _DELIMITERS if len(line) < 400 else ():
        cells = [cell.strip().strip('"') for cell in line.split(delimiter)]
        if len(cells) > 1 and all(_COLUMN.fullmatch(cell) for cell in cells):
            found = [(i, classify(cell)) for i, cell in enumerate(cells)]
            sensitive = [(i, column) for i, column in found if column.tier >= Tier.SECRET]
            return (sensitive, len(cells), delimiter) if sensitive else ([], 0, "")
    return [], 0, ""


def _cells(cells: list[str], columns: list[tuple[int, KeyClass]], at: int) -> Iterator[Span]:
    for i, column in columns:
        body = cells[i].strip().strip('"`')
        start = at + sum(map(len, cells[:i])) + i + cells[i].find(body)
        if " " in body and shapes.is_status_word(body.split()[0]):
            continue  # "see vault"
        if (
            shapes.is_mixed(body) or (column.rule in _CODES and body.isdigit())
        ) and not shapes.is_placeholder(body):
            yield Span(start, start + len(body), column.rule)


def sql_spans(text: str) -> Iterator[Span]:
    """Yield values of sensitive columns in INSERT statements."""
    for insert in _SQL_INSERT.finditer(text):
        columns = [classify(column.strip(' "`[]\n')) for column in insert[2].split(",")]
        if _SECRET_TABLE.search(insert[1]):
            columns = [_ITS_KEY if column.tier is Tier.HINT else column for column in columns]
        if not any(column.tier >= Tier.SECRET for column in columns):
            continue
        parameters = _PARAMETERS.match(text, insert.end())
        at = parameters.end() if parameters else insert.end()
        for _ in range(200):
            row = _SQL_ROW.match(text, at)
            if row is None:
                break
            yield from _row(text, row, columns)
            at = row.end()
            arguments = _SQL_ARGUMENTS.match(text, at)
            at = arguments.end() if arguments else at


def _row(text: str, row: re.Match[str], columns: list[KeyClass]) -> Iterator[Span]:
    at = row.start(1)
    for column in columns:
        value = _SQL_VALUE.match(text, at, row.end(1))
        if value is None:
            return
        body = value[1].strip()
        bare = body.strip("'")
        if (
            column.tier >= Tier.SECRET
            and bare
            and not shapes.is_placeholder(bare)
            and (body.startswith("'") or bare.isdigit())
        ):
            start = value.start(1) + value[1].find(bare)
            yield Span(start, start + len(bare), column.rule)
        at = value.end()
