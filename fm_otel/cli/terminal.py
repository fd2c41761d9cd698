"""What the commands share towards the person at the terminal: colours, progress, usage errors."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

OK: Final = 0
FINDING: Final = 1
USAGE: Final = 2

_CODES: Final = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "alarm": "1;37;41",
}
_BAR_WIDTH: Final = 24
_REDRAW_SECONDS: Final = 0.1


class UsageError(Exception):
    """The command cannot do what it was asked; its text is the one line the user reads."""


class Style:
    """Paints text when the stream is a terminal and nobody asked for no colour."""

    def __init__(self, *, colour: bool) -> None:
        self.colour = colour

    @classmethod
    def of(cls, stream: TextIO, environ: Mapping[str, str] | None = None) -> Style:
        """Return the style for ``stream``, honouring ``NO_COLOR`` and dumb terminals."""
        env = os.environ if environ is None else environ
        plain = bool(env.get("NO_COLOR")) or env.get("TERM") == "dumb"
        return cls(colour=not plain and is_terminal(stream))

    def __call__(self, text: str, *names: str) -> str:
        """Return ``text`` in the named colours."""
        if not self.colour or not names or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"


class Progress:
    """A bar on stderr for work on a known number of bytes; nothing when stderr is no terminal."""

    def __init__(self, label: str, total: int, stream: TextIO | None = None) -> None:
        self._label = label
        self._total = total
        self._stream = stream or sys.stderr
        self._shown = total > 0 and is_terminal(self._stream)
        self._next = 0.0

    def at(self, done: int) -> None:
        """Draw the bar, at most ten times a second."""
        if not self._shown:
            return
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _REDRAW_SECONDS
            self._draw(min(1.0, done / self._total))

    def clear(self) -> None:
        """Take the bar away, so that a finding stands on a line of its own."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._next = 0.0

    def _draw(self, share: float) -> None:
        filled = round(share * _BAR_WIDTH)
        bar = "#" * filled + "." * (_BAR_WIDTH - filled)
        self._stream.write(f"\r{self._label} [{bar}] {share:4.0%}\x1b[K")
        self._stream.flush()


def is_terminal(stream: TextIO) -> bool:
    """Return whether a person reads ``stream``; a closed one counts as no."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def say(text: str = "") -> None:
    """Print one line on stdout."""
    sys.stdout.write(text + "\n")


def warn(text: str) -> None:
    """Print one line on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
