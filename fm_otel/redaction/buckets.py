"""Made by .ci/generate: which three characters of a literal the sieve looks for, by bucket.

Change .ci/generate_buckets.py or the literals themselves (scan.py), not this file.
"""

from __future__ import annotations

from typing import Final

BUCKETS: Final = (
    (
        " / ", " by", " | ", "/p:", "db2", "gn ", "jwt", "snm", "srf", "tp ", "ww ", "ww:",
        "ypt",
    ),
    (
        "2fa", "cvc", "hma", "hta", "lmk", "luc", "mfa", "mmu", "mta", "ot:", "puk", "r c",
        "rma", "t u", "t(a",
    ),
    (
        "ban", "eal", "eap", "ecu", "ehe", "ken", "key", "oce", "oci", "ozi", "sa:", "sal",
        "san", "see", "sen",
    ),
    (
        "-li", "adm", "ali", "asi", "ass", "dd-", "dd_", "dsn", "mdp", "qlp", "rli", "sdi",
        "slo", "ssi", "ssn", "ysq",
    ),
    (
        "://", ":54", "ach", "acl", "an-", "ash", "fer", "jel", "ra-", "rer",
    ),
    (
        "ard", "aro", "ave", "cod", "coo", "cre", "cve", "cvv", "fre", "kod", "log", "lre",
        "swe", "voi",
    ),
    (
        "emo", "eto", "etu", "eyj", "hto", "onf", "onn", "otp", "pdo", "pdp", "phr", "pin",
        "psk", "psw", "wif",
    ),
    (
        "]:2", "]:4", "]:5", "ga2", "gan", "gni", "pas", "pc=", "uci", "ute", "uth", "wal",
        "zc3",
    ),
)  # fmt: skip
