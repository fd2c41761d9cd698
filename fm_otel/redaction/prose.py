"""Passwords that people tell each other in sentences, of any language.

"use K9!pelican to log in", "I changed it from Sommer2022 to Herbst2023!": no notation joins the
name and the value. A word is taken where the sentence speaks of passwords or of logging in, the
word looks chosen as a password, and nothing before it says that it names something else. The less
it looks like one, the closer the two have to stand.
"""

from __future__ import annotations

import re
from bisect import bisect
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import shapes
from fm_otel.redaction.gates import gate
from fm_otel.redaction.looks import Look, is_chosen, look_of, trimmed
from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator


_TOPIC: Final = re.compile(
    r"wpa\d?(?:-psk)?[- ]key|wi-?fi[- ]key|wlan-schlüssel|passw\w*|(?<!wpa_)passphrase|passcode"
    r"|\bpass(?=[:=/(]| \S)(?! (?:to|the|an?|in|it|them|through|over|by|on|as|this|that|all|any|"
    r"and|or)\b)|\bpwd?\b|\bpsw\b|\bpws\b|\bcreds?\b|credentials?|log(?:ging)? ?(?:in|on)\b|sign"
    r"(?:ing)? ?in\b"
    r"|\bpas{1,2}o?w{1,2}[ord]{1,4}t?\b|pas{1,2}w\w{0,5}|pswd|unicodepwd|parola d['’]ordine"
    r"|(?:chiave|clave|cl[eé]f?|chave|klucz|nyckel\w*|sleutel|schlüssel|key) "
    r"(?:del|de la|du|do|da|van|til|till|för|für|for|of) (?:the |het |das )?(?:wi-?fi|wlan)"
    r"|kennwort\w*|zugangsdaten|mot de passe|palavra[- ]passe|\bmdp\b|contrase\w*|\bclave\b|senha"
    r"|parola|wachtwoord\w*|\bww\b|inlog\w*"
    r"|has[lł][oaeu]\w*|heslo|парол\w*|şifre\w*|sifre\w*|密码|密碼|口令|パスワード"
    r"|비밀번호|비번|암호|mật khẩu"
    r"|รหัสผ่าน"
    r"|adgangskode\w*|lösenord\w*|salasana\w*|passord\w*|jelsz\w*|лозинк\w*|κωδικ\w*|סיסמ\w*"
    r"|كلمة (?:المرور|السر)"
)
_has_topic: Final = gate((
    "pass", "pasw", "ww:", "del wi", "du wi", "do wi", "da wi", "for wi", "för wi", "für wl",
    "van de wi", "till wi", "pwd", "pw", "psw", "cred", "log", "sign", "wpa", "wifi", "wi-fi",
    "wlan", "kennwort", "zugangsdaten", "mdp", "contrase", "clave", "senha", "parola",
    "wachtwoord", "ww ", "has", "heslo", "парол", "şifre", "sifre", "密", "口令", "パスワード",
    "비밀번호", "비번", "암호", "khẩu", "รหัส", "adgangskode", "lösenord", "salasana", "jelsz",
    "лозинк", "κωδικ", "סיסמ", "كلمة",
))
_WORD: Final = re.compile(
    r"(?![*_]+[^*_])"
    r"[^\s\"'`«»„“”,;:(){}\[\]<>|=/\\，。、：「」『』（）\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{6,41}"
)
_CONTINUES: Final = frozenset("@/\\.=&?%$:+-")
_NAMED_BEFORE: Final = re.compile(
    r"(?<![a-z])(?:user|usr|username|user name|account|host|hostname|server|"
    r"serveur|servidor|serwer|сервер|node|pod|version|case|"
    r"ticket|error|build|id|database|db|schema|table|"
    r"file|device|model|router|port|policy|role|group|tenant|team|service|project|cluster"
    r"|namespace|branch|tag|commit|release|region|"
    r"zone|bucket|queue|topic|image|chart|container|key|field|column|index|option|flag|setting"
    r"|parameter|class|function|method|package|"
    r"module|library|plugin|issue|bug|pr|mr|rfc|step|line|row|page|ssid|connect|wpa_passphrase"
    r"|network|netz|benutzer|konto|utilisateur|compte|usuario|usuário|"
    r"utente|gebruiker|użytkownik|пользовател\w*|用户|ユーザー|사용자)"
    r"(?: (?:name|is|was|named|called|=|è|ist|est|es|é|to|jest|это))?[ :=#\"'`(]{1,3}\Z"
)
# Words that lead to the password, in the languages of the topics.
_IS: Final = (
    r"is|was|be|it's|its|gets|one,?|ist|war|lautet|est|c['’]est|était|es|era|siendo|é|è|jest|to"
    r"|brzmi|wynosi|je|är|er|este|là|olarak|είναι|"
    r"هي|это|hai"
)
_NOW: Final = (
    r"now|still|literally|actually|just|only|(?:ab )?heute|jetzt|inzwischen|maintenant|ahora|ora"
    r"|adesso|agora|teraz|obecnie|nu|şimdi|теперь|сейчас"
)
_WHICH: Final = r"old|new|alt|alte[rs]?|старый|новый"
_WITH: Final = (
    r"from|with|w/|as|and|or|use|using|used|try|tried|enter|entered|typed?(?: in)?|put in|called"
    r"|von|auf|zu|mit|und|nutze|de|à|avec|en|con|por|y|e|"
    r"com|para|pra|da|a|van|naar|met|z|na|i|on|на|с|и|karke"
)
_LINK: Final = re.compile(
    rf"(?:\b(?:{_IS}|{_NOW}|{_WHICH}|{_WITH})|[:=→(*_/`\"'“„«「『]|->|改成|改为|改成了|从|是|为|は|から|に|が|을|를|"
    rf"는|은|이|가)[ \"'`*_(]{{0,3}}\Z"
)
_TOLD: Final = re.compile(
    rf"(?:\b(?:{_IS}|{_NOW}|{_WHICH})(?: (?:{_NOW}|one|was|это))?|[:=—–]) {{0,2}}"
    rf"[\"'`«„“(*]{{0,2}} ?\Z"
)
_IS_KEY: Final = re.compile(r"\\{0,7}[\"'] ?:")
_ANSWERS: Final = re.compile(
    r"\?[\"']?\s{1,3}(?:\[[\d:]{4,8}\] ?)?(?:> ?)?(?:[\w .-]{1,20}: ?)?(?:"
    r"(?:yes|yep|sure|ja|jo|oui|sí|si|sì|sim|tak|да|так|evet)[,.]? )?(?:[—–-] ?)?[\"'`«„“]?\Z"
)
_WORDS_JOINED: Final = re.compile(r"[^\W\d_]{1,14}(?:-[^\W\d_]{1,14}){1,5}")
_SOON: Final = (
    r"(?:tempor\w+|provis\w+|tymczas\w+|tijdelijk\w*|initial\w*|inicial\w*|iniziale|vorläufig\w*|"
    r"временн\w+|dočasn\w+|tillfällig\w*|midlertidig\w*|geçici)"
)
_DIRECTLY: Final = re.compile(rf"(?:[ ]{_SOON})?[ ][\"'`«„“]?")
"""What may stand between the word for a password and the password without "is"."""
_CAMEL: Final = re.compile(r"[a-z]{3,14}(?:[A-Z][a-z]{1,13}){1,3}")
_USE_AS: Final = re.compile(
    r"\b(?:use|set|put|take|nutze|nimm|usa|usar|utilise|gebruik|użyj) ([^\s\"'`,;:/=]{6,40}) "
    r"(?:as|als|como|comme|come|jako) [^\n.;]{0,24}?(?:passw|kennwort|senha|contrase|mot de passe|"
    r"wachtwoord|hasł|passphrase)",
    re.IGNORECASE,
)
_ASKED: Final = re.compile(
    r"(?:\A|\n)[^\n]{0,24}?\b(?:what['’]?s|what is|need|where['’]?s|send me|give me|"
    r"anyone (?:know|got)|which is) [^\n?]{0,60}\Z"
)
_REPLIED: Final = re.compile(
    r"[^\n.!?;:]{0,24}\n(?:\[[\d:]{4,8}\] ?)?(?:[\w .-]{1,20}: )?"
    r"(?:(?:its?|it['’]s|it is|here|try)[:,]? )?[\"'`]?"
)
_TWO_CASES: Final = re.compile(r"[a-z]{3,14}-[A-Z][a-z]{2,13}")
_has_network: Final = gate(("wifi", "wi-fi", "wify", "wlan", "вайфа", "вай-фа"))
_QUOTED_ANSWER: Final = re.compile(r"\?[\"'”»]? ?[-–—:\n] ?[\"“«„]([^\"”»“\n]{5,40})[\"”»“]")
_PHRASE: Final = re.compile(r"(?<!\w)[\"“«„]([^\W_]{2,14}(?: [^\W_]{2,14}){1,5})[\"”»“]")
_LOGINS: Final = ("log", "sign", "inlog", "cred")
_FOR: Final = re.compile(
    r" (?:for|of|für|von|pour|de|para|per|voor|van|dla|do|для|от) [^:\n]{1,40}[:=] ?[\"'`]?"
)
_ASSIGNS: Final = re.compile(r"[,(;&`] ?\w{1,40}=[\"']?\Z")
_GAP: Final = re.compile(r"(?:[^\n.!?;]|\n(?:> ?)?[\w .-]{1,20}: |\? {1,2}(?=\w)|\.(?=\w))*")
_CHANGE: Final = re.compile(
    r"(?:\b(?:from|von|de|du|z|od|с|da|dal|van)|从)"
    r"[ \"'`]{0,2}(?P<old>[^\s\"'`,;改]{4,40})[\"'`]? ?"
    r"(?:(?:to|auf|zu|in|à|a|para|na|на|al|naar)\b|改成了?|改为|变成)[ \"'`]{0,2}"
    r"(?P<new>[^\s\"'`,;，。]{4,40})"
    r"|\b(?:old|alt|alte[sn]?|ancien|antigua|antiga|vecchia|oud)"
    r"(?: (?:one|was|is|era|war|était))?[: ]{1,2}(?P<was>[^\s\"'`,;]{4,40})[,;]? "
    r"(?:and |und |et |y |e )?(?:the |das |la |a )?(?:new|neu|neue[sn]?|nouveau|nueva|nova|nuova|"
    r"nieuw)(?: (?:one|is|ist|es|é|è|est))?[: ]{1,2}(?P<now>[^\s\"'`,;]{4,40})"
    r"|\bold=[\"']?(?P<from>[^\s\"'`,;]{4,40})[\"']?[,;]? new=[\"']?(?P<into>[^\s\"'`,;]{4,40})"
    r"|(?:cambiat|cambi|chang|geändert|troqu|zmieni|wijzig|поменял|değiş)\w{0,6} [^\n.;]{0,40}?\b"
    r"(?:in|en|em|auf|to|para|pra|na|naar|на) (?P<turned>(?=\S{0,39}\d)[^\s\"'`,;]{6,40})"
)
_is_changed: Final = gate((
    "chang", "rotat", "reset", "updat", "geänder", "geaendert", "changé", "modifi", "cambi",
    "alter", "troca", "troqu", "skift", "změn", "wijzig", "zmieni", "менял", "измен", "değiş",
    "改", "変更", "변경", "went", "used to", "old", "antiga", "wechsel",
))
_has_secret: Final = gate(("secret", "token", "key"))
WORDS: Final = ("ww ", "ww:", "admin / ", "root / ")
_USER: Final = (
    r"(?<![\w/.@=-])(?:admin|root|administrator|guest|test|demo|postgres|ubuntu|user)"
)
_CHOSEN: Final = r"([^\s\"'`,;/|()]{6,40})"
_ACCOUNT: Final = re.compile(rf"(?:{_USER}|: [\w.@-]{{2,40}}) / {_CHOSEN}")
_SLASHED: Final = re.compile(rf"{_USER}/{_CHOSEN}")
_HANDING: Final = (
    "with ", "with the ", "using ", "mit ", "avec le ", "con la ", "com a ", "met ", "z ",
)
_REACH: Final = 90


def prose_spans(text: str, low: str) -> Iterator[Span]:
    """Yield words that look like passwords where a sentence speaks of one."""
    topics = (
        [
            match.span()
            for match in _TOPIC.finditer(low)
            if low[match.start() - 1 : match.start()] != "/"
        ]
        if _has_topic(low)
        else []
    )
    if (topics or _has_secret(low)) and _is_changed(low):
        yield from _changes(text)
    accounts = [
        *(_ACCOUNT.finditer(text) if " / " in text else ()),
        *(_SLASHED.finditer(text) if topics and "/" in text else ()),
    ]
    for match in _USE_AS.finditer(text) if topics else ():
        word = match[1]
        if (any(map(str.isdigit, word)) and is_chosen(word)) or _CAMEL.fullmatch(word):
            yield Span(match.start(1), match.end(1), "password")
    for match in accounts:
        if look_of(trimmed(match[1])) >= Look.MIXED:
            yield Span(match.start(1), match.start(1) + len(trimmed(match[1])), "password")
    if topics:
        yield from _words(text, low, topics)
        yield from _phrases(text, low, topics)


def _words(text: str, low: str, topics: list[tuple[int, int]]) -> Iterator[Span]:
    """Yield single words told as passwords."""
    for match in _WORD.finditer(text):
        if not _begins_and_ends(text, match):
            continue
        word = trimmed(match.group())
        start, end = match.start(), match.start() + len(word)
        if _WORDS_JOINED.fullmatch(word):
            told = _is_spelled_out(low, start, topics) and _is_joined_phrase(word, low)
        elif any(map(str.isdigit, word)):
            look = look_of(word)
            told = (look >= Look.MIXED and _is_told(text, low, start, end, look, topics)) or (
                look < Look.SIGNED and is_chosen(word) and _is_spelled_out(low, start, topics)
            )
        else:
            told = _CAMEL.fullmatch(word) is not None and _is_handed(low, start, topics)
        if told:
            yield Span(start, end, "password")


def _is_handed(low: str, start: int, topics: list[tuple[int, int]]) -> bool:
    """Tell whether a word without a digit is given: "with password ..." or an answer."""
    at = bisect(topics, (start,))
    if not at or start - topics[at - 1][1] > _REACH:
        return False
    between = low[topics[at - 1][1] : start]
    if _ANSWERS.search(between):
        return True
    before = low[max(0, topics[at - 1][0] - 12) : topics[at - 1][0]]
    return _DIRECTLY.fullmatch(between) is not None and before.endswith(_HANDING)


def _is_given(low: str, start: int, topic: tuple[int, int]) -> bool:
    """Tell whether the word follows the topic at once, or answers a question without a mark."""
    return _DIRECTLY.fullmatch(low, topic[1], start) is not None or (
        _REPLIED.fullmatch(low, topic[1], start) is not None
        and _ASKED.search(low, max(0, topic[0] - 80), topic[0]) is not None
    )


def _is_joined_phrase(word: str, low: str) -> bool:
    """Tell whether words with hyphens are a passphrase: three, or two in some places."""
    return (
        word.count("-") > 1 or _has_network(low) or _TWO_CASES.fullmatch(word) is not None
    ) and not any(map(shapes.is_status_word, word.split("-")))


def _phrases(text: str, low: str, topics: list[tuple[int, int]]) -> Iterator[Span]:
    """Yield words in quotes, told as a password or as the answer to the question for one."""
    for match in _PHRASE.finditer(text):
        told = (
            not shapes.has_verb(match[1])
            and sum(map(shapes.is_status_word, match[1].split())) <= 1
        )
        if (
            told
            and ":" not in text[match.start() - 3 : match.start()]
            and _is_spelled_out(low, match.start(1), topics)
        ):
            yield Span(match.start(1), match.end(1), "password")
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


def _is_told(
    text: str, low: str, start: int, end: int, look: Look, topics: list[tuple[int, int]]
) -> bool:
    """Tell whether the sentence makes the word at ``start`` a password."""
    if (
        text.startswith("://", end)
        or _IS_KEY.match(text, end)
        or text[max(0, start - 3) : start].rstrip(" \"'").endswith("=")
    ):
        return False  # an assignment's own name decides
    at = bisect(topics, (start,))
    before, after = topics[at - 1 : at] if at else [], topics[at : at + 1]
    if any(
        text[stop:start].strip("\"'`*:( ") == ""
        for _, stop in before
        if 0 <= start - stop <= _REACH
    ):
        return True
    if at and (
        _FOR.fullmatch(low, topics[at - 1][1], start) or _is_given(low, start, topics[at - 1])
    ):
        return True
    if _NAMED_BEFORE.search(low, max(0, start - 40), start) and not _ANSWERS.search(
        low, max(0, start - 90), start
    ):
        return False
    if not any(_is_near(text, start, end, topic) for topic in (*before, *after)):
        return False
    linked = _LINK.search(text, max(0, start - 16), start) or _ANSWERS.search(
        low, max(0, start - _REACH), start
    )
    return look is Look.SIGNED or linked is not None


def _is_spelled_out(low: str, start: int, topics: list[tuple[int, int]]) -> bool:
    """Tell whether the sentence says that the password *is* the word at ``start``."""
    at = bisect(topics, (start,))
    if not at or start - topics[at - 1][1] > _REACH or low.startswith(_LOGINS, topics[at - 1][0]):
        return False
    between = low[topics[at - 1][1] : start]
    if '":' in between or "':" in between:
        return False  # a mapping's own names decide
    if _ASSIGNS.search(between):
        return False  # an assignment's, too
    if _is_given(low, start, topics[at - 1]):
        return True
    if _ANSWERS.search(between):
        return True
    if "\n" in between and between.rstrip(" \"'`«„“").endswith(":"):
        return False  # and so do those of its lines
    return (
        _TOLD.search(between) is not None
        and _GAP.fullmatch(between) is not None
        and _NAMED_BEFORE.search(low, max(0, start - 40), start) is None
    )


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
        words = {group: trimmed(match[group]) for group in groups}
        if all(
            look_of(word) >= Look.NUMBERED or shapes.is_random(word) for word in words.values()
        ):
            for group, word in words.items():
                yield Span(match.start(group), match.start(group) + len(word), "password")
