"""Judge a candidate value: placeholder, reference to something, plain word, or random text."""

from __future__ import annotations

import re
from math import log2
from typing import Final

_MASK: Final = re.compile(r"x{3,64}|[*•●·.#_\-?X…█]{1,64}|\W{1,3}")
_PLACEHOLDER: Final = re.compile(
    r"""\[?REDACTED.*|\[[A-Za-z][a-z]{2,15}\]|\[[A-Z]{3,16}\]
    |\[(?:FILTERED|MASKED|HIDDEN|SECRET|removed|redacted|secure|hidden|masked|filtered).*
    |<[^<>]{0,80}>|\{\{.*|\$\{.*|\$\(.*|\*{1,3}[A-Za-z ]{1,20}\*{1,3}
    |\${1,2}[A-Za-z_]\w*(?:[:.][\w.]+)?|%[-+#]?[sdrfiqvTxw]|%\([a-zA-Z_]\w*\)[sd]?.*
    |%[A-Z_]{2,40}%|%\{[^{}]{1,80}\}
    |(?-i:[A-Z][A-Z0-9]*_(?:[A-Z0-9]+_)*(?:PASSWORD|PASSWD|PASS|PWD|SECRET|TOKEN|KEY))
    |:[a-z_]\w*|\$\d{1,3}|\?|@[a-z_]\w{0,40}@?|@/[\w./-]{1,120}|@\{[^{}]{1,80}\}
    |\$\w{1,20}\(\w{1,60}\)|@[\w./-]{1,80}\.[a-z]{2,5}|\{[A-Za-z_][\w.]*(?:![rsa])?\}
    |UGFzc3dvcmQ6|VXNlcm5hbWU6|\[?(?:String|ID|Int)!?\]?!?|VALUE_SPECIFIED_IN_NO_LOG_PARAMETER
    |\(?(?:known\ after\ apply|sensitive(?:\ value)?|hidden|redacted|masked|none|not\ set
      |unset|empty)\)?
    |[\w.~-]{0,24}x{8,128}\W{0,2}|\*{2,}.{0,6}|.{0,4}\*{4,}.{0,6}|.{0,4}[•●…]{3,}.{0,6}
    |x{4,}.{0,4}|.{0,6}\.\.\.
    |(?:your|my|enter|insert|put|add|replace)[-_ ]?
     (?:own|the|new|real|actual|strong|secure|super)?[-_ ]?(?:\w{1,20}[-_ ]){0,3}
     (?:password|passwd|secret|token|key|here|value|credentials?)(?:[-_ ]?(?:goes)?[-_ ]?here)?
    |(?:change|replace)[-_ ]?(?:me|this|it)\W{0,3}|change[-_ ]?in[-_ ]?prod(?:uction)?
    |todo|tbd|fixme|example|dummy|placeholder|__\w+__|(?:to[-_ ]be[-_ ]|not[-_ ])\w+
    |op://.*|vault:.*|arn:aws[\w-]*:.*|ENC\[.*|env:\w+|env\.\w+|os\.environ/\w+|file:.*
    |!(?:vault\w{0,20}|Ref|Sub|GetAtt|secret|reference|env_var)\b.*
    |projects/[^/]+/secrets/.*|@Microsoft\.KeyVault.*|\{cipher\}.*
    |ssm:.*|secretsmanager:.*|aws-sm:.*|keyvault:.*|ref\+\w+:.*|akv?s?://.*|gcp?sm://.*|sm://.*""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_EMPTY: Final = frozenset(
    "true false null none nil undefined nan yes no on off y n set unset present absent empty "
    "missing required optional disabled enabled hidden masked redacted filtered default unknown "
    "invalid valid ok fail failed failure success str string int integer bool boolean bytes float "
    "env stdin number object any list dict array text varchar char secretstr optional[str] "
    "str|none password_type "
    "auto always on_create n/a na changeit <nil> (null) void func function class type "
    "typeof self this".split()
)
# What stands after "token:" or "password is" in prose about secrets.
_STATUS: Final = frozenset(
    "a an the this that these those it its is are was were be been being not no none never for "
    "to from of in on at by with without as and or but if then else when while until because "
    "since so too very must should shall can cannot could may might will would need needs has "
    "have had do does did please you your we our they their he she i my me us him her any all "
    "some each every only also still already just now again yet expired invalid missing "
    "incorrect wrong valid correct bad weak strong short long empty blank required optional "
    "mandatory needed unset set unknown unavailable unauthorized unauthenticated forbidden "
    "denied rejected refused revoked failed failure failing success successful succeeded ok okay "
    "error errors mismatch mismatched match matches matched matching changed change changes "
    "reset updated rotated refreshed refresh generated created deleted removed added issued "
    "granted accepted verified validated checked confirmed authenticated authentication "
    "authorization auth authorized login logout user username users account accounts field "
    "fields value values input parameter parameters argument header headers body format length "
    "size count type policy rules rule name names hash hashes hashed hashing encrypted "
    "encryption encoded decoded plain plaintext stored store storage loaded load loading found "
    "provided given supplied specified configured used using use uses unused exists exist "
    "existing expires expiring expiry expiration timeout stale fresh old new current previous "
    "next last first second same different unique duplicate here there where which what who how "
    "why above below following see check checking verify contains contain includes include "
    "starts start ends end begins begin reused recovery reminder manager vault service server "
    "client provider endpoint rotation validation verification credentials password passwords "
    "secret secrets token tokens key keys cookie cookies session sessions api url uri file path "
    "string bytes number integer object list null undefined pending active inactive enabled "
    "disabled locked unlocked blocked limited exceeded limit limits permission signature signed "
    "unsigned claims claim audience issuer scope scopes subject algorithm bearer basic digest "
    "negotiate ntlm oauth oauth2 jwt saml oidc kerberos ldap sso mfa otp totp retry retrying "
    "attempt attempts request requests response responses call calls lookup lookups cache cached "
    "hit miss info warning debug notice critical fatal inherited automatic manual managed rotate "
    "renew renewed renewal revoke kept keep ignored skipped skip done complete completed "
    "finished started running ready healthy expected unexpected actual got want parse parsed "
    "parsing malformed corrupted truncated sent send received receive delivered email mail sms "
    "phone safe secure insecure unsafe hardcoded docker kubectl sudo visible leaked exposed "
    "compromised protected private public shared global local identifier eof eol newline "
    "whitespace comma colon semicolon indent dedent operator literal authenticated. usage "
    "example examples docs documentation link page screen form dialog prompt files compat sss "
    "systemd gid uid shell dir gecos via option options flag flags instead stdin interactively "
    "through one two three four five six seven eight nine ten zero once twice day days hour "
    "hours minute minutes month months year years characters chars digits letters nicht kein "
    "keine ist sind war wurde abgelaufen ungültig falsch fehlt fehlgeschlagen leer zu incorrecta "
    "incorrecto inválida inválido caducada expirada expirado vencida obligatoria requerida "
    "incorrecte expiré expirée invalide manquant requis oublié erroné errada incorreta неверный "
    "истек истёк не обязателен устарел 错误 无效 过期 不正确 已过期 必填 が ない 無効 "
    "siehe voir véase vedi zie "
    "zobacz viz forgotten vergessen vergeten olvidada olvidado oublié oubliée bloqueada "
    "bloqueado esquecida esquecido dimenticata dimenticato onbekend nieznane nieznany zapomniane "
    "zapomenuté zapomenuto neznámé bilinmiyor unuttum забыл забыла забыт неизвестен glömt okänt "
    "unbekannt inconnu inconnue desconocida desconocido desconhecida sconosciuta gesperrt bloqué "
    "zablokowane заблокирован kilitli spärrat minimum maximum mindestens höchstens mínimo mínima "
    "máximo minimaal minimo massimo errata scaduta mancante ongeldig verlopen onjuist".split()
)
_PROSE_ENDINGS: Final = ("ed", "ing", "tion", "ly", "able", "ible", "ment", "ness")
_TECH: Final = re.compile(
    r"(?:sha|md|rsa|aes|hs|rs|es|ps|ed|utf|base|ipv|oauth|http|python|py|node|v|p|s|h|x|ec|tls|"
    r"ssl|"
    r"b|win|log4j|arm|amd|x86_|i|k8s?|ml-kem|curve|bcrypt|scrypt|argon|pbkdf|kms|gpt|o|r|m|t)"
    r"-?\d{1,5}(?:[-_.][a-z0-9]{1,12})*|ecdsa-sha2-\w{4,12}|scram-sha-\d{1,3}(?:-plus)?|ssh-(?:rsa|dss|ed25519)|argon2i?d?"
    r"|pbkdf2[\w-]{0,20}",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(r"[A-Za-z]{2,24}(?:[-_./:][A-Za-z]{1,24}){0,8}[-_./:#]?\d{0,4}")
_KEBAB: Final = re.compile(r"[a-z]{1,24}(?:[-_][a-z0-9]{1,16}){1,8}")
_VERSION: Final = re.compile(
    r"[v^~<>=]{0,3}\d+(?:\.\d+){1,4}(?:[-+.]?[a-z]+[\w.-]*)?",
    re.IGNORECASE,
)
_MEASURE: Final = re.compile(
    r"[-+]?\d+(?:[.,]\d+)?\s?(?:ms|s|m|h|d|us|ns|µs|min|mins|sec|secs|hours?|days?|%|[kmgt]i?b?|"
    r"b|bytes?|chars?|bits?|x)?",
    re.IGNORECASE,
)
_DATE: Final = re.compile(r"\d{4}-\d\d(?:-\d\d(?:[T ]\d\d:\d\d\S*)?)?|\d\d?:\d\d(?::\d\d\S*)?")
UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_CODE: Final = re.compile(
    r"(?:self|cls|settings?|config|conf|cfg|env|environ|os|request|req|user|args|kwargs|params?|"
    r"options?|opts|data|payload|form|body|ctx|context|var|local|locals|module|secrets?|process|"
    r"this|creds?|credentials?|app|state|obj|row|result|res|response|values|props|input|session|"
    r"event|item|record|model|instance|account|client|parser|namespace|each|count|path|output|"
    r"github|inputs|vars|steps|needs|matrix|runner|job|metadata|spec|info|it|conn|connection|url|"
    r"parsed|resource|random_password|azurerm\w*|aws_\w+|google_\w+|kubernetes_\w+|tls_\w+"
    r"|vault_\w+)"
    r"(?:\?|!)?(?:\.|\[|->|::)[\w.\[\]\"'()?!:>-]+"
)
_KEYWORDS: Final = frozenset(
    "range raise assert break continue await new not lambda function async yield throw return if "
    "typeof del".split()
)
_SUBSCRIPT: Final = re.compile(r"[A-Za-z_][\w.]{0,60}\[[\w\"':.| \-]{0,80}(?:\]|\[|\Z|,)")
_DOTTED: Final = re.compile(r"[A-Z][A-Za-z]+(?:\.[A-Z][A-Za-z]+)+|(?:[a-z_]{2,}\.)+[A-Z][A-Za-z]+")
_DOTTED_CODE: Final = re.compile(
    r"(?:\A|\.)(?:conf|sett|env|sys|pass|pwd|string|text|value|data|get|app|model|fak|fact|net\.|"
    r"core|secur|auth\w{3}|cred|token|secret|key|prompt|field|"
    r"type|class|func|java|util|io\.|com\.|org\.|api|client|user|param|prop|option"
    r"|const|state|req|resp|resu|err|exc|default)",
    re.IGNORECASE,
)
_CODE_NOUNS: Final = frozenset(
    "username user value text data result arg args line default getpass name kwargs raw content "
    "payload response request config settings options params match item obj argv stdin inp buf "
    "node expr verifier challenge header headers".split()
)
_GO: Final = re.compile(
    r"[*&]{1,2}[A-Za-z_][\w.]*(?:\{|\Z)|[A-Za-z_][\w.]{0,80}\{|\[?\d{0,4}\][A-Za-z][\w.]*\Z"
    r"|(?:mandatory|json|yaml|xml|form|db|env|mapstructure|validate):\""
)
_ROUTE: Final = re.compile(r"[a-z_]+#[a-z_]+[?!]?")
_CMDLET: Final = re.compile(r"(?:Read|Get|New|Import|ConvertTo|ConvertFrom)-[A-Z][A-Za-z]{2,30}")
_PARENTHESISED: Final = re.compile(r"\w+\(\w+\)\w+")
_CALL: Final = re.compile(r"[A-Za-z_][\w.:]{0,80}\(")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_]+\d?(?:\.[A-Za-z_]+\d?)*")
_SENSITIVE: Final = re.compile(
    r"(?:\A|_|\.)(?:\w*password|\w*passwd|pass|pwd|secrets?|tokens?|\w*key|creds?|credentials?|"
    r"auth|cookies?)(?:\Z|_|\.)"
    r"|(?:Password|Passwd|Secret|Token|Key|Credentials)\d?\Z"
    r"|\A(?:password|secret|token)[A-Z]",
    re.IGNORECASE,
)
_OBJECT: Final = re.compile(
    r"(?:[a-z]\w{0,40}\.){1,8}[A-Z][\w$]{0,60}@[0-9a-f]{4,8}|[A-Z][\w$]{2,60}@[0-9a-f]{6,8}"
)
_PATH: Final = re.compile(
    r"~/\S*|(?:~|\.{1,2}|[A-Za-z]:)?[/\\](?:[\w.@+-]+[/\\])+[\w.@+-]*"
    r"|/(?:run|etc|var|mnt|tmp|opt|app|vault|secrets?|home|usr)/\S*|\.{1,2}/[\w.+-]+"
    r"|[\w./@+-]{1,200}\.[a-z]{1,5}(?::\d{1,6}){1,2}(?::(?:in)?)?"
)
_TRAILING: Final = frozenset(".,;:)]}>'\"`")
_OPENERS: Final = {")": "(", "]": "[", "}": "{", ">": "<"}
_AFTER_CLOSER: Final = frozenset(".,;)]}[{")
_CONTRACTION: Final = re.compile(r"[A-Za-z]+['’][a-z]{1,2}|[A-Za-z]{1,5}['’][a-zà-ÿ]+")
_COLOUR_OR_LINK: Final = re.compile(r"#[0-9a-fA-F]{3,8}|https?://\S*|0x[0-9a-fA-F]{1,8}")
_PROMPT: Final = re.compile(r"[A-Z][A-Za-z ]{2,40}(?:\([a-z ]{1,20}\))? ?[:?] ?")
_STRONG: Final = re.compile(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9+/_-]{32,512}={0,2}")
_VOWEL: Final = re.compile(r"[aeiouyäöüéèáíóú]", re.IGNORECASE)
_CHUNK: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def is_placeholder(value: str) -> bool:
    """Tell whether ``value`` only stands for a secret: masks, templates, types, booleans."""
    if not value or value.lower() in _EMPTY or _MASK.fullmatch(value):
        return True
    return _PLACEHOLDER.fullmatch(value[:300]) is not None


def is_reference(value: str) -> bool:
    """Tell whether bare ``value`` is code that names a secret: ``settings.db_password``."""
    value = value.lstrip("$")
    if (
        _CODE.match(value)
        or (_CALL.match(value) and not _PARENTHESISED.fullmatch(value))
        or _CMDLET.fullmatch(value)
        or _ROUTE.fullmatch(value)
        or _GO.match(value)
        or value in _KEYWORDS
    ):
        return True
    if _SUBSCRIPT.match(value):
        return True
    return _IDENTIFIER.fullmatch(value) is not None and (
        _SENSITIVE.search(value) is not None
        or value in _CODE_NOUNS
        or (_DOTTED.fullmatch(value) is not None and _DOTTED_CODE.search(value) is not None)
    )


def is_status(value: str) -> bool:
    """Tell whether ``value`` is a word of prose about secrets: "expired", "must"."""
    low = value.lower().partition(".|")[0].strip(".,;:!?'\"")
    return is_status_word(low) or (
        low.isalpha() and low.endswith(_PROSE_ENDINGS) and low.islower()
    )


def is_status_word(value: str) -> bool:
    """Tell whether ``value`` is one of the words that stand where a secret could."""
    low = value.lower().strip(".,;:!?'\"")
    return low in _STATUS or low in _EMPTY


def trimmed(piece: str) -> str:
    """Return bare ``piece`` without closing brackets and sentence signs of what surrounds it."""
    keep = piece
    while keep and keep[-1] in _TRAILING:
        opener = _OPENERS.get(keep[-1])
        if opener and keep.count(opener) >= keep.count(keep[-1]):
            break
        keep = keep[:-1]
    for closer, opener in _OPENERS.items():
        cut = keep.find(closer)
        if cut >= 0 and opener not in keep[:cut] and keep[cut + 1 : cut + 2] in _AFTER_CLOSER:
            keep = keep[:cut]
    return keep


_ENDED: Final = frozenset(
    "expired expiré expirée abgelaufen caducada scaduta verlopen wygasło истёк changed geändert "
    "changé rotated".split()
)
_VERB: Final = re.compile(
    r"\b(?:is|was|are|were|be|been|must|should|shall|can|cannot|may|has|have|had|does|do|did|"
    r"at least|at most|"
    r"characters|required|expected|expires?|failed|invalid|expired|not|for|by"
    r"|than)\b",
    re.IGNORECASE,
)


def is_prose(value: str) -> bool:
    """Tell whether ``value`` is a sentence: several words, one of them a function word."""
    words = value.split()
    if len(words) > 2 and words[0].lower() in _ENDED:
        return True
    if any(map(str.isdigit, value)) and len(value) < 40 and not _VERB.search(value):
        return False
    return len(words) > 2 and sum(word.lower().strip(".,") in _STATUS for word in words) >= 2


def has_verb(value: str) -> bool:
    """Tell whether ``value`` says something about a secret rather than being one."""
    return _VERB.search(value) is not None


def is_prompt(value: str) -> bool:
    """Tell whether ``value`` asks for a secret: ``"Password (again): "``."""
    return _PROMPT.fullmatch(value) is not None


def is_path(value: str) -> bool:
    """Tell whether ``value`` is a file path."""
    return _PATH.fullmatch(value) is not None


def is_harmless(value: str) -> bool:
    """Tell whether ``value`` is a measure, version, date, UUID, algorithm, path or identity."""
    return any(
        pattern.fullmatch(value)
        for pattern in (_MEASURE, _VERSION, _DATE, UUID, _TECH, _PATH, _COLOUR_OR_LINK, _OBJECT)
    )


def is_wordlike(value: str) -> bool:
    """Tell whether ``value`` reads as words: ``expired``, ``db-credentials``, ``camelCase``."""
    if not value.isascii():
        return value.isalpha()
    if _NAMED.fullmatch(value) is None and _KEBAB.fullmatch(value) is None:
        return False
    return not is_random(value) and all(
        _VOWEL.search(chunk) or len(chunk) <= 4 for chunk in _CHUNK.findall(value)
    )


def entropy(text: str) -> float:
    """Return the Shannon entropy of the characters of ``text`` in bits per character."""
    size = len(text)
    return -sum(n / size * log2(n / size) for n in map(text.count, set(text)))


def is_random(value: str) -> bool:
    """Tell whether ``value`` looks machine-made: long, mixed classes, no words in it."""
    size = len(value)
    if size < 16 or value.isdigit():
        return False
    digits = sum(map(str.isdigit, value))
    if digits == 0 and (value.islower() or value.isupper()):
        return size >= 24 and value.isalpha() and entropy(value) > 3.8
    if UUID.fullmatch(value):
        return True
    chunks = _CHUNK.findall(value)
    longest = max(map(len, chunks), default=0)
    if digits == 0 and len(value) > 3 * len(chunks):
        return False  # CamelCase words
    upper = sum(map(str.isupper, value))
    mixed = digits >= 2 or (upper >= 3 and upper < size - 3)
    return mixed and longest <= max(8, size // 3) and entropy(value) >= 3.0


def is_strong_key(value: str) -> bool:
    """Tell whether ``value`` is machine-made beyond doubt: long, all three classes, no hex."""
    return (
        _STRONG.fullmatch(value) is not None
        and is_random(value)
        and value != value.lower() != value.upper()
    )


def is_mixed(value: str) -> bool:
    """Tell whether ``value`` mixes letters with digits or signs, as passwords do."""
    value = value.rstrip("?!.,")
    if _CONTRACTION.fullmatch(value):
        return False
    if len(value) < 5 or is_harmless(value):
        return False
    alpha = any(map(str.isalpha, value))
    digit = any(map(str.isdigit, value))
    sign = any(not c.isalnum() and c not in "-_./:" for c in value)
    if alpha and digit:
        return True
    if sign:
        return alpha or digit
    inner = value[1:]
    return (
        alpha
        and value.isalpha()
        and inner != inner.lower()
        and not value.isupper()
        and not is_wordlike(value)
    )
