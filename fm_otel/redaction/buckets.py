"""Made by .ci/generate: which three characters of a literal the sieve looks for, by bucket.

Change .ci/generate_buckets.py or the literals themselves (scan.py), not this file.
"""

from __future__ import annotations

from typing import Final

BUCKETS: Final = (
    (
        " | ", "/p:", "eed", "et ", "og ", "ogg", "opc", "ot ", "ot:", "ww ", "ww:",
    ),
    (
        "2fa", "cmq", "cvc", "hma", "hta", "htz", "lmk", "lsz", "luc", "mfa", "mta", "psk",
        "puk", "rma", "t(a", "uth", "ysq",
    ),
    (
        "]:2", "]:4", "]:5", "eim", "enh", "enn", "esl", "eto", "etu", "eyj", "gin", "pin",
        "psw", "pt(", "zin",
    ),
    (
        "cle", "cre", "cry", "csr", "db2", "dle", "dsn", "jwt", "mbe", "mlr", "mne", "qlp",
        "sle", "snm", "sse", "ssn", "swe", "xsr",
    ),
    (
        ":54", "an-", "asi", "key", "sif", "ssi", "te-", "tif", "uci", "uni", "voi", "wif",
    ),
    (
        "://", "ard", "are", "aro", "ave", "cod", "coo", "cve", "cvv", "kod", "tok", "too",
        "ure", "woo",
    ),
    (
        "adm", "d'o", "dd-", "dd_", "has", "mdp", "pas", "pdo", "pdp", "ra-", "ras", "raz",
        "rds", "sa:",
    ),
    (
        "ban", "eal", "eap", "erl", "ern", "ftp", "ga2", "gan", "ial", "ign", "imn", "omp",
        "onn", "otp", "sal", "san", "wal",
    ),
)  # fmt: skip

MARK_BUCKETS: Final = (
    (
        " --", " AU", " pw", "$5$", "$7$", "$y$", "/p:", "ETU", "FI:", "New", "fo:", "fp-",
        "fy(", "ks/", "ss:", "ssw", "xd-", "xe-", "xp-", "xs-",
    ),
    (
        "$1$", "$6$", "$ar", "$gy", "'au", "-au", "-cr", "-cs", "-ke", "-se", "-us", "56$",
        "56~", "IN\t", "INA", "SOA", "SUA", "uci", "ugi", "uns", "use",
    ),
    (
        '" "', ') "', "RTE", "RVE", "ck.", "cry", "fig", "h v", "v3.", "v4.", "vb.", "vr.",
        "vs.", "xox", "y C", "zn.",
    ),
    (
        "!AQ", '"AU', '"md', "'AU", "'md", ":::", "::a", ":AA", "HA-", "SAA", "SG.", "XAU",
        "cmQ", "cmd", "lad", "las", "lla", "rad", "ras", "rla", "rm-", "rma",
    ),
    (
        "$2a", "$2b", "$2x", "$2y", "$sa", ".ct", ".da", ".of", ".sa", ".st", ".za", "<Va",
        "Eva", "MK ", "Mod", "kdf", "ks ", "kv ", "voi", "{MD",
    ),
    (
        "$ap", "00.", "EAP", "EAR", "EGI", "LAI", "RYP", "al.", "alo", "ga2", "qlp", "too",
        "xap", "ya2",
    ),
    (
        "//0", "4/0", ":AP", "CLI", "OGI", "ac.", "dt0", "ghb", "pc=", "pt.", "wt.", "{SH",
    ),
    (
        "B2 ", "BY ", "SK ", "SS ", "SSM", "SSW", "_SZ", "b2 ", "dm ", "dp.", "dpw", "iph",
        "ki=", "n$p", "n2$", "nmp", "sk.", "sl ", "sl.", "tif", "tl ", "tmp", "tp ", "tp-",
        "tp:", "tpw", "v1.", "v2.", "yk ", "{SM", "{SS",
    ),
)  # fmt: skip
