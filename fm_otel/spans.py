"""Spans of the request door, by the OpenTelemetry API only: own tracer, incoming parents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

Header: TypeAlias = Callable[[str], str | None]
"""Reads one header of a request or message."""


class _HeaderGetter(Getter[Header]):
    """Lets propagators read headers through a function."""

    def get(self, carrier: Header, key: str) -> list[str] | None:
        value = carrier(key)
        return None if value is None else [value]

    def keys(self, carrier: Header) -> list[str]:  # noqa: ARG002 - propagators ask by name
        return []


_getter: Final = _HeaderGetter()
_traceparent: Final = TraceContextTextMapPropagator()


def incoming_context(header: Header) -> Context:
    """Give the context that the global propagators find in the headers."""
    return propagate.extract(header, getter=_getter)


def incoming_trace_id(header: Header) -> str | None:
    """Give the trace id of a valid ``traceparent`` header."""
    context = _traceparent.extract(header, Context(), _getter)
    span_context = trace.get_current_span(context).get_span_context()
    return f"{span_context.trace_id:032x}" if span_context.is_valid else None


class _Cache:
    """The tracer of the last provider seen: asking a provider costs tens of microseconds."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held: tuple[trace.TracerProvider, trace.Tracer] | None = None


_cache: Final = _Cache()


def tracer() -> trace.Tracer:
    """Give fm_otel's tracer of the provider in force."""
    provider = trace.get_tracer_provider()
    held = _cache.held
    if held is None or held[0] is not provider:
        held = _cache.held = (provider, provider.get_tracer("fm_otel"))
    return held[1]
