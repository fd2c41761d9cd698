"""Laws of redaction, on generated text."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fm_otel.redaction import Redactor
from fm_otel.redaction.normalise import clean_text
from tests.redaction.score import leaks
from tests.redaction.secret_values import ISSUED, Values

REDACTOR = Redactor(project_root="")
PIECES = st.sampled_from([
    "password", "token", "=", ": ", '"', "'", "\\", "\n", " ", "{", "}", "[", "]", "(", ")", "https://", "@", ":",
    "bob", "hunter2x", "is", "the", "eyJ", "-----BEGIN PRIVATE KEY-----", "Bearer ", "4111 1111 1111 1111", "+1 415 555 0100",
    "[REDACTED:password]", "[REDACTED:", "Cookie: a=b1c2d3", "\u200b", "\x1b[31m", "密码是", "/home/a/b", "?code=", "&", ",", ";",
    "kind: Secret\ndata:\n  a: ", "$2b$12$", "-u ", "mysql -p", "value", "name: ", "api_key", "secret", "\x00", "\ud800", "|", "insert into t (password) values (",
])  # fmt: skip
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=24).map("".join)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.one_of(PIECES, st.text(max_size=12)), inner, max_size=4)),
    max_leaves=12,
)
SLOW = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(TEXTS)
def test_redaction_is_total_and_a_second_run_changes_nothing(text: str) -> None:
    """Any text gives a text, and that text is final."""
    once = REDACTOR.text(text)
    assert REDACTOR.text(once) == once


@SLOW
@given(JSON)
def test_any_json_value_keeps_its_shape(value: object) -> None:
    """The result is JSON again, and redacting it again changes nothing."""
    once = REDACTOR.value("extra_value", value)
    json.dumps(once)
    assert json.dumps(REDACTOR.value("extra_value", once)) == json.dumps(once)


@SLOW
@given(st.text(alphabet=" abcdefghijklmnopqrstuvwxyz0123456789.,", max_size=80), st.sampled_from(sorted(ISSUED)),
       st.integers(0, 10_000), st.text(alphabet=" \n.,;\"'()[]{}<>", max_size=6))
def test_an_issued_token_survives_in_no_surroundings(before: str, kind: str, seed: int, after: str) -> None:
    """Whatever stands around it, separated by a sign, the token goes."""
    if kind in ("kubeadm", "slack_webhook_path"):
        return  # known by their context only
    secret = Values(seed).make(kind)
    assert not leaks(secret, REDACTOR.text(f"{before} {secret} {after}"))


@SLOW
@given(st.lists(st.sampled_from("the case was opened and read by a worker in phase two after some time".split()), max_size=30).map(" ".join))
def test_plain_words_are_returned_as_they_are(text: str) -> None:
    """Prose without any sign of a secret is the same object."""
    assert REDACTOR.text(text) is text


@SLOW
@given(st.text())
def test_cleaned_text_is_harmless_and_final(text: str) -> None:
    """No control character but tab and newline, no surrogate, no bidi control; idempotent."""
    clean = clean_text(text)
    clean.encode("utf-8")
    assert clean_text(clean) is clean
    assert not any((c < " " and c not in "\t\n") or "\x7f" <= c <= "\x9f" or c in "\u2028\u2029\u202e" for c in clean)
