"""Two speeds that explain a recording alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsr import Signal, SpeedSearch, find_speed
from specsr.nvh.tacholess_candidates import Candidate, Track
from specsr.nvh.tacholess_notes import cautions
from specsr.nvh.tacholess_rivals import MOST, SCORES, rival_of

RATE = 4000.0


def candidate(rpm: float, score: float, clear: float = 0.9, kind: str = "limited") -> Candidate:
    sure = np.full(40, clear)
    track = Track(np.zeros(40, int), np.arange(1, 5.0), sure, sure, kind)
    return Candidate(np.full(40, rpm), score, 1.0, track)


@given(ratio=st.floats(0, 3), score=st.floats(0.1, 20), apart=st.sampled_from([0.9, 1.15, 2.4]))
def test_the_confidence_falls_from_one_with_the_score_of_a_rival(ratio, score, apart):
    found = rival_of([candidate(2000, score), candidate(2000 * apart, ratio * score)], 0)
    if found is None:
        assert ratio <= SCORES[0] + 1e-9
        return
    assert found.candidate == 1 and ratio > SCORES[0] - 1e-9
    assert MOST[1] <= found.confidence <= 1
    assert found.confidence < 0.5 or ratio < SCORES[1]
    higher = rival_of([candidate(2000, score), candidate(2000 * apart, 1.1 * ratio * score)], 0)
    assert higher is not None and higher.confidence <= found.confidence


@pytest.mark.parametrize(
    "other",
    [candidate(4000, 9), candidate(1000, 9), candidate(16000, 9), candidate(3000 * 1.02, 9),
     candidate(2300, 9, clear=0.1)],
)  # fmt: skip
def test_speeds_that_share_lines_or_have_none_are_no_rivals(other):
    own = candidate(2000, 5)
    assert rival_of([own, other], 0) is None
    assert rival_of([own], 0) is None
    assert rival_of([own, replace(candidate(2300, 9), track=own.track)], 0) is None


def test_the_path_of_the_highest_sums_is_a_rival_of_a_second_one_with_any_score():
    first, second = candidate(2300, 1, kind="free"), candidate(2000, 5, kind="other")
    found = rival_of([second, first], 0)
    assert found is not None and found.confidence == MOST[1]
    assert rival_of([replace(first, score=5.0), replace(second, score=1.0)], 0) is None


def two_machines(second: float) -> Signal:
    """Return six lines of machines at 1860 and 2622 rpm, the second one at a level."""
    turns = np.arange(round(2.5 * RATE)) / RATE
    lines = sum(
        level * np.cos(2 * np.pi * k * hz * turns + k * k)
        for hz, level in ((31.0, 1.0), (43.7, second)) for k in range(1, 7)
    )  # fmt: skip
    return Signal(lines + 0.5 * np.random.default_rng(0).standard_normal(turns.size), RATE)


def test_two_machines_alike_leave_the_speed_open_until_one_is_chosen():
    options = SpeedSearch((1500.0, 3500.0))
    found = find_speed(two_machines(1.0), options)
    assert found.rival is not None and not found.is_found and found.confidence.max() <= 0.5
    assert any(each.startswith(f"candidate {found.rival + 1}, ") for each in cautions(found))
    for rpm, choice in ((1860.0, {"start": 1860.0}), (2622.0, {"candidate": found.rival + 1})):
        chosen = find_speed(two_machines(1.0), replace(options, **choice))
        assert np.median(chosen.rpm) == pytest.approx(rpm, rel=1e-2)  # which one it is
        assert chosen.rival is None and chosen.is_found
    alone = find_speed(two_machines(0.0), options)
    assert alone.rival is None and alone.confidence.mean() > 0.9
