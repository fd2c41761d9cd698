"""Made by .ci/generate: which three characters of a literal the sieve looks for, by bucket.

Change .ci/generate_buckets.py or the literals themselves (scan.py), not this file.
"""

from __future__ import annotations

from typing import Final

BUCKETS: Final = (
    (
        " | ", "eed", "et ", "etu", "ftp", "jet", "jwt", "og ", "ogg", "ot ", "ot:", "otp",
        "ww ", "ww:",
    ),
    (
        "2fa", "hma", "hta", "hto", "lmk", "mfa", "mmu", "mta", "rma", "t(a", "uth",
    ),
    (
        "://", ":54", "]:4", "e-l", "ecu", "enh", "enn", "esl", "eyj", "gin", "pc=", "pin",
        "psw",
    ),
    (
        "cle", "cre", "cry", "csr", "dle", "dsn", "mlr", "mne", "qlp", "sle", "snm", "sse",
        "ssn", "swe", "xsr", "ysq",
    ),
    (
        "key", "loz", "lsz", "psk", "puk", "sif", "ssi", "tif", "tok", "uci", "ucz", "voi",
        "wif", "zc3",
    ),
    (
        "/p:", "]:2", "]:5", "ard", "are", "aro", "ave", "cod", "coo", "cvc", "cve", "cvv",
        "kod", "woo",
    ),
    (
        "adm", "bas", "dd-", "dd_", "has", "mdp", "pas", "pdo", "pdp", "ra-", "ras", "sa:",
    ),
    (
        "ban", "db2", "eal", "eap", "erl", "ern", "ga2", "gan", "ial", "ign", "imn", "omp",
        "onn", "sal", "san", "tan", "wal",
    ),
)  # fmt: skip

MARK_BUCKETS: Final = (
    (
        " --", " AU", " by", " pw", "$2y", "$5$", "$7$", "$gy", "$y$", "/p:", ":::", "ERV",
        "ETU", "New", "fp-", "fy(", "sny", "ss:", "ssw", "xb-", "xe-", "xp-", "xs-",
    ),
    (
        "$6$", "$ar", "'au", "-au", "-cr", "-cs", "-ke", "-se", "-us", "2a$", "2x$", "56$",
        "56~", "IN\t", "INA", "SOA", "SUA", "uci", "ugi", "uns", "use",
    ),
    (
        '" "', ') "', "FI:", "ck.", "cry", "fig", "fo:", "h v", "v3.", "vb.", "vr.", "xox",
        "y C", "zn.",
    ),
    (
        "!AQ", '"AU', '"md', "'AU", "'md", "::a", ":AA", "HA-", "SAA", "SG.", "SSH", "XAU",
        "cmQ", "cmd", "rad", "ras", "rm-", "rma", "{MD", "{SH",
    ),
    (
        "$sa", ".ct", ".da", ".of", ".sa", ".st", ".za", "2b$", "Eva", "XPO", "YPT", "kdf",
        "ki=", "ks ", "ks/", "kv ", "voi", "vs.",
    ),
    (
        "$ap", "00.", "29.", "<Va", "EAP", "EAR", "LMK", "al.", "alo", "igh", "lla", "n$p",
        "nMo", "ng.", "nga", "qla", "qlp", "sk.", "sl.", "xap",
    ),
    (
        "//0", "4/0", ":AP", "CLI", "LAI", "OGI", "ac.", "atl", "dt0", "ool", "pc=", "pt.",
        "wt.",
    ),
    (
        "$1$", "B2 ", "BEG", "BY ", "SK ", "SS ", "SSM", "SSW", "_SZ", "b2 ", "cip", "dm ",
        "dp.", "dpw", "n2$", "nmp", "sl ", "tl ", "tmp", "tp ", "tp-", "tp:", "tpw", "v1.",
        "v2.", "v4.", "{SM",
    ),
)  # fmt: skip
