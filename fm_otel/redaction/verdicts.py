"""Judge a value by its name and the notation that joins them: secret or not."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final, NamedTuple

from fm_otel.redaction import shapes
from fm_otel.redaction.keys import KeyClass, Tier, classify

CODES: Final = frozenset({"pin", "otp", "card_code", "card", "ssn", "iban"})
_NAME: Final = re.compile(
    r"[A-Za-z]+(?:[-_][a-z]+)*[-_]?\d{0,2}|[\w.-]+\.[a-z]{2,8}(?::\d+)?|"
    r"(?:case|user|usr|tenant|host|node|pod|order|req|request|ticket|inc|web|db|app|id|session|"
    r"server|worker|job|"
    r"build|error|code|line|port|release|acct|account|customer|org|team|env|vm|ip|svc|cluster"
    r"|instance|run|task|step|item)[-_#]?\d+|[0-9a-f]{7,64}",
    re.IGNORECASE,
)

_MIXED_WORDS: Final = re.compile(
    r"(?![\w-]*(?i:secret|passw|key|token|cred|name|config|prod|value))"
    r"(?:(?=(?:[\w.-]*[.-])?[a-z])(?=(?:[\w.-]*[.-])?[A-Z])[A-Za-z]+(?:[.-][A-Za-z]+){1,6}(?:[.-]\d{1,4})?|[a-z]+"
    r"(?:[.-][a-z]+){2,6}[.-]\d{1,4})"
)
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]{1,60}=")
_KEY_ID: Final = re.compile(r"[0-9A-F]{16}|0x[0-9A-Fa-f]{8,64}")
_TYPED_CODE: Final = re.compile(
    r"\d{4,8}|\d{3}[- ]\d{3}(?:[- ]\d{3})?|[A-Z2-7]{16,64}=*"
    r"|[A-Za-z0-9]{4,6}-[A-Za-z0-9]{4,6}(?:-[A-Za-z0-9]{4,6}){0,4}"
)
_RANGE: Final = re.compile(r"[\^~]\d{1,4}(?:\.\d{1,5}){1,2}")
_ARTIFACT: Final = re.compile(
    r"[a-z][a-z0-9_]{1,30}(?:[.-][a-z][a-z0-9_]{0,30}){1,8}-\d{1,4}(?:\.\d{1,5}){1,3}"
    r"(?:[.-][A-Za-z]\w{0,12})?"
)
_LONG_KEY: Final = re.compile(
    r"(?=[a-z0-9]*[g-z])(?=(?:[a-z]*\d){4})[a-z0-9]{28,128}"
    r"|(?=[A-Z0-9]*[G-Z])(?=(?:[A-Z]*\d){4})[A-Z0-9]{28,128}"
)
_QUOTED_KEY: Final = re.compile(
    r"(?:\d{1,8}\|)?(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*[g-zG-Z])[\w-]{22,256}"
)
_CHOSEN: Final = re.compile(r"[A-Z][a-z]{3,20}[_-]\d{1,4}")
_SHORT_SECRET: Final = re.compile(
    r"(?=(?:[^\d]*\d){2})(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z]{1,3}[\dA-Z])[A-Za-z0-9_-]{8,24}"
)
_DIGEST_LIKE: Final = re.compile(r"[0-9a-f]{32,64}")
_LABELLED: Final = re.compile(
    r"(?:tok|key|sk|pk|api|auth|access|token|secret|svc|live|test)[a-z-]{0,12}[_-]"
    r"(?=(?:[a-z]*\d){3})[a-z0-9]{20,64}"
)
_IDEOGRAPHS: Final = re.compile(r"[\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]{1,80}")


class Notation(IntEnum):
    """How sure a notation is that the value belongs to the name, the surest last."""

    FAR = 0
    SPACE = 1
    COPULA = 2
    PAIR = 3
    COLON = 4
    LINE = 5
    CALL = 6
    OPTION = 7
    STRUCT = 8


class Value(NamedTuple):
    """A candidate value: where it stands and whether it is quoted."""

    start: int
    end: int
    quoted: bool


def is_secret(found: KeyClass, notation: Notation, body: str, value: Value) -> bool:
    """Tell whether ``body`` is a secret: the weaker the notation, the more it must look so."""
    if shapes.is_placeholder(body) or body.startswith("[REDACTED:"):
        return False
    if (len(body) == 1 and body.isdigit()) or _RANGE.fullmatch(body):
        return False  # off or on; versions of a package named so
    if found.rule in CODES:
        return is_code(found, notation, body)
    if notation <= Notation.COPULA and ";" in body and body[: body.find(";")].isalpha():
        return False  # the next column
    if found.rule == "connection_string" or (found.rule == "api_key" and _KEY_ID.fullmatch(body)):
        return False
    if found.rule == "secret" and found.tier is Tier.PASSWORD and notation is Notation.STRUCT:
        return not shapes.is_status_word(body)
    told = value.quoted and notation is Notation.COPULA and not shapes.has_verb(body)
    if (
        (shapes.is_prose(body) and not told) or shapes.is_prompt(body)
    ) and found.rule != "seed_phrase":
        return False
    if found.rule == "seed_phrase" and found.tier is Tier.PASSWORD:
        return len(body.split()) >= 6 or (notation >= Notation.LINE and shapes.is_mixed(body))
    if found.tier is Tier.HINT:
        return notation >= Notation.COPULA and (
            shapes.is_strong_key(body)
            or (notation >= Notation.COLON and _is_long_key(body, quoted=value.quoted))
        )
    if found.tier is Tier.PASSWORD:
        return _is_password(notation, body, quoted=value.quoted)
    if found.tier is Tier.SECRET:
        return _is_token(found, notation, body, quoted=value.quoted)
    return _is_weak(found, notation, body, quoted=value.quoted)


def _is_long_key(body: str, *, quoted: bool) -> bool:
    """Tell whether ``body`` is machine-made and no digest or id: it has letters beyond hex."""
    if _LONG_KEY.fullmatch(body):
        return True
    return quoted and _QUOTED_KEY.fullmatch(body) is not None and shapes.is_random(body)


def _is_password(notation: Notation, body: str, *, quoted: bool) -> bool:
    if shapes.is_path(body) or body.startswith(("http://", "https://")):
        return False
    if not quoted and notation < Notation.STRUCT and _IDEOGRAPHS.fullmatch(body):
        return False  # a sentence: keyboards type passwords in Latin letters
    if notation is Notation.OPTION:
        return quoted or not shapes.is_status(body)
    if notation in (Notation.STRUCT, Notation.CALL):
        return True
    if quoted and notation in (Notation.COPULA, Notation.COLON):
        if all(map(shapes.is_status_word, body.split())):
            return False
        return not shapes.is_status_word(body) and (
            notation is Notation.COLON
            or body.count(" ") != 1
            or shapes.is_mixed(body.replace(" ", ""))
        )
    if notation is Notation.PAIR:
        return (
            not shapes.is_status(body) and shapes.is_mixed(body) and _VARIABLE.match(body) is None
        )
    if notation is Notation.LINE:
        return not shapes.is_status_word(body)
    if notation is Notation.COLON:
        return not shapes.is_status(body) and (
            shapes.is_mixed(body)
            or shapes.UUID.fullmatch(body) is not None
            or (len(body) >= 4 and not shapes.is_harmless(body))
        )
    return (
        shapes.is_mixed(body)
        and not shapes.is_status(body)
        and not (notation < Notation.COPULA and not quoted and is_name(body))
    )


def is_name(body: str) -> bool:
    """Tell whether ``body`` may be a host, user or file name, where the notation is unsure."""
    return "/" in body or body.isalpha() or _NAME.fullmatch(body) is not None


def _is_token(found: KeyClass, notation: Notation, body: str, *, quoted: bool) -> bool:
    if shapes.is_path(body) or shapes.is_status(body):
        return False
    if (
        shapes.is_harmless(body)
        and shapes.UUID.fullmatch(body) is None
        and not (body.isdigit() and len(body) >= 6)
    ):
        return False
    if _ARTIFACT.fullmatch(body):
        return False
    if body.isupper() and "_" in body and classify(body).tier:
        return False  # the name of a variable that holds it
    wordlike = shapes.is_wordlike(body) and not (
        quoted and body.isalnum() and any(map(str.isdigit, body))
    )
    if wordlike and len(body) < 6:
        return False
    if (
        (quoted or notation is Notation.STRUCT)
        and (notation >= Notation.COLON or notation is Notation.FAR)
        and found.rule in ("secret", "api_key")
        and _MIXED_WORDS.fullmatch(body)
    ):
        return True
    if notation is Notation.CALL:
        return not wordlike and shapes.is_mixed(body)
    if notation >= Notation.OPTION:
        return not (wordlike and (found.rule == "secret" or (not quoted and "-" in body))) or (
            shapes.is_mixed(body) and not wordlike
        )
    if notation in (Notation.LINE, Notation.PAIR, Notation.COLON):
        numbered = quoted and body.isdigit() and len(body) >= 14
        return not wordlike and (numbered or shapes.is_mixed(body) or shapes.is_random(body))
    if notation is Notation.COPULA:
        return not wordlike and len(body) >= 6 and shapes.is_mixed(body) and not is_name(body)
    if _LABELLED.fullmatch(body) or (found.rule == "secret" and _SHORT_SECRET.fullmatch(body)):
        return True
    return (
        len(body) >= 12
        and shapes.is_mixed(body)
        and (shapes.is_random(body) or body.isalnum())
        and not wordlike
        and shapes.UUID.fullmatch(body) is None
    )


def _is_weak(found: KeyClass, notation: Notation, body: str, *, quoted: bool) -> bool:
    if notation is Notation.COPULA and found.rule == "password":
        return shapes.is_mixed(body) and not is_name(body) and any(map(str.isdigit, body))
    if notation < Notation.PAIR or shapes.is_status(body) or shapes.is_harmless(body):
        return False
    if found.rule == "password" and quoted and notation is Notation.STRUCT:
        return len(body) >= 5 and not shapes.is_path(body) and not body.isdigit()
    if (
        found.rule == "password"
        and (quoted or notation >= Notation.LINE)
        and any(not c.isalpha() for c in body)
    ):
        return not shapes.is_path(body)
    chosen = notation is Notation.STRUCT and _CHOSEN.fullmatch(body) is not None
    if shapes.is_wordlike(body) and not (chosen and found.rule == "credentials"):
        return False
    if found.rule == "cookie":
        return shapes.is_mixed(body) and (
            len(body) >= 16 or (not is_name(body) and shapes.is_random(body))
        )
    if found.rule == "credentials" and ":" in body:
        body = body.partition(":")[2]
        return shapes.is_mixed(body) and not body.startswith("//")
    if found.rule in ("password", "credentials"):
        if (
            found.rule == "credentials"
            and notation >= Notation.COLON
            and (_DIGEST_LIKE.fullmatch(body) or _LONG_KEY.fullmatch(body))
        ):
            return True
        sure = found.rule == "password" or notation is Notation.STRUCT or shapes.is_random(body)
        return shapes.is_mixed(body) and (chosen or not is_name(body)) and sure
    return len(body) >= 16 and shapes.is_mixed(body) and not shapes.is_path(body)


def is_code(found: KeyClass, notation: Notation, body: str) -> bool:
    """Tell whether ``body`` has the digits of a PIN, code, card, IBAN or security number."""
    digits = sum(map(str.isdigit, body))
    if found.rule == "card_code":
        return digits in (3, 4) and body.isdigit() and notation >= Notation.SPACE
    if found.rule in ("pin", "otp") and notation is Notation.FAR:
        return body.isdigit() and 4 <= digits <= 8
    if (
        found.rule == "otp"
        and notation >= Notation.LINE
        and (
            shapes.is_random(body) or re.fullmatch(r"(?=[A-Z]*\d)(?=\d*[A-Z])[A-Z0-9]{6,12}", body)
        )
    ):
        return True
    if found.rule in ("pin", "otp"):
        return notation >= Notation.COPULA and _TYPED_CODE.fullmatch(body) is not None
    if found.rule == "card":
        return 12 <= digits <= 19
    if found.rule == "ssn":
        return digits == 9
    return digits >= 10 and len(body) >= 15
