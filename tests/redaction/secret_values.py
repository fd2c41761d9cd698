"""Invented secrets in the formats their issuers document, with real checksums, from a seed.

Nothing here was ever valid: bodies come from a seeded generator at run time, so that no literal
in the repository looks like a live credential.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import string
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALNUM = UPPER + LOWER + DIGITS
BASE64URL = ALNUM + "-_"
HEX = DIGITS + "abcdef"
BASE32 = UPPER + "234567"

_WORDS = (
    "amber basket cactus dolphin ember falcon garnet harbor indigo juniper kettle lantern meadow "
    "nectar orchid pepper quartz ribbon saddle timber umbra velvet walnut yonder zephyr marble "
    "copper thistle bramble cobalt"
).split()


class Values:
    """Makes one secret of a kind after the other, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - invented values, not security

    def make(self, kind: str) -> str:
        """Return the next value of ``kind``: a method name here or a prefix format of ISSUED."""
        if kind in ISSUED:
            return ISSUED[kind](self)
        maker: Callable[[], str] = getattr(self, kind)
        return maker()

    def chars(self, alphabet: str, size: int) -> str:
        text = "".join(self._random.choices(alphabet, k=size))
        return text if size < 8 or any(c in DIGITS for c in text) else text[:-1] + "7"

    def password(self) -> str:
        shape = self._random.randrange(6)
        word = self._random.choice(_WORDS)
        number = self._random.randrange(10, 9999)
        if shape == 0:
            return f"{word.title()}{number}!"
        if shape == 1:
            return f"{word[:4]}-{self._random.choice(_WORDS)}-{number}"
        if shape == 2:
            return self.chars(ALNUM, 12)
        if shape == 3:
            return f"{word[0].upper()}{word[1:]}#{number}${self._random.choice(_WORDS)[:3]}"
        if shape == 4:
            return self.chars(ALNUM + "!#%^*_+", 16)
        return f"{word}{number}"

    def word_password(self) -> str:
        return self._random.choice(("swordfish", "letmein", "qwertyuiop", "trustno1", "iloveyou", "dragonfly", "monkeypaw", "sunshine", "opensesame"))

    def hard_password(self) -> str:
        """Signs that end a value in some notations, but not in quotes."""
        return self.chars(ALNUM, 5) + self._random.choice(("@", "/", ":", "#", "&", "!", "$", "%", "+", "=", "?")) + self.chars(ALNUM, 6)

    def url_password(self) -> str:
        return self.chars(ALNUM, 6) + self._random.choice(("@", "!", "%40", "$", "#x", "~", "*", "%2F")) + self.chars(ALNUM, 5)

    def spaced_passphrase(self) -> str:
        return " ".join(self._random.sample(_WORDS, 5))

    def mnemonic(self) -> str:
        return " ".join(self._random.sample(_WORDS, 12))

    def hex32(self) -> str:
        return self.chars(HEX, 32)

    def hex40(self) -> str:
        return self.chars(HEX, 40)

    def hex64(self) -> str:
        return self.chars(HEX, 64)

    def key24(self) -> str:
        return self.chars(ALNUM, 24)

    def key40(self) -> str:
        return self.chars(ALNUM, 40)

    def base64_44(self) -> str:
        return base64.b64encode(self._random.randbytes(32)).decode()

    def base64_88(self) -> str:
        return base64.b64encode(self._random.randbytes(64)).decode()

    def aws_secret(self) -> str:
        return self.chars(ALNUM + "/+", 40)

    def uuid(self) -> str:
        text = self.chars(HEX, 32)
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def otp(self) -> str:
        return self.chars(DIGITS, 6)

    def pin(self) -> str:
        return self.chars(DIGITS, 4)

    def cvv(self) -> str:
        return self.chars("123456789", 3)

    def app_words(self) -> str:
        return " ".join("".join(self._random.choices(LOWER, k=4)) for _ in range(4))

    def md5crypt(self) -> str:
        return f"$1${self.chars(ALNUM, 8)}${self.chars(ALNUM, 22)}"

    def apr1(self) -> str:
        return f"$apr1${self.chars(ALNUM, 8)}${self.chars(ALNUM, 22)}"

    def webhook_tail(self) -> str:
        return self.chars(BASE64URL, 68)

    def backup_code(self) -> str:
        return f"{self.chars(LOWER + DIGITS, 5)}-{self.chars(LOWER + DIGITS, 5)}"

    def totp_seed(self) -> str:
        return self.chars(BASE32, 32)

    def jwt(self) -> str:
        def part(raw: bytes) -> str:
            return base64.urlsafe_b64encode(raw).decode().rstrip("=")

        header = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        claims = part(json.dumps({"sub": self.chars(DIGITS, 6), "exp": 1900000000}).encode())
        return f"{header}.{claims}.{part(self._random.randbytes(32))}"

    def jwt_unsigned(self) -> str:
        return ".".join(self.jwt().split(".")[:2]) + "."

    def basic(self) -> str:
        return base64.b64encode(f"svc:{self.password()}".encode()).decode()

    def base64_password(self) -> str:
        return base64.b64encode(self.password().encode()).decode()

    def github_classic(self) -> str:
        body = self.chars(ALNUM, 30)
        checksum, out = zlib.crc32(body.encode()), ""
        while checksum:
            checksum, digit = divmod(checksum, 62)
            out = (DIGITS + UPPER + LOWER)[digit] + out
        return f"ghp_{body}{out.rjust(6, '0')}"

    def card(self) -> str:
        return self._luhn(self._random.choice(("4" + self.chars(DIGITS, 14), "5" + self._random.choice("12345") + self.chars(DIGITS, 13), "3" + "7" + self.chars(DIGITS, 12), "6011" + self.chars(DIGITS, 11))))

    def card_spaced(self) -> str:
        number = self._luhn("4" + self.chars(DIGITS, 14))
        return " ".join(number[i : i + 4] for i in range(0, 16, 4))

    def card_dashed(self) -> str:
        return self.card_spaced().replace(" ", "-")

    @staticmethod
    def _luhn(body: str) -> str:
        total = 0
        for position, digit in enumerate(reversed(body)):
            value = int(digit) * (2 if position % 2 == 0 else 1)
            total += value - 9 if value > 9 else value
        return body + str(-total % 10)

    def iban(self) -> str:
        country, size = self._random.choice((("DE", 18), ("FR", 23), ("ES", 20), ("NL", 14), ("GB", 18)))
        body = self.chars(DIGITS, size)
        if country == "NL":
            body = "ABNA" + self.chars(DIGITS, 10)
        if country == "GB":
            body = "NWBK" + self.chars(DIGITS, 14)
        number = int("".join(str(int(c, 36)) for c in f"{body}{country}00"))
        return f"{country}{98 - number % 97:02d}{body}"

    def iban_spaced(self) -> str:
        text = self.iban()
        return " ".join(text[i : i + 4] for i in range(0, len(text), 4))

    def ssn(self) -> str:
        return f"{self._random.randrange(101, 665)}-{self._random.randrange(11, 99)}-{self._random.randrange(1001, 9999)}"

    def email(self) -> str:
        first, last = self._random.sample(_WORDS, 2)
        return f"{first}.{last}{self._random.randrange(99)}@{self._random.choice(('example.com', 'mail.example.org', 'example.co.uk'))}"

    def phone(self) -> str:
        return self._random.choice((f"+1 415 555 {self.chars(DIGITS, 4)}", f"+49 30 {self.chars(DIGITS, 8)}", f"+1-202-555-{self.chars(DIGITS, 4)}", f"+4420794{self.chars(DIGITS, 5)}"))

    def national_phone(self) -> str:
        return f"(415) 555-{self.chars(DIGITS, 4)}"

    def pem_body(self) -> str:
        raw = base64.b64encode(self._random.randbytes(288)).decode()
        return "\n".join(raw[i : i + 64] for i in range(0, len(raw), 64))

    def bcrypt(self) -> str:
        return f"$2b$12${self.chars(ALNUM + './', 53)}"

    def argon2(self) -> str:
        return f"$argon2id$v=19$m=65536,t=3,p=4${self.chars(ALNUM, 22)}${self.chars(ALNUM, 43)}"

    def sha512crypt(self) -> str:
        return f"$6${self.chars(ALNUM, 8)}${self.chars(ALNUM + './', 86)}"

    def django_hash(self) -> str:
        return f"pbkdf2_sha256$600000${self.chars(ALNUM, 22)}${base64.b64encode(hashlib.sha256(self.chars(ALNUM, 9).encode()).digest()).decode()}"

    def cookie(self) -> str:
        return self.chars(BASE64URL, 32)

    def openai_project(self) -> str:
        return f"sk-proj-{self.chars(BASE64URL, 74)}T3BlbkFJ{self.chars(BASE64URL, 74)}"


def _prefix(prefix: str, alphabet: str, size: int) -> Callable[[Values], str]:
    return lambda values: prefix + values.chars(alphabet, size)


ISSUED: dict[str, Callable[[Values], str]] = {
    "aws_id": _prefix("AKIA", BASE32, 16),
    "aws_temporary_id": _prefix("ASIA", BASE32, 16),
    "google_api": _prefix("AIza", BASE64URL, 35),
    "google_oauth": _prefix("ya29.", BASE64URL, 120),
    "google_secret": _prefix("GOCSPX-", BASE64URL, 28),
    "azure_client": lambda v: f"{v.chars(ALNUM, 3)}8Q~{v.chars(ALNUM + '-_.~', 34)}",
    "github_fine": lambda v: f"github_pat_{v.chars(ALNUM, 22)}_{v.chars(ALNUM, 59)}",
    "github_server": _prefix("ghs_", ALNUM, 36),
    "gitlab": _prefix("glpat-", BASE64URL, 20),
    "gitlab_runner": _prefix("glrt-", BASE64URL, 20),
    "npm": _prefix("npm_", ALNUM, 36),
    "pypi": _prefix("pypi-AgEIcHlwaS5vcmc", BASE64URL, 150),
    "docker": _prefix("dckr_pat_", BASE64URL, 27),
    "openai": _prefix("sk-", ALNUM, 48),
    "anthropic": lambda v: f"sk-ant-api03-{v.chars(BASE64URL, 93)}AA",
    "openrouter": _prefix("sk-or-v1-", HEX, 64),
    "groq": _prefix("gsk_", ALNUM, 52),
    "fireworks": _prefix("fw_", ALNUM, 24),
    "huggingface": _prefix("hf_", ALNUM, 34),
    "replicate": _prefix("r8_", ALNUM, 37),
    "xai": _prefix("xai-", ALNUM, 80),
    "perplexity": _prefix("pplx-", HEX, 48),
    "slack_bot": lambda v: f"xoxb-{v.chars(DIGITS, 12)}-{v.chars(DIGITS, 13)}-{v.chars(ALNUM, 24)}",
    "slack_app": lambda v: f"xapp-1-A{v.chars(UPPER + DIGITS, 10)}-{v.chars(DIGITS, 13)}-{v.chars(HEX, 64)}",
    "slack_webhook_path": lambda v: f"T{v.chars(UPPER + DIGITS, 10)}/B{v.chars(UPPER + DIGITS, 10)}/{v.chars(ALNUM, 24)}",
    "stripe_live": _prefix("sk_live_", ALNUM, 24),
    "stripe_restricted": _prefix("rk_live_", ALNUM, 24),
    "stripe_webhook": _prefix("whsec_", ALNUM, 32),
    "sendgrid": lambda v: f"SG.{v.chars(BASE64URL, 22)}.{v.chars(BASE64URL, 43)}",
    "twilio_key": _prefix("SK", HEX, 32),
    "mailgun": _prefix("key-", HEX, 32),
    "mailchimp": lambda v: f"{v.chars(HEX, 32)}-us14",
    "telegram": lambda v: f"{v.chars('123456789', 10)}:AA{v.chars(BASE64URL, 33)}",
    "discord": lambda v: f"MTA{v.chars(ALNUM, 21)}.{v.chars(ALNUM, 6)}.{v.chars(BASE64URL, 38)}",
    "vault": _prefix("hvs.", ALNUM, 24),
    "doppler": _prefix("dp.pt.", ALNUM, 43),
    "grafana": lambda v: f"glsa_{v.chars(ALNUM, 32)}_{v.chars(HEX, 8)}",
    "newrelic": _prefix("NRAK-", UPPER + DIGITS, 27),
    "databricks": _prefix("dapi", HEX, 32),
    "tailscale": lambda v: f"tskey-auth-{v.chars(ALNUM, 16)}-{v.chars(ALNUM, 32)}",
    "shopify": _prefix("shpat_", HEX, 32),
    "digitalocean": _prefix("dop_v1_", HEX, 64),
    "linear": _prefix("lin_api_", ALNUM, 40),
    "postman": lambda v: f"PMAK-{v.chars(HEX, 24)}-{v.chars(HEX, 34)}",
    "airtable": lambda v: f"pat{v.chars(ALNUM, 14)}.{v.chars(HEX, 64)}",
    "atlassian": _prefix("ATATT3xFfGF0", BASE64URL, 180),
    "terraform": lambda v: f"{v.chars(ALNUM, 14)}.atlasv1.{v.chars(ALNUM, 67)}",
    "age": _prefix("AGE-SECRET-KEY-1", UPPER + DIGITS, 58),
    "swarm": lambda v: f"SWMTKN-1-{v.chars(LOWER + DIGITS, 50)}-{v.chars(LOWER + DIGITS, 25)}",
    "openshift": _prefix("sha256~", BASE64URL, 43),
    "fernet": _prefix("gAAAAABl", BASE64URL, 92),
    "paseto": _prefix("v4.local.", BASE64URL, 100),
    "kubeadm": lambda v: f"{v.chars(LOWER + DIGITS, 6)}.{v.chars(LOWER + DIGITS, 16)}",
}
