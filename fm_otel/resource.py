"""The resource: who speaks. Service, environment, version, host, process, distribution.

Names follow the OpenTelemetry resource semantic conventions.
"""

from __future__ import annotations

import os
import secrets
import socket
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import Resource, ResourceDetector

from fm_otel.record import Process

if TYPE_CHECKING:
    from fm_otel.settings import Settings


def package_version() -> str:
    """Return the version of this distribution."""
    try:
        return version("fm-otel")
    except PackageNotFoundError:
        return "0"


class FaultMavenResourceDetector(ResourceDetector):
    """Tells which distribution produced the telemetry."""

    def detect(self) -> Resource:
        """Return ``telemetry.distro.name`` and ``telemetry.distro.version``."""
        return Resource({
            "telemetry.distro.name": "fm_otel",
            "telemetry.distro.version": package_version(),
        })


def resource_of(settings: Settings) -> Resource:
    """Return the resource of this process for all signals."""
    ours: dict[str, str | int] = {
        "service.name": settings.service,
        "service.version": settings.version,
        "deployment.environment.name": settings.environment,
        "process.pid": os.getpid(),
    }
    host = {"host.name": socket.gethostname()}
    detected = Resource(host).merge(Resource.create())
    return detected.merge(FaultMavenResourceDetector().detect()).merge(Resource(ours))


def process_of(settings: Settings, resource: Resource) -> Process:
    """Return what every record of this process has in common."""
    attributes = resource.attributes
    return Process(
        service=settings.service,
        environment=settings.environment,
        version=settings.version,
        hostname=str(attributes.get("host.name") or socket.gethostname()),
        pid=os.getpid(),
        record_prefix=f"{secrets.token_hex(8)}-",
        resource=dict(attributes),
        schema_url=resource.schema_url,
    )
