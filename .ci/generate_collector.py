"""The collector's transforms, made from the field table, the rules and the error catalogue.

Statements are written with short names and spelled out at the end: ``A`` the record's attributes,
``B`` its body, ``C.x`` its scratch values, ``F["x"]`` the attribute ``faultmaven.x``,
``has("x")`` whether the record's text in lower case holds x, ``raw("X")`` whether it holds X
as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from collector_rules import KEY_ANCHORS, KEY_NAMES, KEY_SHAPES, NAME_ENDS, RULES, Rule

from fm_otel.errors import CATALOGUE
from fm_otel.fields import FIELDS, Field, Kind, Wire

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PHASES: Final = (
    "define_blast_radius", "establish_timeline", "formulate_hypothesis", "validate_hypothesis",
    "propose_solution", "intake", "blast_radius", "timeline", "hypothesis", "validation",
    "solution", "document", "symptom_verification", "hypothesis_formulation",
    "hypothesis_validation", "observe", "orient", "decide", "act",
)
AUDIT_CATEGORIES: Final = (
    "authentication", "authorization", "data_access", "administration", "security",
)
SECURITY_EVENTS: Final = (
    "authn", "authz", "crypt", "excess", "input", "malicious", "mcp", "privilege", "session",
)
KEPT_FOR_SEARCH: Final = (
    "faultmaven.correlation_id", "session.id", "user.id", "faultmaven.operation",
    "faultmaven.error.code", "log.record.uid",
)
FOREIGN_NAME: Final = r"[^\x00-\x7f]{64}"
KEPT_OF_RESOURCE: Final = (
    "service.name", "service.namespace", "deployment.environment.name", "service.version",
    "service.instance.id", "host.name", "process.pid",
)
CORE: Final = ("timestamp", "level", "logger", "message")

# A JSON value of up to two levels, on one line of JSON text; < starts a marker meanwhile.
_ATOM: Final = r'[^{}\[\]"]|"(?:\\.|[^"\\])*"'
_FLAT: Final = rf"(?:{_ATOM}|\[(?:{_ATOM})*\]|\{{(?:{_ATOM})*\}})*"
KEYED: Final = (
    rf'("(?:(?:[^"\\]*[._-])?(?i:{KEY_NAMES})|(?:[^"\\]*\.)?(?i:token))":)'
    r'(?:"(?:\\.|[^<"\\])(?:\\.|[^"\\])*"|-?[0-9][0-9.eE+-]*|true|false'
    rf"|\[{_FLAT}\]|\{{{_FLAT}\}})"
)
SECRET_NAME: Final = rf"(?i)(^|[._-])({KEY_NAMES})$|(^|\.)token$"
KEY_MARKER: Final = "[REDACTED:secret]"
MARKER_ONLY: Final = r"^v:(\[REDACTED:[a-z0-9_#:-]+\])$"


# --- spelling -------------------------------------------------------------------------------


def quoted(text: str) -> str:
    """Write a string literal of the transformation language."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_TOKEN: Final = re.compile(
    r'(?P<text>"(?:\\.|[^"\\])*")|\b(?P<look>has|raw)\("(?P<has>(?:\\.|[^"\\])+)"\)|\bF\["(?P<own>[^"]+)"\]'
    r"|\bC\.(?P<cache>\w+)|\bB\.(?P<member>\w+)|(?P<root>\b[ABC]\b(?!\())"
)
_ROOTS: Final = {"A": "attributes", "B": "body", "C": "cache"}


def spelled(statement: str, context: str = "log") -> str:
    """Spell the short names of one statement out."""

    def full(match: re.Match[str]) -> str:
        if match["text"]:
            return match["text"]
        if match["has"]:
            text = "s" if match["look"] == "has" else "r"
            return f'Index({context}.cache["{text}"], "{match["has"]}") >= 0'
        if match["own"]:
            return f'{context}.attributes["faultmaven.{match["own"]}"]'
        if match["cache"]:
            return f'{context}.cache["{match["cache"]}"]'
        if match["member"]:
            return f'{context}.body["{match["member"]}"]'
        return f"{context}.{_ROOTS[match['root']]}"

    return _TOKEN.sub(full, statement)


def guarded(guard: str, statements: Iterable[str]) -> list[str]:
    """Add a condition to every statement, in front of its own."""
    return [
        s.replace(" where ", f" where {guard} and ", 1) if " where " in s
        else f"{s} where {guard}"
        for s in statements
    ]


def any_of(anchors: Iterable[str], look: str = "has") -> str:
    """Ask for one of some anchors, in lower case or as they are."""
    tests = [f"{look}({quoted(anchor)})" for anchor in anchors]
    return tests[0] if len(tests) == 1 else f"({' or '.join(tests)})"


def scalar(text: str) -> str:
    """Write a YAML scalar; a dollar is doubled unless it asks for the environment."""
    return "'" + re.sub(r"\$(?!\{env:)", "$$", text).replace("'", "''") + "'"


def whole(values: Iterable[str]) -> str:
    """Write a pattern literal for one of some words."""
    return quoted(f"^({'|'.join(values)})$")


def strings(values: Iterable[str]) -> str:
    """Write a list literal of the transformation language."""
    return "[" + ", ".join(quoted(v) for v in values) + "]"


def group(
    statements: Iterable[str], conditions: Iterable[str] = (), context: str = "log"
) -> list[str]:
    """Write one statement group of a transform processor."""
    lines = []
    if tests := [spelled(c, context) for c in conditions]:
        lines += ["  - conditions:", *(f"      - {scalar(t)}" for t in tests)]
        lines += ["    statements:"]
    else:
        lines += ["  - statements:"]
    return lines + [f"      - {scalar(spelled(s, context))}" for s in statements]


def document(about: str, *sections: tuple[str, list[list[str]]]) -> str:
    """Write one transform processor."""
    lines = [f"# {about}", "# Made by .ci/generate: change the tables, not this file.",
             "error_mode: ignore"]
    for key, groups in sections:
        lines += [f"{key}:", *(line for part in groups for line in part)]
    return "\n".join(lines) + "\n"


# --- redaction ------------------------------------------------------------------------------


def rule_on(rule: Rule, target: str) -> str:
    """Apply one rule to the strings of a map or to one string."""
    pattern, marker = quoted(rule.pattern), quoted(rule.replacement)
    if target.endswith(("A", "attributes")):
        return f'replace_all_patterns({target}, "value", {pattern}, {marker})'
    return f"replace_pattern({target}, {pattern}, {marker})"


def seen(rule: Rule) -> str:
    """Ask for a rule's anchors."""
    return any_of(rule.anchors, "raw" if rule.exact else "has")


def anchored(target: str) -> list[str]:
    """Apply every rule where its anchors are."""
    return [f"{rule_on(rule, target)} where (C.all != nil or {seen(rule)})" for rule in RULES]


def gate() -> str:
    """Ask whether a record needs a closer look; no anchor is asked that holds another one."""
    looks = {f"{end}=": "has" for end in NAME_ENDS} | dict.fromkeys(KEY_ANCHORS, "raw")
    for rule in RULES:
        if not rule.rare:
            looks |= dict.fromkeys(rule.anchors, "raw" if rule.exact else "has")
    needed = [
        f"{look}({quoted(anchor)})"
        for anchor, look in looks.items()
        if not any(
            other != anchor and other in (anchor.lower() if kind == "has" else anchor)
            and not (kind == "raw" and look == "has")
            for other, kind in looks.items()
        )
    ]
    return " or ".join(needed)


def looked_at() -> str:
    """Ask the gate; a record whose text is not known is looked at."""
    return f"C.s == nil or {gate()}"


JSON_NAMES: Final = any_of(f'{end}":' for end in NAME_ENDS)


def keyed_rule(target: str, marker: str) -> str:
    """Replace the values of sensitive keys in JSON text."""
    replacement = quoted('$1"' + marker + '"')
    return f"replace_pattern({target}, {quoted(KEYED)}, {replacement})"


def key_mask() -> list[str]:
    """Replace the values of sensitive attribute names, whatever their type; markers stay."""
    mask = quoted(KEY_MARKER)
    return [
        f"keep_matching_keys(C.k, {quoted(SECRET_NAME)})",
        'delete_key(C, "k") where Len(C.k) == 0',
        "stringify_all(C.k)",
        'replace_all_patterns(C.k, "value", "^(?s:(.*))$", "v:$1")',
        f'replace_all_patterns(C.k, "value", {quoted(MARKER_ONLY)}, "$1")',
        f'replace_all_patterns(C.k, "value", "^v:(?s:.*)", {mask})',
        'merge_maps(A, C.k, "update")',
    ]


TEXT_OF_ATTRIBUTES: Final = 'set(C.r, ToKeyValueString(A, "=", " "))'
TEXT_IN_LOWER_CASE: Final = "set(C.s, ToLowerCase(C.r))"
TEXT_OF_BODY: Final = 'set(C.r, Concat([C.r, B], " ")) where IsString(B)'


def attributes_redacted() -> list[str]:
    """Clean the attributes of a record or resource whose text is known."""
    return [
        # Without its text nothing is known about a record: every rule runs.
        "set(C.all, true) where C.s == nil",
        *anchored("A"),
        f'replace_all_patterns(A, "key", {quoted(KEY_SHAPES)}, "[REDACTED:key]") '
        f"where C.all != nil or {any_of(KEY_ANCHORS, 'raw')}",
        f"set(C.k, A) where C.all != nil or {any_of(f'{end}=' for end in NAME_ENDS)}",
        *guarded("C.k != nil", key_mask()),
    ]


def redact(_: Path) -> str:
    """Make the first step of every pipeline: a look at everything, a closer one where needed."""
    marked = f'set(F["look"], true) where {looked_at()}'
    close = ['F["look"] != nil']
    unmarked = 'delete_key(A, "faultmaven.look")'
    resource = [TEXT_OF_ATTRIBUTES, TEXT_IN_LOWER_CASE]
    log = [TEXT_OF_ATTRIBUTES, TEXT_OF_BODY, TEXT_IN_LOWER_CASE]
    prepared = [
        "set(log.observed_time, Now()) where log.observed_time_unix_nano == 0",
        "set(log.time, log.observed_time) where log.time_unix_nano == 0",
        "set(C.map, true) where IsMap(B) or IsList(B)",
        "set(B, String(B)) where C.map != nil",
        'set(B, "[unencodable]") where C.map != nil and not IsString(B)',
    ]
    # Nested or long: what takes a second pass in the branches that store.
    unusual = [
        'set(F["nested"], true) where has("{") or has("[")',
        'set(F["nested"], true) where C.r != nil and Len(C.r) > 30000',
    ]
    body = [
        *guarded("IsString(B)", anchored("B")),
        keyed_rule("B", KEY_MARKER) + r' where IsString(B) and IsMatch(B, "^[{\\[]")',
    ]
    spans = [
        group(rules(f"{context}.attributes"), context=context)
        for context in ("resource", "span", "spanevent")
    ]
    status = group(rules("span.status.message"), ['span.status.message != ""'], "span")
    return document(
        "Second line of redaction, the same typed markers as the SDK's.",
        ("log_statements", [
            group([*resource, marked], context="resource"),
            group([unmarked, *resource, *attributes_redacted()], close, "resource"),
            group([*prepared, *log, marked, *unusual]),
            group([unmarked, *log, *attributes_redacted(), *body], close),
        ]),
        ("trace_statements", [*spans, status]),
    )


def spans(_: Path) -> str:
    """Make the redaction of span attributes by name and inside lists."""
    patterns = [
        rule.pattern for rule in RULES if rule.exact and rule.replacement.startswith("[")
    ]
    names = scalar(SECRET_NAME)
    return "\n".join([
        "# Span attributes: sensitive names whatever the type, key formats also inside lists.",
        "# Made by .ci/generate: change the tables, not this file.",
        "allow_all_keys: true",
        "allowed_values: [" + scalar(r"^\[REDACTED:[a-z0-9_#:-]+\]$") + "]",
        f"blocked_key_patterns: [{names}]",
        "blocked_values:",
        *(f"  - {scalar(pattern)}" for pattern in patterns),
        "redact_all_types: true",
        "summary: silent",
    ]) + "\n"


def rules(target: str) -> list[str]:
    """Apply every rule without looking for anchors."""
    return [rule_on(rule, target) for rule in RULES]


# --- the line -------------------------------------------------------------------------------


def taken(field: Field, target: str, source: str) -> str:
    """Move one optional value."""
    return f"set({target}, {source}) where {source} != nil"


def resource_fields() -> list[str]:
    """Take the fields of the resource."""
    fields = [f for f in FIELDS if f.wire is Wire.RESOURCE]
    older = 'resource.attributes["deployment.environment"]'
    return [
        f"set(B.environment, {older}) where {older} != nil",
        *(taken(f, f"B.{f.name}", f'resource.attributes["{f.at}"]') for f in fields),
    ]


def attribute_fields() -> list[Field]:
    """List the plain fields that sit in record attributes."""
    special = {"module", "function", "extra"}
    return [
        f for f in FIELDS
        if f.wire is Wire.ATTRIBUTE and f.kind is not Kind.OBJECT and f.name not in special
    ]


def core_fields() -> list[str]:
    """Take what every record has: slots, scope, resource, plain attributes."""
    levels = (("WARNING", 13), ("ERROR", 17), ("CRITICAL", 21))
    path, function = 'A["code.file.path"]', 'A["code.function.name"]'
    stem = quoted(r"(?P<m>[^/\\]+?)(\.[^./\\]*)?$")
    last = quoted("(?P<f>[^.]+)$")
    plain = attribute_fields()
    return [
        "set(C.msg, String(B))",
        "set(B, {})",
        'set(B.timestamp, Format("%s.%03dZ", [FormatTime(log.time, "%Y-%m-%dT%H:%M:%S"), '
        "UnixMilli(log.time) - UnixSeconds(log.time) * 1000]))",
        'set(B.level, "INFO")',
        'set(B.level, "DEBUG") where log.severity_number > 0 and log.severity_number < 9',
        *(f'set(B.level, "{name}") where log.severity_number >= {n}' for name, n in levels),
        "set(B.logger, instrumentation_scope.name)",
        'set(B.message, "")',
        "set(B.message, C.msg) where C.msg != nil",
        'set(B.event, log.event_name) where log.event_name != ""',
        "set(B.trace_id, log.trace_id.string) where log.trace_id != TraceID(0x" + "0" * 32 + ")",
        "set(B.span_id, log.span_id.string) where log.span_id != SpanID(0x" + "0" * 16 + ")",
        'set(B.trace_flags, Format("%02x", [log.flags])) where log.trace_id != TraceID(0x'
        + "0" * 32 + ")",
        *resource_fields(),
        f'set(B.module, ExtractPatterns({path}, {stem})["m"]) where IsString({path}) '
        rf'and IsMatch({path}, "[^/\\\\]$")',
        f'set(B.function, ExtractPatterns({function}, {last})["f"]) where IsString({function}) '
        f'and IsMatch({function}, "[^.]$")',
        *(taken(f, f"B.{f.name}", f'A["{f.at}"]') for f in plain),
        *(f'delete_key(A, "{at}")' for at in
          ["code.file.path", "code.function.name", *(f.at for f in plain)]),
    ]


def object_fields(parent: Field) -> list[str]:
    """Take the members of one object field, where the record has any."""
    moves = [
        statement
        for m in parent.members
        for statement in (
            taken(m, f'B["{parent.name}"]["{m.name}"]', f'A["{m.at}"]'),
            f'delete_key(A, "{m.at}")',
        )
    ]
    return group(
        [f"set(B.{parent.name}, {{}})", *moves],
        [" or ".join(f'A["{m.at}"] != nil' for m in parent.members)],
    )


def rest() -> list[str]:
    """Add the record's other attributes and write the body as JSON text."""
    names = [f.name for f in FIELDS]
    texts = [f.name for f in FIELDS if f.kind is Kind.STRING]
    retry = [
        f"keep_keys(B, {strings(texts)}) where C.json == nil",
        "set(C.json, String(B)) where C.json == nil",
        f"keep_keys(B, {strings(CORE)}) where C.json == nil",
        "set(C.json, String(B)) where C.json == nil",
    ]
    return [
        'set(C.nested, true) where F["nested"] != nil',
        'delete_key(A, "faultmaven.nested")',
        'set(C.extra, F["extra"]) where IsMap(F["extra"])',
        'delete_key(A, "faultmaven.extra") where C.extra != nil',
        "set(C.own, A) where Len(A) > 0",
        *guarded("C.own != nil", [
            f"keep_keys(C.own, {strings(names)})",
            'delete_key(C, "own") where Len(C.own) == 0',
            f"delete_matching_keys(A, {whole(names)})",
            "set(C.extra, {}) where C.extra == nil",
            'merge_maps(C.extra, C.own, "insert")',
        ]),
        "set(B.extra, C.extra) where C.extra != nil",
        'merge_maps(B, A, "insert") where Len(A) > 0',
        "set(C.json, String(B))",
        *retry,
        *guarded("C.nested != nil", [
            "set(C.r, C.json)",
            TEXT_IN_LOWER_CASE,
            f'set(F["look"], true) where ({JSON_NAMES} or {looked_at()})',
        ]),
        "set(B, C.json)",
    ]


def second_pass() -> list[str]:
    """Make the group that cleans finished JSON text: nested values that need a closer look."""
    mark, opened = quoted('"<'), quoted('"[REDACTED:')
    keyed = [
        "replace_pattern(C.text, " + quoted(r'"\[REDACTED:') + f", {mark})",
        keyed_rule("C.text", "<secret]"),
        f"replace_pattern(C.text, {mark}, {opened})",
    ]
    # A pass that broke the text keeps four fields: never the raw text, never a torn line.
    checked = [
        "set(C.ok, ParseJSON(C.text))",
        "set(B, ParseJSON(C.json)) where C.ok == nil",
        f"keep_keys(B, {strings(CORE)}) where C.ok == nil",
        "set(C.text, String(B)) where C.ok == nil",
    ]
    return group(
        [
            "set(C.json, B)",
            "set(C.text, B)",
            "set(C.r, B)",
            TEXT_IN_LOWER_CASE,
            f"set(C.keyed, true) where {JSON_NAMES}",
            *guarded("C.keyed != nil", keyed),
            *(text_rule(rule) for rule in RULES),
            *guarded("C.text != C.json", checked),
            "set(B, C.text)",
        ],
        ['F["look"] != nil'],
    )


def text_rule(rule: Rule) -> str:
    """Apply a rule to JSON text."""
    return (
        f"replace_pattern(C.text, {quoted(rule.json_pattern)}, {quoted(rule.json_replacement)}) "
        f"where {seen(rule)}"
    )


def schema(_: Path) -> str:
    """Make the step that turns a record into one line of the JSON schema."""
    objects = [object_fields(f) for f in FIELDS if f.members]
    return document(
        "Turns a record into one line of the JSON schema.",
        ("log_statements", [group(core_fields()), *objects, group(rest()), second_pass()]),
    )


# --- log store and labels -------------------------------------------------------------------


def logstore(_: Path) -> str:
    """Make the step that keeps a record inside the limits of the log store."""
    stack = 'A["exception.stacktrace"]'
    names = rf"(?i)(^|[._-])({KEY_NAMES})(\.|$)|(^|\.)token(\.|$)"
    masked = key_mask()
    masked[0] = f"keep_matching_keys(C.k, {quoted(names)})"
    named = " or ".join(f'has("{end}=") or has("{end}.")' for end in NAME_ENDS)
    flat = [
        'delete_key(A, "faultmaven.nested")',
        "flatten(A)",
        f"delete_matching_keys(A, {quoted(FOREIGN_NAME)})",
        f'replace_all_patterns(A, "key", {quoted(r"(?s)^(.{128}).+$")}, "$1")',
        TEXT_OF_ATTRIBUTES,
        TEXT_IN_LOWER_CASE,
        f'set(F["look"], true) where {looked_at()} or {named}',
    ]
    clean = [
        'delete_key(A, "faultmaven.look")',
        TEXT_OF_ATTRIBUTES,
        TEXT_IN_LOWER_CASE,
        "set(C.all, true) where C.s == nil",
        *anchored("A"),
        f"set(C.k, A) where C.all != nil or {named}",
        *guarded("C.k != nil", masked),
    ]
    resource = [
        f'delete_matching_keys(A, {quoted("(?s)^.{129}")})',
        f"limit(A, 20, {strings(KEPT_OF_RESOURCE)})",
        "truncate_all(A, 256)",
    ]
    limits = [
        f"set(C.st, {stack}) where IsString({stack})",
        'delete_key(A, "exception.stacktrace") where C.st != nil',
        f"limit(A, 60, {strings(KEPT_FOR_SEARCH)})",
        "truncate_all(A, 512)",
        "set(C.st, Substring(C.st, Len(C.st) - 16384, 16384, true)) "
        "where C.st != nil and Len(C.st) > 16384",
        f"set({stack}, C.st) where C.st != nil",
    ]
    return document(
        "Keeps a record inside the log store's limits: 60 attributes of 512 bytes, a stack's end.",
        ("log_statements", [
            group(resource, context="resource"),
            group(flat, ['F["nested"] != nil']),
            group(clean, ['F["look"] != nil']),
            group(limits),
        ]),
    )


def labels(_: Path) -> str:
    """Make the step that gives the metrics branch bounded labels and typed numbers."""
    codes = [*(code.mnemonic for code in CATALOGUE), "${env:FM_EXTRA_CODES:-OTHER}"]
    category, code = 'F["audit.category"]', 'F["error.code"]'
    security = r"^(AUTHENTICATION_FAILED|AUTHORIZATION_FAILED|PROTECTION_.*)$"
    events = rf"^({'|'.join(SECURITY_EVENTS)})_"
    operation = 'F["operation"]'
    statements = [
        'keep_keys(resource.attributes, ["service.name", "service.namespace", '
        '"deployment.environment.name"])',
        'set(A["level"], "INFO")',
        'set(A["level"], "DEBUG") where log.severity_number > 0 and log.severity_number < 9',
        *(f'set(A["level"], "{name}") where log.severity_number >= {n}'
          for name, n in (("WARNING", 13), ("ERROR", 17), ("CRITICAL", 21))),
        'set(A["w"], 1.0)',
        'set(A["w"], Double(F["sample.weight"])) '
        'where F["sample.weight"] > 0 and F["sample.weight"] <= 1000000',
        'delete_key(A, "tok")',
        'set(A["tok"], Double(F["tokens_used"]) * A["w"]) '
        'where F["tokens_used"] >= 0 and F["tokens_used"] <= 1000000000',
        'set(F["user.bucket"], "none")',
        'set(F["user.bucket"], Substring(SHA256(A["user.id"]), 0, 2)) where A["user.id"] != nil',
        f'set({category}, "other") where {category} != nil and '
        f"not IsMatch({category}, {whole(AUDIT_CATEGORIES)})",
        f'set({category}, "security") where {category} == nil and '
        f"(IsMatch({code}, {quoted(security)}) or IsMatch(log.event_name, {quoted(events)}))",
        f'delete_key(A, "faultmaven.error.code") where {code} == nil',
        f'set({code}, "OTHER") where {code} != nil and not '
        f"IsMatch({code}, {whole(codes)})",
        f'set({operation}, "other") where {operation} != nil and '
        f'(not IsMatch({operation}, "^[A-Za-z][A-Za-z0-9_.:/{{}} -]{{0,79}}$") '
        f'or IsMatch({operation}, "[0-9a-f]{{8,}}"))',
        *(f'set(F["{name}"], "other") where F["{name}"] != nil and '
          f'not IsMatch(F["{name}"], {whole(values)})'
          for name, values in (
              ("agent.phase.from", PHASES),
              ("agent.phase.to", PHASES),
              ("outcome", ("ok", "error")),
          )),
    ]
    return document(
        "Bounded labels and typed numbers for the derived metrics.",
        ("log_statements", [group(statements)]),
    )


def files(root: Path) -> dict[Path, str]:
    """Give the text of every file this module makes."""
    makers = {
        "redact": redact, "spans": spans, "schema": schema, "logstore": logstore,
        "labels": labels,
    }
    folder = root / "collector" / "generated"
    return {folder / f"{name}.yaml": make(root) for name, make in makers.items()}
