"""Read the adversary's rounds: templates in files, the secrets in them made at run time.

A template is one line, ``⏎`` a line break in it. ``<<kind>>`` is a secret made from a seed,
``<<=text>>`` a secret written out, ``<<%AB_[a-z0-9]{20}>>`` one made by that form and ``<<~text>>``
text that may go or stay. What stands between slots must stay, in order. A line may begin with ``@stack``, ``@json`` (a mapping) or ``@key``
(the text under that key).
"""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

from tests.redaction.corpus_lines import Line
from tests.redaction.secret_values import ALNUM, BASE64URL, DIGITS, HEX, LOWER, UPPER, Values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = Path(__file__).parent
_SLOT = re.compile(r"<<(?!<)(.+?)>>")
_CLASS = re.compile(r"\[([^]]+)\]\{(\d+)\}")

_HUMAN = (
    "Tr0ub4dor&3", "Sommer2024!", "P@ssw0rd123", "xK9#mQ2vLw", "correct-horse-battery", "S3cur3_P4ss",
    "Winter!sComing9", "qaz2WSX#edc", "n0rthw1nd", "Gl0rb_77_zz", "bluE.mOon.42", "Zx81*Spectrum",
    "m4ch1n3r00m", "0penS3same", "Pa$$phrase1", "kaTze%Hund5", "Ev3rgreen^Tree", "rattlesnake88", "vQ7~pLm2",
    "Aa1!Bb2@Cc3", "letmein2023", "dr4gonfru1t", "Hallo-Welt-99", "MyD0g$pot", "uN1c0rn+dust",
)


class Forms(Values):
    """More kinds of invented secrets; a tuple is what is shown and what must not appear."""

    def pw(self) -> str:
        return self._random.choice(_HUMAN)

    def plain_pw(self) -> str:
        return self.chars(LOWER, 5) + self.chars(DIGITS, 3) + self.chars(UPPER, 3) + self.chars(LOWER, 2)

    def rand16(self) -> str:
        return self.chars(ALNUM, 16)

    def rand20(self) -> str:
        return self.chars(ALNUM, 20)

    def rand32(self) -> str:
        return self.chars(ALNUM, 32)

    def urlsafe43(self) -> str:
        return self.chars(BASE64URL, 42) + "A"

    def azure_key(self) -> str:
        return base64.b64encode(self._random.randbytes(64)).decode()

    def sas_sig(self) -> str:
        return urllib.parse.quote(base64.b64encode(self._random.randbytes(32)).decode(), safe="")

    def aws_session(self) -> str:
        return "IQoJb3JpZ2luX2Vj" + self.chars(ALNUM + "/+", 260) + "=="

    def google_refresh(self) -> str:
        return "1//0" + self.chars(BASE64URL, 60)

    def url_encoded_pw(self) -> str:
        return urllib.parse.quote(self._random.choice(("p@ss:w/rd!7", "a#b?c&d9", "k%k k&1Zz", "geh€im#7")), safe="")

    def pem_escaped(self) -> tuple[str, tuple[str, ...]]:
        lines = self.pem_body().split("\n")
        return "\\n".join(lines), tuple(lines)

    def pem_double_escaped(self) -> tuple[str, tuple[str, ...]]:
        lines = self.pem_body().split("\n")
        return "\\\\n".join(lines), tuple(lines)

    def pem_one_line(self) -> tuple[str, tuple[str, ...]]:
        lines = self.pem_body().split("\n")
        return " ".join(lines), tuple(lines)

    def docker_auth(self) -> str:
        return base64.b64encode(f"ci-bot:{self.plain_pw()}".encode()).decode()

    def b64_json_credentials(self) -> str:
        body = {"username": "svc", "password": self.plain_pw(), "auth": self.docker_auth()}
        return base64.b64encode(json.dumps(body).encode()).decode()

    def b64_pem(self) -> str:
        text = f"-----BEGIN PRIVATE KEY-----\n{self.pem_body()}\n-----END PRIVATE KEY-----\n"
        return base64.b64encode(text.encode()).decode()

    def b64_dsn(self) -> str:
        return base64.b64encode(f"postgres://app:{self.plain_pw()}@db:5432/app".encode()).decode()

    def zero_width_github(self) -> tuple[str, tuple[str, ...]]:
        token = self.github_classic()
        return token[:9] + "\u200b" + token[9:], (token, token[9:], token[4:9] + "\u200b")

    def zero_width_aws(self) -> tuple[str, tuple[str, ...]]:
        token = self.make("aws_id")
        return token[:6] + "\u2060" + token[6:13] + "\ufeff" + token[13:], (token, token[6:13])

    def soft_hyphen_stripe(self) -> tuple[str, tuple[str, ...]]:
        token = self.make("stripe_live")
        return token[:14] + "\u00ad" + token[14:], (token, token[14:])

    def ansi_openai(self) -> tuple[str, tuple[str, ...]]:
        token = self.make("openai")
        return f"{token[:12]}\x1b[31m{token[12:]}\x1b[0m", (token, token[12:])

    def jwt_broken(self) -> tuple[str, tuple[str, ...]]:
        """A token that a terminal wrapped at 80 columns."""
        token = self.jwt()
        return token[:80] + "\n" + token[80:], (token[:80], token[80:])

    def rs_jwt(self) -> str:
        def part(raw: bytes) -> str:
            return base64.urlsafe_b64encode(raw).decode().rstrip("=")

        header = part(json.dumps({"kid": self.chars(HEX, 12), "alg": "RS256"}).encode())
        claims = part(json.dumps({"iss": "https://sso.example.com", "scope": "a b", "n": self.chars(ALNUM, 9)}).encode())
        return f"{header}.{claims}.{part(self._random.randbytes(256))}"

    def saml(self) -> str:
        text = f'<samlp:Response ID="_{self.chars(HEX, 32)}"><Assertion>{self.chars(ALNUM, 200)}</Assertion></samlp:Response>'
        return base64.b64encode(text.encode()).decode()

    def amex_spaced(self) -> str:
        number = self._luhn("37" + self.chars(DIGITS, 12))
        return f"{number[:4]} {number[4:10]} {number[10:]}"

    def iban_fr(self) -> str:
        return self._iban("FR", self.chars(DIGITS, 23))

    def iban_it(self) -> str:
        return self._iban("IT", self.chars(UPPER, 1) + self.chars(DIGITS, 22))

    def iban_gb_spaced(self) -> str:
        text = self._iban("GB", "NWBK" + self.chars(DIGITS, 14))
        return " ".join(text[i : i + 4] for i in range(0, len(text), 4))

    def _iban(self, country: str, body: str) -> str:
        number = int("".join(str(int(c, 36)) for c in f"{body}{country}00"))
        return f"{country}{98 - number % 97:02d}{body}"

    def ssn_spaced(self) -> str:
        return self.ssn().replace("-", " ")

    def e164(self) -> str:
        return self._random.choice((
            f"+33 6 {self.chars(DIGITS, 2)} {self.chars(DIGITS, 2)} {self.chars(DIGITS, 2)} {self.chars(DIGITS, 2)}",
            f"+4915{self.chars(DIGITS, 9)}", f"+1 (212) 555-{self.chars(DIGITS, 4)}", f"+55 11 9{self.chars(DIGITS, 4)}-{self.chars(DIGITS, 4)}",
            f"+91 98{self.chars(DIGITS, 3)} {self.chars(DIGITS, 5)}",
        ))

    def mail(self) -> str:
        user = self._random.choice(("j.doe", "maria+alerts", "o'connor", "li_wei", "first.last", "x"))
        host = self._random.choice(("corp.example", "mail.example.net", "sub.example.io", "example.museum", "EXAMPLE.COM"))
        return f"{user}{self.chars(DIGITS, 2)}@{host}"

    def mnemonic24(self) -> str:
        words = "abandon ability able about above absent absorb abstract zebra zero zone zoo wrap yard young wreck winter wish witness wolf" .split()
        return " ".join(self._random.choices(words, k=24))

    def htpasswd_sha(self) -> str:
        return "{SHA}" + base64.b64encode(self._random.randbytes(20)).decode()

    def ntlm(self) -> str:
        return f"{self.chars(HEX, 32)}:{self.chars(HEX, 32)}"

    def scram(self) -> str:
        salt, stored, server = (base64.b64encode(self._random.randbytes(n)).decode() for n in (16, 32, 32))
        return f"SCRAM-SHA-256$4096:{salt}${stored}:{server}"


def _prefix(prefix: str, alphabet: str, size: int) -> Callable[[Forms], str]:
    return lambda forms: prefix + forms.chars(alphabet, size)


MORE: dict[str, Callable[[Forms], str]] = {
    "figma": _prefix("figd_", BASE64URL, 40),
    "notion": _prefix("ntn_", ALNUM, 46),
    "sentry_user": _prefix("sntryu_", HEX, 64),
    "planetscale": _prefix("pscale_pw_", BASE64URL, 43),
    "square": _prefix("EAAAl", BASE64URL, 59),
    "heroku": _prefix("HRKU-AA", BASE64URL, 58),
    "nvidia": _prefix("nvapi-", BASE64URL, 64),
    "artifactory": _prefix("AKCp8", ALNUM, 68),
    "langsmith": lambda f: f"lsv2_pt_{f.chars(HEX, 32)}_{f.chars(HEX, 10)}",
    "cerebras": _prefix("csk-", LOWER + DIGITS, 48),
    "jina": _prefix("jina_", ALNUM, 60),
    "pinecone": lambda f: f"pcsk_{f.chars(ALNUM, 6)}_{f.chars(ALNUM, 60)}",
    "voyage": _prefix("pa-", BASE64URL, 43),
    "supabase": _prefix("sbp_", HEX, 40),
    "render": _prefix("rnd_", ALNUM, 28),
    "pulumi": _prefix("pul-", HEX, 40),
    "dynatrace": lambda f: f"dt0c01.{f.chars(UPPER + DIGITS, 24)}.{f.chars(UPPER + DIGITS, 64)}",
    "onepassword": _prefix("ops_eyJzaWduSW5BZGRyZXNzIjoi", ALNUM, 250),
    "gitlab_deploy": _prefix("gldt-", BASE64URL, 20),
    "gitlab_ci_job": lambda f: f"glcbt-64_{f.chars(BASE64URL, 20)}",
    "bitbucket": _prefix("ATBB", ALNUM, 32),
    "nuget": _prefix("oy2", LOWER + DIGITS, 43),
    "rubygems": _prefix("rubygems_", HEX, 48),
    "shopify_secret": _prefix("shpss_", HEX, 32),
    "razorpay": _prefix("rzp_live_", ALNUM, 14),
    "stripe_test": _prefix("sk_test_", ALNUM, 24),
    "slack_user": lambda f: f"xoxp-{f.chars(DIGITS, 12)}-{f.chars(DIGITS, 12)}-{f.chars(DIGITS, 12)}-{f.chars(HEX, 32)}",
    "slack_rotating": lambda f: f"xoxe.xoxp-1-{f.chars(ALNUM, 140)}",
    "github_user": _prefix("ghu_", ALNUM, 36),
    "github_oauth": _prefix("gho_", ALNUM, 36),
    "mapbox": lambda f: f"sk.eyJ1Ijoi{f.chars(ALNUM, 60)}.{f.chars(BASE64URL, 22)}",
    "firebase": lambda f: f"AAAA{f.chars(BASE64URL, 7)}:APA91b{f.chars(BASE64URL, 134)}",
    "easypost": _prefix("EZAK", ALNUM, 54),
    "braintree": lambda f: f"access_token$production${f.chars(LOWER + DIGITS, 16)}${f.chars(HEX, 32)}",
    "confluent": _prefix("cflt", ALNUM + "/+", 60),
    "contentful": _prefix("CFPAT-", BASE64URL, 43),
    "adafruit": _prefix("aio_", ALNUM, 28),
    "buildkite": _prefix("bkua_", HEX, 40),
    "circleci": lambda f: f"CCIPAT_{f.chars(ALNUM, 22)}_{f.chars(HEX, 40)}",
    "deepinfra_like": _prefix("tgp_v1_", BASE64URL, 43),
    "brevo": lambda f: f"xkeysib-{f.chars(HEX, 64)}-{f.chars(ALNUM, 16)}",
    "facebook": _prefix("EAAC", ALNUM, 160),
    "pagerduty": _prefix("u+", ALNUM + "-_", 18),
    "typeform": _prefix("tfp_", BASE64URL, 44),
    "hubspot": lambda f: f"pat-na1-{f.uuid()}",
    "asana": lambda f: f"1/{f.chars('123456789', 16)}:{f.chars(HEX, 32)}",
    "vercel_blob": lambda f: f"vercel_blob_rw_{f.chars(ALNUM, 16)}_{f.chars(ALNUM, 30)}",
    "prefect": _prefix("pnu_", ALNUM, 36),
    "infracost": _prefix("ico-", ALNUM, 32),
    "fly": _prefix("fm2_lJPECAAAAAAA", ALNUM + "/+", 120),
}


def lines_of(name: str, seed: int = 777) -> list[Line]:
    """Return the lines of file ``name``, their secrets made from ``seed``."""
    forms = Forms(seed)
    kind = "benign" if name.endswith("benign") else "secret"
    return [
        _line(f"{name}-{number}", category, kind, template, forms)
        for number, (category, template) in enumerate(_templates(FOLDER / f"{name}.txt"), 1)
    ]


def _templates(path: Path) -> Iterator[tuple[str, str]]:
    category = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            category = line[3:].strip()
        elif line and not line.startswith("# "):
            yield category, line.replace("⏎", "\n")


def _line(identity: str, category: str, kind: str, template: str, forms: Forms) -> Line:
    where, key = "message", "message"
    if re.match(r"@[\w.-]+ ", template):
        key, _, template = template[1:].partition(" ")
        where = {"json": "json", "stack": "stack"}.get(key, "extra")
    secrets: list[str] = []
    keep: list[str] = []
    text, at = "", 0
    for match in _SLOT.finditer(template):
        before = template[at : match.start()]
        keep.append(before)
        text += before
        shown, forbidden = _made(match[1], forms, text)
        secrets.extend(forbidden)
        text += shown
        at = match.end()
    keep.append(template[at:])
    text += template[at:]
    pieces = tuple(piece for piece in keep if piece.strip() and "PRIVATE KEY" not in piece)
    return Line(identity, category, kind, where, key, text, tuple(secrets), pieces)


def _made(slot: str, forms: Forms, before: str) -> tuple[str, tuple[str, ...]]:
    if slot.startswith("="):
        return slot[1:], (slot[1:],)
    if slot.startswith("~"):
        return slot[1:], ()
    if slot.startswith("%"):
        made = _CLASS.sub(lambda form: forms.chars(_alphabet(form[1]), int(form[2])), slot[1:])
        return made, (made,)
    if slot == "pem_body":
        indent = re.search(r"\n([ \t>|]*)\Z", before)
        lines = forms.pem_body().split("\n")
        return ("\n" + (indent[1] if indent else "")).join(lines), tuple(lines)
    made = MORE[slot](forms) if slot in MORE else forms.make(slot)
    return (made, (made,)) if isinstance(made, str) else made


def _alphabet(characters: str) -> str:
    """Return the characters of a class such as ``A-Za-z0-9_-``."""
    return "".join(char for char in map(chr, range(33, 127)) if re.match(f"[{characters}]", char))
