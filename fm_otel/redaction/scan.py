"""Find everything secret in one text: a cheap gate, then only the detectors it calls for."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import assignments, blocks, links, options, paths, personal
from fm_otel.redaction.errors import OutOfTimeError
from fm_otel.redaction.normalise import lowered
from fm_otel.redaction.rules import RULES, Rule
from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fm_otel.redaction.keys import KeyClass

    Gate = Callable[[str, str], bool]

BUDGET_SECONDS: Final = 0.02
"""Processor time one text may take, besides :data:`BUDGET_PER_CHARACTER`."""

BUDGET_PER_CHARACTER: Final = 4e-6


def _gate(literals: Iterable[str], of: str) -> Gate:
    """Compile a chain of ``in`` tests: 35 ns each on a line, where a loop pays 80."""
    chain = " or ".join(f"{literal!r} in {of}" for literal in dict.fromkeys(literals))
    return eval(f"lambda text, low: {chain}")  # type: ignore[no-any-return]  # noqa: S307


_FIRST: Final = tuple(rule for rule in RULES if rule.pattern is not None)
_PREFIXED: Final = tuple(rule for rule in _FIRST if rule.prefix)
_has_anchor: Final = _gate((anchor for rule in _FIRST for anchor in rule.anchors if anchor != "."), "text")
_has_name: Final = _gate((*assignments.CORES, "login", "sign in", "otp", "2fa", "mfa", "requirepass", "wallet"), "low")
_has_foreign: Final = _gate((*assignments.FOREIGN, "账号", "帐号", "验证码", "確認コード", "vérification", "verificación", "bestätigung"), "low")
_has_home: Final = _gate(paths.ANCHORS, "text")


class Clock:
    """Processor time left for one text; checked between detectors."""

    __slots__ = ("_end",)

    def __init__(self, size: int) -> None:
        """Start the budget of a text of ``size`` characters."""
        self._end = time.thread_time() + BUDGET_SECONDS + BUDGET_PER_CHARACTER * size

    def check(self) -> None:
        """Raise :class:`OutOfTimeError` when the budget is used up."""
        if time.thread_time() > self._end:
            raise OutOfTimeError


def spans_of(text: str) -> list[Span]:
    """Return what the rules want replaced in ``text``, the specific before the general."""
    low = lowered(text)
    found: list[Span] = []
    clock: Clock | None = None
    for detect in _detectors(text, low):
        if clock is None:
            clock = Clock(len(text))
        found.extend(detect)
        clock.check()
    return found


def _detectors(text: str, low: str) -> Iterator[Iterable[Span]]:
    """Yield the detectors that ``text`` calls for; lazily, so that a clean line pays gates only."""
    if "PRIVATE KEY" in text or "Private-Lines" in text:
        yield blocks.private_key_spans(text)
    if _has_anchor(text, low) or text.count(".") > 1:
        yield pattern_spans(text, low, _FIRST)
    if "://" in text:
        yield links.url_spans(text)
    if "=" in text and ("?" in text or "&" in text or "#" in text or ";" in text):
        yield links.query_spans(text)
        if "?" in text:
            yield links.access_spans(text)
    if "/" in text:
        yield links.path_spans(text)
    at_sign = "@" in text
    if at_sign and ":" in text:
        yield links.bare_spans(text)
    if "AKIA" in text or "ASIA" in text:
        yield blocks.aws_secret_spans(text)
    named = _has_name(text, low) or (not text.isascii() and _has_foreign(text, low))
    if named:
        yield from _named(text, low)
    if " -" in text or "/p:" in text:
        yield options.option_spans(text)
    if at_sign:
        yield personal.email_spans(text, low)
    if personal.DIGITS.search(text) is not None:
        yield personal.digit_spans(text, low)
        yield options.bootstrap_spans(text)
    if personal.may_have_iban(text):
        yield personal.iban_spans(text)


def _named(text: str, low: str) -> Iterator[Iterable[Span]]:
    if "value" in low or "<" in text or "default" in low or "content" in low:
        yield blocks.named_value_spans(text)
    if "ecret" in text and "kind" in text:
        yield blocks.manifest_spans(text)
    if "into" in low:
        yield blocks.sql_spans(text)
    yield options.configured_spans(text)
    yield assignments.find(text, low)


def path_spans(text: str, root: str) -> list[Span]:
    """Return the directories in ``text`` that shall not leave."""
    found: list[Span] = []
    if root and root in text:
        found.extend(paths.project_spans(text, root))
    if "-packages" in text:
        found.extend(paths.package_spans(text))
    if "/python3." in text:
        found.extend(paths.stdlib_spans(text))
    if _has_home(text, text):
        found.extend(paths.home_spans(text))
    return found


def prefix_spans(text: str) -> list[Span]:
    """Return only tokens with a literal prefix: what an id may not hold."""
    return list(pattern_spans(text, text, _PREFIXED)) if len(text) > 15 else []  # noqa: PLR2004


def pattern_spans(text: str, low: str, rules: Iterable[Rule]) -> Iterator[Span]:
    """Yield the matches of pattern rules whose anchor is in the text."""
    for rule in rules:
        if any(anchor in text for anchor in rule.anchors):
            yield from _matches(rule, text)


def _matches(rule: Rule, text: str) -> Iterator[Span]:
    for match in compiled(rule).finditer(text):
        if _joined(text, match.start()) and match.group()[:1].isalnum():
            continue
        if rule.check is None or rule.check(match.group(rule.group)):
            yield Span(match.start(rule.group), match.end(rule.group), rule.name)


def _joined(text: str, start: int) -> bool:
    """Tell whether a letter or digit stands directly before ``start``."""
    before = text[start - 1 : start]
    if not before.isalnum() or not before.isascii():
        return False
    return not (text[start - 2 : start - 1] == "\\" and before in "nrt")


_patterns: dict[str, re.Pattern[str]] = {}


def compiled(rule: Rule) -> re.Pattern[str]:
    """Return the compiled pattern of ``rule``."""
    pattern = rule.pattern or ""
    known = _patterns.get(pattern)
    if known is None:
        known = _patterns[pattern] = re.compile(pattern)
    return known


def is_secret_under(key: str, found: KeyClass, value: str) -> bool:
    """Tell whether the scalar ``value`` under the sensitive ``key`` has to go."""
    return assignments.is_secret_scalar(key, found, value)
