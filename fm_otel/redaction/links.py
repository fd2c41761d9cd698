"""Credentials in URLs, data source names, queries and paths."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from fm_otel.redaction import shapes
from fm_otel.redaction.keys import Tier, classify
from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_AUTHORITY: Final = re.compile(r"://(?=((?:[^\s/?#\"'<>`\\;]|;(?!\w{1,40}=)){1,2048}))")
_DEEP: Final = re.compile(
    r"(?::|(?<=[a-z]))//([^\s:/@\"'<>`]{0,128}):((?:[^\s\"'<>`;]|;(?!\w{1,40}=)){1,512})@"
    r"(?=[A-Za-z0-9\[])"
)
_HOST_WITHIN: Final = re.compile(r"@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}(?::\d{1,5})?/")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}\Z")
_PORT: Final = re.compile(r"\d{1,5}(?:[/?#]|\Z)")
_BARE: Final = re.compile(
    r"(?<![\w.@:/+-])([A-Za-z][\w.+-]{0,63}):([^\s:@/\"'<>,;]{3,128})@"
    r"(\[?[A-Za-z0-9][\w.-]{0,252}\]?)(:\d{2,5}|/|\()?"
)
_NOT_USER: Final = frozenset(
    "mailto sip sips xmpp acct to from cc bcc email mail user author by contact http https ssh "
    "git urn file error warning npm image docker group domain serviceaccount member members role "
    "principal owner".split()
)
_QUERY: Final = re.compile(r"[?&#;]([A-Za-z_][\w.\[\]%-]{0,80})=([^\s&#?\"'<>`\\;]{1,8192})")
_QUERY_SECRETS: Final = frozenset(
    "sig signature x-amz-signature x-amz-security-token x-goog-signature "
    "x-oss-signature auth apikey authkey access_token id_token refresh_token "
    "ticket jwt samlresponse samlrequest client_assertion assertion code_verifier sign hmac "
    "jsessionid phpsessid sid otp pin hash_key oauth_signature oauth_token invite magic "
    "policy key appid wresult".split()
)
_QUERY_WEAK: Final = frozenset(
    "key policy hash invite magic ticket sign sid hmac auth appid".split()
)
_STATE: Final = re.compile(r"[?&#]state=")
_LINK_PATH: Final = re.compile(
    r"/(?!(?<=auth/)(?:token|login)/)(?:reset|reset[-_]?password|password[-_]?reset|"
    r"forgot[-_]?password|confirm|confirmation|activate|activation|"
    r"confirm[-_]?email|verify|verify[-_]?email|magic|magic[-_]?link|invite|invitation|invitations"
    r"|unsubscribe|login|token|"
    r"webhook|webhooks|hooks|share|s|shared)(?:/[a-z]{2,12}|/[A-Za-z0-9_-]{1,6})?/"
    r"([A-Za-z0-9_.~=:-]{16,512}(?:(?<=[a-z0-9]{20})/[A-Za-z0-9_-]{20,128})?)"
)
_JSESSION: Final = re.compile(r";jsessionid=([A-Za-z0-9.!_-]{8,200})", re.IGNORECASE)
_STOCK: Final = "driver://user:pass@"
"""What alembic.ini is delivered with."""
_SLIP: Final = re.compile(
    r"(?<![\w+.-])[a-z][a-z0-9+]{1,20}:/?(?!/)[\w.-]{1,64}:([^\s:/@\"']{3,128})@[\w.-]{1,253}"
    r"(?=[:/])"
)


def url_spans(text: str) -> Iterator[Span]:
    """Yield passwords and lone tokens of URL authorities."""
    for match in _AUTHORITY.finditer(text):
        yield from _userinfo(text, match.start(1), match.end(1))
    for match in _DEEP.finditer(text):
        secret = match[2]
        if text.startswith(_STOCK, max(0, match.start() - 6)):
            continue
        if (
            (match[1] + secret).isupper()
            or "://" in secret
            or _HOST_WITHIN.search(secret)
            or ("," in secret and "@" in secret)
            or "[REDACTED:" in text[match.start() : match.end()]
            or shapes.is_placeholder(secret)
        ):
            continue
        if _PORT.match(secret) is None:
            yield Span(match.start(2), match.end(2), "url_password")


def _userinfo(text: str, start: int, end: int) -> Iterator[Span]:
    authority = text[start:end]
    if authority.count("@") > 1 and "," in authority:
        # Each host with credentials of its own: user:password@one,user:password@two.
        pieces = authority.split(",")
        if all(0 < piece.find(":") < piece.find("@") or "@" not in piece for piece in pieces):
            for piece in pieces:
                yield from _userinfo(text, start, start + len(piece))
                start += len(piece) + 1
            return
    at = authority.rfind("@")
    if at <= 0:
        return
    user, colon, secret = authority[:at].partition(":")
    if (
        "," in user
        or authority[:at].isupper()
        or "[REDACTED:" in authority[:at]
        or (secret and shapes.is_placeholder(secret))
    ):
        return
    if text.startswith(_STOCK, max(0, start - 9)):
        return
    if colon and secret:
        yield Span(start + len(user) + 1, start + at, "url_password")
        if shapes.is_random(user) and len(user) >= 20:
            yield Span(start, start + len(user), "url_token")
    elif (not colon or not secret) and shapes.is_random(user) and not shapes.is_placeholder(user):
        yield Span(start, start + len(user), "url_token")


def bare_spans(text: str) -> Iterator[Span]:
    """Yield the password of ``user:password@host`` without a scheme."""
    for match in _BARE.finditer(text):
        user, secret, host, tail = match.groups()
        if (
            user.lower() in _NOT_USER
            or shapes.is_placeholder(secret)
            or "REDACTED:" in match.group()
        ):
            continue
        if "sha256" in host[:7]:
            continue
        if secret.isdigit() or not (
            tail
            or "." in host
            or host == "localhost"
            or (host.isalnum() and shapes.is_mixed(secret))
        ):
            continue
        if not tail and shapes.is_wordlike(secret) and "." not in host:
            continue
        yield Span(match.start(2), match.end(2), "url_password")


def slip_spans(text: str) -> Iterator[Span]:
    """Yield the password of a URL that lost a slash: ``postgresql:/user:password@host``."""
    for match in _SLIP.finditer(text):
        if not shapes.is_placeholder(match[1]):
            yield Span(match.start(1), match.end(1), "url_password")


def query_spans(text: str) -> Iterator[Span]:
    """Yield secret values of query strings and fragments, whatever the scheme."""
    for match in _QUERY.finditer(text):
        value = shapes.trimmed(match[2])
        if value and _is_secret_parameter(match[1], value, text):
            yield Span(match.start(2), match.start(2) + len(value), _parameter_rule(match[1]))
    for match in _JSESSION.finditer(text):
        yield Span(match.start(1), match.end(1), "cookie")


def _is_secret_parameter(name: str, value: str, text: str) -> bool:
    if value[0] == "{" or shapes.is_placeholder(unquote(value)) or value.startswith("[REDACTED"):
        return False
    low = unquote(name).lower()
    if low.endswith("-credential"):
        return False
    if low.endswith("signature"):
        return len(value) >= 16
    if low in _QUERY_SECRETS:
        return low not in _QUERY_WEAK or (len(value) >= 10 and shapes.is_mixed(value))
    if low in ("t", "tk", "k"):
        return len(value) >= 20 and shapes.is_random(value)
    if low == "md5":
        return len(value) >= 16 and "expires=" in text  # nginx's secure links
    if low == "code":
        return (
            len(value) >= 6
            and shapes.is_mixed(value)
            and (_STATE.search(text) is not None or len(value) >= 20)
        )
    found = classify(unquote(name))
    if found.tier >= Tier.SECRET:
        return not (shapes.is_status(value) or shapes.is_path(value))
    return (
        found.tier is Tier.WEAK and len(value) >= 4 and (shapes.is_mixed(value) or value.isdigit())
    )


def _parameter_rule(name: str) -> str:
    found = classify(name)
    if found.tier:
        return found.rule
    return "url_signature" if "sig" in name.lower() else "url_secret"


def path_spans(text: str) -> Iterator[Span]:
    """Yield one-time tokens that are a segment of a link: ``/reset-password/<token>``."""
    for match in _LINK_PATH.finditer(text):
        if shapes.is_random(match[1]) and (
            shapes.UUID.fullmatch(match[1]) is None
            or "reset" in match.group()
            or "magic" in match.group()
            or "invit" in match.group()
        ):
            yield Span(match.start(1), match.end(1), "url_token")
