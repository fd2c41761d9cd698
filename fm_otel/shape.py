"""Shape: a ``Captured`` to ``Facts``, every value at its place in the field table.

Where an extra belongs depends on its key only, so each call site keeps one plan per set of keys;
per record only the types are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from fm_otel.errors import category_of, mnemonic_for_type, resolve
from fm_otel.fields import (
    BY_NAME,
    CONTEXT_FIELDS,
    FIELDS,
    ID_FIELDS,
    PERFORMANCE_FIELDS,
    RECORD_ATTRIBUTES,
    RESERVED_PREFIXES,
    SETTABLE,
    Kind,
)
from fm_otel.record import ContextFacts, Facts
from fm_otel.redaction.normalise import clean_text
from fm_otel.structured import ASIDE, NOTES
from fm_otel.values import MAX_ATTRIBUTES, MAX_KEY, text_of, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fm_otel.context import Snapshot
    from fm_otel.fields import Field
    from fm_otel.record import Captured
    from fm_otel.site import Site
    from fm_otel.stack import CapturedError

MAX_PLANS: Final = 64
"""Plans a call site keeps: most have one; keys made from data would grow it for ever."""

_ORDER: Final = {field.name: place for place, field in enumerate(FIELDS)}
_TYPES: Final[dict[Kind, frozenset[type]]] = {
    Kind.STRING: frozenset({str}),
    Kind.INTEGER: frozenset({int}),
    Kind.NUMBER: frozenset({int, float}),
    Kind.BOOLEAN: frozenset({bool}),
    Kind.OBJECT: frozenset({dict}),
    Kind.STRINGS: frozenset({list}),
}
_INT_MIN, _INT_END = -(1 << 63), 1 << 63
_DROPPED: Final = frozenset({"", "message", "asctime", "color_message"})
"""What formatters and servers leave on a record; the empty key, which no reader can address."""


class Plan:
    """Where the extras of one set of keys go: pairs of position and name."""

    __slots__ = (
        "aside", "code", "dropped", "extra", "notes", "objects", "plain", "plain_only", "rare",
        "schema",
        "weight",
    )

    def __init__(self, keys: tuple[str, ...], *, performance: bool) -> None:
        self.schema: list[tuple[int, str, Field]] = []
        self.objects: list[tuple[int, str]] = []
        self.plain: list[tuple[int, str]] = []
        self.extra: list[tuple[int, str]] = []
        self.code: int | None = None
        self.weight: int | None = None
        self.aside: int | None = None
        self.notes: int | None = None
        self.dropped = 0
        for place, key in enumerate(keys):
            name = key if type(key) is str else text_of(key, [])
            self._place(place, clean_text(name), performance=performance)
        self.schema.sort(key=lambda item: _ORDER[item[2].name])
        self.dropped += max(0, len(self.plain) - MAX_ATTRIBUTES)
        del self.plain[MAX_ATTRIBUTES:]
        self.rare = bool(self.extra or self.objects or self.dropped) or not (
            self.aside is self.notes is None
        )

        self.plain_only = tuple(name for _, name in self.plain) == keys
        """Whether the extras stand at the top just as they were given."""

    def _place(self, place: int, key: str, *, performance: bool) -> None:
        field = SETTABLE.get(key)
        if key == ASIDE:
            self.aside = place
        elif key == NOTES:
            self.notes = place
        elif key in _DROPPED:
            self.dropped += not key
        elif field is None:
            name = key if len(key) <= MAX_KEY else key[:MAX_KEY]
            target = self.extra if reserved(key) else self.plain
            target.append((place, name))
        elif field.name == "error_code":
            self.code = place
        elif field.name == "sample_weight":
            self.weight = place
        elif field.kind is Kind.OBJECT:
            self.objects.append((place, field.name))
        elif performance or field.name not in PERFORMANCE_FIELDS:
            self.schema.append((place, key, field))


def reserved(key: str) -> bool:
    """Return whether a user's key may not stand at the top of the line."""
    return key in BY_NAME or key in RECORD_ATTRIBUTES or key.startswith(RESERVED_PREFIXES)


class Shaper:
    """Lays records out by the field table; ``performance`` false leaves out duration and such."""

    def __init__(self, record_prefix: str, *, performance: bool = True) -> None:
        self._prefix = record_prefix
        self._performance = performance

    def rename(self, record_prefix: str) -> None:
        """Give the records from now on another ``record_id`` prefix: those of a child."""
        self._prefix = record_prefix

    def shape(self, captured: Captured) -> Facts:
        """Return the facts of ``captured``, not redacted yet."""
        facts = Facts()
        (facts.time_ns, facts.seq, site, facts.message, keys, values, facts.span, context,
         error, facts.weight, facts.sanitized, _, _) = captured
        facts.site = site
        facts.record_id = f"{self._prefix}{facts.seq:x}"
        facts.context = context.shaped or self._context(context)
        facts.fields = {}
        facts.plain = plain = {}
        facts.extra = {}
        facts.error = facts.http = facts.audit = facts.members = None
        code = None
        if keys:
            plan = site.plans.get(keys) or self._plan(site, keys)
            if type(values) is bytes:
                given = orjson.loads(b"{%b}" % values)
                if plan.plain_only:
                    facts.plain, facts.members = given, values
                    keys = ()
                values = tuple(given.values())
        if keys:
            for place, key, field in plan.schema:
                self._set(facts, key, field, values[place])
            for place, name in plan.plain:
                value = values[place]
                kind = type(value)
                if kind is int:
                    if not _INT_MIN <= value < _INT_END:  # type: ignore[operator]  # is an int
                        value = _number(value, facts)
                elif kind is float and value - value != 0:  # type: ignore[operator]  # a float
                    value = _number(value, facts)
                if value is not None:
                    plain[name] = value
            if plan.rare:
                _rare(facts, plan, values)  # type: ignore[arg-type]  # a tuple by now
            if plan.weight is not None:
                _weigh(facts, values[plan.weight])
            if plan.code is not None:
                code = values[plan.code]
        if error is not None or code is not None:
            _error(facts, error, code)
        if error is not None and error.context:
            _fill(facts, error.context)
        for name, value in facts.extra.items():
            if type(value) is int or type(value) is float:
                facts.extra[name] = _number(value, facts)
        return facts

    def minimal(self, captured: Captured) -> Facts:
        """Return what is certain of a record that could not be shaped."""
        facts = Facts()
        facts.time_ns, facts.seq, facts.site = captured.time_ns, captured.seq, captured.site
        facts.record_id = f"{self._prefix}{facts.seq:x}"
        facts.message, facts.span, facts.weight = captured.message, captured.span, captured.weight
        facts.context = ContextFacts({}, {}, {})
        facts.fields, facts.plain, facts.extra = {}, {}, {}
        facts.error = facts.http = facts.audit = facts.members = None
        facts.sanitized = merged_notes(captured.sanitized, ("minimal",))
        return facts

    def _context(self, snapshot: Snapshot) -> ContextFacts:
        """Lay out a request context, once for all its records."""
        schema: dict[str, str] = {}
        fields: dict[str, object] = {}
        plain: dict[str, object] = {}
        for key, value in snapshot.fields.items():
            field = SETTABLE.get(key)
            if field is None or field.name == "error_code" or field.kind is Kind.OBJECT:
                if not reserved(key):
                    plain[clean_text(key)[:MAX_KEY]] = tidy(value, [])
            elif field.name in CONTEXT_FIELDS:
                schema[field.name] = str(value)
            elif (fitted := fit(field, value)) is not None:
                fields[field.name] = fitted
        ordered: dict[str, str] = {name: schema[name] for name in CONTEXT_FIELDS if name in schema}
        snapshot.shaped = shaped = ContextFacts(ordered, fields, plain)
        return shaped

    def _plan(self, site: Site, keys: tuple[str, ...]) -> Plan:
        if len(site.plans) >= MAX_PLANS:
            site.plans.clear()
        plan = site.plans[keys] = Plan(keys, performance=self._performance)
        return plan

    def _set(self, facts: Facts, key: str, field: Field, value: object) -> None:
        if value is None:
            return
        fitted = fit(field, value)
        if fitted is None:
            facts.extra[key] = value
        else:
            facts.fields[field.name] = fitted


def fit(field: Field, value: object) -> object | None:
    """Return ``value`` as ``field`` takes it, or None when it is of the wrong type."""
    kind = type(value)
    if kind in _TYPES[field.kind]:
        if kind is float and not -1e308 < value < 1e308:  # type: ignore[operator]  # is a float
            return None
        if kind is int and not -(1 << 63) <= value < 1 << 63:  # type: ignore[operator]  # is an int
            return None
        return value
    if kind is int and field.name in ID_FIELDS:
        return str(value)
    return None


def _rare(facts: Facts, plan: Plan, values: tuple[object, ...]) -> None:
    """Place what few records have: objects, and keys that may not stand at the top."""
    extra = facts.extra
    for place, name in plan.objects:
        value = values[place]
        if value is None:
            continue
        if isinstance(value, dict) and _fits_object(BY_NAME[name], value):
            setattr(facts, name, dict(value))
        else:
            extra[name] = value
    for place, name in plan.extra:
        if name == "extra" and isinstance(values[place], dict):
            extra.update(values[place])  # type: ignore[call-overload]  # is a dict
        else:
            extra[name] = values[place]
    if plan.aside is not None:
        aside = values[plan.aside]
        if isinstance(aside, dict):
            extra.update(aside)
    if plan.notes is not None:
        facts.sanitized = merged_notes(facts.sanitized, values[plan.notes])  # type: ignore[arg-type]
    if plan.dropped:
        facts.sanitized = merged_notes(facts.sanitized, ("too_many",))


def _fits_object(field: Field, value: dict[str, object]) -> bool:
    members = {member.name: member for member in field.members}
    return bool(value) and all(
        key in members and fit(members[key], item) is not None for key, item in value.items()
    )


def _weigh(facts: Facts, value: object) -> None:
    if type(value) in {int, float} and 1 <= value < 1e308:  # type: ignore[operator]  # a number
        facts.weight = value * (facts.weight or 1)  # type: ignore[operator]  # a number
    elif value is not None:
        facts.extra["sample_weight"] = value


def _error(facts: Facts, captured: CapturedError | None, code: object) -> None:
    """Build the error object: what the exception says, then code and category."""
    error: dict[str, object] = {}
    if captured is not None:
        if captured.type:
            error["type"] = captured.type
        if captured.message:
            error["message"] = captured.message
        stack = captured.stack_trace()
        if stack:
            error["stack_trace"] = stack
    mnemonic = _code(captured, code)
    if mnemonic is None and code is not None:
        facts.extra["error_code"] = code
    if mnemonic is not None:
        error["error_code"] = mnemonic
    category = category_of(mnemonic) if mnemonic is not None else _side(facts.http)
    if category is not None and error:
        error["category"] = category
    if captured is not None and captured.repeat:
        error["repeat"] = True
    if not error:
        return
    given = facts.error
    facts.error = {**given, **error} if given and captured is None else error
    if given and captured is not None:
        facts.extra["error"] = given


def _fill(facts: Facts, context: dict[str, object]) -> None:
    """Fill what the record does not say itself from the ``context`` its exception carries."""
    plain: dict[str, object] = {}
    for key, value in context.items():
        field = SETTABLE.get(key)
        if field is None:
            if value is not None and not reserved(key):
                plain[clean_text(key)[:MAX_KEY]] = value
        elif field.name in _ORDER and field.kind is not Kind.OBJECT:
            fitted = fit(field, value)
            if fitted is not None and field.name not in facts.context.schema:
                facts.fields.setdefault(field.name, fitted)
    ordered = sorted(facts.fields, key=_ORDER.__getitem__)
    facts.fields = {name: facts.fields[name] for name in ordered}
    if plain:
        facts.plain, facts.members = {**facts.plain, **{
            key: value for key, value in plain.items() if key not in facts.plain
        }}, None


def _side(http: dict[str, object] | None) -> str | None:
    """Return whose failure a request record without a code tells of."""
    status = http.get("status") if http is not None else None
    if not isinstance(status, int) or status < 400:
        return None
    return "client" if status < 500 else "server"


def _code(captured: CapturedError | None, code: object) -> str | None:
    """Return the code's mnemonic: the extra first, then the exception's own, then its type's."""
    mnemonic = resolve(code) if code is not None else None
    if mnemonic is None and captured is not None:
        if captured.error_code is not None:
            mnemonic = resolve(captured.error_code)
        if mnemonic is None and captured.exception_type is not None:
            mnemonic = mnemonic_for_type(captured.exception_type)
    return mnemonic


def _number(value: object, facts: Facts) -> object:
    """Return a number as JSON and OTLP can have it."""
    notes: list[str] = []
    tidied = tidy(value, notes)
    if notes:
        facts.sanitized = merged_notes(facts.sanitized, notes)
    return tidied


def merged_notes(before: tuple[str, ...], notes: Iterable[str]) -> tuple[str, ...]:
    """Return ``before`` with each of ``notes`` added once."""
    return (*before, *(note for note in dict.fromkeys(notes) if note not in before))
