"""Sampling decisions."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace

from fm_otel import sampling
from fm_otel.context import bound_context
from fm_otel.sampling import keep, should_sample
from tests.request_door import traced

_trace_ids = st.integers(1, 2**128 - 1).map("{:032x}".format)
_rates = st.floats(0, 1)


@given(_rates, _rates, _trace_ids)
def test_kept_at_a_rate_is_kept_at_every_higher_rate(one, other, trace_id):
    """Services with different rates agree on the traces the lower one keeps."""
    low, high = sorted((one, other))
    assert keep(high, trace_id) or not keep(low, trace_id)


@given(_rates, st.text(min_size=1))
def test_the_same_correlation_id_decides_alike(rate, correlation_id):
    """All records of a request share one fate, with odd ids too."""
    assert keep(rate, None, correlation_id) is keep(rate, None, correlation_id)


@given(_trace_ids)
def test_bounds(trace_id):
    """Rate 1 keeps everything, rate 0 nothing."""
    assert keep(1, trace_id)
    assert not keep(0, trace_id)
    assert keep(1)
    assert not keep(0)


def test_only_the_random_part_of_the_trace_id_counts():
    """The decision is the W3C one: the low 56 bits against the threshold, high ones kept."""
    assert keep(0.5, "0" * 18 + "8" + "0" * 13)
    assert not keep(0.5, "f" * 18 + "7" + "0" * 13)


@pytest.mark.parametrize("ids", ["uuid", "hex8", "numbered"])
def test_share_is_kept_for_every_shape_of_correlation_id(ids):
    """The kept share is the rate, for uuids as for short or sequential ids."""
    make = {
        "uuid": lambda n: str(uuid.UUID(int=n * 2**64 + n)),
        "hex8": lambda n: f"{n:08x}",
        "numbered": lambda n: f"session-{n}",
    }[ids]
    kept = sum(keep(0.1, None, make(n)) for n in range(20_000))
    assert 1800 <= kept <= 2200


def test_without_ids_by_chance():
    """Records outside any request are kept at the rate."""
    kept = sum(keep(0.5) for _ in range(4000))
    assert 1800 <= kept <= 2200


def test_trace_id_that_is_none_falls_back_to_the_correlation_id():
    """A malformed trace id does not raise."""
    assert keep(0.3, "not hex", "c-1") is keep(0.3, None, "c-1")


def test_should_sample_follows_the_current_span_then_the_context(monkeypatch):
    """Work is sampled together with the records around it."""
    traced(monkeypatch)
    with trace.get_tracer("t").start_as_current_span("s") as span:
        trace_id = f"{span.get_span_context().trace_id:032x}"
        for rate in (0.1, 0.4, 0.6, 0.9):
            assert should_sample(rate) is keep(rate, trace_id)
    with bound_context(correlation_id="c-1"):
        for rate in (0.1, 0.4, 0.6, 0.9):
            assert should_sample(rate) is keep(rate, None, "c-1")


def test_refusals_are_counted_where_someone_counts():
    """What the request door leaves out appears in the ledger, and nobody has to listen."""
    counted: list[str] = []
    sampling.refuse("quiet")
    sampling.count_refusals(counted.append)
    sampling.refuse("quiet")
    sampling.count_refusals(None)
    sampling.refuse("quiet")
    assert counted == ["quiet"]
