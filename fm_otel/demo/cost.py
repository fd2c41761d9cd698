"""What one record costs the caller: ``fm-otel run -- python -m fm_otel.demo.cost``.

Logs to the console as every program does, and prints its measurement as the last line, one JSON
object, on stderr.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Final

from fm_otel import bound_context, get_logger

logger = get_logger("faultmaven.services.cost")

WARM_UP: Final = 300
RECORDS: Final = 3000
_BURST: Final = 50
_REST_SECONDS: Final = 0.005


def measure() -> dict[str, float]:
    """Time single calls: message with arguments, three extras, a request context of four."""
    with bound_context(correlation_id="cost-1", session_id="session_1", user_id="user_1",
                       agent_phase="validate_hypothesis"):
        for number in range(WARM_UP):
            _timed(number)
        began = time.process_time_ns()
        calls = [_paced(number) for number in range(RECORDS)]
        # The worker is given time to finish, so that its CPU is counted too.
        time.sleep(0.3)
        cpu = time.process_time_ns() - began
    return {
        "records": RECORDS,
        "p50_us": statistics.median(calls) / 1000,
        "p99_us": statistics.quantiles(calls, n=100)[98] / 1000,
        "cpu_us": cpu / RECORDS / 1000,
    }


def _paced(number: int) -> int:
    """Pause now and then: a service does other things between its records."""
    if number % _BURST == 0:
        time.sleep(_REST_SECONDS)
    return _timed(number)


def _timed(number: int) -> int:
    began = time.perf_counter_ns()
    logger.info("Provider %s answered query %d", "fireworks", number,
                extra={"tokens_used": 120 + number, "cache_hit": False, "provider": "fireworks"})
    return time.perf_counter_ns() - began


if __name__ == "__main__":
    sys.stderr.write(json.dumps(measure()) + "\n")
