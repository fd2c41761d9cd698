"""What redaction raises towards the pipeline; the pipeline then fails closed."""

from __future__ import annotations


class RedactionError(Exception):
    """A rule or the customer's sanitizer failed. Never carries any part of the text."""


class OutOfTimeError(RedactionError):
    """One text used up its time budget."""
