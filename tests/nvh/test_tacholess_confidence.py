"""Confidence of a path of speed: what raises and lowers it, and what it does not change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsr import Signal, SpeedSearch, find_speed
from specsr.nvh.tacholess_candidates import Track, candidates
from specsr.nvh.tacholess_confidence import Evidence, by_sums, most
from specsr.nvh.tacholess_factors import FACTORS, SHARED, related, steps
from specsr.nvh.tacholess_mains import CONFIDENCE, mains_of
from specsr.nvh.tacholess_notes import cautions
from specsr.nvh.tacholess_path import STEP, speeds_between

COLUMN = 0.05
RATE = 4000.0
WIDE = SpeedSearch((2000.0, 5000.0))


def test_lines_at_known_orders_are_surer_and_noise_is_at_neither():
    few = Evidence(np.array(4.5), np.array(3.2), np.array(1.0))
    assert by_sums(few, known=True) > 0.9 > by_sums(few) > 0.5
    noise = Evidence(np.array(3.2), np.array(2.2), np.array(-0.7))  # of its best paths
    assert by_sums(noise, known=True) < 0.1 and by_sums(noise) < 0.1


@given(
    sums=st.floats(0, 20), support=st.floats(0, 20), lead=st.floats(-10, 20),
    more=st.floats(0, 5), known=st.booleans(),
)  # fmt: skip
def test_more_evidence_never_lowers_the_confidence(sums, support, lead, more, known):
    less, higher = (
        Evidence(*(np.array(each + x) for each in (sums, support, lead))) for x in (0.0, more)
    )
    assert 0 <= by_sums(less, known) <= by_sums(higher, known) <= 1
    assert 0 <= most(less) <= most(higher) <= 1


def test_evidence_does_not_depend_on_the_parts_that_are_sorted_at_once(monkeypatch):
    scores = np.random.default_rng(1).standard_normal((400, 100)).astype(np.float32)
    path = np.arange(100) % 400
    whole = Evidence.of(scores, path, COLUMN)
    monkeypatch.setattr("specsr.nvh.tacholess_confidence.PART", 7)
    monkeypatch.setattr("specsr.nvh.tacholess_factors.PART", 7)
    parts = Evidence.of(scores, path, COLUMN)
    for name in ("sums", "support", "lead"):
        assert np.array_equal(getattr(parts, name), getattr(whole, name))


def test_related_speeds_are_those_within_reach_of_a_simple_factor():
    path = np.array([0, 350, 799])
    ((part, taken),) = related(path, 800)
    assert part == slice(0, 1024)
    distance = np.abs(np.arange(800)[:, None, None] - path[:, None] - [steps(f) for f in FACTORS])
    assert np.array_equal(taken, (distance <= SHARED / STEP).any(axis=2))


def sums_beside(factor: float | None) -> np.ndarray:
    """Return sums of 8 at one steady speed, and of 12 at another one or none, [S, T]."""
    scores = np.full((1200, 40), 0.5, np.float32)
    scores[300] = 8.0
    if factor is not None:
        scores[300 + round(np.log(factor) / STEP)] = 12.0
    return scores


def rivalled(factor: float | None) -> Track:
    """Return the track of the lower sums."""
    return Track.of(sums_beside(factor), np.full(40, 300), np.arange(1, 5.0), COLUMN, "free")


def test_a_path_without_a_lead_over_unrelated_speeds_is_unsure_and_as_preferred():
    """Clicks agree with all speeds, the lines of two machines with several."""
    alone, octave, other = rivalled(None), rivalled(2.0), rivalled(1.15)
    assert alone.confidence.min() > 0.95
    assert np.array_equal(octave.confidence, alone.confidence)  # shares its lines
    assert other.confidence.max() < 0.3
    assert np.array_equal(other.clear, alone.clear) and other.clearness == alone.clearness


@pytest.mark.parametrize("sure", [0.0, 1.0])
def test_the_confidence_decides_nothing(sure):
    speeds = speeds_between(100.0, 1000.0)[:1200]
    one, two = rivalled(None), rivalled(1.15)
    changed = [replace(each, confidence=np.full(40, sure)) for each in (one, two)]
    first, second = (
        candidates(tracks, sums_beside(None), speeds, (100.0, 900.0), None, scored=False)
        for tracks in ([one, two], changed)
    )
    assert [each.rpm.tolist() for each in first] == [each.rpm.tolist() for each in second]


def hum(frequency: float, seconds: float = 1.5) -> Signal:
    times = np.arange(round(seconds * RATE)) / RATE
    lines = sum(np.sin(2 * np.pi * frequency * k * times + k) / k for k in (1, 2, 3, 4, 6, 8))
    return Signal(lines + 0.1 * np.random.default_rng(0).standard_normal(times.size), RATE)


@pytest.mark.parametrize("frequency", [50.0, 59.97])
def test_a_hum_is_no_machine(frequency):
    found = find_speed(hum(frequency), WIDE)
    assert found.mains == round(frequency) and not found.is_found
    assert found.confidence.max() <= CONFIDENCE < 0.3
    assert f"multiples of {found.mains:g} Hz" in cautions(found)[-1]


@pytest.mark.parametrize("stated", [{"orders": (1.0, 2.0, 3.0, 4.0, 6.0, 8.0)}, {"start": 3000.0}])
def test_a_machine_that_is_stated_to_run_with_the_mains_is_found(stated):
    found = find_speed(hum(50.0), replace(WIDE, **stated))
    assert found.mains == 50.0 and found.is_found and found.confidence.mean() > 0.9


def test_a_steady_machine_beside_the_mains_keeps_its_confidence():
    found = find_speed(hum(49.7), WIDE)  # an induction motor with a slip of 0.6 %
    assert found.mains is None and found.confidence.mean() > 0.9
    assert np.median(found.rpm) == pytest.approx(60 * 49.7, rel=2e-3)


def test_lines_are_of_the_mains_while_most_of_them_are_at_one_multiple():
    sure = np.ones(100)

    def mains(truth: np.ndarray, clear: np.ndarray = sure, off: float = 0.0) -> float | None:
        return mains_of(truth * (1 + off), clear, lambda start: truth)

    for off in (0.0, -0.008):  # of a path, whose refinement is not
        assert mains(np.full(100, 50.05), sure, off) == 50.0
        assert mains(np.full(100, 120.0), sure, off) == 60.0
        assert mains(np.full(100, 49.8), sure, off) is None
        assert mains(np.full(100, 25.0), sure, off) is None  # of which 50 Hz has every second line
    assert mains(np.linspace(45, 55, 100)) is None
    half = np.where(np.arange(100) < 50, 50.0, 56.0)
    assert mains(half) is None
    assert mains(half, 1.0 * (half == 50)) == 50.0
    assert mains(half, 0 * sure) is None


def test_clicks_are_no_machine():
    rng = np.random.default_rng(3)
    samples = 1e-3 * rng.standard_normal(round(3 * RATE))
    for at in np.cumsum(rng.uniform(0.2, 0.5, 7)):
        first = round(at * RATE)
        ring = np.arange(400) / RATE
        samples[first : first + 400] += np.exp(-ring / 0.02) * np.sin(2 * np.pi * 700 * ring)
    found = find_speed(Signal(samples, RATE))
    assert found.confidence.mean() < 0.3 and not found.is_found


@pytest.mark.parametrize(("orders", "sure"), [((2, 4, 6), 0.75), ((1, 2, 3, 4), 0.9)])
def test_clean_short_run_ups_of_few_lines_keep_their_confidence(orders, sure):
    rpm = np.linspace(1200, 2400, round(1.5 * RATE))
    turns = np.cumsum(rpm) / 60 / RATE
    lines = sum(np.sin(2 * np.pi * k * turns + k) for k in orders)
    noise = 0.2 * np.random.default_rng(0).standard_normal(rpm.size)
    found = find_speed(Signal(lines + noise, RATE), SpeedSearch((900, 5000)))
    clear = found.candidates[found.chosen].track.clear
    assert found.confidence.mean() > max(sure, clear.mean() - 0.02)


def test_a_jump_to_other_lines_leaves_one_side_sure():
    """Lines of a machine at 1500 rpm end where those of another at 2700 rpm begin."""
    turns = np.arange(round(2 * RATE)) / RATE * 25
    one, two = (
        sum(np.cos(2 * np.pi * k * turns * factor + k * k) for k in range(1, 8))
        for factor in (1.0, 1.8)
    )
    noise = 0.5 * np.random.default_rng(1).standard_normal(2 * turns.size)
    found = find_speed(Signal(np.append(one, two) + noise, RATE), SpeedSearch((1100, 3200)))
    (jump,) = found.breaks
    assert jump == pytest.approx(2.0, abs=0.2)
    sides = found.confidence[found.times < jump - 0.3], found.confidence[found.times > jump + 0.3]
    low, high = sorted(sides, key=np.mean)
    assert low.max() <= 0.5 < 0.9 < high.min()
    clear = found.candidates[found.chosen].track.clear
    assert min(clear[found.times < jump - 0.3].min(), clear[found.times > jump + 0.3].min()) > 0.9
