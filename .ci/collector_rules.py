"""The collector's redaction rules: the RE2 subset of the package's rule table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: ``literal`` ones start with a fixed prefix, the others need an anchor first.

    ``json_pattern`` is the form for finished JSON text, where a match may take no quote and no
    lone backslash, nor begin inside an escape.
    """

    id: str
    pattern: str
    anchors: tuple[str, ...]
    literal: bool = False
    before: str = ""
    after: str = ""
    json_pattern: str = ""

    @property
    def replacement(self) -> str:
        """The marker, between what stays."""
        return f"{self.before}[REDACTED:{self.id}]{self.after}"


def prefixed(rule_id: str, pattern: str, *anchors: str) -> Rule:
    """Make a rule with a literal prefix."""
    return Rule(rule_id, pattern, anchors, literal=True)


_TOKEN: Final = "[A-Za-z0-9_-]"
_PEM_LABEL: Final = "[A-Z ]{0,24}PRIVATE KEY(?: BLOCK)?-----"

RULES: Final = (
    Rule("private_key", rf"-----BEGIN {_PEM_LABEL}[A-Za-z0-9+/=\s:,.\\-]*", ("-----begin",),
         literal=True,
         json_pattern=rf"-----BEGIN {_PEM_LABEL}(?:[A-Za-z0-9+/= :,.-]|\\[nrt])*"),
    prefixed("jwt", r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", "eyj"),
    prefixed("llm_key", rf"sk-{_TOKEN}{{16,}}", "sk-"),
    prefixed("llm_key", r"(?:gsk_|hf_|fw_|r8_)[A-Za-z0-9]{20,}", "gsk_", "hf_", "fw_", "r8_"),
    prefixed("llm_key", r"(?:xai-|pplx-)[A-Za-z0-9]{20,}", "xai-", "pplx-"),
    prefixed("github_token", r"gh[pousr]_[A-Za-z0-9]{30,}",
             "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    prefixed("github_token", r"github_pat_[A-Za-z0-9_]{30,}", "github_pat_"),
    prefixed("gitlab_token", rf"glpat-{_TOKEN}{{16,}}", "glpat-"),
    prefixed("aws_key", r"A(?:KIA|SIA)[A-Z0-9]{16}", "akia", "asia"),
    prefixed("google_key", rf"AIza{_TOKEN}{{35}}", "aiza"),
    prefixed("slack_token", r"xox[abprs]-[A-Za-z0-9-]{10,}",
             "xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-"),
    prefixed("stripe_key", r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}", "k_live_", "k_test_"),
    Rule("url_credentials", r"(://[^\s/:@\"'\\\[\]]{0,128}:)[^\s/@\"'\\\[]+(@)", ("://",),
         before="$1", after="$2"),
    Rule("auth_header", r"((?i:bearer|basic|digest) )[A-Za-z0-9._~+/=-]{16,}",
         ("bearer ", "basic ", "digest "), before="$1"),
    Rule("password",
         r"((?i:password|passwd|pwd|passphrase|secret|api[_-]?key|access[_-]?key|token)"
         r"\s{0,3}[=:]\s{0,3})[^\s,;&\"'\\\[\](){}<>]{3,}",
         ("passw", "pwd", "passphrase", "secret", "api_key", "api-key", "apikey",
          "access_key", "access-key", "accesskey", "token"), before="$1"),
    Rule("email", r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}"
         r"\.[A-Za-z]{2,24}", ("@",)),
)
"""Specific rules first."""

KEY_NAMES: Final = (
    "password|passwd|pwd|passphrase|secret|client_?secret|api[_-]?key|access[_-]?key"
    "|private[_-]?key|signing[_-]?key|authorization|cookie|credentials?|dsn|connection_string"
    "|token|access_?token|refresh_?token|pin|cvc"
)
KEY_ANCHORS: Final = ("sk-", "ghp_", "glpat-", "xoxb-", "eyj", "akia")
KEY_SHAPES: Final = (
    rf"(?:sk-|glpat-|xoxb-){_TOKEN}{{16,}}|ghp_[A-Za-z0-9]{{30,}}|AKIA[A-Z0-9]{{16}}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
)
NAME_ENDS: Final = (
    "password", "passwd", "pwd", "passphrase", "secret", "key", "authorization", "cookie",
    "credential", "credentials", "dsn", "connection_string", "token", "pin", "cvc",
)
"""Literal ends of the names, for the cheap look before the mask."""
