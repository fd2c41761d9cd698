"""What ``fm-otel doctor`` finds in the logging tree of a program that was imported."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final

from fm_otel.cli.checks import NOTE, PROBLEM, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

_BRIDGES: Final = (
    "opentelemetry.sdk._logs",
    "opentelemetry.instrumentation.logging",
)
_OWN_LOGGERS: Final = "fm_otel"


def inspect(console: str) -> Iterator[Finding]:
    """Judge every logger and handler there is; ``console`` is the setting of that name."""
    if logging.root.manager.disable > logging.NOTSET:
        level = logging.getLevelName(logging.root.manager.disable)
        yield Finding(PROBLEM, f"logging.disable({level}): nothing up to that level reaches us")
    for logger in all_loggers():
        yield from _logger(logger)
        for handler in logger.handlers:
            yield from _handler(logger, handler, console)
    yield from _other_libraries()


def all_loggers() -> list[logging.Logger]:
    """Return the root logger and every other one, by name."""
    named = (logging.root.manager.loggerDict[name]
             for name in sorted(logging.root.manager.loggerDict))
    return [logging.root, *(item for item in named if isinstance(item, logging.Logger))]


def _logger(logger: logging.Logger) -> Iterator[Finding]:
    if logger.name.partition(".")[0] == _OWN_LOGGERS:
        return
    if logger.disabled:
        yield Finding(PROBLEM, f"logger {logger.name} is disabled: its records reach nobody "
                      "(disable_existing_loggers of a dictConfig?)")
    if logger.level > logging.WARNING:
        level = logging.getLevelName(logger.level)
        yield Finding(NOTE, f"logger {logger.name} lets only {level} and above through")
    if logger.filters:
        yield Finding(NOTE, f"logger {logger.name} has filters, which may refuse records")
    if "callHandlers" in vars(type(logger)) and not _is_stdlib_or_ours(type(logger)):
        yield Finding(PROBLEM, f"logger {logger.name} of type {_name(type(logger))} has its own "
                      "callHandlers: its records may not reach us")


def _handler(
    logger: logging.Logger, handler: logging.Handler, console: str
) -> Iterator[Finding]:
    module = type(handler).__module__
    if module.startswith(_BRIDGES):
        yield Finding(PROBLEM, f"a second bridge, {_name(type(handler))} on logger "
                      f"{logger.name}: OTLP records would be doubled")
    elif console == "tee" and not module.startswith("fm_otel"):
        yield Finding(NOTE, f"handler {_name(type(handler))} on logger {logger.name} gets "
                      "records as they are, secrets included (FM_OTEL_CONSOLE=tee)")
    elif isinstance(handler, logging.FileHandler):
        yield Finding(NOTE, f"handler {_name(type(handler))} on logger {logger.name} writes "
                      "records as they are, secrets included")


def _other_libraries() -> Iterator[Finding]:
    """Name logging libraries whose records do not pass through ``logging`` by themselves."""
    if "loguru" in sys.modules:
        yield Finding(NOTE, "loguru is in use: its records reach us only through a sink that "
                      "hands them to logging")
    structlog = sys.modules.get("structlog")
    if structlog is not None and structlog.is_configured():
        factory = type(structlog.get_config()["logger_factory"])
        if "stdlib" not in factory.__module__:
            yield Finding(PROBLEM, f"structlog writes by itself ({_name(factory)}): use "
                          "structlog.stdlib.LoggerFactory, or its records do not reach us")


def _is_stdlib_or_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in {"logging", "fm_otel"}


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
