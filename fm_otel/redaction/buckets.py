"""Made by .ci/generate: which three characters of a literal the sieve looks for, by bucket.

Change .ci/generate_buckets.py or the literals themselves (scan.py), not this file.
"""

from __future__ import annotations

from typing import Final

BUCKETS: Final = (
    (
        " / ", " | ", "/p:", "gn ", "nn_", "nns", "snm", "srf", "tp ", "ypt",
    ),
    (
        "2fa", "cla", "cvc", "hma", "hra", "lla", "luc", "mfa", "nga", "ola", "ora", "rma",
        "t(a", "tra",
    ),
    (
        "e-l", "eal", "enh", "erl", "eyj", "fre", "jel", "sa:", "sal", "see", "sle", "sql",
        "swe", "wal", "ww:",
    ),
    (
        "dd_", "dmi", "dsn", "jwt", "mdp", "pdp", "psk", "psw", "ssi", "ssn",
    ),
    (
        "://", "ban", "ken", "key", "nah", "ndi", "nec", "net", "nfi", "nic", "nin", "nit",
        "nti", "uci", "uth",
    ),
    (
        "ap ", "ard", "are", "aro", "ave", "cod", "coo", "cre", "cve", "cvv", "kod", "log",
        "lre", "woo", "ww ",
    ),
    (
        "32:", "ask", "asl", "ass", "asw", "bas", "has", "hes", "ial", "ias", "ot:", "otp",
    ),
    (
        "ecu", "eim", "eto", "etu", "hto", "pdo", "pin", "puk", "wif", "zc3", "zin", "zug",
    ),
)  # fmt: skip
