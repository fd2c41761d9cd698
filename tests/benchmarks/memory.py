"""Bytes and objects the collector must walk, per queued record."""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from configurations import (
    CONFIGURATIONS,
    JSON_OFF,
    OTLP_OFF,
    REFERENCE,
    UPSTREAM,
    Place,
    recording_span,
)
from table import Table

RECORDS = 1500
"""Fewer than the smallest queue of those compared holds."""


def _hold(name: str) -> None:
    """Keep whoever drains the queue from doing so."""
    if name == UPSTREAM:
        for variable in ("MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE"):
            os.environ[f"OTEL_BLRP_{variable}"] = "4096"
        os.environ["OTEL_BLRP_SCHEDULE_DELAY"] = "3600000"
        return
    from fm_otel.pipeline.worker import Pipeline

    Pipeline._wake = lambda *_: None  # type: ignore[method-assign]


def main() -> None:
    """Fill the queue of one configuration and tell what it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configuration")
    asked = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _hold(asked.configuration)
    running = CONFIGURATIONS[asked.configuration](Place("http://127.0.0.1:9/v1/logs"))
    call = running.calls[REFERENCE]
    with recording_span(), running.around():
        for number in range(100):
            call(number)
        gc.collect()
        gc.disable()
        tracemalloc.start()
        objects, size = len(gc.get_objects()), tracemalloc.get_traced_memory()[0]
        for number in range(1000, 1000 + RECORDS):
            call(number)
        size = tracemalloc.get_traced_memory()[0] - size
        gc.collect()
        objects = len(gc.get_objects()) - objects
    told = {"bytes": size / RECORDS, "objects": objects / RECORDS}
    print(json.dumps(told), file=answers, flush=True)
    os._exit(0)


def _told(name: str) -> Any:
    done = subprocess.run(
        [sys.executable, str(Path(__file__)), name],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, timeout=120,
    )
    return json.loads(done.stdout)


def run(
    place: Place, progress: Callable[[str], None], *, core: int, quick: bool,
) -> tuple[list[Table], object]:
    """Return the table of the section and its figures."""
    del place, core, quick  # a count, the same wherever it is taken
    table = Table(f"memory: {RECORDS:,} queued records", ("bytes/record", "GC objects/record"))
    figures = {}
    for name in (UPSTREAM, JSON_OFF, OTLP_OFF):
        progress(name)
        figures[name] = told = _told(name)
        table.row(name, f"{told['bytes']:,.0f}", f"{told['objects']:.1f}")
    return [table], figures


if __name__ == "__main__":
    main()
