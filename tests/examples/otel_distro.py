import logging

from opentelemetry import trace

logging.basicConfig(level=logging.INFO)
with trace.get_tracer("faultmaven").start_as_current_span("process_query"):
    logging.getLogger("faultmaven.main").info("Query answered", extra={"tokens_used": 500})
