"""The user's rules file: it adds and allows, and a bad rule costs nobody anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fm_otel.redaction import Redactor

if TYPE_CHECKING:
    from pathlib import Path


def loaded(tmp_path: Path, text: str) -> tuple[Redactor, list[str]]:
    path = tmp_path / "rules.toml"
    path.write_text(text, encoding="utf-8")
    said: list[str] = []
    return Redactor(rules_path=str(path), report=said.append), said


def test_rules_keys_and_allowances_work_together(tmp_path: Path) -> None:
    """A pattern, a key, a safe key and an allowed value in one file."""
    redactor, said = loaded(tmp_path, r"""
safe_keys = ["deploy_token"]
allow = ['support@example\.com']

[[rule]]
name = "employee_id"
pattern = 'EMP-(\d{6})'
keywords = ["EMP-"]

[[rule]]
name = "badge"
keys = ["badge_number"]
""")
    assert said == []
    assert redactor.text("EMP-123456 wrote support@example.com and bob@example.com") == (
        "EMP-[REDACTED:employee_id] wrote support@example.com and [REDACTED:email]"
    )
    assert redactor.mapping({"badge_number": 4711, "deploy_token": "blue-green"}) == {
        "badge_number": "[REDACTED:badge]", "deploy_token": "blue-green",
    }


def test_hosts_and_addresses_go_where_the_file_asks_for_it(tmp_path: Path) -> None:
    """They stay by default; the switch takes names, IPv4 and IPv6, and only a boolean sets it."""
    text = "10.0.0.5 and fe80::1:2 behind db-1.example.com:5432"
    assert Redactor().text(text) == text
    redactor, said = loaded(tmp_path, "hide_hosts = true")
    assert (redactor.text(text), said) == ("[REDACTED:ip] and [REDACTED:ip] behind [REDACTED:host]:5432", [])
    redactor, said = loaded(tmp_path, "hide_hosts = 'yes'")
    assert (redactor.text(text), len(said)) == (text, 1)


@pytest.mark.parametrize(("rule", "why"), [
    (r"name = 'x'" "\n" r"pattern = '(unclosed'", "x refused"),
    (r"name = 'x'" "\n" r"pattern = 'a*'", "empty"),
    (r"name = 'x'" "\n" r"pattern = '(a+)+$'", "x refused"),
    (r"name = 'x'" "\n" r"pattern = '(a|aa)+$'", "x refused"),
    (r"name = 'x'" "\n" r"pattern = '(.*)(.*)(.*)(.*)=1'", "x refused"),
    (r"name = 'Bad Name'" "\n" r"pattern = 'a'", "Bad Name refused"),
    (r"name = 'x'", "neither"),
    (r"pattern = 'abc'", "refused"),
    (r"name = 'x'" "\n" r"pattern = 5", "x refused"),
    (r"name = 'x'" "\n" r"pattern = 'abc'" "\n" "colour = 'red'", "colour"),
])  # fmt: skip
def test_a_bad_rule_is_refused_by_name_and_the_others_work(tmp_path: Path, rule: str, why: str) -> None:
    """One diagnostic, no exception, no effect on its neighbours."""
    redactor, said = loaded(tmp_path, f"[[rule]]\n{rule}\n\n[[rule]]\nname = 'good'\npattern = 'GOOD-\\d+'\n")
    assert len(said) == 1
    assert why in said[0]
    assert redactor.text("GOOD-12 password=hunter2x") == "[REDACTED:good] password=[REDACTED:password]"


@pytest.mark.parametrize("text", ["not toml [", "rule = 5", "unknown = 1", "\xff"])
def test_a_bad_file_leaves_the_built_in_rules(tmp_path: Path, text: str) -> None:
    """Nothing in the file can turn redaction off."""
    redactor, said = loaded(tmp_path, text)
    assert said
    assert redactor.text("password=hunter2x") == "password=[REDACTED:password]"


def test_a_missing_file_is_said_and_survived() -> None:
    """A wrong path is one diagnostic."""
    said: list[str] = []
    redactor = Redactor(rules_path="/nowhere/rules.toml", report=said.append)
    assert len(said) == 1
    assert redactor.text("password=hunter2x") == "password=[REDACTED:password]"
