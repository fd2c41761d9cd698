"""A value known as a secret by what stands beside it is one wherever else the text holds it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import shapes
from fm_otel.redaction.looks import Look, look_of, trimmed
from fm_otel.redaction.spans import PERSONAL, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHORTEST, _LONGEST = 8, 4096
_DIGITS: Final = 14
_NEAR, _NEAR_LONGEST = 2, 40
_WORD: Final = re.compile(r"(?<![\w/=.@-])[^\s\"'`«»„“”,;:(){}\[\]<>|=/\\]{6,41}")
_MOST: Final = 16
"""Values of one text that are looked for again."""


def echo_spans(text: str, spans: list[Span]) -> Iterator[Span]:
    """Yield the further places of what ``spans`` take out: ``token 'a1b2...' | 'a1b2...'``."""
    for value, rule in list(_values(text, spans).items())[:_MOST]:
        if text.count(value) < 2:
            continue
        at = text.find(value)
        while at >= 0:
            end = at + len(value)
            if not text[at - 1 : at].isalnum() and not text[end : end + 1].isalnum():
                yield Span(at, end, rule)
            at = text.find(value, end)


def near_spans(text: str, spans: list[Span]) -> Iterator[Span]:
    """Yield words that differ from a password told in a sentence by a character or two.

    "it is Lune8Rouge, not Lune7Rouge": what somebody had mistyped, or had before.
    """
    told = {
        text[start:end] for start, end, rule, replacement in spans
        if rule == "password" and replacement is None and end - start <= _NEAR_LONGEST
    }  # fmt: skip
    told = {word for word in sorted(told)[:_MOST] if look_of(word) >= Look.NUMBERED}
    for match in _WORD.finditer(text) if told else ():
        word = trimmed(match.group())
        if word not in told and any(_is_near(word, other) for other in told):
            yield Span(match.start(), match.start() + len(word), "password")


def _is_near(word: str, other: str) -> bool:
    if len(word) != len(other) or not any(map(str.isdigit, word)):
        return False
    return sum(a != b for a, b in zip(word, other, strict=True)) <= _NEAR


def _values(text: str, spans: list[Span]) -> dict[str, str]:
    values: dict[str, str] = {}
    for start, end, rule, replacement in spans:
        value = text[start:end] if _SHORTEST <= end - start <= _LONGEST else ""
        if value and replacement is None and rule not in PERSONAL and _is_unmistakable(value):
            values.setdefault(value, rule)
    return values


def _is_unmistakable(value: str) -> bool:
    """Tell whether ``value`` is no word or number that may stand elsewhere for itself."""
    if value.isdigit():
        return len(value) >= _DIGITS
    return any(map(str.isdigit, value)) and (
        shapes.is_mixed(value) or shapes.UUID.fullmatch(value) is not None
    )
