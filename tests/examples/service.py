import asyncio

from fm_otel import LogContext, audit, configure, get_logger, set_agent_phase, set_request_context

logger = get_logger(__name__)                        # a stdlib logging.Logger


async def diagnose(session_id: str, user_id: str) -> None:
    set_request_context({"session_id": session_id, "user_id": user_id})
    set_agent_phase("define_blast_radius")           # an event: from, to, time in the phase left
    with LogContext(logger, "process_query", data_type="log_file") as ctx:
        ctx.logger.info("Processing milestone reached", extra={"milestone": "data_validated"})
        ctx.set(tokens_used=500, cache_hit=False)    # stands on the end record
    audit("case_shared", outcome="success", resource="case_1")


if __name__ == "__main__":
    configure(service="faultmaven-api")              # not needed under a launcher
    asyncio.run(diagnose("session_123456", "user_789"))
