"""Patterns in a table: every group that matches is a secret, unless it only stands for one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from fm_otel.redaction import shapes
from fm_otel.redaction.gates import gate
from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fm_otel.redaction.gates import Gate


class Table(NamedTuple):
    """Rows of gate, pattern and rule, and the literals that open any of the gates."""

    literals: tuple[str, ...]
    rows: tuple[tuple[Gate, re.Pattern[str], str], ...]


def compiled(rows: Iterable[tuple[tuple[str, ...], str, str]]) -> Table:
    """Compile rows of what has to be in the text, the pattern and the rule."""
    every = tuple(rows)
    return Table(
        tuple(literal for literals, _, _ in every for literal in literals),
        tuple((gate(literals), re.compile(pattern), rule) for literals, pattern, rule in every),
    )


def spans_in(table: Table, text: str) -> Iterator[Span]:
    """Yield the groups of every pattern that ``text`` calls for."""
    for is_called_for, pattern, rule in table.rows:
        if is_called_for(text):
            for match in pattern.finditer(text):
                for group in range(1, (match.lastindex or 0) + 1):
                    if (
                        match[group]
                        and not shapes.is_placeholder(match[group])
                        and not shapes.is_status_word(match[group])
                    ):
                        yield Span(match.start(group), match.end(group), rule)
