import logging

from fm_otel import bound_context

logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
logger = logging.getLogger("faultmaven.services.agent_service")


def connect(url: str) -> None:
    raise ConnectionError(f"cannot reach {url}")


with bound_context(session_id="session_123456", agent_phase="validate_hypothesis"):
    try:
        connect("redis://cache:s3cr3t-pa55@10.0.0.5:6379/0")
    except ConnectionError:
        logger.error("Query failed", extra={"error_code": "INFRA_001", "duration_ms": 1234})
