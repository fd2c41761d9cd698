"""The little arithmetic the sections share."""

from __future__ import annotations

import random
from collections.abc import Sequence


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` of an ordered sequence lies."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def median(values: Sequence[float]) -> float:
    """Return the middle of ``values``."""
    return quantile(sorted(values), 0.5)


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median ratio of figures taken in the same rounds."""
    return median([a / b for a, b in zip(ours, theirs, strict=True) if b > 0] or [float("nan")])


def interval(values: Sequence[float], share: float = 0.95) -> tuple[float, float, float]:
    """Return the mean of ``values`` and its bootstrap interval."""
    chance = random.Random(7)
    count = len(values)
    means = sorted(sum(chance.choices(values, k=count)) / count for _ in range(2000))
    rest = (1 - share) / 2
    return sum(values) / count, quantile(means, rest), quantile(means, 1 - rest)
