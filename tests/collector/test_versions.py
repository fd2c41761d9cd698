"""The images of the compose file and the programs that the tests build are of one version."""

from __future__ import annotations

import json
import re
from typing import Final

import pytest
import yaml
from queries import ROOT

COMPOSE: Final = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
TOOLS: Final = ROOT / "collector" / "tools"
IMAGES: Final = {
    name: service["image"]
    for name, service in COMPOSE["services"].items()
    if not service["image"].endswith(":local")
}


def tag(service: str) -> str:
    """Give the tag of a service's image."""
    return str(IMAGES[service]).partition(":")[2]


def required(folder: str, module: str) -> str:
    """Give the version of a module that a tool's go.mod pins."""
    text = (TOOLS / folder / "go.mod").read_text("utf-8")
    found = re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", text, re.MULTILINE)
    assert found, f"{module} is not in {folder}/go.mod"
    return found.group(1)


def collector_modules() -> dict[str, str]:
    """Give every module of the collector that the tests build, with its version."""
    manifest = yaml.safe_load((TOOLS / "collector" / "manifest.yaml").read_text("utf-8"))
    parts = ("receivers", "processors", "exporters", "connectors", "extensions")
    modules = [entry["gomod"].split() for part in parts for entry in manifest[part]]
    return {name: version for name, version in modules if "." in name.split("/")[0]}


@pytest.mark.parametrize("service", sorted(IMAGES))
def test_image_is_pinned_by_version(service: str) -> None:
    """Nothing changes under the operator: a full version, never latest or a branch."""
    assert re.fullmatch(r"v?\d+\.\d+\.\d+(-[a-z0-9.-]+)?", tag(service))


def test_base_image_of_the_demo_is_pinned_by_version() -> None:
    """The demo is built on a full version of Python."""
    dockerfile = COMPOSE["services"]["demo"]["build"]["dockerfile_inline"]
    assert re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    for image in re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE):
        assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", image)


def test_collector_image_is_the_collector_under_test() -> None:
    """Every component that the tests build is of the image's version."""
    modules = {n: v for n, v in collector_modules().items() if "/confmap/provider/" not in n}
    assert len(modules) > 10
    assert set(modules.values()) == {f"v{tag('otelcol')}"}


def test_jaeger_image_is_the_jaeger_under_test() -> None:
    """Jaeger 2 is built from a module whose version counts on as 1.x: 2.13 is 1.76."""
    built = re.fullmatch(r"v1\.(\d+)\.(\d+)",
                         required("jaeger", "github.com/jaegertracing/jaeger"))
    assert built
    assert tag("jaeger") == f"2.{int(built.group(1)) - 63}.{built.group(2)}"


def test_prometheus_image_is_the_prometheus_under_test() -> None:
    """Prometheus 3 is built from a module whose version is written 0.3xx: 3.16.0 is 0.316.0."""
    built = re.fullmatch(r"v0\.3(\d\d)\.(\d+)",
                         required("prometheus", "github.com/prometheus/prometheus"))
    assert built
    assert tag("prometheus") == f"v3.{int(built.group(1))}.{built.group(2)}"


def test_alertmanager_image_is_the_alertmanager_under_test() -> None:
    """The tool that checks the configuration is of the server's version."""
    assert tag("alertmanager") == required("amtool", "github.com/prometheus/alertmanager")


def test_versions_of_the_grammar_are_exact() -> None:
    """A query that was checked once is checked the same way for ever."""
    package = json.loads((ROOT / "tests/collector/logql/package.json").read_text("utf-8"))
    for version in package["dependencies"].values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
