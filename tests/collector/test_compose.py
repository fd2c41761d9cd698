"""The compose file, as Compose's own parser understands it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import stack_tools
import yaml
from conftest import ROOT
from queries import COLLECTOR

SOURCE: Final = Path(__file__).parent / "compose"
FILE: Final = ROOT / "docker-compose.yml"
RAW: Final = yaml.safe_load(FILE.read_text("utf-8"))

# Gives the collector its two folders and ends: the one service that is root, and why it may be.
INIT: Final = "otelcol-volumes"
LASTING: Final = sorted(set(RAW["services"]) - {INIT})
READS: Final = re.compile(r"\$\{env:(FM_\w+)")

Json = dict[str, Any]


def parser() -> Path:
    """Build a small program around Compose's parser once per version."""
    files = sorted(path for path in SOURCE.iterdir() if path.is_file())
    content = b"".join(path.read_bytes() for path in files)
    try:
        version = stack_tools.go_version()
    except stack_tools.MissingToolError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    digest = hashlib.sha256(content + version.encode()).hexdigest()[:20]
    target = stack_tools.cache() / f"compose-{digest}" / "compose"
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            stack_tools.run(["go", "build", *stack_tools.FLAGS, "-o", str(target), "."], SOURCE)
    return target


def parsed(file: Path, *profiles: str) -> subprocess.CompletedProcess[str]:
    """Let Compose's parser read a file."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("COMPOSE_", "FM_"))}
    return subprocess.run(
        [parser(), file, *profiles], capture_output=True, text=True, check=False, timeout=60,
        env=environment,
    )


@pytest.fixture(scope="module")
def services() -> Json:
    """Give every service as Compose would run it."""
    done = parsed(FILE, "load")
    assert done.returncode == 0, done.stderr
    found: Json = json.loads(done.stdout)["services"]
    return found


def test_plain_up_starts_everything_but_load() -> None:
    """Load is asked for by its profile."""
    done = parsed(FILE)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["services"]) == set(RAW["services"]) - {"load"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    mem_limit: 1280m", "    memory_limit: 1280m"),
        ("condition: service_healthy", "condition: healthy"),
        ("      - loki-data:/loki", "      - unknown-volume:/loki"),
        ("network_mode: service:otelcol", "network_mode: service:nobody"),
    ],
)
def test_a_broken_file_is_refused(old: str, new: str, tmp_path: Path) -> None:
    """The parser really refuses what Compose would refuse."""
    text = FILE.read_text("utf-8")
    assert old in text
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(text.replace(old, new), "utf-8")
    assert parsed(broken, "load").returncode != 0


def test_ports_are_bound_to_loopback(services: Json) -> None:
    """Nobody on the network reads logs, and no port is claimed twice."""
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}
    published = [port["published"] for port in ports]
    assert len(set(published)) == len(published)
    assert {"8000", "4317", "4318", "16686", "3100", "9090", "9093", "3000"} == set(published)


@pytest.mark.parametrize("name", LASTING)
def test_service_is_confined(services: Json, name: str) -> None:
    """Not root, no capability, a read-only image, bounded processes and log."""
    service = services[name]
    assert not service["user"].startswith(("0", "root"))
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["read_only"] is True
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["pids_limit"] > 0
    assert "max-size" in service["logging"]["options"]
    assert not service.get("privileged")


def test_the_service_that_is_root_can_only_change_owners(services: Json) -> None:
    """It runs once, without network, on its two volumes."""
    service = services[INIT]
    assert (service["network_mode"], service["restart"]) == ("none", "no")
    assert (service["cap_drop"], service["cap_add"]) == (["ALL"], ["CHOWN"])
    assert service["read_only"] is True
    assert {volume["type"] for volume in service["volumes"]} == {"volume"}


@pytest.mark.parametrize("name", LASTING)
def test_service_comes_back(services: Json, name: str) -> None:
    """A crash or a reboot ends no service for good."""
    assert services[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(set(LASTING) - {"otelcol", "load"}))
def test_service_is_health_checked(services: Json, name: str) -> None:
    """What depends on it waits until it works, not until it started."""
    check = services[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert not check.get("disable")


def test_collector_is_health_checked_from_beside(services: Json) -> None:
    """Its image has nothing to ask with, so a neighbour in its network asks its own port."""
    ready = services["otelcol-ready"]
    assert ready["network_mode"] == "service:otelcol"
    port = services["otelcol"]["environment"]["FM_HEALTH"].rpartition(":")[2]
    assert ready["healthcheck"]["test"][-1] == f"http://127.0.0.1:{port}/"


def test_jaeger_is_asked_for_its_status(services: Json) -> None:
    """Its health extension answers on one path only."""
    port = services["jaeger"]["environment"]["FM_JAEGER_HEALTH"].rpartition(":")[2]
    asked = services["jaeger"]["healthcheck"]["test"][-1]
    assert asked == f"http://127.0.0.1:{port}/status"


def test_services_start_in_order(services: Json) -> None:
    """Stores before the collector, the collector before what reads it."""
    waits = {
        name: {on: how["condition"] for on, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    assert waits["otelcol"] == {
        INIT: "service_completed_successfully", "loki": "service_healthy",
        "jaeger": "service_healthy",
    }
    assert waits["prometheus"] == {
        "otelcol-ready": "service_healthy", "alertmanager": "service_healthy",
    }
    assert waits["grafana"] == dict.fromkeys(("prometheus", "loki", "jaeger"), "service_healthy")
    assert waits["demo"] == {"otelcol": "service_started"}
    assert waits["load"] == {"demo": "service_healthy"}


def test_mounted_files_exist_and_are_read_only(services: Json) -> None:
    """Docker would make an empty folder of a missing file; configuration cannot be changed."""
    mounts = [
        volume
        for service in services.values()
        for volume in service.get("volumes", ())
        if volume["type"] == "bind"
    ]
    assert mounts
    for mount in mounts:
        assert Path(mount["source"]).exists(), mount["source"]
        assert mount["read_only"] is True


@pytest.mark.parametrize(("name", "file"), [("otelcol", "otelcol"), ("jaeger", "jaeger")])
def test_environment_is_what_the_configuration_reads(
    services: Json, name: str, file: str
) -> None:
    """A misspelt variable would leave the default, which is loopback inside the container."""
    text = (COLLECTOR / f"{file}.yaml").read_text("utf-8")
    text += "".join(p.read_text("utf-8") for p in (COLLECTOR / "generated").glob("*.yaml"))
    read = set(READS.findall(text))
    given = {key for key in services[name]["environment"] if key.startswith("FM_")}
    assert given
    assert given <= read


def test_prometheus_scrapes_the_ports_that_the_collector_opens(services: Json) -> None:
    """Both targets are where the compose file puts them."""
    text = yaml.safe_load((COLLECTOR / "prometheus.yml").read_text("utf-8"))
    targets = {
        job["job_name"]: job["static_configs"][0]["targets"] for job in text["scrape_configs"]
    }
    given = services["otelcol"]["environment"]
    assert targets["faultmaven"] == [f"otelcol:{given['FM_METRICS'].rpartition(':')[2]}"]
    assert targets["otelcol"] == [f"otelcol:{given['FM_SELF_METRICS_PORT']}"]
    assert given["FM_SELF_METRICS_HOST"] == "0.0.0.0"  # noqa: S104 - inside the container
    managers = text["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    assert managers == ["alertmanager:9093"]


def test_collector_writes_where_its_user_may(services: Json) -> None:
    """The folders of the log file and of the queue are the volumes that were handed over."""
    targets = {v["target"] for v in services["otelcol"]["volumes"] if v["type"] == "volume"}
    text = (COLLECTOR / "otelcol.yaml").read_text("utf-8")
    for variable in ("FM_LOG_FILE", "FM_QUEUE_DIR"):
        found = re.search(rf"\$\{{env:{variable}:-([^}}]+)\}}", text)
        assert found
        assert any(found.group(1).startswith(f"{target}/") for target in targets)


def test_collector_memory_limits_agree(services: Json) -> None:
    """The collector refuses before Go's limit, and Go collects before the container is ended."""
    service = services["otelcol"]
    go = int(service["environment"]["GOMEMLIMIT"].removesuffix("MiB"))
    container = int(service["mem_limit"]) / 2**20
    limit = re.search(r"FM_MEMORY_MIB:-(\d+)", (COLLECTOR / "otelcol.yaml").read_text("utf-8"))
    assert limit
    assert int(limit.group(1)) <= go == pytest.approx(0.8 * container, rel=0.02)


def test_grafana_has_no_known_password(services: Json) -> None:
    """No admin/admin: there is no admin, and nobody can log in."""
    given = services["grafana"]["environment"]
    assert given["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert given["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
    assert given["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Editor"


@pytest.mark.parametrize("name", ["demo", "load"])
def test_commands_of_the_demo_exist(services: Json, name: str) -> None:
    """The image would start and end at once on an option that the command does not have."""
    command = services[name]["command"]
    at = len(command) - 1 - command[::-1].index("fm-otel")
    helped = subprocess.run(
        [sys.executable, "-m", "fm_otel.cli", command[at + 1], "--help"],
        capture_output=True, text=True, check=True, timeout=60, cwd=ROOT,
    )
    for option in command[at:]:
        if option.startswith("--"):
            assert option in helped.stdout
    assert command[:at] in ([], ["fm-otel", "run", "--"])


def test_image_has_what_the_package_is_built_from() -> None:
    """The build of the package reads its metadata, its readme and its licence."""
    dockerfile = RAW["services"]["demo"]["build"]["dockerfile_inline"]
    copied = {
        source
        for line in re.findall(r"^COPY (.+)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    read = {project["project"]["readme"], *project["project"]["license-files"]}
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert copied == {"pyproject.toml", *read, *packages}
    extras = re.findall(r"\.\[(\w+)\]", dockerfile)
    assert set(extras) <= set(project["project"]["optional-dependencies"])
    assert extras
