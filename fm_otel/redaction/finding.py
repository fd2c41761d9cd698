"""Tell where secrets are, without replacing them."""

from __future__ import annotations

from typing import NamedTuple

from fm_otel.redaction import scan
from fm_otel.redaction.spans import merged, outside_markers


class Finding(NamedTuple):
    """Where a rule found something. Never holds the text itself."""

    rule: str
    start: int
    end: int


def find_secrets(text: str) -> list[Finding]:
    """Return what :meth:`Redactor.text` would replace in ``text``, in order.

    Directories that are only shortened are no findings.
    """
    return [
        Finding(span.rule, span.start, span.end)
        for span in merged(outside_markers(text, scan.spans_of(text)))
    ]
