"""``FaultMavenFormatter``: the same line without the engine."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from typing import Any

import fm_otel
from fm_otel.schema import check

CASES: dict[str, dict[str, Any]] = {
    "plain": {"msg": "hello"},
    "arguments": {"msg": "%s-%d", "args": ("a", 5)},
    "extras": {"msg": "m", "extra": {"a": 1, "tokens_used": 5, "nested": {"x": [None, 1.5]}}},
    "secret": {"msg": "password=hunter2hunter2", "extra": {"api_key": "abcdef0123456789"}},
    "event": {"msg": "m", "extra": {"event": "e", "operation": "o", "outcome": "ok"}},
    "unicode": {"msg": "snow ☃ and \u202e bidi \x1b[31mred", "extra": {"ключ": "значение"}},
    "code": {"msg": "m", "extra": {"error_code": "SESSION_EXPIRED"}, "level": logging.ERROR},
}


def handler() -> tuple[logging.Handler, io.StringIO]:
    stream = io.StringIO()
    own = logging.StreamHandler(stream)
    own.setFormatter(fm_otel.FaultMavenFormatter())
    return own, stream


def test_formatter_gives_the_engines_line(engine: Any, root_logger: logging.Logger) -> None:
    """Every case is the same object from both writers, ids included, inside one call."""
    root_logger.handlers.clear()
    read = engine()
    own, stream = handler()
    log = logging.getLogger("formatter.probe")
    log.addHandler(own)
    try:
        with fm_otel.bound_context(session_id="s1", tenant="t"):
            for case in CASES.values():
                log.log(
                    case.get("level", logging.INFO), case["msg"], *case.get("args", ()),
                    extra=case.get("extra"),
                )
            try:
                raise ValueError("broken")
            except ValueError:
                log.exception("failed")
    finally:
        log.removeHandler(own)
    formatted = [json.loads(line) for line in stream.getvalue().splitlines()]
    written = read()
    assert len(written) == len(CASES) + 1
    for one, other in zip(formatted, written, strict=True):
        other["error"] = {k: v for k, v in other.get("error", {}).items() if k != "repeat"}
        one["error"] = {k: v for k, v in one.get("error", {}).items() if k != "repeat"}
        assert one == other


def test_formatter_alone_makes_its_own_ids() -> None:
    """Without an engine a dictConfig user gets valid, numbered, redacted lines."""
    stream = io.StringIO()
    logging.config.dictConfig({
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "fm_otel.FaultMavenFormatter"}},
        "handlers": {"own": {
            "class": "logging.StreamHandler", "formatter": "json", "stream": stream,
        }},
        "loggers": {"alone": {"handlers": ["own"], "level": "INFO", "propagate": False}},
    })
    log = logging.getLogger("alone")
    log.info("one")
    log.warning("token=ghp_abcdefghijklmnopqrstuvwxyz0123456789")
    log.handlers.clear()
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert check(first) == check(second) == []
    assert second["seq"] == first["seq"] + 1
    assert first["record_id"] != second["record_id"]
    assert "ghp_" not in second["message"]
