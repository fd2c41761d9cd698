"""Secrets caught, benign lines damaged, context kept and time: us and two known scrubbers.

``python tests/benchmarks/redaction_peers.py [corpus | round_x ...]`` prints the table. The rules
have been tuned on all of these lines: what they did at first sight stands in
``tests/redaction/rounds.md``. The peers are
installed into a virtual environment of their own, made in the user's cache, at the first run.
detect-secrets finds and does not replace: what it finds is replaced here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.redaction.corpus_lines import Line

PEERS = {
    "logfire": "logfire",
    "detect-secrets": "detect-secrets",
    "detect-secrets, no entropy limit": "detect-secrets",
}


def main(arguments: list[str]) -> int:
    """Print one row per scrubber, or, with ``--peer``, score that one in this process."""
    if arguments[:1] == ["--peer"]:
        from_stdin(arguments[1])
        return 0
    from tests.benchmarks.table import Table
    from tests.redaction.score import CORPORA, lines_named, score
    from tests.redaction.unseen.lines import lines_of
    from tests.redaction.unseen.score import ROUNDS

    lines = []
    for name in arguments or (*CORPORA, *ROUNDS):
        rounds = [f"{name}_secrets", f"{name}_benign"] if name in ROUNDS else []
        lines += [line for part in rounds for line in lines_of(part)] or lines_named(name)
    table = Table(
        f"Redaction of {len(lines)} lines", ("caught", "benign damaged", "context kept", "us/line")
    )
    for name in ("fm_otel", *PEERS):
        outputs, seconds = outputs_of(name, lines)
        if outputs is None:
            table.row(name, "-", "-", "-", "-")
            continue
        total = score(lines, lambda line, outputs=outputs: outputs[line.id])
        table.row(name, f"{total.recall:.1%}", f"{total.damage:.1%}", f"{total.context:.1%}",
                  f"{seconds / len(lines) * 1e6:.0f}")
    print(table)
    return 0


def outputs_of(name: str, lines: list[Line]) -> tuple[dict[str, str] | None, float]:
    """Return what ``name`` makes of each line, from a process that can import it."""
    python = sys.executable if name == "fm_otel" else str(environment() / "bin" / "python")
    given = [[line.id, line.where, line.field, line.text] for line in lines]
    done = subprocess.run(
        [python, __file__, "--peer", name], input=json.dumps(given), capture_output=True,
        text=True, check=False, cwd=ROOT,
    )
    if done.returncode:
        print(f"{name}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None, 0.0
    outputs, seconds = json.loads(done.stdout)
    return outputs, seconds


def environment() -> Path:
    """Return the peers' virtual environment, made when it is not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "fm_otel-peers"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run(
            [folder / "bin" / "python", "-m", "pip", "install", "-q", *sorted(set(PEERS.values()))],
            check=True,
        )
        (folder / "ready").touch()
    return folder


def from_stdin(name: str) -> None:
    """Work for one scrubber: read the lines, write what it makes of them and the time it took."""
    given = json.load(sys.stdin)
    if name.startswith("detect-secrets"):
        outputs, seconds = detect_secrets(given, limits=not name.endswith("limit"))
    else:
        scrub = ours() if name == "fm_otel" else logfire()
        start = time.process_time()
        outputs = {identity: scrub(*line) for identity, *line in given}
        seconds = time.process_time() - start
    json.dump([outputs, seconds], sys.stdout)


def ours() -> Callable[[str, str, str], str]:
    from fm_otel.redaction import Redactor

    redactor = Redactor(project_root="")

    def scrub(where: str, field: str, text: str) -> str:
        if where == "json":
            return json.dumps(redactor.mapping(json.loads(text)), ensure_ascii=False)
        if where == "stack":
            return redactor.stack(text)
        return str(redactor.mapping({field: text})[field]) if where == "extra" else redactor.text(text)

    return scrub


def logfire() -> Callable[[str, str, str], str]:
    """Return Logfire's scrubber as it treats message and attributes of a span."""
    from logfire._internal.scrubbing import Scrubber

    scrubber = Scrubber(patterns=None)

    def scrub(where: str, field: str, text: str) -> str:
        value = json.loads(text) if where == "json" else text
        clean: Any = scrubber.scrub_value((field if where == "extra" else "message",), value)[0]
        return json.dumps(clean, ensure_ascii=False) if where == "json" else str(clean)

    return scrub


def detect_secrets(given: list[list[str]], *, limits: bool) -> tuple[dict[str, str], float]:
    """Scan all lines as one file, as the program is meant to be used, and replace the findings."""
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import default_settings, transient_settings

    with default_settings() as settings:
        plugins = [{"name": name} for name in settings.plugins]
    if not limits:
        plugins = [plugin for plugin in plugins if not plugin["name"].endswith("EntropyString")]
        plugins += [{"name": "Base64HighEntropyString", "limit": 3.0},
                    {"name": "HexHighEntropyString", "limit": 2.0}]
    starts: dict[int, str] = {}
    texts = {identity: text for identity, _, _, text in given}
    outputs = dict(texts)
    with tempfile.TemporaryDirectory() as folder, transient_settings({"plugins_used": plugins}):
        path = Path(folder) / "app.log"
        number = 1
        with path.open("w", encoding="utf-8") as file:
            for identity, text in texts.items():
                for line in text.split("\n"):
                    starts[number] = identity
                    number += 1
                    file.write(line.replace("\r", "") + "\n")
        start = time.process_time()
        found = list(scan_file(str(path)))
        for secret in found:
            identity = starts.get(secret.line_number, "")
            if identity and secret.secret_value:
                outputs[identity] = outputs[identity].replace(secret.secret_value, "[REDACTED]")
        return outputs, time.process_time() - start


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("LOGFIRE_CREDENTIALS_DIR", folder)
        sys.exit(main(sys.argv[1:]))
