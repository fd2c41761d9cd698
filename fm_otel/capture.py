"""Capture: a stdlib ``LogRecord`` to a ``Captured``, at the call.

Everything that could change or go away is taken now: the message is formatted, extras are
copied, the exception is reduced to its frames' positions, context and span are referenced by
their immutable parts. What needs no caller is left to the worker.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from itertools import count, islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from fm_otel.context import request_context
from fm_otel.record import Captured
from fm_otel.sampling import keep
from fm_otel.site import SiteTable
from fm_otel.stack import capture_error, error_from_text
from fm_otel.structured import unpacked
from fm_otel.values import freeze, json_members, message_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opentelemetry.trace import SpanContext

    from fm_otel.context import Snapshot
    from fm_otel.site import Site
    from fm_otel.stack import CapturedError

    Current = Callable[[], "SpanContext | None"]

AUDIT_LOGGER: Final = "faultmaven.audit"
PROCESS_LOGGER: Final = "faultmaven.process"
_UNSAMPLED: Final = frozenset({AUDIT_LOGGER, PROCESS_LOGGER})


class _Passing(threading.local):
    """The record whose handlers are being called in this thread, and what became of it."""

    record: logging.LogRecord | None = None
    captured: Captured | None = None
    prefix: str = ""
    verdicts: Mapping[int, bool] = MappingProxyType({})


passing: Final = _Passing()
"""Lets a formatter in the same call speak of the same record as the engine."""

_ATTRIBUTES: Final = tuple(vars(logging.makeLogRecord({})))
_STANDARD: Final = len(_ATTRIBUTES)
"""Attributes every record has; what stands behind them came by ``extra``, filters, formatters."""

_OVERHEAD: Final = 400
"""Bytes a queued record costs beside its strings, roughly."""

_LATEST: Final = 1e11
"""Seconds: times beyond this (year 5138) cannot be meant."""


class Capture:
    """Makes ``Captured`` records; one per process and door to the engine.

    ``current_span`` returns the context of the span in force or None; ``rate`` is the share of
    records below WARNING that is kept; ``sampled_out`` is told of each record refused by it.
    """

    def __init__(
        self,
        current_span: Current,
        *,
        rate: float = 1.0,
        auto_exc_info: bool = True,
        sampled_out: Callable[[], None] = lambda: None,
    ) -> None:
        self._current_span = current_span
        self._rate = rate
        self._auto_exc_info = auto_exc_info
        self._sampled_out = sampled_out
        self.sites = SiteTable()
        self.sequence: Iterator[int] = count(1)

    def take(self, record: logging.LogRecord, *, console: bool = True) -> Captured | None:
        """Return the captured record, or None when sampling refused it."""
        context = request_context.get().snapshot
        span = self._current_span()
        levelno = record.levelno
        weight = None
        if self._rate < 1.0:
            weight = self.weigh(record.name, levelno, span, context)
            if weight == 0:
                return None
        msg = record.msg
        if type(msg) is not str or msg[:1] == "{":
            record = unpacked(record) or record
        notes: list[str] = []
        msg, args = record.msg, record.args
        if not args and type(msg) is str and type(args) is tuple:
            message = msg
        else:
            message = message_of(msg, args, notes)
        keys: tuple[str, ...] = ()
        values: tuple[object, ...] | bytes = ()
        size = _OVERHEAD
        if len(record.__dict__) > _STANDARD:
            keys, values, size = _extras(record, notes)
        error = None
        if levelno >= logging.ERROR or record.exc_info or record.exc_text or record.stack_info:
            error = self._error(record, levelno)
        created = record.created
        if type(created) is float and 0 < created < _LATEST:
            time_ns = int(created * 1e9)
        else:
            time_ns = time_of(created, notes)
        return tuple.__new__(Captured, (
            time_ns, next(self.sequence), self.sites.of(record), message, keys, values, span,
            context, error, weight, tuple(notes), size + len(message), console,
        ))

    def call(
        self, site: Site, levelno: int, msg: str, args: Any, exc_info: Any,
        extra: dict[str, Any] | None, *, console: bool,
    ) -> Captured | None:
        """Capture a logging call itself, where nobody needs its ``LogRecord``.

        The same result as :meth:`take`, for half the time: what a ``LogRecord`` would say about
        process, thread and file is constant or nobody's concern.
        """
        context = request_context.get().snapshot
        span = self._current_span()
        weight = None
        if self._rate < 1.0:
            weight = self.weigh(site.logger, levelno, span, context)
            if weight == 0:
                return None
        notes: list[str] = []
        message = message_of(msg, args, notes) if args else msg
        keys: tuple[str, ...] = ()
        values: tuple[object, ...] | bytes = ()
        size = _OVERHEAD
        if extra:
            keys, values, size = _frozen(extra, notes)
        error = None
        if exc_info or levelno >= logging.ERROR:
            if exc_info is None and self._auto_exc_info:
                exc_info = sys.exc_info()
            error = capture_error(exc_info) if exc_info else None
        return tuple.__new__(Captured, (
            time.time_ns(), next(self.sequence), site, message, keys, values, span, context,
            error, weight, tuple(notes), size + len(message), console,
        ))

    def minimal(self, record: logging.LogRecord) -> Captured:
        """Return what can be said of a record that could not be captured."""
        return self.remains(self.sites.of(record), record.msg)

    def remains(self, site: Site, msg: object) -> Captured:
        """Return what can be said of a call that could not be captured."""
        message = f"<record of {type(msg).__name__} could not be captured>"
        if type(msg) is str:
            message = msg
        return Captured(
            time.time_ns(), next(self.sequence), site, message, (), (), None,
            request_context.get().snapshot, None, None, ("minimal",), _OVERHEAD + len(message),
            True,
        )

    def weigh(
        self, logger: str, levelno: int, span: SpanContext | None, context: Snapshot,
    ) -> float | None:
        """Return how many records this one stands for, None where all are kept, 0 to refuse it."""
        if self._rate >= 1.0 or levelno >= logging.WARNING or logger in _UNSAMPLED:
            return None
        trace_id = format(span.trace_id, "032x") if span is not None else None
        correlation_id = context.correlation_id
        if keep(self._rate, trace_id, None if correlation_id is None else str(correlation_id)):
            return 1 / self._rate
        self._sampled_out()
        return 0

    def _error(self, record: logging.LogRecord, levelno: int) -> CapturedError | None:
        exc_info: object = record.exc_info
        if exc_info is None and levelno >= logging.ERROR and self._auto_exc_info:
            exc_info = sys.exc_info()
        if exc_info or record.stack_info:
            captured = capture_error(exc_info, stack_info=record.stack_info)
            if captured is not None:
                return captured
        return error_from_text(record.exc_text) if record.exc_text else None


def time_of(created: object, notes: list[str]) -> int:
    """Return a record's time in nanoseconds: now, where it has none that can be meant."""
    if (type(created) is float or type(created) is int) and 0 < created < _LATEST:
        return int(created * 1e9)
    notes.append("bad_time")
    return time.time_ns()


def _extras(
    record: logging.LogRecord, notes: list[str],
) -> tuple[tuple[str, ...], tuple[object, ...] | bytes, int]:
    """Return keys and frozen values of what is not a standard attribute, and their size.

    Plain values are frozen all at once, as their JSON; it costs a third of copying each.
    """
    attributes: dict[str, object] = record.__dict__
    if type(record) is not logging.LogRecord:
        # A class may set its attributes in an order of its own.
        attributes = {**dict.fromkeys(_ATTRIBUTES), **attributes}
    return _frozen(dict(islice(attributes.items(), _STANDARD, None)), notes)


def _frozen(
    extras: dict[str, object], notes: list[str],
) -> tuple[tuple[str, ...], tuple[object, ...] | bytes, int]:
    keys = tuple(extras)
    members = json_members(extras)
    if members is not None:
        return keys, members, _OVERHEAD + len(members)
    size = _OVERHEAD + 40 * len(keys)
    values = []
    for value in extras.values():
        kind = type(value)
        if kind is str:
            size += len(value)  # type: ignore[arg-type]  # is a str
            values.append(value)
        elif value is None or kind is int or kind is float or kind is bool:
            # Not "in SCALARS": a metaclass may forbid hashing its classes.
            values.append(value)
        else:
            size += 200
            values.append(freeze(value, notes))
    return keys, tuple(values), size
