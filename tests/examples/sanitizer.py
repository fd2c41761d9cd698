import logging

from fm_otel import configure


def sanitize(text: str) -> str:
    return text.replace("Project Falcon", "[project]")


configure(redactor=sanitize)
logging.getLogger("faultmaven").info("Project Falcon: case EMP-123456 opened")
