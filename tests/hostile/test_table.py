"""Every hostile case, through every door, on every sink: nothing is lost and nobody is hurt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import jsonschema
import pytest

from fm_otel.schema import check, schema
from tests.hostile.cases import CASES, Case
from tests.otlp_receiver import OtlpReceiver

ROOT = Path(__file__).parents[2]
MAX_LINE = 256 * 1024
MAX_CALLS = 150_000
"""Calls and returns of functions in one logging call, redaction and all sinks included: a bound on its work."""
MAX_SECONDS = 2.0
"""Far beyond what any call takes; work done in C is not counted as calls."""

VALIDATOR = jsonschema.Draft202012Validator(schema())
PAIRS = [(case, door) for case in CASES for door in case.ways]


@dataclass
class Run:
    """What came out of the driver."""

    flushed: bool
    outcomes: dict[str, dict[str, Any]]
    console: list[bytes]
    file: list[bytes]
    received: dict[str, dict[str, Any]]
    stderr: str


def unacceptable(text: str) -> NoReturn:
    """Refuse NaN and infinities, which JSON does not have."""
    pytest.fail(f"not JSON: {text}")


def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse keys that come twice, of which readers keep either."""
    found = dict(pairs)
    assert len(found) == len(pairs), [key for key, _ in pairs]
    return found


def parsed(line: bytes) -> dict[str, Any]:
    """Parse a line as strictly as JSON can be read."""
    assert len(line) <= MAX_LINE
    assert not set(line) & {*range(32), 127}
    found = json.loads(
        line.decode("utf-8", "strict"), parse_constant=unacceptable, object_pairs_hook=members
    )
    assert check(found) == []
    VALIDATOR.validate(found)
    json.dumps(found, ensure_ascii=False).encode("utf-8", "strict")
    return found  # type: ignore[no-any-return]


@pytest.fixture(scope="module", params=["fast", "slow"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run the driver with console, file and a real OTLP receiver, also past a user's processor."""
    place = tmp_path_factory.mktemp("hostile")
    with OtlpReceiver(with_grpc=False) as receiver:
        environment = {
            **os.environ,
            "LOG_FORMAT": "json",
            "LOG_FILE": str(place / "file.jsonl"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.http_endpoint,
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
        }
        command = [sys.executable, "-X", "faulthandler", "-m", "tests.hostile.driver"]
        with (place / "console.jsonl").open("wb") as console:
            done = subprocess.run(  # noqa: S603 - our own program
                [*command, str(place / "outcomes.json"), request.param], cwd=ROOT, env=environment,
                stdout=console, stderr=subprocess.PIPE, timeout=300, check=False,
            )
        assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
        records = receiver.records
    told = json.loads((place / "outcomes.json").read_text())
    return Run(
        told["flushed"],
        {outcome["key"]: outcome for outcome in told["outcomes"]},
        (place / "console.jsonl").read_bytes().splitlines(),
        (place / "file.jsonl").read_bytes().splitlines(),
        {record["record_id"]: record for record in records},
        done.stderr.decode(errors="replace"),
    )


@pytest.fixture(scope="module")
def between(run: Run) -> dict[str, list[dict[str, Any]]]:
    """Return the lines of each case: those between its two neighbours, which must be whole."""
    found: dict[str, list[dict[str, Any]]] = {}
    key = None
    for line in run.console:
        record = json.loads(line)
        if record["logger"] != "neighbour":
            if key is not None:
                found[key].append(record)
            continue
        place, _, name = record["message"].partition(" ")
        assert record["place"] == place
        if place == "before":
            key = name
            found[name] = []
        else:
            assert name == key, (name, key)
            key = None
    return found


def named(pair: tuple[Case, str]) -> str:
    """Name a pair of case and door as the driver does."""
    case, door = pair
    return f"{case.row} {case.name} {door}"


@pytest.mark.parametrize("pair", PAIRS, ids=named)
def test_a_case_arrives_and_does_no_harm(
    pair: tuple[Case, str], run: Run, between: dict[str, list[dict[str, Any]]]
) -> None:
    """Nothing is raised, one valid line holds what can be kept, and the work is bounded."""
    case, door = pair
    outcome = run.outcomes[named(pair)]
    assert outcome["raised"] == (case.raises.__name__ if case.raises else None)
    assert outcome["calls"] <= MAX_CALLS
    assert outcome["seconds"] <= MAX_SECONDS
    if door == "foreign":
        assert outcome["result"] == 1
        return
    lines = between[named(pair)]
    if door == "formatter":
        assert lines == []
        assert "\n" not in outcome["result"]
        lines = [parsed(outcome["result"].encode())]
    assert len(lines) == case.lines
    for line in lines:
        case.check(line)


def test_everything_is_delivered(run: Run) -> None:
    """No case holds up or spoils a batch, and nothing is counted as lost."""
    assert run.flushed
    assert "not delivered" not in run.stderr, run.stderr


def test_every_line_is_strict_json_of_the_schema(run: Run) -> None:
    """Console and file hold the same lines, each one valid, not one more or less."""
    assert run.console == run.file
    records = [parsed(line) for line in run.console]
    sequence = [record["seq"] for record in records]
    assert sequence == sorted(set(sequence))
    assert len({record["record_id"] for record in records}) == len(records)


def test_otlp_says_the_same_as_the_lines(run: Run) -> None:
    """Every record of the file arrived by OTLP too, with the same text and changes."""
    lines = {record["record_id"]: record for record in map(json.loads, run.file)}
    lines = {key: line for key, line in lines.items() if line.get("event") != "faultmaven.process.stop"}
    assert lines.keys() <= run.received.keys()
    for key, line in lines.items():
        received = run.received[key]
        assert received["body"] == line["message"]
        assert received["logger"] == line["logger"]
        assert received["attributes"].get("faultmaven.sanitized", []) == line.get("sanitized", [])
        assert received["attributes"].get("exception.message") == line.get("error", {}).get("message")
        assert received["attributes"].get("v") == line.get("v")
        json.dumps(received, allow_nan=False)


def test_the_neighbours_are_untouched(between: dict[str, list[dict[str, Any]]]) -> None:
    """Both neighbours of every call are there, in order."""
    assert list(between) == [named(pair) for pair in PAIRS]


def test_no_secret_gets_out(run: Run) -> None:
    """Neither on a line nor over OTLP nor in a diagnostic."""
    everything = b"\n".join(run.console).decode() + json.dumps(list(run.received.values()))
    assert "hunter2" not in everything + run.stderr
