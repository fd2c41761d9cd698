"""The request context."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fm_otel import context
from fm_otel.context import (
    bound_context,
    clear_request_context,
    close_request,
    get_request_context,
    open_request,
    set_agent_phase,
    set_request_context,
    update_request_context,
)
from tests.request_door import recorded


@pytest.fixture(autouse=True)
def _empty_context():
    token = context.request_context.set(context.EMPTY)
    yield
    context.request_context.reset(token)


@pytest.fixture
def request_opened():
    opened = open_request({"correlation_id": "c-1"})
    yield
    close_request(opened)


def test_default_is_empty_and_shared_by_nobody():
    """Nothing written in one context shows in another."""
    update_request_context(a=1)
    assert contextvars.Context().run(get_request_context) == {}
    assert context.EMPTY == {}


def test_values_are_made_fit():
    """Ids become text, None removes, enums and odd objects are spelled out; nothing raises."""

    class Phase(StrEnum):
        ONE = "define_blast_radius"

    class Odd:
        def __str__(self):
            raise RuntimeError

    set_request_context({"session_id": 7, "user_id": True, "n": 1, "f": 0.5, "b": False,
                         "agent_phase": Phase.ONE, "odd": Odd(), "gone": None, 3: "key"})
    assert get_request_context() == {
        "session_id": "7", "user_id": "True", "n": 1, "f": 0.5, "b": False,
        "agent_phase": "define_blast_radius",
        "odd": "<unprintable test_values_are_made_fit.<locals>.Odd>", "3": "key",
    }
    update_request_context(n=None)
    assert "n" not in get_request_context()


def test_holder_reads_as_mapping_and_snapshot_is_cached():
    """Readers of the ContextVar see a mapping; encoders can cache on the snapshot."""
    update_request_context(a=1, correlation_id="x")
    holder = context.request_context.get()
    assert dict(holder) == {"a": 1, "correlation_id": "x"}
    assert (len(holder), holder["a"], holder.get("b")) == (2, 1, None)
    assert context.current_snapshot() is context.current_snapshot()
    assert context.current_snapshot().correlation_id == "x"
    with pytest.raises(TypeError):
        holder["a"] = 2


def test_snapshots_never_change(request_opened):
    """A record keeps the fields of its moment."""
    before = context.current_snapshot()
    update_request_context(a=1)
    assert before.fields == {"correlation_id": "c-1"}
    assert context.current_snapshot().fields == {"correlation_id": "c-1", "a": 1}


@pytest.mark.usefixtures("request_opened")
def test_request_is_written_from_threads_and_tasks():
    """A sync dependency's or thread's field is seen by the whole request."""
    async def task():
        update_request_context(task=1)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(contextvars.copy_context().run, update_request_context, thread=1).result()
    asyncio.run(task())
    assert get_request_context() == {"correlation_id": "c-1", "thread": 1, "task": 1}


@pytest.mark.usefixtures("request_opened")
def test_request_writes_outlive_an_overlay():
    """``bound_context`` restores its own keys only; what was set inside for the request stays."""
    with bound_context(a=1):
        update_request_context(b=2)
        assert get_request_context() == {"correlation_id": "c-1", "a": 1, "b": 2}
    assert get_request_context() == {"correlation_id": "c-1", "b": 2}


@pytest.mark.usefixtures("request_opened")
def test_overlay_sees_writes_made_elsewhere():
    """A task inside an overlay follows what another thread sets for the request."""
    outside = contextvars.copy_context()
    with bound_context(a=1), bound_context(c=3):
        outside.run(update_request_context, b=2)
        assert get_request_context() == {"correlation_id": "c-1", "a": 1, "b": 2, "c": 3}
        assert outside.run(get_request_context) == {"correlation_id": "c-1", "b": 2}


@pytest.mark.usefixtures("request_opened")
def test_the_last_write_is_read_back_also_over_an_overlay():
    """A key that an overlay covers shows the value just written, and keeps it."""
    with bound_context(a=1), bound_context(a=2):
        update_request_context(a=3)
        assert get_request_context()["a"] == 3
    assert get_request_context()["a"] == 3


@pytest.mark.usefixtures("request_opened")
def test_setting_and_clearing_keep_what_the_request_was_opened_with():
    """The correlation id cannot be lost by a handler that sets its own fields."""
    set_request_context({"session_id": "s"})
    assert get_request_context() == {"correlation_id": "c-1", "session_id": "s"}
    set_request_context({"user_id": "u"})
    assert get_request_context() == {"correlation_id": "c-1", "user_id": "u"}
    clear_request_context()
    assert get_request_context() == {"correlation_id": "c-1"}


def test_outside_a_request_set_replaces_and_clear_empties():
    """Without a request the context is all the program's."""
    set_request_context({"a": 1})
    set_request_context({"b": 2})
    assert get_request_context() == {"b": 2}
    clear_request_context()
    assert get_request_context() == {}


def test_outside_a_request_overlays_keep_their_keys_and_restore():
    """A field set inside a block of a script ends with the block."""
    with bound_context(a=1):
        set_request_context({"b": 2})
        assert get_request_context() == {"a": 1, "b": 2}
    assert get_request_context() == {}


def test_outside_a_request_parallel_tasks_never_mix():
    """Each task has its own holder, though all started from the same context."""
    async def task(number: int, gate: asyncio.Barrier) -> dict:
        update_request_context(number=number)
        await gate.wait()
        update_request_context(**{f"own_{number}": True})
        await gate.wait()
        return get_request_context()

    async def main() -> list[dict]:
        update_request_context(shared=1)
        gate = asyncio.Barrier(8)
        return await asyncio.gather(*(task(number, gate) for number in range(8)))

    assert asyncio.run(main()) == [
        {"shared": 1, "number": number, f"own_{number}": True} for number in range(8)
    ]


@pytest.mark.usefixtures("request_opened")
def test_no_concurrent_write_is_lost():
    """Two threads that bind at once both arrive, in the request and in every overlay."""
    start = threading.Barrier(8)

    def write(number: int) -> None:
        start.wait()
        for i in range(50):
            update_request_context(**{f"f_{number}_{i}": i})

    with bound_context(own=1):
        threads = [
            threading.Thread(target=contextvars.copy_context().run, args=(write, number))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(get_request_context()) == 8 * 50 + 2
    assert len(get_request_context()) == 8 * 50 + 1


def test_closed_in_another_context_restores_there_and_does_not_raise():
    """A generator may be finalised in another Context than it was started in."""
    opened = open_request({"correlation_id": "c-1"})
    copied = contextvars.copy_context()
    assert copied.run(opened.undo) is False
    assert copied.run(get_request_context) == {}
    assert get_request_context() == {"correlation_id": "c-1"}
    close_request(opened)
    assert get_request_context() == {}


def test_closing_elsewhere_leaves_a_foreign_context_alone():
    """Whoever else is in that Context keeps what it has."""
    opened = open_request({"correlation_id": "c-1"})
    foreign = contextvars.Context()
    foreign.run(update_request_context, other=1)
    foreign.run(opened.undo)
    assert foreign.run(get_request_context) == {"other": 1}
    close_request(opened)


_names = st.sampled_from(["a", "b", "session_id", "agent_phase"])
_fields = st.dictionaries(_names, st.one_of(st.text(), st.integers(), st.booleans(), st.none()))


@given(outer=_fields, layers=st.lists(_fields, max_size=4))
def test_bound_context_restores_exactly(outer, layers):
    """Whatever is bound in whatever nesting, each level finds its holder again."""
    def nest(rest: list[dict]) -> None:
        if rest:
            before = context.request_context.get()
            with bound_context(**rest[0]):
                nest(rest[1:])
            assert context.request_context.get() is before

    update_request_context(**outer)
    nest(layers)


def test_restores_when_the_block_raises():
    """An exception does not leave the overlay behind."""
    with pytest.raises(ValueError, match="x"), bound_context(a=1):
        raise ValueError("x")
    assert get_request_context() == {}


@pytest.mark.usefixtures("request_opened")
def test_agent_phase_records_the_transition():
    """From, to and the time in the phase left, at the caller's line, without a first phase too."""
    with recorded() as log:
        set_agent_phase("define_blast_radius")
        set_agent_phase("establish_timeline", reason="enough known")
    first, second = log.of("faultmaven.agent")
    assert first.extras == {
        "event": "faultmaven.agent.phase_transition", "agent_phase_to": "define_blast_radius",
    }
    duration = second.extras.pop("duration_ms")
    assert duration >= 0
    assert {k: v for k, v in second.extras.items() if k != "duration_ms"} == {
        "event": "faultmaven.agent.phase_transition",
        "agent_phase_from": "define_blast_radius",
        "agent_phase_to": "establish_timeline",
        "reason": "enough known",
    }
    assert second.context["agent_phase"] == "establish_timeline"
    assert second.funcName == "test_agent_phase_records_the_transition"


def test_time_in_phase_survives_other_writes(monkeypatch):
    """Setting another field does not restart the phase's clock."""
    now = iter([10.0, 13.5, 13.5])
    monkeypatch.setattr(context.time, "monotonic", lambda: next(now))
    with recorded() as log:
        update_request_context(agent_phase="one")
        update_request_context(other=1)
        set_agent_phase("two")
    assert log.the("faultmaven.agent").duration_ms == 3500


def test_extras_that_plain_logging_refuses_are_moved():
    """A field named like a LogRecord attribute does not raise out of plain stdlib logging."""
    with recorded() as log:
        set_agent_phase("one", name="x", args=1, kept=2)
    seen = log.the("faultmaven.agent")
    assert (seen.extras["extra"], seen.kept) == ({"name": "x", "args": 1}, 2)
    assert seen.levelno == logging.INFO
