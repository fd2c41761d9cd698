"""Made by .ci/generate: which three characters of a literal the sieve looks for, by bucket.

Change .ci/generate_buckets.py or the literals themselves (scan.py), not this file.
"""

from __future__ import annotations

from typing import Final

BUCKETS: Final = (
    (
        " / ", " | ", "/p:", "gn ", "jwt", "nn_", "nns", "snm", "srf", "ww ", "ww:", "ypt",
    ),
    (
        "2fa", "cla", "cvc", "hma", "hra", "hta", "htw", "lla", "luc", "mfa", "ola", "ora",
        "psk", "psw", "puk", "rma",
    ),
    (
        "e-l", "eal", "eap", "eyj", "jel", "ool", "sal", "see", "sif", "sql", "swe", "wal",
        "wif",
    ),
    (
        "3dv", "adm", "asi", "ass", "asw", "d-m", "dd_", "dsn", "mdp", "pdo", "pdp", "ssi",
        "ssn",
    ),
    (
        "32:", "://", "ban", "den", "ken", "key", "oci", "oki", "ot:", "sa:", "san", "sen",
        "uci", "uth",
    ),
    (
        "]:5", "ard", "are", "ave", "cod", "cre", "cve", "cvv", "kod", "log", "lre", "ure",
    ),
    (
        "fig", "ftp", "has", "hes", "ias", "lis", "otp", "pas",
    ),
    (
        "]:2", "]:4", "cem", "cin", "ct(", "eim", "eto", "etu", "eut", "nec", "nem", "net",
        "nin", "nit", "nt(", "num", "pin", "zin", "zug",
    ),
)  # fmt: skip
