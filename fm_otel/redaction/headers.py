"""Authorization and cookie values: scheme, names and attributes stay, credentials go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import shapes
from fm_otel.redaction.extents import bare_value, line_end
from fm_otel.redaction.spans import Span
from fm_otel.redaction.verdicts import Notation, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fm_otel.redaction.keys import KeyClass

_SCHEME: Final = re.compile(
    r"(?:Bearer|Basic|Token|ApiKey|Api-Key|Api-Token|Digest|Negotiate|NTLM|GenieKey|Splunk|Key|"
    r"Apikey|SSWS|AWS4-HMAC-SHA256|Hawk|OAuth|JWT|AccessKey|Discogs|Bot|SharedKey|HMAC-SHA256"
    r"|Signature)[ \t]{1,3}",
    re.IGNORECASE,
)
_PARAM: Final = re.compile(
    r"(?:response|signature|mac|oauth_\w{3,20}|Signature|sig|token|cnonce)=\"?"
    r"([^\",\s]{6,512})",
    re.IGNORECASE,
)
_WITH_PARAMETERS: Final = re.compile(
    r"(?:Token|Digest|AWS4-HMAC-SHA256|Hawk|OAuth|Signature)[ \t]+[\w\"]{1,40}=",
    re.IGNORECASE,
)
_COOKIE: Final = re.compile(r"([A-Za-z0-9_.!#$%&*+^`|~-]{1,80})=\"?([^;,\s\"']{1,4096})")
LOGIN_COOKIE: Final = re.compile(r"sess|sid|auth|token|csrf|xsrf|jwt|remember|login|user")
_MEASURING_COOKIE: Final = re.compile(
    r"_ga(?:_\w{1,20})?|_gid|_gat\w{0,20}|_gcl_\w{1,10}|_fbp|wp-settings(?:-time)?-\d{1,10}"
    r"|\w{0,10}consent\w{0,10}"
)
_COOKIE_ATTRIBUTES: Final = frozenset(
    "path domain expires max-age samesite priority version secure httponly partitioned".split()
)


def is_placeholder_header(value: str) -> bool:
    """Tell whether an Authorization value only stands for one: ``Bearer ${TOKEN}``."""
    scheme = _SCHEME.match(value)
    return shapes.is_placeholder(value[scheme.end() if scheme else 0 :])


def header_spans(text: str, found: KeyClass, notation: Notation, value: Value) -> Iterator[Span]:
    """Yield the secret parts of an Authorization or cookie value; scheme and names stay."""
    if notation < Notation.PAIR:
        return
    end = value.end if value.quoted else _header_end(text, value.start)
    yield Span(end, end, found.rule)
    body = text[value.start : end]
    if found.rule == "cookie":
        lone = None if value.quoted else bare_value(text, value.start, Notation.STRUCT, found)
        end_of_lone = lone.end if lone else end
        body = text[value.start : end_of_lone]
        if (
            notation is Notation.STRUCT
            and "=" not in body
            and len(body) >= 16
            and " " not in body
            and not shapes.is_wordlike(body.lower())
            and not (not value.quoted and shapes.is_reference(body))
        ):
            yield Span(value.start, end_of_lone, found.rule)
        yield from cookie_spans(text, value.start, end)
        return
    line = text[value.start : value.end if value.quoted else line_end(text, value.start)]
    scheme = _SCHEME.match(body)
    if scheme and _WITH_PARAMETERS.match(body):
        for match in _PARAM.finditer(line):
            yield Span(value.start + match.start(1), value.start + match.end(1), found.rule)
        yield Span(value.start + len(line), value.start + len(line), found.rule)
        return
    start = value.start + (scheme.end() if scheme else 0)
    if scheme and scheme.group().startswith("Shared"):
        start = text.find(":", start, end) + 1 or start
    credentials = text[start:end]
    if not value.quoted or " " in credentials:
        piece = bare_value(text, start, Notation.STRUCT, found)
        if piece is None:
            return
        end = piece.end
        credentials = text[start:end]
    if not credentials or shapes.is_placeholder(credentials) or credentials.startswith("realm="):
        return
    sure = scheme or notation >= Notation.OPTION or not shapes.is_wordlike(credentials)
    if sure and not shapes.is_status(credentials) and not shapes.is_reference(credentials):
        bearer = scheme is not None and scheme.group().lower().startswith("bearer")
        yield Span(start, end, "token" if bearer else found.rule)


def _header_end(text: str, start: int) -> int:
    end = line_end(text, start)
    for mark in ("'", '"', "\\n", "\\r"):
        at = text.find(mark, start, end)
        end = at if at >= 0 else end
    return end


def cookie_spans(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield cookie values between ``start`` and ``end``; plain short ones stay, as do names."""
    for match in _COOKIE.finditer(text, start, end):
        name, value = match[1].lower(), match[2]
        if (
            name in _COOKIE_ATTRIBUTES
            or _MEASURING_COOKIE.fullmatch(name)
            or shapes.is_placeholder(value)
        ):
            continue
        if len(value) > 8 or LOGIN_COOKIE.search(name) or shapes.is_mixed(value):
            yield Span(match.start(2), match.end(2), "cookie")
