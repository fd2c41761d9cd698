r"""Make text safe to print and to match: control characters, terminal escapes, surrogates.

Terminal sequences (ECMA-48 CSI, OSC and the two-character escapes) and other controls are
removed except tab and newline; bidirectional controls and the Unicode line separators become the
visible text ``\uXXXX``; a lone surrogate becomes U+FFFD. Zero-width characters stay in the text,
see :func:`without_invisible`.
"""

from __future__ import annotations

import re
from typing import Final

WINDOW: Final = 64 * 1024
"""Characters of one string that leave the process."""

GUARD: Final = 4 * 1024
"""Characters beyond :data:`WINDOW` that are matched, so that a cut does not split a secret."""

_ODD: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
# A string sequence that never ends loses its introducer only: the rest may be evidence.
_ESCAPES: Final = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]?"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])"
    "(?:[^\x07\x1b\x90\x98\x9c-\x9f\n]{0,2048}(?:\x07|\x1b\\\\|\x9c))?"
    "|\x1b[ -/]{0,8}[0-~]?"
)
# Behind a symbol, a selector or joiner chooses how it is drawn.
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u180e\u200b\u200c\u2060-\u2064\ufeff]"
    "|(?<![\u2000-\u3300\U0001f000-\U0001faff\ufe0f])[\u200d\ufe00-\ufe0f]"
)


def _visible(match: re.Match[str]) -> str:
    char = match.group()
    if "\ud800" <= char <= "\udfff":
        return "\ufffd"
    if char < " " or "\x7f" <= char <= "\x84" or "\x86" <= char <= "\x9f":
        return ""
    return f"\\u{ord(char):04x}"


def clean_text(text: str) -> str:
    """Return ``text`` without anything that could act on a terminal or forge a line.

    The same object when nothing had to be changed.
    """
    if text.isascii() and text.isprintable():
        return text
    if _ODD.search(text) is None:
        return text
    if "\x1b" in text or not text.isascii():
        text = _ESCAPES.sub("", text)
    return _ODD.sub(_visible, text)


def without_invisible(text: str) -> str:
    """Return ``text`` without zero-width and other invisible characters, for matching.

    The same object when there are none.
    """
    if text.isascii() or _INVISIBLE.search(text) is None:
        return text
    return _INVISIBLE.sub("", text)


def lowered(text: str) -> str:
    """Return ``text`` in lower case, every character at its old index."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(c if len(c.lower()) != 1 else c.lower() for c in text)
