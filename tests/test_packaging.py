"""The package as installed: what a user's pip put there."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distribution, entry_points
from importlib.resources import files

import pytest

GROUPS = {
    "opentelemetry_distro": "fm_otel.distro:FaultMavenDistro",
    "opentelemetry_configurator": "fm_otel.distro:FaultMavenConfigurator",
    "opentelemetry_pre_instrument": "fm_otel.distro:pre_instrument",
    "opentelemetry_resource_detector": "fm_otel.resource:FaultMavenResourceDetector",
    "opentelemetry_propagator": "fm_otel.propagator:RequestContextPropagator",
    "pytest11": "fm_otel.testing",
}


@pytest.mark.parametrize(("group", "value"), GROUPS.items())
def test_entry_point_has_the_unique_name(group: str, value: str) -> None:
    """Each group knows us as ``fm_otel`` and nothing else."""
    ours = [point for point in entry_points(group=group) if point.value == value]
    assert [point.name for point in ours] == ["fm_otel"]


def test_schema_and_type_marker_are_package_data() -> None:
    """The published schema and ``py.typed`` travel with the wheel."""
    schema = json.loads((files("fm_otel") / "schema.json").read_text())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (files("fm_otel") / "py.typed").is_file()


def test_extras_are_declared() -> None:
    """Each documented extra exists."""
    extras = set(distribution("fm-otel").metadata.get_all("Provides-Extra") or [])
    assert {"demo", "test", "fastapi", "flask", "django", "celery", "httpx"} <= extras


def test_command_is_installed() -> None:
    """``fm-otel`` runs as a program and as a module."""
    done = subprocess.run(
        [sys.executable, "-m", "fm_otel.cli", "--help"], capture_output=True, text=True,
        timeout=60,
    )
    assert done.returncode == 0
    for command in ("run", "demo", "doctor", "validate", "schema", "tail", "redact"):
        assert command in done.stdout
