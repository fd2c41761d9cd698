"""Secrets in command lines, given as text or as a list of arguments."""

from __future__ import annotations

import re
from bisect import bisect
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import shapes
from fm_otel.redaction.headers import cookie_spans
from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_USER_OPTION: Final = re.compile(
    r"(?<![\w-])(?:-u|--user|--proxy-user|-U|--auth|-a|--basic-auth|--http-user)"
    r"(?:[ =]{1,2})[\"']?"
    r"([\w.@\\+-]{1,80})[:%][\"']?([^\s\"'`|]{2,256})"
)
_USER_QUOTED: Final = re.compile(
    r"(?<![\w-])(?:-u|--user|-U|--proxy-user)(?:[ =]{0,2})([\"'])([\w.@+-]{0,80}):"
    r"([^\n]{1,256}?)\1"
)
# An API key for the user and no password, as curl is told to send it.
_USER_ALONE: Final = re.compile(
    r"(?<![\w-])(?:-u|--user)[ =]{1,2}[\"']?([\w.+-]{16,256}):[\"']?(?=\s|\Z)"
)
_ACCOUNT_ID: Final = re.compile(r"AC[0-9a-f]{32}|[0-9a-f-]{36}")
_TOOLS: Final = re.compile(
    r"(?:mysql|mysqldump|mysqladmin|mariadb|sshpass|docker login|podman login|helm registry login|"
    r"mongosh?|mongodump|"
    r"mongorestore|redis-cli|ldapsearch|ldapadd|ldapmodify|smbclient|mosquitto_(?:pub|sub)|sqlcmd"
    r"|bcp|xfreerdp|ftp|lftp|"
    r"az login|oc login|argocd login|kinit|htpasswd|influx|clickhouse-client|cqlsh|rabbitmqadmin"
    r"|keytool|7z|zip|unzip|gpg|"
    r"openssl|net user|net use|curl|wget|az|svn|snowsql|vertica|isql|osql|psexec|skopeo|crane"
    r"|buildah|ipmitool|knife)\b"
    r"(?:\"[^\"\n]{0,200}\"|'[^'\n]{0,200}'|[^\n|;&]){0,300}"
)
_LISTED_TOOLS: Final = frozenset(
    "redis-cli ldapsearch ldapadd ldapmodify kinit sqlcmd mongo mongosh mongodump mongorestore "
    "sshpass mosquitto_pub mosquitto_sub 7z zip unzip ipmitool cqlsh rabbitmqadmin".split()
)
_UPLOAD: Final = re.compile(r"codecov [^\n|;&]{0,100}?-t[ =]?([0-9a-f-]{32,36})(?![\w-])")
_AUTH_OPTION: Final = re.compile(
    r"(?<![\w-])--(?:auth|snyk-token|bearer)[ =][\"']?([A-Za-z0-9_.~+/-]{16,1024})"
)
_LIST: Final = re.compile(r"[\"'][\w./-]{1,80}[\"'](?:,\s{0,2}[\"'][^\"'\n]{0,256}[\"']){1,64}")
_ARGUMENT: Final = re.compile(r"[\"']([^\"'\n]{0,256})[\"'](?:,\s{0,2}|\Z)")
_ARCHIVERS: Final = ("7z", "zip", "unzip")
_AUDITED: Final = re.compile(r" a\d{1,2}=\"([^\"\n]{0,256})\"")
_SHELLS: Final = frozenset(("CMD", "CMD-SHELL", "sudo", "exec", "env", "docker", "run"))
_SHORT: Final = re.compile(
    r"(?<=\s)(?:-p|-w|-a|-P|-pw|-pass|/p:|-b)([ ]{0,2})([\"']?)(?!ass|rompt)"
    r"([^\s\"'-][^\s\"']{0,256})\2"
)
_SPACED: Final = re.compile(r"(?<=\s)(-p|-w|-a|-P|-pw|-b) ([\"'])([^\"'\n]{3,128})\2")
_PASS_SOURCE: Final = re.compile(r"(?<![a-z])pass:([^\s\"']{1,128})")
WORDS: Final = ("type=EXECVE", "/p:", "net u", " | ", "alias set ", "::add-mask")
"""What stands in command lines that need no option, and in records of such."""
_NOT_SECRET: Final = frozenset(
    "password pass passwd pw token stdin none null yes no true false prompt".split()
)


_COOKIE_OPTION: Final = re.compile(
    r"(?<![\w-])(?:-b|--cookie)[ =][\"']?([\w.-]{1,60}=[^\"'\n]{1,4096}?)(?=[\"']|\s|\Z)"
)
_PIPED: Final = re.compile(
    r"(?:echo|printf)[ ](?:-[ne]{1,2} )?(?:[\"']?%s(?:\\n)?[\"']? )?[\"']?(?:[\w.-]{1,40}:)?"
    r"((?:(?<=\")[^\"\n|:]{4,256}(?=\")|(?<=')[^'\n|:]{4,256}(?=')|[^\s\"'|:]{4,256}))"
    r"[\"']?\s{0,3}\|[^\n|]{0,120}"
    r"(?:--password-stdin|--stdin|passwd|sudo -S|-S |secret create|create secret|cryptsetup|kinit|"
    r"smbpasswd|--with-token|chpasswd)"
)
_HTPASSWD: Final = re.compile(
    r"htpasswd -\w{0,5}b\w{0,5} \S{1,120} \S{1,64} [\"']?([^\s\"']{3,128})"
)
_NET: Final = re.compile(
    r"net user \S{1,64} ([^\s/*]{3,128})|net use [^\n]{0,160}?/user:\S{1,64} ([^\s/*]{3,128})"
    r"|net use \S{1,100}(?: \S{1,100})? ((?!\\)[^\s/*]{3,128}) /user:",
    re.IGNORECASE,
)
_CERTIFICATE: Final = re.compile(
    r"curl[^\n]{0,300}? (?:-E|--cert)[ =][\"']?[\w./~-]{1,200}:([^\s\"']{3,128})"
)
_PHRASE: Final = re.compile(r"ssh-keygen[^\n]{0,200}? -[NP] ?([\"'])([^\"'\n]{4,128})\1")
_GLUED: Final = re.compile(r"mysql\w{0,10}[\"'],[^\n]{0,200}?[\"']-p([^\"'\s]{3,128})[\"']")
_PRINTED: Final = re.compile(r"password-command[ =][\"'](?:echo|printf) ([^\s\"']{3,128})")
_ALIAS: Final = re.compile(
    r"(?:alias set|config host add) \S{1,64} https?://\S{1,200} \S{1,128} [\"']?([^\s\"']{4,128})"
)
_SENT: Final = re.compile(r"send(?:_user)? (?:-- )?\\{0,2}\"([^\"\n]{4,128}?)\\{1,2}[rn]\\{0,2}\"")
_COMMANDS: Final = (
    ("echo ", _PIPED), ("printf ", _PIPED), ("htpasswd", _HTPASSWD), ("net use", _NET),
    ("send", _SENT), ("alias set", _ALIAS), ("config host add", _ALIAS), ("curl", _CERTIFICATE),
    ("ssh-keygen", _PHRASE), ("'-p", _GLUED), ("password-command", _PRINTED),
)  # fmt: skip


def option_spans(text: str) -> Iterator[Span]:
    """Yield passwords given to programs: ``curl -u user:password``, ``mysql -ppassword``."""
    for match in _USER_QUOTED.finditer(text):
        if not shapes.is_placeholder(match[3]):
            yield Span(match.start(3), match.end(3), "password")
            if _is_key(match[2]):
                yield Span(match.start(2), match.end(2), "api_key")
    for match in _USER_OPTION.finditer(text):
        if (
            not shapes.is_placeholder(match[2])
            and not match[2].startswith(("//", "\\"))
            and not (match[1].isdigit() and match[2].isdigit())
        ):
            yield Span(match.start(2), match.end(2), "password")
            if _is_key(match[1]):
                yield Span(match.start(1), match.end(1), "api_key")
    for match in _USER_ALONE.finditer(text):
        if shapes.is_random(match[1]):
            yield Span(match.start(1), match.end(1), "api_key")
    for match in _COOKIE_OPTION.finditer(text):
        yield from cookie_spans(text, match.start(1), match.end(1))
    for word, pattern in _COMMANDS:
        if word in text:
            for match in pattern.finditer(text):
                group = match.lastindex or 0
                if not shapes.is_placeholder(match[group]) and (
                    pattern is not _SENT or shapes.is_mixed(match[group])
                ):
                    yield Span(match.start(group), match.end(group), "password")
    for line in _TOOLS.finditer(text):
        yield from _tool(text, line)
    for match in _USER_FLAGS.finditer(text):
        # MySQL's clients take the word behind a lone -p for the database.
        if (
            not shapes.is_placeholder(match[1])
            and not match[1].isdigit()
            and not _MYSQL.search(text, max(0, match.start() - 80), match.start())
        ):
            yield Span(match.start(1), match.end(1), "password")
    for pattern in (_UPLOAD, _AUTH_OPTION):
        for match in pattern.finditer(text):
            if shapes.is_random(match[1]):
                yield Span(match.start(1), match.end(1), "token")
    if "type=EXECVE" in text:
        yield from _listed(list(_AUDITED.finditer(text)))
    if '", "' in text or '","' in text or "', '-" in text:
        for command in _LIST.finditer(text):
            yield from _listed(list(_ARGUMENT.finditer(text, command.start(), command.end())))


def _is_key(user: str) -> bool:
    """Tell whether what stands for the user is a key too, and no account's id as Twilio's."""
    return len(user) >= 20 and shapes.is_random(user) and _ACCOUNT_ID.fullmatch(user) is None


def _listed(arguments: list[re.Match[str]]) -> Iterator[Span]:
    for number, span in listed_spans([argument[1] for argument in arguments]):
        start = arguments[number].start(1)
        yield Span(start + span.start, start + span.end, span.rule)


def listed_spans(arguments: list[str]) -> Iterator[tuple[int, Span]]:
    """Yield secrets of a command given as a list, each with the number of its argument."""
    if len(arguments) in (2, 3) and arguments[0].upper() == "AUTH":
        yield len(arguments) - 1, Span(0, len(arguments[-1]), "password")
        return
    if not any(argument.startswith("-") for argument in arguments):
        return
    tool = next((word for word in arguments if word not in _SHELLS), "")
    starts = list(accumulate((len(argument) + 1 for argument in arguments), initial=0))
    for span in option_spans(" ".join(arguments)):
        number = bisect(starts, span.start) - 1
        size = len(arguments[number])
        if span.start - starts[number] < size:
            yield (
                number,
                Span(span.start - starts[number], min(span.end - starts[number], size), span.rule),
            )
    for number, (flag, value) in enumerate(pairwise(arguments), 1):
        if _takes_password(tool, flag) and not shapes.is_placeholder(value):
            yield number, Span(0, len(value), "password")


def _tool(text: str, line: re.Match[str]) -> Iterator[Span]:
    tool = line.group().split(None, 1)[0].removesuffix(".exe")
    for match in _SHORT.finditer(text, line.start(), line.end()):
        flag = match.group().split(match[3])[0].strip(" \"'")
        if not _is_password_flag(tool, flag, glued=not match[1]):
            continue
        value = match[3].rstrip("`")
        if (
            shapes.is_placeholder(value)
            or value.lower() in _NOT_SECRET
            or shapes.is_path(value)
            or value.endswith((".7z", ".zip"))
            or (value.isdigit() and flag in ("-p", "-P") and len(value) <= 5)
        ):
            continue
        if tool in _ARCHIVERS and not match[1] and value.isalpha():
            continue  # "-provenance" is an option of its own
        if flag == "-pass" or value.startswith(("pass:", "env:", "file:")):
            continue
        yield Span(match.start(3), match.start(3) + len(value), "password")
    for match in _SPACED.finditer(text, line.start(), line.end()):
        if _is_password_flag(tool, match[1], glued=False) and " " in match[3]:
            yield Span(match.start(3), match.end(3), "password")
    for match in _PASS_SOURCE.finditer(text, line.start(), line.end()):
        yield Span(match.start(1), match.end(1), "password")


def _takes_password(tool: str, flag: str) -> bool:
    """Tell whether ``flag`` in a list of arguments of ``tool`` has a password behind it."""
    if tool == "mysqladmin":
        return flag == "password"
    return tool in _LISTED_TOOLS and _is_password_flag(tool, flag, glued=False)


def _is_password_flag(tool: str, flag: str, *, glued: bool) -> bool:
    """Tell whether ``flag`` of program ``tool`` takes a password; ``glued``: without a space."""
    if tool in ("mysql", "mysqldump", "mysqladmin", "mariadb", "clickhouse-client"):
        return flag == "-p" and glued
    if tool == "redis-cli":
        return flag == "-a"
    if tool.startswith(("ldap", "kinit")):
        return flag == "-w"
    if tool in (
        "sqlcmd", "bcp", "isql", "osql", "mosquitto_pub", "mosquitto_sub", "ipmitool", "knife",
    ):
        return flag == "-P"
    if tool == "xfreerdp":
        return flag == "/p:"
    if tool in (
        "curl", "wget", "openssl", "gpg", "keytool", "smbclient", "ftp", "lftp", "snowsql",
    ):
        return False
    if tool in _ARCHIVERS:
        return flag in ("-p", "-P")
    return flag in ("-p", "-pw", "-P" if tool == "oc" else "-p")


_USER_FLAGS: Final = re.compile(
    r"(?<![\w-])(?:-u|--user(?:name)?)[ =][\"']?[\w.@-]{1,64}[\"']? (?:-p|--pass)[ =][\"']?"
    r"([^\s\"'-][^\s\"']{3,128})"
)
_MYSQL: Final = re.compile(r"mysql|mariadb|psql")
