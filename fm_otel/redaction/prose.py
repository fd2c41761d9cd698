"""Passwords that people tell each other in sentences, of any language.

"use K9!pelican to log in", "I changed it from Sommer2022 to Herbst2023!": no notation joins the
name and the value. A word is taken where the sentence speaks of passwords or of logging in, the
word looks chosen as a password, and nothing before it says that it names something else. The less
it looks like one, the closer the two have to stand.
"""

from __future__ import annotations

import re
from bisect import bisect
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import shapes
from fm_otel.redaction.gates import gate
from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator


class Look(IntEnum):
    """How much a word looks like a password somebody chose."""

    PLAIN = 0
    NUMBERED = 1
    MIXED = 2
    SIGNED = 3


_TOPIC: Final = re.compile(
    r"wpa\d?(?:-psk)?[- ]key|wi-?fi[- ]key|wlan-schlüssel|passw\w*|passphrase|passcode|\bpass(?=[:=/(]| \S)(?! (?:to|the|an?|in|it|them|through|over|by|on|as|this|that|all|any|and|or)\b)|\bpwd?\b|\bpsw\b|\bpws\b|\bcreds?\b|credentials?|log(?:ging)? ?(?:in|on)\b|sign(?:ing)? ?in\b"
    r"|pas{1,2}w\w{0,5}|passowrd|pswd|passwor\w*|kennwort\w*|zugangsdaten|mot de passe|palavra[- ]passe|\bmdp\b|contrase\w*|\bclave\b|senha|parola|wachtwoord\w*|\bww\b|inlog\w*"
    r"|has[lł][oaeu]\w*|heslo|парол\w*|şifre\w*|sifre\w*|parola\w*|密码|密碼|口令|パスワード|비밀번호|비번|암호|mật khẩu|รหัสผ่าน"
    r"|adgangskode\w*|lösenord\w*|salasana\w*|passord\w*|jelsz\w*|лозинк\w*|κωδικ\w*|סיסמ\w*|كلمة (?:المرور|السر)"
)
_has_topic: Final = gate((
    "pass", "pwd", "pw", "psw", "cred", "log", "sign", "wpa", "wifi", "wi-fi", "wlan", "kennwort", "zugangsdaten", "mdp", "contrase",
    "clave", "senha", "parola", "wachtwoord", "ww ", "has", "heslo", "парол", "şifre", "sifre", "密", "口令", "パスワード", "비밀번호",
    "비번", "암호", "khẩu", "รหัส", "adgangskode", "lösenord", "salasana", "jelsz", "лозинк", "κωδικ", "סיסמ", "كلمة",
))
_WORD: Final = re.compile(r"(?![*_]+[^*_])[^\s\"'`«»„“”,;:(){}\[\]<>|=/\\，。、：「」『』（）\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{6,41}")
_CONTINUES: Final = frozenset("@/\\.=&?%$:+-")
_STRONG_SIGN: Final = re.compile(r"[!$^&*?~]")
_ENTITY: Final = re.compile(r"&(?:quot|apos|lt|gt|amp|#)")
_ENCODED: Final = re.compile(r"%[0-9A-Fa-f]{2}|&\w{2,5};|&\w+=")
_SIGN: Final = re.compile(r"[!#$%^&*?+~@]")
_HOST_WORDS: Final = (
    r"(?:web|db|app|node|host|pod|server|worker|user|usr|case|ticket|req|request|job|build|run|task|order|tenant|team|"
    r"env|vm|srv|prod|stage|staging|dev|test|qa|eu|us|ap|version|release|step|line|port|error|code|level|room|floor|"
    r"windows|ubuntu|debian|python|java|node|ios|android|chrome|safari|firefox|office|exchange|outlook|oracle|mysql|postgres|"
    r"sql|http|https|tls|ssl|sha|md|aes|rsa|hmac|base|utf|oauth|ipv|rfc|iso|wpa|pkcs|argon|bcrypt|scrypt|x|v|p|q|h|k8s|s3|ec2)"
)
_HOST: Final = re.compile(
    r"(?:[a-z]{1,12}[-_.])?" + _HOST_WORDS + r"[-_. ]?\d[\w.-]*|[A-Z]{2,10}-\d+|U\+[0-9A-F]{4,6}|\d[\d.,:-]*\w{0,3}|v?\d+(?:\.\d+)+\S*",
    re.IGNORECASE,
)
_ODD: Final = re.compile(_HOST.pattern + r"|(?-i:[a-z]+(?:[-_.][a-z]+)*[-_]\d{1,3})", re.IGNORECASE)
_HEXISH: Final = re.compile(r"[0-9a-fA-F-]{7,}")
_IDENTIFIER: Final = re.compile(r"[a-z]+(?:_[a-z]+)+\d{0,2}|[a-z]+(?:[A-Z][a-z]+)+\d{0,2}|(?:[A-Z][a-z]+){2,}\d{0,2}|[a-z]{0,20}(?:[A-Z][a-z]{2,20}\d?|[A-Z]{1,5}\d?(?=[A-Z]|\Z)){4,12}|[A-Z][A-Z0-9_]+|[\w.-]+\.[a-z]{2,4}|[a-z]\w*(?:\.[a-z_]+)*\.[A-Z][A-Za-z]{3,}")
_NAMED_BEFORE: Final = re.compile(
    r"(?<![a-z])(?:user|usr|username|user name|account|host|hostname|server|node|pod|version|case|ticket|error|build|id|database|db|schema|table|"
    r"file|device|model|router|port|policy|role|group|tenant|team|service|project|cluster|namespace|branch|tag|commit|release|region|"
    r"zone|bucket|queue|topic|image|chart|container|key|field|column|index|option|flag|setting|parameter|class|function|method|package|"
    r"module|library|plugin|issue|bug|pr|mr|rfc|step|line|row|page|ssid|network|netz|benutzer|konto|utilisateur|compte|usuario|usuário|"
    r"utente|gebruiker|użytkownik|пользовател\w*|用户|ユーザー|사용자)(?: (?:name|is|was|named|called|=))?[ :=#\"'`(]{1,3}\Z"
)
_LINK: Final = re.compile(
    r"(?:\b(?:is|was|to|from|with|w/|as|and|or|use|using|used|try|tried|enter|entered|typed?|be|it's|its|old|new|now|still|called|now|one,?|gets?|literally|typed in|put in|karke|jetzt|heute|ora|siendo|теперь|сейчас|maintenant|ahora|adesso|agora|inzwischen|şimdi|obecnie|pra|là|este|wynosi|είναι|هي|"
    r"von|auf|zu|ist|war|lautet|mit|und|nutze|de|à|est|était|avec|en|es|era|con|por|y|e|é|com|para|è|da|a|van|naar|met|z|na|to|jest|i|"
    r"на|с|это|и|olarak|je|är|er|on)|[:=→(*_/`\"'“„«「『]|->|改成|改为|改成了|从|是|为|は|から|に|が|을|를|는|은|이|가)[ \"'`*_(]{0,3}\Z"
)
_IS_KEY: Final = re.compile(r"\\{0,7}[\"'] ?:")
_ANSWERS: Final = re.compile(r"\?[\"']?\s{1,3}[\w -]{1,20}: ?\Z")
_QUOTED_ANSWER: Final = re.compile(r"\?[\"'”»]? ?[-–—:\n] ?[\"“«„]([^\"”»“\n]{5,40})[\"”»“]")
_LOGINS: Final = ("log", "sign", "inlog", "cred")
_TOLD: Final = re.compile(
    r"(?:\b(?:is|was|be|it's|its|ist|war|lautet|est|c['’]est|es|era|siendo|é|è|jest|brzmi|je|är|to|one|gets|là|este|wynosi|είναι|er|on|olarak|теперь|сейчас|старый|новый|old|alt|alte[rs]?|kya hai|hai)"
    r"(?: (?:now|ab heute|heute|jetzt|ora|teraz|nu|maintenant|ahora|adesso|agora|inzwischen|şimdi|literally|still|actually|just|only|one|was|это))?|[:=—–]|старый)"
    r" {0,2}[\"'`«„“(*]{0,2} ?\Z"
)
_GAP: Final = re.compile(r"(?:[^\n.!?;]|\? {1,2}(?=\w)|\.(?=\w))*")
_CHANGE: Final = re.compile(
    r"(?:\b(?:from|von|de|du|z|od|с|da|dal|van)|从)[ \"'`]{0,2}(?P<old>[^\s\"'`,;改]{4,40})[\"'`]? ?(?:(?:to|auf|zu|in|à|a|para|na|на|al|naar)\b|改成了?|改为|变成)[ \"'`]{0,2}(?P<new>[^\s\"'`,;，。]{4,40})"
    r"|\b(?:old|alt|alte[sn]?|ancien|antigua|antiga|vecchia|oud)(?: (?:one|was|is|era|war|était))?[: ]{1,2}(?P<was>[^\s\"'`,;]{4,40})[,;]? (?:and |und |et |y |e )?(?:the |das |la |a )?(?:new|neu|neue[sn]?|nouveau|nueva|nova|nuova|nieuw)(?: (?:one|is|ist|es|é|è|est))?[: ]{1,2}(?P<now>[^\s\"'`,;]{4,40})"
    r"|\bold=(?P<from>[^\s\"'`,;]{4,40})[,;]? new=(?P<into>[^\s\"'`,;]{4,40})"
)
_is_changed: Final = gate((
    "chang", "rotat", "reset", "updat", "geänder", "geaendert", "changé", "modifi", "cambi", "alter", "troca", "wijzig", "zmieni", "менял", "измен", "değiş", "改", "変更", "변경", "went", "used to", "old", "antiga", "wechsel",
))
_KEY_TOPIC: Final = re.compile(
    r"(?:api|secret|access|licen[sc]e|product|activation|serial|recovery|auth|unseal|encryption|master|signing)[ _-]?keys?|unseal[^\n:]{0,16} keys?(?: \d)?|api[- ]?(?:schlüssel|anahtar\w*|키|キー|密钥|ключ\w*|tokens?)"
    r"|(?:chave|chiave|klucz|clave|cl[eé]f?|llave|sleutel|nyckel|klíč)\w{0,2} (?:da |de |di |do |del |d['’]|dell['’])?(?:api|acce|acesso|licen)\w*"
    r"|lizenzschlüssel|licentiesleutel|api-sleutel|(?:this|the following) (?:key|token)|密钥|密鑰|密匙|시크릿"
)
_KEY_SHAPE: Final = re.compile(r"(?<![A-Za-z0-9_/.=-])(?:[A-Z0-9]{4,6}(?:-[A-Z0-9]{4,6}){3,8}|[A-Za-z0-9+/]{20,200}={1,2}|[A-Za-z0-9_-]{16,200})(?![A-Za-z0-9_/@=-]|\.\w)")
_IS_IT: Final = re.compile(r"(?: (?:is|ist|lautet|est|es|é|è|to|je|är|это|was))?\s?[:=]?\s?[\"'`]?")
_HEX_KEY: Final = re.compile(r"(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})")
_ID_BEFORE: Final = re.compile(r"(?:\b|_)ids?[\"']?(?: is| was|:|=)? ?[\"'`]?\Z")
_GROUPED: Final = re.compile(r"(?=[A-Z0-9-]*\d)[A-Z0-9]{4,6}(?:-[A-Z0-9]{4,6}){3,8}")
_BASE32: Final = re.compile(r"(?=[A-Z]*[2-7])[A-Z2-7]{16,64}")
_has_secret: Final = gate(("secret", "token", "key"))
_ANNOUNCED: Final = re.compile(
    r"(?:get secrets? [^\n]{0,120}(?:-o|jsonpath|template)[^\n]{0,200}|(?:[Pp]assw|[Tt]oken|[Ss]ecret|[Kk]ey|-login)[^\n]{0,100}(?::|(?:get|print|show|read|create|generate)-?[^\n]{0,60}|\|[^\n]{1,60}))[ \t]{0,4}\n(?:[ \t]{0,4}\n)?[ \t]{0,8}([^\s\"'`:,]{8,2048})[ \t]{0,4}(?=\n|\Z)"
)
_HEX: Final = re.compile(r"(?=[a-f]*\d)[0-9a-f]{32,64}")
WORDS: Final = ("ww ", "admin / ", "root / ")
_ACCOUNT: Final = re.compile(r"(?<![\w/.@=-])(?:admin|root|administrator|guest|test|demo|postgres|ubuntu|user) / ([^\s\"'`,;/|()]{6,40})")
_REACH: Final = 90
_KEY_REACH: Final = 60


def prose_spans(text: str, low: str) -> Iterator[Span]:
    """Yield words that look like passwords where a sentence speaks of one."""
    topics = [match.span() for match in _TOPIC.finditer(low)] if _has_topic(low) else []
    if (topics or _has_secret(low)) and _is_changed(low):
        yield from _changes(text)
    if "\n" in text:
        yield from _below(text)
    for match in _ACCOUNT.finditer(text) if " / " in text else ():
        if look_of(_trimmed(match[1])) >= Look.MIXED:
            yield Span(match.start(1), match.start(1) + len(_trimmed(match[1])), "password")
    if not topics:
        return
    for match in _WORD.finditer(text):
        word = _trimmed(match.group())
        if not any(map(str.isdigit, word)) or not _begins_and_ends(text, match):
            continue
        start, end, look = match.start(), match.start() + len(word), look_of(word)
        if (look >= Look.MIXED and _is_told(text, low, start, end, look, topics)) or (
            look < Look.SIGNED and is_chosen(word) and _is_spelled_out(low, start, topics)
        ):
            yield Span(start, end, "password")
    for topic in topics if "?" in text else ():
        answer = _QUOTED_ANSWER.search(text, topic[1], topic[1] + _REACH)
        if answer and any(map(str.isdigit, answer[1])) and not shapes.is_harmless(answer[1]):
            yield Span(answer.start(1), answer.end(1), "password")


def _begins_and_ends(text: str, match: re.Match[str]) -> bool:
    """Tell whether the word is no piece of a URL, an assignment or a longer run."""
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    if before == "*" and match.group()[-1] != "*":
        return False  # a pointer, no emphasis
    return before not in _CONTINUES and not _is_ascii_word(before) and not _is_ascii_word(after)


def _is_ascii_word(char: str) -> bool:
    return char.isascii() and char.isalnum()


def key_spans(text: str, low: str) -> Iterator[Span]:
    """Yield keys that stand in a sentence about an API key or a licence."""
    for topic in _KEY_TOPIC.finditer(low):
        for match in _KEY_SHAPE.finditer(text, topic.end(), topic.end() + _KEY_REACH + 200):
            if match.start() - topic.end() > _KEY_REACH or "\n" in text[topic.end() : match.start()].strip("\n"):
                break
            told = _HEX_KEY.fullmatch(match.group()) and _IS_IT.fullmatch(low, topic.end(), match.start())
            if (told or _is_key(match.group())) and not _ID_BEFORE.search(low, max(0, match.start() - 12), match.start()):
                yield Span(match.start(), match.end(), "api_key")


def _is_key(word: str) -> bool:
    if _GROUPED.fullmatch(word) or _BASE32.fullmatch(word):
        return True
    return len(word) >= 20 and shapes.is_random(word) and word.lower() != word != word.upper() and any(map(str.isdigit, word))


def _is_told(text: str, low: str, start: int, end: int, look: Look, topics: list[tuple[int, int]]) -> bool:
    """Tell whether the sentence makes the word at ``start`` a password."""
    if text.startswith("://", end) or _IS_KEY.match(text, end) or text[max(0, start - 3) : start].rstrip(" \"'").endswith("="):
        return False  # an assignment's own name decides
    at = bisect(topics, (start,))
    before, after = topics[at - 1 : at] if at else [], topics[at : at + 1]
    if any(text[stop:start].strip("\"'`*:( ") == "" for _, stop in before if stop <= start):
        return True
    if _NAMED_BEFORE.search(low, max(0, start - 40), start) and not _ANSWERS.search(low, max(0, start - 90), start):
        return False
    if not any(_is_near(text, start, end, topic) for topic in (*before, *after)):
        return False
    return look is Look.SIGNED or _LINK.search(text, max(0, start - 16), start) is not None


def _is_spelled_out(low: str, start: int, topics: list[tuple[int, int]]) -> bool:
    """Tell whether the sentence says of the password that it *is* the word at ``start``, or has it directly behind."""
    at = bisect(topics, (start,))
    if not at or start - topics[at - 1][1] > _REACH or low.startswith(_LOGINS, topics[at - 1][0]):
        return False
    between = low[topics[at - 1][1] : start]
    if '":' in between or "':" in between:
        return False  # a mapping's own names decide
    if between in (" ", " «", " „", " “"):
        return True
    return _TOLD.search(between) is not None and _GAP.fullmatch(between) is not None and _NAMED_BEFORE.search(low, max(0, start - 40), start) is None


def _is_near(text: str, start: int, end: int, topic: tuple[int, int]) -> bool:
    """Tell whether word and topic share a line, or the word answers the topic's question."""
    if 0 <= topic[0] - end <= _REACH:
        return "\n" not in text[end : topic[0]]
    between = text[topic[1] : start] if 0 <= start - topic[1] <= _REACH else "\n\n"
    question, _, answer = between.partition("\n")
    if "?" in question:
        answer = answer.lstrip("\n")
    return "\n" not in answer and ("\n" not in between or "?" in question)


def _changes(text: str) -> Iterator[Span]:
    """Yield both words of "changed from ... to ..."."""
    for match in _CHANGE.finditer(text):
        groups = [group for group in match.groupdict() if match[group]]
        words = {group: _trimmed(match[group]) for group in groups}
        if all(look_of(word) >= Look.NUMBERED or shapes.is_random(word) for word in words.values()):
            for group, word in words.items():
                yield Span(match.start(group), match.start(group) + len(word), "password")


def _below(text: str) -> Iterator[Span]:
    """Yield what stands alone under a line that announces or prints a secret."""
    for match in _ANNOUNCED.finditer(text):
        word = match[1]
        if (shapes.is_random(word) and not shapes.UUID.fullmatch(word)) or look_of(word) >= Look.MIXED or _HEX.fullmatch(word):
            yield Span(match.start(1), match.end(1), "password")


def _trimmed(word: str) -> str:
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
    """Tell whether ``word`` may be a password of words and digits: no host, version, hash or reference."""
    if sum(map(str.isalpha, word)) < 4 or _HOST.fullmatch(word) or _HEXISH.fullmatch(word):
        return False
    return not (
        shapes.is_harmless(word) or shapes.is_placeholder(word) or shapes.is_reference(word) or shapes.is_path(word) or shapes.is_status(word)
        or "[REDACTED" in word or "://" in word or "@" in word or "%" in word or "/" in word or word.isupper()
    )


def _is_candidate(word: str) -> bool:
    return not (
        _ODD.fullmatch(word) or _HEXISH.fullmatch(word) or _IDENTIFIER.fullmatch(word) or shapes.is_harmless(word) or shapes.is_placeholder(word)
        or shapes.is_reference(word) or shapes.is_path(word) or shapes.is_status(word) or "[REDACTED" in word or "://" in word
        or word.count("@") or word.count("%") > 1 or word.count("&") > 1 or word.count("*") > 1
    )
