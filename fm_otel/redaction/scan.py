"""Find everything secret in one text: cheap gates, then only the detectors they call for.

A clean line is the common case, so the gates are what it costs. Byte translations turn the classes
"long token", "digits" and "IBAN head" into one substring test each (0.1 us where a character-class
search takes 1-3 us). One sieve asks for all literals that call a detector; only behind it, gate by
gate, for which.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import (
    announced,
    assignments,
    blocks,
    codes,
    configured,
    dialogs,
    links,
    names,
    options,
    paths,
    personal,
    phrases,
    programs,
    prose,
    tables,
    told_keys,
)
from fm_otel.redaction.buckets import BUCKETS, MARK_BUCKETS
from fm_otel.redaction.echoes import echo_spans, near_spans
from fm_otel.redaction.errors import OutOfTimeError
from fm_otel.redaction.gates import gate, sieve
from fm_otel.redaction.normalise import lowered
from fm_otel.redaction.rules import RULES, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fm_otel.redaction.spans import Span

BUDGET_SECONDS: Final = 0.02
"""Time one text may take, besides :data:`BUDGET_PER_CHARACTER`."""

BUDGET_PER_CHARACTER: Final = 8e-6

_SHORT_TEXT: Final = 4096
_TOKEN_CHARACTERS: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
)
_TOKEN_TABLE: Final = bytes(65 if c in _TOKEN_CHARACTERS else 32 for c in range(256))
_CODE_TABLE: Final = bytes(
    48 if 48 <= c <= 57 else 65 if 65 <= c <= 90 else 32 for c in range(256)
)
_KEY_LONG: Final = b"A" * 16
_LONG: Final = b"A" * 20
_SIXTEEN: Final = b"0" * 16
_SEVEN: Final = b"0" * 7
_IBAN_HEAD: Final = b"AA00"


_PATTERNS: Final = tuple(rule for rule in RULES if rule.pattern is not None)
_HEADERS: Final = tuple(rule for rule in _PATTERNS if rule.category == "header")
# "1/" stands in every route of a first version; the sixteen digits behind it are rarer.
_NUMBERED: Final = tuple(rule for rule in _PATTERNS if rule.anchors == ("1/",))
_ANCHORED: Final = tuple(
    rule for rule in _PATTERNS if rule not in _HEADERS and rule not in _NUMBERED and not rule.head
)
# Their salts and signs part a hash into short runs.
_HASHES: Final = tuple(
    rule for rule in _PATTERNS if rule.name == "password_hash" and rule.anchors[0][0] in "${"
)
_has_hash: Final = gate(anchor for rule in _HASHES for anchor in rule.anchors)
_COMPILED: Final = {rule: re.compile(rule.pattern or "") for rule in _PATTERNS}
_UNLESS: Final = {rule: re.compile(rule.unless) for rule in _PATTERNS if rule.unless}
_BEFORE: Final = 40
"""Characters before a match in which a rule looks for what makes it harmless."""
_GATES: Final = {rule.anchors: gate(rule.anchors) for rule in _PATTERNS}
_BY_HEAD: Final[dict[str, list[tuple[str, Rule]]]] = {}
for _rule in _PATTERNS:
    if _rule.head:
        for _anchor in _rule.anchors:
            _BY_HEAD.setdefault(_anchor[:2], []).append((_anchor, _rule))

_ANCHORS: Final = tuple(anchor for rule in _ANCHORED for anchor in rule.anchors)
_has_anchor: Final = gate(_ANCHORS)
_NAMES: Final = (
    *names.CORES,
    *configured.WORDS,
    *dialogs.WORDS,
    *programs.WORDS,
    *codes.WORDS,
    *prose.WORDS,
    *phrases.WORDS,
)
_has_name: Final = gate(_NAMES)
# The name of a tool says something where an option, a path, a call or a quotation stands as well.
_TOOLS: Final = (*configured.TOOLS, *programs.TOOLS)
_has_tool: Final = gate(_TOOLS)
_has_argument: Final = gate((" -", "/", "(", "'", '"'))
_has_foreign: Final = gate(
    (*names.FOREIGN, *configured.FOREIGN, *codes.FOREIGN, *phrases.FOREIGN)
)
_has_dash: Final = gate((" -", "'-", '"-'))
_OPTION: Final = re.compile(r"[ \"']-[-A-Za-z]")
_has_command: Final = gate(options.WORDS)
LITERALS: Final = (
    *_NAMES, *_TOOLS, *(word.lower() for word in options.WORDS),
    "eyj", "q~", "://", "private-lines",
)  # fmt: skip
"""What calls a detector by itself, in lower case; ``PRIVATE KEY`` holds a name."""
_says_something: Final = sieve(LITERALS, BUCKETS)
MARKS: Final = (*_ANCHORS, *dialogs.LITERALS, *programs.LITERALS)
"""What tokens without a prefix, dialogs and programs are known by, as it is written."""
_has_mark: Final = sieve(MARKS, MARK_BUCKETS)
_FOLD: Final = bytes(48 if 48 <= c <= 57 else c for c in range(256))
# What is told apart by its digits: these literals, and what begins with one of the signs.
_has_numbered: Final = gate(
    literal.encode().translate(_FOLD).decode()
    for literal in LITERALS
    if any(map(str.isdigit, literal))
)
_has_sign: Final = gate("$%/\\")
_has_home: Final = gate(paths.ANCHORS)
_JWT_HEADER: Final = 4100
_RUN: Final = re.compile(r"[A-Za-z0-9_-]{16,}")
_HEAD: Final = re.compile(r"(?:\A|[-_])(?=[A-Za-z0-9])")


class Clock:
    """Time left for one text; checked between detectors.

    The wall clock comes first, as reading it costs 50 ns and the processor's a system call. Where
    it has run out, the processor time from then on decides: waiting for a turn is no work.
    """

    __slots__ = ("_budget", "_end", "_worked")

    def __init__(self, size: int) -> None:
        """Start the budget of a text of ``size`` characters."""
        self._budget = BUDGET_SECONDS + BUDGET_PER_CHARACTER * size
        self._end = time.perf_counter() + self._budget
        self._worked = 0.0

    def check(self) -> None:
        """Raise :class:`OutOfTimeError` when the budget is used up."""
        if time.perf_counter() <= self._end:
            return
        if not self._worked:
            self._worked = time.thread_time() + self._budget
        if time.thread_time() > self._worked:
            raise OutOfTimeError


def spans_of(text: str, called: list[Iterable[Span]] | None = None) -> list[Span]:
    """Return what the rules want replaced in ``text``, the specific before the general.

    ``called``: its detectors, where they are known. A short text gets a second try: a collection
    of garbage counts as time spent here.
    """
    called = detectors(text) if called is None else called
    if not called:
        return []
    try:
        return _timed(text, called)
    except OutOfTimeError:
        if len(text) > _SHORT_TEXT:
            raise
        return _timed(text, detectors(text))


def folded(text: str) -> bytes:
    """Return ASCII ``text`` with every digit as 0: what a message with another number shares."""
    return text.encode().translate(_FOLD)


def is_plain(text: str) -> bool:
    """Tell whether a text that calls no detector calls none with other digits in their places.

    Classes such as "seven digits" are the same for all digits; what knows its digits is left out.
    """
    return text.isascii() and not (
        _has_sign(text) or _has_numbered(folded(text.lower()).decode())
    )


def _timed(text: str, called: list[Iterable[Span]]) -> list[Span]:
    clock = Clock(len(text))
    found: list[Span] = []
    for detect in called:
        found.extend(detect)
        clock.check()
    found.extend(echo_spans(text, found))
    found.extend(near_spans(text, found))
    return found


def detectors(text: str) -> list[Iterable[Span]]:
    """Return the detectors that ``text`` calls for; they run when they are read."""
    low = text.lower() if text.isascii() else lowered(text)
    raw = text.encode("utf-8", "replace")
    found: list[Iterable[Span]] = []
    long = _LONG in raw.translate(_TOKEN_TABLE)
    literal = not text.isascii() or _says_something(low)
    called = long or literal
    at_sign = "@" in text
    if called:
        long = long or "eyJ" in text or "Q~" in text
        found.extend(_issued(text, raw, long=long))
    if not long and ("$" in text or "{" in text) and _has_hash(text):
        found.append(pattern_spans(text, _HASHES))
    if called or at_sign:
        found.extend(_linked(text, long=long, at_sign=at_sign))
    if "=" in text and ("?" in text or "&" in text or "#" in text or ";" in text):
        found.append(links.query_spans(text))
    if at_sign and ":" in text:
        found.append(links.bare_spans(text))
        found.append(links.slip_spans(text))
    if called:
        found.extend(_named(text, low, literal=literal, long=long))
    dashed = "-" in text and _has_dash(text) and _OPTION.search(text)
    if dashed or (called and _has_command(text)):
        found.append(options.option_spans(text))
    if at_sign:
        found.append(personal.email_spans(text, low))
    if "%" in text and "%40" in text:
        found.append(personal.encoded_email_spans(text))
    codes = raw.translate(_CODE_TABLE, b" .()-")
    if _SEVEN in codes:
        found.append(personal.digit_spans(text, low))
    if _IBAN_HEAD in codes:
        found.append(personal.iban_spans(text))
    return found


def _issued(text: str, raw: bytes, *, long: bool) -> Iterator[Iterable[Span]]:
    if "PRIVATE KEY" in text or "Private-Lines" in text:
        yield blocks.private_key_spans(text)
    if not long:
        return
    yield issued_spans(text)
    if "AKIA" in text or "ASIA" in text:
        yield blocks.aws_secret_spans(text)
    if '"kty' in text:
        yield blocks.web_key_spans(text)
    if _has_mark(text) and _has_anchor(text):
        yield pattern_spans(text, _ANCHORED)
    if _SIXTEEN in raw.translate(_CODE_TABLE):
        yield pattern_spans(text, _NUMBERED)


def _linked(text: str, *, long: bool, at_sign: bool) -> Iterator[Iterable[Span]]:
    if "://" in text or (at_sign and "//" in text):
        yield links.url_spans(text)
        if not long and "hooks.zapier.com/" in text:
            yield pattern_spans(text, _ANCHORED)
    if long and "/" in text:
        yield links.path_spans(text)


def _named(text: str, low: str, *, literal: bool, long: bool) -> Iterator[Iterable[Span]]:
    named = literal and (
        _has_name(low)
        or (_has_argument(text) and _has_tool(low))
        or (not text.isascii() and _has_foreign(low))
    )
    if named:
        yield from _by_name(text, low)
    if (named or long) and _has_mark(text):
        yield dialogs.dialog_spans(text)
        yield programs.program_spans(text)


def _by_name(text: str, low: str) -> Iterator[Iterable[Span]]:
    if "earer" in low or "basic" in low:
        yield pattern_spans(text, _HEADERS)
    if "random_" in text:
        yield blocks.generated_spans(text)
    if (
        "value" in low
        or "default" in low
        or "content" in low
        or "::s" in text
        or "##vso[" in text
        or "input" in low
    ):
        yield blocks.named_value_spans(text)
    if "<" in text and ("=" in text or "</name>" in text or "</key>" in text):
        yield blocks.xml_property_spans(text)
    if "<![CDATA[" in text and "]]>" in text:
        yield blocks.cdata_spans(text)
    if "%" in text and ("rguments: " in text or "] (" in text):
        yield blocks.argument_spans(text)
    if "= $" in text or "=$" in text:
        yield blocks.bound_spans(text)
    if "ecret" in text and "kind" in text:
        yield blocks.manifest_spans(text)
    if "into" in low:
        yield tables.sql_spans(text)
    if "\n" in text:
        yield tables.table_spans(text)
        yield announced.announced_spans(text)
    yield codes.code_spans(text, low)
    yield prose.prose_spans(text, low)
    yield phrases.phrase_spans(low)
    if _KEY_LONG in text.encode("utf-8", "replace").translate(_TOKEN_TABLE):
        yield told_keys.key_spans(text, low)
    yield configured.configured_spans(text, low)
    yield assignments.find(text, low)


def path_spans(text: str, root: str) -> list[Span]:
    """Return the directories in ``text`` that shall not leave."""
    if "/" not in text and "\\" not in text:
        return []
    found: list[Span] = []
    if root and root in text:
        found.extend(paths.project_spans(text, root))
    if "-packages" in text:
        found.extend(paths.package_spans(text))
    if "/python3." in text:
        found.extend(paths.stdlib_spans(text))
    if _has_home(text):
        found.extend(paths.home_spans(text))
    return found


def prefix_spans(text: str) -> list[Span]:
    """Return only tokens with a literal prefix: what an id may not hold."""
    if len(text) < len(_LONG) or _LONG not in text.encode("utf-8", "replace").translate(
        _TOKEN_TABLE
    ):
        return []
    found = list(issued_spans(text))
    if _has_anchor(text):
        found.extend(
            pattern_spans(text, (rule for rule in (*_ANCHORED, *_NUMBERED) if rule.issued))
        )
    return found


def issued_spans(text: str) -> Iterator[Span]:
    """Yield tokens whose issuer's prefix begins a long run of token characters."""
    done = 0
    for run in _RUN.finditer(text):
        if run.end() <= done:
            continue
        for head in _HEAD.finditer(run.group()):
            at = run.start() + head.end()
            for span in _from_head(text, at, run.end()) if at >= done else ():
                done = max(done, span.end)
                yield span


def _from_head(text: str, at: int, end: int) -> Iterator[Span]:
    # An escaped line break glues its letter to the token.
    glued = at and text[at - 1] == "\\" and text[at] in "nrt"
    for start in (at, at + 1) if glued else (at,):
        for anchor, rule in _BY_HEAD.get(text[start : start + 2], ()):
            if text.startswith(anchor, start) and (
                rule.name != "jwt" or _dotted(text, start, end)
            ):
                yield from _at(rule, text, start)


def _dotted(text: str, at: int, end: int) -> bool:
    """Tell whether a dot ends the run, as it does the first part of a JWT."""
    return text[end : end + 1] == "." and end - at <= _JWT_HEADER


def _at(rule: Rule, text: str, at: int) -> Iterator[Span]:
    match = _COMPILED[rule].match(text, at)
    if (
        match
        and not _is_example(match.group())
        and (rule.check is None or rule.check(match.group()))
    ):
        yield from rule.spans(match)


def _is_example(token: str) -> bool:
    return "xxxxxxxx" in token.lower()


def pattern_spans(text: str, rules: Iterable[Rule]) -> Iterator[Span]:
    """Yield the matches of pattern rules whose anchor is in the text."""
    for rule in rules:
        if _GATES[rule.anchors](text):
            yield from _matches(rule, text)


def _matches(rule: Rule, text: str) -> Iterator[Span]:
    for match in _COMPILED[rule].finditer(text):
        if _is_example(match.group()):
            continue
        harmless = _UNLESS.get(rule)
        if harmless and harmless.search(text, max(0, match.start() - _BEFORE), match.start()):
            continue
        if match.group()[:1].isalnum() and _joined(text, match.start()):
            continue
        if rule.check is None or rule.check(match.group(rule.group)):
            yield from rule.spans(match)


def _joined(text: str, start: int) -> bool:
    """Tell whether a letter or digit stands directly before ``start``."""
    before = text[start - 1 : start]
    if not before.isalnum() or not before.isascii() or text[start - 3 : start - 2] == "%":
        return False
    return not (text[start - 2 : start - 1] == "\\" and before in "nrt")
