"""What ``fm-otel doctor`` looks at before any program runs: launch, settings, packages."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fm_otel.settings import Settings
from fm_otel.sinks.endpoint import OtlpEndpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME: Final = "fm_otel"
PROBLEM: Final = "problem"
NOTE: Final = "note"

_SELECTORS: Final = {
    "distro": ("opentelemetry_distro", "OTEL_PYTHON_DISTRO"),
    "configurator": ("opentelemetry_configurator", "OTEL_PYTHON_CONFIGURATOR"),
}
_INSTRUMENTED: Final = {
    "fastapi": ("fastapi", "fastapi"),
    "flask": ("flask", "flask"),
    "django": ("django", "django"),
    "celery": ("celery", "celery"),
    "httpx": ("httpx", "httpx"),
    "aiohttp": ("aiohttp-client", None),
    "redis": ("redis", None),
    "psycopg": ("psycopg", None),
    "sqlalchemy": ("sqlalchemy", None),
    "asyncpg": ("asyncpg", None),
    "pymongo": ("pymongo", None),
    "kafka": ("kafka-python", None),
    "pika": ("pika", None),
}
"""Import name of a framework or client: its instrumentor's suffix and our extra, if we have one.

``requests`` and ``grpc`` are not among them: the OTLP exporters bring them everywhere.
"""

_DOUBLING: Final = (
    "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION",
    "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED",
)
_TRUE: Final = frozenset({"true", "1", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know; a ``problem`` makes the exit code 1, a ``note`` does not."""

    weight: str
    text: str


@dataclass(frozen=True, slots=True)
class Winner:
    """Which entry point a zero-code launch picks, why, and who else is there."""

    kind: str
    name: str
    reason: str
    others: tuple[str, ...]


def winners(environ: Mapping[str, str]) -> list[Winner]:
    """Return the distro and the configurator that ``opentelemetry-instrument`` picks."""
    return [_winner(kind, group, environ.get(variable), variable)
            for kind, (group, variable) in _SELECTORS.items()]


def launch(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Judge the winners."""
    for winner in winners(environ):
        _, variable = _SELECTORS[winner.kind]
        if winner.name != NAME:
            yield Finding(PROBLEM, f"the {winner.kind} is {winner.name or 'none'} "
                          f"({winner.reason}), not ours: set {variable}={NAME}, "
                          "or start with fm-otel run")
        elif winner.others and variable not in environ:
            yield Finding(NOTE, f"also installed as {winner.kind}: {', '.join(winner.others)}; "
                          f"set {variable}={NAME} so that the order of installation "
                          "does not decide")


def settings(environ: Mapping[str, str]) -> tuple[Settings, list[Finding]]:
    """Return the settings in force and what is wrong with the variables."""
    complaints: list[str] = []
    found = Settings.from_environ(environ, complaints.append)
    findings = [Finding(PROBLEM, text) for text in complaints]
    findings += _unknown(environ, found)
    findings += _doubling(environ)
    if not found.redact:
        findings.append(Finding(PROBLEM, "redaction is off (FM_OTEL_REDACT): secrets leave"))
    if found.pseudonym_key is None:
        findings.append(Finding(NOTE, "user ids leave as they are: no FM_OTEL_PSEUDONYM_KEY"))
    if found.config_file:
        findings.append(Finding(NOTE, f"the log section of {found.config_file} "
                                "(OTEL_CONFIG_FILE) is not read"))
    return found, findings


def files(found: Settings) -> Iterator[Finding]:
    """Judge the files the settings name, without creating anything."""
    for variable, name in (("LOG_FILE", found.file), ("FM_OTEL_AUDIT_FILE", found.audit_file)):
        if name and not _writable(Path(name)):
            yield Finding(PROBLEM, f"{variable}: {name} cannot be written")
    if found.redact_rules and not os.access(found.redact_rules, os.R_OK):
        yield Finding(PROBLEM, f"FM_OTEL_REDACT_RULES: {found.redact_rules} cannot be read")


def endpoint(found: Settings) -> tuple[OtlpEndpoint | None, list[Finding]]:
    """Return where logs go by OTLP, and what is wrong with it."""
    complaints: list[str] = []
    target = OtlpEndpoint.from_environ(
        found.environ, complaints.append, asked_for=found.names_otlp)
    findings = [Finding(PROBLEM, text) for text in complaints]
    if target is None or not found.wants_otlp:
        findings.append(Finding(NOTE, "no OTLP: console and file only"))
        return None, findings
    certificates = (target.certificate, target.client_certificate, target.client_key)
    findings += [Finding(PROBLEM, f"certificate file {name} cannot be read")
                 for name in certificates if name and not os.access(name, os.R_OK)]
    return target, findings


def packages() -> Iterator[Finding]:
    """Name frameworks and clients that are installed without the package that traces them."""
    for module, (suffix, extra) in _INSTRUMENTED.items():
        wanted = f"opentelemetry-instrumentation-{suffix}"
        if find_spec(module) is not None and not _installed(wanted):
            command = f"fm-otel[{extra}]" if extra else wanted
            yield Finding(NOTE, f"{module} is installed without its instrumentor, so it makes "
                          f"no spans: pip install '{command}'")


def _winner(kind: str, group: str, chosen: str | None, variable: str) -> Winner:
    names = [entry.name for entry in metadata.entry_points(group=group)]
    if chosen:
        name = chosen if chosen in names else ""
        reason = f"{variable}={chosen}" + ("" if name else ", which is not installed")
    else:
        name = names[0] if names else ""
        reason = "the only one" if len(names) == 1 else "first of those installed"
    return Winner(kind, name, reason, tuple(other for other in names if other != name))


def _unknown(environ: Mapping[str, str], found: Settings) -> Iterator[Finding]:
    known = [variable for variable, _, _ in found.describe()]
    for variable in environ:
        if variable.startswith("FM_OTEL_") and variable not in known:
            near = difflib.get_close_matches(variable, known, 1)
            hint = f"; {near[0]} is meant?" if near else ""
            yield Finding(PROBLEM, f"{variable} is no setting{hint}")


def _doubling(environ: Mapping[str, str]) -> Iterator[Finding]:
    for variable in _DOUBLING:
        if environ.get(variable, "").lower() in _TRUE:
            yield Finding(PROBLEM, f"{variable} starts a second bridge beside ours")
    if environ.get("FASTAPI_OTEL_AUTO_CONFIGURE", "").lower() in _TRUE:
        yield Finding(PROBLEM, "FASTAPI_OTEL_AUTO_CONFIGURE adds a second exporter beside ours")


def _writable(path: Path) -> bool:
    if path.exists():
        return not path.is_dir() and os.access(path, os.W_OK)
    parent = next((p for p in path.absolute().parents if p.exists()), None)
    return parent is not None and parent.is_dir() and os.access(parent, os.W_OK)


def _installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
