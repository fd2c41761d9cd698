r"""The rule table: every detector by its name, patterns as data.

A rule with a :attr:`Rule.pattern` is run by the scanner as it stands. A rule without one names
what a detector in code finds, because quoting, escaping or a checksum decides; it carries the
part of the work that fits RE2, from which the collector's redaction is generated.
Patterns are bounded, begin with a literal and hold no leading ``\b``, which would disable the
literal search of :mod:`re`; the left edge is checked after the match.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import validators
from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATH_PART: Final = re.compile(r"[^/]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """One detector.

    ``name`` stands in the marker; several rules may share it. ``anchors``: one of these literals
    is in the text, or the pattern is not tried. ``group``: what of the match is replaced.
    ``check`` sees that group. ``issued``: the token carries a literal of its issuer, so the rule
    also applies to ids; ``head``: it begins with that literal; ``path``: what is replaced is a
    path, whose slashes stay; ``unless``: a pattern that makes a match harmless where it is found
    shortly before it. ``re2`` and ``replacement`` are the collector's form, in the syntax
    of Go's ``regexp``; None where RE2 cannot tell a secret from its surroundings.
    """

    name: str
    category: str
    anchors: tuple[str, ...] = ()
    pattern: str | None = None
    group: int = 0
    check: Callable[[str], bool] | None = None
    issued: bool = False
    head: bool = False
    path: bool = False
    unless: str | None = None
    re2: str | None = None
    replacement: str = ""

    @property
    def marker(self) -> str:
        """What stands in the text afterwards."""
        return f"[REDACTED:{self.name}]"

    def spans(self, match: re.Match[str]) -> Iterator[Span]:
        """Yield what of ``match`` this rule replaces; of a path its parts."""
        start, end = match.span(self.group)
        if not self.path:
            yield Span(start, end, self.name)
            return
        for part in _PATH_PART.finditer(match.string, start, end):
            yield Span(part.start(), part.end(), self.name)


def _issued(
    name: str, *anchors: str, body: str, check: Callable[[str], bool] | None = None
) -> Rule:
    """Return the rule of a token that its issuer marks with a literal prefix."""
    heads = "|".join(anchor.replace(".", r"\.").replace("$", r"\$") for anchor in anchors)
    pattern = f"(?:{heads}){body}" if len(anchors) > 1 else heads + body
    head = all(anchor.replace("-", "_").isidentifier() for anchor in anchors)
    return Rule(name, "issued", anchors, pattern, check=check, issued=True, head=head,
                re2=rf"\b{pattern}", replacement=f"[REDACTED:{name}]")


def _part(
    name: str, category: str, anchors: tuple[str, ...], pattern: str,
    check: Callable[[str], bool] | None = None, *, path: bool = False, re2: str | None = None,
) -> Rule:
    """Return a rule that replaces group 1 of its pattern."""
    return Rule(name, category, anchors, pattern, 1, check, path=path, re2=re2,
                replacement=f"${{1}}[REDACTED:{name}]")


_W = "[A-Za-z0-9]"
_D = "[A-Za-z0-9_-]"
_H = "[0-9a-f]"
_issued_shape = validators.looks_issued

RULES: Final[tuple[Rule, ...]] = (
    # Cloud providers.
    _issued("aws_key_id", "AKIA", "ASIA", "ABIA", "ACCA", body="[A-Z0-9]{16}"),
    _issued("aws_key", "ABSK", body=r"[A-Za-z0-9+/]{90,180}={0,2}"),
    _issued("aws_key", "bedrock-api-key-", body=r"[A-Za-z0-9+/]{40,600}={0,2}"),
    _issued("aws_key", "amzn.mws.", "amzn1.oa2-cs.v1.", body=r"[0-9a-f-]{32,80}"),
    _issued("google_key", "AIza", body=_D + "{32,40}"),
    _issued("google_token", "ya29.", body=r"[A-Za-z0-9_.-]{20,2048}"),
    _issued("google_secret", "GOCSPX-", body=_D + "{20,40}"),
    _issued("google_token", "1//0", body=_D + "{30,120}"),
    _issued("alibaba_key", "LTAI", body=_W + "{12,24}", check=_issued_shape),
    _issued("tencent_key", "AKID", body=_W + "{32}", check=_issued_shape),
    _issued("backblaze_key", "K001", "K002", "K003", "K004", "K005",
            body="[A-Za-z0-9+/]{27}", check=_issued_shape),
    _issued("honeycomb_key", "hcaik_", "hcbik_", "hcxik_", "hcalk_", body="[a-z0-9]{40,80}"),
    Rule("azure_secret", "issued", ("Q~",), r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,36}",
         issued=True, re2=r"\b[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,36}",
         replacement="[REDACTED:azure_secret]"),
    # A 512-bit key; digests of that size carry their algorithm and a hyphen in front.
    # In the DNS one of that size is public (RFC 4034, 6698).
    Rule("azure_key", "issued", ("==",),
         r"(?<![A-Za-z0-9+/-])(?<! b=)(?<!bh=)[A-Za-z0-9+/]{86}==",
         unless=r"\b(?:C?DNSKEY|TLSA|RRSIG|OPENPGPKEY)\b"),
    _issued("digitalocean_token", "dop_v1_", "doo_v1_", "dor_v1_", body=_H + "{40,64}"),
    _issued("cloudflare_key", "v1.0-", body=_H + "{20,24}-" + _H + "{100,160}"),
    _issued("heroku_key", "HRKU-", body=_D + "{30,70}"),
    _issued("fly_token", "fo1_", body=_D + "{30,60}"),
    _issued("fly_token", "fm1r_", "fm1a_", "fm2_", body="[A-Za-z0-9+/=_-]{40,2048}"),
    # Forges, registries, pipelines.
    _issued("github_token", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", body=_W + "{20,255}"),
    _issued("github_token", "github_pat_", body="[A-Za-z0-9_]{22,255}"),
    _issued("gitlab_token", "glpat-", "glptt-", "glrt-", "gldt-", "glcbt-", "glft-", "glsoat-",
            "glimt-", "glagent-", "gloas-", "glffct-", body=r"[A-Za-z0-9_.-]{18,320}"),
    _issued("npm_token", "npm_", body=_W + "{30,60}"),
    _issued("pypi_token", "pypi-", body=_D + "{40,512}", check=_issued_shape),
    _issued("docker_token", "dckr_pat_", "dckr_oat_", body=_D + "{20,80}"),
    _issued("rubygems_key", "rubygems_", body=_H + "{40,64}"),
    _issued("nuget_key", "oy2", body="[a-z0-9]{43}", check=_issued_shape),
    _issued("crates_token", "cio", body=_W + "{32}", check=_issued_shape),
    _issued("atlassian_token", "ATATT3x", "ATCTT3x", "ATBB", body=r"[A-Za-z0-9_=-]{20,400}"),
    Rule("terraform_token", "issued", (".atlasv1.",), _W + r"{10,20}\.atlasv1\." + _D + "{40,100}",
         issued=True, re2=r"\b[A-Za-z0-9]{10,20}\.atlasv1\.[A-Za-z0-9_-]{40,100}",
         replacement="[REDACTED:terraform_token]"),
    _issued("pulumi_token", "pul-", body=_H + "{40}"),
    _issued("sourcegraph_token", "sgp_", body="[0-9a-fA-F_]{40,80}"),
    _issued("circleci_token", "CCIPAT_", "CCIPRJ_", body="[A-Za-z0-9_]{30,100}"),
    _issued("buildkite_token", "bkua_", body=_H + "{40}"),
    _issued("sonar_token", "sqp_", "sqa_", "squ_", body=_H + "{40}"),
    _issued("artifactory_token", "AKCp", body=_W + "{60,90}"),
    _issued("artifactory_token", "cmVmdGtuO", body=_W + "{50,80}"),
    # Model providers.
    _issued("llm_key", "sk-ant-", "sk-proj-", "sk-or-v1-", "sk-svcacct-", "sk-admin-", "sk-lf-",
            body=_D + "{16,256}", check=_issued_shape),
    _issued("llm_key", "sk-", body=_D + "{20,256}", check=_issued_shape),
    _issued("llm_key", "gsk_", "fw_", "r8_", "xai-", "pplx-", "nvapi-", "tvly-", "pcsk_", "jina_",
            "csk-", "fw-", "voyage-", "pa-", "tgp_v1_", body=_D + "{20,160}", check=_issued_shape),
    _issued("llm_key", "lsv2_pt_", "lsv2_sk_", "ls__", body="[0-9a-f_]{32,60}"),
    Rule("huggingface_token", "issued", ("hf_", "api_org_"),
         r"(?:hf_|api_org_)[A-Za-z0-9]{30,40}(?![A-Za-z0-9_])", issued=True, head=True,
         re2=r"\b(?:hf_|api_org_)[A-Za-z0-9]{30,40}\b",
         replacement="[REDACTED:huggingface_token]"),
    _issued("llm_key", "apify_api_", body=_W + "{30,50}"),
    # Chat, payment, mail.
    _issued("slack_token", "xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xoxe.",
            "xoxc-", "xoxd-", "xapp-", "xwfp-", body=r"[A-Za-z0-9.%-]{9,400}[A-Za-z0-9]"),
    _issued("slack_token", "xoxo-", body=r"\d{3,14}-[A-Za-z0-9-]{9,400}"),
    _part("webhook", "issued", ("hooks.slack.com/",),
          r"hooks\.slack\.com/(?:services|workflows|triggers|commands|actions)/"
          r"([A-Za-z0-9_/-]{16,200})",
          path=True, re2=r"(hooks\.slack\.com/(?:services|workflows|triggers|commands|actions)/)"
          r"[A-Za-z0-9_/-]{16,200}"),
    _part("webhook", "issued", ("hooks.slack.com%2F",),
          r"hooks\.slack\.com%2F(?:services|workflows|triggers|commands|actions)%2F"
          r"([A-Za-z0-9_%-]{16,200})",
          re2=r"(hooks\.slack\.com%2F(?:services|workflows|triggers|commands|actions)%2F)"
          r"[A-Za-z0-9_%-]{16,200}"),
    _part("webhook", "issued", ("/api/webhooks/",),
          r"/api/webhooks/\d{10,25}/([A-Za-z0-9_-]{30,120})",
          path=True, re2=r"(/api/webhooks/\d{10,25}/)[A-Za-z0-9_-]{30,120}"),
    _part("webhook", "issued", ("webhook.office.com/", "outlook.office.com/webhook/"),
          r"office\.com/webhook[a-z0-9]{0,3}/([A-Za-z0-9@/_-]{30,300})",
          path=True, re2=r"(office\.com/webhook[a-z0-9]{0,3}/)[A-Za-z0-9@/_-]{30,300}"),
    _part("webhook", "issued", ("hooks.zapier.com/",),
          r"hooks\.zapier\.com/hooks/catch/((?:\d{1,12}/)?[A-Za-z0-9]{5,80})",
          path=True, re2=r"(hooks\.zapier\.com/hooks/catch/)[A-Za-z0-9/]{8,80}"),
    _issued("stripe_key", "sk_live_", "rk_live_", "sk_test_", "rk_test_", "sk_prod_",
            "rk_prod_", body=_W + "{16,255}"),
    _issued("webhook_secret", "whsec_", body="[A-Za-z0-9+/=]{20,100}"),
    _issued("sendgrid_key", "SG.", body=r"[A-Za-z0-9_-]{16,40}\.[A-Za-z0-9_-]{16,80}"),
    _issued("twilio_key", "SK", body=_H + "{32}"),
    _issued("mailgun_key", "key-", body=_H + "{32}"),
    Rule("mailchimp_key", "issued", ("-us",), _H + r"{32}-us\d{1,2}", issued=True,
         re2=r"\b[0-9a-f]{32}-us\d{1,2}\b", replacement="[REDACTED:mailchimp_key]"),
    _issued("brevo_key", "xkeysib-", "xsmtpsib-", body="[0-9a-zA-Z-]{30,100}"),
    _issued("resend_key", "re_", body=r"[A-Za-z0-9]{6,12}_[A-Za-z0-9]{18,40}",
            check=_issued_shape),
    _issued("square_token", "sq0atp-", "sq0csp-", "sq0idp-", "EAAA", body=_D + "{20,90}",
            check=_issued_shape),
    _issued("meta_token", "EAA", body=_W + "{60,300}"),
    Rule("meta_token", "issued", ("|",), r"\d{15,17}\|[A-Za-z0-9_-]{27}", issued=True,
         re2=r"\b\d{15,17}\|[A-Za-z0-9_-]{27}", replacement="[REDACTED:meta_token]"),
    _issued("zoho_token", "1000.", body=_H + r"{32}\." + _H + "{32}"),
    _issued("shopify_token", "shpat_", "shpss_", "shpca_", "shppa_", body="[0-9a-fA-F]{30,64}"),
    _issued("braintree_token", "access_token$production$", "access_token$sandbox$",
            body=r"[0-9a-z]{8,20}\$[0-9a-f]{32}"),
    _issued("plaid_token", "access-production-", "access-sandbox-", "access-development-",
            body="[0-9a-f-]{36}"),
    Rule("telegram_token", "issued", (":AA",), r"(?:bot)?(\d{8,10}:AA[A-Za-z0-9_-]{31,35})", 1,
         issued=True, re2=r"\b\d{8,10}:AA[A-Za-z0-9_-]{31,35}",
         replacement="[REDACTED:telegram_token]"),
    _issued("discord_token", "MD", "MT", "Mj", "Mz", "ND", "NT", "Nj", "Nz", "OD", "OT",
            body=r"[A-Za-z0-9_-]{21,26}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}",
            check=_issued_shape),
    _issued("easypost_key", "EZAK", "EZTK", body=_W + "{50,60}"),
    _issued("typeform_token", "tfp_", body=_D + "{40,70}"),
    Rule("asana_token", "issued", ("1/",), r"1/\d{16}:[0-9a-f]{32}", issued=True,
         re2=r"\b1/\d{16}:[0-9a-f]{32}", replacement="[REDACTED:asana_token]"),
    _issued("vercel_token", "vercel_blob_rw_", body="[A-Za-z0-9_]{30,80}"),
    _issued("prefect_key", "pnu_", "pnb_", body=_W + "{36}"),
    _issued("adafruit_key", "aio_", body=_W + "{28}"),
    _issued("render_key", "rnd_", body=_W + "{24,40}", check=_issued_shape),
    _issued("infracost_key", "ico-", body=_W + "{32}"),
    Rule("google_token", "issued", ("4/0A",), r"4/0A[A-Za-z0-9_-]{16,120}", issued=True,
         re2=r"\b4/0A[A-Za-z0-9_-]{16,120}", replacement="[REDACTED:google_token]"),
    _issued("razorpay_key", "rzp_live_", "rzp_test_", body=_W + "{14,20}"),
    # Operations.
    _issued("planetscale_token", "pscale_pw_", "pscale_tkn_", "pscale_oauth_",
            body=r"[A-Za-z0-9_.-]{30,64}"),
    _issued("dynatrace_token", "dt0c01.", "dt0s16.", "dt0s01.",
            body=r"[A-Z0-9]{20,30}\.[A-Z0-9]{50,70}"),
    _issued("mapbox_token", "sk.eyJ", body=_D + r"{30,200}\.[A-Za-z0-9_-]{20,40}"),
    Rule("fcm_key", "issued", (":APA91b",), r"AAAA[A-Za-z0-9_-]{7}:APA91b[A-Za-z0-9_-]{60,200}",
         issued=True, re2=r"\bAAAA[A-Za-z0-9_-]{7}:APA91b[A-Za-z0-9_-]{60,200}",
         replacement="[REDACTED:fcm_key]"),
    # "-----BEGIN ... PRIVATE" in base64.
    _issued("private_key", "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS",
            "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVkt",
            "LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS", "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZ",
            "LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFURSBLRVkt", body=r"[A-Za-z0-9+/]{40,16384}={0,2}"),
    _issued("vault_token", "hvs.", "hvb.", "hvr.", body=_D + "{20,300}"),
    _issued("launchdarkly_key", "sdk-", "mob-",
            body="[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    _issued("doppler_token", "dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit.",
            body=r"[A-Za-z0-9._-]{30,80}"),
    _issued("onepassword_key", "A3-",
            body=r"[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}"),
    _issued("onepassword_token", "ops_eyJ", body=r"[A-Za-z0-9+/_=-]{100,2048}"),
    _issued("grafana_token", "glsa_", "glc_", body="[A-Za-z0-9_=+/]{30,400}"),
    _issued("grafana_token", "eyJrIjoi", body="[A-Za-z0-9+/]{30,400}={0,2}"),
    _issued("newrelic_key", "NRAK-", "NRJS-", "NRII-", "NRIQ-", "NRRA-",
            body="[A-Za-z0-9-]{19,60}"),
    _issued("sentry_token", "sntrys_", "sntryu_", body="[A-Za-z0-9+/=_-]{40,400}"),
    _issued("databricks_token", "dapi", body=_H + r"{32}(?:-\d{1,2})?"),
    _issued("tailscale_key", "tskey-", body="[A-Za-z0-9-]{16,120}"),
    _issued("postman_key", "PMAK-", body="[0-9a-f-]{40,70}"),
    _issued("supabase_key", "sbp_", "sb_secret_", body="[A-Za-z0-9_-]{20,80}"),
    _issued("linear_key", "lin_api_", "lin_oauth_", body=_W + "{30,60}"),
    _issued("notion_key", "ntn_", "secret_", body=_W + "{40,50}", check=_issued_shape),
    _issued("figma_token", "figd_", body=_D + "{30,60}"),
    _issued("airtable_token", "pat", body=_W + r"{14}\.[0-9a-f]{64}"),
    _issued("hubspot_token", "pat-na", "pat-eu", body=r"\d-[0-9a-f-]{36}"),
    _issued("contentful_token", "CFPAT-", body=_D + "{40,60}"),
    _issued("posthog_key", "phx_", body=_W + "{40,60}"),
    _issued("openshift_token", "sha256~", body=_D + "{40,50}"),
    _issued("swarm_token", "SWMTKN-1-", body="[a-z0-9-]{40,100}"),
    _issued("k3s_token", "K10", body=_H + r"{40,64}::[a-z:]{2,20}:[A-Za-z0-9.]{6,80}"),
    _issued("rancher_token", "token-", body=r"[a-z0-9]{5}:[a-z0-9]{54}"),
    _issued("age_key", "AGE-SECRET-KEY-1", body="[A-Z0-9]{50,60}"),
    _issued("nostr_key", "nsec1", body="[a-z0-9]{58}"),
    _issued("dropbox_token", "sl.", body=_D + "{60,2048}", check=_issued_shape),
    _issued("trello_token", "ATTA", body=_H + "{60,80}"),
    _issued("paseto", "v1.local.", "v2.local.", "v3.local.", "v4.local.", "v1.public.",
            "v2.public.", "v3.public.", "v4.public.", body=r"[A-Za-z0-9_.-]{30,2048}"),
    Rule("salesforce_session", "issued", ("!AQ",), r"00D[A-Za-z0-9]{9,15}!AQ[A-Za-z0-9_.]{20,200}",
         issued=True, re2=r"\b00D[A-Za-z0-9]{9,15}!AQ[A-Za-z0-9_.]{20,200}",
         replacement="[REDACTED:salesforce_session]"),
    Rule("nkey_seed", "issued", ("SUA", "SAA", "SOA"), r"S[UAO]A[A-Z2-7]{55}",
         check=_issued_shape, issued=True, re2=r"\bS[UAO]A[A-Z2-7]{55}\b",
         replacement="[REDACTED:nkey_seed]"),
    Rule("password_hash", "hash", ("*",), r"(?<!\w)\*[0-9A-F]{40}(?![0-9A-F])",
         re2=r"\*[0-9A-F]{40}\b", replacement="[REDACTED:password_hash]"),
    _issued("fernet_token", "gAAAAA", body="[A-Za-z0-9_-]{60,4096}={0,2}"),
    # {"auths": of a registry's configuration, and a JWT, in base64.
    _issued("docker_auth", "eyJhdXRocyI6", body=r"[A-Za-z0-9+/]{16,16384}={0,2}"),
    _issued("token", "ZXlK", body=r"[A-Za-z0-9+/]{60,16384}={0,2}"),
    _issued("jwt", "eyJ", body=r"[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{2,16384}"
            r"(?:\.{1,2}[A-Za-z0-9_-]{1,4096}){0,3}", check=validators.is_jwt),
    # Password hashes (crypt(5), PHC strings, Django).
    Rule("password_hash", "hash", ("$2a$", "$2b$", "$2y$", "$2x$"),
         r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{22,53}",
         re2=r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{22,53}", replacement="[REDACTED:password_hash]"),
    Rule("password_hash", "hash", ("$P$", "$H$"), r"\$[PH]\$[./A-Za-z0-9]{31}",
         re2=r"\$[PH]\$[./A-Za-z0-9]{31}", replacement="[REDACTED:password_hash]"),
    Rule("password_hash", "hash", ("$1$", "$5$", "$6$", "$y$", "$7$", "$apr1$", "$gy$"),
         r"\$(?:1|5|6|y|7|apr1|gy)\$[^\s:\"'$]{1,40}\$[^\s:\"',;)}\]\\]{16,200}",
         re2=r"\$(?:1|5|6|y|7|apr1|gy)\$[^\s:\"'$]{1,40}\$[^\s:\"',;)}\]\\]{16,200}",
         replacement="[REDACTED:password_hash]"),
    Rule("password_hash", "hash", ("$argon2", "$scrypt$", "$pbkdf2", "$bcrypt-sha256$"),
         r"\$(?:argon2(?:id|i|d)|scrypt|pbkdf2(?:-sha\d+)?|bcrypt-sha256)\$[^\s\"';)}\]]{16,300}",
         re2=r"\$(?:argon2(?:id|i|d)|scrypt|pbkdf2(?:-sha\d+)?|bcrypt-sha256)\$"
         r"[^\s\"';)}\]]{16,300}",
         replacement="[REDACTED:password_hash]"),
    Rule("password_hash", "hash", ("pbkdf2", "bcrypt_sha256$", "argon2$", "scrypt:"),
         r"(?:pbkdf2_sha(?:1|256|512)\$|bcrypt_sha256\$|argon2\$|pbkdf2:sha\d+:|scrypt:\d)"
         r"[^\s\"',;)}\]]{20,300}",
         re2=r"(?:pbkdf2_sha(?:1|256|512)\$|bcrypt_sha256\$|argon2\$|pbkdf2:sha\d+:|scrypt:\d)"
         r"[^\s\"',;)}\]]{20,300}",
         replacement="[REDACTED:password_hash]"),
    Rule("password_hash", "hash", ("{SSHA", "{SHA", "{MD5}", "{SMD5}", "{CRYPT}", "SCRAM-SHA-"),
         r"(?:\{S?SHA(?:256|512)?\}|\{S?MD5\}|\{CRYPT\}|SCRAM-SHA-(?:1|256)\$)"
         r"[A-Za-z0-9+/=:$.]{15,300}[A-Za-z0-9+/=$.]",
         re2=r"(?:\{S?SHA(?:256|512)?\}|\{S?MD5\}|\{CRYPT\}|SCRAM-SHA-(?:1|256)\$)"
         r"[A-Za-z0-9+/=:$.]{15,300}[A-Za-z0-9+/=$.]",
         replacement="[REDACTED:password_hash]"),
    Rule("password_hash", "hash", (":::",), r"(?<=:)[0-9a-fA-F]{32}:[0-9a-fA-F]{32}(?=:::)",
         re2=r":[0-9a-fA-F]{32}:[0-9a-fA-F]{32}:::", replacement=":[REDACTED:password_hash]:::"),
    # Headers without their name.
    _part("token", "header", ("earer", "EARER"),
          r"[Bb](?:earer|EARER)(?:[ \t:]|%20|\+|\\?\n[ \t]{0,8}){1,3}[\"'`\\]{0,3}"
          r"((?:\d{1,10}\|)?[A-Za-z0-9._~+/:-]{8,4096}={0,2})",
          validators.is_bearer,
          re2=r"\b([Bb](?:earer|EARER) {1,2})[A-Za-z0-9._~+/|-]{20,4096}={0,2}"),
    _part("authorization", "header", ("asic ",),
          r"(?:[Aa]uth\w{0,10}(?: header)?[\"' :=]{1,4}|\{)[Bb]asic "
          r"([A-Za-z0-9+/]{16,4096}={0,2})",
          re2=r"((?:[Aa]uth\w{0,10}(?: header)?[\"' :=]{1,4}|\{)[Bb]asic )"
          r"[A-Za-z0-9+/]{16,4096}={0,2}"),
    _part("authorization", "header", ("asic", "ASIC"),
          r"[Bb](?:asic|ASIC)(?:[ \t]|%20){1,3}[\"'`\\]{0,3}([A-Za-z0-9+/_-]{8,4096}={0,2})",
          validators.is_basic_credentials,
          re2=r"((?:[Aa]uthorization|AUTHORIZATION)[\"']?: ?[\"']?[Bb]asic {1,2})"
          r"[A-Za-z0-9+/_-]{8,4096}={0,2}"),
)
