"""The JSON Schema of a log line, and the check that needs nothing but the standard library.

Both are made from the field table, so neither can say more or less than the other. The schema is
shipped with the package as ``schema.json`` and printed by ``fm-otel schema``.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Final, cast

from fm_otel.fields import BY_NAME, FIELDS, SCHEMA_VERSION, Field, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LINE_BYTES: Final = 256 * 1024
"""No line is longer, its newline not counted."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REQUIRED: Final = tuple(f.name for f in FIELDS if f.required)
_NAMES: Final = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    dict: "object",
    list: "array",
    type(None): "null",
}


def schema() -> dict[str, object]:
    """Return the JSON Schema (draft 2020-12) of one log line."""
    return {
        "$schema": _DIALECT,
        "$id": f"urn:fm-otel:log-line:{SCHEMA_VERSION}",
        "title": "fm_otel log line",
        "description": "One record of a Python service, as one JSON object on one line.",
        "version": SCHEMA_VERSION,
        "type": "object",
        "properties": {f.name: _property(f) for f in FIELDS},
        "required": list(_REQUIRED),
        "additionalProperties": {"not": {"type": "null"}},
    }


def check(line: Mapping[str, object]) -> list[str]:
    """Return what is wrong with ``line``, one sentence each; nothing when it conforms."""
    findings = [f"{name}: is required but missing" for name in _REQUIRED if name not in line]
    for name, value in line.items():
        declared = BY_NAME.get(name)
        if declared is not None:
            findings += _value(name, declared, value)
        elif value is None:
            findings.append(f"{name}: is null; a field without a value is absent")
        findings += _not_finite(name, value)
    return findings


def _property(declared: Field) -> dict[str, object]:
    described: dict[str, object] = {
        "type": declared.kind.value,
        "description": declared.about,
        "x-otel": f"{declared.wire.value} {declared.at}",
    }
    if declared.values:
        described["enum"] = list(declared.values)
    if declared.pattern is not None:
        described["pattern"] = declared.pattern
    if declared.name == "timestamp":
        described["format"] = "date-time"
    if declared.minimum is not None:
        described["minimum"] = declared.minimum
    return described | _inside(declared)


def _inside(declared: Field) -> dict[str, object]:
    if declared.kind is Kind.STRINGS:
        return {"items": {"type": "string"}, "minItems": 1}
    if declared.members:
        return {
            "properties": {m.name: _property(m) for m in declared.members},
            "additionalProperties": False,
            "minProperties": 1,
        }
    return {"minProperties": 1} if declared.kind is Kind.OBJECT else {}


def _value(path: str, declared: Field, value: object) -> list[str]:
    if not _fits(declared.kind, value):
        return [f"{path}: is {_type_name(value)}, must be {declared.kind.value}"]
    if declared.values and value not in declared.values:
        return [f"{path}: is none of {', '.join(declared.values)}"]
    if isinstance(value, str):
        return _text(path, declared, value)
    if declared.minimum is not None and cast("float", value) < declared.minimum:
        return [f"{path}: is below {declared.minimum:g}"]
    return _contents(path, declared, value)


def _fits(kind: Kind, value: object) -> bool:
    match kind:
        case Kind.INTEGER:
            return _is_number(value) and (isinstance(value, int) or _is_whole(value))
        case Kind.NUMBER:
            return _is_number(value)
        case Kind.STRING:
            return isinstance(value, str)
        case Kind.BOOLEAN:
            return isinstance(value, bool)
        case Kind.OBJECT:
            return isinstance(value, dict)
        case Kind.STRINGS:
            return isinstance(value, list)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, float) and value.is_integer()


def _text(path: str, declared: Field, value: str) -> list[str]:
    if declared.pattern is not None and not _pattern(declared.pattern).fullmatch(value):
        return [f"{path}: does not match {declared.pattern}"]
    if declared.name == "timestamp" and not _is_time(value):
        return [f"{path}: is no date and time"]
    return []


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _contents(path: str, declared: Field, value: object) -> list[str]:
    if isinstance(value, list):
        return _strings(path, value)
    if not isinstance(value, dict):
        return []
    if not value:
        return [f"{path}: is empty; a field without a value is absent"]
    return _members(path, declared, value) if declared.members else []


def _strings(path: str, values: list[object]) -> list[str]:
    if not values:
        return [f"{path}: is empty; a field without a value is absent"]
    return [
        f"{path}[{index}]: is {_type_name(value)}, must be string"
        for index, value in enumerate(values)
        if not isinstance(value, str)
    ]


def _members(path: str, declared: Field, value: dict[str, object]) -> list[str]:
    members = {m.name: m for m in declared.members}
    findings: list[str] = []
    for name, inner in value.items():
        member = members.get(name)
        if member is None:
            findings.append(f"{path}.{name}: is not a member of {path}")
        else:
            findings += _value(f"{path}.{name}", member, inner)
    return findings


def _not_finite(path: str, value: object) -> list[str]:
    """Find NaN and Infinity, which Python's parser accepts and JSON does not know."""
    if isinstance(value, float) and not math.isfinite(value):
        return [f"{path}: is not a finite number"]
    if isinstance(value, dict):
        return [f for key, inner in value.items() for f in _not_finite(f"{path}.{key}", inner)]
    if isinstance(value, list):
        return [f for n, inner in enumerate(value) for f in _not_finite(f"{path}[{n}]", inner)]
    return []


def _type_name(value: object) -> str:
    return _NAMES.get(type(value), type(value).__name__)
