"""Fixtures of every test: a clean context, and an engine whose lines can be read."""

from __future__ import annotations

import json
import logging
import signal
from typing import TYPE_CHECKING, Any

import pytest

from fm_otel.context import EMPTY, request_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


# A shell's background jobs ignore the one, those of nohup the other, and so would every program
# the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def clean_context() -> Iterator[None]:
    """Start each test outside every request."""
    token = request_context.set(EMPTY)
    yield
    request_context.reset(token)


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """Give the root logger and put its level and handlers back."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield root
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def engine(root_logger: logging.Logger) -> Iterator[Callable[..., Callable[[], list[dict[str, Any]]]]]:
    """Start an engine with given settings; the answer reads the records so far, schema-checked."""
    from fm_otel.configurator import memory_engine
    from fm_otel.schema import check

    started: list[Any] = []

    def start(**overrides: Any) -> Callable[[], list[dict[str, Any]]]:
        manager = memory_engine(**overrides)
        memory = manager.__enter__()
        started.append(manager)

        def read() -> list[dict[str, Any]]:
            records = [json.loads(line) for line in memory.lines()]
            assert [check(record) for record in records] == [[] for _ in records]
            return [r for r in records if r["logger"] != "faultmaven.process"]

        return read

    yield start
    while started:
        started.pop().__exit__(None, None, None)
