"""``fm-otel demo``: see it work, without server, container or configuration."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from fm_otel.cli.readable import Readable
from fm_otel.cli.terminal import FINDING, OK, Style, UsageError, is_terminal, warn

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from fm_otel.demo.scenario import Step
    from fm_otel.demo.summary import Promise, Summary

_NEEDED: Final = ("fastapi", "uvicorn", "httpx")
_COST_SECONDS: Final = 60


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "demo",
        help="run a small API under load and show its records",
        description="Start a small FaultMaven API under zero-code launch, drive it over HTTP "
        "through sessions, cases, all agent phases and every usual failure, show its records and "
        "sum them up. Exit code 1 when a promise is broken.",
        epilog="needs: pip install 'fm-otel[demo]'",
    )
    parser.add_argument("--json", action="store_true",
                        help="only JSON lines on stdout, the summary on stderr")
    parser.add_argument("--quiet", action="store_true", help="only the summary")
    parser.add_argument("--collector", metavar="URL",
                        help="send the records by OTLP too, for example http://localhost:4318")
    parser.add_argument("--serve", action="store_true",
                        help="only serve, for ever; settings come from the environment")
    parser.add_argument("--host", default="127.0.0.1", help="with --serve (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000,
                        help="with --serve (default: %(default)s)")
    parser.add_argument("--load", metavar="URL", help="only drive a running demo API, for ever")
    parser.add_argument("--rate", type=_rate, default=5.0, metavar="R",
                        help="with --load: requests per second (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Run the demo, or one half of it."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        msg = f"{', '.join(missing)} not installed; pip install 'fm-otel[demo]'"
        raise UsageError(msg)
    if args.serve:
        return _serve(args)
    if args.load:
        return _load(args)
    return _show(args)


def _serve(args: argparse.Namespace) -> int:
    from fm_otel.demo.server import LAUNCH, command

    sys.stdout.flush()
    os.execv(LAUNCH[0], [*LAUNCH, *command(args.host, args.port)])  # noqa: S606 - our own command


def _load(args: argparse.Namespace) -> int:
    import httpx

    from fm_otel.demo.load import Load

    async def drive() -> None:
        async with httpx.AsyncClient(base_url=args.load, timeout=30) as client:
            await Load(client, args.rate, warn).run()

    try:
        asyncio.run(drive())
    except httpx.InvalidURL as error:
        msg = f"--load {args.load}: {error}"
        raise UsageError(msg) from None
    return OK


def _show(args: argparse.Namespace) -> int:
    from fm_otel.demo.server import NotStartedError

    began = time.monotonic()
    lines: list[str] = []
    try:
        steps, planted, code = _drive(args, lines)
    except NotStartedError as error:
        warn(f"fm-otel demo: {error}")
        return FINDING
    out = sys.stderr if args.json else sys.stdout
    summary = _summed_up(lines)
    leaked = sum(any(secret in line for line in lines) for secret in planted)
    promises = summary.promises(steps, leaked, len(planted))
    promises.append(_ended_well(code))
    _print(out, summary, promises, time.monotonic() - began)
    _explain(out, summary, steps)
    _print_cost(out)
    return OK if all(promise.kept for promise in promises) else FINDING


def _drive(args: argparse.Namespace, lines: list[str]) -> tuple[list[Step], list[str], int]:
    import httpx

    from fm_otel.demo.scenario import Scenario
    from fm_otel.demo.server import Server, environment

    async def scenario(url: str) -> Scenario:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            driver = Scenario(client)
            await driver.run()
            return driver

    with Server(environment(args.collector), _receiver(args, lines)) as server:
        driver = asyncio.run(scenario(server.url))
        return driver.steps, driver.planted, server.stop()


def _receiver(args: argparse.Namespace, lines: list[str]) -> Callable[[bytes], None]:
    readable = Readable(Style.of(sys.stdout))
    raw = args.json or not is_terminal(sys.stdout)

    def receive(line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\n")
        lines.append(text)
        if not args.quiet:
            sys.stdout.write((text if raw else _pretty(readable, text)) + "\n")
            sys.stdout.flush()

    return receive


def _pretty(readable: Readable, text: str) -> str:
    try:
        line = json.loads(text)
    except ValueError:
        return readable.broken(text)
    return readable.text(line) if isinstance(line, dict) else readable.broken(text)


def _summed_up(lines: list[str]) -> Summary:
    from fm_otel.cli.secrets import SecretSearch
    from fm_otel.demo.summary import Summary

    summary, search = Summary(), SecretSearch()
    for line in lines:
        summary.add(line, search)
    return summary


def _ended_well(code: int) -> Promise:
    import signal

    from fm_otel.demo.summary import Promise

    # A server that was asked to end may say so by its exit code.
    fine = code in {0, -signal.SIGTERM, 128 + signal.SIGTERM}
    return Promise(fine, "server ended as asked" if fine else f"server's exit code: {code}")


def _print(out: TextIO, summary: Summary, promises: list[Promise], seconds: float) -> None:
    style = Style.of(out)
    requests = f"{summary.records} records of {summary.requests} requests in {seconds:.1f} s"
    out.write(f"\n{style('FaultMaven demo', 'bold')}: {requests}\n\n")
    out.writelines(f"  {style(f'{name:<12}', 'dim')} {text}\n"
                   for name, text in summary.figures())
    out.write("\n")
    for promise in promises:
        mark = style("ok    ", "green") if promise.kept else style("BROKEN", "alarm")
        out.write(f"  {mark} {promise.text}\n")


def _explain(out: TextIO, summary: Summary, steps: list[Step]) -> None:
    """Name what went wrong, so that a broken promise can be looked into."""
    for step in steps:
        if step.status != step.expected:
            out.write(f"         {step.name}: {step.status} instead of {step.expected}\n")
    out.writelines(f"         {reason}\n"
                   for reason in dict.fromkeys((*summary.broken, *summary.secrets)))


def _print_cost(out: TextIO) -> None:
    style = Style.of(out)
    cost = _cost()
    if cost is None:
        out.write(f"\n  {style('cost', 'dim')}: could not be measured\n")
        return
    out.write(
        f"\n  {style('cost per record', 'dim')}  p50 {cost['p50_us']:.1f} us for the caller "
        f"(p99 {cost['p99_us']:.1f}), {cost['cpu_us']:.1f} us CPU with the worker\n"
        f"  measured now on this machine: {cost['records']:.0f} calls of logger.info with three "
        "extras\n  in a request context, redacted, as JSON lines to a pipe\n"
    )


def _cost() -> dict[str, float] | None:
    """Measure in a process of its own: the demo server has other work to do."""
    from fm_otel.demo.server import LAUNCH, environment

    try:
        done = subprocess.run(
            [*LAUNCH, "-m", "fm_otel.demo.cost"], env=environment(None), check=True,
            capture_output=True, timeout=_COST_SECONDS, text=True,
        )
        measured: dict[str, float] = json.loads(done.stderr.splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return None
    return measured


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate <= 10_000:
        msg = f"{text} is not between 0 and 10000"
        raise argparse.ArgumentTypeError(msg)
    return rate
