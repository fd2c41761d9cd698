"""Every logger of the comparison, set up as its own documentation has it, behind one shape.

A configuration is started once per process: two of them in one would see each other's records.
The reference record has a template, one argument and six extras, one of them a nested object.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Call = Callable[[int], Any]

REFERENCE = "6 extras"
VARIANTS = (REFERENCE, "no extra", "exc_info", "disabled")
CONTEXT = {
    "correlation_id": "b6a7f4f2c0de4d1f", "session_id": "s-20431", "user_id": "u-77",
    "case_id": "case-5512", "agent_phase": "define_blast_radius",
}
"""Only our records carry it: no peer has a request context of its own."""


def extras(number: int) -> dict[str, Any]:
    """Return the six extras of the reference record, made anew as a caller's literal is."""
    return {
        "provider": "fireworks", "milestone": "data_validated", "attempt": number,
        "ratio": 0.25, "cached": False, "detail": {"host": "web-1", "ports": [80, 443]},
    }


@dataclass
class Place:
    """Where a configuration sends its records."""

    endpoint: str = ""
    folder: Path = field(default_factory=Path)


@dataclass
class Running:
    """A logger that was started: one call per variant, and how to bring everything out."""

    calls: dict[str, Call]
    flush: Callable[[], Any] = lambda: None
    around: Callable[[], Any] = ExitStack


def _fail(number: int) -> None:
    message = f"no answer for {number}"
    raise ConnectionError(message)


def _fail_deeper(number: int) -> None:
    _fail(number)


def stdlib_calls(logger: logging.Logger) -> dict[str, Call]:
    """Return the calls of a program that uses stdlib logging."""

    def reference(number: int) -> None:
        logger.info("Processing %s", number, extra=extras(number))

    def plain(number: int) -> None:
        logger.info("Processing %s", number)

    def failing(number: int) -> None:
        try:
            _fail_deeper(number)
        except ConnectionError:
            logger.info("Processing %s", number, exc_info=True, extra=extras(number))

    def disabled(number: int) -> None:
        logger.debug("Processing %s", number, extra=extras(number))

    return dict(zip(VARIANTS, (reference, plain, failing, disabled), strict=True))


def _stdlib(handler: logging.Handler) -> Running:
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    return Running(stdlib_calls(logging.getLogger("bench.app")))


def null_handler(_: Place) -> Running:
    """Return stdlib logging that discards: what the API itself costs."""
    return _stdlib(logging.NullHandler())


def stream_handler(_: Place) -> Running:
    """Return stdlib logging's usual text."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    return _stdlib(handler)


def _python_json_logger(formatter: type[logging.Formatter]) -> Running:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter(
        "%(asctime)s %(levelname)s %(name)s %(message)s %(module)s %(funcName)s %(lineno)d",
    ))
    return _stdlib(handler)


def python_json_logger(_: Place) -> Running:
    """Return python-json-logger with its default encoder."""
    from pythonjsonlogger.json import JsonFormatter

    return _python_json_logger(JsonFormatter)


def python_json_logger_orjson(_: Place) -> Running:
    """Return python-json-logger on orjson."""
    from pythonjsonlogger.orjson import OrjsonFormatter

    return _python_json_logger(OrjsonFormatter)


def structlog_orjson(_: Place) -> Running:
    """Return structlog as its page on performance advises: no call site, no ids."""
    import orjson
    import structlog

    structlog.configure(
        cache_logger_on_first_use=True,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
    )
    logger = structlog.get_logger()

    def reference(number: int) -> None:
        logger.info("Processing %s", number, **extras(number))

    def plain(number: int) -> None:
        logger.info("Processing %s", number)

    def failing(number: int) -> None:
        try:
            _fail_deeper(number)
        except ConnectionError:
            logger.info("Processing %s", number, exc_info=True, **extras(number))

    def disabled(number: int) -> None:
        logger.debug("Processing %s", number, **extras(number))

    return Running(dict(zip(VARIANTS, (reference, plain, failing, disabled), strict=True)))


def loguru_serialize(_: Place) -> Running:
    """Return loguru writing JSON."""
    from loguru import logger

    logger.remove()
    logger.add(sys.stdout, serialize=True, level="INFO")

    def reference(number: int) -> None:
        logger.info("Processing {}", number, **extras(number))

    def plain(number: int) -> None:
        logger.info("Processing {}", number)

    def failing(number: int) -> None:
        try:
            _fail_deeper(number)
        except ConnectionError:
            logger.opt(exception=True).info("Processing {}", number, **extras(number))

    def disabled(number: int) -> None:
        logger.debug("Processing {}", number, **extras(number))

    return Running(dict(zip(VARIANTS, (reference, plain, failing, disabled), strict=True)))


def upstream_otlp(place: Place) -> Running:
    """Return OpenTelemetry's own handler, batch processor and OTLP/HTTP exporter."""
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.instrumentation.logging.handler import LoggingHandler
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    provider = LoggerProvider(Resource.create({"service.name": "bench"}))
    exporter = OTLPLogExporter(endpoint=place.endpoint)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    running = _stdlib(LoggingHandler(logger_provider=provider, log_code_attributes=True))
    running.flush = provider.force_flush
    return running


def _fm_otel(**settings: Any) -> Running:
    import fm_otel

    handle = fm_otel.configure(service="bench", level="INFO", format="json", **settings)
    return Running(
        stdlib_calls(logging.getLogger("bench.app")),
        handle.force_flush,
        lambda: fm_otel.bound_context(**CONTEXT),
    )


def _fm_json(*, redact: bool) -> Callable[[Place], Running]:
    return lambda _: _fm_otel(console="own", redact=redact)


def _fm_file(*, redact: bool) -> Callable[[Place], Running]:
    def start(place: Place) -> Running:
        return _fm_otel(console="off", file=str(place.folder / "bench.jsonl"), redact=redact)

    return start


def _fm_otlp(*, redact: bool) -> Callable[[Place], Running]:
    def start(place: Place) -> Running:
        os.environ["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"] = place.endpoint
        return _fm_otel(console="off", redact=redact)

    return start


FLOOR, PJL, UPSTREAM = "stdlib NullHandler", "python-json-logger", "upstream OTLP/HTTP"
JSON_OFF, JSON_ON = "fm_otel JSON, redact off", "fm_otel JSON, redact on"
FILE_OFF, FILE_ON = "fm_otel file, redact off", "fm_otel file, redact on"
OTLP_OFF, OTLP_ON = "fm_otel OTLP, redact off", "fm_otel OTLP, redact on"

CONFIGURATIONS: dict[str, Callable[[Place], Running]] = {
    FLOOR: null_handler,
    "stdlib StreamHandler text": stream_handler,
    PJL: python_json_logger,
    "python-json-logger orjson": python_json_logger_orjson,
    "structlog + orjson": structlog_orjson,
    "loguru serialize": loguru_serialize,
    UPSTREAM: upstream_otlp,
    JSON_OFF: _fm_json(redact=False),
    JSON_ON: _fm_json(redact=True),
    FILE_OFF: _fm_file(redact=False),
    FILE_ON: _fm_file(redact=True),
    OTLP_OFF: _fm_otlp(redact=False),
    OTLP_ON: _fm_otlp(redact=True),
}
OURS = tuple(name for name in CONFIGURATIONS if name.startswith("fm_otel"))


@contextmanager
def recording_span() -> Iterator[None]:
    """Put a recording, sampled span in force, that goes nowhere."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    tracer = TracerProvider(sampler=ALWAYS_ON).get_tracer("bench")
    with tracer.start_as_current_span("bench"):
        yield
