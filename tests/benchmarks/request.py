"""CPU that logging adds to a request: a FastAPI application, driven in-process over ASGI.

Each configuration is a process that makes blocks of requests when asked, with its records or with
every call disabled by level; the difference of neighbouring blocks is what logging costs. What our
middleware does, its request record included, is in both.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import process_time_ns
from typing import Any

from configurations import (
    CONFIGURATIONS,
    CONTEXT,
    FILE_OFF,
    FLOOR,
    JSON_OFF,
    JSON_ON,
    OTLP_OFF,
    OTLP_ON,
    PJL,
    REFERENCE,
    UPSTREAM,
    Place,
    Running,
)
from figures import interval
from subject import pin
from table import Table

PER_BLOCK, PER_REQUEST = 60, 5
BUDGET_US = 5000
"""CPU of the handler that impact is a share of."""
SPREAD = 0.03
AGAIN = f"{FLOOR} (A/A: off against off)"


class _Application:
    """The application under test; ``variant`` says which call its handler makes."""

    def __init__(self, running: Running, *, ours: bool) -> None:
        from fastapi import FastAPI
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import (
            SimpleSpanProcessor,
            SpanExporter,
            SpanExportResult,
        )

        class Nowhere(SpanExporter):
            def export(self, spans: Any) -> SpanExportResult:
                return SpanExportResult.SUCCESS

        self.variant = "disabled"
        app = FastAPI()

        @app.get("/cases/{case}")
        async def handler(case: str) -> dict[str, str]:
            if ours:
                import fm_otel

                fm_otel.set_request_context(CONTEXT)
            call = running.calls[self.variant]
            for number in range(PER_REQUEST):
                call(number)
            return {"case": case}

        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(Nowhere()))
        FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)
        self._app = app

    async def request(self) -> None:
        """Serve one request."""
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
            "scheme": "http", "path": "/cases/7", "raw_path": b"/cases/7", "query_string": b"",
            "root_path": "", "headers": [(b"host", b"bench")], "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            pass

        await self._app(scope, receive, send)


async def _block(app: _Application, running: Running, variant: str) -> float:
    """Return the CPU microseconds of one request, flush included."""
    app.variant = variant
    running.flush()
    before = process_time_ns()
    for _ in range(PER_BLOCK):
        # A task of its own, as a server has it: a fresh context for each request.
        await asyncio.create_task(app.request())
    running.flush()
    return (process_time_ns() - before) / PER_BLOCK / 1000


async def _serve(app: _Application, running: Running, answers: Any) -> None:
    for variant in (REFERENCE, "disabled") * 2:
        await _block(app, running, variant)
    gc.collect()
    gc.freeze()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        print(await _block(app, running, line.rstrip("\n")), file=answers, flush=True)


def main() -> None:
    """Serve blocks of one configuration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configuration")
    parser.add_argument("--endpoint", default="")
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--core", type=int, default=-1)
    asked = parser.parse_args()
    pin(asked.core)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    running = CONFIGURATIONS[asked.configuration](Place(asked.endpoint, asked.folder))
    app = _Application(running, ours=asked.configuration.startswith("fm_otel"))
    asyncio.run(_serve(app, running, answers))
    os._exit(0)


class _Server:
    def __init__(self, name: str, place: Place, core: int) -> None:
        self._name = name
        self._process = subprocess.Popen(
            [
                sys.executable, str(Path(__file__)), name, "--endpoint", place.endpoint,
                "--folder", str(place.folder), "--core", str(core),
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        self._line()

    def block(self, variant: str) -> float:
        assert self._process.stdin is not None
        print(variant, file=self._process.stdin, flush=True)
        return float(self._line())

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} ended early")
        return line


def _measure(
    place: Place, core: int, blocks: int, progress: Callable[[str], None],
) -> tuple[dict[str, list[float]], list[float]]:
    """Return what logging added per request, by configuration and block, and the baseline."""
    names = (AGAIN, FLOOR, PJL, UPSTREAM, JSON_OFF, JSON_ON, FILE_OFF, OTLP_OFF, OTLP_ON)
    added: dict[str, list[float]] = {name: [] for name in names}
    baseline = []
    chance = random.Random(11)
    with ExitStack() as stack:
        servers = {}
        for name in names:
            progress(f"start {name}")
            servers[name] = server = _Server(FLOOR if name == AGAIN else name, place, core)
            stack.callback(server.end)
        order = list(names)
        for number in range(blocks):
            progress(f"block {number + 1}/{blocks}")
            if number % 2 == 0:
                chance.shuffle(order)
            else:
                order.reverse()
            for name in order:
                with_records = "disabled" if name == AGAIN else REFERENCE
                pair = ["disabled", with_records]
                # The block that comes second finds warmer caches: each is second half the time.
                turned = number % 4 in (1, 2)
                order_of_pair = pair[::-1] if turned else pair
                first, second = (servers[name].block(each) for each in order_of_pair)
                off, on = (second, first) if turned else (first, second)
                added[name].append(on - off)
                baseline.append(off)
    return added, baseline


def run(
    place: Place, progress: Callable[[str], None], *, core: int, quick: bool,
) -> tuple[list[Table], object]:
    """Return the table of the section and its figures."""
    blocks = 16 if quick else 80
    added, baseline = _measure(place, core, blocks, progress)
    base = sum(baseline) / len(baseline)
    table = Table(
        f"request: CPU added by {PER_REQUEST} records of 6 extras, {blocks} paired blocks of "
        f"{PER_BLOCK} requests",
        ("added us", "95 % interval", "impact at 5 ms"),
    )
    spread = 0.0
    for name, values in added.items():
        mean, low, high = interval(values)
        table.row(name, f"{mean:,.1f}", f"[{low:,.1f}, {high:,.1f}]", f"{mean / BUDGET_US:.2%}")
        if name == AGAIN:
            spread = max(abs(low), abs(high)) / base
    table.note = (
        f"a request with every call disabled: {base:,.0f} us CPU; A/A reaches {spread:.1%} of it"
    )
    if spread > SPREAD:
        table.note += (
            f"\nA/A is beyond {SPREAD:.0%}: this machine is too noisy now, no figure here is to "
            "be quoted"
        )
    return [table], {"added": added, "baseline": baseline}


if __name__ == "__main__":
    main()
