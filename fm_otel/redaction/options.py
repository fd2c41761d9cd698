"""Secrets in command lines and configuration words that no sensitive name announces."""

from __future__ import annotations

import re
from bisect import bisect
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import shapes
from fm_otel.redaction.extents import phrase_length
from fm_otel.redaction.gates import gate
from fm_otel.redaction.headers import cookie_spans
from fm_otel.redaction.spans import Span
from fm_otel.redaction.verdicts import is_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_USER_OPTION: Final = re.compile(
    r"(?<![\w-])(?:-u|--user|--proxy-user|-U|--auth|-a|--basic-auth|--http-user)(?:[ =]{1,2})[\"']?"
    r"([\w.@\\+-]{1,80})[:%]([^\s\"'`|]{2,256})"
)
_USER_QUOTED: Final = re.compile(r"(?<![\w-])(?:-u|--user|-U|--proxy-user)(?:[ =]{0,2})([\"'])([\w.@+-]{1,80}):([^\n]{1,256}?)\1")
_TOOLS: Final = re.compile(
    r"(?:mysql|mysqldump|mysqladmin|mariadb|sshpass|docker login|podman login|helm registry login|mongosh?|mongodump|"
    r"mongorestore|redis-cli|ldapsearch|ldapadd|ldapmodify|smbclient|mosquitto_(?:pub|sub)|sqlcmd|bcp|xfreerdp|ftp|lftp|"
    r"az login|oc login|argocd login|kinit|htpasswd|influx|clickhouse-client|cqlsh|rabbitmqadmin|keytool|7z|zip|unzip|gpg|"
    r"openssl|net user|net use|curl|wget|az|svn|snowsql|vertica|isql|osql|psexec|skopeo|crane|buildah|ipmitool|knife)\b"
    r"(?:\"[^\"\n]{0,200}\"|'[^'\n]{0,200}'|[^\n|;&]){0,300}"
)
_LISTED_TOOLS: Final = frozenset(
    "redis-cli ldapsearch ldapadd ldapmodify kinit sqlcmd mongo mongosh mongodump mongorestore sshpass mosquitto_pub mosquitto_sub 7z zip "
    "unzip ipmitool cqlsh rabbitmqadmin".split()
)
_UPLOAD: Final = re.compile(r"codecov [^\n|;&]{0,100}?-t[ =]?([0-9a-f-]{32,36})(?![\w-])")
_AUTH_OPTION: Final = re.compile(r"(?<![\w-])--(?:auth|snyk-token|bearer)[ =][\"']?([A-Za-z0-9_.~+/-]{16,1024})")
_LIST: Final = re.compile(r"[\"'][\w./-]{1,80}[\"'](?:,\s{0,2}[\"'][^\"'\n]{0,256}[\"']){1,64}")
_ARGUMENT: Final = re.compile(r"[\"']([^\"'\n]{0,256})[\"'](?:,\s{0,2}|\Z)")
_ARCHIVERS: Final = ("7z", "zip", "unzip")
_SHELLS: Final = frozenset(("CMD", "CMD-SHELL", "sudo", "exec", "env", "docker", "run"))
_SHORT: Final = re.compile(r"(?<=\s)(?:-p|-w|-a|-P|-pw|-pass|/p:|-b)([ ]{0,2})([\"']?)(?!ass|rompt)([^\s\"'-][^\s\"']{0,256})\2")
_SPACED: Final = re.compile(r"(?<=\s)(-p|-w|-a|-P|-pw|-b) ([\"'])([^\"'\n]{3,128})\2")
_PASS_SOURCE: Final = re.compile(r"pass:([^\s\"']{1,128})")
_BY: Final = re.compile(r"(?:identified|IDENTIFIED)\s{1,3}(?:(?:with|WITH)\s{1,3}[\w']{1,40}\s{1,3})?(?:by|BY|as|AS)\s{1,3}(?:password |PASSWORD )?([\"'])((?:(?!\1)[^\n]){1,256})\1")
_NETRC: Final = re.compile(r"\bmachine\s{1,4}\S{1,200}\s{1,8}login\s{1,4}\S{1,100}\s{1,8}password\s{1,4}([^\s\"'\\<][^\s\"'\\]{0,255})|\blogin\s{1,4}\S{1,100}\s{1,8}password\s{1,4}([^\s\"'\\<][^\s\"'\\]{0,255})")
_PGPASS: Final = re.compile(r"(?:^|\n|[\s\"'])[\w.*-]{1,100}:(?:\d{2,5}|\*):[\w*-]{1,64}:[\w*.-]{1,64}:([^\s:\"']{3,256})(?=\s|\Z|[\"'])")
_SECURE_STRING: Final = re.compile(r"ConvertTo-SecureString\s{1,3}(?:-String\s{1,3})?([\"'])([^\"'\n]{1,256})\1", re.IGNORECASE)
_PAIR: Final = re.compile(
    r"(?<![\w.])(?:credentials?|creds?|logins?|log ?in|logged in|sign in|user(?:name)?[ ]?[/:,|&+][ ]?(?:pass(?:word)?|pwd|pw)|auth|zugangsdaten|identifiants|credenciales|账号|帐号密码|账号密码)(?![\w.-])"
    r"(?: (?:with|using|as|for [\w .-]{1,30}|are|is|is:|were|to [\w.-]{1,30}))?[ \t]{0,2}(?:[:=：(]|are|is|with|using|->)?[ \t]{0,3}[\"'`(]{0,2}"
    r"([\w.@+\\-]{2,64}?)(?:[ ]?(?P<sep>[/:])[ ]?)([^\s\"'`,;)/:|]{3,128})"
)
_DOCKER_AUTH: Final = re.compile(r"(?:\\{0,3}[\"'])auth\\{0,3}[\"'][ ]?:[ ]?\\{0,3}[\"']([A-Za-z0-9+/=]{8,4096})|(?<![\w-])_?auth[ ]?[:=][ ]?[\"']?([A-Za-z0-9+/]{16,4096}={1,2})")
_CISCO: Final = re.compile(
    r"(?:enable|username \S{1,40}(?: privilege \d{1,2})?) (?:secret|password)(?: [0579])? (\S{4,128})|(?:key|password|key-string) 7 ([0-9A-F]{6,128})"
    r"|(?:snmp-server community|(?:radius|tacacs)-server(?: host \S{1,60}(?: \S{1,20} \d{1,5}){0,3})? key|isakmp key|pre-shared-key(?: ascii-text)?(?! \w{1,20}=)|"
    r"wpa-psk ascii)(?: [0-9])? (\S{4,128})|password [057] (\S{4,128})"
)
_REDIS_AUTH: Final = re.compile(r"(?:^|[\s\"'>])(?:AUTH(?=[ \"']{1,3}(?:default[\"' ]{1,3})?\S*[\d!#$%^&*@])|requirepass|masterauth)[ \"']{1,3}(?:default [\"']?)?([^\s\"']{4,256})")
_KUBEADM: Final = re.compile(r"(?<![\w.-])[a-z0-9]{6}\.[a-z0-9]{16}(?![\w.-])")
_MNEMONIC: Final = re.compile(r"(?i:mnemonic|seed phrase|recovery phrase|seed words|wallet)[^\n\"']{0,30}?[:=]?[ \t]{0,2}[\"']?((?:[a-z]{3,8} ){11,23}[a-z]{3,8})")
_PRIVATE_HEX: Final = re.compile(r"(?:private[ _-]?key|priv[ _-]?key|wallet key|signer)[\w \"']{0,20}[:= \"']{1,6}(?:0x)?([0-9a-fA-F]{64}|[5KL][1-9A-HJ-NP-Za-km-z]{50,51})")
_DECRYPT: Final = re.compile(
    r"(?:pgp_sym_(?:de|en)crypt|aes_(?:de|en)crypt|(?:de|en)code)\([^()\n]{1,200}(?:\([^()\n]{0,200}\))?[^()\n']{0,40},\s{0,4}'(?!(?:replace|strict|ignore|hex|base64|escape|surrogate\w*|\w*replace|utf-?8|ascii|latin-?1)')([^'\n]{3,128})'", re.IGNORECASE
)
_LINKED: Final = re.compile(r"sp_add(?:linkedsrv)?login\s[^;\n]{0,200},\s{0,4}N?'([^'\n]{3,128})'", re.IGNORECASE)
_BRACED: Final = re.compile(r"(?:pwd|password)=\{((?:[^{}\n]|\}\}){1,128})\}(?=;)|;(?:pwd|password)=\{((?:[^{}\n]|\}\}){1,128})\}", re.IGNORECASE)
_FROM_TO: Final = re.compile(
    r"(?:password|passphrase|passcode|secret|pin|pw|token|key)s? (?:was |has been )?(?:changed |rotated |reset |updated )?"
    r"from [\"'`]?([^\s\"'`]{4,128})[\"'`]? to [\"'`]?([^\s\"'`]{4,128})"
)
WORDS: Final = ("client(ac", "auth plain", "auth login", "crypt(", "encrypt_string", "linkedsrvlogin", "impdp", "expdp", "pdo", "mysql", "getconnection", "add_user", "login", "ora-", "oracle", "sqlplus", "admin:", "root:", "sa:", "administrator:", "connect(", "sign in", "log in", "logged in", "2fa", "mfa", "wallet", "machine", "securestring", ":5432:", "basic")
FOREIGN: Final = ("账号", "帐号", "验证码", "確認コード", "vérification", "verificación", "bestätigung")
_NOT_SECRET: Final = frozenset("password pass passwd pw token stdin none null yes no true false prompt".split())
_HOSTISH: Final = re.compile(r"\d{1,5}|[\w.-]+\.[a-z]{2,6}")


_COOKIE_OPTION: Final = re.compile(r"(?<![\w-])(?:-b|--cookie)[ =][\"']?([\w.-]{1,60}=[^\"'\n]{1,4096}?)(?=[\"']|\s|\Z)")
_DOMAIN_USER: Final = re.compile(r"[A-Za-z][\w.-]{0,30}\\{1,2}[\w.$-]{1,64}")
_PIPED: Final = re.compile(
    r"(?:echo|printf)[ ](?:-[ne]{1,2} )?(?:[\"']?%s(?:\\n)?[\"']? )?[\"']?(?:[\w.-]{1,40}:)?([^\s\"'|:]{4,256})[\"']?\s{0,3}\|[^\n|]{0,120}"
    r"(?:--password-stdin|--stdin|passwd|sudo -S|-S |secret create|create secret|cryptsetup|kinit|smbpasswd|--with-token|chpasswd)"
)
_HTPASSWD: Final = re.compile(r"htpasswd -\w{0,5}b\w{0,5} \S{1,120} \S{1,64} [\"']?([^\s\"']{3,128})")
_NET: Final = re.compile(r"net user \S{1,64} ([^\s/*]{3,128})|net use [^\n]{0,160}?/user:\S{1,64} ([^\s/*]{3,128})|net use \S{1,100}(?: \S{1,100})? ([^\s/*]{3,128}) /user:", re.IGNORECASE)
_ADDED: Final = re.compile(
    r"(?:change_password|add_user) \S{1,64} [\"']?([^\s\"'-][^\s\"']{2,128})|encrypt_string (?:--?\S{1,40} )?[\"']([^\"'\n]{3,128})[\"']"
)
_CERTIFICATE: Final = re.compile(r"curl[^\n]{0,300}? (?:-E|--cert)[ =][\"']?[\w./~-]{1,200}:([^\s\"']{3,128})")
_PHRASE: Final = re.compile(r"ssh-keygen[^\n]{0,200}? -[NP] ?([\"'])([^\"'\n]{4,128})\1")
_GLUED: Final = re.compile(r"mysql\w{0,10}[\"'],[^\n]{0,200}?[\"']-p([^\"'\s]{3,128})[\"']")
_PRINTED: Final = re.compile(r"password-command[ =][\"'](?:echo|printf) ([^\s\"']{3,128})")
_ALIAS: Final = re.compile(r"(?:alias set|config host add) \S{1,64} https?://\S{1,200} \S{1,128} [\"']?([^\s\"']{4,128})")
_SENT: Final = re.compile(r"send(?:_user)? (?:-- )?\\{0,2}\"([^\"\n]{4,128}?)\\{1,2}[rn]\\{0,2}\"")
_COMMANDS: Final = (
    ("echo ", _PIPED), ("printf ", _PIPED), ("htpasswd", _HTPASSWD), ("net use", _NET), ("send", _SENT), ("alias set", _ALIAS), ("config host add", _ALIAS),
    ("curl", _CERTIFICATE), ("ssh-keygen", _PHRASE), ("'-p", _GLUED), ("password-command", _PRINTED),
)  # fmt: skip


def option_spans(text: str) -> Iterator[Span]:
    """Yield passwords given to programs: ``curl -u user:password``, ``mysql -ppassword``."""
    for match in _USER_QUOTED.finditer(text):
        if not shapes.is_placeholder(match[3]):
            yield Span(match.start(3), match.end(3), "password")
    for match in _USER_OPTION.finditer(text):
        if not shapes.is_placeholder(match[2]) and not match[2].startswith(("//", "\\")) and not (match[1].isdigit() and match[2].isdigit()):
            yield Span(match.start(2), match.end(2), "password")
    for match in _COOKIE_OPTION.finditer(text):
        yield from cookie_spans(text, match.start(1), match.end(1))
    for word, pattern in _COMMANDS:
        if word in text:
            for match in pattern.finditer(text):
                group = match.lastindex or 0
                if not shapes.is_placeholder(match[group]) and (pattern is not _SENT or shapes.is_mixed(match[group])):
                    yield Span(match.start(group), match.end(group), "password")
    for line in _TOOLS.finditer(text):
        yield from _tool(text, line)
    for match in _USER_FLAGS.finditer(text):
        # MySQL's clients take the word behind a lone -p for the database.
        if not shapes.is_placeholder(match[1]) and not match[1].isdigit() and not _MYSQL.search(text, max(0, match.start() - 80), match.start()):
            yield Span(match.start(1), match.end(1), "password")
    for pattern in (_UPLOAD, _AUTH_OPTION):
        for match in pattern.finditer(text):
            if shapes.is_random(match[1]):
                yield Span(match.start(1), match.end(1), "token")
    if '", "' in text or '","' in text or "', '-" in text:
        for command in _LIST.finditer(text):
            arguments = list(_ARGUMENT.finditer(command.group()))
            for number, span in listed_spans([argument[1] for argument in arguments]):
                start = command.start() + arguments[number].start(1)
                yield Span(start + span.start, start + span.end, span.rule)


def listed_spans(arguments: list[str]) -> Iterator[tuple[int, Span]]:
    """Yield secrets of a command given as a list, each with the number of its argument."""
    if len(arguments) in (2, 3) and arguments[0].upper() == "AUTH":
        yield len(arguments) - 1, Span(0, len(arguments[-1]), "password")
        return
    if not any(argument.startswith("-") for argument in arguments):
        return
    tool = next((word for word in arguments if word not in _SHELLS), "")
    starts = list(accumulate((len(argument) + 1 for argument in arguments), initial=0))
    for span in option_spans(" ".join(arguments)):
        number = bisect(starts, span.start) - 1
        size = len(arguments[number])
        if span.start - starts[number] < size:
            yield number, Span(span.start - starts[number], min(span.end - starts[number], size), span.rule)
    for number, (flag, value) in enumerate(pairwise(arguments), 1):
        if (takes_password(tool, flag) or (tool == "mysqladmin" and flag == "password")) and not shapes.is_placeholder(value):
            yield number, Span(0, len(value), "password")


def _tool(text: str, line: re.Match[str]) -> Iterator[Span]:
    tool = line.group().split(None, 1)[0]
    for match in _SHORT.finditer(text, line.start(), line.end()):
        flag = match.group().split(match[3])[0].strip(" \"'")
        if not _is_password_flag(tool, flag, glued=not match[1]):
            continue
        value = match[3].rstrip("`")
        if shapes.is_placeholder(value) or value.lower() in _NOT_SECRET or shapes.is_path(value) or value.endswith((".7z", ".zip")) or (value.isdigit() and flag in ("-p", "-P") and len(value) <= 5):
            continue
        if tool in _ARCHIVERS and not match[1] and value.isalpha():
            continue  # "-provenance" is an option of its own
        if flag == "-pass" or value.startswith(("pass:", "env:", "file:")):
            continue
        yield Span(match.start(3), match.start(3) + len(value), "password")
    for match in _SPACED.finditer(text, line.start(), line.end()):
        if _is_password_flag(tool, match[1], glued=False) and " " in match[3]:
            yield Span(match.start(3), match.end(3), "password")
    for match in _PASS_SOURCE.finditer(text, line.start(), line.end()):
        yield Span(match.start(1), match.end(1), "password")


def takes_password(tool: str, flag: str) -> bool:
    """Tell whether ``flag`` in a list of arguments of ``tool`` has a password behind it."""
    return tool in _LISTED_TOOLS and _is_password_flag(tool, flag, glued=False)


def _is_password_flag(tool: str, flag: str, *, glued: bool) -> bool:
    """Tell whether ``flag`` of program ``tool`` takes a password; ``glued``: without a space."""
    if tool in ("mysql", "mysqldump", "mysqladmin", "mariadb", "clickhouse-client"):
        return flag == "-p" and glued
    if tool == "redis-cli":
        return flag == "-a"
    if tool.startswith(("ldap", "kinit")):
        return flag == "-w"
    if tool in ("sqlcmd", "bcp", "isql", "osql", "mosquitto_pub", "mosquitto_sub", "ipmitool", "knife"):
        return flag == "-P"
    if tool == "xfreerdp":
        return flag == "/p:"
    if tool in ("curl", "wget", "openssl", "gpg", "keytool", "smbclient", "ftp", "lftp", "snowsql"):
        return False
    if tool in _ARCHIVERS:
        return flag in ("-p", "-P")
    return flag in ("-p", "-pw", "-P" if tool == "oc" else "-p")


_CONNECT: Final = re.compile(r"(?:mysqli?(?:_p?connect)?|imap_open|ftp_login|ldap_bind|oci_p?connect|ssh2_auth_password|new PDO|(?:PDO|mysqli)(?:->|::)__construct)\(\s{0,4}[\"'$][^\"',\n]{0,200}[\"']?,\s{0,4}[\"'][^\"'\n]{1,80}[\"'],\s{0,4}[\"']([^\"'\n]{1,128})[\"']")
_CLIENT_PAIR: Final = re.compile(r"\bClient\(\s{0,4}[\"']?AC\w{32}[\"']?,\s{0,4}[\"']?(\w{32})(?!\w)")
_CALLBACK: Final = re.compile(r"[\"']code[\"']\s{0,2}(?:=>|[:=])\s{0,2}[\"']([\w./~-]{20,1024})[\"']")
_COOKIE_REPR: Final = re.compile(r"<(?:Cookie|Morsel:) [\w.-]{1,80}=([^\s<>;]{8,4096})[ ;]")
_NAMED_COOKIE: Final = re.compile(r"\bcookies?\b[^\n=;\"']{0,24}?[ \"'(`][A-Za-z_][\w.-]{1,40}=(?=\S{0,200}\d)([^\s\"'`;,&)]{16,4096})", re.IGNORECASE)
_SECURITY_ANSWER: Final = re.compile(
    r"(?:security|secret) answer(?: \w{2,8}){0,2} (?:to|is|was) [\"']?([A-Z0-9][^\"'\n,;.(]{1,60}?)(?=[\"'\n,;.(]|\Z)"
    r"|answer to (?:my|the|your|his|her|their|a) (?:security|secret) question (?:is|was) [\"']?([A-Z0-9][^\"'\n,;.(]{1,60}?)(?=[\"'\n,;.(]|\Z)"
    r"|(?:security|secret) question[^\n]{0,120}?answer[\"']?\s?[=:]\s?[\"']([^\"'\n]{2,80})[\"']"
)
_ORACLE_LOGON: Final = re.compile(r"(?:sqlplus|connect|rman target|expdp|impdp|sqlldr|jdbc:oracle:\w{2,8}:)[ ]?(?:-\w{1,2} )?(?:\"|')?[A-Za-z]\w{0,30}/([^\s/@\"']{3,64})@", re.IGNORECASE)
_SQL_PASSWORD: Final = re.compile(r"(?:options ?\([^)\n]{0,200}\b|(?:alter|create) (?:role|user) [^;\n]{0,200}\b)password '([^'\n]{1,128})'", re.IGNORECASE)
_USER_FLAGS: Final = re.compile(r"(?<![\w-])(?:-u|--user(?:name)?)[ =][\"']?[\w.@-]{1,64}[\"']? (?:-p|--pass)[ =][\"']?([^\s\"'-][^\s\"']{3,128})")
_MYSQL: Final = re.compile(r"mysql|mariadb|psql")
_AUTH_PAIR: Final = re.compile(r"\bauth(?:=|\\{0,3}[\"']: ?)[(\[]\s{0,4}[\"'][^\"'\n]{1,80}[\"'],\s{0,4}[\"']([^\"'\n]{3,256})[\"']\s{0,4}[)\]]")
# What has to be in the lower-case text, pattern, rule. The last group that matched is the secret.
_CONFIGURED: Final = (
    (gate(("identified",)), _BY, "password"),
    (gate(("securestring",)), _SECURE_STRING, "password"),
    (gate(("mnemonic", "phrase", "seed", "wallet")), _MNEMONIC, "seed_phrase"),
    (gate(("priv", "wallet", "signer")), _PRIVATE_HEX, "private_key"),
    (gate(("pass", ":5432:", ":*:")), _PGPASS, "password"),
    (gate(("login", "machine")), _NETRC, "password"),
    (gate((
        "enable ", "username ", "key 7 ", "key-string", "snmp-server", "radius-server", "tacacs-server", "isakmp key", "pre-shared-key",
        "wpa-psk", "password 0 ", "password 5 ", "password 7 ",
    )), _CISCO, "password"),
    (gate(("auth ", 'auth"', "requirepass")), _REDIS_AUTH, "password"),
    (gate(("auth",)), _DOCKER_AUTH, "credentials"),
    (gate(("crypt(", "code(")), _DECRYPT, "password"),
    (gate(("linkedsrvlogin", "sp_addlogin")), _LINKED, "password"),
    (gate(("pwd={", "password={")), _BRACED, "password"),
    (gate(("connect(", "imap_open", "ftp_login", "ldap_bind", "ssh2_auth", "new pdo", "__construct")), _CONNECT, "password"),
    (gate(("auth=(", "auth': (", 'auth": (', 'auth": [', 'auth":[')), _AUTH_PAIR, "password"),
    (gate(("client(",)), _CLIENT_PAIR, "token"),
    (gate(("oauth", "callback", "grant_type", "redirect", "authoriz")), _CALLBACK, "token"),
    (gate(("<cookie ", "<morsel")), _COOKIE_REPR, "cookie"),
    (gate(("cookie",)), _NAMED_COOKIE, "cookie"),
    (gate(("sqlplus", "connect ", "jdbc:oracle", "rman ", "expdp", "impdp", "sqlldr")), _ORACLE_LOGON, "password"),
    (gate(("options (", "options(", "role ", "user ")), _SQL_PASSWORD, "password"),
    (gate(("security question", "security answer", "secret answer", "secret question")), _SECURITY_ANSWER, "secret"),
    (gate(("change_password", "add_user", "encrypt_string")), _ADDED, "password"),
)
_ORACLE: Final = re.compile(r"(?<![\w./@])[A-Za-z]\w{0,30}/([^\s/@\"']{3,64})@(?=[\w/])")
_REVERSE: Final = re.compile(
    r"(?<![\w/@.-])[\"'`]?([^\s\"'`]{5,128}?)[\"'`]?,? (?:is|as|was|=|for|comme|como|als|come) (?:(?:the|my|our|a|an|your|his|her|its) )?(?:[\w-]{1,20} ){0,3}?"
    r"(?:password|passwd|passphrase|passcode|pwd|mot de passe|contraseña|senha|passwort|kennwort|wachtwoord|api key|secret key|access token|auth token)(?![\w-])(?! ?(?:is|was|=|:|reset|policy|has|hash|field))"
)
_ACCOUNT: Final = re.compile(r"(?<![\w/.@=-])(?:admin|root|administrator|sa|superuser|sysadmin):(?!%)([^\s:/@\"'`,;)|]{6,64})")
_CALL_PAIR: Final = re.compile(r"(?:[Ll]ogin|[Aa]uth\w{0,20}|[Cc]redentials?|BasicAuth|[Cc]onnect)(?:\(|=\()\s{0,4}[\"'][^\"'\n]{1,80}[\"'],\s{0,4}[\"']([^\"'\n]{3,128})[\"']\s{0,4}[,)]")
_CALLED: Final = re.compile(
    r"(?:UsernamePassword\w{0,20}|\w{0,20}Credentials?|PDO(?:(?:::|->)__construct)?|mysqli?(?:_p?connect)?|getConnection|\w{0,20}BasicAuth|PlainText\w{0,20})"
    r"\((?:[^()\"'\n]{1,80}|[\"'][^\"'\n]{0,200}[\"']){1,9}\)?"
)
_LITERAL: Final = re.compile(r"[\"']([^\"'\s]{5,128})[\"']")
_USER_AND_PASS: Final = re.compile(
    r"(?:user(?:name)?|login|uid|account)(?: name)?(?: is|:|=)? ?[\"'`]?[\w.@+-]{1,64}[\"'`]?(?: ?[,/;|&+]| and| with)+ ?(?:the )?(?:password|pass|pwd|psw|pw)(?: is|:|=)? [\"'`]?([^\s\"'`,;]{4,128})"
)
_SET_SECRET: Final = re.compile(r"secret set \S{1,80}[^\n]{0,80}?(?:--body|-b)[ =][\"']?([^\s\"']{6,512})")
_AND: Final = re.compile(r"(?:log ?in|sign in|connect|authenticate)(?: (?:with|as|using))? [\w.@-]{2,40} and (?=\S*[a-z])(?=\S*\d)(?=\S*[A-Z!#$%^&*_])([^\s,;\"'`]{8,64})")
_names_secret: Final = gate(("password", "passwd", "passphrase", "passcode", "pwd", "mot de passe", "contraseña", "senha", "passwort", "kennwort", "wachtwoord", "api key", "secret key", " token"))
_has_copula: Final = gate((" is ", " as ", " was ", " = ", " for ", " comme ", " como ", " als ", " come "))


def _is_reversed(low: str) -> bool:
    return _has_copula(low) and _names_secret(low)


_LOOSE: Final = (
    (gate(("log in", "login", "sign in", "connect ", "authenticate ")), _AND),
    (gate(("oracle", "ora-", "sqlplus", "expdp", "impdp", "tns")), _ORACLE),
    (_is_reversed, _REVERSE),
    (gate(("admin:", "root:", "sa:", "administrator:")), _ACCOUNT),
    (gate(("login(", "auth", "credential", "connect(")), _CALL_PAIR),
    (gate(("secret set",)), _SET_SECRET),
    (gate(("user", "login", "uid", "account")), _USER_AND_PASS),
)
_has_call: Final = gate(("usernamepassword", "credential", "pdo", "mysql", "getconnection", "basicauth", "plaintext"))
_has_pair: Final = gate(("cred", "login", "log in", "logged in", "sign in", "user", "auth", "zugangsdaten",
                         "identifiants", "账号", "帐号"))


def configured_spans(text: str, low: str) -> Iterator[Span]:
    """Yield secrets of configuration words and files: netrc, pgpass, SQL, Docker, IOS, Redis."""
    for is_called_for, pattern, rule in _CONFIGURED:
        if is_called_for(low):
            for match in pattern.finditer(text):
                group = match.lastindex or 0
                if not shapes.is_placeholder(match[group]) and not shapes.is_status(match[group]):
                    size = phrase_length(match[group]) if rule == "seed_phrase" else len(match[group])
                    yield Span(match.start(group), match.start(group) + size, rule)
    for is_called_for, pattern in _LOOSE:
        if is_called_for(low):
            yield from _loose(pattern, text)
    if "(" in text and _has_call(low):
        for call in _CALLED.finditer(text):
            yield from _loose(_LITERAL, call.group(), call.start())
    if " from " in low:
        yield from _changed(text, low)
    if (":" in text or "/" in text) and _has_pair(low):
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
        if not shapes.is_mixed(body) or shapes.is_placeholder(body) or shapes.is_status(body) or body.count(" ") > 3:
            continue
        if is_name(body) or shapes.is_reference(body) or "=" in body[:-2] or _DOMAIN_USER.fullmatch(body):
            continue
        start = offset + match.start(1) + whole.find(body)
        yield Span(start, start + len(body), "password")


def _pairs(text: str, low: str) -> Iterator[Span]:
    for match in _PAIR.finditer(low):
        user, secret = text[match.start(1) : match.end(1)], text[match.start(3) : match.end(3)].rstrip(".!?")
        if user.lower() in ("http", "https") or secret[:1] in ("", "{", "[") or shapes.is_placeholder(secret) or shapes.is_status(secret) or shapes.is_status(user):
            continue
        if shapes.is_mixed(secret) and not _HOSTISH.fullmatch(secret) and not shapes.is_harmless(secret):
            yield Span(match.start(3), match.start(3) + len(secret), "password")


def bootstrap_spans(text: str) -> Iterator[Span]:
    """Yield kubeadm bootstrap tokens."""
    for match in _KUBEADM.finditer(text):
        body = match.group()
        if any(map(str.isdigit, body[7:])) and any(map(str.isalpha, body[7:])) and any(map(str.isdigit, body)):
            yield Span(match.start(), match.end(), "bootstrap_token")
