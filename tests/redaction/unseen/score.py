"""Score the redactor on the adversary's rounds.

``python -m tests.redaction.unseen.score [round ...] [--failures] [--categories]``
"""

from __future__ import annotations

import json
import sys
from typing import Any

from fm_otel.redaction import Redactor
from tests.redaction.corpus_lines import Line
from tests.redaction.score import Score, leaks
from tests.redaction.unseen.lines import FOLDER, lines_of

ROUNDS = tuple(sorted(path.name.removesuffix("_secrets.txt") for path in FOLDER.glob("round_*_secrets.txt")))


def output_of(redactor: Redactor, line: Line) -> Any:
    """Return what leaves ``redactor`` for ``line``: a text or a mapping."""
    if line.where == "json":
        return redactor.mapping(line.value())
    if line.where == "extra":
        return redactor.mapping({line.field: line.text})[line.field]
    return redactor.stack(line.text) if line.where == "stack" else redactor.text(line.text)


def score(lines: list[Line], redactor: Redactor) -> Score:
    """Return the counts of ``lines`` and the lines that failed."""
    total = Score()
    for line in lines:
        output = output_of(redactor, line)
        text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
        given = line.value()
        again = output if output == given else output_again(redactor, line, output)
        counts = total.by_category[line.category]
        counts[1] += 1
        if line.kind == "benign":
            total.benign += 1
            total.damaged += output != given
            counts[0] += output == given
            if output != given:
                total.failures.append(("damaged", line, text))
            continue
        caught = not any(leaks(secret, text) for secret in line.must_not_appear)
        kept = intact(line, given, output)
        total.secrets += 1
        total.caught += caught
        total.kept += kept
        counts[0] += caught and kept
        if not caught:
            total.failures.append(("leaked", line, text))
        elif not kept:
            total.failures.append(("context", line, text))
        elif again != output:
            total.failures.append(("twice", line, f"{text} -> {again}"))
    return total


def output_again(redactor: Redactor, line: Line, output: Any) -> Any:
    """Return what a second run makes of ``output``."""
    if isinstance(output, dict):
        return redactor.mapping(output)
    if line.where == "extra":
        return redactor.mapping({line.field: output})[line.field]
    return redactor.text(output)


def intact(line: Line, given: Any, output: Any) -> bool:
    """Tell whether everything beside the secrets is still there, in order."""
    if isinstance(given, str):
        at = 0
        for piece in line.must_keep:
            found = output.find(piece, at)
            if found < 0:
                return False
            at = found + len(piece)
        return True
    if isinstance(given, dict):
        return len(given) == len(output) and all(
            any(secret in key for secret in line.must_not_appear)
            or (key in output and (intact_leaf(line, value, output[key])))
            for key, value in given.items()
        )
    return True


def intact_leaf(line: Line, given: Any, output: Any) -> bool:
    """Tell whether a value without secrets is unchanged, and containers leaf by leaf."""
    if isinstance(given, dict):
        return isinstance(output, dict) and intact(line, given, output)
    if isinstance(given, list):
        return isinstance(output, list) and all(
            intact_leaf(line, a, b) for a, b in zip(given, output, strict=False)
        )
    return given == output or any(secret in str(given) for secret in line.must_not_appear)


def main(arguments: list[str]) -> int:
    """Print the score of the rounds named in ``arguments``."""
    redactor = Redactor(report=print, project_root="")
    for name in [name for name in arguments if not name.startswith("-")] or ROUNDS:
        lines = lines_of(f"{name}_secrets") + lines_of(f"{name}_benign")
        total = score(lines, redactor)
        print(
            f"{name}: {total.caught}/{total.secrets} caught ({total.recall:.1%}), "
            f"{total.kept}/{total.secrets} context kept ({total.context:.1%}), "
            f"{total.damaged}/{total.benign} benign damaged ({total.damage:.1%}), "
            f"{sum(what == 'twice' for what, *_ in total.failures)} changed by a second run"
        )
        if "--categories" in arguments:
            for category, (good, count) in sorted(total.by_category.items()):
                print(f"  {category:28} {good}/{count}")
        if "--failures" in arguments:
            for what, line, output in total.failures:
                print(f"  {what:8} {line.id} {line.category}\n    {line.text!r}\n    {output!r}\n      {line.must_not_appear!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
