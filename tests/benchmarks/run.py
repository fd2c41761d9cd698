"""What logging costs: fm_otel beside stdlib, python-json-logger, structlog, loguru, upstream.

Run ``python tests/benchmarks/run.py [--quick] [--json FILE] [section ...]``. Sections: records,
instructions, request, loop, storm, memory. Ratios within one run are the claim, absolute times
depend on the machine.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import sysconfig
import tempfile
from importlib.metadata import version
from pathlib import Path
from time import monotonic

from configurations import Place
from receiver import receiver

SECTIONS = ("records", "instructions", "request", "loop", "storm", "memory")
_PACKAGES = (
    "fm-otel", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-instrumentation-logging", "protobuf", "python-json-logger", "orjson",
    "structlog", "loguru", "fastapi", "uvloop",
)


def about() -> list[str]:
    """Return what a reader must know to compare these figures with others."""
    options = sysconfig.get_config_var("CONFIG_ARGS") or ""
    built = [text for text, flag in (("PGO", "--enable-optimizations"), ("LTO", "--with-lto"))
             if flag in options]
    return [
        f"{platform.python_implementation()} {platform.python_version()}, built with "
        f"{' and '.join(built) or 'neither PGO nor LTO'}; {platform.machine()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        ", ".join(f"{package} {version(package)}" for package in _PACKAGES),
        "reference record: template, one argument, six extras (one nested), recording span; "
        "ours carry five context fields more",
    ]


class Progress:
    """One line on a terminal's stderr that says what is going on."""

    def __init__(self, section: str) -> None:
        self._section = section
        self._start = monotonic()

    def __call__(self, text: str) -> None:
        """Show what comes now."""
        if sys.stderr.isatty():
            line = f"{self._section}  {monotonic() - self._start:4.0f} s  {text}"
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        """Take the line away."""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def main() -> None:
    """Run the sections asked for and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help=" ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a first look")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    asked = parser.parse_args()
    if unknown := set(asked.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    facts = about()
    print("\n".join(facts))
    figures: dict[str, object] = {"about": facts}
    core = (os.cpu_count() or 1) - 1
    with receiver(core=0) as endpoint, tempfile.TemporaryDirectory() as folder:
        for name in asked.sections or SECTIONS:
            progress = Progress(name)
            section = importlib.import_module(name)
            tables, figures[name] = section.run(
                Place(endpoint, Path(folder)), progress, core=core, quick=asked.quick,
            )
            progress.done()
            print(*("", *tables), sep="\n\n", flush=True)
    if asked.json is not None:
        asked.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
