"""Made by .ci/generate: which three characters of a literal the sieve looks for, by bucket.

Change .ci/generate_buckets.py or the literals themselves (scan.py), not this file.
"""

from __future__ import annotations

from typing import Final

BUCKETS: Final = (
    (
        " / ", " | ", "/p:", "eed", "et ", "etu", "eyj", "ftp", "jet", "jwt", "og ", "ogg",
        "ot:", "otp", "ww ", "ww:", "ypt",
    ),
    (
        "2fa", "cla", "cvc", "hma", "hta", "htz", "lla", "lsz", "luc", "mfa", "mta", "rma",
        "t(a", "uth",
    ),
    (
        "://", ":54", ":58", "ci ", "cin", "ecu", "enh", "enn", "gin", "gn ", "min", "mk ",
        "mun", "pc=", "pin", "pk ", "zc3", "zin",
    ),
    (
        "]:2", "]:4", "cle", "csr", "dle", "dsn", "mlr", "mne", "qlp", "sle", "snm", "sse",
        "ssn", "swe", "xsr", "ysq",
    ),
    (
        "an-", "asi", "ask", "asw", "gni", "hei", "key", "psk", "psw", "puk", "sif", "ssi",
        "te-", "tif", "tok", "voi", "wif",
    ),
    (
        "ard", "are", "aro", "ave", "cod", "coo", "cre", "cve", "cvv", "kod", "slo", "too",
        "woo",
    ),
    (
        "d'o", "dd_", "has", "mdp", "mpo", "pas", "pdo", "pdp", "ra-", "ras", "raz", "rds",
        "sa:", "sas",
    ),
    (
        "ban", "db2", "eal", "eap", "erl", "ern", "gan", "ial", "onn", "sal", "san", "tan",
        "wal",
    ),
)  # fmt: skip

MARK_BUCKETS: Final = (
    (
        " --", " BY", " pw", "$P$", "$y$", "BEG", "CRY", "a2-", "adt", "dd-", "dpw", "fp-",
        "fy(", "lft", "n-k", "n2$", "nyk", "pp-", "t-k", "th'", "th(", "tht", "tp-", "tpw",
        "ypt",
    ),
    (
        "!AQ", "$1$", "$ar", "-au", "-cr", "-us", "00.", "01.", "SAA", "SAS", "SOA", "SUA",
        "SWO", "n$s", "nv(", "nv.", "r1$", "ras", "s:s", "sa.", "scs", "sk.", "sks", "uns",
    ),
    (
        '" "', ') "', "-se", "> A", "FI:", "bun", "h v", "hIn", "ks.", "use", "vs.", "y C",
    ),
    (
        '"AU', '"md', "$2x", "$6$", "$H$", "'AU", "'md", "56~", "ERL", "ERV", "ETU", "XAU",
        "n$p", "ng.", "nmp", "tcd", "tmp", "v1.", "v2.", "v4.",
    ),
    (
        ".mw", "/0A", "2b$", "2y$", ":AA", ":AP", "EAP", "EAR", "EXP", "RAM", "dov", "gy$",
        "ki=", "mdk", "pbk", "pc=", "ssw", "xox", "ysq",
    ),
    (
        "$7$", "MK ", "Mod", "SG.", "SK ", "SMD", "SS ", "SSH", "SSM", "ifi", "ig ", "igh",
        "iro", "kv ", "s16", "sl ", "sl.", "voi", "vr.", "{MD", "{SH",
    ),
    (
        "$2a", "$5$", "/p:", ":::", "<Va", "LAI", "LIE", "hma", "lpl", "lua", "rm-", "rma",
        "tal", "tp:", "uci", "ugi",
    ),
    (
        "//0", "DB2", "New", "OGI", "UGF", "_BI", "_SZ", "ce.", "db2", "de(", "dp.", "ga2",
        "i/w", "iph", "ipk", "ta.", "v3.", "vb.", "ya2",
    ),
)  # fmt: skip
