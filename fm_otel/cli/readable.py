"""A log line for human eyes: time, level, logger, message, then what else it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from fm_otel.fields import CONTEXT_FIELDS

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
_IN_MESSAGE: Final = frozenset({"http.method", "http.route", "http.status", "audit.action"})
"""Members that the messages of request and audit records hold already."""

_OWN_EVENTS: Final = "faultmaven."
_CONTEXT: Final = (*CONTEXT_FIELDS, "case_id", "trace_id")
_SHORTENED: Final = frozenset({"trace_id", "correlation_id"})
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
            *self._own(line),
            *self._verdict(line),
            *self._context(line),
        ]
        return " ".join(words)

    def _own(self, line: Mapping[str, object]) -> Iterator[str]:
        """Yield what this record says by itself."""
        for name, value in _flat(line):
            if name not in _IN_MESSAGE and not (name == "event" and _is_ours(value)):
                yield self._style(f"{visible(name)}=", "blue") + visible(_spelled(value))

    def _context(self, line: Mapping[str, object]) -> Iterator[str]:
        """Yield what it shares with the other records of its request."""
        for name in _CONTEXT:
            if name in line:
                shown = _spelled(line[name])
                short = shown[:_SHORT] if name in _SHORTENED else shown
                yield self._style(f"{name}={visible(short)}", "dim")

    def _verdict(self, line: Mapping[str, object]) -> Iterator[str]:
        """Yield code and category of an error, and whether its exception was shown before."""
        error = line.get("error")
        if isinstance(error, dict):
            marks = [_spelled(error[k]) for k in ("error_code", "category") if k in error]
            marks += ["repeat"] if error.get("repeat") is True else []
            yield from (self._style(f"[{visible(mark)}]", "magenta") for mark in marks)

    def _error(self, line: Mapping[str, object]) -> Iterator[str]:
        error = line.get("error")
        if not isinstance(error, dict):
            return
        title = ": ".join(visible(str(error[k])) for k in ("type", "message") if k in error)
        if title:
            yield "  " + self._style(title, "red")
        if error.get("repeat") is not True:
            for row in str(error.get("stack_trace", "")).splitlines():
                yield self._style(f"  | {visible(row)}", "dim")


def visible(text: str) -> str:
    """Return ``text`` with every character that could steer a terminal spelled out."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode()
        for c in text
    )


def _flat(line: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in line.items():
        if name in _IN_HEAD or name in _SAME_EVERYWHERE or name in _CONTEXT:
            continue
        if name in {"http", "audit"} and isinstance(value, dict):
            yield from ((f"{name}.{inner}", value[inner]) for inner in value)
        else:
            yield name, value


def _is_ours(event: object) -> bool:
    return isinstance(event, str) and event.startswith(_OWN_EVENTS)


def _spelled(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
