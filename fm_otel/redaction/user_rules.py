r"""The user's own rules and exceptions, one TOML file.

::

    safe_keys = ["deploy_token_name"]        # their values are only scanned, never blanked
    allow = ["support@example\.com"]         # what one of these matches whole stays
    hide_hosts = true                         # IP addresses and host names go, too

    [[rule]]
    name = "employee_id"
    pattern = 'EMP-(\d{6})'                   # group 1 is replaced, or the whole match
    keywords = ["EMP-"]                       # optional: tried only where one is in the text
    keys = ["employee"]                       # optional: values under these keys go whole

A rule that is malformed, matches the empty string or slows down on adversarial text is refused by
name; everything else works. The file can add and allow, it cannot turn anything else off.
"""

from __future__ import annotations

import re
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_TRIAL_SECONDS: Final = 0.02
_TRIAL_SIZES: Final = (8, 12, 16, 20, 24, 28, 40, 64, 256, 1024, 4096)


@dataclass(frozen=True)
class UserRule:
    """One rule of the user."""

    name: str
    pattern: re.Pattern[str] | None
    keywords: tuple[str, ...]
    keys: frozenset[str]

    def spans(self, text: str) -> Iterator[Span]:
        """Yield what this rule finds in ``text``."""
        if self.pattern is None or (self.keywords and not any(k in text for k in self.keywords)):
            return
        for match in self.pattern.finditer(text):
            group = 1 if self.pattern.groups and match[1] is not None else 0
            yield Span(match.start(group), match.end(group), self.name)


@dataclass(frozen=True)
class UserRules:
    """Rules, safe keys and allowed values of one user."""

    rules: tuple[UserRule, ...] = ()
    safe_keys: frozenset[str] = frozenset()
    allowed: tuple[re.Pattern[str], ...] = ()
    hide_hosts: bool = False

    def is_safe(self, key: str) -> bool:
        """Tell whether the user declared ``key`` harmless."""
        return key in self.safe_keys

    def rule_of_key(self, key: str) -> str | None:
        """Return the user's rule for values under ``key``."""
        return next((rule.name for rule in self.rules if key in rule.keys), None)

    def applied_to(self, text: str, spans: list[Span]) -> list[Span]:
        """Return ``spans`` without allowed values, behind those of the user's rules."""
        if self.allowed:
            spans = [span for span in spans if not self._allows(text[span.start : span.end])]
        return [span for rule in self.rules for span in rule.spans(text)] + spans

    def _allows(self, value: str) -> bool:
        return any(pattern.fullmatch(value) for pattern in self.allowed)


NO_USER_RULES: Final = UserRules()


def load(path: str, report: Callable[[str], None]) -> UserRules:
    """Return the rules of the file at ``path``; what is wrong is refused through ``report``."""
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        report(f"redaction rules {path} not used: {type(error).__name__}: {error}")
        return NO_USER_RULES
    for key in table.keys() - {"rule", "safe_keys", "allow", "hide_hosts"}:
        report(f"redaction rules {path}: unknown entry {key!r} ignored")
    rules = _each(table.get("rule", []), "rule", _rule, report)
    return UserRules(
        tuple(rules),
        frozenset(_each(table.get("safe_keys", []), "safe_keys", _text, report)),
        tuple(_each(table.get("allow", []), "allow", _pattern, report)),
        _switch(table.get("hide_hosts", False), report),
    )


def _each(
    items: Any, what: str, make: Callable[[Any], Any], report: Callable[[str], None]
) -> list[Any]:
    if not isinstance(items, list):
        report(f"redaction {what} ignored: it is not a list")
        return []
    made = []
    for number, item in enumerate(items, 1):
        try:
            made.append(make(item))
        except (TypeError, ValueError, re.error, RecursionError, OverflowError) as error:
            name = item.get("name") if isinstance(item, dict) else None
            report(f"redaction {what} {name or number} refused: {error}")
    return made


def _switch(item: Any, report: Callable[[str], None]) -> bool:
    if isinstance(item, bool):
        return item
    report("redaction hide_hosts ignored: it is neither true nor false")
    return False


def _rule(item: Any) -> UserRule:
    if not isinstance(item, dict):
        raise TypeError("it is not a table")
    unknown = item.keys() - {"name", "pattern", "keywords", "keys"}
    if unknown:
        raise ValueError(f"unknown entry {min(unknown)!r}")
    name = _text(item.get("name"))
    if _NAME.fullmatch(name) is None:
        raise ValueError("its name has to be lower-case letters, digits, '_', '-' or '.'")
    keys = frozenset(map(_text, item.get("keys", [])))
    if "pattern" not in item and not keys:
        raise ValueError("it has neither pattern nor keys")
    pattern = _pattern(item["pattern"]) if "pattern" in item else None
    return UserRule(name, pattern, tuple(map(_text, item.get("keywords", []))), keys)


def _text(item: Any) -> str:
    if not isinstance(item, str) or not item:
        raise TypeError("a text is missing")
    return item


def _pattern(item: Any) -> re.Pattern[str]:
    source = _text(item)
    if _NESTED.search(source):
        raise ValueError("a repeated group that repeats inside can take forever")
    pattern = re.compile(source)
    if pattern.search("") is not None:
        raise ValueError("it matches the empty string")
    _try(pattern)
    return pattern


_NESTED: Final = re.compile(
    r"\((?:[^()\\]|\\.)*(?:[+*]|\{\d*,\})\)?(?:[^()\\]|\\.)*\)(?:[+*]|\{\d*,\d*\})"
)


def _try(pattern: re.Pattern[str]) -> None:
    """Run ``pattern`` on texts that provoke backtracking, growing until it shows."""
    literals = sorted({c for c in pattern.pattern if c.isalnum()})[:8] or ["a"]
    for seed in (*literals, "a", "0", " ", "aA0", "a.", "a@", "-", '"', "".join(literals)):
        for size in _TRIAL_SIZES:
            start = time.thread_time()
            pattern.search(seed * (size // len(seed)) + "\x00")
            if time.thread_time() - start > _TRIAL_SECONDS:
                raise ValueError(f"it is too slow: over 20 ms on {size} characters")
