"""IP addresses and host names, which leave only where the user asks for it."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Final

from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_V4: Final = re.compile(
    r"(?<![\w.])(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}(?![\w]|\.\d)"
)
_V6: Final = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{2,39}(?:\.[0-9.]{5,11})?(?![\w:])")
_HOST: Final = re.compile(
    r"(?<![\w.@-])(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}"
    r"(?:com|net|org|io|dev|app|cloud|ai|de|fr|es|it|nl|eu|uk|us|ch|at|pl|cn|jp|in|br|edu|gov|"
    r"info|biz|co|"
    r"local|internal|lan|corp|intranet|test|example|invalid|svc|localdomain)(?![\w-]|\.[\w])"
)


def host_spans(text: str) -> Iterator[Span]:
    """Yield IP addresses and host names."""
    for match in _V4.finditer(text):
        yield Span(match.start(), match.end(), "ip")
    if ":" in text:
        for match in _V6.finditer(text):
            if _is_v6(match.group()):
                yield Span(match.start(), match.end(), "ip")
    for match in _HOST.finditer(text):
        yield Span(match.start(), match.end(), "host")


def _is_v6(text: str) -> bool:
    if text.count(":") < 2 or text == "::":
        return False
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
