"""Keyed pseudonyms of user ids.

The same id gives the same pseudonym in every process and run that holds the key. Without the key
a pseudonym cannot be traced back; an unkeyed hash of a small id space could be. A pseudonym is
still personal data.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

MINIMUM_KEY_BYTES: Final = 32
_MEMO: Final = 4096
_PSEUDONYM: Final = re.compile(r"[0-9a-f]{4}:[0-9a-f]{32}")


class Pseudonymizer:
    """HMAC-SHA256 of ``field|value``, cut to 128 bits, behind a short key id.

    The key id tells pseudonyms of an old key from those of a new one after rotation.
    """

    def __init__(self, key: bytes) -> None:
        """Take a secret ``key`` of at least 32 bytes; ``ValueError`` for a shorter one."""
        if len(key) < MINIMUM_KEY_BYTES:
            message = f"the pseudonym key needs at least {MINIMUM_KEY_BYTES} bytes"
            raise ValueError(message)
        self._mac = hmac.new(key, digestmod=hashlib.sha256)
        self.key_id = hashlib.sha256(b"fm_otel key id|" + key).hexdigest()[:4]
        self._memo: dict[tuple[str, str], str] = {}

    @classmethod
    def from_text(cls, key: str) -> Pseudonymizer:
        """Take the key as the environment gives it: hex when it is hex, else its UTF-8 bytes."""
        text = key.strip()
        if len(text) >= 2 * MINIMUM_KEY_BYTES and re.fullmatch(r"(?:[0-9a-fA-F]{2})+", text):
            return cls(bytes.fromhex(text))
        return cls(text.encode("utf-8", "surrogatepass"))

    def __call__(self, field: str, value: str) -> str:
        """Return the pseudonym of ``value`` in ``field``; a pseudonym is returned unchanged."""
        known = self._memo.get((field, value))
        if known is not None:
            return known
        if value.startswith(self.key_id) and _PSEUDONYM.fullmatch(value):
            return value
        pseudonym = f"{self.key_id}:{self._digest(field, value)[:32]}"
        if len(self._memo) >= _MEMO:
            self._memo.clear()
        self._memo[field, value] = pseudonym
        return pseudonym

    def short_hash(self, field: str, value: str) -> str:
        """Return ``h:`` and 16 hex digits, for ids that may not stand as they are."""
        return f"h:{self._digest(field, value)[:16]}"

    def fingerprint(self, secret: str) -> str:
        """Return 6 hex digits that are equal for equal secrets."""
        return self._digest("fingerprint", secret)[:6]

    def _digest(self, field: str, value: str) -> str:
        mac = self._mac.copy()
        mac.update(f"{field}|{value}".encode("utf-8", "surrogatepass"))
        return mac.hexdigest()
