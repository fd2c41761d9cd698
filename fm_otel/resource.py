"""The resource: who speaks. Service, environment, version, host, process, distribution.

Names follow the OpenTelemetry resource semantic conventions.
"""

from __future__ import annotations

import os
import secrets
import socket
import uuid
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import Resource, ResourceDetector

from fm_otel.record import Process
from fm_otel.redaction import RedactionError
from fm_otel.settings import resource_attributes

if TYPE_CHECKING:
    from fm_otel.redaction import Redactor
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


def resource_of(settings: Settings, redactor: Redactor | None = None) -> Resource:
    """Return the resource of this process for all signals, cleaned once for all its telemetry."""
    ours: dict[str, str | int] = {
        "service.name": settings.service,
        "service.version": settings.version,
        "deployment.environment.name": settings.environment,
        "process.pid": os.getpid(),
    }
    host = {"host.name": socket.gethostname()}
    detected = Resource(host).merge(Resource.create())
    whole = detected.merge(FaultMavenResourceDetector().detect()).merge(Resource(ours))
    return whole if redactor is None else _redacted(whole, redactor, ours)


def resource_of_child(settings: Settings, parent: Resource) -> Resource:
    """Return the resource of a forked child: a process and, unless named by the user, instance."""
    own: dict[str, str | int] = {"process.pid": os.getpid()}
    if "service.instance.id" not in resource_attributes(settings.environ):
        own["service.instance.id"] = str(uuid.uuid4())
    return parent.merge(Resource(own))


def _redacted(whole: Resource, redactor: Redactor, ours: dict[str, str | int]) -> Resource:
    """Return ``whole`` without secrets; without what could not be cleaned when that fails."""
    try:
        return Resource(redactor.mapping(dict(whole.attributes)), whole.schema_url)
    except RedactionError:
        return Resource(ours, whole.schema_url)


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
