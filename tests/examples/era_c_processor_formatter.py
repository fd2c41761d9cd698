import logging
import sys

import structlog

shared = [structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name]
structlog.configure(
    processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
)
console = logging.StreamHandler(sys.stdout)
console.setFormatter(structlog.stdlib.ProcessorFormatter(
    processor=structlog.processors.JSONRenderer(), foreign_pre_chain=shared,
))
logging.basicConfig(handlers=[console], level=logging.INFO)
structlog.get_logger("faultmaven.session").info("Session created", session_id="s1")
