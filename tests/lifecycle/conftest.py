"""Fixtures of the lifecycle tests: programs under launch, a receiver, a marker."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from otlp_receiver import OtlpReceiver  # noqa: E402 - found by the path above

from .rig import Bench  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of tests whose application is not ASGI."""
    config.addinivalue_line("markers", "wsgi: the shop is a WSGI application")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Start programs; whatever still runs at the end of the test is killed."""
    bench = Bench(tmp_path)
    yield bench
    bench.close()


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """Listen for OTLP on loopback."""
    with OtlpReceiver() as listening:
        yield listening
