"""Lists and mappings that stand under a sensitive name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import shapes
from fm_otel.redaction.headers import LOGIN_COOKIE, header_spans
from fm_otel.redaction.keys import KeyClass, Tier
from fm_otel.redaction.spans import Span
from fm_otel.redaction.verdicts import CODES, Notation, Value, is_code

if TYPE_CHECKING:
    from collections.abc import Iterator

NETWORKED: Final = frozenset({"authorization", "cookie"})
_ELEMENTS: Final = re.compile(
    r"\\{0,3}[\"']?[ \t]{0,4}(?:=>|[:=])[ \t]{0,4}(?:\[\]\w{1,20}\{|\[|\n(?=[ \t]{0,60}- ))"
)
_LINE: Final = re.compile(r"\s{0,4}\\{0,3}[\"']([^\"'\\\n]{1,4096})")
_ELEMENT: Final = re.compile(
    r"\s{0,60}(?:- )?\s{0,4}(?:(\\{0,3}[\"'])([^\"'\\\n]{1,4096})\1|([^\s,\"'\[\]{}]{1,4096}))"
    r"[ \t]{0,4}(?:,|\n(?=[ \t]{0,60}- )|)"
)
_ITEM: Final = re.compile(
    r"[ \t]{0,60}- {1,4}(?:(\\{0,3}[\"'])([^\"'\\\n]{1,4096})\1[ \t]{0,4}(?:#[^\n]{0,200})?|"
    r"([^\s\"'\[\]{}]{1,4096})[ \t]{0,4}|[^\n]{1,4096})(?:\n|\Z)"
)
_DEFAULT: Final = re.compile(r":?-([^}\s\"']{1,512})\}")
_NESTED: Final = re.compile(
    r":[ \t]{0,4}\n[ \t]{1,40}(?:inline_string|inline_bytes|string|value|plain|plaintext|literal|"
    r"text):[ \t]{1,4}[\"']?([^\s\"']{6,1024})[\"']?[ \t]{0,4}(?=\n|\Z)"
)
_ENTRIES: Final = re.compile(
    r"\\{0,3}[\"']?[ \t]{0,4}(?:=>|[:=])[ \t]{0,4}(?:\{|\n(?=[ \t]{1,60}[\w.-]))"
)
_ENTRY: Final = re.compile(
    r"\s{0,60}\\{0,3}[\"']?([\w. -]{1,80}?)\\{0,3}[\"']?[ \t]{0,4}(?:=>|[:=])"
    r"(?:[ \t]{1,4}|(?=[\"']))"
    r"(?:(\\{0,3}[\"'])([^\"'\\\n]{1,4096})\2|([^\s,\"'\[\]{}]{1,4096}))[ \t]{0,4}"
    r"(?:,|(?=\n[ \t])|)"
)
_PLURALS: Final = ("passwords", "secrets", "cookies", "tokens", "passwd", "api_keys", "apikeys")


def element_spans(text: str, end: int, found: KeyClass) -> Iterator[Span]:
    """Yield secret elements of a list that stands under a sensitive name."""
    default = _DEFAULT.match(text, end)
    if default and shapes.is_mixed(default[1]):
        yield Span(default.start(1), default.end(1), found.rule)
    opening = _ELEMENTS.match(text, end)
    if opening is None:
        return
    if found.rule in NETWORKED:
        line = _LINE.match(text, opening.end())
        if line:
            yield from (
                s
                for s in header_spans(
                    text, found, Notation.STRUCT, Value(line.start(1), line.end(1), quoted=True)
                )
                if s.start < s.end
            )
        return
    at = opening.end()
    shape = _ITEM if opening.group()[-1] == "\n" else _ELEMENT
    for _ in range(64):
        element = shape.match(text, at)
        if element is None or element.end() == at:
            return
        group = 2 if element[1] else 3
        body = element[group]
        if body and _is_element(found, body):
            yield Span(element.start(group), element.end(group), found.rule)
        at = element.end()


def _is_element(found: KeyClass, body: str) -> bool:
    if found.rule in CODES:
        return is_code(found, Notation.STRUCT, body)
    if found.tier is Tier.HINT:
        return shapes.is_strong_key(body)
    if shapes.UUID.fullmatch(body):
        return True
    if (
        not shapes.is_mixed(body)
        or shapes.is_reference(body)
        or shapes.is_placeholder(body)
        or body[-1:] == ":"
        or body[:1] == "("
    ):
        return False
    return " " not in body and (found.tier is Tier.PASSWORD or not shapes.is_wordlike(body))


def entry_spans(text: str, end: int, name: str, found: KeyClass) -> Iterator[Span]:
    """Yield what stands under any name in a mapping of secrets: ``passwords: {alice: ...}``."""
    nested = _NESTED.match(text, end) if found.tier >= Tier.SECRET else None
    if nested and shapes.is_mixed(nested[1]) and not shapes.is_placeholder(nested[1]):
        yield Span(nested.start(1), nested.end(1), found.rule)
    opening = _ENTRIES.match(text, end) if name.endswith(_PLURALS) else None
    if opening is None:
        return
    at = opening.end()
    for _ in range(64):
        entry = _ENTRY.match(text, at)
        if entry is None or entry.end() == at:
            return
        group = 3 if entry[2] else 4
        body = entry[group]
        if _is_entry(found, entry[1], body):
            yield Span(entry.start(group), entry.end(group), found.rule)
        at = entry.end()


def _is_entry(found: KeyClass, name: str, body: str) -> bool:
    if found.rule == "cookie" and len(body) < 16 and LOGIN_COOKIE.search(name.lower()) is None:
        return False
    return shapes.is_mixed(body) and not (
        shapes.is_wordlike(body)
        or shapes.is_placeholder(body)
        or shapes.is_path(body)
        or shapes.is_prose(body)
        or shapes.is_reference(body)
    )
