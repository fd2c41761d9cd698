"""What the demo's lines say together, and which promises they keep."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fm_otel.demo.store import PHASES
from fm_otel.fields import LEVELS
from fm_otel.schema import check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fm_otel.cli.secrets import SecretSearch
    from fm_otel.demo.scenario import Step

_REQUEST: Final = "faultmaven.request"
_STOP: Final = "faultmaven.process.stop"


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing the demo shows, and whether it held."""

    kept: bool
    text: str


@dataclass(slots=True)
class Summary:
    """Counts over all lines of one run."""

    lines: int = 0
    records: int = 0
    broken: list[str] = field(default_factory=list)
    requests: int = 0
    correlated: int = 0
    tokens: int = 0
    cache: Counter[bool] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    audits: Counter[str] = field(default_factory=Counter)
    secrets: Counter[str] = field(default_factory=Counter)
    users: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    correlations: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    closing: dict[str, Any] = field(default_factory=dict)
    seqs: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    def add(self, raw: str, search: SecretSearch) -> None:
        """Count one line."""
        self.lines += 1
        line = _parsed(raw)
        if line is None:
            self.broken.append("not a JSON object")
            self.secrets.update(search.in_text(raw))
            return
        self.records += 1
        self.secrets.update(search.in_line(line))
        self.broken += check(line)[:1]
        self._count(line)

    def _count(self, line: dict[str, Any]) -> None:
        self.levels[line.get("level", "?")] += 1
        if "agent_phase" in line:
            self.phases[line["agent_phase"]] += 1
        error = line.get("error", {})
        if "error_code" in error and not error.get("repeat"):
            self.codes[error["error_code"]] += 1
        if "audit" in line:
            self.audits[line["audit"].get("action", "?")] += 1
        self.seqs[line.get("pid", 0)].add(line.get("seq", -1))
        if line.get("event") == _STOP:
            self.closing = line.get("counts", {})
        self._count_request(line)
        self._count_model(line)

    def _count_request(self, line: dict[str, Any]) -> None:
        if {"correlation_id", "trace_id"} <= line.keys():
            self.correlations[line["trace_id"]].add(line["correlation_id"])
        if {"correlation_id", "user_id"} <= line.keys():
            self.users[line["correlation_id"]].add(line["user_id"])
        if line.get("event") == _REQUEST:
            self.requests += 1
            self.correlated += {"correlation_id", "trace_id", "span_id"} <= line.keys()

    def _count_model(self, line: dict[str, Any]) -> None:
        if line.get("operation") == "route_llm_request" and "cache_hit" in line:
            self.tokens += line.get("tokens_used", 0)
            self.cache[line["cache_hit"]] += 1

    @property
    def lost(self) -> int:
        """Records whose number was given out but whose line did not arrive, and drops told of."""
        gaps = sum(max(seen) - len(seen) for seen in self.seqs.values())
        return gaps + sum(int(count) for count in self.closing.get("dropped", {}).values())

    def promises(self, steps: Sequence[Step], leaked: int, planted: int) -> list[Promise]:
        """Judge the run."""
        answered = sum(step.status == step.expected for step in steps)
        valid = self.lines - len(self.broken)
        phases = len(self.phases.keys() & set(PHASES))
        mixed = sum(len(users) > 1 for users in self.users.values())
        whole = sum(len(ids) == 1 for ids in self.correlations.values())
        found = sum(self.secrets.values())
        return [
            Promise(answered == len(steps) > 0,
                    f"{answered} of {len(steps)} requests answered as expected"),
            Promise(valid == self.lines > 0,
                    f"{_share(valid, self.lines)} of {self.lines} lines valid by the schema"),
            Promise(self.correlated == self.requests > 0,
                    f"{_share(self.correlated, self.requests)} of {self.requests} request records "
                    "correlated: trace id and correlation id"),
            Promise(whole == len(self.correlations) > 0,
                    f"{whole} of {len(self.correlations)} traces keep their correlation id "
                    "across service borders"),
            Promise(mixed == 0, f"{mixed} requests with the context of another"),
            Promise(found == 0 and leaked == 0,
                    f"secrets found: {found}; planted {planted}, came out {leaked}"),
            Promise(phases == len(PHASES), f"{phases} of {len(PHASES)} agent phases seen"),
            Promise(self.lost == 0 and bool(self.closing),
                    f"{self.lost} records lost"
                    + ("" if self.closing else ", but the closing record is missing")),
        ]

    def figures(self) -> list[tuple[str, str]]:
        """Return the counts a person wants to see, as name and text."""
        levels = {name: self.levels[name] for name in LEVELS if self.levels[name]}
        phases = {name: self.phases[name] for name in PHASES}
        calls = sum(self.cache.values())
        return [
            ("records", f"{self.records}: {_counts(levels)}"),
            ("phases", _counts(phases)),
            ("error codes", _counts(dict(self.codes.most_common()))),
            ("audit", _counts(dict(self.audits.most_common()))),
            ("LLM", f"{calls} answers, {self.cache[True]} from the cache, {self.tokens} tokens"),
        ]


def _parsed(raw: str) -> dict[str, Any] | None:
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "0%"
