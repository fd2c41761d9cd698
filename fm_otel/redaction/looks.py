"""How much a word looks like a password that somebody chose."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final

from fm_otel.redaction import shapes


class Look(IntEnum):
    """How much a word looks like a password somebody chose."""

    PLAIN = 0
    NUMBERED = 1
    MIXED = 2
    SIGNED = 3


_STRONG_SIGN: Final = re.compile(r"[!$^&*?~]")
_ENTITY: Final = re.compile(r"&(?:quot|apos|lt|gt|amp|#)")
_ENCODED: Final = re.compile(r"%[0-9A-Fa-f]{2}|&\w{2,5};|&\w+=")
_SIGN: Final = re.compile(r"[!#$%^&*?+~@]")
_HOST_WORDS: Final = (
    r"(?:web|db|app|node|host|pod|server|worker|user|usr|case|ticket|req|request|job|build|run|"
    r"task|order|tenant|team|env|vm|srv|prod|stage|staging|dev|test|qa|eu|us|ap|version|release|"
    r"step|line|port|error|code|level|room|floor|"
    r"windows|ubuntu|debian|python|java|node|ios|android|chrome|safari|firefox|office|exchange|"
    r"outlook|oracle|mysql|postgres|"
    r"sql|http|https|tls|ssl|sha|md|aes|rsa|hmac|base|utf|oauth|ipv|rfc|iso|wpa|pkcs|argon|bcrypt|"
    r"scrypt|x|v|p|q|h|k8s|s3|ec2)"
)
_HOST: Final = re.compile(
    r"(?:[a-z]{1,12}[-_.])?"
    + _HOST_WORDS
    + r"[-_. ]?\d[\w.-]*|(?-i:[A-Z]{2,10}-\d+)|%[A-Z0-9_]{2,20}-\d-[A-Z0-9_]{2,40}"
    r"|U\+[0-9A-F]{4,6}|\d[\d.,:-]*\w{0,3}|v?\d+(?:\.\d+)+\S*",
    re.IGNORECASE,
)
_ODD: Final = re.compile(
    _HOST.pattern + r"|(?-i:[a-z]+(?:[-_.][a-z]+)*[-_]\d{1,3})", re.IGNORECASE
)
_HEXISH: Final = re.compile(r"[0-9a-fA-F-]{7,}")
_IDENTIFIER: Final = re.compile(
    r"[a-z]+(?:_[a-z]+)+\d{0,2}|[a-z]+(?:[A-Z][a-z]+)+\d{0,2}|(?:[A-Z][a-z]+){2,}\d{0,2}"
    r"|[a-z]{0,20}(?:[A-Z][a-z]{2,20}\d?|[A-Z]{1,5}\d?(?=[A-Z]|\Z)){4,12}|[A-Z][A-Z0-9_]+"
    r"|[\w.-]+\.[a-z]{2,4}|[a-z]\w*(?:\.[a-z_]+)*\.[A-Z][A-Za-z]{3,}"
)


def trimmed(word: str) -> str:
    """Return ``word`` without the marks of its sentence; one "!" or "?" may belong to it."""
    word = shapes.trimmed(_ENTITY.split(word, maxsplit=1)[0]).rstrip("*_")
    return word[:-1] if word[-1:] in "?!" and not any(map(str.isdigit, word)) else word


def look_of(word: str) -> Look:
    """Return how much ``word`` looks like a password somebody chose."""
    digits = sum(map(str.isdigit, word))
    if not 6 <= len(word) <= 40 or not digits or digits == len(word) or not _is_candidate(word):
        return Look.PLAIN
    letters = [char for char in word if char.isalpha()]
    if _SIGN.search(word) and digits and len(letters) >= 3 and not _ENCODED.search(word):
        return Look.SIGNED if _STRONG_SIGN.search(word) else Look.MIXED
    upper = sum(map(str.isupper, letters))
    if digits and 0 < upper < len(letters):
        return Look.MIXED
    return Look.NUMBERED if letters else Look.PLAIN


def is_chosen(word: str) -> bool:
    """Tell whether ``word`` may be a password of words and digits: no host, version or hash."""
    if (
        sum(map(str.isalpha, word)) < 4
        or _HOST.fullmatch(word)
        or "@" in word
        or "%" in word
        or "/" in word
        or word.isupper()
    ):
        return False
    return not _is_something_else(word)


def _is_candidate(word: str) -> bool:
    if ".." in word or _ODD.fullmatch(word) or _IDENTIFIER.fullmatch(word):
        return False
    signs = word.count("@") or word.count("%") > 1 or word.count("&") > 1 or word.count("*") > 1
    return not (signs or _is_something_else(word))


def _is_something_else(word: str) -> bool:
    """Tell whether ``word`` is a hash, a measure, a placeholder, code, a path, prose or a URL."""
    return bool(
        _HEXISH.fullmatch(word)
        or shapes.is_harmless(word)
        or shapes.is_placeholder(word)
        or shapes.is_reference(word)
        or shapes.is_path(word)
        or shapes.is_status(word)
        or "[REDACTED" in word
        or "://" in word
    )
