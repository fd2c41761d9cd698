"""Context fields between services."""

from __future__ import annotations

import pytest
from opentelemetry.context import Context

from fm_otel.context import bound_context
from fm_otel.propagator import RequestContextPropagator, received
from tests.request_door import configured

propagator = RequestContextPropagator()


def _injected() -> dict[str, str]:
    carrier: dict[str, str] = {}
    propagator.inject(carrier)
    return carrier


def test_only_the_correlation_id_leaves_by_default():
    """User and session ids never reach other hosts unasked."""
    with configured(), bound_context(correlation_id="c-1", session_id="s", user_id="u"):
        assert _injected() == {"X-Correlation-ID": "c-1"}
        assert propagator.fields == {"X-Correlation-ID"}


def test_configured_fields_leave_under_their_headers():
    """FM_OTEL_PROPAGATE decides field by field."""
    fields = "correlation_id,session_id,case_id,agent_phase"
    with configured(FM_OTEL_PROPAGATE=fields), bound_context(
        correlation_id="c-1", session_id="s", case_id=5, agent_phase="act",
    ):
        assert _injected() == {
            "X-Correlation-ID": "c-1", "X-Session-ID": "s", "X-Case-ID": "5",
            "X-FM-Agent-Phase": "act",
        }


@pytest.mark.parametrize("bad", ["two\r\nheaders: 1", "", "x" * 129, "ü"])
def test_values_that_are_no_ids_stay_here(bad):
    """Nothing that could break a header is written into one."""
    with configured(), bound_context(correlation_id=bad):
        assert _injected() == {}


def test_round_trip():
    """What one service sends the next one has."""
    with configured():
        with bound_context(correlation_id="c-1"):
            carrier = _injected()
        assert received(propagator.extract(carrier, Context())) == {"correlation_id": "c-1"}
        lower = {key.lower(): value for key, value in carrier.items()}
        assert received(propagator.extract(lower, Context())) == {"correlation_id": "c-1"}


def test_received_fields_are_passed_on():
    """A service between two others that opens no request keeps the chain."""
    with configured():
        context = propagator.extract({"X-Correlation-ID": "c-1"}, Context())
        carrier: dict[str, str] = {}
        propagator.inject(carrier, context)
        assert carrier == {"X-Correlation-ID": "c-1"}


@pytest.mark.parametrize("bad", ["a b", "x" * 129, "<script>", ""])
def test_invalid_headers_are_as_if_absent(bad):
    """Extracting never takes over odd values and leaves the context as it was."""
    with configured():
        context = Context({"k": 1})
        assert propagator.extract({"X-Correlation-ID": bad}, context) is context
        assert received(context) == {}
