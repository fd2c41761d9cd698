"""Redaction takes time in proportion to the text, whatever the text is."""

from __future__ import annotations

import time

import pytest

from fm_otel.redaction import RULES, RedactionError, Redactor, Rule, scan
from fm_otel.redaction.normalise import clean_text

SMALL, BIG = 4 * 1024, 16 * 1024
ATTACKS = {
    "a": "a",
    "digits": "1",
    "spaces": " ",
    "newlines": "\n",
    "keys": "password=",
    "keys_spaced": "password ",
    "keys_colon": "token: ",
    "values": "password=x1y2z3 ",
    "quotes": 'password="',
    "escaped_quotes": 'password=\\"',
    "backslashes": "\\",
    "quoted_backslashes": 'password="\\\\',
    "url": "a://b:c",
    "url_at": "://a:b@",
    "at": "@",
    "email": "a@b.",
    "email_long": "aaaa.bbbb@cccc.dddd-",
    "dots": "a.",
    "dashes": "a-",
    "jwt": "eyJ",
    "jwt_dots": "eyJhbGciOiJIUzI1NiJ9.",
    "pem": "-----BEGIN PRIVATE KEY-----",
    "pem_lines": "-----BEGIN PRIVATE KEY-----\nabc\n",
    "card": "4111 ",
    "card_dense": "41111111",
    "phone": "+1 2",
    "plus": "+",
    "iban": "DE89 ",
    "parens": "(1",
    "brackets": "[{(",
    "cookie": "Cookie: a=b; ",
    "bearer": "Bearer ",
    "query": "?a=b&token=c&",
    "access": "GET /?",
    "home": "/home/a/",
    "yaml": "kind: Secret\ndata:\n a: b\n",
    "yaml_list": "keys:\n- a\n",
    "xml": "<property name=\"password\">",
    "insert": "insert into t (password) values ('a',",
    "insert_open": "insert into t (",
    "name_value": "name: password\nvalue: a\n",
    "name_value_open": '"name": "',
    "csi": "\x1b[",
    "osc": "\x1b]",
    "osc_c1": "\x9d",
    "far": "password for a b c ",
    "login": "login with admin ",
    "got": "get secret -o a\n",
    "got_open": "get secret -o ",
    "below": "password:\nabcdefgh\n",
    "cookie_named": "cookie a b ",
    "question": "security question ",
    "sql_option": "options (",
    "list": '"a","-p","b",',
    "list_open": '"a","-p',
    "account": "admin / ",
    "told_now": "password is now ",
    "passphrase": "passphrase is ",
    "passphrase_words": "passphrase: ab cd ef gh ",
    "spoken": "pin one two three ",
    "spoken_digits": "pin 1 2 3 ",
    "use_as": "use a1b2c3d4 as ",
    "asked_bare": "whats the password\n",
    "seven_owls": "pass phrase for a: ",
    "workflow": "##vso[task.setvariable variable=",
    "diffed": "-  - name: password\n-   value: a\n",
    "block": "kind: Secret\ndata:\n a: |\n  QUJD\n",
    "bearer_piped": "{Bearer 1|",
    "cipher_key": "aes key=",
    "alone": "-u abcdefgh12345678: ",
    "token_dash": "token - '",
    "object": "token a.b.C@1 ",
    "told_word": "password is a1b2c3d4 ",
    "asked_quoted": "password? - \"",
    "code_asked": "code? answer: ",
    "unseal": "unseal key ",
    "logon": "sqlplus a/b",
    "slip": "a:/b:c",
    "snmp": "snmpget -A a ",
    "schtasks": "schtasks ",
    "identified_bare": "identified by ",
    "directive": "\npassword a1b2c3d4\n",
    "static_key": "-----BEGIN OpenVPN Static key V1-----\nabcd\n",
    "sasl": "PLAIN\tresp=",
    "auth_prompt": ":6379> AUTH a ",
    "unseal_key": "operator unseal ",
    "hosts": "a://b:c@d,e:f@g,",
    "hash_salt": "$2b$10$",
    "joined": "password is a-b-",
    "phrases": 'password is "ab cd" ',
    "tool_quotes": "zip \"'",
    "fields": "Password: A:b ",
    "echo": "echo a | ",
    "mysql": "mysql -p ",
    "identified": "identified by '",
    "machine": "machine a login b ",
    "mnemonic": "mnemonic abcd efgh ",
    "sql_value": "value = 'a' ",
    "token_run": "ghp_" + "a" * 60,
    "cjk": "密码是",
    "underscores": "_",
    "dollar": "$2b$12$",
    "akia": "AKIAABCDEFGHIJKLMNOP ",
    "site": "/site-packages",
    "input_value": "a\n input_value='",
    "variable": 'variable "a" { ',
    "colon": "a:",
    "slashes": "/a",
    "oracle": "oracle a/b",
    "apos": "'",
    "semi": ";a=",
    "equals": "=",
    "auth": "auth a ",
    "connect": 'connect("a", ',
    "zero_width": "\u200b",
    "is_the": "abc1d is the ",
    "cookie_option": "-b a=",
    "discord": "MTAxxxxxxxxxxxxxxxxxxxxx.",
    "dsn": "a:b@tcp",
    "digest": "Authorization: Digest a=b, ",
    "send": 'send "a',
    "told": "password aB1cdef ",
    "told_signed": "log in aB1!cdef ",
    "changed": "password changed from aB1cde to ",
    "asked": "password?\na: aB1cdef\n",
    "announced": "password:\n\n",
    "one_time": "your code is 1234 ",
    "recovery": "recovery codes ab12-cd34 ",
    "licence": "license key ABC12-",
    "form": 'form-data; name="password"\n\n',
    "reply": '1) "password"\n',
    "put": " --name password --value ",
    "exec": '"-a", ',
    "relay": "[a]:25 b:",
    "access_list": "user a on b ",
    "smtp": "334 UGFzc3dvcmQ6\nZXhhbXBsZQ==\n",
    "ftp": "USER a\n",
    "tags": "password</td><td>",
    "answer": "security answer: ",
}


@pytest.fixture(autouse=True)
def _without_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure growth alone: the budget would cut slow texts short."""
    monkeypatch.setattr(scan, "BUDGET_SECONDS", 60.0)


def seconds(text: str) -> float:
    """Return the processor time of redacting ``text``, the best of three."""
    best = float("inf")
    for _ in range(3):
        redactor = Redactor(project_root="/srv/app/")
        start = time.thread_time()
        redactor.text(text)
        best = min(best, time.thread_time() - start)
    return best


def grows_in_proportion(piece: str) -> bool:
    """Tell whether four times the text costs at most 2.5 times per doubling."""
    small, big = (seconds((piece * (size // len(piece) + 1))[:size]) for size in (SMALL, BIG))
    return big <= max(small * 6.25, 0.02)


@pytest.mark.parametrize("name", ATTACKS)
def test_time_grows_in_proportion_to_adversarial_text(name: str) -> None:
    """Text made to provoke backtracking costs what its length says."""
    assert any(grows_in_proportion(ATTACKS[name]) for _ in range(3))


@pytest.mark.parametrize("rule", RULES, ids=lambda r: f"{r.name}-{r.anchors[0]}")
def test_a_text_of_nothing_but_a_rules_anchor_stays_linear(rule: Rule) -> None:
    """Anchors alone, or each with a filler, are no worse than any other text."""
    for anchor in rule.anchors[:3]:
        for filler in ("", "a1B2", "/"):
            assert any(grows_in_proportion(anchor + filler) for _ in range(3)), anchor + filler


def test_many_different_secrets_are_looked_for_again_in_linear_time() -> None:
    """Values known as secrets and words near them: a text of nothing else stays linear."""
    def text(size: int) -> str:
        told = " ".join(f"password is Lune{n:05}Rouge, not Lune{n + 7:05}Rouge." for n in range(size // 40))
        return told[:size]

    def once() -> bool:
        small, big = seconds(text(SMALL)), seconds(text(BIG))
        return big <= max(small * 6.25, 0.02)

    assert any(once() for _ in range(3))


def test_a_hopeless_text_runs_out_of_time_instead_of_leaking(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the budget used up the redactor raises, so that the pipeline fails closed."""
    monkeypatch.setattr(scan, "BUDGET_SECONDS", -60.0)
    with pytest.raises(RedactionError):
        Redactor().text("password=abc123def")


def test_cleaning_control_sequences_is_linear() -> None:
    """Sequences that never end do not make cleaning quadratic."""
    for piece in ("\x1b]", "\x1b[", "\x9d", "\x9d\x90", "\x1b]a", "\x1bP;"):
        start = time.thread_time()
        clean_text(piece * (BIG // len(piece)))
        assert time.thread_time() - start < 0.3
