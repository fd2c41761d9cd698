"""Aligned tables for terminals."""

from __future__ import annotations


def ratio(value: float, base: float) -> str:
    """Return ``value`` as a multiple of ``base``."""
    return f"{value / base:.2f}x" if base > 0 else "-"


class Table:
    """Rows under a title, with a note below; the first column is the row's name."""

    def __init__(self, title: str, columns: tuple[str, ...], note: str = "") -> None:
        self.title = title
        self.columns = columns
        self.note = note
        self.rows: list[tuple[str, ...]] = []

    def row(self, name: str, *cells: str) -> None:
        """Add a row."""
        self.rows.append((name, *cells))

    def __str__(self) -> str:
        """Return the table as text."""
        rows = [("", *self.columns), *self.rows]
        widths = [max(len(row[at]) for row in rows) for at in range(len(self.columns) + 1)]
        lines = [self.title, "-" * len(self.title)]
        if self.rows:
            for name, *cells in rows:
                shown = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
                lines.append("  ".join((name.ljust(widths[0]), *shown)).rstrip())
        return "\n".join((*lines, *([self.note] if self.note else [])))
