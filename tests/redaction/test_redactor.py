"""The redactor's contract: total, idempotent, identity for clean input, nothing leaves twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fm_otel.redaction import RULES, RedactionError, Redactor, find_secrets
from fm_otel.redaction.normalise import GUARD, WINDOW

KEY = "k" * 32


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(project_root="/srv/app/")


def test_clean_text_comes_back_as_the_same_object(redactor: Redactor) -> None:
    """Identity tells the pipeline that nothing has to be encoded again."""
    for text in ("all is well", "token expired", "x" * 500, "größe 12", "a\nb\tc"):
        assert redactor.text(text) is text
        assert redactor.text(text) is text


def test_clean_mappings_come_back_as_the_same_object(redactor: Redactor) -> None:
    """Extras without a secret are not copied."""
    extras = {"a": 1, "b": ["x", {"c": None}], "tokens_used": 500, "operation": "process_query"}
    assert redactor.mapping(extras) is extras


def test_input_is_never_mutated(redactor: Redactor) -> None:
    """What the application logged stays as it was."""
    extras = {"a": {"password": "hunter2x", "list": ["bob@example.com", 1]}}
    before = json.dumps(extras)
    assert redactor.mapping(extras) != extras
    assert json.dumps(extras) == before


def test_nested_secrets_go_and_everything_else_stays(redactor: Redactor) -> None:
    """Keys decide at any depth, values by their own look."""
    extras = {
        "db": {"host": "db-01", "password": "hunter2x", "port": 5432},
        "list": [{"api_key": "a8Fk2LmQ9zXcV4bN7tYw"}, "mail bob@example.com"],
        "credentials": {"user": "bob", "secret": "s3cr3tValue"},
        "passwords": ["one1!", "two2!"],
        "password": None, "token": "", "secret": True,
    }
    assert redactor.mapping(extras) == {
        "db": {"host": "db-01", "password": "[REDACTED:password]", "port": 5432},
        "list": [{"api_key": "[REDACTED:api_key]"}, "mail [REDACTED:email]"],
        "credentials": {"user": "bob", "secret": "[REDACTED:secret]"},
        "passwords": ["[REDACTED:password]", "[REDACTED:password]"],
        "password": None, "token": "", "secret": True,
    }


def test_a_known_secret_goes_wherever_the_text_repeats_it(redactor: Redactor) -> None:
    """Where no name stands beside it, too; part of a longer word, or a plain word, is not it."""
    text = "job token='kq7Zt0mV4x' queued twice: kq7Zt0mV4x, kq7Zt0mV4x9"
    assert redactor.text(text) == "job token='[REDACTED:token]' queued twice: [REDACTED:token], kq7Zt0mV4x9"
    assert redactor.text("password=production on host production") == "password=[REDACTED:password] on host production"


def test_numbers_under_sensitive_keys_go(redactor: Redactor) -> None:
    """A PIN is secret as a number too; a counter named after a secret is not."""
    assert redactor.mapping({"pin": 4711, "password": 123456, "tokens_used": 9, "token_count": 7}) == {
        "pin": "[REDACTED:pin]", "password": "[REDACTED:password]", "tokens_used": 9, "token_count": 7,
    }


def test_keys_pass_the_value_rules(redactor: Redactor) -> None:
    """A secret used as a key leaves as little as one used as a value."""
    assert redactor.mapping({"bob@example.com": 1, "eve@example.com": 2}) == {
        "[REDACTED:email]": 1, "[REDACTED:email]_": 2,
    }


def test_command_line_lists_lose_the_value_of_an_option(redactor: Redactor) -> None:
    """The option's name stands in the element before."""
    assert redactor.value("args", ["run", "--token", "a8Fk2LmQ9zXcV4bN7tYw", "--port", "80"]) == [
        "run", "--token", "[REDACTED:token]", "--port", "80",
    ]


@pytest.mark.parametrize("field", ["operation", "event", "agent_phase", "error_code"])
def test_safe_schema_fields_meet_only_prefix_detectors(redactor: Redactor, field: str) -> None:
    """"reset_password" is an operation; an issued token is a token wherever it stands."""
    assert redactor.mapping({field: "password=reset_password"}) == {field: "password=reset_password"}
    token = "ghp_" + "a1B2" * 9
    assert redactor.schema_text(field, f"x {token}") == "x [REDACTED:github_token]"


def test_ids_that_match_the_pattern_stay(redactor: Redactor) -> None:
    """Correlation, session and case ids are the evidence that joins lines."""
    for value in ("9b2f1c7a-0001", "a.b:c_d", "4bf92f3577b34da6a3ce929d0e0e4736"):
        assert redactor.identifier("session_id", value) is value
    assert redactor.identifier("session_id", "AKIA" + "ABCD2345" * 2) == "[REDACTED:aws_key_id]"


def test_ids_that_do_not_match_are_made_to_match(redactor: Redactor) -> None:
    """Without a key odd characters go; what a rule knows becomes its marker."""
    assert redactor.identifier("session_id", "a b/c") == "a_b_c"
    assert redactor.identifier("session_id", "bob@example.com") == "[REDACTED:email]"
    hashed = Redactor(pseudonym_key=KEY).identifier("session_id", "a b/c")
    assert hashed.startswith("h:")
    assert len(hashed) == 18


def test_user_ids_become_pseudonyms_under_a_key() -> None:
    """The same id gives the same pseudonym in every process; running it again changes nothing."""
    first, second = Redactor(pseudonym_key=KEY), Redactor(pseudonym_key=KEY)
    pseudonym = first.identifier("user_id", "alice")
    assert pseudonym == second.mapping({"user.id": "alice"})["user.id"]
    assert "alice" not in pseudonym
    assert first.identifier("user_id", pseudonym) == pseudonym
    assert pseudonym != Redactor(pseudonym_key="x" * 32).identifier("user_id", "alice")


def test_user_ids_without_a_key_stay_unless_they_are_personal(redactor: Redactor) -> None:
    """A plain id is shown; an address becomes its marker."""
    assert redactor.identifier("user_id", "u-42") == "u-42"
    assert redactor.identifier("user_id", "bob@example.com") == "[REDACTED:email]"


def test_a_short_pseudonym_key_is_refused_and_ids_are_hidden() -> None:
    """Who asked for pseudonyms does not get plain ids because the key was too short."""
    said: list[str] = []
    redactor = Redactor(pseudonym_key="short", report=said.append)
    assert "FM_OTEL_PSEUDONYM_KEY" in said[0]
    assert "short" not in said[0].replace("short;", "")
    assert redactor.identifier("user_id", "alice") == "[REDACTED:user_id]"


def test_hide_replaces_an_id_only_as_a_word(redactor: Redactor) -> None:
    """The raw id goes from the record's message, not from the middle of other words."""
    assert redactor.hide("user alice42 of alice42x", "alice42", "P") == "user P of alice42x"
    assert redactor.hide("bob", "bob", "P") == "bob"


def test_paths_lose_user_and_project(redactor: Redactor) -> None:
    """Home directories become ``~``, project and package files relative; routes stay."""
    stack = (
        'File "/srv/app/main.py", line 1\n  File "/home/alice/x/y.py"\n'
        '  File "/usr/lib/python3/dist-packages/flask/app.py"\n  C:\\Users\\alice\\a.txt'
    )
    assert redactor.stack(stack) == (
        'File "main.py", line 1\n  File "~/x/y.py"\n  File "flask/app.py"\n  ~\\a.txt'
    )
    for text in ("GET /home/alice/x 200", "https://example.com/home/alice/x", "/homeless/a/b"):
        assert redactor.text(text) == text


def test_hosts_go_only_on_request() -> None:
    """Addresses are evidence by default; one switch removes them."""
    text = "connect 10.0.0.1:5432 and db.internal and 2001:db8::1 refused"
    assert Redactor().text(text) == text
    assert Redactor(hide_hosts=True).text(text) == (
        "connect [REDACTED:ip]:5432 and [REDACTED:host] and [REDACTED:ip] refused"
    )


@pytest.mark.parametrize("hidden", [
    "pass\u200bword=hunter2x", "password=hun\u200bter2x", "\x1b[31mpassword\x1b[0m=hunter2x",
    "password=\x1b[1mhunter2x\x1b[0m", "pass\x00word=hunter2x",
])  # fmt: skip
def test_invisible_characters_do_not_hide_a_secret(redactor: Redactor, hidden: str) -> None:
    """Zero-width characters, colours and controls are looked through."""
    assert redactor.text(hidden) == "password=[REDACTED:password]"


def test_a_secret_at_the_windows_edge_does_not_leak(redactor: Redactor) -> None:
    """Wherever the cut falls, no piece of the secret is left."""
    secret = "a1B2c3D4" * 5
    for shift in range(-120, 60, 7):
        text = "word " * ((WINDOW + shift) // 5) + f"password={secret} " + "tail " * 3000
        result = redactor.text(text)
        assert len(result) <= WINDOW + len("[REDACTED:password]")
        assert not any(secret[at : at + 6] in result for at in range(0, 34))


def test_a_secret_that_no_end_is_seen_of_does_not_leak(redactor: Redactor) -> None:
    """A key block longer than the guard, and a quote that never closes, extend to the end."""
    body = "MIIEpAIBAAKCAQEA1b2c3" * 2000
    block = "x " * (WINDOW // 2 - 100) + "-----BEGIN RSA PRIVATE KEY-----\n" + body
    assert "MIIEpA" not in redactor.text(block)
    quoted = "y " * (WINDOW // 2 - 50) + 'password="' + "s3cr3tP4rt-" * 900
    assert "s3cr3t" not in redactor.text(quoted)
    assert len(quoted) > WINDOW + GUARD


def test_text_within_the_window_is_not_cut(redactor: Redactor) -> None:
    """Up to window and guard together the caller decides about length."""
    text = "word " * (WINDOW // 5)
    assert redactor.text(text) is text


def test_the_customers_sanitizer_runs_after_the_rules() -> None:
    """It sees markers, not secrets, and what it returns leaves."""
    seen: list[str] = []

    def custom(text: str) -> str:
        seen.append(text)
        return text.replace("ACME", "[REDACTED:acme]")

    redactor = Redactor(custom=custom)
    assert redactor.text("ACME password=hunter2x") == "[REDACTED:acme] password=[REDACTED:password]"
    assert seen == ["ACME password=[REDACTED:password]"]


@pytest.mark.parametrize("custom", [
    lambda text: 1 / 0, lambda text: None, lambda text: b"x",
    lambda text: __import__("time").sleep(0.05) or text,
])  # fmt: skip
def test_a_failing_or_slow_sanitizer_fails_closed(custom: Any) -> None:
    """An error, a wrong type or a late answer raises RedactionError without any text."""
    with pytest.raises(RedactionError) as raised:
        Redactor(custom=custom).text("password=hunter2x and more")
    assert "hunter2x" not in repr(raised.value)
    assert raised.value.__cause__ is None


def test_depth_is_bounded(redactor: Redactor) -> None:
    """Nesting beyond what the pipeline freezes raises instead of recursing."""
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"a": deep}
    with pytest.raises(RedactionError):
        redactor.mapping(deep)


def test_every_replacement_is_counted(redactor: Redactor) -> None:
    """Counts per rule feed a metric."""
    redactor.text("password=hunter2x bob@example.com eve@example.com")
    redactor.mapping({"api_key": "a8Fk2LmQ9zXcV4bN7tYw"})
    assert redactor.counts == {"password": 1, "email": 2, "api_key": 1}


def test_memory_holds_clean_text_only_and_is_bounded(redactor: Redactor) -> None:
    """No secret is remembered, and a flood of texts does not grow the process."""
    for number in range(10_000):
        redactor.text(f"clean line {number}")
        redactor.text(f"password=hunter{number}x")
    assert len(redactor._clean) <= 4096
    assert not any("hunter" in text for text in redactor._clean)


def test_numbers_in_a_known_message_are_seen(redactor: Redactor) -> None:
    """A message that is clean with one number need not be with another one."""
    for number in range(10, 60):
        assert redactor.text(f"took {number} ms") == f"took {number} ms"
    for digits in ("4111111111111112", "4111111111111113", "4111111111111114"):
        assert redactor.text(f"paid with {digits}") == f"paid with {digits}"
    assert redactor.text("paid with 4111111111111111") == "paid with [REDACTED:card]"


def test_a_sanitizer_sees_every_number() -> None:
    """What the customer's own sanitizer may know is never skipped."""
    redactor = Redactor(custom=lambda text: text.replace("42", "[REDACTED:answer]"))
    assert [redactor.text(f"took {number} ms") for number in (40, 41, 42)] == [
        "took 40 ms", "took 41 ms", "took [REDACTED:answer] ms",
    ]  # fmt: skip


def test_findings_hold_places_and_rules_only() -> None:
    """A finding can be shown to anyone."""
    assert [tuple(f) for f in find_secrets("a password=hunter2x b")] == [("password", 11, 19)]
    assert find_secrets("/home/alice/x") == []


def test_rules_fit_the_collector() -> None:
    """What goes to RE2 has neither lookaround nor back references nor too large repeats."""
    names = {rule.name for rule in RULES}
    assert len(names) > 60
    for rule in RULES:
        if rule.re2 is not None:
            assert not any(bad in rule.re2 for bad in ("(?=", "(?!", "(?<", "\\1", "\\Z"))
            assert f"[REDACTED:{rule.name}]" in rule.replacement


def test_exceptions_never_carry_text(redactor: Redactor, monkeypatch: pytest.MonkeyPatch) -> None:
    """An internal failure becomes RedactionError with a type name."""

    def broken(*_: object) -> str:
        raise ValueError("password=hunter2x")

    monkeypatch.setattr(redactor, "_spans", broken)
    for call in (redactor.text, redactor.stack, redactor.url, lambda s: redactor.value("k", s)):
        with pytest.raises(RedactionError) as raised:
            call("password=hunter2x")
        assert str(raised.value) == "ValueError"
