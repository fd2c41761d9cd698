"""What importing costs and touches."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("opentelemetry.sdk", "grpc", "google.protobuf", "fm_otel.configurator")


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60,
    )
    return set(done.stdout.split())


def test_request_door_is_light() -> None:
    """``import fm_otel`` loads neither SDK, gRPC, protobuf nor the startup side."""
    assert not loaded_after("import fm_otel") & set(HEAVY)


def test_formatter_needs_no_sdk() -> None:
    """``FaultMavenFormatter`` is the schema without the engine."""
    loaded = loaded_after("import fm_otel; fm_otel.FaultMavenFormatter()")
    assert not loaded & {"opentelemetry.sdk", "grpc", "google.protobuf"}


def test_console_only_start_loads_no_grpc() -> None:
    """Without a gRPC endpoint gRPC is not imported: it would meddle with forks."""
    assert "grpc" not in loaded_after("import fm_otel; fm_otel.configure(format='json')")


def test_importing_touches_no_logger() -> None:
    """Nothing happens to stdlib logging until the engine starts."""
    code = (
        "import logging; before = (logging.Logger.callHandlers, logging.root.level,"
        " list(logging.root.handlers)); import fm_otel, fm_otel.configurator, fm_otel.distro;"
        " assert before == (logging.Logger.callHandlers, logging.root.level,"
        " list(logging.root.handlers))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
