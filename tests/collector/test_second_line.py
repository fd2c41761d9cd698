"""The collector's own redaction: what another SDK sends raw reaches nobody."""

from __future__ import annotations

import json
import random
import secrets
import string
import time
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import pytest
from conftest import lines_of, lines_with
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status
from otlp_requests import any_value, foreign, key_values, line, post, request_of, send_http
from stack_parts import eventually

from tests.redaction.score import CORPORA, leaks, lines_named

if TYPE_CHECKING:
    from stack_parts import Collector, Jaeger, LogStore

    from tests.redaction.corpus_lines import Line

pytestmark = pytest.mark.stack

RANDOM: Final = random.Random(11)


def letters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Make a random body; tokens are put together at run time only."""
    return "".join(RANDOM.choice(alphabet) for _ in range(count))


def tokens() -> dict[str, str]:
    """Make one secret of each kind."""
    upper = string.ascii_uppercase + "234567"
    return {
        "openai": "sk-" + letters(8) + "1" + letters(30),
        "anthropic": "sk-ant-api03-" + letters(8) + "7" + letters(40),
        "github": "ghp_" + letters(36),
        "github_pat": "github_pat_" + letters(40),
        "gitlab": "glpat-" + letters(20),
        "aws": "AKIA" + letters(16, upper),
        "google": "AIza" + letters(35),
        "slack": "xoxb-" + letters(12, string.digits) + "-" + letters(24),
        "stripe": "sk_live_" + letters(24),
        "huggingface": "hf_" + letters(34),
        "npm": "npm_" + letters(36),
        "groq": "gsk_" + letters(4) + "3" + letters(40),
        "fireworks": "fw_" + letters(4) + "3" + letters(20),
        "jwt": "eyJ" + letters(20) + "." + letters(30) + "." + letters(40),
    }


def pem() -> str:
    """Make a private key block."""
    body = "\n".join(letters(64) for _ in range(4))
    return f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"


@pytest.fixture
def service() -> str:
    """Give a service of the test's own."""
    return f"raw-{secrets.token_hex(4)}"


def sent_lines(
    collector: Collector, service: str, records: list[LogRecord], **resource: object
) -> list[dict[str, Any]]:
    """Send foreign records and give their lines, in order."""
    request = foreign(records, {"service.name": service} | resource)
    assert send_http(collector.http, request) == 200

    def found() -> list[dict[str, Any]]:
        return [each for each in lines_of(collector.file) if each.get("service") == service]

    eventually(lambda: len(found()) == len(records), 10)
    return found()


@pytest.mark.parametrize("kind", tokens())
def test_tokens_go_from_everywhere_in_a_record(
    collector: Collector, service: str, kind: str
) -> None:
    """Body, attributes, nested values, lists, keys, stack, resource: the token is in none."""
    secret = tokens()[kind]
    stack = f"Traceback:\n  File x\nValueError: rejected {secret}\n"
    records = [
        LogRecord(body=any_value(f"calling with {secret} now")),
        LogRecord(body=any_value(f"first\n{secret}\nlast")),
        LogRecord(body=any_value({"config": {"value": secret, "list": [secret]}})),
        LogRecord(body=any_value("m"), attributes=key_values({"plain": f"x {secret}"})),
        LogRecord(body=any_value("m"), attributes=key_values({"exception.stacktrace": stack})),
        LogRecord(body=any_value("m"), attributes=key_values({"deep": {"a": [{"b": secret}]}})),
        LogRecord(body=any_value("m"), attributes=key_values({"deep": {"a": f"\n{secret}\n"}})),
        LogRecord(body=any_value("m"), attributes=key_values({"list": ["a", f"({secret})"]})),
    ]
    lines = sent_lines(collector, service, records, **{"deploy.note": f"n {secret}"})
    assert len(lines) == len(records)
    text = collector.file.read_text(encoding="utf-8")
    assert secret not in text
    assert secret[-14:] not in text
    assert all("[REDACTED:" in json.dumps(each) for each in lines)


@pytest.mark.parametrize(
    ("text", "kept", "gone"),
    [
        ("connect redis://app:{}@cache:6379/0", "@cache:6379/0", "password"),
        ("postgresql+asyncpg://fm:{}@db.internal/app", "@db.internal/app", "password"),
        ("login with password={} failed", "login with password=", "password"),
        ("retry, api_key: {} rejected", " rejected", "token"),
        ("header Authorization: Bearer {}", "header Authorization: Bearer ", "token"),
        ("GET / Authorization: Basic {}", "Basic ", "token"),
        ("stored hash $2b$12${} for user", " for user", "hash"),
    ],
)
def test_secrets_go_from_their_surroundings(
    collector: Collector, service: str, text: str, kept: str, gone: str
) -> None:
    """Only the value goes; what helps to find the fault stays."""
    secret = {"password": "hunter2-" + letters(6), "token": letters(32), "hash": letters(53)}[gone]
    records = [
        LogRecord(body=any_value(text.format(secret))),
        LogRecord(body=any_value("m"), attributes=key_values({"v": {"w": text.format(secret)}})),
    ]
    lines = sent_lines(collector, service, records)
    assert len(lines) == 2
    for each in lines:
        written = json.dumps(each)
        assert secret not in written
        assert kept in written
        assert "[REDACTED:" in written


def texts(value: object) -> str:
    """Give every text in a line, one below the other."""
    if isinstance(value, dict):
        return "\n".join(map(texts, (*value.keys(), *value.values())))
    return "\n".join(map(texts, value)) if isinstance(value, list) else str(value)


def as_record(one: Line) -> LogRecord:
    """Write a line of a corpus as another SDK sends it."""
    if one.where == "json":
        return LogRecord(body=any_value("m"), attributes=key_values(one.value()))
    if one.where == "extra":
        return LogRecord(body=any_value("m"), attributes=key_values({one.field: one.text}))
    return LogRecord(body=any_value(one.text))


def test_what_the_second_line_alone_catches_of_the_corpora(
    collector: Collector, service: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The corpora around the SDK: what RE2 can tell goes, harmless lines stay. Raise with the rules."""
    corpora = [one for name in CORPORA for one in lines_named(name)]
    lines = sent_lines(collector, service, [as_record(one) for one in corpora])
    assert len(lines) == len(corpora)
    pairs = [(one, texts(written)) for one, written in zip(corpora, lines, strict=True)]
    hidden = [not any(leaks(each, text) for each in one.must_not_appear)
              for one, text in pairs if one.kind == "secret"]
    touched = [text.count("[REDACTED:") > one.text.count("[REDACTED:") for one, text in pairs if one.kind == "benign"]
    caught, damaged = sum(hidden) / len(hidden), sum(touched) / len(touched)
    with capsys.disabled():
        print(f"\nthe collector alone: {caught:.1%} of {len(hidden)} secrets caught, "
              f"{damaged:.1%} of {len(touched)} benign lines damaged")
    assert caught >= 0.40
    assert damaged <= 0.07


def test_names_hide_values_of_any_type(collector: Collector, service: str) -> None:
    """What is called a password goes, also as a number, a list, nested or inside JSON text."""
    record = LogRecord(
        body=any_value("m"),
        attributes=key_values({
            "password": "plain words", "db.password": 12345678, "api_key": [1, 2],
            "user.passwd": True, "nested": {"client_secret": "plain words", "name": "kept"},
            "rows": [{"access_token": "plain words"}], "headers": {"cookie": {"a": "plain words"}},
        }),
    )
    (found,) = sent_lines(collector, service, [record])
    marker = "[REDACTED:secret]"
    assert {k: found[k] for k in ("password", "db.password", "api_key", "user.passwd")} == dict.fromkeys(
        ("password", "db.password", "api_key", "user.passwd"), marker
    )
    assert found["nested"] == {"client_secret": marker, "name": "kept"}
    assert found["rows"] == [{"access_token": marker}]
    assert found["headers"] == {"cookie": marker}


def test_private_keys_go_whole(collector: Collector, service: str) -> None:
    """No line of a key block stays, whether its newlines are real or escaped."""
    block = pem()
    records = [
        LogRecord(body=any_value(f"loaded {block} ok")),
        LogRecord(body=any_value("m"), attributes=key_values({"k": {"pem": block}})),
        LogRecord(body=any_value("m"), attributes=key_values({"k": block.replace("\n", "\\n")})),
    ]
    lines = sent_lines(collector, service, records)
    assert len(lines) == 3
    written = json.dumps(lines)
    assert not [part for part in block.split("\n")[1:-1] if part[:20] in written]


def test_tokens_as_attribute_names_go(collector: Collector, service: str) -> None:
    """A token used as a key is replaced too."""
    secret = "ghp_" + letters(36)
    (found,) = sent_lines(collector, service, [
        LogRecord(body=any_value("m"), attributes=key_values({secret: "v"}))
    ])
    assert secret not in json.dumps(found)


def test_sdk_markers_pass_unchanged(collector: Collector) -> None:
    """What the SDK has already replaced keeps its typed marker."""
    record = line(
        message="key [REDACTED:llm_key] of [REDACTED:email] at ://u:[REDACTED:url_password]@h/",
        password="[REDACTED:password]", nested={"token": "[REDACTED:token#a1b2c3]"},
        rows=["Bearer [REDACTED:token]", {"secret": "[REDACTED:secret]"}],
        note="password=[REDACTED:password] api_key: [REDACTED:api_key]",
    )
    send_http(collector.http, request_of(record))
    assert lines_with(collector.file, {record["record_id"]}) == {record["record_id"]: record}


HARMLESS: Final = {
    "ids": f"trace {secrets.token_hex(16)} span {secrets.token_hex(8)}",
    "uuid": "case 0f8fad5b-d9cb-469f-a165-70867728950e opened",
    "sha": "image app@sha256:" + secrets.token_hex(32),
    "words": "sk-learn-model-loading-with-many-words-in-it and task-manager-service-name",
    "prose": "the token expired, password reset mail sent, secret rotated, session closed",
    "url": "GET https://api.example.com:8443/v1/cases/7?page=2 took 12.5 ms",
    "versions": "pip install fm_otel@1.2.3 and git@host:team/repo.git",
    "counts": "tokens_used=500 cache_key=abc primary_key=7",
    "prices": "costs $1.50 or $20",
    "paths": "C:\\Users\\new\\table and /var/log/app.log:42",
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_harmless_text_stays(collector: Collector, kind: str) -> None:
    """Evidence is not eaten: ids, digests, prose about secrets, URLs, counters."""
    text = HARMLESS[kind]
    record = line(message=text, nested={"text": text, "list": [text]}, plain=text)
    send_http(collector.http, request_of(record))
    assert lines_with(collector.file, {record["record_id"]}) == {record["record_id"]: record}


def span_request(service: str, trace_id: str, secret: str, block: str) -> ExportTraceServiceRequest:
    """Write a span that carries a secret everywhere a span can."""
    now = time.time_ns()
    event = Span.Event(
        time_unix_nano=now, name="exception",
        attributes=key_values({"exception.message": f"no {secret}",
                               "exception.stacktrace": f"Error: {secret}\n{block}"}),
    )
    span = Span(
        trace_id=bytes.fromhex(trace_id), span_id=secrets.token_bytes(8), name="GET /cases/{id}",
        kind=Span.SPAN_KIND_SERVER, start_time_unix_nano=now - 5_000_000, end_time_unix_nano=now,
        attributes=key_values({
            "url.full": f"https://u:{secret}@host/x", "prompt": f"use {secret}",
            "http.request.header.authorization": ["Basic abcdef"], "list": ["a", secret],
            "password": 12345678, "http.route": "/cases/{id}",
        }),
        events=[event],
        status=Status(code=Status.STATUS_CODE_ERROR, message=f"failed: {secret}"),
    )
    return ExportTraceServiceRequest(resource_spans=[
        ResourceSpans(resource=Resource(attributes=key_values({"service.name": service})),
                      scope_spans=[ScopeSpans(spans=[span])])
    ])


def fetched(url: str) -> str:
    """GET a text; empty while there is none."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return str(response.read().decode())
    except OSError:
        return ""


def test_spans_are_clean_in_jaeger(collector: Collector, jaeger: Jaeger, service: str) -> None:
    """Attributes, lists, names, events and status of a span hold no secret; the rest is there."""
    secret, block, trace_id = tokens()["openai"], pem(), secrets.token_hex(16)
    payload = span_request(service, trace_id, secret, block).SerializeToString()
    assert post(f"{collector.http}/v1/traces", payload) == 200
    url = f"{jaeger.url}/api/traces/{trace_id}"
    eventually(lambda: service in fetched(url), 15)
    found = fetched(url)
    assert "/cases/{id}" in found
    assert secret[:24] not in found
    assert block.split("\n")[1] not in found
    assert "12345678" not in found
    assert "abcdef" not in found
    assert "[REDACTED:llm_key]" in found


def test_nothing_leaks_into_store_metrics_or_log(
    collector: Collector, logstore: LogStore, service: str
) -> None:
    """The log store, the exposed metrics and the collector's own log hold no secret either."""
    secret = tokens()["github"]
    records = [
        LogRecord(
            body=any_value(f"body {secret}"), severity_number=17,
            attributes=key_values({
                "plain": secret, "nested": {"a": {"b": secret}}, "faultmaven.operation": secret,
                "faultmaven.error.code": secret, "user.id": secret, "exception.message": secret,
                "faultmaven.duration_ms": secret, "faultmaven.tokens_used": secret,
                "secret": "plain words of " + service,
            }),
        )
    ]
    sent_lines(collector, service, records)
    query = urllib.parse.urlencode({"query": f'{{service.name="{service}"}}'})
    url = f"{logstore.url}/select/logsql/query?{query}"
    eventually(lambda: service in fetched(url), 15)
    stored = fetched(url)
    assert "[REDACTED:github_token]" in stored
    eventually(lambda: service in fetched(collector.metrics), 10)
    for where in (stored, fetched(collector.metrics), collector.log.read_text(encoding="utf-8"),
                  collector.file.read_text(encoding="utf-8")):
        assert secret not in where
        assert "plain words of" not in where


def test_queue_on_disk_is_clean(
    start_collector: Any, service: str  # noqa: ANN401 - a factory
) -> None:
    """What waits for a store that is down has been cleaned before."""
    secret = tokens()["slack"]
    collector = start_collector()
    request = foreign([LogRecord(body=any_value(f"x {secret}"))], {"service.name": service})
    send_http(collector.http, request)

    def waiting() -> bytes:
        return b"".join(path.read_bytes() for path in collector.queue.iterdir())

    eventually(lambda: service.encode() in waiting(), 10)
    assert service.encode() in waiting()
    assert secret.encode() not in waiting()


def tangled(rng: random.Random, depth: int, secret: str) -> Any:  # noqa: ANN401 - JSON
    """Make a random nested value full of what JSON must escape; the secret is in some strings."""
    if depth == 0 or rng.random() < 0.3:
        pieces = ['"', "\\", "\n", "\t", "\b", "\f", "\r", "/", "<&>", "\u00e9", "\u2028", "{", "]",
                  "[REDACTED:email]", "word", "n", "u0041", ":", "=", " ", "\x00"]
        text = "".join(rng.choice(pieces) for _ in range(rng.randint(0, 9)))
        edge = rng.choice([" ", "\n", "\\", '"', "(", "\u2028", "\b", "/", "\x00"])
        return text + edge + secret + rng.choice([" ", "\n", '"', "", ")"]) if secret else text
    if rng.random() < 0.5:
        return [tangled(rng, depth - 1, secret) for _ in range(rng.randint(1, 4))]
    return {f"k{n}": tangled(rng, depth - 1, secret) for n in range(rng.randint(1, 4))}


def test_random_nested_values_stay_whole(collector: Collector) -> None:
    """Without a secret nothing changes, whatever has to be escaped; anchors alone do no harm."""
    rng = random.Random(5)
    lines = [line(seq=n, tree=tangled(rng, 4, ""), note="sk- ghp_ password 12") for n in range(600)]
    expected = {each["record_id"]: each for each in lines}
    for start in range(0, len(lines), 100):
        send_http(collector.http, request_of(*lines[start:start + 100]))
    found = lines_with(collector.file, set(expected))
    assert [key for key, each in expected.items() if found.get(key) != each] == []


def test_random_nested_secrets_go(collector: Collector) -> None:
    """Between any escapes the secret goes, the line stays one valid object."""
    rng = random.Random(6)
    kinds = list(tokens().values())
    planted = {}
    for number in range(600):
        secret = kinds[number % len(kinds)]
        planted[secrets.token_hex(16)] = (secret, tangled(rng, 4, secret))
    lines = [line(record_id=key, tree=tree) for key, (_, tree) in planted.items()]
    for start in range(0, len(lines), 100):
        send_http(collector.http, request_of(*lines[start:start + 100]))
    found = lines_with(collector.file, set(planted))
    assert found.keys() == planted.keys()
    text = json.dumps(found)
    assert {secret for secret, _ in planted.values() if secret in text} == set()
    assert sum("tree" not in each for each in found.values()) == 0
