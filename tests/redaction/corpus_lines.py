"""Read the corpora: templates in files, secrets made at run time."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.redaction.secret_values import ISSUED, Values

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent / "corpus"
_SLOT = re.compile(r"<<(\w+)>>")
_CONTEXTS = (
    "provider refused key {}",
    "using {} for the call",
    "key={} retries=3",
    '{{"value": "{}", "region": "eu"}}',
    "config: '{}', timeout 5",
    "[{}] rejected",
    "header x-key: {}\nnext line",
    "失败：{}。请重试",
)


@dataclass(frozen=True)
class Line:
    """One line of a corpus."""

    id: str
    category: str
    kind: str
    where: str
    field: str
    text: str
    must_not_appear: tuple[str, ...] = ()
    must_keep: tuple[str, ...] = field(default=())

    def value(self) -> Any:
        """Return what is logged: the text, or the mapping it spells."""
        return json.loads(self.text) if self.where == "json" else self.text


def lines_of(name: str, seed: int = 20240601) -> list[Line]:
    """Return the lines of corpus file ``name``, its secrets made from ``seed``."""
    values = Values(seed)
    kind = "benign" if name.endswith("benign") else "secret"
    found = []
    for number, (category, template) in enumerate(_templates(FOLDER / f"{name}.txt"), 1):
        found.append(_line(f"{name}-{number}", category, kind, template, values))
    return found


def issued_lines(seed: int = 20240601) -> list[Line]:
    """Return every documented token format in several contexts."""
    values = Values(seed)
    found = []
    for number, kind in enumerate([*ISSUED, "github_classic", "openai_project", "jwt", "jwt_unsigned", "bcrypt", "argon2"]):
        for step in range(3):
            context = _CONTEXTS[(number + step * 3) % len(_CONTEXTS)]
            if kind == "kubeadm":
                context = "kubeadm join 10.0.0.1:6443 --token {} --v=5"
            if kind == "slack_webhook_path":
                context = "post to https://hooks.slack.com/services/{} failed"
            template = context.replace("{}", f"<<{kind}>>").replace("{{", "{").replace("}}", "}")
            found.append(_line(f"issued-{kind}-{step}", f"issued_{kind}", "secret", template, values))
    return found


def _templates(path: Path) -> Iterator[tuple[str, str]]:
    category = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            category = line[3:].strip()
        elif line and not line.startswith("# "):
            yield category, line.replace("⏎", "\n")


def _line(identity: str, category: str, kind: str, template: str, values: Values) -> Line:
    where, key = "message", "message"
    if template.startswith("@"):
        key, _, template = template[1:].partition(" ")
        where = "json" if key == "json" else "extra"
    secrets: list[str] = []

    def filled(match: re.Match[str]) -> str:
        secret = values.make(match[1])
        if match[1] == "pem_body":
            indent = re.search(r"\n([ ]+)\Z", template[: match.start()])
            if indent:
                secret = secret.replace("\n", "\n" + indent[1])
            secrets.extend(piece for piece in secret.split() if len(piece) > 20)
        else:
            secrets.append(secret)
        return secret

    text = _SLOT.sub(filled, template)
    keep = [piece for piece in _SLOT.split(template)[::2] if piece.strip() and "PRIVATE KEY" not in piece]
    if where == "json":
        keep = []
    return Line(identity, category, kind, where, key, text, tuple(secrets), tuple(keep))
