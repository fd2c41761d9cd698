"""The redaction station: every text of a record made safe, once, before any sink sees it.

Here is decided which rule set meets which field; the rules themselves are in ``redaction``. The
station may replace values and cut them, never add. What it cannot clean it withholds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from fm_otel.fields import ID_FIELDS
from fm_otel.redaction.normalise import clean_text
from fm_otel.shape import merged_notes
from fm_otel.values import MAX_LINE, MAX_STRING, cut

if TYPE_CHECKING:
    from collections.abc import Callable

    from fm_otel.record import ContextFacts, Facts
    from fm_otel.redaction import Redactor

WITHHELD: Final = "[REDACTED:failed]"
"""Stands for a value whose redaction failed."""

MARGIN: Final = 4096
"""Characters beyond the limit that redaction still sees, so that no cut hides half a secret."""

SMALL: Final = 2048
"""Characters of a value that need no thought: with all the values a record may have they are
what its line may have."""

_AUDIT_TEXTS: Final = ("actor", "resource", "reason")


class Redaction:
    """Cleans facts in place; without a redactor only control characters and lengths."""

    def __init__(self, redactor: Redactor | None) -> None:
        self._redactor = redactor

    def clean(self, facts: Facts) -> None:
        """Make every text of ``facts`` safe; never raises."""
        notes: list[str] = []
        try:
            redactor = self._redactor
            clean = None if redactor is None else redactor.text
            facts.message = _text(facts.message, clean, notes)
            if not facts.context.redacted:
                self._clean_context(facts.context, notes)
            if facts.plain:
                self._clean_plain(facts, notes)
            if facts.fields:
                self._clean_fields(facts.fields, notes)
            if facts.extra or facts.error or facts.http or facts.audit:
                self._clean_rare(facts, notes)
        except Exception:  # noqa: BLE001 - fails closed, whatever went wrong
            withhold(facts)
            notes = ["withheld"]
        if notes:
            facts.sanitized = merged_notes(facts.sanitized, notes)

    def _clean_rare(self, facts: Facts, notes: list[str]) -> None:
        if facts.extra:
            facts.extra = self._mapping(facts.extra, notes)
        if facts.error is not None:
            self._clean_error(facts.error, notes)
        if facts.http is not None:
            self._clean_http(facts.http, notes)
        if facts.audit is not None:
            for name in _AUDIT_TEXTS:
                if name in facts.audit:
                    facts.audit[name] = self._mapping({name: facts.audit[name]}, notes)[name]

    def _clean_plain(self, facts: Facts, notes: list[str]) -> None:
        """Clean the extras at the top; the JSON that showed them harmless is kept for the line."""
        plain = facts.plain
        if facts.members is None:
            text = _json_of(plain)
            facts.members = None if text is None else text[1:-1]
        if facts.members is None or not _harmless(facts.members):
            facts.plain, facts.members = self._mapping(plain, notes), None
        elif self._redactor is not None:
            redacted = self._redactor.mapping(plain)
            if redacted is not plain:
                facts.plain, facts.members = redacted, None

    def _clean_context(self, context: ContextFacts, notes: list[str]) -> None:
        self._clean_fields(context.schema, notes)  # type: ignore[arg-type]  # str stays str
        self._clean_fields(context.fields, notes)
        context.plain = self._mapping(context.plain, notes)
        context.redacted = True

    def _clean_fields(self, fields: dict[str, object], notes: list[str]) -> None:
        """Clean schema fields: ids by the rule for ids, other words by literal prefixes only."""
        redactor = self._redactor
        for name, value in fields.items():
            if type(value) is not str:
                continue
            text = _text(value, None, notes)
            if redactor is not None:
                clean = redactor.identifier if name in ID_FIELDS else redactor.schema_text
                text = clean(name, text)
            fields[name] = text

    def _mapping(self, mapping: dict[str, object], notes: list[str]) -> dict[str, object]:
        redact = None if self._redactor is None else self._redactor.text
        plain = _plain(mapping, _Strings(redact, notes))
        if self._redactor is not None:
            plain = self._redactor.mapping(plain)
        return plain

    def _clean_error(self, error: dict[str, object], notes: list[str]) -> None:
        redactor = self._redactor
        for name in ("type", "message", "stack_trace"):
            value = error.get(name)
            if isinstance(value, str):
                clean = None
                if redactor is not None:
                    clean = redactor.stack if name == "stack_trace" else redactor.text
                error[name] = _text(value, clean, notes)

    def _clean_http(self, http: dict[str, object], notes: list[str]) -> None:
        redactor = self._redactor
        for name in ("method", "route", "path", "client"):
            value = http.get(name)
            if isinstance(value, str):
                clean = None
                if redactor is not None:
                    clean = redactor.url if name == "path" else redactor.text
                http[name] = _text(value, clean, notes)


def withhold(facts: Facts) -> None:
    """Leave only what cannot hold a secret: time, level, place, ids of trace and record."""
    facts.message = WITHHELD
    facts.plain, facts.members = {}, None
    facts.extra = {}
    facts.fields = {k: v for k, v in facts.fields.items() if type(v) is not str}
    facts.error = {"type": str(facts.error.get("type", WITHHELD))} if facts.error else None
    facts.http = facts.audit = None
    if not facts.context.redacted:
        facts.context = type(facts.context)({}, {}, {})


def _text(value: str, redact: Callable[[str], str] | None, notes: list[str]) -> str:
    """Return ``value`` without control characters, redacted, then cut to the limit."""
    length = len(value)
    if length <= MAX_STRING and value.isascii() and value.isprintable():
        return value if redact is None else redact(value)
    window = value if length <= MAX_STRING else value[: MAX_STRING + MARGIN]
    cleaned = window
    if not (window.isascii() and window.isprintable()):
        cleaned = clean_text(window)
        if cleaned is not window:
            notes.append(_reason(window))
    if redact is not None:
        cleaned = redact(cleaned)
    if length > MAX_STRING:
        notes.append("too_long")
        return cut(cleaned, MAX_STRING, length)
    return cleaned


def _reason(text: str) -> str:
    return "surrogate" if any("\ud800" <= char <= "\udfff" for char in text) else "control"


class _Strings:
    """Cleans the strings of a mapping; together they get no more text than a line can hold.

    ``redact`` meets only strings that are cut: the rules by key come later, to what is left.
    """

    __slots__ = ("_left", "_notes", "_redact")

    def __init__(self, redact: Callable[[str], str] | None, notes: list[str]) -> None:
        self._redact = redact
        self._notes = notes
        self._left = MAX_LINE

    def clean(self, value: str) -> str:
        """Return a string that may leave."""
        length = len(value)
        if length > SMALL:
            if self._left <= 0:
                self._notes.append("too_long")
                return f"<cut: {length} characters>"
            self._left -= min(length, MAX_STRING)
        return _text(value, self._redact if length > MAX_STRING else None, self._notes)

    def nested(self, value: object) -> object:
        """Return a container with its strings cleaned."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, list):
            return [self.nested(item) for item in value]
        if isinstance(value, dict):
            return {
                _text(key, None, self._notes): self.nested(item) for key, item in value.items()
            }
        return value


def _plain(mapping: dict[str, object], strings: _Strings) -> dict[str, object]:
    """Return ``mapping`` with its strings free of control characters; itself when they are.

    Its own keys are clean already: the record's plan saw to it.
    """
    changed: dict[str, object] | None = None
    for key, value in mapping.items():
        kind = type(value)
        if kind is str:
            if value.isascii() and value.isprintable() and len(value) <= SMALL:  # type: ignore[attr-defined, arg-type]
                continue
            cleaned: object = strings.clean(value)  # type: ignore[arg-type]  # is a str
        elif (kind is dict or kind is list) and not _harmless(_json_of(value)):
            cleaned = strings.nested(value)
        else:
            continue
        if cleaned is not value:
            if changed is None:
                changed = dict(mapping)
            changed[key] = cleaned
    return mapping if changed is None else changed


def _json_of(value: object) -> bytes | None:
    try:
        return orjson.dumps(value)
    except (TypeError, ValueError):
        return None


def _harmless(text: bytes | None) -> bool:
    """Return whether JSON shows at one look that its values need no cleaning.

    Whatever could act on a terminal is escaped there, or outside ASCII, or the delete character.
    """
    return (
        text is not None and len(text) <= SMALL and text.isascii()
        and b"\\" not in text and b"\x7f" not in text
    )
