"""Tell from a key name whether its value is secret.

A name is split into words; the sensitive word has to be the head noun. ``api_key`` and
``newPassword`` are sensitive, ``token_count``, ``primary_key`` and ``password_policy`` are not.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final, NamedTuple


class Tier(IntEnum):
    """How much the key alone says about its value."""

    NONE = 0
    HINT = 1
    WEAK = 2
    SECRET = 3
    PASSWORD = 4


class KeyClass(NamedTuple):
    """What a key name says: the rule that names its value, and how sure it is."""

    rule: str
    tier: Tier


NOT_SECRET: Final = KeyClass("", Tier.NONE)

_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+")

# Words that may follow the head noun without changing what the value is.
_TRANSPARENT: Final = frozenset(
    "value val raw plain plaintext cleartext old new current previous prev confirm confirmation "
    "confirmed again repeat verify prod production dev development staging stage test qa uat live "
    "sandbox local default base64 b64 b64e encoded str string text primary secondary primarykey "
    "main backup temp temporary tmp final v real actual prd stg override here "
    "eu us ro rw json b".split()
)
# Words before the head noun that make it harmless.
_HARMLESS_BEFORE: Final = frozenset(
    "page next nextpage continuation continue pagination cursor sync cancellation cancel "
    "unexpected prompt completion input output stop eos bos pad padding mask unk unknown "
    "special syntax lexer start end has is have use uses using require requires required needs "
    "need num max min total no allow enable enabled disable show hide forgot invalid missing bad "
    "wrong empty expired lost per resume watch without non single-use duplicate total_ count "
    "label placeholder hint tooltip caption i18n change_ fencing barrier reasoning "
    "last_valid illegal reserved public starting idempotency lock change".split()
)
# In the middle of a password's name: what went wrong with it, not what it is.
_SAYS_NOT: Final = frozenset(
    "invalid missing wrong forgot forgotten incorrect bad empty expired weak mismatched".split()
)
_PASSWORD: Final = frozenset(
    "password passwords passwd pwd passphrase passcode passwort kennwort motdepasse contrasena "
    "contraseña senha wachtwoord haslo hasło heslo jelszo jelszó losenord lösenord passord "
    "adgangskode salasana parola sifre şifre пароль пароля паролем паролю 密码 密碼 口令 "
    "パスワード 暗証番号 "
    "비밀번호 비번 암호 סיסמה पासवर्ड mdp passw pswd passwrd pword passwords contraseñas "
    "pass_phrase "
    "κωδικός رمز рассворд พาสเวิร์ด รหัสผ่าน geslo lozinka лозинка parool slaptažodis пароли 暗号 "
    "パスフレーズ storepass keypass requirepass masterauth sshpass dbpass userpass rootpass "
    "pgpass psk "
    "preshared presharedkey bindpw rootpw adminpw userpw secretphrase dbpw authtok psw pasword "
    "paswd passowrd passwrod passwerd pswrd pasw passw".split()
)
_PASSWORD_ENDINGS: Final = (
    "password", "passwd", "passphrase", "passwort", "storepass", "keypass", "kennwort",
    "wachtwoord", "passcode", "psk", "密码", "密碼", "口令", "パスワード", "비밀번호", "암호",
)
_PASS_OWNERS: Final = frozenset(
    "db database user usr smtp ftp mysql pg postgres postgresql redis ssh admin root sudo become "
    "basic auth http https proxy mail email ldap bind login app rabbitmq mongo mongodb mariadb "
    "oracle jdbc imap pop keystore truststore store key cert ssl tls service svc account acct "
    "registry docker git nexus jenkins sftp wifi wpa vpn master backup api client test "
    "my the your his her initial default temp".split()
)  # fmt: skip
_KEY_OWNERS: Final = frozenset(
    "api access secret private signing sign encryption encrypt decryption master account shared "
    "deploy app application auth storage webhook hmac aes jwt ssh cookie preshared integration "
    "ingest ingestion ingress write admin rpc license instrumentation consumer client crypto "
    "openai anthropic stripe sendgrid mailgun twilio datadog dd newrelic segment algolia groq "
    "mistral cohere deepseek huggingface fireworks together openrouter replicate pinecone "
    "elevenlabs serper tavily google gemini maps azure aws gcp do linode cloudflare github "
    "gitlab slack discord sentry posthog mixpanel amplitude honeycomb grafana pagerduty opsgenie "
    "launchdarkly sas function functions host service services cosmos subscription ocp apim "
    "session server fernet flask django rails base unseal recovery root wallet sdk llm vllm "
    "model provider priv publishable seed data_encryption kek dek postmark resend notion "
    "airtable linear signature validation supabase anon vercel netlify heroku render weather "
    "rapidapi shodan virustotal vt".split()
)
_STRONG_KEY_OWNERS: Final = frozenset(
    "api access secret private signing encryption decryption master shared hmac preshared "
    "webhook aes fernet jwt unseal priv".split()
)
_KEY_NOT: Final = frozenset(
    "public pub cache primary foreign partition sort routing object idempotency row hash map "
    "dict index lookup unique composite natural surrogate bucket s3 redis hot any missing dedup "
    "sharding shard group range config message msg translation i18n field name arrow enter esc "
    "duplicate column candidate restore file blob storage document asset media upload path image "
    "folder item record entity event job task node content metadata artifact dedupe "
    "deduplication lock from for with by of in to on or and".split()
)
_TOKEN_WORDS: Final = frozenset(
    "token jeton токен 令牌 トークン 토큰 accesstoken authtoken bottoken refreshtoken apitoken "
    "idtoken csrftoken sessiontoken authtoken xsrftoken devicetoken authenticitytoken".split()
)
_SECRET_WORDS: Final = frozenset(
    "secret secrets clientsecret secretkey секрет 秘密 シークレット 시크릿 密钥 密鑰 "
    "secretaccesskey geheimnis secreto segredo".split()
)
_KEY_WORDS: Final = frozenset(
    "apikey accesskey privatekey signingkey encryptionkey masterkey accountkey "
    "sharedaccesskey secretaccesskey authkey deploykey apikeys sharedkey appkey licensekey "
    "api키 apiキー privkey".split()
)
_AUTH_OWNERS: Final = frozenset(
    "pass redis basic master requirepass registry proxy rediscli".split()
)
_CREDENTIALS: Final = frozenset("credential credentials cred creds zugangsdaten".split())
_OTHER: Final = {
    "authorization": KeyClass("authorization", Tier.SECRET),
    "cookie": KeyClass("cookie", Tier.SECRET),
    "cookies": KeyClass("cookie", Tier.SECRET),
    "bearer": KeyClass("token", Tier.SECRET),
    "jwt": KeyClass("token", Tier.SECRET),
    "dsn": KeyClass("connection_string", Tier.WEAK),
    "mnemonic": KeyClass("seed_phrase", Tier.SECRET),
    "pin": KeyClass("pin", Tier.WEAK),
    "otp": KeyClass("otp", Tier.WEAK),
    "totp": KeyClass("otp", Tier.WEAK),
    "cvv": KeyClass("card_code", Tier.SECRET),
    "cvc": KeyClass("card_code", Tier.SECRET),
    "cvv2": KeyClass("card_code", Tier.SECRET),
    "cvc2": KeyClass("card_code", Tier.SECRET),
    "prüfziffer": KeyClass("card_code", Tier.SECRET),
    "kartenprüfnummer": KeyClass("card_code", Tier.SECRET),
    "cryptogramme": KeyClass("card_code", Tier.SECRET),
    "ssn": KeyClass("ssn", Tier.SECRET),
    "connectionstring": KeyClass("connection_string", Tier.WEAK),
    "connstr": KeyClass("connection_string", Tier.WEAK),
    "signature": KeyClass("signature", Tier.NONE),
    "pw": KeyClass("password", Tier.PASSWORD),
    "iban": KeyClass("iban", Tier.SECRET),
    "assertion": KeyClass("token", Tier.WEAK),
    "samlresponse": KeyClass("token", Tier.SECRET),
    "seed": KeyClass("seed_phrase", Tier.WEAK),
    "salt": KeyClass("secret", Tier.WEAK),
    "fernet": KeyClass("api_key", Tier.HINT),
    "hmac": KeyClass("secret", Tier.WEAK),
    "clave": KeyClass("password", Tier.PASSWORD),
    "nonce": NOT_SECRET,
    "jsessionid": KeyClass("cookie", Tier.WEAK),
    "phpsessid": KeyClass("cookie", Tier.WEAK),
    "sessid": KeyClass("cookie", Tier.WEAK),
    "email": KeyClass("email", Tier.NONE),
    "csrf": KeyClass("token", Tier.WEAK),
    "xsrf": KeyClass("token", Tier.WEAK),
}
_PAIRS: Final = {
    ("connection", "string"): KeyClass("connection_string", Tier.WEAK),
    ("conn", "str"): KeyClass("connection_string", Tier.WEAK),
    ("conn", "string"): KeyClass("connection_string", Tier.WEAK),
    ("database", "url"): KeyClass("connection_string", Tier.NONE),
    ("security", "code"): KeyClass("card_code", Tier.WEAK),
    ("verification", "code"): KeyClass("otp", Tier.WEAK),
    ("recovery", "code"): KeyClass("otp", Tier.WEAK),
    ("backup", "code"): KeyClass("otp", Tier.WEAK),
    ("backup", "codes"): KeyClass("otp", Tier.WEAK),
    ("recovery", "codes"): KeyClass("otp", Tier.WEAK),
    ("sonar", "login"): KeyClass("token", Tier.WEAK),
    ("ключ", "api"): KeyClass("api_key", Tier.SECRET),
    ("auth", "code"): KeyClass("otp", Tier.WEAK),
    ("connect", "sid"): KeyClass("cookie", Tier.WEAK),
    ("bind", "credentials"): KeyClass("password", Tier.PASSWORD),
    ("reset", "code"): KeyClass("otp", Tier.WEAK),
    ("access", "code"): KeyClass("otp", Tier.WEAK),
    ("confirm", "code"): KeyClass("otp", Tier.WEAK),
    ("confirmation", "code"): KeyClass("otp", Tier.WEAK),
    ("invite", "code"): KeyClass("otp", Tier.WEAK),
    ("activation", "code"): KeyClass("otp", Tier.WEAK),
    ("authorization", "code"): KeyClass("token", Tier.WEAK),
    ("time", "code"): KeyClass("otp", Tier.WEAK),
    ("factor", "code"): KeyClass("otp", Tier.WEAK),
    ("security", "answer"): KeyClass("secret", Tier.PASSWORD),
    ("secret", "answer"): KeyClass("secret", Tier.PASSWORD),
    ("login", "code"): KeyClass("otp", Tier.WEAK),
    ("mfa", "code"): KeyClass("otp", Tier.WEAK),
    ("2fa", "code"): KeyClass("otp", Tier.WEAK),
    ("fa", "code"): KeyClass("otp", Tier.WEAK),
    ("otp", "code"): KeyClass("otp", Tier.WEAK),
    ("sms", "code"): KeyClass("otp", Tier.WEAK),
    ("pin", "code"): KeyClass("pin", Tier.WEAK),
    ("card", "number"): KeyClass("card", Tier.SECRET),
    ("card", "no"): KeyClass("card", Tier.SECRET),
    ("card", "num"): KeyClass("card", Tier.SECRET),
    ("account", "number"): NOT_SECRET,
    ("credit", "card"): KeyClass("card", Tier.SECRET),
    ("creditcard", "number"): KeyClass("card", Tier.SECRET),
    ("seed", "phrase"): KeyClass("seed_phrase", Tier.PASSWORD),
    ("recovery", "phrase"): KeyClass("seed_phrase", Tier.PASSWORD),
    ("mnemonic", "phrase"): KeyClass("seed_phrase", Tier.PASSWORD),
    ("pass", "phrase"): KeyClass("password", Tier.PASSWORD),
    ("pass", "code"): KeyClass("password", Tier.PASSWORD),
    ("pass", "word"): KeyClass("password", Tier.PASSWORD),
    ("amz", "credential"): NOT_SECRET,
    ("goog", "credential"): NOT_SECRET,
    ("oss", "credential"): NOT_SECRET,
    ("routing", "key"): KeyClass("api_key", Tier.WEAK),
    ("magic", "link"): NOT_SECRET,
    ("de", "passe"): KeyClass("password", Tier.PASSWORD),
    ("mật", "khẩu"): KeyClass("password", Tier.PASSWORD),
    ("kata", "sandi"): KeyClass("password", Tier.PASSWORD),
    ("api", "ключ"): KeyClass("api_key", Tier.SECRET),
    ("clé", "api"): KeyClass("api_key", Tier.SECRET),
    ("clave", "api"): KeyClass("api_key", Tier.SECRET),
    ("chave", "api"): KeyClass("api_key", Tier.SECRET),
    ("password", "hash"): KeyClass("password_hash", Tier.SECRET),
    ("passwd", "hash"): KeyClass("password_hash", Tier.SECRET),
    ("pwd", "hash"): KeyClass("password_hash", Tier.SECRET),
    ("password", "digest"): KeyClass("password_hash", Tier.SECRET),
    ("password", "salt"): KeyClass("secret", Tier.SECRET),
    ("key", "data"): KeyClass("private_key", Tier.WEAK),
    ("saml", "response"): KeyClass("token", Tier.SECRET),
    ("saml", "request"): KeyClass("token", Tier.WEAK),
    ("secret", "id"): KeyClass("secret", Tier.SECRET),
    ("device", "code"): KeyClass("token", Tier.WEAK),
    ("dsonar", "login"): KeyClass("token", Tier.WEAK),
    ("مفتاح", "api"): KeyClass("api_key", Tier.SECRET),
    ("api", "キー"): KeyClass("api_key", Tier.SECRET),
    ("api", "키"): KeyClass("api_key", Tier.SECRET),
    ("code", "verifier"): KeyClass("token", Tier.SECRET),
    ("رمز", "المرور"): KeyClass("password", Tier.PASSWORD),
    ("key", "base"): KeyClass("api_key", Tier.SECRET),
    ("x", "auth"): KeyClass("token", Tier.WEAK),
    ("key", "material"): KeyClass("private_key", Tier.PASSWORD),
    ("social", "security"): KeyClass("ssn", Tier.SECRET),
    ("security", "number"): KeyClass("ssn", Tier.SECRET),
    ("sas", "token"): KeyClass("token", Tier.SECRET),
    ("community", "string"): KeyClass("password", Tier.WEAK),
    ("كلمة", "المرور"): KeyClass("password", Tier.PASSWORD),
    ("كلمة", "السر"): KeyClass("password", Tier.PASSWORD),
}
_MEMO_SIZE: Final = 4096
_memo: dict[str, KeyClass] = {}


def words_of(name: str) -> list[str]:
    """Return the words of a key name in lower case: ``dbPassword_v2`` has four."""
    return [word.lower() for word in _WORD.findall(name)]


def classify(name: str) -> KeyClass:
    """Return what the key name says about its value; remembered, the memo is bounded."""
    known = _memo.get(name)
    if known is None:
        known = NOT_SECRET if "[REDACTED:" in name else _classify(name[:256])
        if len(_memo) >= _MEMO_SIZE:
            _memo.clear()
        _memo[name[:256]] = known
    return known


def _classify(name: str) -> KeyClass:
    if not name.isascii() and name.lower() in _PASSWORD:
        return KeyClass("password", Tier.PASSWORD)
    words = words_of(name)
    while len(words) > 1 and (words[-1] in _TRANSPARENT or words[-1].isdigit()):
        whole = _head(words)
        if whole.tier:
            return whole
        words.pop()
    return _head(words) if words else NOT_SECRET


def _head(words: list[str]) -> KeyClass:
    last = words[-1]
    before = words[-2] if len(words) > 1 else ""
    pair = _PAIRS.get((before, last))
    if pair is not None:
        return pair
    if last in _PASSWORD or last.endswith(_PASSWORD_ENDINGS):
        if words[0] in _HARMLESS_BEFORE or not _SAYS_NOT.isdisjoint(words[1:-1]):
            return NOT_SECRET
        return KeyClass("password", Tier.PASSWORD)
    if last == "pass":
        return KeyClass("password", Tier.PASSWORD if before in _PASS_OWNERS else Tier.WEAK)
    if last in _TOKEN_WORDS or (last.endswith("token") and len(last) > 8):
        return _unless_harmless(words, KeyClass("token", Tier.SECRET))
    if last in _SECRET_WORDS or last.endswith("secret"):
        return _unless_harmless(words, KeyClass("secret", Tier.SECRET))
    if last in ("key", "keys", "schlüssel", "ключ", "llave", "clé", "chave"):
        return _key(words, before)
    if last in _KEY_WORDS or last.endswith(("apikey", "accesskey", "secretkey", "privatekey")):
        rule = "private_key" if last.endswith("privatekey") else "api_key"
        return _unless_harmless(words, KeyClass(rule, Tier.SECRET))
    if last in _CREDENTIALS:
        return _unless_harmless(words, KeyClass("credentials", Tier.WEAK))
    if last == "info" and before == "user" and "auth" in words:
        return KeyClass("credentials", Tier.WEAK)
    if last == "auth" and before in _AUTH_OWNERS:
        return KeyClass("credentials", Tier.WEAK)
    if last.endswith("key") and len(last) > 6:
        return KeyClass("api_key", Tier.HINT)
    if last == "hash" and ("password" in words or "pw" in words):
        return KeyClass("password_hash", Tier.SECRET)
    if last == "password" or (before in ("hashed", "encrypted") and last == "password"):
        return KeyClass("password_hash", Tier.SECRET)
    return _OTHER.get(last, NOT_SECRET)


def _unless_harmless(words: list[str], found: KeyClass) -> KeyClass:
    return NOT_SECRET if any(word in _HARMLESS_BEFORE for word in words[:-1]) else found


def _key(words: list[str], before: str) -> KeyClass:
    if not before or before in ("the", "full", "new", "my", "your", "this", "hash"):
        return KeyClass("api_key", Tier.HINT)
    if before in _KEY_NOT or "public" in words or "pub" in words:
        return NOT_SECRET
    if before in _STRONG_KEY_OWNERS:
        rule = "private_key" if before in ("private", "priv") else "api_key"
        return _unless_harmless(words, KeyClass(rule, Tier.SECRET))
    if "secret" in words or "api" in words:
        return KeyClass("api_key", Tier.SECRET)
    if before in _KEY_OWNERS:
        return _unless_harmless(words, KeyClass("api_key", Tier.WEAK))
    return _unless_harmless(words, KeyClass("api_key", Tier.HINT))
