"""Find values by the name that stands before them, in any notation.

``key=value``, ``key: value``, JSON (also inside strings), Python and Ruby literals, YAML, shell
options, XML elements, SQL, calls, and prose ("the password is ..."). The name decides with
:mod:`~fm_otel.redaction.keys`, the value with :mod:`~fm_otel.redaction.shapes`; how much the
value has to look like a secret depends on how sure the notation is.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from fm_otel.redaction import shapes
from fm_otel.redaction.keys import KeyClass, Tier, classify
from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_JUDGED: Final = 256
LIMIT: Final = 4096
"""Longest value looked at."""

# The words a sensitive name is found by, in lower case.
CORES: Final = (
    "pass", "pwd", "secret", "token", "key", "cred", "auth", "cookie", "bearer", "jwt", "dsn",
    "mnemonic", "connection", "connstr", "conn_str", "cvv", "cvc", "ssn", "otp", "psk", "phrase",
    "seed", "salt", "contrasena", "clave", "senha", "kennwort", "wachtwoord", "haslo",
    "heslo", "adgangskode", "salasana", "parola", "sifre", "mdp", "iban", "assertion", "samlresp",
    "sessid", "sessionid", "_pw", "card", "code", "social sec", "security number", "jeton", "sandi",
    "community", "bindpw", "sonar.login", "fernet", "rootpw", "pswd", "identified by", "lozinka", "parool", "jelsz", "chave",
    "llave", "geheimnis", "zugangsdaten", "pin", "pw", "hash", "hmac", "csrf", "xsrf", "answer",
)  # fmt: skip
FOREIGN: Final = (
    "contraseña", "hasło", "jelszó", "lösenord", "şifre", "пароль", "пароля", "паролем", "токен",
    "секрет", "ключ", "密码", "密碼", "口令", "パスワード", "トークン", "キー", "シークレット", "令牌",
    "密钥", "密鑰", "暗証番号", "비밀번호", "암호", "토큰", "키", "סיסמה", "पासवर्ड", "κωδικός",
    "رمز المرور", "مفتاح api", "prüfziffer", "prüfnummer", "비번", "كلمة المرور", "كلمة السر", "mật khẩu", "รหัสผ่าน", "лозинка", "clé", "schlüssel", "slaptažodis", "clé api", "ключ api",
)  # fmt: skip
_NAME_CHARACTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$-"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MARKS: Final = frozenset("\"'`")
_GLUED: Final = ("キ", "키", "ト")
_RIGHT: Final = re.compile(r"[A-Za-z0-9_-]{0,60}(?:\.[A-Za-z0-9_-]{1,60}){0,4}")
_PREVIOUS: Final = re.compile(r"([A-Za-zéáíóúàèùñ0-9ậẩữ]{1,24})[ -]\Z")
_JOINED: Final = frozenset(
    "key keys token tokens code codes phrase string number pass password secret hash passe clé "
    "schlüssel ключ llave chave sandi khẩu api no".split()
)
_QUOTE_CLOSE: Final = re.compile(r"(?:\\{0,7}[\"'`”’»』」]|%22|%27|&quot;|&apos;|&#0?3[49];|\\{1,3}u00(?:22|27)|\*{1,3}|__)?[\])]{0,2}")
_OP: Final = re.compile(
    r"[ \t]{0,60}(?P<op>=>|⇒|&gt;|:=|::(?= )|={1,3}|!=|<-|->|→|%3[Dd]|%3[Aa]|＝|：|:(?!//|:)\*{0,3}|\||,|\.{4,60})"
)
_COPULA: Final = re.compile(
    r"(?i:[ \t]{0,4}(?:(?<=\w)['’]s|is set to|was set to|set to|changed to|has been set to|has been reset to|"
    r"was reset to|reset to|was changed to|is now|will be|should be|"
    r"is|was|are|to|lautet|ist|war|auf|est|es|é|è|era|jest|är|er|on|это|—|–|是|为|為|改为|设置为|は|が|를|을|은|는|이|la|là|"
    r"adalah|olarak|je|este|هي|है))[ \t]{1,3}(?:[:=][ \t]{1,3})?",
)
_COPULA_CJK: Final = re.compile(r"[ \t]{0,2}(?:是|为|為|改为|设置为|设为|は|を|が|은|는|를|을|가|이|に)[ \t:：]{0,3}")
_FAR: Final = re.compile(
    r"(?:[ \t(](?:[^\n.!?;=:\"'`]|(?<=[a-zA-Z])'(?=[a-z])){0,60}?|[ \t](?:for|of) [\"'`]?[^\n\"'`=]{1,50}[\"'`]?|[ \t]?\([^()\n]{1,40}\))"
    r"(?:[ \t](?:is|was|are|to|ist|lautet|est|es|é|è|jest|är|это)(?=[ \t])(?: now| set to)?|[ \t]?[:：](?!//)|[ \t]=|(?<= value)=)[ \t]{0,4}"
)
_FAR_SIGN: Final = re.compile(r"[:=： ](?:(?<=[:=：])|(?:is|was|are|to|ist|lautet|est|es|é|è|jest|är|это) )")
_NEAR: Final = re.compile(r"(?:[ \t][^\W\d]{1,20}){1,4}[ \t](?=[!-~]{6})")
_OPTION_BELOW: Final = re.compile(r"\n[ \t]{1,60}(?:- )?(?=[^\s-][^\s]{3,200}[ \t]{0,4}(?:\n|\Z))")
_VALUE_BELOW: Final = re.compile(r"[ \t]{0,4}(?:\n-{3,5}\n|\n[ \t]{1,60})(?=[\"']?[^\s\"'-][^\s\"']{4,200}[\"']?[ \t]{0,4}(?:\n|\Z))")
_INNER: Final = re.compile(r"\s{1,60}(?=[^\s<])")
_SPACE: Final = re.compile(r"[ \t]{1,60}")
_CONCATENATED: Final = re.compile(r"([\"']) ?\+ ?(?=\1)")
_CONTINUED: Final = re.compile(r"[ \t]{0,60}")
_LITERAL_PREFIX: Final = re.compile(r"(?:[bruBRUfN@]|br|rb)(?=[\"'])|(?:\\u003d)|string\(\d{1,4}\) (?=\")")
_TAGS: Final = re.compile(r"(?:</?(?:a|b|i|u|p|em|strong|code|kbd|samp|mark|tt|pre|span|div|td|th|tr|dd|dt|li|br|font|small|label|h\d)(?: [^<>\n]{0,80})?/?>[ \t]{0,4}){1,5}(?=[^<\s])")
_OPENING: Final = re.compile(r"(?P<slash>\\{0,15})(?P<quote>\"\"\"|'''|[\"'`“”„«‘「『])|%22|%27|&quot;|&apos;|&#0?3[49];|\\{1,3}u00(?:22|27)")
_CLOSING: Final = {"“": "”", "”": "”", "„": "”", "«": "»", "‘": "’", "「": "」", "『": "』"}
_TYPE: Final = re.compile(
    r"(?:const )?(?:char ?\*|(?:[A-Za-z]{1,20}\.)?(?:[Ss]tr(?:ing)?|[Bb]ytes|Secret(?:Str|Bytes)?|Any|any|text|[Oo]ptional|Final|&str|var)"
    r"(?:\[[\w, |.\[\]]{1,40}\])?(?: ?\| ?[A-Za-z_]\w{0,20}){0,3}\??)[ \t]{0,3}=(?!=)[ \t]{0,3}"
)
_LISTED: Final = re.compile(r"\\{0,7}[\"']")
_STOP: Final = re.compile(
    r"\[\\[rn]\]|;(?=;)|[,;](?=\s|\Z|[\"'}\])]|\\{0,7}[\"']|[A-Za-z_][\w. \-]{0,40}\\{0,3}[\"']?[ \t]?[=:])"
    r"|&(?=[A-Za-z_][\w.\[\]%-]{0,60}=|\Z|amp;|\s|[\"'])|\|(?=\s|\Z|[A-Za-z_]\w{0,40}[=:])"
    r"|\\{1,7}[nrt](?![a-z]{3})|\\{1,7}[\"']|[\"'`](?=\W|\Z)|</|<(?=[a-z]{1,10}[ />])"
    r"|[，。；、）」』】！？”’»]|(?<=[!-~])[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]|&quot;|&lt;|%26|\[REDACTED:"
)
_STOP_SIGN: Final = re.compile(r"[,;&|\\\"'`<%\[，。；、）」』】！？”’»\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]")
_APP_PASSWORD: Final = re.compile(r"[a-z]{4}(?: [a-z]{4}){3}(?![\w])")
_WORDS: Final = re.compile(r"[a-z]{2,12}(?:[ ,]{1,2}[a-z]{2,12}){2,30}")
_PASSPHRASE: Final = re.compile(r"[a-z]{3,12}(?: [a-z]{3,12}){2,7}(?=[ \t]{0,4}(?:\n|\Z))")
_CODE_LITERALS: Final = re.compile(r"([\"'])((?:[^\"'\\\n]|\\.){1,300}?)\1")
_WRAPPERS: Final = re.compile(
    r"(?:(?:[\w.]{0,40}[.:])?(?:SecretStr|SecretBytes|Secret|Password|Some|String|str|bytes|from|new|of|PASSWORD|b64decode|"
    r"StringLiteral|quote|encode|Literal|toCharArray|secure_string|SecureString|Just|Ok|literal|sensitive))\(\s{0,2}b?(?=[\"'])"
)
_HELD: Final = re.compile(r"\{(?:\s{0,20}\"\w{1,30}\":\s{0,4}(?:true|false|null|\"[^\"\n]{0,60}\"),){0,3}\s{0,20}\\{0,3}[\"']?(?:value|val|plain|plaintext|default|data|secret|S|_value|Value)\\{0,3}[\"']?\s{0,4}[:=]\s{0,4}(?=\\{0,3}[\"'])")
_BLOCK: Final = re.compile(r"[|>][+-]?\d?[ \t]{0,4}\n")
_YAML_TAG: Final = re.compile(r"!!?(?:str|binary)[ \t]{1,4}")
_NOT_A_CALL: Final = frozenset(
    "get find fetch load read lookup check has is validate verify require need missing assert "
    "delete remove list describe revoke rotate refresh".split()
)
_NETWORKED: Final = frozenset({"authorization", "cookie"})
_CODES: Final = frozenset({"pin", "otp", "card_code", "card", "ssn", "iban"})


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


def find(text: str, low: str) -> Iterator[Span]:
    """Yield what stands under sensitive names in ``text``; ``low`` is its lower case."""
    done = 0
    for start, end in sorted(_names(text, low), key=lambda name: (name[0], -name[1])):
        if start < done:
            continue
        done = end
        for span in _after_name(text, start, end):
            # What was taken is not read again: a text full of names stays linear.
            done = max(done, span.end)
            if span.start < span.end:
                yield span


def _names(text: str, low: str) -> Iterator[tuple[int, int]]:
    """Yield where names stand that hold one of the words."""
    done = 0
    for at, word in sorted(_places(low, CORES)):
        if at + len(word) > done:
            start, done = _extended(text, at, at + len(word))
            yield start, done
    if not text.isascii():
        for at, word in _places(low, FOREIGN):
            start = at - len(text[max(0, at - 8) : at]) + len(text[max(0, at - 8) : at].rstrip(_LETTERS))
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
    return start - len(before) + len(before.rstrip(_NAME_CHARACTERS)), right.end() if right else end


def _after_name(text: str, start: int, end: int) -> Iterator[Span]:
    if text[end : end + 3].lower() == " id" and _ID_FOLLOWS.match(text, start):
        end += 3
    name = text[start:end].strip("-.$")
    found = _class_of(text, start, name)
    if not found.tier or _is_no_name(text, start):
        return
    if _is_in_prose(text, start, end):
        notations = _prose(text, end, end, found, quoted=False)
    else:
        yield from _elements(text, end, found)
        yield from _entries(text, end, name.lower(), found)
        notations = _notations(text, start, end, found)
    for notation, at in notations:
        if notation is Notation.COLON and text[start - 1 : start] in _MARKS and _CLOSES.match(text, at) and text[at:].lstrip()[:1] == text[start - 1]:
            continue
        if notation <= Notation.SPACE and _PLAIN_WORD.match(text, at):
            continue
        if notation >= Notation.COLON and text[end] in ":=" and text[at : at + 1] in _MARKS and text[at] == text[start - 1 : start] and not _CONCATENATED.match(text, at):
            continue  # the quote closes the string that the name ends
        value = _value_at(text, at, notation, found)
        if value is None or (name in ("PWD", "OLDPWD") and text[value.start] == "/"):
            continue
        spans = list(_judged(text, found, notation, value))
        if spans:
            yield from spans
            yield from _next(text, found, spans[-1])
            return
        if notation >= Notation.COLON:
            return


def _is_in_prose(text: str, start: int, end: int) -> bool:
    """Tell whether the name is followed by the next word of a sentence: most names are."""
    following = text[end : end + 2]
    if following[:1] != " " or not following[1:].isalpha():
        return False
    return text[start : start + 1] != "-" and text[start - 1 : start] not in ("<", ":", "/")


_ID_FOLLOWS: Final = re.compile(r"(?:secret|access key) id(?![\w-])", re.IGNORECASE)
_PLAIN_WORD: Final = re.compile(r"[a-z]{1,40}(?=[ ,;.!?)\n]|\Z)(?![.][^ \n])")
_CLOSES: Final = re.compile(r"[ \t]{0,3}[\"'`](?:\s|[,)]|\Z)")
_ACTION: Final = re.compile(r"[a-z-]{1,40}:[a-z]{1,40}\)")
_ARN: Final = re.compile(r"(?:checksum|digest|hash|sha256)[/.]\Z|arn:[^\s\"']{1,200}\Z|://[^\s/@]{0,100}\Z|\[REDACTED:\Z|\$\{[\w.]{0,60}\Z")
_ELEMENTS: Final = re.compile(r"\\{0,3}[\"']?[ \t]{0,4}(?:=>|[:=])[ \t]{0,4}(?:\[|\n(?=[ \t]{0,60}- ))")
_LINE: Final = re.compile(r"\s{0,4}\\{0,3}[\"']([^\"'\\\n]{1,4096})")
_ELEMENT: Final = re.compile(r"\s{0,60}(?:- )?\s{0,4}(?:(\\{0,3}[\"'])([^\"'\\\n]{1,4096})\1|([^\s,\"'\[\]{}]{1,4096}))[ \t]{0,4}(?:,|\n(?=[ \t]{0,60}- )|)")
_DEFAULT: Final = re.compile(r":?-([^}\s\"']{1,512})\}")


def _is_no_name(text: str, start: int) -> bool:
    """Tell whether the name is part of a resource name, a URL's user, a marker or a template."""
    if text[start - 1 : start] == "(" and _ACTION.match(text, start):
        return True
    if text[start - 1 : start] not in ("", ":", "/", "{", "."):
        return False
    return _ARN.search(text, max(0, start - 200), start) is not None


def _elements(text: str, end: int, found: KeyClass) -> Iterator[Span]:
    """Yield secret elements of a list that stands under a sensitive name."""
    default = _DEFAULT.match(text, end)
    if default and shapes.is_mixed(default[1]):
        yield Span(default.start(1), default.end(1), found.rule)
    opening = _ELEMENTS.match(text, end)
    if opening is None:
        return
    if found.rule in _NETWORKED:
        line = _LINE.match(text, opening.end())
        if line:
            yield from (s for s in _header(text, found, Notation.STRUCT, Value(line.start(1), line.end(1), quoted=True)) if s.start < s.end)
        return
    at = opening.end()
    for _ in range(64):
        element = _ELEMENT.match(text, at)
        if element is None or element.end() == at:
            return
        group = 2 if element[1] else 3
        body = element[group]
        if _is_element(found, body):
            yield Span(element.start(group), element.end(group), found.rule)
        at = element.end()


def _is_element(found: KeyClass, body: str) -> bool:
    if found.rule in _CODES:
        return _is_code(found, Notation.STRUCT, body)
    if shapes.UUID.fullmatch(body):
        return True
    if not shapes.is_mixed(body) or shapes.is_reference(body) or shapes.is_placeholder(body) or body[-1:] == ":":
        return False
    return " " not in body and (found.tier is Tier.PASSWORD or not shapes.is_wordlike(body))


_NESTED: Final = re.compile(
    r":[ \t]{0,4}\n[ \t]{1,40}(?:inline_string|inline_bytes|string|value|plain|plaintext|literal|text):[ \t]{1,4}[\"']?([^\s\"']{6,1024})[\"']?[ \t]{0,4}(?=\n|\Z)"
)
_ENTRIES: Final = re.compile(r"\\{0,3}[\"']?[ \t]{0,4}(?:=>|[:=])[ \t]{0,4}(?:\{|\n(?=[ \t]{1,60}[\w.-]))")
_ENTRY: Final = re.compile(
    r"\s{0,60}\\{0,3}[\"']?([\w. -]{1,80}?)\\{0,3}[\"']?[ \t]{0,4}(?:=>|[:=])[ \t]{1,4}"
    r"(?:(\\{0,3}[\"'])([^\"'\\\n]{1,4096})\2|([^\s,\"'\[\]{}]{1,4096}))[ \t]{0,4}(?:,|(?=\n[ \t])|)"
)
_PLURALS: Final = ("passwords", "secrets", "cookies", "tokens", "passwd", "api_keys", "apikeys")


def _entries(text: str, end: int, name: str, found: KeyClass) -> Iterator[Span]:
    """Yield what stands under any name in a mapping of secrets: ``passwords: {alice: ...}``."""
    nested = _NESTED.match(text, end) if found.tier >= Tier.SECRET else None
    if nested and shapes.is_mixed(nested[1]) and not shapes.is_placeholder(nested[1]):
        yield Span(nested.start(1), nested.end(1), found.rule)
    opening = _ENTRIES.match(text, end) if name.endswith(_PLURALS) else None
    if opening is None:
        return
    at = opening.end()
    for _ in range(64):
        entry = _ENTRY.match(text, at)
        if entry is None or entry.end() == at:
            return
        group = 3 if entry[2] else 4
        body = entry[group]
        if _is_entry(found, entry[1], body):
            yield Span(entry.start(group), entry.end(group), found.rule)
        at = entry.end()


def _is_entry(found: KeyClass, name: str, body: str) -> bool:
    if found.rule == "cookie" and len(body) < 16 and _LOGIN_COOKIE.search(name.lower()) is None:
        return False
    return shapes.is_mixed(body) and not (
        shapes.is_wordlike(body) or shapes.is_placeholder(body) or shapes.is_path(body) or shapes.is_prose(body)
        or shapes.is_reference(body)
    )


_AFTERWARDS: Final = re.compile(r"[\"']?[ \t]{1,3}(?:->|→)[ \t]{1,3}([\"'])([^\"'\n]{3,1024})\1")
_MORE_CODES: Final = re.compile(r"[\"']?(?:,[ \t]{0,2}|[ \t]|\n[ \t]{0,8}(?:- )?)[\"']?([A-Za-z0-9]{4,6}-[A-Za-z0-9]{4,6})(?![\w-])")


def _next(text: str, found: KeyClass, last: Span) -> Iterator[Span]:
    """Yield what replaces ``last`` in a plan, and the further codes of a list."""
    change = _AFTERWARDS.match(text, last.end)
    if change and not shapes.is_placeholder(change[2]):
        yield Span(change.start(2), change.end(2), found.rule)
    at = last.end
    for _ in range(20 if found.rule == "otp" else 0):
        code = _MORE_CODES.match(text, at)
        if code is None:
            return
        yield Span(code.start(1), code.end(1), found.rule)
        at = code.end()


def _class_of(text: str, start: int, name: str) -> KeyClass:
    low = name.lower()
    if low in _JOINED and text[start] != "-":
        previous = _PREVIOUS.search(text, max(0, start - 26), start)
        if previous:
            joined = classify(f"{previous[1]} {name}")
            if joined.tier or low not in ("password", "secret"):
                return joined
    return classify(name)


def _notations(text: str, start: int, end: int, found: KeyClass) -> Iterator[tuple[Notation, int]]:
    """Yield each reading of what follows the name, with the place of its value."""
    if text[start - 1 : start] in ("<", ":") and text[end : end + 1] in (">", " ") and "<" in text[max(0, start - 20) : start]:
        tag_end = text.find(">", end, end + 120)
        if tag_end >= 0 and text[tag_end - 1] != "/" and _is_element_at(text, tag_end):
            inner = _INNER.match(text, tag_end + 1)
            yield Notation.STRUCT, inner.end() if inner else tag_end + 1
            return
    closed = _QUOTE_CLOSE.match(text, end)
    after = closed.end() if closed else end
    quoted_name = after > end and text[end] not in "*_"
    if text[end : end + 1] == "(" and _OPENING.match(text, end + 1):
        yield Notation.CALL, end + 1
        return
    tags = _TAGS.match(text, after) if text[after : after + 2] == "</" else None
    if tags:
        yield Notation.PAIR, tags.end()
        return
    operator = _OP.match(text, after)
    if operator:
        sign = operator["op"]
        at = operator.end()
        if (sign[0] in ":：" and sign != ":=") or sign in ("%3A", "%3a"):
            yield _colon(text, start, at, quoted=quoted_name), at
            return
        if sign == ",":
            if quoted_name:
                yield Notation.PAIR, at
            return
        if sign == "|":
            if text[operator.start()] in " \t" and "}}" not in text[at : at + 80]:
                yield Notation.PAIR, at
            return
        if sign in ("==", "===", "!="):
            if _OPENING.match(text, _skip_space(text, at, Notation.STRUCT)):
                yield Notation.CALL, at
            return
        yield Notation.STRUCT, at
        return
    column = _COLUMN.match(text, end) if text[start - 1 : start] in ("", "\n") else None
    if column:
        yield Notation.LINE, column.end()
        return
    if text[start : start + 1] == "-" or text[start - 1 : start] == "/":
        space = _SPACE.match(text, end) or _OPTION_BELOW.match(text, end)
        if space and text[start : start + 1] == "-":
            yield Notation.OPTION, space.end()
            return
    yield from _prose(text, end, after, found, quoted=quoted_name)


_COLUMN: Final = re.compile(r"(?:[ ]{2,40}|\t{1,8}[ ]{0,8})(?=\S{6,512}[ \t]{0,4}(?:\n|\Z))")


def _is_element_at(text: str, tag_end: int) -> bool:
    """Tell an element from a name in angle brackets: its text follows at once, or its end comes."""
    follows = text[tag_end + 1 : tag_end + 2]
    return follows not in ("", " ") and (follows != "\n" or "</" in text[tag_end : tag_end + LIMIT])


def _prose(text: str, end: int, after: int, found: KeyClass, *, quoted: bool) -> Iterator[tuple[Notation, int]]:
    copula = _COPULA.match(text, end if text[end : end + 2] in ("'s", "’s") else after) or (None if text.isascii() else _COPULA_CJK.match(text, after))
    if copula:
        yield Notation.COPULA, copula.end()
    space = _SPACE.match(text, after)
    if space:
        # A Latin word after a name in another script is hardly its next word.
        foreign = not text[end - 1].isascii() and text[space.end() : space.end() + 1].isascii()
        yield Notation.COPULA if foreign else Notation.SPACE, space.end()
        opener = text[space.end() : space.end() + 1]
        if opener and opener in "([":
            yield Notation.SPACE if opener == "(" else Notation.COPULA, space.end() + 1
    elif not quoted and text[after : after + 1] in ("「", "『", "“", "«"):
        yield Notation.COPULA, after
    far = _FAR.match(text, end) if _FAR_SIGN.search(text, end, end + 70) else None
    if far and "://" not in text[far.end() : far.end() + 30] and (found.tier >= Tier.SECRET or (found.rule in ("pin", "otp") and text.startswith(" for ", end))):
        yield Notation.COPULA if found.tier is Tier.PASSWORD and text[far.end() - 1] == " " and text[far.end() - 2] not in ":=：" else Notation.FAR, far.end()
    if not text.isascii() and found.tier is Tier.PASSWORD:
        near = _NEAR.match(text, end)
        if near:
            yield Notation.FAR, near.end()


def _colon(text: str, start: int, at: int, *, quoted: bool) -> Notation:
    """Tell a mapping's colon (quoted name, no space, alone on its line) from prose."""
    if quoted:
        return Notation.STRUCT
    before = text[text.rfind("\n", max(0, start - 80), start) + 1 : start][-80:]
    rest = text[at : _line_end(text, at)][:600].strip()
    if not before.strip(" \t-+#>$\"'{") and len(rest.split()) <= 1:
        return Notation.LINE
    return Notation.COLON


def _value_at(text: str, at: int, notation: Notation, found: KeyClass) -> Value | None:
    at = _skip_space(text, at, notation)
    tag = _YAML_TAG.match(text, at)
    at = tag.end() if tag else at
    block = _BLOCK.match(text, at)
    if block and notation >= Notation.COLON:
        return _block_scalar(text, block.end())
    tags = _TAGS.match(text, at) if text[at : at + 1] == "<" else None
    at = tags.end() if tags else at
    kind = _TYPE.match(text, at) if notation >= Notation.COLON else None
    at = kind.end() if kind else at
    held = _HELD.match(text, at)
    at = held.end() if held else at
    wrapper = _WRAPPERS.match(text, at)
    at = wrapper.end() if wrapper else at
    prefix = _LITERAL_PREFIX.match(text, at)
    at = prefix.end() if prefix else at
    opening = _OPENING.match(text, at)
    if opening:
        return _quoted(text, opening)
    if notation is Notation.PAIR and text[max(0, at - 4) : at].rstrip().endswith(","):
        return None
    if notation is Notation.OPTION and text.startswith("pass:", at):
        at += 5
    return _bare(text, at, notation, found)


def _skip_space(text: str, at: int, notation: Notation) -> int:
    space = _SPACE.match(text, at)
    at = space.end() if space else at
    if text.startswith("\\\n", at):
        at = _CONTINUED.match(text, at + 2).end()  # type: ignore[union-attr]
    if notation is Notation.STRUCT and text[at : at + 1] == "\n":
        indent = re.compile(r"\n[ \t]{1,60}(?=[\"']|string\()").match(text, at)
        at = indent.end() if indent else at
    below = _VALUE_BELOW.match(text, at) if notation in (Notation.LINE, Notation.COLON) else None
    at = below.end() if below else at
    joined = _CONCATENATED.match(text, at) if notation is Notation.STRUCT else None
    return joined.end() if joined else at


def _block_scalar(text: str, at: int) -> Value | None:
    lines = re.compile(r"(?:(?P<indent>[ \t]{1,60})\S[^\n]{0,1000}(?:\n(?P=indent)[ \t]{0,60}\S[^\n]{0,1000}){0,200})").match(text, at)
    if lines is None:
        return None
    start = at + len(lines["indent"])
    return Value(start, lines.end(), quoted=True)


def _quoted(text: str, opening: re.Match[str]) -> Value | None:
    start = opening.end()
    mark = opening.group()
    if opening["quote"] is None:
        end = text.find(mark, start, start + LIMIT)
        return Value(start, end if end >= 0 else _line_end(text, start), quoted=True)
    slashes, quote = len(opening["slash"]), opening["quote"]
    closing = _CLOSING.get(quote, quote)
    at = start
    while True:
        at = text.find(closing, at, start + LIMIT)
        if at < 0:
            return Value(start, _line_end(text, start), quoted=True)
        back = at
        while back > start and text[back - 1] == "\\":
            back -= 1
        count = at - back
        if count == slashes or (count < slashes) or (slashes == 0 and count % 2 == 0):
            return Value(start, at - min(count, slashes), quoted=True)
        at += len(closing)


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start, start + LIMIT)
    return end if end >= 0 else min(len(text), start + LIMIT)


_ASSIGNED: Final = re.compile(r"-{0,2}[A-Za-z_][\w.-]{0,40}[=:](?![=:])(?:[^\s]|\Z)")
_PHRASE_SIZES: Final = (24, 21, 18, 15, 12)


def phrase_length(words: str) -> int:
    """Return the length of a recovery phrase (BIP 39: 12 to 24 words) that ``words`` begin with."""
    ends = [match.end() for match in re.finditer(r"[a-z]+", words)]
    size = next((size for size in _PHRASE_SIZES if size <= len(ends)), len(ends))
    return ends[size - 1]


_BRACED: Final = re.compile(r"\{([A-Za-z0-9+/=]{16,512})\}(?=<|[\"']|\s|\Z)")
_FLAG: Final = re.compile(r"--[a-z]|-[a-zA-Z](?:\s|\Z)")
_RUN: Final = re.compile(r"[^\s]{1,4096}")


def _bare(text: str, at: int, notation: Notation, found: KeyClass) -> Value | None:
    first = text[at : at + 1]
    if first == "-" and (notation < Notation.PAIR or _FLAG.match(text, at)):
        return None
    if first == "{" and notation is Notation.STRUCT:
        held = _BRACED.match(text, at)
        return Value(held.start(1), held.end(1), quoted=True) if held else None
    if first in ("{", "[", "(", "<") or (notation < Notation.PAIR and not first.isascii()):
        return None
    run = _RUN.match(text, at)
    if run is None:
        return None
    piece = run.group()
    for sign in _STOP_SIGN.finditer(piece):
        if _STOP.match(piece, sign.start()):
            piece = piece[: sign.start()]
            break
    piece = shapes.trimmed(piece)
    end = at + len(piece)
    if notation >= Notation.COPULA:
        for shape in (_APP_PASSWORD, _WORDS if found.rule == "seed_phrase" else None, _PASSPHRASE if notation >= Notation.LINE and found.tier is Tier.PASSWORD else None):
            longer = shape.match(text, at) if shape else None
            if longer:
                end = max(end, at + phrase_length(longer.group()) if shape is _WORDS else longer.end())
    if notation < Notation.PAIR and _ASSIGNED.match(piece):
        return None
    return Value(at, end, quoted=False) if piece else None


def _judged(text: str, found: KeyClass, notation: Notation, value: Value) -> Iterator[Span]:
    body = text[value.start : min(value.end, value.start + _JUDGED)]
    if found.rule in _NETWORKED:
        yield from _header(text, found, notation, value)
        return
    if not value.quoted and shapes.is_reference(body):
        if notation >= Notation.COLON and found.rule != "connection_string":
            yield from _literals(text, found, value)
        return
    if value.quoted and body[:1] in ("{", "[") and ":" in body:
        return  # JSON in a string: its own names decide
    if _is_secret(found, notation, body, value):
        yield Span(value.start, value.end, found.rule)


def _literals(text: str, found: KeyClass, value: Value) -> Iterator[Span]:
    """Yield secret literals inside the expression that follows a name: ``getenv("A", "b")``."""
    end = _line_end(text, value.start)
    for match in _CODE_LITERALS.finditer(text, value.start, min(end, value.start + 300)):
        if " " in match[2] or "://" in match[2]:
            continue
        if shapes.is_mixed(match[2]) and not shapes.is_prompt(match[2]) and not shapes.is_placeholder(match[2]) and not match[2].isupper():
            yield Span(match.start(2), match.end(2), found.rule)


def _is_secret(found: KeyClass, notation: Notation, body: str, value: Value) -> bool:
    if shapes.is_placeholder(body) or body.startswith("[REDACTED:"):
        return False
    if found.rule in _CODES:
        return _is_code(found, notation, body)
    if found.rule == "connection_string":
        return False
    if found.rule == "secret" and found.tier is Tier.PASSWORD and notation is Notation.STRUCT:
        return not shapes.is_status_word(body)
    if (shapes.is_prose(body) or shapes.is_prompt(body)) and found.rule != "seed_phrase":
        return False
    if found.rule == "seed_phrase" and found.tier is Tier.PASSWORD:
        return len(body.split()) >= 6 or (notation >= Notation.LINE and shapes.is_mixed(body))
    if found.tier is Tier.HINT:
        return notation >= Notation.COPULA and shapes.is_strong_key(body)
    if found.tier is Tier.PASSWORD:
        return _is_password(notation, body, quoted=value.quoted)
    if found.tier is Tier.SECRET:
        return _is_token(found, notation, body, quoted=value.quoted)
    return _is_weak(found, notation, body, quoted=value.quoted)


def _is_password(notation: Notation, body: str, *, quoted: bool) -> bool:
    if shapes.is_path(body):
        return False
    if notation is Notation.OPTION:
        return quoted or not shapes.is_status(body)
    if notation in (Notation.STRUCT, Notation.CALL):
        return True
    if quoted and notation in (Notation.COPULA, Notation.COLON):
        return not shapes.is_status_word(body) and (notation is Notation.COLON or body.count(" ") != 1 or shapes.is_mixed(body.replace(" ", "")))
    if notation is Notation.PAIR:
        return not shapes.is_status(body) and shapes.is_mixed(body)
    if notation is Notation.LINE:
        return not shapes.is_status_word(body)
    if notation is Notation.COLON:
        return not shapes.is_status(body) and (shapes.is_mixed(body) or shapes.UUID.fullmatch(body) is not None or (len(body) >= 4 and not shapes.is_harmless(body)))
    return shapes.is_mixed(body) and not shapes.is_status(body) and not (notation < Notation.COPULA and not quoted and is_name(body))


_NAME: Final = re.compile(
    r"[A-Za-z]+(?:[-_][a-z]+)*[-_]?\d{0,2}|[\w.-]+\.[a-z]{2,8}(?::\d+)?|"
    r"(?:case|user|usr|tenant|host|node|pod|order|req|request|ticket|inc|web|db|app|id|session|server|worker|job|"
    r"build|error|code|line|port|release|acct|account|customer|org|team|env|vm|ip|svc|cluster|instance|run|task|step|item)[-_#]?\d+|[0-9a-f]{7,64}",
    re.IGNORECASE,
)


def is_name(body: str) -> bool:
    """Tell whether ``body`` may be a host, user or file name, where the notation is unsure."""
    return "/" in body or body.isalpha() or _NAME.fullmatch(body) is not None


def _is_token(found: KeyClass, notation: Notation, body: str, *, quoted: bool) -> bool:
    if shapes.is_path(body) or shapes.is_status(body):
        return False
    if shapes.is_harmless(body) and shapes.UUID.fullmatch(body) is None and not (body.isdigit() and len(body) >= 6):
        return False
    wordlike = shapes.is_wordlike(body)
    if wordlike and len(body) < 6:
        return False
    if notation is Notation.CALL:
        return not wordlike and shapes.is_mixed(body)
    if notation >= Notation.OPTION:
        return not (wordlike and (found.rule == "secret" or (not quoted and "-" in body))) or (shapes.is_mixed(body) and not wordlike)
    if notation in (Notation.LINE, Notation.PAIR, Notation.COLON):
        return not wordlike and (shapes.is_mixed(body) or shapes.is_random(body))
    if notation is Notation.COPULA:
        return not wordlike and len(body) >= 6 and shapes.is_mixed(body) and not is_name(body)
    return len(body) >= 12 and shapes.is_mixed(body) and (shapes.is_random(body) or body.isalnum()) and not wordlike and shapes.UUID.fullmatch(body) is None


def _is_weak(found: KeyClass, notation: Notation, body: str, *, quoted: bool) -> bool:
    if notation is Notation.COPULA and found.rule == "password":
        return shapes.is_mixed(body) and not is_name(body) and any(map(str.isdigit, body))
    if notation < Notation.PAIR or shapes.is_status(body) or shapes.is_harmless(body):
        return False
    if found.rule == "password" and quoted and notation is Notation.STRUCT:
        return len(body) >= 5 and not shapes.is_path(body) and not body.isdigit()
    if found.rule == "password" and (quoted or notation >= Notation.LINE) and any(not c.isalpha() for c in body):
        return not shapes.is_path(body)
    if shapes.is_wordlike(body):
        return False
    if found.rule == "cookie":
        return shapes.is_mixed(body) and (len(body) >= 16 or (not is_name(body) and shapes.is_random(body)))
    if found.rule in ("password", "credentials"):
        sure = found.rule == "password" or notation is Notation.STRUCT or shapes.is_random(body)
        return shapes.is_mixed(body) and not is_name(body) and sure
    return len(body) >= 16 and shapes.is_mixed(body) and not shapes.is_path(body)


def _is_code(found: KeyClass, notation: Notation, body: str) -> bool:
    digits = sum(map(str.isdigit, body))
    if found.rule == "card_code":
        return digits in (3, 4) and body.isdigit() and notation >= Notation.SPACE
    if found.rule in ("pin", "otp") and notation is Notation.FAR:
        return body.isdigit() and 4 <= digits <= 8
    if found.rule in ("pin", "otp"):
        return re.fullmatch(r"\d{4,8}|\d{3}[- ]\d{3}(?:[- ]\d{3})?|[A-Z2-7]{16,64}=*|[A-Za-z0-9]{4,6}-[A-Za-z0-9]{4,6}(?:-[A-Za-z0-9]{4,6}){0,4}", body) is not None and (notation >= Notation.COPULA)
    if found.rule == "card":
        return 12 <= digits <= 19
    if found.rule == "ssn":
        return digits == 9
    return digits >= 10 and len(body) >= 15


_SCHEME: Final = re.compile(r"(?:Bearer|Basic|Token|ApiKey|Api-Key|Digest|Negotiate|NTLM|GenieKey|Splunk|Key|Apikey|SSWS|AWS4-HMAC-SHA256|Hawk|OAuth|JWT|AccessKey|Discogs|Bot|SharedKey|HMAC-SHA256|Signature)[ \t]{1,3}", re.IGNORECASE)
_PARAM: Final = re.compile(r"(?:response|signature|nonce|mac|oauth_\w{3,20}|Signature|sig|token|cnonce)=\"?([^\",\s]{6,512})", re.IGNORECASE)


_WITH_PARAMETERS: Final = re.compile(r"(?:Digest|AWS4-HMAC-SHA256|Hawk|OAuth|Signature)[ \t]+[\w\"]{1,40}=", re.IGNORECASE)


def _header(text: str, found: KeyClass, notation: Notation, value: Value) -> Iterator[Span]:
    """Yield the secret parts of an Authorization or cookie value; scheme and names stay."""
    if notation < Notation.PAIR:
        return
    end = value.end if value.quoted else _header_end(text, value.start)
    yield Span(end, end, found.rule)
    body = text[value.start : end]
    if found.rule == "cookie":
        lone = None if value.quoted else _bare(text, value.start, Notation.STRUCT, found)
        end_of_lone = lone.end if lone else end
        body = text[value.start : end_of_lone]
        if notation is Notation.STRUCT and "=" not in body and len(body) >= 16 and " " not in body and not shapes.is_wordlike(body.lower()):
            yield Span(value.start, end_of_lone, found.rule)
        yield from cookie_spans(text, value.start, end)
        return
    line = text[value.start : value.end if value.quoted else _line_end(text, value.start)]
    scheme = _SCHEME.match(body)
    if scheme and _WITH_PARAMETERS.match(body):
        for match in _PARAM.finditer(line):
            yield Span(value.start + match.start(1), value.start + match.end(1), found.rule)
        yield Span(value.start + len(line), value.start + len(line), found.rule)
        return
    start = value.start + (scheme.end() if scheme else 0)
    if scheme and scheme.group().startswith("Shared"):
        start = text.find(":", start, end) + 1 or start
    credentials = text[start:end]
    if not value.quoted or " " in credentials:
        piece = _bare(text, start, Notation.STRUCT, found)
        if piece is None:
            return
        end = piece.end
        credentials = text[start:end]
    if not credentials or shapes.is_placeholder(credentials) or credentials.startswith("realm="):
        return
    sure = scheme or notation >= Notation.OPTION or not shapes.is_wordlike(credentials)
    if sure and not shapes.is_status(credentials) and not shapes.is_reference(credentials):
        bearer = scheme is not None and scheme.group().lower().startswith("bearer")
        yield Span(start, end, "token" if bearer else found.rule)


def _header_end(text: str, start: int) -> int:
    end = _line_end(text, start)
    for mark in ("'", '"', "\\n", "\\r"):
        at = text.find(mark, start, end)
        end = at if at >= 0 else end
    return end


_COOKIE: Final = re.compile(r"([A-Za-z0-9_.!#$%&*+^`|~-]{1,80})=([^;,\s\"']{1,4096})")
_LOGIN_COOKIE: Final = re.compile(r"sess|sid|auth|token|csrf|xsrf|jwt|remember|login|user")
_COOKIE_ATTRIBUTES: Final = frozenset("path domain expires max-age samesite priority version secure httponly partitioned".split())


def cookie_spans(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield cookie values between ``start`` and ``end``; plain short ones stay, as do names."""
    for match in _COOKIE.finditer(text, start, end):
        name, value = match[1].lower(), match[2]
        if name in _COOKIE_ATTRIBUTES or shapes.is_placeholder(value):
            continue
        if len(value) > 8 or _LOGIN_COOKIE.search(name) or shapes.is_mixed(value):
            yield Span(match.start(2), match.end(2), "cookie")


def scalar_spans(found: KeyClass, value: str) -> list[Span]:
    """Return what has to go of ``value``, given under a sensitive key in a mapping."""
    whole = Value(0, len(value), quoted=True)
    if found.rule in _NETWORKED:
        spans = [s for s in _header(value, found, Notation.STRUCT, whole) if s.start < s.end]
        if spans or (found.rule == "cookie" and "=" in value):
            return spans
        return [] if shapes.is_placeholder(value) or shapes.is_status(value) else [Span(0, len(value), found.rule)]
    return [Span(0, len(value), found.rule)] if _is_secret(found, Notation.STRUCT, value, whole) else []
