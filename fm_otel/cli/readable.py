"""A log line for human eyes: time, level, logger, message, then what else it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fm_otel.cli.terminal import Style

_LEVEL_COLOURS: Final = {
    "DEBUG": ("dim",),
    "INFO": ("green",),
    "WARNING": ("yellow",),
    "ERROR": ("red",),
    "CRITICAL": ("alarm",),
}
_IN_HEAD: Final = frozenset({"timestamp", "level", "logger", "message", "error"})
_SAME_EVERYWHERE: Final = frozenset({
    "service", "environment", "version", "hostname", "pid", "record_id", "seq", "trace_flags",
    "span_id", "module", "function", "line",
})
_SHORTENED: Final = frozenset({"trace_id", "correlation_id", "session_id"})
_SHORT: Final = 8


class Readable:
    """Turns parsed log lines into text; a new date is announced on a line of its own."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._date = ""

    def text(self, line: Mapping[str, object]) -> str:
        """Return the text of one line, several rows when it carries an error."""
        return "\n".join((*self._new_date(line), self._head(line), *self._error(line)))

    def broken(self, raw: str) -> str:
        """Return the text of something that is no JSON object."""
        return self._style(f"? {visible(raw)}", "dim")

    def _new_date(self, line: Mapping[str, object]) -> Iterator[str]:
        date, _, _ = str(line.get("timestamp", "")).partition("T")
        if date and date != self._date:
            self._date = date
            yield self._style(f"--- {visible(date)} ---", "dim")

    def _head(self, line: Mapping[str, object]) -> str:
        _, _, time = str(line.get("timestamp", "")).partition("T")
        level = visible(str(line.get("level", "?")))
        words = [
            self._style(visible(time.removesuffix("Z")) or "--:--:--.---", "dim"),
            self._style(f"{level:<8}", *_LEVEL_COLOURS.get(level, ())),
            self._style(visible(str(line.get("logger", "?"))), "cyan"),
            visible(str(line.get("message", ""))),
            *self._fields(line),
        ]
        return " ".join(words)

    def _fields(self, line: Mapping[str, object]) -> Iterator[str]:
        for name, value in line.items():
            if name not in _IN_HEAD and name not in _SAME_EVERYWHERE:
                shown = _spelled(value)
                if name in _SHORTENED:
                    shown = shown[:_SHORT]
                yield self._style(f"{visible(name)}=", "dim") + visible(shown)

    def _error(self, line: Mapping[str, object]) -> Iterator[str]:
        error = line.get("error")
        if not isinstance(error, dict):
            return
        title = ": ".join(visible(str(error[k])) for k in ("type", "message") if k in error)
        marks = [visible(_spelled(error[k])) for k in ("error_code", "category") if k in error]
        repeated = ["repeat"] if error.get("repeat") is True else []
        yield "  " + " ".join((self._style(title, "red"), *self._marks(marks + repeated))).strip()
        if not repeated:
            for row in str(error.get("stack_trace", "")).splitlines():
                yield self._style(f"  | {visible(row)}", "dim")

    def _marks(self, marks: list[str]) -> Iterator[str]:
        for mark in marks:
            yield self._style(f"[{mark}]", "magenta")


def visible(text: str) -> str:
    """Return ``text`` with every character that could steer a terminal spelled out."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode()
        for c in text
    )


def _spelled(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
