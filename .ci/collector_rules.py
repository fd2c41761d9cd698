"""The collector's redaction rules: what of the package's rule table fits RE2.

Detectors that the package has in code (quoting, checksums, word lists) have a plainer form here,
under the same names. This is the second line: it errs on the side of text that stays readable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fm_otel.redaction import rules, validators

_EDGE: Final = r"((?:\\u[0-9a-f]{4}|\\[^u])+|[^A-Za-z0-9_\\])"
_LARGE_REPEAT: Final = re.compile(r"\{(\d+),(\d{3,})\}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; it is tried only where one of its anchors is in the record's text.

    ``exact`` anchors are as the issuer writes them, the others in lower case. ``rare``: an
    issuer so seldom seen that its anchors do not decide whether a record is looked at closely;
    where a record speaks of credentials at all, it is tried like the others.
    """

    name: str
    pattern: str
    replacement: str
    anchors: tuple[str, ...]
    exact: bool = True
    rare: bool = False
    json_form: str = ""

    @property
    def json_pattern(self) -> str:
        """The form for finished JSON text: a match takes no quote and no lone backslash.

        A token must not begin inside an escape: what is before it is matched too and kept as
        the first group.
        """
        form = self.json_form or self.pattern
        return _EDGE + form.removeprefix(r"\b") if form.startswith(r"\b") else form

    @property
    def json_replacement(self) -> str:
        """The replacement with every group moved by one where the edge is matched too."""
        if not self.json_pattern.startswith(_EDGE):
            return self.replacement
        moved = re.sub(r"\$\{(\d)\}", lambda m: f"${{{int(m[1]) + 1}}}", self.replacement)
        return "${1}" + moved


_COMMON: Final = {
    "aws_key_id": ("AKIA", "ASIA"),
    "github_token": ("ghp_", "gho_", "ghs_", "github_pat_"),
    "gitlab_token": ("glpat-",),
    "google_key": (),
    "google_token": ("ya29.",),
    "huggingface_token": ("hf_",),
    "jwt": (),
    "npm_token": (),
    "sendgrid_key": (),
    "slack_token": ("xox",),
    "stripe_key": ("k_live_", "k_test_"),
}
"""Issuers whose tokens are looked for in every record, by few and short anchors: each costs."""


def _from_table() -> list[Rule]:
    """Take the rules whose RE2 form needs no check afterwards to tell words from tokens."""
    return [
        Rule(rule.name, _LARGE_REPEAT.sub(r"{\1,}", rule.re2), rule.replacement,
             _COMMON.get(rule.name) or rule.anchors, rare=rule.name not in _COMMON)
        for rule in rules.RULES
        if rule.re2 and rule.category == "issued" and rule.check is not validators.looks_issued
    ]


def _own(name: str, pattern: str, *anchors: str, before: str = "", after: str = "",
         exact: bool = False, json_form: str = "") -> Rule:
    marker = f"{before}[REDACTED:{name}]{after}"
    return Rule(name, pattern, marker, anchors, exact, json_form=json_form)


_PEM: Final = "-----BEGIN [A-Z ]{0,24}PRIVATE KEY(?: BLOCK)?-----"
# At least one digit: words joined by hyphens are no key.
_KEY_BODY: Final = "[A-Za-z_-]{0,40}[0-9][A-Za-z0-9_-]{12,}"

RULES: Final = (
    _own("private_key", rf"{_PEM}[A-Za-z0-9+/=\s:,.\\-]*", "-----BEGIN", exact=True,
         json_form=rf"{_PEM}(?:[A-Za-z0-9+/= :,.-]|\\[nrt])*"),
    *_from_table(),
    _own("llm_key", rf"\bsk-{_KEY_BODY}", "sk-", exact=True),
    _own("llm_key", rf"\b(?:gsk_|fw_|xai-|pplx-){_KEY_BODY}",
         "gsk_", "fw_", "xai-", "pplx-", exact=True),
    _own("url_password", r"(://[^\s/:@\"'\\\[\]]{0,128}:)[^\s/@\"'\\\[]+(@)", "://",
         before="${1}", after="${2}", exact=True),
    _own("password_hash",
         r"\$(?:2[abxy]|argon2(?:id|i|d)|scrypt|pbkdf2(?:-sha[0-9]+)?|[1567y])\$"
         r"[^\s\"'\\\[,;)}\]]{16,}",
         "$"),
    _own("token", r"\b([Bb](?:earer|EARER) {1,2})[A-Za-z0-9._~+/|-]{16,}={0,2}", "bearer ",
         before="${1}"),
    _own("authorization", r"((?i:authorization)\\{0,2}[\"']?[:=] ?\\{0,2}[\"']?(?i:basic|digest) )"
         r"[A-Za-z0-9+/=_-]{8,}", "authorization", before="${1}",
         json_form=r"((?i:authorization)[:=] ?(?i:basic|digest) )[A-Za-z0-9+/=_-]{8,}"),
    _own("password",
         r"((?i:password|passwd|pwd|passphrase)\s{0,3}[=:]\s{0,3})[^\s,;&\"'\\\[\](){}<>$*]"
         r"[^\s,;&\"'\\\[\](){}<>]{2,}",
         "passw", "pwd", "passp", before="${1}"),
    _own("secret",
         r"((?i:secret|api[_-]?key|access[_-]?key|private[_-]?key|(?:access|auth|refresh|api)"
         r"[_-]?token)\s{0,3}[=:]\s{0,3})[^\s,;&\"'\\\[\](){}<>$*][^\s,;&\"'\\\[\](){}<>]{5,}",
         "secret", "key=", "key:", "key =", "token=", "token:", "token =", before="${1}"),
    _own("email", r"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}"
         r"\.[A-Za-z]{2,24}\b", "@",
         json_form=r"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}"
         r"\.[A-Za-z]{2,24}"),
)
"""Specific rules first."""

KEY_NAMES: Final = (
    "password|passwd|pwd|passphrase|secret|client_?secret|api[_-]?key|access[_-]?key"
    "|private[_-]?key|signing[_-]?key|secret[_-]?key|authorization|cookie|credentials?"
    "|connection_?string|(?:access|refresh|auth|api|bearer|bot|id|csrf)[_-]?token|pin|cvc|cvv"
)
"""Names of values that go whatever they look like; ``token`` only where it is the whole name."""

NAME_ENDS: Final = (
    "password", "passwd", "pwd", "passphrase", "secret", "key", "authorization", "cookie",
    "credential", "credentials", "connectionstring", "connection_string", "token", "pin", "cvc",
    "cvv",
)
"""Literal ends of the names, for the cheap look before the mask."""

KEY_SHAPES: Final = (
    r"(?:sk-|glpat-|xox[bp]-)[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{30,}|AKIA[A-Z0-9]{16}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
)
"""Tokens that may not even be an attribute's name."""

KEY_ANCHORS: Final = ("sk-", "glpat-", "xox", "ghp_", "gho_", "ghs_", "AKIA", "eyJ")
