"""The names users rely on."""

from __future__ import annotations

import importlib

import pytest

import fm_otel

PROMISED = {
    "BridgeHandler", "ErrorCode", "FaultMavenFormatter", "LogContext", "audit", "bound_context",
    "clear_request_context", "configure", "get_logger", "get_request_context",
    "register_error_codes", "request_context", "set_agent_phase", "set_request_context",
    "should_sample", "update_request_context",
}


def test_all_is_what_was_promised() -> None:
    """No name is missing, none slipped in."""
    assert set(fm_otel.__all__) == PROMISED


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_every_name_is_there_and_documented(name: str) -> None:
    """Each public name can be imported and says what it does."""
    assert getattr(fm_otel, name).__doc__ or name == "request_context"


def test_unknown_name_is_an_attribute_error() -> None:
    """A misspelling fails as in any module."""
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        fm_otel.nope  # noqa: B018


@pytest.mark.parametrize("target", [
    "fm_otel.distro:FaultMavenDistro", "fm_otel.distro:FaultMavenConfigurator",
    "fm_otel.distro:pre_instrument", "fm_otel.resource:FaultMavenResourceDetector",
    "fm_otel.propagator:RequestContextPropagator", "fm_otel.cli:main",
    "fm_otel.middleware:RequestContextMiddleware",
])
def test_entry_points_lead_somewhere(target: str) -> None:
    """What the package metadata names exists."""
    module, name = target.split(":")
    assert callable(getattr(importlib.import_module(module), name))
