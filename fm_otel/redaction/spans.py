"""Pieces of text to be replaced: collect, merge, apply."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MARKER: Final = re.compile(r"\[REDACTED:[a-z][a-z0-9_.-]{0,39}\]")


class Span(NamedTuple):
    """A piece of text that a rule wants replaced; ``text`` instead of the rule's marker."""

    start: int
    end: int
    rule: str
    text: str | None = None


PERSONAL: Final = frozenset({"email", "phone", "card", "ssn", "iban", "ip", "host", "home_path",
                             "project_path", "package_path"})  # fmt: skip
"""Rules that stand back where they only touch a secret: "password@host.example" is no address."""


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return ``spans`` in order without overlaps; of two that meet, the earlier given names both.

    Detectors give the specific before the general.
    """
    ranked = sorted(enumerate(spans), key=lambda item: (item[1].start, item[0]))
    result: list[Span] = []
    ranks: list[int] = []
    for rank, span in ranks_without_empty(ranked):
        if result and span.start < result[-1].end:
            last = result[-1]
            if span.rule in PERSONAL and last.rule not in PERSONAL:
                continue
            if last.rule in PERSONAL and span.rule not in PERSONAL:
                result[-1], ranks[-1] = span, rank
                continue
            winner = last if ranks[-1] <= rank else span
            result[-1] = Span(last.start, max(last.end, span.end), winner.rule, winner.text)
            ranks[-1] = min(ranks[-1], rank)
        else:
            result.append(span)
            ranks.append(rank)
    return result


def outside_markers(text: str, spans: list[Span]) -> list[Span]:
    """Return ``spans`` without what an earlier run already replaced."""
    markers = [match.span() for match in _MARKER.finditer(text)]
    return [piece for span in spans for piece in _without(span, markers)] if markers else spans


def _without(span: Span, markers: list[tuple[int, int]]) -> Iterator[Span]:
    start = span.start
    for marker_start, marker_end in markers[max(0, bisect_left(markers, (span.start, 0)) - 1) :]:
        if marker_start >= span.end:
            break
        if marker_end > start:
            yield span._replace(start=start, end=max(start, marker_start))
            start = marker_end
    yield span._replace(start=min(start, span.end))


def ranks_without_empty(ranked: Iterable[tuple[int, Span]]) -> Iterable[tuple[int, Span]]:
    """Leave out spans without a character."""
    return (item for item in ranked if item[1].start < item[1].end)


def applied(text: str, spans: list[Span], limit: int) -> str:
    """Return ``text`` with ``spans`` replaced, without what began after ``limit``."""
    parts: list[str] = []
    at = 0
    for start, end, rule, replacement in spans:
        if start >= limit:
            break
        parts.append(text[at:start])
        parts.append(f"[REDACTED:{rule}]" if replacement is None else replacement)
        at = end
    if at < limit:
        parts.append(text[at:limit] if limit >= len(text) else _at_word_edge(text[at:limit]))
    return "".join(parts)


def _at_word_edge(text: str) -> str:
    """Cut ``text`` back to white space when there is some in its last 256 characters."""
    for end in range(len(text), max(len(text) - 256, 0), -1):
        if text[end - 1].isspace():
            return text[: end - 1]
    return text
