"""The agent: one query of a case is one step of the investigation, in the phase it is in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fm_otel import LogContext, get_logger, set_agent_phase
from fm_otel.demo.store import PHASES, Case

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fm_otel.demo.llm import Answer, Router

logger = get_logger("faultmaven.services.agent_service")

_COMPLEX_FROM = 12
_SLOW_SECONDS = 0.6
_SLOW_LIMIT_MS = 500


class Agent:
    """Works on cases with the help of an LLM router."""

    def __init__(self, router: Router) -> None:
        self._router = router

    async def process(
        self,
        case: Case,
        query: str,
        base_url: str,
        *,
        broken: frozenset[str] = frozenset(),
        slow: bool = False,
    ) -> Answer:
        """Take one step: enter the next phase, look around, ask the model."""
        spent = case.advance()
        if spent is not None:
            # A case outlives the request, so its time in the phase is the case's to know.
            set_agent_phase(case.phase, duration_ms=round(spent * 1000, 3))
        with LogContext(logger, "process_user_query", query_complexity=complexity(query)) as ctx:
            # The user's own words, as careless services log them; redaction has to cope.
            logger.info("Processing troubleshooting query: %s", query)
            if slow:
                await self._collect_slowly(ctx)
            self._work(case.phase, case)
            prompt = f"{case.phase}: {query}"
            answer = await self._router.route(prompt, base_url, broken)
            ctx.set(tokens_used=answer.tokens_used, cache_hit=answer.cache_hit)
            return answer

    async def stream(self, case: Case) -> AsyncIterator[str]:
        """Yield the report on a case piece by piece, as a model speaks."""
        with LogContext(logger, "synthesize_report", case_id=case.case_id) as ctx:
            for number, phase in enumerate(PHASES, start=1):
                await asyncio.sleep(0.02)
                logger.debug("Sending part %d", number)
                yield f"{number}. {phase.replace('_', ' ')}\n"
            ctx.set(parts=len(PHASES))

    async def _collect_slowly(self, ctx: LogContext) -> None:
        await asyncio.sleep(_SLOW_SECONDS)
        ctx.logger.warning(
            "Slow operation: collecting evidence took longer than %d ms", _SLOW_LIMIT_MS,
            extra={"duration_ms": _SLOW_SECONDS * 1000, "threshold_ms": _SLOW_LIMIT_MS},
        )

    def _work(self, phase: str, case: Case) -> None:
        """Say what the phase found: one business event for each phase."""
        match phase:
            case "define_blast_radius":
                logger.info("Blast radius defined", extra={"services_affected": 3})
            case "establish_timeline":
                logger.info("Timeline established", extra={"events": 14, "span_minutes": 37})
            case "formulate_hypothesis":
                logger.info("Hypothesis formulated", extra={"hypothesis_id": "h1",
                                                            "confidence": 0.62})
            case "validate_hypothesis":
                logger.info("Hypothesis validated", extra={"hypothesis_id": "h1",
                                                           "evidence": len(case.data_ids)})
            case "propose_solution":
                logger.info("Solution proposed", extra={"steps": ["roll back", "add an alert"]})


def complexity(query: str) -> str:
    """Guess how complex a query is."""
    return "high" if len(query.split()) >= _COMPLEX_FROM else "simple"
