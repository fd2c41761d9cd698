"""Secrets that programs take on their command line, keep in their files or print, by program.

A table: what has to be in the text, the pattern, the rule. Every group that matched is a secret,
unless it only stands for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fm_otel.redaction.pattern_table import compiled, spans_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fm_otel.redaction.spans import Span

# An argument: in quotes, then with spaces, or bare.
_ARG: Final = r"(?:\"([^\"\n]{3,256})\"|'([^'\n]{3,256})'|([^\s\"'|;&<>-][^\s\"'|;&<>]{2,255}))"
_PROGRAMS: Final = compiled((
    # Databases and brokers.
    (("userlist",), r"(?:^|\n)\"[\w.-]{1,64}\" \"([^\"\n]{3,256})\"", "password"),
    (("UserPassword(",), (
        r"UserPassword\(\s{0,4}[\"'][^\"'\n]{1,128}[\"'],\s{0,4}[\"']([^\"'\n]{1,256})[\"']"
    ), "password"),
    (("DENTIFIED BY ", "dentified by "), (
        r"(?i:\b(?:user|role|to|alter|grant) [^\n;]{1,160}?identified by )"
        r"(?!values|externally|globally|password|random|using)([A-Za-z_]\w{3,64})(?=[\s;]|\Z)"
    ), "password"),
    (("rman ", "sqlplus ", "catalog "), (
        r"\b(?:target|catalog|sqlplus) [A-Za-z]\w{0,30}/([^\s/@\"']{3,64})@"
    ), "password"),
    (("PASSWORD", "assword"), (
        r"(?i:set password (?:for [^\s=]{1,80} )?= ?(?:password\()?)'([^'\n]{1,256})'"
    ), "password"),
    (("hmac.new(",), r"hmac\.new\(\s{0,4}(?:key=)?b?[\"']([^\"'\n]{6,256})[\"']", "secret"),
    (("erlang.cookie", "ERLANG_COOKIE"), (
        r"(?i:erlang[._]cookie)[^\n]{0,24}[:=] ?([A-Z0-9]{16,40})(?!\w)"
    ), "cookie"),
    (("BEGIN ",), (
        r"-----BEGIN (?:OpenVPN (?:Static|tls-crypt-v2 \w{4,8}) key(?: V\d)?"
        r"|(?:USER|ACCOUNT|OPERATOR|SERVER) NKEY SEED)-----\s{1,4}"
        r"([A-Za-z0-9+/=\s]{16,4096}?)\s{0,4}-{5,6}END"
    ), "private_key"),
    (("mysqladmin ",), r"mysqladmin [^\n|;&]{0,80} password [\"']?([^\s\"']{3,128})", "password"),
    (("DB2 ", "db2 "), r"(?i:\buser \S{1,64} using) ([^\s;\"']{4,128})", "password"),
    (("iscsiadm",), r"auth\.password(?:_in)? -v ([^\s\"']{4,256})", "password"),
    # Transfers, packages, images.
    (("lftp ",), r"lftp [^\n|;&]{0,120}-u [\w.@-]{1,64},([^\s\"']{3,256})", "password"),
    (("config set ",), (
        r"(?:yarn|npm|pnpm) config set (?:--?\w{1,12} )?\S{0,120}"
        r"(?:[Aa]uth|[Tt]oken|[Pp]assword)\S{0,20}[ =]" + _ARG
    ), "token"),
    (("http-basic",), (
        r"composer config [^\n]{0,40}?http-basic\.\S{1,200} \S{1,64} (\S{3,256})"
    ), "password"),
    (("bundle config",), (
        r"bundle config (?:set )?(?:--\w{1,12} ){0,2}[\w-]{1,80}"
        r"(?:\.[\w-]{1,80}){1,6} [\w.-]{1,64}:(\S{3,256})"
    ), "password"),
    (("poetry config ",), r"poetry config http-basic\.\S{1,200} \S{1,64} " + _ARG, "password"),
    (("-creds",), r"--(?:src-|dest-)?creds[ =][\w.@-]{1,64}:([^\s\"']{3,256})", "password"),
    (("rtmp",), r"rtmps?://[^\s/]{1,200}/(?:[\w-]{1,40}/){1,2}([A-Za-z0-9_-]{12,128})", "secret"),
    (("PlainAuth(", "CRAMMD5Auth("), (
        r"(?:PlainAuth|CRAMMD5Auth)\((?:\"[^\"\n]{0,80}\", ?){1,2}\"([^\"\n]{3,256})\""
    ), "password"),
    # Vaults and keys.
    (("operator unseal ",), (
        r"operator unseal (?:-[\w=.:/-]{1,80} )?([A-Za-z0-9+/]{40,64}={0,2})"
    ), "secret"),
    (("openssl enc",), r"openssl enc [^\n|;&]{0,300}? -k " + _ARG, "password"),
    (("oathtool ",), r"oathtool [^\n|;&]{0,80}?([A-Z2-7]{16,64})(?!\w)", "otp"),
    (("icinga2 ",), r"icinga2 pki [^\n|;&]{0,200}?--ticket ([0-9a-f]{32,64})", "token"),
    (("kv put ", "etcdctl put "), (
        r"(?:consul kv|etcdctl) put \S{0,200}(?:passw|secret|token|_key|cred)\w{0,20} [\"']?"
        r"([^\s\"']{3,512})"
    ), "password"),
    (("LMK ",), r"\bLMK [UTXRS]?([0-9A-F]{32,48})(?![0-9A-F])", "secret"),
    (("pulumi config set ",), (
        r"pulumi config set (?:--\w{1,12} ){0,2}--secret (?:--\w{1,12} ){0,2}\S{1,80} " + _ARG
    ), "secret"),
    (("assphrase for ", "ass phrase for "), (
        r"Enter pass ?phrase for (?:key )?[^\n:]{1,200}: ([^\n]{4,128})(?=\n|\Z)"
    ), "password"),
    # Directories and accounts.
    (("chpasswd:",), (
        r"chpasswd:[^\n]{0,20}\n(?:[ \t]+[^\n]{0,40}\n){0,3}?[ \t]{2,20}[\w-]{1,32}:"
        r"([^\s:]{4,128})(?=\n|\Z)"
    ), "password"),
    (("ldappasswd ", "slappasswd "), (
        r"(?:ldap|slap)passwd [^\n|;&]{0,300}?-s " + _ARG
    ), "password"),
    (("htpasswd -",), r"htpasswd -\w{0,4}n\w{0,4} [^\s:]{1,64} " + _ARG, "password"),
    (("bindpw ", "rootpw ", "password ", "passwd "), (
        r"(?:^|\n)[ \t]{0,20}(?:bindpw|rootpw|rootbindpw|password|passwd) "
        r"([^\s\"';{]{3,255}[^\s\"';{.,:])[ \t]{0,4}(?=\n|\Z)"
    ), "password"),
    (("user '", 'user "'), (
        r"user [\"'][^\"'\n]{1,64}[\"'] (?:there )?(?:with )?password [\"']"
        r"([^\"'\n]{3,256})[\"']"
    ), "password"),
    (("AuthInfo:",), r"AuthInfo:[^\n]{0,200}?\"P:([^\"\n]{1,256})\"", "password"),
    (("doveadm pw ",), r"doveadm pw [^\n|;&]{0,80}?-p " + _ARG, "password"),
    (("PLAIN\t",), r"PLAIN\t[^\n]{0,300}?\bresp=([A-Za-z0-9+/]{8,512}={0,2})", "credentials"),
    (("SASL ",), (
        r"SASL (?:PLAIN|LOGIN) authentication failed: ([A-Za-z0-9+/]{12,512}={0,2})"
    ), "credentials"),
    (("remember-me=", "rememberMe="), r"remember-?[mM]e=([A-Za-z0-9+/=%_.-]{16,1024})", "cookie"),
    (("oauth_signature=",), r"oauth_signature=\"([^\"\n]{8,512})\"", "authorization"),
    # Tunnels, radio, network devices.
    ((": EAP ", ": PSK ", ": XAUTH "), r": (?:EAP|PSK|XAUTH) \"([^\"\n]{3,256})\"", "password"),
    (("p-secrets",), (
        r"(?:chap|pap)-secrets[^\n]{0,4}\s{1,4}\S{1,64}\s{1,8}\S{1,64}\s{1,8}([^\s\"']{3,128})\s"
    ), "password"),
    (("wpa_passphrase ",), (
        r"wpa_passphrase (?:\"[^\"\n]{1,32}\"|'[^'\n]{1,32}'|\S{1,32}) " + _ARG
    ), "password"),
    (("uci set wireless",), r"uci set wireless\.\S{1,60}\.key=" + _ARG, "password"),
    (("neighbor ",), r"neighbor \S{1,64} password (?:[0-9] )?(\S{3,128})", "password"),
    (("message-digest-key ", "authentication-key "), (
        r"(?:message-digest|authentication)-key \d{1,5} (?:md5|sha\d{0,3}|hmac-sha\S{1,8}) "
        r"(?:[0-9] )?(\S{3,128})"
    ), "password"),
    (("snmp",), (
        r"snmp(?:walk|get|bulkwalk|set|table|trap|status)\w{0,6} [^\n|;&]{0,120}?-(?:c) "
        r"([^\s\"'-][^\s\"']{2,128})"
    ), "password"),
    (("snmp",), (
        r"snmp\w{2,10} [^\n|;&]{0,160}? -A " + _ARG + r"(?:[^\n|;&]{0,60}? -X " + _ARG + ")?"
    ), "password"),
    (("set passw",), (
        r"set passw(?:or)?d (?:ENC )?(?!is\b|to\b|for\b|in\b)([^\s\"']{4,256})[ \t]{0,4}"
        r"(?=\n|\Z)"
    ), "password"),
    (("cipher ",), r"password (?:irreversible-)?cipher (\S{4,128})", "password"),
    (('password "', "password '"), r"password [\"']([^\"'\n]{4,128})[\"'];", "password"),
    (("opc=", "ki="), r"\b(?:ki|opc?|k4)=([0-9A-Fa-f]{32})(?![0-9A-Fa-f])", "secret"),
    (("voicemail",), r"(?:^|\s)\d{2,8} => (\d{3,12}),", "pin"),
    # Development.
    (("jwt.encode(", "jwt.decode("), (
        r"jwt\.(?:en|de)code\([^()\n]{1,200}?, ?(?:key ?= ?)?b?[\"']([^\"'\n]{6,512})[\"']"
    ), "secret"),
    (("Evaluating: ",), (
        r"Evaluating: (?:env|secrets|inputs)\.\w{0,60}"
        r"(?:TOKEN|SECRET|PASSW\w{0,4}|KEY|token|secret|passw\w{0,4}|key)\s[^\n]{0,80}"
        r"(?:=>|Result:) '([^'\n]{4,1024})'"
    ), "token"),
    (("proceed to installation",), (
        r"proceed to installation:?\s{1,4}(?:[\d:]{5,8}\s{1,4}){0,4}([0-9a-f]{32})(?![0-9a-f])"
    ), "password"),
    (("'crypt'",), r"'crypt' => \[\s{1,8}'key' => '([0-9a-f]{32})'", "secret"),
    (("process.env.", "os.environ", "getenv("), (
        r"(?:process\.env\.|os\.environ\[['\"]|getenv\(['\"])\w{0,40}"
        r"(?:SECRET|TOKEN|PASS|PASSWORD|KEY)['\")\]]{0,3}\n['\"]([^'\"\n]{6,512})['\"]"
    ), "secret"),
    # Monitoring.
    (("reset-admin-password ",), r"reset-admin-password " + _ARG, "password"),
    (("New value: ",), r"reset[^\n]{0,20}\n?New value: (\S{8,128})", "password"),
    (("-auth ",), r" -auth [\w.@-]{1,64}:([^\s\"']{3,256})", "password"),
    (("plugins/check_",), r"plugins/check_\w{1,30} [^\n|;&]{0,200}? -p " + _ARG, "password"),
    (("with value of type ",), (
        r"Found key '[^'\n]{0,120}(?:passw|secret|token|key|cred)[^'\n]{0,60}' "
        r"[^\n]{0,200}? with value of type \w{1,40}: (\S{3,512})"
    ), "password"),
    (("express:session ",), (
        r"express:session (?:fetching|saving|destroying|touching) ([\w-]{16,128})"
    ), "cookie"),
    (('" "otp:', '" "token:', '" "session:'), (
        r"\"(?:P?SETEX|SET)\" \"[^\"\n]{1,200}\" (?:\"\d{1,10}\" )?\"([^\"\n]{4,512})\""
    ), "secret"),
    # Windows.
    (("cmdkey ", "net use"), r"/pass:" + _ARG, "password"),
    (("schtasks ",), r"schtasks [^\n|&]{0,400}? /rp " + _ARG, "password"),
    (("Key Content",), r"Key Content {1,20}: (\S[^\n]{2,63})", "password"),
    (("REG_SZ", "REG_BINARY"), (
        r"Password[ \t]{1,20}REG_(?:SZ|BINARY)[ \t]{1,20}(\S[^\n]{0,127})"
    ), "password"),
    (("<Value>",), (
        r"<(?:Administrator)?Password>\s{0,40}<Value>([^<>\n]{1,256})</Value>"
    ), "password"),
    (("/p:",), r" /p:(?:\"([^\"\n]{3,128})\"|'([^'\n]{3,128})')", "password"),
    (("rasdial ",), (
        r"rasdial (?:\"[^\"\n]{1,64}\"|\S{1,64}) [^\s/]{1,64} ([^\s/\"']{4,128})"
    ), "password"),
    (("/ipk ",), r"/ipk ([A-Z0-9]{5}(?:-[A-Z0-9]{5}){4})", "secret"),
    (("setx ",), (
        r"(?i:setx) \w{0,60}(?:TOKEN|SECRET|PASS|PASSWORD|PWD|KEY|PAT) " + _ARG
    ), "token"),
))
LITERALS: Final = _PROGRAMS.literals
"""What has to be in a text with one of these, as it is written."""
WORDS: Final = (
    "composer config", "bundle config", "]:587 ", "]:465 ", "]:25 ", "]:2525 ", "voicemail",
    "rasdial ", "db2 ", " lmk ", "opc=", "jwt.encode(", "sasl ", "/ipk ", "setx ",
    "proceed to installation",
)  # fmt: skip
TOOLS: Final = (
    "rman ", "lftp ", "oathtool", "icinga2", "snmp", "schtasks", "/p:", "uci set", ": eap ",
    "userlist",
)  # fmt: skip


def program_spans(text: str) -> Iterator[Span]:
    """Yield secrets that a known program was given or printed."""
    return spans_in(_PROGRAMS, text)
