"""Alert rules: their syntax, and that each fires, stays quiet and resolves when it should."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

import pytest
import yaml
from conftest import ROOT, tool
from queries import COLLECTOR, RULES, rule_name, rules

from fm_otel.errors import CATALOGUE, ErrorCode

sys.path.insert(0, str(ROOT / ".ci"))
import generate_rules

if TYPE_CHECKING:
    from collections.abc import Iterable

CASES: Final = sorted((Path(__file__).parent / "promtool").glob("*.yml"))
FIRING: Final = re.compile(r'alertname="(\w+)",alertstate="firing"')
LABEL: Final = re.compile(r"\$labels\.(\w+)")
GROUPED: Final = re.compile(r"by \(([^)]*)\)")


def run(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of the tools."""
    return subprocess.run(
        [tool(name), *arguments], capture_output=True, text=True, check=False, timeout=120,
    )


def assert_passes(name: str, *arguments: str | Path) -> None:
    """Fail with the tool's own words."""
    done = run(name, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@cache
def expectations() -> dict[str, list[tuple[str, bool]]]:
    """List for each alert the moments that a test looks at, and whether it fires then."""
    seen: dict[str, list[tuple[str, bool]]] = {}
    for case in cases_of(CASES):
        for look in case.get("promql_expr_test", ()):
            for alert in FIRING.findall(look["expr"]):
                seen.setdefault(alert, []).append((case["name"], "exp_samples" in look))
    return seen


def test_prometheus_configuration_is_valid() -> None:
    """Prometheus starts with the shipped file and every rule file it names."""
    assert_passes("promtool", "check", "config", COLLECTOR / "prometheus.yml")


def test_rules_are_valid() -> None:
    """No rule has a syntax error, a bad template or a twin."""
    assert_passes("promtool", "check", "rules", "--lint=all", "--lint-fatal", *RULES)


def test_alertmanager_configuration_is_valid() -> None:
    """Alertmanager starts with the shipped file."""
    assert_passes("amtool", "check-config", COLLECTOR / "alertmanager.yml")


def test_alerts_fire_stay_quiet_and_resolve() -> None:
    """Prometheus itself evaluates the rules over series made for each case."""
    assert_passes("promtool", "test", "rules", *CASES)


def test_alerts_that_never_fire_fail_their_tests(tmp_path: Path) -> None:
    """The cases above can fail: with silent rules everyone that expects an alert does."""
    expecting = {
        case["name"]
        for case in cases_of(CASES)
        if "alert_rule_test" in case
        or any("exp_samples" in look for look in case["promql_expr_test"])
    }
    assert failing_with("vector(0) > 1", CASES, tmp_path) == expecting


def test_alerts_that_always_fire_fail_their_tests(tmp_path: Path) -> None:
    """The cases above can fail: with rules that always fire everyone does."""
    some = [path for path in CASES if path.stem == "security"]
    assert failing_with("vector(1)", some, tmp_path) == {case["name"] for case in cases_of(some)}


def cases_of(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Read the cases of some files."""
    return [case for path in paths for case in yaml.safe_load(path.read_text("utf-8"))["tests"]]


def failing_with(expression: str, paths: Iterable[Path], folder: Path) -> set[str]:
    """Run cases with every alert's expression replaced; give the names of those that fail."""
    (folder / "rules").mkdir()
    for path in RULES:
        text = yaml.safe_load(path.read_text("utf-8"))
        for group in text["groups"]:
            for rule in group["rules"]:
                rule["expr"] = expression
        (folder / "rules" / path.name).write_text(yaml.safe_dump(text), "utf-8")
    copies = []
    for path in paths:
        copies.append(folder / path.name)
        text = path.read_text("utf-8").replace("../../../collector/rules", "rules")
        copies[-1].write_text(text, "utf-8")
    report = folder / "report.xml"
    run("promtool", "test", "rules", f"--junit={report}", *copies)
    cases = ElementTree.parse(report).iter("testcase")  # noqa: S314 - promtool wrote it
    return {case.get("name", "") for case in cases if case.find("failure") is not None}


@pytest.mark.parametrize(
    "alert", sorted({r["alert"] for r in rules() if r["alert"] != "ErrorCodeFrequent"}),
)
def test_alert_has_all_three_cases(alert: str) -> None:
    """A case sees the alert quiet, then firing, then resolved."""
    by_case: dict[str, str] = {}
    for case, fires in expectations().get(alert, []):
        by_case[case] = by_case.get(case, "") + ("F" if fires else "q")
    assert any(re.search(r"qF+q", looks) for looks in by_case.values()), by_case


def code_series(code: ErrorCode) -> list[dict[str, str]]:
    """Make the counters of one code in four services: grown too far, new, grown a bit, unknown."""
    enough, a_bit = limit_of(code) + 1, limit_of(code) * 14 // 15
    values = {
        "grown": f"3x30 {3 + enough}x60", "new": f"_x30 {enough}x60",
        "quiet": f"3x30 {3 + a_bit}x60",
    }
    return [
        {"series": f'faultmaven_errors_total{{service_name="{service}", '
                   f'faultmaven_error_code="{code.mnemonic}"}}', "values": text}
        for service, text in values.items()
    ]


def limit_of(code: ErrorCode) -> int:
    """Give the number of a code that is just not too many."""
    return generate_rules.LIMITS[code.severity].count


def firing_codes(codes: Iterable[ErrorCode]) -> list[dict[str, Any]]:
    """Write what is expected while each code fires in the two services that exceed its limit."""
    return [
        {
            "labels": f'{{service_name="{service}", error_code="{code.mnemonic}", '
                      f'severity="{generate_rules.LIMITS[code.severity].severity}"}}',
            "value": 1,
        }
        for code in codes
        for service in ("grown", "new")
    ]


def test_every_code_of_the_catalogue_has_an_alert() -> None:
    """A new code cannot be forgotten, and a removed one leaves nothing behind."""
    alerting = [r["labels"]["error_code"] for r in rules() if r["alert"] == "ErrorCodeFrequent"]
    assert alerting == [code.mnemonic for code in CATALOGUE]


def test_code_alerts_fire_stay_quiet_and_resolve(tmp_path: Path) -> None:
    """For each code: its limit holds, as growth and as a first burst, and it resolves."""
    firing = (
        "count by (service_name, error_code, severity) "
        '(ALERTS{alertname="ErrorCodeFrequent",alertstate="firing"})'
    )
    other = {
        "series": 'faultmaven_errors_total{service_name="quiet", faultmaven_error_code="OTHER"}',
        "values": "0+100x90",
    }
    case = {
        "interval": "1m",
        "input_series": [
            {"series": 'up{job="faultmaven"}', "values": "1x90"}, other,
            *(series for code in CATALOGUE for series in code_series(code)),
        ],
        "promql_expr_test": [
            {"expr": firing, "eval_time": "29m"},
            {"expr": firing, "eval_time": "35m", "exp_samples": firing_codes(CATALOGUE)},
            {"expr": firing, "eval_time": "60m"},
        ],
    }
    cases = {
        "rule_files": [str(COLLECTOR / "rules" / "error_codes.yml")],
        "evaluation_interval": "1m",
        "tests": [case],
    }
    path = tmp_path / "codes.yml"
    path.write_text(yaml.safe_dump(cases), "utf-8")
    assert_passes("promtool", "test", "rules", path)


def test_code_limits_follow_severity() -> None:
    """The worse the code, the fewer it takes."""
    counts = [generate_rules.LIMITS[s].count for s in ("low", "medium", "high", "critical")]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == 0


def test_generated_rules_are_current() -> None:
    """What is committed is what the catalogue gives today."""
    for path, text in generate_rules.files(ROOT).items():
        assert path.read_text("utf-8") == text, f"run .ci/generate: {path}"


@pytest.mark.parametrize("rule", list(rules()), ids=rule_name)
def test_annotations_use_labels_that_exist(rule: dict[str, Any]) -> None:
    """No alert says "at <no value>"."""
    known = set(rule["labels"]) | carried_labels(rule["expr"])
    used = set(LABEL.findall(" ".join(rule["annotations"].values())))
    assert used <= known


def carried_labels(expression: str) -> set[str]:
    """Give the labels that the result of an expression has; without grouping, the series' own."""
    grouped: Iterable[str] = GROUPED.findall(expression)
    labels = {name.strip() for group in grouped for name in group.split(",")} - {"le"}
    return labels or {"exporter", "instance", "job"}


@pytest.mark.parametrize("rule", list(rules()), ids=rule_name)
def test_alerts_say_how_bad_where_and_what(rule: dict[str, Any]) -> None:
    """Routing needs severity and area, the reader a summary and a description."""
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert rule["labels"]["area"] in {"errors", "performance", "security", "tokens", "pipeline"}
    assert {"summary", "description"} <= set(rule["annotations"])


def test_alert_routes_name_labels_that_alerts_have() -> None:
    """A renamed alert would silently fall out of an inhibition or a route."""
    text = (COLLECTOR / "alertmanager.yml").read_text("utf-8")
    every = list(rules())
    names = {rule["alert"] for rule in every}
    values = {label: {r["labels"].get(label) for r in every} for label in ("area", "severity")}
    for listed in re.findall(r'alertname=~?"([^"]+)"', text):
        assert set(listed.split("|")) <= names
    for label, value in re.findall(r'\b(area|severity)="([^"]+)"', text):
        assert value in values[label]
