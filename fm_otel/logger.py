"""Loggers are the standard library's."""

from __future__ import annotations

import logging


def get_logger(name: str | None = None) -> logging.Logger:
    """Give the stdlib logger of that name; no handler is added, no level set."""
    return logging.getLogger(name)
