"""Gates: is any of these literals in the text? A chain of ``in`` is the fastest way to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Gate = Callable[[str], bool]


def gate(literals: Iterable[str]) -> Gate:
    """Compile a chain of ``in`` tests: 35 ns each on a line, where a loop pays 80.

    A literal that holds another one of them is left out: the shorter one answers for both.
    """
    every = sorted(set(literals), key=len)
    needed = [word for at, word in enumerate(every) if not any(short in word for short in every[:at])]
    chain = " or ".join(f"{literal!r} in text" for literal in needed)
    return eval(f"lambda text: {chain}")  # type: ignore[no-any-return]  # noqa: S307
