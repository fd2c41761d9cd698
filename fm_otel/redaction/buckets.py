"""Made by .ci/generate: which three characters of a literal the sieve looks for, by bucket.

Change .ci/generate_buckets.py or the literals themselves (scan.py), not this file.
"""

from __future__ import annotations

from typing import Final

BUCKETS: Final = (
    (
        " / ", " | ", "/p:", "65 ", "://", "an ", "ap ", "ci ", "fi:", "gn ", "sa:", "ww ",
        "ww:",
    ),
    (
        "2fa", "cha", "cia", "cla", "ct(", "fig", "fra", "hia", "hma", "hra", "hta", "iba",
        "lia", "lla", "log", "mfa", "mta", "nha", "nt(", "ola", "ora",
    ),
    (
        "]:2", "]:5", "cin", "cre", "cry", "cvc", "cve", "cvv", "min", "mne", "mun", "nid",
        "nin", "nn_", "nne", "nnw", "nse", "nsw", "pin", "psk", "psw", "puk", "zin",
    ),
    (
        "alt", "aut", "cht", "csr", "cur", "dsn", "ist", "jwt", "nst", "qlp", "ssn", "xsr",
    ),
    (
        "32:", "etu", "etx", "eyj", "ftp", "jet", "let", "leu", "net", "nmp", "ot:", "otp",
    ),
    (
        "aml", "asa", "asd", "ash", "asl", "e-l", "eed", "ema", "esl", "geh", "gsd", "jel",
        "ken", "key", "kod", "ool",
    ),
    (
        "an-", "and", "ard", "are", "ase", "cod", "fie", "fre", "kie", "sid", "sse", "ysq",
    ),
    (
        "b2 ", "bas", "d'o", "dd_", "mas", "mdp", "mk ", "pas", "pc=", "pdo", "pdp", "pk ",
        "rds", "ucz", "zc3",
    ),
)  # fmt: skip

MARK_BUCKETS: Final = (
    (
        " --", " by", " pw", "$5$", "$7$", ".ey", ".pt", "BEG", "NG_", "NT_", "New", "hvs",
        "les", "lft", "net", "new", "nv(", "p-s", "pp-", "ypt",
    ),
    (
        "$1$", "$ar", "$pr", "'AU", "'au", "'md", "-au", "-cr", "-cs", "-ma", "-us", "HA-",
        "OGI", "SAA", "SUA", "XAU", "lad", "las", "lla", "lua", "lus", "r1$", "rad", "ras",
        "rla", "rm-", "rma", "xa-", "xc-", "xp-", "xpr",
    ),
    (
        '" "', '"AU', ') "', "/0A", "/ip", "/p:", "> A", "PLA", "PT}", "cip", "h v", "v p",
        "v3.", "vb.", "wfp", "y C",
    ),
    (
        ":::", "GFz", "MMD", "SG.", "SMD", "SMO", "SWO", "bun", "dp.", "dpw", "n-k", "n2$",
        "nmp", "t-k", "tmp", "tpw", "v1.", "v2.", "v4.", "vr.", "{MD",
    ),
    (
        "!AQ", "$P$", "$y$", "0c0", ":AA", ":AP", "SAS", "SOA", "XPO", "dov", "fy(", "ghb",
        "gy$", "ki=", "md5", "mdk", "pbk", "pc=", "sch", "xox",
    ),
    (
        "$6$", "00.", "56~", "ERV", "ETU", "RLY", "SSH", "oau", "oic", "ok.", "os.", "otp",
        "s/c", "sic", "ss.", "ssw", "ws.", "wt.", "{SH",
    ),
    (
        "$2a", "$2y", "$H$", "<Va", "IFI", "INA", "Inf", "Me=", "ier", "inA", "inM", "me=",
        "s01", "s16", "sea", "ser", "sia", "sla", "sny",
    ),
    (
        "//0", "2b$", "2x$", "AP ", "DB2", "MK ", "SK ", "SS ", "_SZ", "db2", "ga2", "i/w",
        "ig ", "og ", "ol ", "ox$", "sl ", "sl.", "ta.", "tl ", "tx ", "ya2",
    ),
)  # fmt: skip
