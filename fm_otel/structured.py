"""Structured messages over stdlib: a record whose message is an event, not a text.

structlog hands its events to stdlib either as a dict (``ProcessorFormatter``) or as one JSON
object in text (``JSONRenderer``). Both become an ordinary record: the event is the message, the
other fields are extras, the exception is the record's exception. structlog is not imported.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

ASIDE: Final = "_fm_otel_aside"
"""Attribute of a record that holds extras which may not be attributes of it."""

NOTES: Final = "_fm_otel_notes"
"""Attribute of a record that names what was changed before it was made."""

_PRIVATE: Final = ("_logger", "_name", "_record", "_from_structlog")
_DOUBLES: Final = ("timestamp", "level", "logger", "logger_name")
_TEXT: Final = ("event", "message")


def unpacked(record: logging.LogRecord) -> logging.LogRecord | None:
    """Return ``record`` with its event unpacked, or None when its message is just a message."""
    event = _event(record)
    if event is None:
        return None
    fields = {str(key): value for key, value in event.items()}
    for key in (*_PRIVATE, *_DOUBLES):
        fields.pop(key, None)
    plain = logging.makeLogRecord(record.__dict__)
    plain.args = None
    plain.msg = next(fields.pop(key) for key in _TEXT if key in fields)
    for key in _PRIVATE:
        plain.__dict__.pop(key, None)
    _move_exception(fields, plain)
    for key, value in fields.items():
        target = plain.__dict__
        if key in target:
            target = target.setdefault(ASIDE, {})
        target[key] = value
    return plain


def _event(record: logging.LogRecord) -> Mapping[str, object] | None:
    msg: Any = record.msg
    if type(msg) is str and not record.args and msg[:1] == "{" and msg[-1:] == "}":
        try:
            msg = orjson.loads(msg)
        except ValueError:
            return None
    if type(msg) is dict and any(key in msg for key in _TEXT):
        return msg
    return None


def _move_exception(fields: dict[str, object], plain: logging.LogRecord) -> None:
    """Let the event's ``exc_info`` or rendered ``exception`` be the record's."""
    exc_info = fields.pop("exc_info", None)
    if exc_info and not plain.exc_info:
        if isinstance(exc_info, BaseException):
            plain.exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
        elif isinstance(exc_info, tuple):
            plain.exc_info = exc_info
        else:
            plain.exc_info = sys.exc_info()
    exception = fields.get("exception")
    if isinstance(exception, str) and not plain.exc_info:
        plain.exc_text = exception
        del fields["exception"]
    stack = fields.pop("stack_info", None) or fields.pop("stack", None)
    if isinstance(stack, str):
        plain.stack_info = stack
