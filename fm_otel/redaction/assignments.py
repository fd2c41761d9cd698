"""Find values by the name that stands before them, in any notation.

``key=value``, ``key: value``, JSON (also inside strings), Python and Ruby literals, YAML, shell
options, XML elements, SQL, calls, and prose ("the password is ..."). The name decides with
:mod:`~fm_otel.redaction.keys`, the value with :mod:`~fm_otel.redaction.shapes`; how much the
value has to look like a secret depends on how sure the notation is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import shapes
from fm_otel.redaction.extents import CONCATENATED, line_end, value_at
from fm_otel.redaction.headers import header_spans, is_placeholder_header
from fm_otel.redaction.keys import Tier
from fm_otel.redaction.names import class_of, is_no_name, names_in
from fm_otel.redaction.nested import NETWORKED, element_spans, entry_spans
from fm_otel.redaction.notations import notations_after, prose_notations
from fm_otel.redaction.spans import Span
from fm_otel.redaction.verdicts import Notation, Value, is_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fm_otel.redaction.keys import KeyClass

_JUDGED: Final = 256
_MARKS: Final = frozenset("\"'`")
_CODE_LITERALS: Final = re.compile(r"([\"'])((?:[^\"'\\\n]|\\.){1,300}?)\1")
_TAG: Final = re.compile(r"[a-z]\w{1,20}:\"")
_USER_FOLLOWS: Final = ("Credential(", "-UserName ", "-Credential ")
_FORMAT: Final = re.compile(r"%[-+#]?[sdvqxr]")
_ID_FOLLOWS: Final = re.compile(r"(?:secret|access key) id(?![\w-])", re.IGNORECASE)
_PLAIN_WORD: Final = re.compile(r"[a-z]{1,40}(?=[ ,;.!?)\n]|\Z)(?![.][^ \n])")
_SENTENCE: Final = re.compile(r"[ \t]{1,4}[A-Z][a-z]{0,20} [a-z]{1,20}[ .,]")
_TYPED: Final = re.compile(r"[ ][Ss]tring[ \t]?=")
_FIELD: Final = re.compile(r"[ \t][A-Z]\w{0,40}:(?!//)\S")
_FIELD_BEFORE: Final = re.compile(r"(?:[ {][A-Z]\w{0,40}:[^\s/]\S{0,60} |\{)\Z")
_LABEL: Final = re.compile(
    r"[A-Z][a-z]{0,12} (?:new |old )?(?:password|passphrase|passcode|token|secret|key|code)\b"
)
_DEFINITION: Final = re.compile(r"[ \t]{1,4}[A-Z][a-z]{0,20} [A-Za-z]{1,20}[ .,]")
_GOES_ON: Final = re.compile(
    r"(?![^\n]{0,80}\d) (?!and\b|or\b|und\b|for\b|on\b|user|host|port|db)[^\W\d]{1,20}[^\W\d=:/]"
)
_OWN_NAME: Final = re.compile(r"[a-z_]{2,20}=[^=]")
_OF_USER: Final = re.compile(r"(?:change|set|update|reset)User", re.IGNORECASE)
_CLOSES: Final = re.compile(r"[ \t]{0,3}[\"'`](?:\s|[,)]|\Z)")
_AFTERWARDS: Final = re.compile(r"[\"']?[ \t]{1,3}(?:->|→)[ \t]{1,3}([\"'])([^\"'\n]{3,1024})\1")
_TOKEN_SCHEME: Final = re.compile(r"(?:Bearer|Basic|Token|ApiKey) (?=\S{6})")
_USER_OF: Final = re.compile(r"[\w.@-]{1,64}:(?=[^\s:/])")
_HELD_COOKIE: Final = re.compile(r"[\"'][\w.-]{1,80}[\"']: ?[\"']([^\"'\n]{8,4096})[\"']")
_MORE_CODES: Final = re.compile(
    r"[\"']?(?:,[ \t]{0,2}|[ \t]|\n[ \t]{0,8}(?:- )?)[\"']?([A-Za-z0-9]{4,6}-[A-Za-z0-9]{4,6})"
    r"(?![\w-])"
)


def find(text: str, low: str) -> Iterator[Span]:
    """Yield what stands under sensitive names in ``text``; ``low`` is its lower case."""
    done = 0
    for start, end in sorted(names_in(text, low), key=lambda name: (name[0], -name[1])):
        if start < done:
            continue
        done = end
        for span in _after_name(text, start, end):
            # What was taken is not read again: a text full of names stays linear.
            done = max(done, span.end)
            if span.start < span.end:
                yield span


def _after_name(text: str, start: int, end: int) -> Iterator[Span]:
    if text[end : end + 3].lower() == " id" and _ID_FOLLOWS.match(text, start):
        end += 3
    name = text[start:end].strip("-.$")
    found = class_of(text, start, name)
    if (
        not found.tier
        or is_no_name(text, start)
        or (name == "wpa_passphrase" and text[end : end + 1] == " ")
    ):
        return
    if _is_in_prose(text, start, end):
        readings = prose_notations(text, end, end, found, quoted=False)
    else:
        yield from element_spans(text, end, found)
        yield from entry_spans(text, end, name.lower(), found)
        readings = notations_after(text, start, end, found)
    for notation, at in readings:
        if notation <= Notation.SPACE and _PLAIN_WORD.match(text, at):
            continue
        if notation <= Notation.COPULA and (
            text[start] == "$"
            or text[start - 1 : start] == "/"
            or text[start - 3 : start] == "-e "
        ):
            continue  # a variable, or the end of a path
        if notation is Notation.CALL and (
            _OF_USER.search(text, start, end) or name.endswith("PSCredential")
        ):
            continue
        if text.startswith(" :'", end) and notation is Notation.COLON:
            continue  # a variable of psql
        if notation >= Notation.COLON and _closes_string(text, start, end, at, notation):
            continue
        if notation is Notation.COLON and (
            _SENTENCE.match(text, at) or _is_empty_field(text, start, at)
        ):
            continue
        if notation is Notation.STRUCT and _LABEL.match(text, at):
            continue
        if text[end : end + 1] == "`" and _DEFINITION.match(text, at):
            continue
        value = value_at(text, at, notation, found)
        if value is None or (name in ("PWD", "OLDPWD") and text[value.start] == "/"):
            continue
        if text[value.start : value.start + 14].lstrip("*_`«„“").startswith("[REDACTED:"):
            return
        spans = list(_judged(text, found, notation, value))
        if spans:
            yield from spans
            yield from _next(text, found, spans[-1])
            return
        if notation >= Notation.COLON:
            return


def _is_empty_field(text: str, start: int, at: int) -> bool:
    """Tell whether the next field follows at once, as in Go's ``{User:app Password: Mode:x}``."""
    return (
        _FIELD.match(text, at) is not None
        and _FIELD_BEFORE.search(text, max(0, start - 80), start) is not None
    )


def _closes_string(text: str, start: int, end: int, at: int, notation: Notation) -> bool:
    """Tell whether the quote behind the colon ends the name's own string: ``"Password: "``."""
    mark = text[start - 1 : start]
    if mark not in _MARKS:
        return False
    if (
        notation is Notation.COLON
        and _CLOSES.match(text, at)
        and text[at : at + 4].lstrip()[:1] == mark
    ):
        return True
    return text[end] in ":=" and text[at : at + 1] == mark and not CONCATENATED.match(text, at)


def _is_in_prose(text: str, start: int, end: int) -> bool:
    """Tell whether the name is followed by the next word of a sentence: most names are."""
    following = text[end : end + 2]
    if following[:1] != " " or not following[1:].isalpha() or _TYPED.match(text, end):
        return False
    return text[start : start + 1] != "-" and text[start - 1 : start] not in ("<", ":", "/")


def _next(text: str, found: KeyClass, last: Span) -> Iterator[Span]:
    """Yield what replaces ``last`` in a plan, and the further codes of a list."""
    change = _AFTERWARDS.match(text, last.end)
    if change and not shapes.is_placeholder(change[2]):
        yield Span(change.start(2), change.end(2), found.rule)
    at = last.end
    for _ in range(20 if found.rule == "otp" else 0):
        code = _MORE_CODES.match(text, at)
        if code is None:
            return
        yield Span(code.start(1), code.end(1), found.rule)
        at = code.end()


def _judged(text: str, found: KeyClass, notation: Notation, value: Value) -> Iterator[Span]:
    body = text[value.start : min(value.end, value.start + _JUDGED)]
    if found.rule in NETWORKED:
        yield from header_spans(text, found, notation, value)
        return
    if not value.quoted and shapes.is_reference(body):
        if notation >= Notation.COLON and found.rule != "connection_string":
            yield from _literals(text, found, value)
        return
    if value.quoted and body[:1] in ("{", "[") and ":" in body:
        return  # JSON in a string: its own names decide
    if body.startswith(("?", "otpauth://")) and ("sig=" in body or "secret=" in body):
        return  # a query: its own names decide
    if (
        not value.quoted
        and notation in (Notation.COLON, Notation.LINE)
        and text.startswith(": ", value.end)
    ):
        return  # a label, as in a program's messages
    if text[value.start - 1 : value.start] == "`" and (
        _TAG.match(body) or (notation is Notation.STRUCT and " " in body)
    ):
        return  # a tag of Go's structures, a shell's substitution
    if value.quoted and body.lstrip().startswith("+ "):
        return  # the quote ended a string that goes on in code
    if (
        not value.quoted
        and notation in (Notation.COLON, Notation.OPTION)
        and _OWN_NAME.match(text, value.start)
    ):
        return
    if (
        not value.quoted
        and notation >= Notation.COLON
        and _is_sentence(text, notation, body, value)
    ):
        return
    if is_secret(found, notation, body, value):
        scheme = (
            _TOKEN_SCHEME.match(text, value.start, value.end)
            if found.tier is Tier.SECRET
            else None
        )
        if scheme:
            yield Span(scheme.end(), value.end, found.rule)
            return
        user = (
            _USER_OF.match(text, value.start, value.end) if found.rule == "credentials" else None
        )
        yield Span(
            user.end() if user else value.start + len(body) - len(body.lstrip()),
            value.end,
            found.rule,
        )


def _is_sentence(text: str, notation: Notation, body: str, value: Value) -> bool:
    """Tell whether the next words of a sentence follow: ``password: kept in the safe``."""
    if not body.isalpha() or not body.islower() or _GOES_ON.match(text, value.end) is None:
        return False
    return notation < Notation.CALL or shapes.is_status_word(body)


def _literals(text: str, found: KeyClass, value: Value) -> Iterator[Span]:
    """Yield secret literals inside the expression that follows a name: ``getenv("A", "b")``."""
    end = line_end(text, value.start)
    for match in _CODE_LITERALS.finditer(text, value.start, min(end, value.start + 300)):
        if (
            " " in match[2]
            or "://" in match[2]
            or _FORMAT.search(match[2])
            or text.endswith(_USER_FOLLOWS, 0, match.start())
        ):
            continue
        if (
            shapes.is_mixed(match[2])
            and not shapes.is_wordlike(match[2])
            and not shapes.is_prompt(match[2])
            and not shapes.is_placeholder(match[2])
            and not match[2].isupper()
        ):
            yield Span(match.start(2), match.end(2), found.rule)


def scalar_spans(found: KeyClass, value: str) -> list[Span]:
    """Return what has to go of ``value``, given under a sensitive key in a mapping."""
    whole = Value(0, len(value), quoted=True)
    if found.rule == "cookie" and value[:1] == "{":
        return [
            Span(match.start(1), match.end(1), "cookie") for match in _HELD_COOKIE.finditer(value)
        ]
    if found.rule in NETWORKED:
        spans = [s for s in header_spans(value, found, Notation.STRUCT, whole) if s.start < s.end]
        if spans or (found.rule == "cookie" and "=" in value):
            return spans
        return (
            []
            if is_placeholder_header(value) or shapes.is_status(value)
            else [Span(0, len(value), found.rule)]
        )
    return (
        [Span(0, len(value), found.rule)]
        if is_secret(found, Notation.STRUCT, value, whole)
        else []
    )
