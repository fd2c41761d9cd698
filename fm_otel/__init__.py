"""OpenTelemetry-native logs for Python services.

Every record of the process comes out once, as one JSON line and one OTLP record, with context
and without secrets. Application code uses the names below; ``opentelemetry-instrument`` or
:func:`configure` starts the engine. Importing this package loads neither SDK, gRPC nor protobuf.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fm_otel.audit import audit
from fm_otel.context import (
    bound_context,
    clear_request_context,
    get_request_context,
    request_context,
    set_agent_phase,
    set_request_context,
    update_request_context,
)
from fm_otel.errors import ErrorCode, register_error_codes
from fm_otel.logger import get_logger
from fm_otel.operation import LogContext
from fm_otel.sampling import should_sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from fm_otel.bridge.handler import BridgeHandler
    from fm_otel.configurator import Handle
    from fm_otel.formatter import FaultMavenFormatter

__all__ = [
    "BridgeHandler",
    "ErrorCode",
    "FaultMavenFormatter",
    "LogContext",
    "audit",
    "bound_context",
    "clear_request_context",
    "configure",
    "get_logger",
    "get_request_context",
    "register_error_codes",
    "request_context",
    "set_agent_phase",
    "set_request_context",
    "should_sample",
    "update_request_context",
]

_LAZY = {
    "BridgeHandler": "fm_otel.bridge.handler",
    "FaultMavenFormatter": "fm_otel.formatter",
}


def configure(*, redactor: Callable[[str], str] | None = None, **overrides: Any) -> Handle:
    """Start the engine in a program that is not launched by ``opentelemetry-instrument``.

    ``overrides`` are the fields of :class:`fm_otel.settings.Settings` (``service="api"``,
    ``level="DEBUG"``, ``file="app.log"``, ...) and beat the environment. ``redactor`` is the
    application's own sanitizer, text to text, run behind the built-in rules. A second call
    changes nothing. Raises TypeError for an unknown name.
    """
    from fm_otel.configurator import start

    return start(redactor=redactor, **overrides)


def __getattr__(name: str) -> Any:
    """Load the names whose modules are heavy when they are asked for."""
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
