"""What the adversary's rounds reached is kept."""

from __future__ import annotations

import pytest

from fm_otel.redaction import Redactor
from tests.redaction.unseen.lines import lines_of
from tests.redaction.unseen.score import ROUNDS, score

# Round: secrets caught, context kept, benign lines damaged. Raise them with the rules.
REACHED = {
    "round_a": (0.994, 0.997, 0.0),
    "round_b": (0.993, 1.0, 0.0),
    "round_c": (1.0, 1.0, 0.0),
    "round_d": (1.0, 1.0, 0.0),
    "round_e": (0.992, 0.996, 0.0),
    "round_f": (0.988, 0.996, 0.0),
    "round_g": (1.0, 1.0, 0.0),
    "round_h": (0.986, 0.991, 0.0),
    "round_i": (0.995, 1.0, 0.0),
    "round_j": (0.990, 1.0, 0.0),
    "round_k": (1.0, 1.0, 0.0),
    "round_l": (1.0, 1.0, 0.0),
    "round_m": (1.0, 0.995, 0.0),
    "round_n": (1.0, 1.0, 0.0),
    "round_o": (1.0, 1.0, 0.0),
    "round_p": (1.0, 1.0, 0.0),
    "round_q": (0.996, 0.996, 0.0),
    "round_r": (0.977, 1.0, 0.0),
    "round_s": (0.977, 0.991, 0.0),
    "round_t": (0.983, 1.0, 0.0),
    "round_u": (1.0, 1.0, 0.0),
    "round_v": (1.0, 0.992, 0.0),
    "round_w": (1.0, 1.0, 0.0),
    "round_x": (1.0, 0.995, 0.0),
    "round_y": (0.996, 1.0, 0.0),
    "round_z": (0.988, 0.996, 0.0),
    "round_za": (1.0, 1.0, 0.0),
    "round_zb": (0.986, 0.995, 0.005),
    "round_zc": (0.992, 1.0, 0.0),
    "round_zd": (0.925, 0.991, 0.0),
    "round_ze": (1.0, 1.0, 0.0),
}


@pytest.mark.parametrize("name", REACHED)
def test_no_round_scores_less_than_before(name: str) -> None:
    """Caught, kept and damaged stay at what was reached, and a second run changes nothing."""
    caught, kept, damaged = REACHED[name]
    total = score(lines_of(f"{name}_secrets") + lines_of(f"{name}_benign"), Redactor(project_root=""))
    failures = [(what, line.id, output) for what, line, output in total.failures]
    assert total.recall >= caught, failures
    assert total.context >= kept, failures
    assert total.damage <= damaged, failures
    assert not [failure for failure in failures if failure[0] == "twice"]


def test_every_round_is_held_to_what_it_reached() -> None:
    """A round without its figures would be scored by nobody."""
    assert set(REACHED) == set(ROUNDS)
