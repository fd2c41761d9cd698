"""Secrets that stand alone under the line that announces them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import shapes
from fm_otel.redaction.looks import Look, look_of
from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALONE: Final = re.compile(r"\n[ \t]{0,8}([^\s\"'`:,]{8,2048})[ \t]{0,4}(?=\n|\Z)")
_NAMED: Final = re.compile(r"[A-Za-z]\w{0,40}=[^=]")
_ANNOUNCES: Final = re.compile(
    r"(?:\bkeygen|\bgenkey|\bgenpsk|openssl rand [^\n]*|pwgen[^\n]*)\Z"
    r"|get secrets? [^\n]*(?:-o|jsonpath|template)[^\n]*\Z"
    r"|\boutput [^\n]*(?:password|token|secret|key)\w{0,20}\Z"
    r"|(?:[Pp]assw|[Tt]oken|[Ss]ecret|[Kk]ey|-login)[^\n]*"
    r"(?::|(?:get|print|show|read|create|generate|output)[^\n]{0,60}|\|[^\n]{1,60})\Z"
)
_PRINTS: Final = re.compile(
    r"(?:secrets versions access|get-secret-value|keyvault secret show|\bop read|\bvault (?:kv )?"
    r"(?:get|read) [^\n]*-field|\bpass show|\bbw get password"
    r"|doppler secrets get|get-login-password|print-(?:access|identity)-token|get-access-token"
    r"|\bgh auth token|auth:token|chamber read|lpass show)[^\n]*\Z"
)
_HEX: Final = re.compile(r"(?=[a-f]*\d)[0-9a-f]{32,64}")
_ABOVE: Final = 360
"""Characters of the line above that are read."""


def announced_spans(text: str) -> Iterator[Span]:
    """Yield what stands alone under a line that announces or prints a secret."""
    for match in _ALONE.finditer(text):
        above = text[max(0, match.start() - _ABOVE) : match.start()].rstrip().rpartition("\n")[2]
        word = match[1]
        if _NAMED.match(word) or shapes.is_reference(word.lstrip("*&$")) or word.endswith(");"):
            continue
        if _PRINTS.search(above) and not shapes.is_status(word):
            yield Span(match.start(1), match.end(1), "password")
            continue
        if _ANNOUNCES.search(above) is None or "secret create" in above:
            continue
        if (
            (shapes.is_random(word) and not shapes.UUID.fullmatch(word))
            or look_of(word) >= Look.MIXED
            or _HEX.fullmatch(word)
        ):
            yield Span(match.start(1), match.end(1), "password")
