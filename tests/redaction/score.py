"""Score the redactor on a corpus: secrets caught, benign lines damaged, context kept.

``python -m tests.redaction.score [corpus ...] [--failures]`` prints the tables.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fm_otel.redaction import Redactor
from tests.redaction.corpus_lines import Line, issued_lines, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CORPORA = ("issued", "round1", "round2", "round3")
PIECE = 16


@dataclass
class Score:
    """Counts of one corpus, and the lines that failed."""

    secrets: int = 0
    caught: int = 0
    kept: int = 0
    benign: int = 0
    damaged: int = 0
    failures: list[tuple[str, Line, str]] = field(default_factory=list)
    by_category: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))

    @property
    def recall(self) -> float:
        return self.caught / self.secrets if self.secrets else 1.0

    @property
    def damage(self) -> float:
        return self.damaged / self.benign if self.benign else 0.0

    @property
    def context(self) -> float:
        return self.kept / self.secrets if self.secrets else 1.0


def leaks(secret: str, output: str) -> bool:
    """Tell whether ``secret``, or a 16-character piece of a long one, stands in ``output``."""
    if secret in output:
        return True
    if len(secret) < 2 * PIECE:
        return False
    return any(secret[at : at + PIECE] in output for at in range(0, len(secret) - PIECE + 1, PIECE))


def redacted(redactor: Redactor, line: Line) -> str:
    """Return what leaves the redactor for ``line``."""
    if line.where == "json":
        return json.dumps(redactor.mapping(line.value()), ensure_ascii=False)
    if line.where == "extra":
        return str(redactor.mapping({line.field: line.text})[line.field])
    return redactor.text(line.text)


def score(lines: Iterable[Line], output_of: Callable[[Line], str]) -> Score:
    """Score ``output_of``, any function from a line to what is written of it."""
    total = Score()
    for line in lines:
        output = output_of(line)
        if line.kind == "benign":
            _benign(total, line, output)
        else:
            _secret(total, line, output)
    return total


def _benign(total: Score, line: Line, output: str) -> None:
    total.benign += 1
    same = _mapping_in(output) == line.value() if line.where == "json" else output == line.text
    total.damaged += not same
    total.by_category[line.category][0] += same
    total.by_category[line.category][1] += 1
    if not same:
        total.failures.append(("damaged", line, output))


def _secret(total: Score, line: Line, output: str) -> None:
    total.secrets += 1
    caught = not any(leaks(secret, output) for secret in line.must_not_appear)
    kept = _in_order(line.must_keep, output, spaces=line.where != "json")
    total.caught += caught
    total.kept += kept
    total.by_category[line.category][0] += caught
    total.by_category[line.category][1] += 1
    if not caught:
        total.failures.append(("leaked", line, output))
    elif not kept:
        total.failures.append(("context", line, output))


def _mapping_in(output: str) -> Any:
    """Return the JSON value of ``output``; what is no JSON any more equals nothing."""
    try:
        return json.loads(output)
    except ValueError:
        return None


def _in_order(pieces: Iterable[str], output: str, *, spaces: bool = True) -> bool:
    """Tell whether all pieces are there; those between the tokens of JSON need not have its spaces."""
    if not spaces:
        pieces, output = [piece.replace(" ", "") for piece in pieces], output.replace(" ", "")
    at = 0
    for piece in pieces:
        found = output.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def lines_named(name: str) -> list[Line]:
    """Return a corpus: ``issued``, or the files of a round."""
    if name == "issued":
        return issued_lines()
    return lines_of(f"{name}_secrets") + lines_of(f"{name}_benign")


def main(arguments: list[str]) -> int:
    """Print the score of the corpora named in ``arguments``."""
    names = [name for name in arguments if not name.startswith("-")] or list(CORPORA)
    redactor = Redactor(report=print, project_root="")
    for name in names:
        total = score(lines_named(name), lambda line: redacted(redactor, line))
        print(f"{name}: {total.caught}/{total.secrets} caught ({total.recall:.1%}), "
              f"{total.kept}/{total.secrets} context kept ({total.context:.1%}), "
              f"{total.damaged}/{total.benign} benign damaged ({total.damage:.1%})")
        if "--categories" in arguments:
            for category, (good, count) in sorted(total.by_category.items()):
                print(f"  {category:28} {good}/{count}")
        if "--failures" in arguments:
            for what, line, output in total.failures:
                print(f"  {what:8} {line.id} {line.category}\n    {line.text!r}\n    {output!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
