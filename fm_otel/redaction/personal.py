"""Personal and financial data: e-mail, phone, payment card, IBAN, US social security number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import validators
from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGITS: Final = re.compile(r"\d[\d .()-]{5,30}\d")
"""A run that can hold any of the digit shapes; the gate of :func:`digit_spans`."""

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d)?")
_CARD: Final = re.compile(r"\d(?:[ -]?\d){12,18}")
_SSN: Final = re.compile(r"\d{3}([- ])\d\d\1\d{4}")
_PHONE: Final = re.compile(r"\+(?:\d[ .()/-]{0,2}){7,14}\d")
_DAY: Final = re.compile(r"\d\d?[.-]\d\d?[.-](?:19|20)\d\d")
_ENCODED_PHONE: Final = re.compile(r"(?<![\w%])%2B[1-9]\d{8,14}(?!\w)")
_NATIONAL: Final = re.compile(
    r"\(?\d{2,5}\)?[ .-]\d{2,4}(?:[ .-]?\d{2,5}){1,3}|0\d{1,4}[ /-]\d{6,8}|\d{9,11}"
)
_NANP: Final = re.compile(r"(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[.-])\d{3}[.-]\d{4}")
_PHONE_WORD: Final = re.compile(
    r"(?<![a-zà-ÿ])(?:phone|mobile|telefon|tel|cell|call|fax|whatsapp|sms|handy|movil|móvil|"
    r"celular|telefono|"
    r"teléfono|téléphone|telefone|contact|dial|телефон\w*|电话|手机|電話|전화|연락처|連絡先|联系\w{0,4}|致电"
    r"|festnetz|landline|durchwahl|(?:office|home|work|direct|desk) number|rückruf|anruf\w*|ruf\w*"
    r"|erreich\w*|joindre|joignable|appel\w*|num[eé]ro|bel|bellen|bereikbaar|"
    r"ll[aá]m\w*|ring|ringa|nå|zadzwo\w*|zavol\w*|звон\w*|позвон\w*|номер\w*|mobil\w*|cel(?!l)"
    r"|lig[au]\w*|chiam\w*|cellulare|numer\w*|ara\w*|reach|dzwo\w*)[\w ]{0,24}[\"']?"
    r"(?: (?:is|me|us|at|on|to|number|unter|au|op|på|al|no|ist|is|est|es|pod|na|по|는|は))*"
    r"[ \t]{0,3}[:=#.]?[ \t]{0,3}[\"'+]{0,2}\Z"
)
_CARD_WORD: Final = re.compile(
    r"card|pan|visa|master|amex|credit|debit|payment|cc\b|karte|tarjeta|carte"
)
_CARD_FIELDS: Final = re.compile(r"cvv|cvc|exp(?:iry|_month|_year|iration)?\b")
_NUMBER_NAME: Final = re.compile(
    r"(?:id|ids|offset|ts|time|timestamp|bytes|size|seq|sequence|epoch|version|lsn|count|serial|"
    r"number|"
    r"snowflake|cursor|key|index|pid|tid|uid|gid|block|inode|order|invoice|tracking|ref|reference"
    r"|ns|us|ms|txn|"
    r"transaction|build|run|job|case|ticket|batch|hash|nonce|shard|gtid|xid|oid|trace|span)"
    r"[\"']?[ \t]{0,2}[:=#][ \t]{0,2}[\"']?\Z"
)
_IBAN: Final = re.compile(r"[A-Z]{2}\d\d(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?")
_IBAN_GATE: Final = re.compile(r"[A-Z]{2}\d\d[ -]?[A-Z0-9]{4}[ -]?[A-Z0-9]{4}")
_SSN_WORD: Final = re.compile(
    r"(?:ssn|social security(?: number| no\.?| #)?)[\"']?[ \t]{0,2}"
    r"(?:is|[:=#])?[ \t]{0,2}[\"']?\Z"
)
_LOCAL: Final = re.compile(r"[A-Za-z0-9._%+'’À-ɏЀ-ӿ-]{1,64}\Z")
_LOCAL_ASCII: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+'-"
_DOMAIN: Final = re.compile(
    r"(?:[A-Za-z0-9À-ɏЀ-ӿ](?:[A-Za-z0-9À-ɏЀ-ӿ-]{0,62})\.){1,8}"
    r"(?:xn--[a-z0-9-]{2,40}|[A-Za-zЀ-ӿ]{2,24})(?![A-Za-z0-9_-]|\.[A-Za-z0-9])"
)
_ENCODED: Final = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}%40(?:[A-Za-z0-9-]{1,63}\.){1,8}([A-Za-z]{2,24})"
    r"(?![\w-])"
)
_NO_TLD: Final = frozenset(
    "service socket target mount slice timer scope device path swap automount local internal lan "
    "localdomain localhost cluster svc corp home intranet py js ts mjs cjs tsx jsx md json yaml "
    "yml png jpg jpeg gif svg webp css scss html zip tgz gz bz2 xz tar whl jar war so dll exe "
    "deb rpm apk txt log cfg conf ini toml lock go rs rb php java kt cs sh bash cpp hpp git "
    "patch diff sql csv class func method attr".split()
)
_MESSAGE_ID: Final = re.compile(r"\d{8,}[\w.-]*\Z")
_REMOTE: Final = re.compile(r"(?:ssh|scp|rsync|sftp|mosh|ssh-copy-id)(?:[ \t][^\n]{0,80})?[ \t]\Z")
_REMOTE_USERS: Final = frozenset(
    "git hg svn root ubuntu ec2-user admin centos debian deploy postgres pi vagrant core fedora "
    "azureuser opc".split()
)
_PROTOCOL_NAMES: Final = frozenset("openssh.com libssh.org lysator.liu.se ssh.com".split())


def email_spans(text: str, low: str) -> Iterator[Span]:
    """Yield e-mail addresses; not SSH remotes, package versions, shell prompts, systemd units."""
    at = text.find("@")
    while at >= 0:
        before = text[max(0, at - 64) : at]
        domain = (
            _DOMAIN.match(text, at + 1) if before and text[at + 1 : at + 2].isalnum() else None
        )
        local = None
        if domain:
            tail = before[-1:].isascii() and len(before.rstrip(_LOCAL_ASCII))
            if tail and before[tail - 1].isascii():
                local = _LOCAL.search(text, at - len(before) + tail, at)
            else:
                local = _LOCAL.search(text, max(0, at - 64), at)
        if local and domain and _is_address(text, low, local, domain):
            start = local.start() + (len(local.group()) - len(local.group().lstrip(".'’-")))
            yield Span(start, domain.end(), "email")
        at = text.find("@", at + 1)


def encoded_email_spans(text: str) -> Iterator[Span]:
    """Yield addresses whose sign is percent-encoded, as in queries."""
    for match in _ENCODED.finditer(text):
        if match[1].lower() not in _NO_TLD:
            yield Span(match.start(), match.end(), "email")


def _is_address(text: str, low: str, local: re.Match[str], domain: re.Match[str]) -> bool:
    if domain.group() in _PROTOCOL_NAMES or (
        text[local.start() - 1 : local.start()] == "<" and _MESSAGE_ID.match(local.group())
    ):
        return False
    if domain.group().rpartition(".")[2].lower() in _NO_TLD or not local.group().strip(".'-"):
        return False
    start, end = local.start(), domain.end()
    follows = text[end : end + 2]
    user = local.group().lower()
    if (
        follows[:1] == ":"
        and follows[1:2] not in ("", " ", "\n", '"', "'")
        and (
            user in _REMOTE_USERS
            or follows[1:2] in "/~"
            or "/" in text[end : end + 60].split(" ", maxsplit=1)[0]
        )
    ):
        return False
    if user in _REMOTE_USERS and (
        follows[:1] == ":" or follows[:1] == "/" or _REMOTE.search(low, max(0, start - 100), start)
    ):
        return False
    if text[start - 1 : start] == "$" or (
        text[start - 1 : start] == "/" and text[max(0, start - 3) : start] == "://"
    ):
        return False
    return not _REMOTE.search(low, max(0, start - 100), start)


def digit_spans(text: str, low: str) -> Iterator[Span]:
    """Yield card numbers, social security numbers and telephone numbers."""
    if all(_DATE.fullmatch(run) for run in DIGITS.findall(text)):
        return
    for match in _CARD.finditer(text):
        span = _card(text, low, match)
        if span:
            yield span
    for match in _SSN.finditer(text):
        if (
            _edges(text, match.start(), match.end())
            and validators.is_ssn(match.group())
            and (
                match[1] == "-" or _SSN_WORD.search(low, max(0, match.start() - 40), match.start())
            )
        ):
            yield Span(match.start(), match.end(), "ssn")
    for match in _ENCODED_PHONE.finditer(text) if "%2B" in text else ():
        yield Span(match.start(), match.end(), "phone")
    if "+" in text:
        for match in _PHONE.finditer(text):
            if _is_international(text, match):
                yield Span(match.start(), match.end(), "phone")
    for match in _NANP.finditer(text):
        if _edges(text, match.start(), match.end()) and _is_nanp(low, match):
            yield Span(match.start(), match.end(), "phone")
    for match in _NATIONAL.finditer(text):
        start, end = match.span()
        if (
            _edges(text, start, end)
            and not _DAY.fullmatch(match.group())
            and 7 <= len(validators.digits_of(match.group())) <= 15
            and _PHONE_WORD.search(low, max(0, start - 60), start)
        ):
            yield Span(start, end, "phone")


def _is_glued(char: str) -> bool:
    """Tell whether ``char`` makes one word with the number beside it, as CJK characters do not."""
    return char == "_" or (char.isalnum() and char < "\u2e80")


def _edges(text: str, start: int, end: int) -> bool:
    """Tell whether the number at ``start`` is not a piece of a longer token."""
    before, after = text[start - 1 : start], text[end : end + 1]
    if (
        _is_glued(before)
        or before in ("-", ".", "/", "+")
        or _is_glued(after)
        or after in ("-", "/")
    ):
        return False
    return not (after == "." and text[end + 1 : end + 2].isdigit())


def _card(text: str, low: str, match: re.Match[str]) -> Span | None:
    start = match.start()
    number = match.group()
    before, after = text[start - 1 : start], text[match.end() : match.end() + 1]
    if _is_glued(before) or before in (".", "-", "+") or after.isdigit():
        number = ""
    for end in range(len(number), 12, -1):
        if not validators.is_card(number[:end]):
            continue
        rest = text[start + end : start + end + 1]
        if (
            _is_glued(rest)
            or number[end - 1] in " -"
            or (rest == "." and text[start + end + 1 : start + end + 2].isdigit())
        ):
            continue
        return Span(start, start + end, "card") if _may_be_card(number[:end], low, start) else None
    return None


def _may_be_card(number: str, low: str, start: int) -> bool:
    context = low[max(0, start - 40) : start]
    if _CARD_WORD.search(context) or _CARD_FIELDS.search(low, start, start + 80):
        return True
    compact = number.isdigit()
    if compact and (len(number) in (13, 14, 18, 19, 17) or _NUMBER_NAME.search(context)):
        return False
    return compact or _grouped(number)


def _grouped(number: str) -> bool:
    """Tell whether the digits stand in the groups cards are printed in."""
    groups = [len(group) for group in re.split(r"[ -]", number)]
    return groups in (
        [4, 4, 4, 4],
        [4, 6, 5],
        [4, 4, 4, 4, 3],
        [4, 4, 4, 1],
        [4, 6, 4],
        [4, 4, 4, 4, 2],
    )


def _is_international(text: str, match: re.Match[str]) -> bool:
    start, end = match.span()
    number = validators.digits_of(match.group())
    before, after = text[start - 1 : start], text[end : end + 1]
    if (
        _is_glued(before)
        or before in (".", "+", ")")
        or _is_glued(after)
        or (after == ":" and text[end + 1 : end + 2] not in (" ", ""))
    ):
        return False
    if after in (".", ",") and text[end + 1 : end + 2].isdigit():
        return False
    separated = not match.group()[1:].isdigit()
    return number[0] != "0" and (10 if not separated else 8) <= len(number) <= 15


def _is_nanp(low: str, match: re.Match[str]) -> bool:
    number = validators.digits_of(match.group())[-10:]
    if number[0] in "01" or number[3] in "01":
        return bool(_PHONE_WORD.search(low, max(0, match.start() - 60), match.start()))
    return True


def iban_spans(text: str) -> Iterator[Span]:
    """Yield IBANs, spaced or not."""
    for match in _IBAN.finditer(text):
        start = match.start()
        size = validators.iban_length(match.group()[:2])
        if not size or text[start - 1 : start].isalnum():
            continue
        end = _after_characters(text, start, size)
        if end and validators.is_iban(text[start:end]) and not text[end : end + 1].isalnum():
            yield Span(start, end, "iban")


def _after_characters(text: str, start: int, size: int) -> int:
    """Return the place after ``size`` letters and digits from ``start``, 0 where they end."""
    at = start
    while size and at < len(text):
        char = text[at]
        if char.isascii() and char.isalnum():
            size -= 1
        elif char not in " -":
            return 0
        at += 1
    return 0 if size else at


def may_have_iban(text: str) -> bool:
    """Tell whether :func:`iban_spans` can find anything."""
    return _IBAN_GATE.search(text) is not None
