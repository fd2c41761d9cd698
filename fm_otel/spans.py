"""The tracer of the request door; the OpenTelemetry API only."""

from __future__ import annotations

from typing import Final

from opentelemetry import trace


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
