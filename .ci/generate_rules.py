"""One alert per code of the error catalogue: how often is too often depends on its severity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from fm_otel.errors import CATALOGUE, ErrorCode

if TYPE_CHECKING:
    from pathlib import Path


class Limit(NamedTuple):
    """How many in 15 minutes are too many, and how loud to say so."""

    count: int
    severity: str


LIMITS: Final = {
    "low": Limit(50, "info"),
    "medium": Limit(20, "warning"),
    "high": Limit(5, "warning"),
    "critical": Limit(0, "critical"),
}

HEADER: Final = """\
# Made by .ci/generate from the error catalogue (fm_otel/errors.py); edit there or in
# .ci/generate_rules.py. The second half of each rule sees the first burst of a code: a series
# that starts at N has no increase.
groups:
  - name: error_codes
    rules:
"""

RULE: Final = """\
      - alert: ErrorCodeFrequent
        expr: |
          sum by (service_name, deployment_environment_name, faultmaven_error_code) (
            increase(faultmaven_errors_total{{faultmaven_error_code="{code}"}}[15m])
          ) > {count}
          or
          (
            sum by (service_name, deployment_environment_name, faultmaven_error_code) (
              faultmaven_errors_total{{faultmaven_error_code="{code}"}}
            )
            unless
            sum by (service_name, deployment_environment_name, faultmaven_error_code) (
              faultmaven_errors_total{{faultmaven_error_code="{code}"}} offset 15m
            )
          ) > {count}
          and on () (up{{job="faultmaven"}} offset 15m == 1)
        keep_firing_for: 5m
        labels:
          severity: {severity}
          area: errors
          category: {category}
          error_code: {code}
        annotations:
          summary: "{code} at {{{{ $labels.service_name }}}}: {about}"
          description: '{{{{ printf "%.0f" $value }}}} in 15 minutes, limit {count} ({number}).'
          logs: >-
            {{service_name="{{{{ $labels.service_name }}}}"}} | faultmaven_error_code="{code}"
"""


def rule(code: ErrorCode) -> str:
    """Write the alert of one code."""
    limit = LIMITS[code.severity]
    return RULE.format(
        code=code.mnemonic, number=code.number, category=code.category, about=code.description,
        count=limit.count, severity=limit.severity,
    )


def files(root: Path) -> dict[Path, str]:
    """Give the rule file's text."""
    text = HEADER + "".join(rule(code) for code in CATALOGUE)
    return {root / "collector/rules/error_codes.yml": text}
