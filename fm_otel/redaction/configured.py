"""Secrets of configuration words and files, and logins told as pairs, without a sensitive name.

netrc, pgpass, SQL, Docker, IOS, Redis; "admin:secret", "user bob, pass secret", constructor calls.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import shapes
from fm_otel.redaction.extents import phrase_length
from fm_otel.redaction.gates import gate
from fm_otel.redaction.spans import Span
from fm_otel.redaction.verdicts import is_name

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS: Final = (
    "add_user", "login", "log in", "logged in", "sign in", "2fa", "mfa", "wallet", "basic",
    "admin:", "root:", "sa:", "administrator:", ":5432:",
)  # fmt: skip
TOOLS: Final = (
    "client(ac", "crypt(", "linkedsrvlogin", "impdp", "expdp", "pdo", "mysql", "getconnection",
    "ora-", "oracle", "sqlplus", "connect(", "securestring",
)  # fmt: skip
FOREIGN: Final = (
    "账号", "帐号", "验证码", "確認コード", "vérification", "verificación", "bestätigung",
    "klíč",
)
_BY: Final = re.compile(
    r"(?:identified|IDENTIFIED)\s{1,3}(?:(?:with|WITH)\s{1,3}[\w']{1,40}\s{1,3})?"
    r"(?:by|BY|as|AS)\s{1,3}(?:password |PASSWORD )?([\"'])((?:(?!\1)[^\n]){1,256})\1"
)
_NETRC: Final = re.compile(
    r"\bmachine\s{1,4}\S{1,200}\s{1,8}login\s{1,4}\S{1,100}\s{1,8}password\s{1,4}"
    r"([^\s\"'\\<][^\s\"'\\]{0,255})|\blogin\s{1,4}\S{1,100}\s{1,8}password\s{1,4}"
    r"([^\s\"'\\<][^\s\"'\\]{0,255})"
)
_PGPASS: Final = re.compile(
    r"(?:^|\n|[\s\"'])[\w.*-]{1,100}:(?:\d{2,5}|\*):[\w*-]{1,64}:[\w*.-]{1,64}:([^\s:\"']{3,256})"
    r"(?=\s|\Z|[\"'])"
)
_SECURE_STRING: Final = re.compile(
    r"ConvertTo-SecureString\s{1,3}(?:-String\s{1,3})?([\"'])([^\"'\n]{1,256})\1",
    re.IGNORECASE,
)
_PAIR: Final = re.compile(
    r"(?<![\w.])(?:credentials?|creds?|logins?|log ?in|logged in|sign in|user"
    r"(?:name)?[ ]?[/:,|&+][ ]?(?:pass(?:word)?|pwd|pw)|auth|zugangsdaten|identifiants"
    r"|credenciales|账号|帐号密码|账号密码)(?![\w.-])"
    r"(?: (?:with|using|as|for [\w .-]{1,30}|are|is|is:|were|to [\w.-]{1,30}))?[ \t]{0,2}"
    r"(?:[:=：(]|are|is|with|using|->)?[ \t]{0,3}[\"'`(]{0,2}"
    r"([\w.@+\\-]{2,64}?)(?:[ ]?(?P<sep>[/:])[ ]?)([^\s\"'`,;)/:|]{3,128})"
)
_DOCKER_AUTH: Final = re.compile(
    r"(?:\\{0,3}[\"'])auth\\{0,3}[\"'][ ]?:[ ]?\\{0,3}[\"']([A-Za-z0-9+/=]{8,4096})"
    r"|(?<![\w-])_?auth[ ]?[:=][ ]?[\"']?([A-Za-z0-9+/]{16,4096}={1,2})"
)
_CISCO: Final = re.compile(
    r"(?:enable|username (?!and\b|or\b)\S{1,40}(?: privilege \d{1,2})?) (?:secret|password)"
    r"(?: [0579])? (\S{4,128})|(?:key|password|key-string) 7 ([0-9A-F]{6,128})"
    r"|(?:snmp-server community|(?:radius|tacacs)-server"
    r"(?: host \S{1,60}(?: \S{1,20} \d{1,5}){0,3})? key|isakmp key"
    r"|pre-shared-key(?: ascii-text)?(?! \w{1,20}=)|"
    r"wpa-psk ascii)(?: [0-9])? \"?([^\s\"]{4,128})|password [057] (\S{4,128})"
)
_REDIS_AUTH: Final = re.compile(
    r"(?:^|[\s\"'>])(?:AUTH(?=[ \"']{1,3}(?:default[\"' ]{1,3})?\S*[\d!#$%^&*@])|requirepass|"
    r"masterauth)[ \"']{1,3}(?:default [\"']?)?([^\s\"']{4,256})"
)
_MNEMONIC: Final = re.compile(
    r"(?i:mnemonic|seed phrase|recovery phrase|seed words|wallet)[^\n\"']{0,30}?[:=]?[ \t]{0,2}"
    r"[\"']?((?:[a-z]{3,8} ){11,23}[a-z]{3,8})"
)
_PRIVATE_HEX: Final = re.compile(
    r"(?:private[ _-]?key|priv[ _-]?key|wallet key|signer)[\w \"']{0,20}[:= \"']{1,6}(?:0x)?"
    r"([0-9a-fA-F]{64}|[5KL][1-9A-HJ-NP-Za-km-z]{50,51})"
)
_DECRYPT: Final = re.compile(
    r"(?:pgp_sym_(?:de|en)crypt|aes_(?:de|en)crypt|(?:de|en)code)\([^()\n]{1,200}"
    r"(?:\([^()\n]{0,200}\))?[^()\n']{0,40},\s{0,4}'"
    r"(?!(?:replace|strict|ignore|hex|base64|escape|surrogate\w*|\w*replace|utf-?8|"
    r"ascii|latin-?1)')([^'\n]{3,128})'",
    re.IGNORECASE,
)
_LINKED: Final = re.compile(
    r"sp_add(?:linkedsrv)?login\s[^;\n]{0,200},\s{0,4}N?'([^'\n]{3,128})'",
    re.IGNORECASE,
)
_BRACED: Final = re.compile(
    r"(?:pwd|password)=\{((?:[^{}\n]|\}\}){1,128})\}(?=;)"
    r"|;(?:pwd|password)=\{((?:[^{}\n]|\}\}){1,128})\}",
    re.IGNORECASE,
)
_FROM_TO: Final = re.compile(
    r"(?:password|passphrase|passcode|secret|pin|pw|token|key)s? (?:was |has been )?"
    r"(?:changed |rotated |reset |updated )?"
    r"from [\"'`]?([^\s\"'`]{4,128})[\"'`]? to [\"'`]?([^\s\"'`]{4,128})"
)
_HOSTISH: Final = re.compile(r"\d{1,5}|[\w.-]+\.[a-z]{2,6}")
_DOMAIN_USER: Final = re.compile(r"[A-Za-z][\w.-]{0,30}\\{1,2}[\w.$-]{1,64}")
_ADDED: Final = re.compile(
    r"(?:change_password|add_user) \S{1,64} [\"']?([^\s\"'-][^\s\"']{2,128})"
    r"|encrypt_string (?:--?\S{1,40} )?[\"']([^\"'\n]{3,128})[\"']"
)
_CONNECT: Final = re.compile(
    r"(?:mysqli?(?:_p?connect)?|imap_open|ftp_login|ldap_bind|oci_p?connect|ssh2_auth_password|"
    r"new PDO|(?:PDO|mysqli)(?:->|::)__construct)\(\s{0,4}[\"'$][^\"',\n]{0,200}[\"']?,\s{0,4}"
    r"[\"'][^\"'\n]{1,80}[\"'],\s{0,4}[\"']([^\"'\n]{1,128})[\"']"
)
_CLIENT_PAIR: Final = re.compile(
    r"\bClient\(\s{0,4}[\"']?AC\w{32}[\"']?,\s{0,4}[\"']?(\w{32})(?!\w)"
)
_CALLBACK: Final = re.compile(
    r"[\"']code[\"']\s{0,2}(?:=>|[:=])\s{0,2}[\"']([\w./~-]{20,1024})[\"']"
)
_COOKIE_REPR: Final = re.compile(r"<(?:Cookie|Morsel:) [\w.-]{1,80}=([^\s<>;]{8,4096})[ ;]")
_NAMED_COOKIE: Final = re.compile(
    r"\bcookies?\b[^\n=;\"']{0,24}?[ \"'(`][A-Za-z_][\w.-]{1,40}=(?=\S{0,200}\d)"
    r"([^\s\"'`;,&)]{16,4096})",
    re.IGNORECASE,
)
_SECURITY_ANSWER: Final = re.compile(
    r"(?:security|secret) answer(?: \w{2,8}){0,2} (?:to|is|was) [\"']?"
    r"([A-Z0-9][^\"'\n,;.(]{1,60}?)(?=[\"'\n,;.(]|\Z)"
    r"|answer to (?:my|the|your|his|her|their|a) (?:security|secret) question (?:is|was) [\"']?"
    r"([A-Z0-9][^\"'\n,;.(]{1,60}?)(?=[\"'\n,;.(]|\Z)"
    r"|(?:security|secret) question[^\n]{0,120}?answer[\"']?\s?[=:]\s?[\"']([^\"'\n]{2,80})[\"']"
)
_ORACLE_LOGON: Final = re.compile(
    r"(?:sqlplus|connect|rman target|expdp|impdp|sqlldr|jdbc:oracle:\w{2,8}:)[ ]?(?:-\w{1,2} )?"
    r"(?:\"|')?[A-Za-z]\w{0,30}/([^\s/@\"']{3,64})@",
    re.IGNORECASE,
)
_SQL_PASSWORD: Final = re.compile(
    r"(?:options ?\([^)\n]{0,200}\b|(?:alter|create) (?:role|user) [^;\n]{0,200}\b)password '"
    r"([^'\n]{1,128})'",
    re.IGNORECASE,
)
_AUTH_PAIR: Final = re.compile(
    r"\bauth(?:=|\\{0,3}[\"']: ?)[(\[]\s{0,4}[\"'][^\"'\n]{1,80}[\"'],\s{0,4}[\"']"
    r"([^\"'\n]{3,256})[\"']\s{0,4}[)\]]"
)
# What has to be in the lower-case text, pattern, rule. The last group that matched is the secret.
_CONFIGURED: Final = (
    (gate(("identified",)), _BY, "password"),
    (gate(("securestring",)), _SECURE_STRING, "password"),
    (gate(("mnemonic", "phrase", "seed", "wallet")), _MNEMONIC, "seed_phrase"),
    (gate(("priv", "wallet", "signer")), _PRIVATE_HEX, "private_key"),
    (gate(("pass", ":5432:", ":*:")), _PGPASS, "password"),
    (gate(("login", "machine")), _NETRC, "password"),
    (
        gate(
            (
                "enable ", "username ", "key 7 ", "key-string", "snmp-server", "radius-server",
                "tacacs-server", "isakmp key", "pre-shared-key", "wpa-psk", "password 0 ",
                "password 5 ", "password 7 ",
            )
        ),
        _CISCO,
        "password",
    ),
    (gate(("auth ", 'auth"', "requirepass")), _REDIS_AUTH, "password"),
    (
        gate(('auth"', "auth'", "auth\\", "auth:", "auth=", "auth :", "auth =")),
        _DOCKER_AUTH,
        "credentials",
    ),
    (gate(("crypt(", "code(")), _DECRYPT, "password"),
    (gate(("linkedsrvlogin", "sp_addlogin")), _LINKED, "password"),
    (gate(("pwd={", "password={")), _BRACED, "password"),
    (
        gate(
            (
                "connect(", "imap_open", "ftp_login", "ldap_bind", "ssh2_auth", "new pdo",
                "__construct",
            )
        ),
        _CONNECT,
        "password",
    ),
    (gate(("auth=(", "auth': (", 'auth": (', 'auth": [', 'auth":[')), _AUTH_PAIR, "password"),
    (gate(("client(",)), _CLIENT_PAIR, "token"),
    (gate(("oauth", "callback", "grant_type", "redirect", "authoriz")), _CALLBACK, "token"),
    (gate(("<cookie ", "<morsel")), _COOKIE_REPR, "cookie"),
    (gate(("cookie",)), _NAMED_COOKIE, "cookie"),
    (
        gate(("sqlplus", "connect ", "jdbc:oracle", "rman ", "expdp", "impdp", "sqlldr")),
        _ORACLE_LOGON,
        "password",
    ),
    (gate(("options (", "options(", "role ", "user ")), _SQL_PASSWORD, "password"),
    (
        gate(("security question", "security answer", "secret answer", "secret question")),
        _SECURITY_ANSWER,
        "secret",
    ),
    (gate(("change_password", "add_user", "encrypt_string")), _ADDED, "password"),
)
_ORACLE: Final = re.compile(r"(?<![\w./@])[A-Za-z]\w{0,30}/([^\s/@\"']{3,64})@(?=[\w/])")
_REVERSE: Final = re.compile(
    r"(?<![\w/@.-])[\"'`]?([^\s\"'`]{5,128}?)[\"'`]?,? (?:is|as|was|=|for|comme|como|als|come) "
    r"(?:(?:the|my|our|a|an|your|his|her|its) )?(?:[\w-]{1,20} ){0,3}?"
    r"(?:password|passwd|passphrase|passcode|pwd|mot de passe|contraseña|senha|passwort|kennwort|"
    r"wachtwoord|api key|secret key|access token|auth token)(?![\w-])"
    r"(?! ?(?:is|was|=|:|reset|policy|has|hash|field))"
)
_ACCOUNT: Final = re.compile(
    r"(?<![\w/.@=-])(?:admin|root|administrator|sa|superuser|sysadmin):(?!%)"
    r"([^\s:/@\"'`,;)|\\]{6,64})"
)
_CALL_PAIR: Final = re.compile(
    r"(?:[Ll]ogin|[Aa]uth\w{0,20}|[Cc]redentials?|BasicAuth|[Cc]onnect)"
    r"(?:\(|=\()\s{0,4}[\"'][^\"'\n]{1,80}[\"'],\s{0,4}[\"']([^\"'\n]{3,128})[\"']\s{0,4}[,)]"
)
_CALLED: Final = re.compile(
    r"(?:UsernamePassword\w{0,20}|\w{0,20}Credentials?|PDO(?:(?:::|->)__construct)?|mysqli?"
    r"(?:_p?connect)?|getConnection|\w{0,20}BasicAuth|PlainText\w{0,20})"
    r"\((?:[^()\"'\n]{1,80}|[\"'][^\"'\n]{0,200}[\"']){1,9}\)?"
)
_LITERAL: Final = re.compile(r"[\"']([^\"'\s]{5,128})[\"']")
_USER_AND_PASS: Final = re.compile(
    r"(?:user(?:name)?|login|uid|account)(?: name)?(?: is|:|=)? ?[\"'`]?[\w.@+-]{1,64}[\"'`]?"
    r"(?: ?[,/;|&+]| and| with)+ ?(?:the )?(?:password|pass|pwd|psw|pw)(?: is|:|=)? [\"'`]?"
    r"([^\s\"'`,;]{4,128})"
)
_SET_SECRET: Final = re.compile(
    r"secret set \S{1,80}[^\n]{0,80}?(?:--body|-b)[ =][\"']?([^\s\"']{6,512})"
)
_AND: Final = re.compile(
    r"(?:log ?in|sign in|connect|authenticate)(?: (?:with|as|using))? [\w.@-]{2,40} and "
    r"(?=\S*[a-z])(?=\S*\d)(?=\S*[A-Z!#$%^&*_])([^\s,;\"'`]{8,64})"
)
_names_secret: Final = gate((
    "password", "passwd", "passphrase", "passcode", "pwd", "mot de passe", "contraseña",
    "senha", "passwort", "kennwort", "wachtwoord", "api key", "secret key", " token",
))
_has_caller: Final = gate(("login", "auth", "credential", "connect"))
_has_copula: Final = gate(
    (" is ", " as ", " was ", " = ", " for ", " comme ", " como ", " als ", " come ")
)


def _is_reversed(low: str) -> bool:
    return _has_copula(low) and _names_secret(low)


def _is_call(low: str) -> bool:
    return "(" in low and _has_caller(low)


_LOOSE: Final = (
    (gate(("log in", "login", "sign in", "connect ", "authenticate ")), _AND),
    (gate(("oracle", "ora-", "sqlplus", "expdp", "impdp", "tns")), _ORACLE),
    (_is_reversed, _REVERSE),
    (gate(("admin:", "root:", "sa:", "administrator:")), _ACCOUNT),
    (_is_call, _CALL_PAIR),
    (gate(("secret set",)), _SET_SECRET),
    (gate(("user", "login", "uid", "account")), _USER_AND_PASS),
)
_has_call: Final = gate(
    ("usernamepassword", "credential", "pdo", "mysql", "getconnection", "basicauth", "plaintext")
)
_has_login: Final = gate((
    "cred", "login", "log in", "logged in", "sign in", "auth:", "auth ", "auth=", "auth(",
    'auth"', "auth'", "zugangsdaten", "identifiants", "账号", "帐号",
))


def configured_spans(text: str, low: str) -> Iterator[Span]:
    """Yield secrets of configuration words and files: netrc, pgpass, SQL, Docker, IOS, Redis."""
    for is_called_for, pattern, rule in _CONFIGURED:
        if is_called_for(low):
            for match in pattern.finditer(text):
                group = match.lastindex or 0
                if not shapes.is_placeholder(match[group]) and not shapes.is_status(match[group]):
                    size = (
                        phrase_length(match[group]) if rule == "seed_phrase" else len(match[group])
                    )
                    yield Span(match.start(group), match.start(group) + size, rule)
    for is_called_for, pattern in _LOOSE:
        if is_called_for(low):
            yield from _loose(pattern, text)
    if "(" in text and _has_call(low):
        for call in _CALLED.finditer(text):
            yield from _loose(_LITERAL, call.group(), call.start())
    if " from " in low:
        yield from _changed(text, low)
    if (":" in text or "/" in text) and (
        _has_login(low) or ("user" in low and ("pass" in low or "pw" in low))
    ):
        yield from _pairs(text, low)


def _changed(text: str, low: str) -> Iterator[Span]:
    """Yield both secrets of "changed the password from ... to ..."."""
    for match in _FROM_TO.finditer(low):
        for group in (1, 2):
            body = text[match.start(group) : match.end(group)].rstrip(".,;!?)")
            if any(map(str.isdigit, body)) and shapes.is_mixed(body):
                yield Span(match.start(group), match.start(group) + len(body), "password")


def _loose(pattern: re.Pattern[str], text: str, offset: int = 0) -> Iterator[Span]:
    for match in pattern.finditer(text):
        whole = shapes.trimmed(match[1])
        body = whole.strip("*«»„“”")
        if (
            not shapes.is_mixed(body)
            or shapes.is_placeholder(body)
            or shapes.is_status(body)
            or body.count(" ") > 3
        ):
            continue
        if (
            is_name(body)
            or shapes.is_reference(body)
            or "=" in body[:-2]
            or _DOMAIN_USER.fullmatch(body)
        ):
            continue
        start = offset + match.start(1) + whole.find(body)
        yield Span(start, start + len(body), "password")


def _pairs(text: str, low: str) -> Iterator[Span]:
    for match in _PAIR.finditer(low):
        user, secret = (
            text[match.start(1) : match.end(1)],
            text[match.start(3) : match.end(3)].rstrip(".!?"),
        )
        if (
            user.lower() in ("http", "https")
            or secret[:1] in ("", "{", "[")
            or shapes.is_placeholder(secret)
            or shapes.is_status(secret)
            or shapes.is_status(user)
        ):
            continue
        if (
            shapes.is_mixed(secret)
            and not _HOSTISH.fullmatch(secret)
            and not shapes.is_harmless(secret)
        ):
            yield Span(match.start(3), match.start(3) + len(secret), "password")
