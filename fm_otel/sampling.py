"""Sampling: which records below WARNING are kept, decided alike everywhere in a trace.

The decision is a pure function of the rate and of the trace id, else of the correlation id, so
that all records of one request, over all services, are kept or left out together.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final
from zlib import crc32

from opentelemetry import trace

from fm_otel.context import current_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

_RANDOM_BITS: Final = 56
_RANDOM_DIGITS: Final = _RANDOM_BITS // 4


def keep(rate: float, trace_id: str | None = None, correlation_id: str | None = None) -> bool:
    """Return whether a record is kept at ``rate``; by chance when it has no id.

    Of the trace id the low 56 bits count, those the W3C recommendation calls random, and the
    high values are kept, as OpenTelemetry's consistent samplers do. What is kept at one rate is
    kept at every higher rate.
    """
    if rate >= 1:
        return True
    if rate <= 0:
        return False
    return _share(trace_id, correlation_id) >= 1 - rate


def should_sample(rate: float) -> bool:
    """Return whether work that belongs to the current trace or request is in the sample."""
    span_context = trace.get_current_span().get_span_context()
    trace_id = f"{span_context.trace_id:032x}" if span_context.is_valid else None
    return keep(rate, trace_id, current_snapshot().correlation_id)


def _share(trace_id: str | None, correlation_id: str | None) -> float:
    """Place an id evenly in [0, 1)."""
    if trace_id:
        try:
            return int(trace_id[-_RANDOM_DIGITS:], 16) / (1 << _RANDOM_BITS)
        except ValueError:
            pass
    if correlation_id:
        return _mixed(crc32(correlation_id.encode("utf-8", "surrogatepass"))) / (1 << 32)
    return random.random()  # noqa: S311 - a sample, not a secret


def _mixed(checksum: int) -> int:
    """Spread a CRC, whose neighbours differ in few bits, over its whole range."""
    checksum = (checksum ^ (checksum >> 16)) * 0x85EBCA6B & 0xFFFFFFFF
    checksum = (checksum ^ (checksum >> 13)) * 0xC2B2AE35 & 0xFFFFFFFF
    return checksum ^ (checksum >> 16)


class _Refusals:
    """Where records that the request door leaves out are counted."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count: Callable[[str], None] | None = None


_refusals: Final = _Refusals()


def count_refusals(count: Callable[[str], None] | None) -> None:
    """Have ``count(reason)`` called for every record the request door leaves out."""
    _refusals.count = count


def refuse(reason: str) -> None:
    """Note that a record was left out on purpose."""
    if _refusals.count is not None:
        _refusals.count(reason)
