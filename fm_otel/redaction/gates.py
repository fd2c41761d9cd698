"""Gates: is any of these literals in the text? What a clean line costs is what its gates cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Gate = Callable[[str], bool]

_WINDOW: Final = 3
_SIEVED: Final = 1024


def gate(literals: Iterable[str]) -> Gate:
    """Compile a chain of ``in`` tests: the fastest for a few literals, 35-80 ns each on a line.

    A literal that holds another one of them is left out: the shorter one answers for both.
    """
    chain = " or ".join(f"{literal!r} in text" for literal in shortest(literals)) or "False"
    return eval(f"lambda text: {chain}")  # type: ignore[no-any-return]  # noqa: S307


def sieve(literals: Iterable[str], buckets: Sequence[Sequence[str]]) -> Gate:
    """Return the same gate for many literals: a hundred cost a line what 25 cost in a chain.

    Every literal stands in one of eight buckets with three characters of it, its window. Three
    byte translations turn each character into the buckets that want it first, second and third
    in a window, one bit each; read as integers, shifted and joined, they leave a bit at every
    place where three neighbours suit one bucket, and only there is looked. This is the Teddy
    algorithm of Hyperscan with Python's integers for the vector registers.

    ``buckets`` gives the windows of each bucket. They decide how often is looked for nothing, not
    what is found: a literal without a window among them stands in the first bucket with its first
    three characters.
    """
    every = shortest(literals)
    bucket_of = {window: bucket for bucket, windows in enumerate(buckets) for window in windows}
    tables = [bytearray(256) for _ in range(_WINDOW)]
    places: dict[str, list[tuple[str, int]]] = {}
    for literal in sieved(every):
        bucket, offset = _place(literal, bucket_of)
        window = literal[offset : offset + _WINDOW]
        for table, character in zip(tables, window, strict=True):
            table[ord(character)] |= 1 << bucket
        places.setdefault(window, []).append((literal, offset))
    short = gate(literal for literal in every if len(literal) < _WINDOW)
    return _sieve(short, gate(every), tuple(map(bytes, tables)), places.get)


def sieved(literals: Iterable[str]) -> list[str]:
    """Return those of ``literals`` that need a window: long enough, and in ASCII."""
    return [literal for literal in literals if len(literal) >= _WINDOW and literal.isascii()]


def shortest(literals: Iterable[str]) -> list[str]:
    """Return ``literals`` without those that hold another one, by length."""
    every = sorted(set(literals), key=lambda literal: (len(literal), literal))
    return [
        word for at, word in enumerate(every) if not any(short in word for short in every[:at])
    ]


def _place(literal: str, bucket_of: dict[str, int]) -> tuple[int, int]:
    for offset in range(len(literal) - _WINDOW + 1):
        bucket = bucket_of.get(literal[offset : offset + _WINDOW])
        if bucket is not None:
            return bucket, offset
    return 0, 0


def _sieve(
    has_short: Gate, has_any: Gate, tables: tuple[bytes, ...],
    places: Callable[[str, tuple[()]], Iterable[tuple[str, int]]],
) -> Gate:
    first, second, third = tables
    number = int.from_bytes

    def has_literal(text: str) -> bool:
        if len(text) > _SIEVED or not text.isascii():
            return has_any(text)
        if has_short(text):
            return True
        raw = text.encode()
        suits = (
            number(raw.translate(first), "little")
            & number(raw.translate(second), "little") >> 8
            & number(raw.translate(third), "little") >> 16
        )
        while suits:
            bit = suits.bit_length() - 1
            at = bit >> 3
            for literal, offset in places(text[at : at + _WINDOW], ()):
                if at >= offset and text.startswith(literal, at - offset):
                    return True
            suits ^= 1 << bit
        return False

    return has_literal
