"""Audit records: who did what to what, with which outcome."""

from __future__ import annotations

import logging
from typing import Final

from fm_otel import settings
from fm_otel.context import as_extra, current_snapshot

_MEMBERS: Final = ("category", "actor", "resource", "reason")
_FAILURES: Final = frozenset({"failure", "failed", "denied", "error", "blocked"})

_CATEGORY_OF: Final = {
    "login": "authentication",
    "logout": "authentication",
    "login_failed": "authentication",
    "password_changed": "authentication",
    "role_assigned": "authorization",
    "role_removed": "authorization",
    "case_shared": "authorization",
    "kb_document_shared": "authorization",
}
_CATEGORY_OF_PREFIX: Final = {
    "authn": "authentication",
    "session": "authentication",
    "authz": "authorization",
    "privilege": "authorization",
    "sensitive": "data_access",
    "upload": "data_access",
    "account": "administration",
    "org": "administration",
    "team": "administration",
    "user": "administration",
    "sys": "administration",
    "crypt": "security",
    "excess": "security",
    "input": "security",
    "malicious": "security",
    "mcp": "security",
    "sequence": "security",
}


def audit(action: str, *, outcome: str, **fields: object) -> None:
    """Write an audit record: never sampled, whatever the levels, in the kernel on return.

    ``category``, ``actor``, ``resource`` and ``reason`` are part of the audit object, other
    fields are ordinary extras. The actor defaults to the context's ``user_id``, the category
    follows from well-known actions.
    """
    if not settings.active().enable_audit:
        return
    logger = logging.getLogger("faultmaven.audit")
    extra = {
        "event": "faultmaven.audit",
        "audit": _audit_object(action, outcome, fields),
        **as_extra(logger, {key: fields[key] for key in fields if key not in _MEMBERS}),
    }
    level = logging.WARNING if outcome in _FAILURES else logging.INFO
    path, line, function, _ = logger.findCaller(stacklevel=2)
    record = logger.makeRecord(
        logger.name, level, path, line, action, (), None, function, extra,
    )
    # Past isEnabledFor and filters: neither levels nor logging.disable() may silence an audit.
    logger.callHandlers(record)


def _audit_object(action: str, outcome: str, fields: dict[str, object]) -> dict[str, object]:
    given: dict[str, object] = {
        "category": _category(action),
        "actor": current_snapshot().fields.get("user_id"),
        **{key: fields[key] for key in _MEMBERS if key in fields},
    }
    present = {key: str(value) for key, value in given.items() if value is not None}
    return {"action": action, "outcome": outcome, **present}


def _category(action: str) -> str | None:
    return _CATEGORY_OF.get(action) or _CATEGORY_OF_PREFIX.get(action.partition("_")[0])
