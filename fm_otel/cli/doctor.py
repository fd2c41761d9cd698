"""``fm-otel doctor``: what is in force here, where it comes from, and what is wrong with it."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, field
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any, Final

from fm_otel.cli import checks
from fm_otel.cli.checks import PROBLEM, Finding
from fm_otel.cli.terminal import FINDING, OK, Style, say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from fm_otel.cli.probe import Probe
    from fm_otel.sinks.endpoint import OtlpEndpoint

_VERSIONS: Final = ("fm-otel", "opentelemetry-sdk", "opentelemetry-instrumentation")

_STREAM: Final = "FM_OTEL_CONSOLE_STREAM"


@dataclass(slots=True)
class Report:
    """Everything the doctor says."""

    versions: dict[str, str]
    winners: list[checks.Winner]
    settings: list[tuple[str, str, str]]
    endpoint: OtlpEndpoint | None
    findings: list[Finding] = field(default_factory=list)
    probe: Probe | None = None

    @property
    def problems(self) -> list[Finding]:
        """The findings that make the exit code 1."""
        return [finding for finding in self.findings if finding.weight == PROBLEM]


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "doctor",
        help="show what is in force and what is wrong",
        description="Show which distro and configurator a launch picks, every setting with its "
        "source, where records go, and what keeps records from reaching us. "
        "Run it in the environment of the program. Exit code 1 when there is a problem.",
        epilog="example: fm-otel doctor --import myapp.main --send",
    )
    parser.add_argument("--import", dest="module", metavar="MODULE",
                        help="import this module and look at its loggers too")
    parser.add_argument("--send", action="store_true",
                        help="send one marked record by OTLP and report answer and latency")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Examine and report."""
    report = examine(os.environ, module=args.module, send=args.send)
    if args.json:
        say(json.dumps(_as_object(report), indent=2))
    else:
        _print(report, Style.of(sys.stdout))
    return FINDING if report.problems else OK


def examine(environ: Mapping[str, str], *, module: str | None, send: bool) -> Report:
    """Look at everything that was asked for."""
    settings, findings = checks.settings(environ)
    endpoint, about_endpoint = checks.endpoint(settings)
    report = Report(_versions(), checks.winners(environ), settings.describe(), endpoint)
    report.findings += [*checks.launch(environ), *findings, *checks.files(settings),
                        *about_endpoint, *checks.packages()]
    if module is not None:
        report.findings += _imported(module, settings.console)
    if send:
        _send(report, settings)
    return report


def _imported(module: str, console: str) -> list[Finding]:
    """Import the program from its own folder; what it prints meanwhile goes to stderr."""
    from fm_otel.cli import loggers

    try:
        with _own_folder_first(), redirect_stdout(sys.stderr):
            import_module(module)
    except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything
        return [Finding(PROBLEM, f"{module} cannot be imported: {type(error).__qualname__}")]
    return list(loggers.inspect(console))


@contextmanager
def _own_folder_first() -> Iterator[None]:
    """Let a program find its own modules, and an engine it starts keep off stdout."""
    path, stream = list(sys.path), os.environ.get(_STREAM)
    sys.path.insert(0, "")
    os.environ[_STREAM] = "stderr"
    try:
        yield
    finally:
        sys.path[:] = path
        os.environ.pop(_STREAM)
        if stream is not None:
            os.environ[_STREAM] = stream


def _send(report: Report, settings: Any) -> None:
    from fm_otel.cli import probe

    if report.endpoint is None:
        report.findings.append(Finding(PROBLEM, "nothing sent: no OTLP endpoint is set "
                                       "(OTEL_EXPORTER_OTLP_ENDPOINT)"))
        return
    report.probe = probe.send(report.endpoint, settings)
    if not report.probe.delivered:
        report.findings.append(Finding(PROBLEM, f"{report.endpoint.shown} did not take the "
                                       f"test record: {report.probe.answer}"))


def _versions() -> dict[str, str]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    return {"python": python} | {name: metadata.version(name) for name in _VERSIONS}


def _as_object(report: Report) -> dict[str, object]:
    return {
        "versions": report.versions,
        "winners": [asdict(winner) for winner in report.winners],
        "settings": [{"variable": variable, "value": value, "source": source}
                     for variable, value, source in report.settings],
        "otlp": _target(report.endpoint),
        "findings": [asdict(finding) for finding in report.findings],
        "send": asdict(report.probe) if report.probe else None,
        "ok": not report.problems,
    }


def _target(endpoint: OtlpEndpoint | None) -> dict[str, object] | None:
    """Describe the endpoint; of the headers only the names are shown."""
    if endpoint is None:
        return None
    return {
        "target": endpoint.shown,
        "protocol": endpoint.protocol,
        "tls": not endpoint.insecure,
        "compression": endpoint.compression,
        "timeout_s": endpoint.timeout,
        "proxy": f"{endpoint.proxy.host}:{endpoint.proxy.port}" if endpoint.proxy else "none",
        "headers": [name for name, _ in endpoint.headers],
    }


def _print(report: Report, style: Style) -> None:
    say(style("versions", "bold"))
    say("  " + ", ".join(f"{name} {version}" for name, version in report.versions.items()))
    say(style("launch", "bold"))
    for winner in report.winners:
        say(f"  {winner.kind:<13} {winner.name or 'none'} ({winner.reason})")
    say(style("settings", "bold"))
    _print_settings(report, style)
    say(style("OTLP", "bold"))
    target = _target(report.endpoint) or {"target": "none"}
    say("  " + ", ".join(f"{name} {_shown(value)}" for name, value in target.items()))
    if report.probe:
        say(f"  test record {report.probe.mark}: {report.probe.answer} "
            f"after {report.probe.latency_ms} ms")
    say(style("findings", "bold"))
    _print_findings(report, style)


def _print_settings(report: Report, style: Style) -> None:
    width = max(len(variable) for variable, _, _ in report.settings)
    for variable, value, source in report.settings:
        changed = source != "default"
        row = f"  {variable:<{width}}  {value or '-'}"
        say(f"{style(row, 'bold') if changed else row}  {style(source, 'dim')}")


def _print_findings(report: Report, style: Style) -> None:
    for finding in sorted(report.findings, key=lambda finding: finding.weight != PROBLEM):
        colour = "red" if finding.weight == PROBLEM else "yellow"
        say(f"  {style(f'{finding.weight:<8}', colour)} {finding.text}")
    if not report.problems:
        say(f"  {style('no problems', 'green')}")


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " ".join(value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
