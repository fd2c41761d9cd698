"""Redaction: no secret leaves the process, and the line stays useful."""

from fm_otel.redaction.errors import RedactionError
from fm_otel.redaction.finding import Finding, find_secrets
from fm_otel.redaction.redactor import Redactor
from fm_otel.redaction.rules import RULES, Rule

__all__ = ["RULES", "Finding", "RedactionError", "Redactor", "Rule", "find_secrets"]
