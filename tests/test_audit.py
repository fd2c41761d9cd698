"""Audit records."""

from __future__ import annotations

import logging

import pytest

from fm_otel.audit import audit
from fm_otel.context import bound_context
from tests.request_door import configured, recorded


@pytest.fixture(autouse=True)
def _settings():
    with configured():
        yield


def test_record(request):
    """Action is the message; members go into the audit object, other fields are extras."""
    with recorded() as log, bound_context(user_id="u1"):
        audit("case_shared", outcome="success", resource="case/c1", case_id="c1")
    seen = log.the("faultmaven.audit")
    assert seen.message == "case_shared"
    assert seen.levelno == logging.INFO
    assert seen.funcName == request.node.name
    assert seen.extras == {
        "event": "faultmaven.audit",
        "audit": {"action": "case_shared", "outcome": "success", "category": "authorization",
                  "actor": "u1", "resource": "case/c1"},
        "case_id": "c1",
    }


@pytest.mark.parametrize(
    ("action", "category"),
    [("login_failed", "authentication"), ("authn_login_fail", "authentication"),
     ("session_expired", "authentication"), ("authz_fail", "authorization"),
     ("org_created", "administration"), ("sensitive_read", "data_access"),
     ("malicious_sqli", "security"), ("something_else", None)],
)
def test_category_follows_from_known_actions(action, category):
    """FaultMaven's and OWASP's names fall into the five categories; the set stays open."""
    with recorded() as log:
        audit(action, outcome="success")
    assert log.the("faultmaven.audit").audit.get("category") == category


def test_given_members_win():
    """What the caller says is not replaced by a default."""
    with recorded() as log, bound_context(user_id="u1"):
        audit("login", outcome="denied", actor="u2", category="security", reason="locked")
    seen = log.the("faultmaven.audit")
    assert seen.audit == {"action": "login", "outcome": "denied", "category": "security",
                          "actor": "u2", "reason": "locked"}
    assert seen.levelno == logging.WARNING


def test_no_level_silences_an_audit():
    """Levels, filters and ``logging.disable`` are for diagnostics, not for audits."""
    logger = logging.getLogger("faultmaven.audit")
    logger.setLevel(logging.CRITICAL)
    logger.disabled = True
    logging.disable(logging.CRITICAL)
    try:
        with recorded() as log:
            audit("login", outcome="success")
    finally:
        logging.disable(logging.NOTSET)
        logger.disabled = False
        logger.setLevel(logging.NOTSET)
    assert log.the("faultmaven.audit").message == "login"


def test_none_is_made_when_the_channel_is_off():
    """LOG_ENABLE_AUDIT=false: none is made."""
    with recorded() as log, configured(LOG_ENABLE_AUDIT="false"):
        audit("login", outcome="success")
    assert log.seen == []


def test_fields_named_like_record_attributes_do_not_raise():
    """An audit is never lost to the name of a field."""
    with recorded() as log:
        audit("login", outcome="success", name="x", args=(1,), module="m")
    assert log.the("faultmaven.audit").extras["extra"].keys() == {"name", "args", "module"}
