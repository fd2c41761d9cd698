"""The gates: a sieve says what a chain of ``in`` says, and no detector is called without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fm_otel.redaction import gates, scan
from fm_otel.redaction.buckets import BUCKETS, MARK_BUCKETS
from tests.redaction.score import CORPORA, lines_named
from tests.redaction.unseen.lines import lines_of
from tests.redaction.unseen.score import ROUNDS

if TYPE_CHECKING:
    from random import Random

SIEVE = gates.sieve(scan.LITERALS, BUCKETS)
PIECES = sorted({word[at : at + size] for word in scan.LITERALS for size in (2, 3, 4, 40) for at in range(len(word))})
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(" abcdefikmnoprstuwyz:/-_.", max_size=6)), max_size=12).map("".join)


@settings(max_examples=3000, deadline=None)
@given(TEXTS)
def test_a_sieve_finds_what_a_chain_finds(text: str) -> None:
    """In text made of halves of the literals, where a window alone is not enough."""
    assert SIEVE(text) == any(word in text for word in scan.LITERALS), text


@pytest.mark.parametrize("buckets", [(), (("sec", "key"),), BUCKETS], ids=["none", "few", "shipped"])
def test_a_sieve_finds_every_literal_wherever_it_stands(buckets: tuple[tuple[str, ...], ...]) -> None:
    """At the beginning, in the middle, at the end, in a long text and beside other scripts."""
    sieve = gates.sieve(scan.LITERALS, buckets)
    for word in scan.LITERALS:
        for text in (word, f"{word} 1", f"1 {word}", f"(1{word}1)", "1" * 2000 + word, f"{word} 1€"):
            assert sieve(text), text


@settings(max_examples=3000, deadline=None)
@given(TEXTS | st.lists(st.sampled_from([*PIECES, "7", "42", "4111111", ":"]), max_size=9).map("".join), st.randoms())
def test_what_is_plain_is_plain_with_other_digits(text: str, chance: Random) -> None:
    """So a message is clean that differs from a clean one by its numbers only."""
    if scan.is_plain(text) and not scan.detectors(text):
        other = "".join(str(chance.randrange(10)) if char.isdigit() else char for char in text)
        assert scan.folded(other) == scan.folded(text)
        assert not scan.detectors(other), other
        assert not scan.path_spans(other, "")


def test_no_detector_is_called_that_the_sieve_does_not_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found with the sieve is what is found when everything is asked for."""
    texts = [line.text for name in CORPORA for line in lines_named(name)]
    texts += [line.text for name in ROUNDS for kind in ("secrets", "benign") for line in lines_of(f"{name}_{kind}")]
    found = [scan.spans_of(text) for text in texts]
    monkeypatch.setattr(scan, "_says_something", lambda _: True)
    monkeypatch.setattr(scan, "_has_mark", lambda _: True)
    assert [scan.spans_of(text) for text in texts] == found
    assert sum(map(bool, found)) > len(texts) / 3


def test_every_literal_has_a_window() -> None:
    """A word added without ``.ci/generate`` is found, but slows every line down."""
    for literals, buckets in ((scan.LITERALS, BUCKETS), (scan.MARKS, MARK_BUCKETS)):
        windows = {window for bucket in buckets for window in bucket}
        for literal in gates.sieved(gates.shortest(literals)):
            assert any(window in literal for window in windows), f"run .ci/generate: {literal}"
