"""Jumps of a path between multiples of a speed, and machines that make them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from specsr import Signal, SpeedSearch, find_speed
from specsr.nvh.tacholess_candidates import Candidate, Track, candidates
from specsr.nvh.tacholess_factors import FACTORS
from specsr.nvh.tacholess_jumps import even_path, jumps
from specsr.nvh.tacholess_path import STEP, speeds_between
from specsr.nvh.tacholess_pattern import changes, lowered

COLUMN = 0.05
SPEEDS = speeds_between(100.0, 16000.0)


def positions(rpm: np.ndarray) -> np.ndarray:
    return np.round(np.log(rpm / 100.0) / STEP).astype(int)


def jumping(parts: tuple[Fraction, ...], slope: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Return a path of 3 s per part at multiples of 2000 rpm, and whether a column is in a jump.

    Jumps change log(speed) by up to 3 per second, as fast as a path may.
    """
    size = 60
    log = slope * COLUMN * np.arange(size * len(parts)) + np.log(2000.0)
    factor = np.repeat([np.log(float(each)) for each in parts], size)
    inside = np.zeros(len(log), dtype=bool)
    for k in range(1, len(parts)):
        before, after = factor[k * size - size // 2], factor[k * size]
        width = int(abs(after - before) / (3 * COLUMN))
        around = slice(k * size - width, k * size)
        inside[around] = True
        factor[around] = np.linspace(before, after, width + 2)[1:-1]
    return positions(np.exp(log + factor)), inside


@pytest.mark.parametrize(
    ("parts", "spacings"),
    [((4, 1), (4, 1)), ((1, 3), (1, 3)), ((4, 3), (4, 3)), ((2, 1, 4), (2, 1, 4))],
)
@pytest.mark.parametrize("slope", [-0.15, 0.0, 0.15])
def test_parts_of_a_path_get_one_factor(parts, spacings, slope):
    path, inside = jumping(tuple(Fraction(each, 2) for each in parts), slope)
    found = jumps(path, np.where(inside, 1.5, 6.0), COLUMN)
    assert len(found) == len(parts) - 1
    for jump, (before, after) in zip(found, zip(parts, parts[1:])):
        assert jump.factor == pytest.approx(after / before, rel=0.03)
    even = even_path(path, found, len(SPEEDS), FACTORS)
    assert even is not None
    expected = positions(1000.0 * np.exp(slope * COLUMN * np.arange(len(path))))
    assert np.abs(even - expected).max() <= 3  # roundings to steps of 0.2 %


@pytest.mark.parametrize("begin", [-0.1, 0.0])
def test_a_jump_of_a_run_that_speeds_up_beside_it_has_its_factor(begin):
    """The slope of log(speed) rises from 0 to 1 per second within half a second."""
    times = COLUMN * np.arange(-40, 41)
    log = np.cumsum(np.clip(2 * (times - begin), 0, 1)) * COLUMN
    width = int(np.log(2) / (3 * COLUMN))
    log -= np.interp(times, [-COLUMN * width, 0], [0, np.log(2)])
    inside = (times < 0) & (times > -COLUMN * (width - 0.5))
    (jump,) = jumps(positions(2000 * np.exp(log)), np.where(inside, 1.5, 6.0), COLUMN)
    assert jump.factor == pytest.approx(0.5, rel=0.05)  # else it is no simple factor


def test_a_fast_run_that_keeps_its_lines_is_no_jump():
    path, _ = jumping((Fraction(1), Fraction(2)))
    assert jumps(path, np.full(len(path), 6.0), COLUMN) == []
    assert jumps(np.full(40, 100), np.full(40, 6.0), COLUMN) == []
    assert jumps(np.array([100]), np.array([6.0]), COLUMN) == []


def test_a_jump_to_another_shaft_is_kept_without_confidence():
    path, inside = jumping((Fraction(1), Fraction(7, 4)))
    found = jumps(path, np.where(inside, 1.5, 6.0), COLUMN)
    assert even_path(path, found, len(SPEEDS), FACTORS) is None
    scores = np.random.default_rng(0).standard_normal((len(SPEEDS), len(path)))
    scores[path, np.arange(len(path))] = np.where(inside, 1.0, 9.0)
    track = Track.of(scores, path, np.arange(1, 41.0), COLUMN, "free")
    assert len(track.breaks) == 1 and inside[track.breaks[0]]
    assert np.array_equal(track.path, path)
    assert track.clearness > 0.9
    assert track.confidence[found[0].first + 1 : found[0].last].max() == 0
    assert track.clear[:40].min() > 0.9


@pytest.mark.parametrize(("lines", "least", "most"), [(True, 0.9, 1.0), (False, 0.5, 0.5)])
def test_a_path_with_one_factor_is_sure_where_it_has_lines_of_its_own(lines, least, most):
    path, inside = jumping((Fraction(2), Fraction(3)))
    even = even_path(path, jumps(path, np.where(inside, 1.5, 9.0), COLUMN), len(SPEEDS), FACTORS)
    assert even is not None
    columns = np.arange(len(path))
    scores = np.random.default_rng(0).standard_normal((len(SPEEDS), len(path)))
    scores[path, columns] = np.where(inside, 1.0, 9.0)
    if lines:
        scores[even, columns] = 8.0
    track = Track.of(scores, path, np.arange(1, 41.0), COLUMN, "free")
    assert np.array_equal(track.path, even) and track.breaks == ()
    assert track.clear[~inside].min() > 0.9  # as the path is followed
    assert least <= track.confidence[:40].min() <= track.confidence[:40].max() <= most


def test_a_path_below_the_speeds_of_the_search_is_not_joined():
    path, inside = jumping((Fraction(4), Fraction(1)), 0.0)
    path -= path.min() - 5
    found = jumps(path, np.where(inside, 1.5, 6.0), COLUMN)
    assert even_path(path, found, len(SPEEDS), FACTORS) is not None  # the lower part is the unit
    path, inside = jumping((Fraction(4), Fraction(3)), 0.0)
    path -= path.min() - 5
    found = jumps(path, np.where(inside, 1.5, 6.0), COLUMN)
    assert even_path(path, found, len(SPEEDS), FACTORS) is None


def track_at(rpm: float, level: float, sure: float, kind: str) -> tuple[Track, np.ndarray]:
    """Return a steady track of a confidence, and scores that are ``level`` at its speed."""
    scores = np.zeros((len(SPEEDS), 20), np.float32)
    path = positions(np.full(20, rpm))
    scores[path, np.arange(20)] = level
    clear = np.full(20, sure)
    return Track(path, np.arange(1, 5.0), clear, clear, kind), scores


@pytest.mark.parametrize(("level", "first"), [(5.0, "the orders given"), (5.4, "another")])
def test_lines_at_the_orders_given_with_the_highest_score_come_first(level, first):
    given, own = track_at(2000.0, 5.2, 0.8, "given")
    other, beside = track_at(2340.0, level, 0.95, "other")
    found: list[Candidate] = candidates(
        [given, other], np.maximum(own, beside), SPEEDS, (1500.0, 3000.0), None, scored=True
    )
    assert first in found[0].lines


def test_a_machine_whose_strong_orders_change_has_one_factor():
    """Half orders set in at 2 s; before there are the firing orders alone."""
    rate, seconds = 6000.0, 4.0
    rpm = np.linspace(1500.0, 3000.0, round(rate * seconds))
    turns = np.cumsum(rpm) / 60 / rate
    firing, half = (
        sum(np.cos(2 * np.pi * k * turns + k * k) for k in orders)
        for orders in (range(2, 14, 2), np.arange(0.5, 12.5, 0.5))
    )
    samples = np.where(np.arange(rpm.size) < rpm.size / 2, firing, half)
    samples += 0.3 * np.random.default_rng(2).standard_normal(rpm.size)
    found = find_speed(Signal(samples, rate), SpeedSearch((700.0, 8000.0)))
    ratio = found.rpm / np.interp(found.times, np.arange(rpm.size) / rate, rpm)
    assert np.median(ratio) == pytest.approx(0.5, rel=1e-3)  # half orders count as orders
    assert np.mean(np.abs(ratio / 0.5 - 1) < 0.03) >= 0.9
    assert found.breaks == ()
    assert 0 < np.mean(found.confidence == 0) < 0.12  # within the jump


def test_a_path_that_goes_to_another_shaft_is_named_and_less_sure():
    """A shaft speeds up and ends at 2.4 s, where another one of the same speed slows down."""
    rate, meet = 2500.0, 2.4
    time = np.arange(round(rate * 4)) / rate
    rpm = 1500 + 300 * np.where(time < meet, time, 2 * meet - time)
    turns = np.cumsum(rpm) / 60 / rate
    first, second = (
        sum(np.cos(2 * np.pi * k * turns + k * k) for k in orders)
        for orders in ((1, 2, 3, 4, 6, 9), (1, 2, 5, 7, 8, 10, 11))
    )
    noise = np.random.default_rng(2).standard_normal(rpm.size)
    search = SpeedSearch((1000.0, 4000.0))
    found = find_speed(Signal(np.where(time < meet, first, second) + noise, rate), search)
    assert found.changes == (pytest.approx(meet, abs=0.2),)
    early, late = found.times < found.changes[0], found.times > found.changes[0]
    assert found.confidence[early].max() > 0.9 > 0.5 >= found.confidence[late].max()
    alone = find_speed(Signal(first + noise, rate), search)
    assert alone.changes == () and alone.confidence.max() > 0.9


def test_the_surer_side_of_a_change_keeps_its_confidence():
    confidence = np.where(np.arange(100) < 30, 0.8, 0.9)
    found = lowered(confidence, [30])
    assert (found[:30] == 0.5).all() and np.array_equal(found[30:], confidence[30:])
    assert np.array_equal(lowered(confidence, []), confidence)


def test_the_pattern_of_a_machine_that_stays_the_same_does_not_change():
    rng = np.random.default_rng(3)
    own, other = (rng.uniform(-3, 20, (30, 1)) for _ in range(2))
    scatter = rng.standard_normal((30, 200))
    sure = np.ones(200)
    assert changes(own + 3 * scatter, sure, 0.05) == []
    both = np.where(np.arange(200) < 90, own, other) + 3 * scatter
    assert changes(both, sure, 0.05) == [pytest.approx(90, abs=5)]
    assert changes(both, 0 * sure, 0.05) == []
