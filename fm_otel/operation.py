"""``LogContext``: an operation with a start record, an end record and a span."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from opentelemetry import context as otel_context
from opentelemetry import trace

from fm_otel import settings, spans
from fm_otel.context import Binding, as_extra, bind, milliseconds
from fm_otel.errors import mnemonic_for

if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType
    from typing import Self

    from opentelemetry.context import Context

# Frames between the user's ``with`` and the logging call: __enter__ or __exit__, _start or _end.
_STACKLEVEL: Final = 3


class LogContext:
    """Record the start, end, duration and outcome of an operation, and what happens inside it.

    Fields given here stand on every record made inside, by any logger in the same task; fields
    given to :meth:`set` stand on the end record. An exception ends the operation with an ERROR
    record and is raised again. With tracing on, a span named after the operation is current
    inside. Works with ``with`` and ``async with``, and nests; one object serves one block.
    """

    __slots__ = (
        "_attached", "_binding", "_fields", "_level", "_results", "_span", "_started", "logger",
        "operation",
    )

    def __init__(
        self,
        logger: logging.Logger,
        operation: str,
        *,
        level: int = logging.INFO,
        **fields: object,
    ) -> None:
        self.logger: Final = logger
        self.operation: Final = operation
        self._level: Final = level
        self._fields: Final = fields
        self._results: Final[dict[str, object]] = {}
        self._binding: Binding | None = None
        self._span: trace.Span = trace.INVALID_SPAN
        self._attached: Token[Context] | None = None
        self._started = 0.0

    def set(self, **fields: object) -> None:
        """Add fields to the end record."""
        self._results.update(fields)

    def __enter__(self) -> Self:
        """Start the operation."""
        self._start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the operation; an exception goes on."""
        self._end(exc)

    async def __aenter__(self) -> Self:
        """Start the operation."""
        self._start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the operation; an exception goes on."""
        self._end(exc)

    def _start(self) -> None:
        self._binding = bind({**self._fields, "operation": self.operation})
        if settings.active().enable_tracing:
            self._span = spans.tracer().start_span(self.operation)
            self._attached = otel_context.attach(trace.set_span_in_context(self._span))
        self._started = time.perf_counter()
        try:
            self.logger.log(
                self._level,
                "%s started",
                self.operation,
                extra={"event": "faultmaven.operation.start", "operation": self.operation},
                stacklevel=_STACKLEVEL,
            )
        except BaseException as exc:
            # A handler of the program raised: there will be no __exit__.
            self._leave(exc)
            raise

    def _end(self, exc: BaseException | None) -> None:
        duration_ms = milliseconds(time.perf_counter() - self._started)
        try:
            self.logger.log(
                self._level if exc is None else _level_of(exc),
                "%s %s after %.0f ms",
                self.operation,
                "ended" if exc is None else "failed",
                duration_ms,
                exc_info=exc,
                extra=self._end_fields(duration_ms, exc),
                stacklevel=_STACKLEVEL,
            )
        finally:
            self._leave(exc)

    def _end_fields(self, duration_ms: float, exc: BaseException | None) -> dict[str, object]:
        fields: dict[str, object] = {
            "event": "faultmaven.operation.end",
            "operation": self.operation,
            "outcome": "ok" if exc is None else "error",
            "duration_ms": duration_ms,
        }
        code = None if exc is None else mnemonic_for(exc)
        if code is not None:
            fields["error_code"] = code
        return {**fields, **as_extra(self.logger, self._results)}

    def _leave(self, exc: BaseException | None) -> None:
        if isinstance(exc, Exception):
            self._span.record_exception(exc)
            self._span.set_status(trace.StatusCode.ERROR, type(exc).__qualname__)
        self._span.end()
        same_context = self._binding is None or self._binding.undo()
        # A token is no good in another Context, and OpenTelemetry would log an error about it.
        if self._attached is not None and same_context:
            otel_context.detach(self._attached)


def _level_of(exc: BaseException) -> int:
    """Tell failures from cancellation and interruption, which break nothing."""
    return logging.ERROR if isinstance(exc, Exception) else logging.WARNING
