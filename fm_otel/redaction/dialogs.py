"""Secrets in conversations with servers and in what consoles print, known by the exchange.

SMTP, IMAP and FTP logins (RFC 4954, 9051, 959), Redis and its access lists, multipart forms
(RFC 7578), TLS key logs, password files of poolers and relays.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import shapes
from fm_otel.redaction.keys import Tier, classify
from fm_otel.redaction.pattern_table import compiled, spans_in
from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

# What has to be in the text, pattern, rule. Every group that matched is a secret.
_EXCHANGES: Final = compiled((
    # The base64 of "Password:" is the server's question.
    (("UGFzc3dvcmQ6", "UGFzc3dvcmQA"), (
        r"334 UGFzc3dvcmQ[6A]\S{0,4}[^\n]{0,8}\n[^\n]{0,40}?"
        r"(?:C: ?|send: '|> ?|>>> ?|<- ?|)([A-Za-z0-9+/]{4,512}={0,2})"
        r"(?=\\r|'|\r|\n|\Z)"
    ), "password"),
    (("AUTH PLAIN", "AUTH LOGIN"), (
        r"AUTH (?:PLAIN|LOGIN) ([A-Za-z0-9+/]{8,512}={0,2})"
    ), "credentials"),
    (("LOGIN ",), (
        r"(?:^|[\s'\"])[A-Za-z]{0,8}\d{1,6} LOGIN \S{1,128} "
        r"(?:\"([^\"\n]{3,256})\"|([^\s\"'\\]{3,256}))"
    ), "password"),
    (("PASS ",), (
        r"USER [^\n]{1,80}(?:\r?\n[^\n]{0,160}){0,3}\n[^\n]{0,20}?\bPASS ([^\s'\"\\]{1,128})"
    ), "password"),
    (('"AUTH"',), r"\"AUTH\" (?:\"[^\"\s]{1,128}\" )?\"([^\"\n]{4,256})\"", "password"),
    (('"md5', "'md5"), r"[\"'](md5[0-9a-f]{32})[\"']", "password_hash"),
    (("insecure-password ",), r"user \S{1,128} insecure-password (\S{1,256})", "password"),
    (("snyk auth ",), r"snyk auth ([0-9a-f-]{32,40})", "token"),
    (("user ", "SETUSER "), (
        r"(?:user|SETUSER) \S{1,128} (?:on|off)(?: [^\s>#]\S{0,200}){0,20} "
        r"(?:#([0-9a-f]{64})|>([^\s]{3,256}))"
    ), "password"),
    (("CLIENT_", "SERVER_", "EXPORTER_", "EARLY_"), (
        r"(?:CLIENT_RANDOM|(?:CLIENT|SERVER)_(?:HANDSHAKE_TRAFFIC_SECRET|TRAFFIC_SECRET_\d)"
        r"|CLIENT_EARLY_TRAFFIC_SECRET|E\w{4,7}_EXPORTER_SECRET|EXPORTER_SECRET)"
        r" [0-9a-fA-F]{64} ([0-9a-fA-F]{64,128})"
    ), "private_key"),
    (("LoginModule",), (
        r"\buser_[\w.-]{1,64}\s{0,2}=\s{0,2}\\{0,2}\"([^\"\\\n]{1,256})"
    ), "password"),
    (("radtest ",), (
        r"radtest (?:-\w{1,8} \S{1,20} ){0,3}\S{1,128} (\S{1,128}) \S{1,253} \d{1,10} "
        r"(\S{1,128})"
    ), "password"),
    (("]:",), (
        r"(?:^|\n| )\[[\w.:-]{1,253}\]:\d{2,5}[ \t]{1,20}[\w.@+-]{1,128}:([^\s:]{3,256})"
        r"(?=\s|\Z)"
    ), "password"),
    (("PASSMOD",), (
        r"PASSMOD [^\n]{0,300}?(?:old=\"([^\"\n]{1,256})\")?(?: new=\"([^\"\n]{1,256})\")"
    ), "password"),
    (("WIFI:",), r"WIFI:(?:[A-OQ-Z]:[^;\n]{0,64};){0,5}P:((?:[^;\\\n]|\\.){1,128});", "password"),
    (("encrypt",), (
        r"\bencrypt\\{0,3}[\"']?\s{0,3}[:=]\s{0,3}\\{0,3}[\"']?([A-Za-z0-9+/]{22,43}={1,2})"
    ), "secret"),
    (("> AUTH ",), (
        r":\d{2,5}(?:\[\d{1,3}\])?> AUTH (?:\S{1,64} )?(\S{3,256})(?=\s|\Z)"
    ), "password"),
    (("snmp-server user",), (
        r"snmp-server user [^\n]{1,80}? auth (?:md5|sha\d{0,3}) (\S{4,128})"
        r"(?: priv (?:3?des|aes(?: \d{3})?) (\S{4,128}))?"
    ), "password"),
    (("doveadm auth",), (
        r"doveadm auth (?:test|login) (?:-\w \S{1,64} ){0,4}\S{1,128} (\S{3,128})(?=\s|\Z)"
    ), "password"),
    (("otp:",), r"otp:[\w:.-]{1,60}[ =]{1,3}[\"']?(\d{4,8})(?!\d)", "otp"),
    (("'AUTH'",), r"'AUTH', ?(?:'[^'\n]{1,64}', ?)?'([^'\n]{3,256})'", "password"),
    ((".verify(",), r"\.verify\([\"'](\d{6,8})[\"']", "otp"),
    (("name: 'auth'",), (
        r"name: 'auth',\s{1,8}args: \[ ?(?:'[^'\n]{1,64}', ?)?'([^'\n]{3,256})'"
    ), "password"),
    (('password "',), r"password \"[\w -]{2,20}\" \"([^\"\n]{3,128})\"", "password"),
    (("temporary password",), (
        r"temporary password is generated for \S{1,128}: (\S{6,64})(?=\s|\Z)"
    ), "password"),
    (("::add-mask",), r"::add-mask::([^\s\"']{3,1024})", "password"),
    ((".data.", "_password", "-password"), (
        r"(?:get|read|show|print)[^\n]{0,200}(?:passw|token|secret)[^\n]{0,100}\|[ ]?base64 "
        r"(?:-d|-D|--decode)[^\n]{0,20}\n([^\s]{6,256})[ \t]{0,4}(?:\n|\Z)"
    ), "password"),
))
LITERALS: Final = (*_EXCHANGES.literals, "form-data", ') "', " --")
"""What has to be in a text with one of these, as it is written."""
WORDS: Final = ("setuser ", "wifi:", "encrypt", "ugfzc3dvcmq")
_FORM: Final = re.compile(
    r"name=\\{0,2}\"([\w.\[\]-]{1,80})\\{0,2}\"[^\n]{0,80}?(?:(?:\r?\n|\\r\\n|\\n)){2}"
    r"((?:(?!\\r|\\n)[^\n]){1,1024})"
)
_REPLY: Final = re.compile(
    r"\d{1,4}\) \"([\w.-]{1,64})\"\s{0,4}\n\s{0,8}\d{1,4}\) \"([^\"\n]{1,512})\""
)
_PUT: Final = re.compile(
    r"--(?:name|parameter-name|secret-name|secret-id|key)[ =][\"']?"
    r"([\w./@:-]{1,200})[^\n]{0,200}?--(?:value|secret-string|plaintext|data)[ =]"
    r"(?:\"([^\"\n]{1,1024})\"|'([^'\n]{1,1024})'|([^\s\"']{1,1024}))"
)


def dialog_spans(text: str) -> Iterator[Span]:
    """Yield secrets that an exchange with a server or a console's print gives away."""
    yield from spans_in(_EXCHANGES, text)
    if "form-data" in text:
        yield from _named(_FORM, text)
    if ') "' in text:
        yield from _named(_REPLY, text)
    if " --" in text:
        yield from _named(_PUT, text)


def _named(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    """Yield values whose name stands in the first group."""
    for match in pattern.finditer(text):
        found = classify(match[1])
        group = match.lastindex or 0
        if found.tier >= Tier.WEAK and not shapes.is_placeholder(match[group]):
            yield Span(match.start(group), match.end(group), found.rule)
