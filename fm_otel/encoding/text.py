"""Facts to text for people: one line a record, its error indented below it.

Line breaks inside values are shown, not obeyed, so that no value can pose as a record.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from fm_otel.record import Facts

_COLOURS: Final = {
    "DEBUG": "\x1b[2m", "INFO": "\x1b[32m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m",
    "CRITICAL": "\x1b[1;31m",
}
_DIM, _RESET = "\x1b[2m", "\x1b[0m"
_NS: Final = 1_000_000_000


class Text:
    """Encodes records as readable lines; ``colour`` for terminals."""

    def __init__(self, *, colour: bool = False) -> None:
        self._colour = colour

    def encode(self, facts: Facts) -> bytes:
        """Return the record's text without a closing newline."""
        site = facts.site
        second, rest = divmod(facts.time_ns, _NS)
        clock = time.strftime("%H:%M:%S", time.localtime(second))
        level = self._painted(f"{site.level:<8}", _COLOURS[site.level])
        what = f"{shown(site.logger)}: {shown(facts.message)}"
        head = f"{clock}.{rest // 1_000_000:03d} {level} {what}"
        fields = " ".join(f"{shown(name)}={_value(value)}" for name, value in _fields(facts))
        line = f"{head}  {self._painted(fields, _DIM)}" if fields else head
        return (line + self._error(facts)).encode()

    def _error(self, facts: Facts) -> str:
        error = facts.error or {}
        stack = error.get("stack_trace")
        if not isinstance(stack, str):
            return ""
        return "".join(f"\n    {shown(line)}" for line in stack.rstrip("\n").split("\n"))

    def _painted(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colour else text


def shown(text: str) -> str:
    """Return ``text`` on one line."""
    return text.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n") \
        if "\n" in text or "\r" in text else text


def _fields(facts: Facts) -> list[tuple[str, object]]:
    context = facts.context
    pairs = {**context.schema, **context.fields, **facts.fields}
    if facts.error:
        pairs |= {f"error.{k}": v for k, v in facts.error.items() if k != "stack_trace"}
    for name in ("http", "audit"):
        pairs |= {f"{name}.{key}": value for key, value in (getattr(facts, name) or {}).items()}
    pairs |= {**context.plain, **facts.plain, **facts.extra}
    return list(pairs.items())


def _value(value: object) -> str:
    if isinstance(value, str):
        return shown(value) if value and " " not in value else orjson.dumps(value).decode()
    return orjson.dumps(value).decode()
