"""Context fields as headers: their names, and what is taken from a header of unknown origin."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Final

from fm_otel.fields import ID_PATTERN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CORRELATION_HEADER: Final = "X-Correlation-ID"
REQUEST_ID_HEADER: Final = "X-Request-ID"

_HEADER_OF: Final = {
    "correlation_id": CORRELATION_HEADER,
    "request_id": REQUEST_ID_HEADER,
    "session_id": "X-Session-ID",
    "case_id": "X-Case-ID",
    "investigation_id": "X-Investigation-ID",
    "user_id": "X-User-ID",
}
# Both names are in use for the same thing; the schema has one field for it.
_ALWAYS_TAKEN: Final = (
    ("session_id", "X-Session-ID"),
    ("investigation_id", "X-Case-ID"),
    ("investigation_id", "X-Investigation-ID"),
)
_is_valid: Final = re.compile(ID_PATTERN).fullmatch


def header_of(field: str) -> str:
    """Give the header that carries a context field."""
    return _HEADER_OF.get(field) or "X-FM-" + field.replace("_", "-").title()


def valid_id(value: str | None) -> str | None:
    """Give back an id that may be taken over, None for anything else."""
    return value if value is not None and _is_valid(value) else None


def new_id() -> str:
    """Make a correlation id."""
    return str(uuid.uuid4())


def correlation_id_in(header: Callable[[str], str | None]) -> str | None:
    """Take the correlation id from the headers that may hold one."""
    return valid_id(header(CORRELATION_HEADER)) or valid_id(header(REQUEST_ID_HEADER))


def fields_in(
    header: Callable[[str], str | None],
    propagated: Iterable[str] = (),
) -> dict[str, str]:
    """Take the valid context fields from the headers, the correlation id aside."""
    named = [(field, header_of(field)) for field in propagated if field != "correlation_id"]
    taken = ((field, valid_id(header(name))) for field, name in (*named, *_ALWAYS_TAKEN))
    return {field: value for field, value in taken if value is not None}
