"""Find sensitive names in a text, and tell what each says of its value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fm_otel.redaction.keys import KeyClass, classify

if TYPE_CHECKING:
    from collections.abc import Iterator

# The words a sensitive name is found by, in lower case.
CORES: Final = (
    "pass", "pwd", "secret", "token", "key", "cred", "auth", "cookie", "bearer", "jwt", "dsn",
    "mnemonic", "connection", "connstr", "conn_str", "cvv", "cvc", "ssn", "otp", "psk", "phrase",
    "seed", "salt", "contrasena", "clave", "senha", "kennwort", "wachtwoord", "haslo",
    "heslo", "adgangskode", "salasana", "parola", "sifre", "mdp", "iban", "assertion", "samlresp",
    "sessid", "sessionid", "connect.sid", "_pw", "card", "code", "social sec", "security number",
    "jeton", "sandi", "community", "bindpw", "sonar.login", "fernet", "rootpw", "pswd", "psw",
    "pasw", "paswd", "unseal", "identified by", "lozinka", "parool", "jelsz", "chave",
    "llave", "geheimnis", "zugangsdaten", "pin", "pw", "hash", "hmac", "csrf", "xsrf", "answer",
)  # fmt: skip
FOREIGN: Final = (
    "contraseña", "hasło", "jelszó", "lösenord", "şifre", "пароль", "пароля", "паролем", "токен",
    "секрет", "ключ", "密码", "密碼", "口令", "パスワード", "トークン", "キー", "シークレット",
    "令牌",
    "密钥", "密鑰", "暗証番号", "비밀번호", "암호", "토큰", "키", "סיסמה", "पासवर्ड", "κωδικός",
    "رمز المرور", "مفتاح api", "prüfziffer", "prüfnummer", "비번", "كلمة المرور", "كلمة السر",
    "mật khẩu", "รหัสผ่าน", "лозинка", "clé", "schlüssel", "slaptažodis", "clé api", "ключ api",
)  # fmt: skip
_NAME_CHARACTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$-"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_GLUED: Final = ("キ", "키", "ト")
_RIGHT: Final = re.compile(r"[A-Za-z0-9_-]{0,60}(?:\.[A-Za-z0-9_-]{1,60}){0,4}")
_PREVIOUS: Final = re.compile(r"([A-Za-zéáíóúàèùñ0-9ậẩữ]{1,24})[ -]\Z")
_JOINED: Final = frozenset(
    "key keys token tokens code codes phrase string number pass password secret hash passe clé "
    "schlüssel ключ llave chave sandi khẩu api no".split()
)
_CACHE_KEY: Final = re.compile(r"[\w-]{1,40}(?::[\w-]{1,40}){0,4}:\d{1,20}(?:[\"']|\Z)")
_ACTION: Final = re.compile(r"[a-z-]{1,40}:[a-z]{1,40}\)")
_ARN: Final = re.compile(
    r"(?:checksum|digest|hash|sha256)[/.]\Z|arn:[^\s\"']{1,200}\Z|://[^\s/@]{0,100}\Z"
    r"|\[REDACTED:\Z|\$\{[\w.]{0,60}\Z"
)


def names_in(text: str, low: str) -> Iterator[tuple[int, int]]:
    """Yield where names stand that hold one of the words."""
    done = 0
    for at, word in sorted(_places(low, CORES)):
        if at + len(word) > done:
            start, done = _extended(text, at, at + len(word))
            yield start, done
    if not text.isascii():
        for at, word in _places(low, FOREIGN):
            start = (
                at
                - len(text[max(0, at - 8) : at])
                + len(text[max(0, at - 8) : at].rstrip(_LETTERS))
            )
            yield start if text[at : at + 1] in _GLUED else at, at + len(word)


def _places(low: str, words: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    for word in [word for word in words if word in low]:
        at = low.find(word)
        while at >= 0:
            yield at, word
            at = low.find(word, at + len(word))


def _extended(text: str, start: int, end: int) -> tuple[int, int]:
    before = text[max(0, start - 80) : start]
    right = _RIGHT.match(text, end)
    return start - len(before) + len(
        before.rstrip(_NAME_CHARACTERS)
    ), right.end() if right else end


def is_no_name(text: str, start: int) -> bool:
    """Tell whether the name is part of a resource name, a URL's user, a marker or a template."""
    if text[start - 1 : start] in ("", '"', "'") and _CACHE_KEY.match(text, start):
        return True
    if text[start] == "." and text[start - 1 : start] in ("/", "~"):
        return True  # a file such as ~/.pgpass
    if text[start - 2 : start] == "$(":
        return True  # a shell's substitution
    if text[start - 1 : start] == "(" and _ACTION.match(text, start):
        return True
    if text[start - 1 : start] not in ("", ":", "/", "{", "."):
        return False
    return _ARN.search(text, max(0, start - 200), start) is not None


def class_of(text: str, start: int, name: str) -> KeyClass:
    """Return what ``name`` says of its value, read with the word before it: ``api key``."""
    low = name.lower()
    if low in _JOINED and text[start] != "-":
        previous = _PREVIOUS.search(text, max(0, start - 26), start)
        if previous:
            joined = classify(f"{previous[1]} {name}")
            if joined.tier or low not in ("password", "secret"):
                return joined
    return classify(name)
