"""Checks run after a pattern matched: checksums, issuer ranges, decodable headers."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Final

_IBAN_LENGTHS: Final = {
    code: int(length)
    for code, length in (
        pair.split(":")
        for pair in (
            "AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BR:29 BY:28 CH:21 CR:22 CY:28 "
            "CZ:24 DE:22 DK:18 DO:28 EE:20 EG:29 ES:24 FI:18 FO:18 FR:27 GB:22 GE:22 GI:23 GL:18 "
            "GR:27 GT:28 HR:21 HU:28 IE:22 IL:23 IQ:23 IS:26 IT:27 JO:30 KW:30 KZ:20 LB:28 LC:32 "
            "LI:21 LT:20 LU:20 LV:21 LY:25 MC:27 MD:24 ME:22 MK:19 MR:27 MT:31 MU:30 NL:18 NO:15 "
            "PK:24 PL:28 PS:29 PT:25 QA:29 RO:24 RS:22 SA:24 SC:31 SE:24 SI:19 SK:24 SM:27 ST:25 "
            "SV:28 TL:23 TN:24 TR:26 UA:29 VA:22 VG:24 XK:20"
        ).split()
    )
}
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_DIGITS: Final = re.compile(r"\d")


def digits_of(text: str) -> str:
    """Return the ASCII digits of ``text``."""
    return "".join(_DIGITS.findall(text)) if not text.isdigit() else text


def is_card(text: str) -> bool:
    """Tell whether ``text`` is a payment card number: issuer range, length, Luhn checksum."""
    number = digits_of(text)
    length = len(number)
    if not 13 <= length <= 19 or len(set(number)) < 2:
        return False
    two, four = int(number[:2]), int(number[:4])
    known = (
        (number[0] == "4" and length in (13, 16, 19))
        or (51 <= two <= 55 and length == 16)
        or (2221 <= four <= 2720 and length == 16)
        or (two in (34, 37) and length == 15)
        or (two == 65 and length in (16, 19))
        or (four == 6011 and length in (16, 19))
        or (644 <= int(number[:3]) <= 649 and length in (16, 19))
        or (3528 <= four <= 3589 and length in (16, 19))
        or (two in (36, 38, 39) and length in (14, 16, 19))
        or (300 <= int(number[:3]) <= 305 and length in (14, 16))
        or (two in (62, 81) and length in (16, 17, 18, 19))
        or (2200 <= four <= 2204 and length == 16)
        or (two in (50, 56, 57, 58, 67) and length in (13, 15, 16, 18, 19))
        or (four in (6304, 6759, 6761, 6762, 6763) and length in (13, 15, 16, 18, 19))
    )
    return known and is_luhn(number)


def is_luhn(number: str) -> bool:
    """Tell whether the digits of ``number`` pass the Luhn check (ISO/IEC 7812-1)."""
    total = 0
    for position, digit in enumerate(reversed(number)):
        value = int(digit)
        total += _DOUBLED[value] if position % 2 else value
    return total % 10 == 0


def is_iban(text: str) -> bool:
    """Tell whether ``text`` is an IBAN: country length and ISO 7064 mod 97."""
    compact = text.replace(" ", "").replace("-", "")
    if len(compact) != _IBAN_LENGTHS.get(compact[:2]):
        return False
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1


def iban_length(country: str) -> int:
    """Return the length of an IBAN of ``country``, 0 for a country without IBAN."""
    return _IBAN_LENGTHS.get(country, 0)


def is_ssn(text: str) -> bool:
    """Tell whether the nine digits of ``text`` can be a US social security number."""
    number = digits_of(text)
    return (
        len(number) == 9
        and number[:3] not in ("000", "666")
        and number[0] != "9"
        and number[3:5] != "00"
        and number[5:] != "0000"
        and len(set(number)) > 1
        and number != "123456789"
    )


def decoded(text: str, limit: int = 4096) -> bytes:
    """Return base64 or base64url ``text`` decoded as far as it goes, ``b""`` if it is neither."""
    head = text[:limit].rstrip("=").replace("-", "+").replace("_", "/")
    head = head[: len(head) // 4 * 4] if len(head) % 4 == 1 else head + "=" * (-len(head) % 4)
    try:
        return base64.b64decode(head, validate=True)
    except (binascii.Error, ValueError):
        return b""


def is_jwt(text: str) -> bool:
    """Tell whether the first part of ``text`` is a JOSE header (RFC 7515, 7516)."""
    try:
        header = json.loads(decoded(text.partition(".")[0]))
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and ("alg" in header or "enc" in header or "typ" in header)


def is_basic_credentials(text: str) -> bool:
    """Tell whether ``text`` is the base64 of ``user:password`` (RFC 7617)."""
    raw = decoded(text)
    if b":" not in raw:
        return False
    try:
        return raw.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False


def looks_issued(text: str) -> bool:
    """Tell whether a prefixed token has a machine-made body, not words: ``sk-loading-icon``."""
    body = re.split(r"[-_.]", text, maxsplit=1)[-1]
    digits = sum(map(str.isdigit, body))
    upper = sum(map(str.isupper, body))
    lower = sum(map(str.islower, body))
    if digits + upper + lower < len(body) * 3 // 4:
        return False
    longest = max(map(len, re.split(r"[-_.\d]", body)), default=0)
    return digits >= 2 if not (upper and lower) else digits >= 1 or longest >= 16


def is_bearer(text: str) -> bool:
    """Tell whether what follows the word "Bearer" is a token and not the next word."""
    low = text.lower()
    if low.startswith(("realm", "error", "scope", "token", "auth", "format", "redacted")):
        return False
    if text.isalpha():
        return len(text) >= 16 and not text.islower()
    return any(map(str.isdigit, text)) and not re.fullmatch(r"[\d.,:-]+|[a-z]+-[a-z]+", text)
