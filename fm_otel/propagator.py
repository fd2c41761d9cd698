"""Propagation of context fields between services, beside W3C trace context."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry import context as otel_context
from opentelemetry.propagators import textmap

from fm_otel import settings
from fm_otel.context import current_snapshot
from fm_otel.headers import header_of, valid_id

if TYPE_CHECKING:
    from opentelemetry.context import Context

_RECEIVED: Final = otel_context.create_key("fm_otel.received")


class RequestContextPropagator(textmap.TextMapPropagator):
    """Carries the fields of ``FM_OTEL_PROPAGATE`` as headers, by default the correlation id.

    Every instrumented client and server uses it, as one of the global propagators: HTTP, gRPC,
    messaging. What is received is kept in the OpenTelemetry context for :func:`received`.
    """

    def inject(
        self,
        carrier: textmap.CarrierT,
        context: Context | None = None,
        setter: textmap.Setter[textmap.CarrierT] = textmap.default_setter,
    ) -> None:
        """Write the fields of the request context, else those received, into headers."""
        present = {**received(context), **current_snapshot().fields}
        for field in settings.active().propagate:
            value = present.get(field)
            if value is not None and valid_id(str(value)):
                setter.set(carrier, header_of(field), str(value))

    def extract(
        self,
        carrier: textmap.CarrierT,
        context: Context | None = None,
        getter: textmap.Getter[textmap.CarrierT] = textmap.default_getter,
    ) -> Context:
        """Read valid fields from headers; others are as if they were not there."""
        fields = {}
        for field in settings.active().propagate:
            value = _first(carrier, getter, header_of(field))
            if valid_id(value) is not None:
                fields[field] = value
        if not fields:
            return context if context is not None else otel_context.get_current()
        return otel_context.set_value(_RECEIVED, fields, context)

    @property
    def fields(self) -> set[str]:
        """The headers this propagator writes."""
        return {header_of(field) for field in settings.active().propagate}


def received(context: Context | None = None) -> dict[str, str]:
    """Give the fields that came with an OpenTelemetry context."""
    fields = otel_context.get_value(_RECEIVED, context)
    return dict(fields) if isinstance(fields, dict) else {}


def _first(
    carrier: textmap.CarrierT,
    getter: textmap.Getter[textmap.CarrierT],
    header: str,
) -> str | None:
    values = getter.get(carrier, header) or getter.get(carrier, header.lower())
    return next(iter(values), None) if values else None
