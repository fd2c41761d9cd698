"""The queries of the shipped dashboards and rules, with the variables of a dashboard filled in."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

ROOT: Final = Path(__file__).resolve().parents[2]
COLLECTOR: Final = ROOT / "collector"
DASHBOARDS: Final = COLLECTOR / "grafana" / "dashboards"
RULES: Final = sorted((COLLECTOR / "rules").glob("*.yml"))

# What a person who chose nothing sees.
CHOICES: Final = {
    "$__rate_interval": "5m", "$__range": "1h", "$__auto": "5m",
    "$service": ".+", "$environment": ".*", "$operation": ".*",
    "$trace": "", "$correlation": "", "$case": "", "$session": "", "$code": "", "$text": "",
}
_VARIABLE: Final = re.compile(r"\$\w+")
_TEMPLATE: Final = re.compile(r"\{\{ *\$(?:labels\.\w+|value) *\}\}")


@dataclass(frozen=True, slots=True)
class Query:
    """One query and where it stands."""

    where: str
    text: str


def filled(text: str, choices: dict[str, str] = CHOICES) -> str:
    """Replace the variables of a query; an unknown one is an error."""
    return _VARIABLE.sub(lambda found: choices[found.group()], text)


def boards() -> dict[str, Json]:
    """Read every dashboard."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in DASHBOARDS.glob("*.json")}


def panels(board: Json) -> list[Json]:
    """List the panels that show something."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def dashboard_queries(kind: str) -> list[Query]:
    """List the queries of every panel for one kind of data source."""
    return [
        Query(f"{name} / {panel['title']} / {target['refId']}", filled(target["expr"]))
        for name, board in boards().items()
        for panel in panels(board)
        for target in panel["targets"]
        if target["datasource"]["type"] == kind
    ]


def rules() -> Iterator[Json]:
    """Read every alert rule."""
    for path in RULES:
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]:
            yield from group["rules"]


def rule_name(rule: Json) -> str:
    """Name a rule so that no two are alike."""
    code = rule["labels"].get("error_code")
    return f"{rule['alert']} {code}" if code else str(rule["alert"])


def rule_queries() -> list[Query]:
    """List the expressions of every alert."""
    return [Query(rule_name(rule), rule["expr"]) for rule in rules()]


def annotation_queries() -> list[Query]:
    """List the LogQL that alerts give their reader."""
    return [
        Query(rule_name(rule), _TEMPLATE.sub("x", logs))
        for rule in rules()
        if (logs := rule["annotations"].get("logs"))
    ]
