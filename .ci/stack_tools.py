"""The programs of the local stack: taken from PATH, or built with Go and kept by content."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = ROOT / "collector" / "tools"
FLAGS: Final = ("-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags=-s -w")


class MissingToolError(RuntimeError):
    """A program is neither on PATH nor can it be built here."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One program: the folder that pins it, its Go package, what a first build takes."""

    folder: str
    package: str
    minutes: float
    on_path: tuple[str, ...]
    tags: str = ""


TOOLS: Final = {
    "otelcol": Tool("collector", "", 3, ("otelcol-contrib",)),
    "jaeger": Tool(
        "jaeger", "github.com/jaegertracing/jaeger/cmd/jaeger", 8, ("jaeger",)
    ),
    "prometheus": Tool(
        "prometheus", "github.com/prometheus/prometheus/cmd/prometheus", 4, ("prometheus",),
        "remove_all_sd,netgo",
    ),
    "promtool": Tool(
        "prometheus", "github.com/prometheus/prometheus/cmd/promtool", 1, ("promtool",),
        "remove_all_sd,netgo",
    ),
    "amtool": Tool(
        "amtool", "github.com/prometheus/alertmanager/cmd/amtool", 2, ("amtool",)
    ),
    "alertmanager": Tool("amtool", "", 1, ("alertmanager", "prometheus-alertmanager")),
    "victoria-logs": Tool(
        "victoria-logs", "github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs", 1,
        ("victoria-logs",),
    ),
}


def cache() -> Path:
    """Give the folder that keeps what was built."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fm_otel" / "tools"


def binary(name: str) -> Path:
    """Give the path of a program, building it when it is neither on PATH nor in the cache."""
    tool = TOOLS[name]
    found = next((p for n in tool.on_path if (p := shutil.which(n))), None)
    if found:
        return Path(found)
    kept = cache() / digest(name) / name
    if not kept.exists():
        build(name, kept)
    return kept


def digest(name: str) -> str:
    """Hash everything that decides what a build gives."""
    tool = TOOLS[name]
    folders = [SOURCES / tool.folder] + ([SOURCES / "builder"] if name == "otelcol" else [])
    content = hashlib.sha256(f"{tool.package} {tool.tags} {FLAGS} {go_version()}".encode())
    for path in sorted(p for folder in folders for p in folder.rglob("*") if p.is_file()):
        content.update(f"{path.relative_to(SOURCES)}\0".encode() + path.read_bytes() + b"\0")
    return content.hexdigest()[:20]


def go_version() -> str:
    """Ask the Go toolchain for its version."""
    if not shutil.which("go"):
        missing = "the stack tests need Go 1.26 or newer on PATH (https://go.dev/dl/)"
        raise MissingToolError(missing)
    return run(["go", "env", "GOVERSION", "GOOS", "GOARCH"], ROOT).replace("\n", " ")


def build(name: str, target: Path) -> None:
    """Build one program; a second process waits and then finds it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            return
        tool = TOOLS[name]
        say(f"building {name}: about {tool.minutes:g} min the first time on two cores")
        started = time.monotonic()
        fresh = target.with_suffix(".new")
        if tool.package:
            compile_package(tool, fresh)
        else:
            OWN_STEPS[name](target.parent / "source", fresh)
        fresh.replace(target)
        say(f"built {name} in {time.monotonic() - started:.0f} s")


def compile_package(tool: Tool, target: Path) -> None:
    """Build a command from the module that pins it."""
    tags = [f"-tags={tool.tags}"] if tool.tags else []
    run(["go", "build", *FLAGS, *tags, "-o", str(target), tool.package], SOURCES / tool.folder)


def compile_collector(source: Path, target: Path) -> None:
    """Write the collector's main package from the manifest, then build it offline."""
    builder = target.with_name("builder")
    run(["go", "build", *FLAGS, "-o", str(builder), "go.opentelemetry.io/collector/cmd/builder"],
        SOURCES / "builder")
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(SOURCES / "collector", source)
    run([str(builder), "--config=manifest.yaml", "--skip-compilation", "--skip-get-modules"],
        source)
    run(["go", "build", *FLAGS, "-o", str(target), "."], source / "out")


def compile_alertmanager(source: Path, target: Path) -> None:
    """Build the server without its web page, which the module does not carry built."""
    module = "github.com/prometheus/alertmanager"
    listed = run(["go", "mod", "download", "-json", module], SOURCES / "amtool")
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(json.loads(listed)["Dir"], source, copy_function=shutil.copyfile)
    for folder in (source, *(p for p in source.rglob("*") if p.is_dir())):
        folder.chmod(0o755)
    page = source / "ui" / "app" / "dist" / "index.html"
    page.parent.mkdir()
    page.write_text("<!doctype html><title>Alertmanager</title>", encoding="utf-8")
    run(["go", "build", *FLAGS, "-o", str(target), "./cmd/alertmanager"], source)


def jars(name: str, artifacts: tuple[str, ...]) -> Path:
    """Fetch Java artifacts and what they need with Maven, once, and give their folder."""
    target = cache() / hashlib.sha256(repr(artifacts).encode()).hexdigest()[:20] / name
    if target.exists():
        return target
    say(f"fetching {name} with Maven: about half a minute the first time")
    target.parent.mkdir(parents=True, exist_ok=True)
    wanted = "".join(
        "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version>"
        "</dependency>".format(*artifact.split(":"))
        for artifact in artifacts
    )
    (target.parent / "pom.xml").write_text(
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>faultmaven</groupId><artifactId>jars</artifactId><version>1</version>"
        f"<dependencies>{wanted}</dependencies></project>",
        encoding="utf-8",
    )
    fresh = target.with_suffix(".new")
    run(["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={fresh}"],
        target.parent)
    fresh.rename(target)
    return target


OWN_STEPS: Final = {"otelcol": compile_collector, "alertmanager": compile_alertmanager}


def run(command: list[str], folder: Path) -> str:
    """Run one step at low priority; its output is shown only when it fails."""
    environment = os.environ | {"CGO_ENABLED": "0"}
    done = subprocess.run(
        ["nice", *command], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )
    if done.returncode:
        raise MissingToolError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"[-4000:])
    return done.stdout


def say(text: str) -> None:
    """Tell progress on stderr."""
    print(text, file=sys.stderr, flush=True)


def main(names: list[str]) -> None:
    """Build the named programs, or all, and print their paths."""
    for name in names or TOOLS:
        print(name, binary(name), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
