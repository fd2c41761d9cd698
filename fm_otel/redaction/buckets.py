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
