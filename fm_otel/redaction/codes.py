"""One-time codes in messages, of any language: "482913 is your code", "Ihr Code lautet 482913".

A number of four to eight digits is one where a word for code stands beside it and something says
what the code is for. "exit code 137" and "error code 5001" say something else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fm_otel.redaction.gates import gate
from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS: Final = (
    "geheimzahl", "mtan", "tan-", " tan ", "codice", "codigo", "kod", "puk", " mã ", "to sign in",
    "to log in", "logging in", "signing in", "chiave", "klucz", "anahtar", "sleutel",
)
FOREIGN: Final = (
    "пин", "暗証", "código", "kód", "код", "コード", "番号", "验证码", "校验码",
    "验證碼", "驗證碼", "动态码", "安全码",
    "인증번호", "인증 번호", "코드", "รหัส", "קוד", "رمز", "κωδικ",
)  # fmt: skip
_NUMBER: Final = re.compile(r"\d{3,8}(?:[ -]\d{3,4}(?!\d))?|[A-Z]{4}-[A-Z]{4}")
_SHAPE: Final = re.compile(r"\d{4,8}|\d{3}[ -]\d{3}|\d{4}[ -]\d{4}|[A-Z]{4}-[A-Z]{4}")
_GLUED_BEFORE: Final = re.compile(r"[\w.,:/#+-]\Z|\d \Z", re.ASCII)
_MARKED_BEFORE: Final = re.compile(r"(?:\A|[^\w-])[A-Z]-\Z")
_GLUED_AFTER: Final = re.compile(
    r"[\w%/°€$]|[.,:]\d|-\w| ?(?:ms|seconds|minutes|hours|days|bytes|characters|digits|"
    r"times|USD|EUR)\b",
    re.ASCII,
)
_CODE: Final = (
    r"(?:(?<![a-z<])codes?(?![a-z>])|[a-zäöüß]{0,16}(?:ungs|heits|gangs|einmal|catie|ings|tür|"
    r"tuer|digi|pin|inlog|login|toegangs|zugangs)-?codes?|codice|c[oó]digo|kod[a-z]{0,4}|k[oó]d|"
    r"код[а-я]{0,3}|пин(?:-?код[а-я]{0,2})?|geheimzahl|비밀번호|暗証番号|"
    r"passcode|one-time (?:password|pin)|otp|pin|puk|tan"
    r"|コード|番号|验证码|校验码|驗證碼|动态码|安全码|인증 ?번호|코드|mã|รหัส|קוד|رمز|κωδικ[όο]ς?)"
)
_GAPS: Final = (
    r"[^\n.!?;,0-9]{0,45}(?:\n[^\n0-9]{0,8})?",  # the code is
    r"[^\n;0-9]{0,50}[?.]\n[^\n0-9]{0,24}",  # asked for, and answered on the next line
    r"[^\n;!?0-9]{0,50}, (?:it['’]s|its|now|es ist|jetzt|c['’]est|ahora es|adesso è) ",
    r"[^\n;0-9]{0,40}[.?] (?:answer|antwort|réponse|respuesta): ?",
    r"(?:(?<=\bpin)|(?<=\botp)|(?<=\bpuk))[^\n;!?]{0,40}: ?",
)
"""What may stand between the word for a code and the number."""
_BEFORE: Final = re.compile(
    rf"(?<!REDACTED:){_CODE}(?:,(?= )|[\"'*_)\]]{{0,3}})(?:{'|'.join(_GAPS)})\Z"
)
_AFTER: Final = re.compile(
    r"[\"'*_)\]]{0,3}"
    r"(?: ?[\w'’-]{1,14}){0,3}[ ]"
    r"(?:[\w'’-]{2,16} ){0,5}?"
    + _CODE
    + r"(?![\w-])|[\"'*_]{0,3} to (?:sign|log) ?in|입니다|を入力"
)
_PURPOSE: Final = re.compile(
    r"verif|send_?code|confirm|secur|\bsign(?:ing)? ?(?:in|up)|log ?in|\bauth|one[ -]?time|2fa|mfa"
    r"|otp|sms|\bacces|recover|backup|pair|activat|two[ -]?(?:factor|step)"
    r"|meeting|3-?ds|challenge|m-?tan|expires? in|dial-?in|conference|zoom|webinar|digit code"
    r"|read out|texted|sent (?:you|me)|lleg[oóaá]|envi[aoó]|mand[oóa]|recib|re[cç]u|ověř|přiš"
    r"|приш[её]л|прислал|смс|engång|engangs|tür|porte"
    r"|your|my |the code|enter |device|door|alarm|safe|lock|einmal|sicherheit|best[aä]tig|zugang"
    r"|freigabe|pr[uü]f|ihr |dein |v[eé]rif|s[eé]curit|valid|votre"
    r"|segur|acces|seu |su |tu |sicurezza|verifica|tuo |suo |uw |je |jouw |weryfik|autoryz"
    r"|dost[eę]p|twój|подтвержд|безопасн|доступ|ваш|вход"
    r"|do[gğ]rulama|onay|g[uü]venlik|giri[sş]|認証|確認|ワンタイム|验证|校验|验證|驗證|动态|安全|인증|확인|보안|xác|otp"
    r"|ยืนยัน|תיק|אימות|تحقق|επαλήθ"
)
_OTHER: Final = re.compile(
    r"(?:fail|reject|denied|error|refus|abort|invalid)\w*[^\n]{0,48}\(code[ :=]{1,2}\Z"
    r"|\bhttp \d{3}[^\n]{0,10}\bcode[^\n]{0,6}\Z|\b(?:error|fehler|erreur|errore|fout|błąd|"
    r"ошибк\w|hata)[ (:#]{1,3}\Z|"
    r"(?:エラー|ステータス|错误|状态|오류|에러|상태) ?(?:コード|代码|码|코드)[^\n]{0,10}\Z|"
    r"(?:fail|reject|error|exit|return|declin|refus|abort|crash)\w*[^\n]{0,16}\bcode[^\n]{0,10}\Z"
    r"|(?:error|exit|status|return|result|response|http|zip|postal|post|country|area|currency|"
    r"product|reason|source|errno|fault|"
    r"signal|opcode|bar|color|colour|language|decline|close|state|postal(?:e|en)?|iata|swift|sort"
    r"|promo|discount|voucher|coupon|"
    r"dress|fehler|erreur|errore|б[лщ]|ошибк\w|hata|b[lł][eę]du)[ _-]?"
    r"(?:codes?|code|kodu?|код\w?)[^\n]{0,30}\Z|(?:code|codice|c[oó]digo|kod|код) "
    r"(?:d['’]|de |di |da )?(?:err|ошиб|hata|bł|post|de err|respu|retou|sali|países|país|pays)"
    r"[^\n]{0,30}\Z"
)
_BOUND: Final = re.compile(r"@[\w.-]{4,253} #(\d{4,8})(?!\w)")
_SPELLED: Final = re.compile(r"\bcode[^\n\w]{0,3}[\"'(](\d(?: \d){3,7})[\"')]")
_ENTERED: Final = re.compile(
    r"[Ee]nter (?:(?:the|this|your) )?(?:[a-z-]{3,12} )?code:? "
    r"([A-Z0-9]{3,4}-[A-Z0-9]{3,4}|(?=[A-Z0-9]{0,9}\d)(?=\d{0,9}[A-Z])[A-Z0-9]{6,10})(?![\w-])"
)
_CARD_CODE: Final = re.compile(
    r"(?:\bcvv2?|\bcvc2?|security code|digits on the back|prüf(?:nummer|ziffer)|cryptogramme|"
    r"código de segur\w{1,5}|安全码|セキュリティコード)"
    r"[\"'*]{0,2}[^\w\n]{0,3}(?:(?:is|are|of|ist|lautet|est|es|é|on|the|my|card|back|number|nr|:|"
    r"=|は|为|是)[^\w\n]{0,3}){0,4}(\d{3,4})(?![\w.-])"
)
_VOLUME_KEY: Final = re.compile(r"(?<![\d-])\d{6}(?:-\d{6}){7}(?![\d-])")
_RECOVERY: Final = re.compile(
    r"(?:backup|recovery|scratch|emergency|wiederherstellungs|secours|récupération|"
    r"recuperaci[oó]n|recupera[cç][aã]o)[ _-]?codes?|c(?:ó|o)digos? de "
    r"(?:recuperaci[oó]n|respaldo)"
)
_GROUPS: Final = re.compile(
    r"(?<![\w-])\d{4} \d{4}(?=[,;\n]|\Z| \()|(?<![\w-])[A-Za-z0-9]{4,6}-[A-Za-z0-9]{4,6}"
    r"(?:-[A-Za-z0-9]{4,6}){0,4}(?![\w-])"
)
_ID_BEFORE: Final = re.compile(
    r"(?<!\n)(?:\b|_)(?:user|id|case|order|ticket|account|acct|customer|approval|room|building|"
    r"floor|asset|machine|terminal|atm|invoice|employee|request|job|no|nr|number|port|line|pid"
    r"|uid)[ #:=]{1,2}\Z|\b(?:limit|amount|total|budget) (?:up )?(?:to|of|is) \Z"
)
_PAIR: Final = re.compile(r"code[\"']?[=:][\"']?\Z")
_OWN_NAME: Final = re.compile(
    r"(?:\A|[\s,;{(\"'?&])(?![\w.-]*(?:code|pin|puk|otp|tan|mfa|2fa|verif))[a-z_][\w.-]{0,40}="
    r"[\"']?\Z"
)
_SURE_PURPOSE: Final = re.compile(
    r"otp|sms|2fa|mfa|verif|(?:send|login|auth|access|confirm|security)[_-]?code"
)
_ITSELF: Final = re.compile(
    r"(?:\b(?:pin(?:-?(?:code|kod\w{0,3}))?|puk|otp|geheimzahl)\b|\bпин(?:-?код[а-я]{0,2})?|"
    r"暗証番号|密码锁|비밀번호)[^\n]{0,40}"
    r"(?:\?\n[^\n]{0,24})?\Z"
)
_has_code: Final = gate((
    "code", "codice", "codigo", "kod", "geheimzahl", "otp", "pin", "puk", "tan", "time password",
    "sign in", "signin", "log in", "login",
))
"""In a text of ASCII alone: what a number stands beside where it is a code."""
_has_card_code: Final = gate((
    "cvv", "cvc", "security code", "on the back", "prüf", "cryptogramme", "segur", "安全码",
    "セキュリティ",
))
_has_recovery: Final = gate((
    "backup", "recover", "scratch", "emergency", "wiederherst", "secours", "récup", "recup",
    "respaldo", "bitlocker",
))
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_NEAR, _WIDE, _LISTED = 60, 90, 400


def code_spans(text: str, low: str) -> Iterator[Span]:
    """Yield one-time codes, PINs and device codes that a message spells out."""
    for match in _NUMBER.finditer(text) if _has_code(low) or not text.isascii() else ():
        start, end = match.span()
        if (
            _SHAPE.fullmatch(match.group())
            and _stands_alone(text, start, end)
            and _is_code(low, start, end, match.group())
        ):
            yield Span(start, end, "otp")
    for match in _BOUND.finditer(text) if "@" in text and " #" in text else ():
        yield Span(match.start(1), match.end(1), "otp")
    for match in _SPELLED.finditer(low):
        yield Span(match.start(1), match.end(1), "otp")
    for match in _ENTERED.finditer(text) if "nter" in text else ():
        yield Span(match.start(1), match.end(1), "otp")
    for match in _CARD_CODE.finditer(low) if _has_card_code(low) else ():
        yield Span(match.start(1), match.end(1), "card_code")
    if not _has_recovery(low):
        return
    for match in _VOLUME_KEY.finditer(text):
        yield Span(match.start(), match.end(), "secret")
    for topic in _RECOVERY.finditer(low):
        for match in _GROUPS.finditer(text, topic.end(), topic.end() + _LISTED):
            if any(map(str.isdigit, match.group())):
                yield Span(match.start(), match.end(), "otp")


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Tell whether the number is no piece of a longer one, and has no unit."""
    before = text[max(0, start - 3) : start]
    if before[-1:] == ":" and before[-2:-1] >= "\u2e80":
        return _GLUED_AFTER.match(text, end) is None
    if _GLUED_BEFORE.search(before) and not _MARKED_BEFORE.search(before):
        return False
    # A comma after a word of a script without spaces ends the clause.
    clause = text[end : end + 1] == "," and before.rstrip()[-1:] >= "\u2e80"
    return clause or _GLUED_AFTER.match(text, end) is None


def _is_code(low: str, start: int, end: int, number: str) -> bool:
    before = low[max(0, start - _NEAR) : start]
    if _OWN_NAME.search(before) and (
        low[start - 1] == "=" or low[end : end + 1] == low[start - 1]
    ):
        return False
    named = _BEFORE.search(before) is not None
    if _OTHER.search(before) if named else _ID_BEFORE.search(before):
        return False
    if _PAIR.search(before):
        return _SURE_PURPOSE.search(low, max(0, start - _WIDE), end + _NEAR) is not None
    if named and _ID_BEFORE.search(before):
        return False
    if not named and (_AFTER.match(low, end, end + _NEAR) is None or number[:1].isalpha()):
        return False
    if _YEAR.fullmatch(number) and not named:
        return False
    return (named and _ITSELF.search(before) is not None) or _PURPOSE.search(
        low, max(0, start - _WIDE), end + _NEAR
    ) is not None
