"""Speed without a tacho: harmonic sums of a map and the path through them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from specsr.nvh.tacholess_map import HarmonicMap
from specsr.nvh.tacholess_path import MAX_SLOPE, PENALTY, STEP, Search, best_path, speeds_between
from specsr.nvh.tacholess_phase import demodulated


def comb_map(spacing_hz: float, df: float = 2.0) -> np.ndarray:
    """Return the power of a map [1, F, T] with lines 20 dB over noise, of Hann windows."""
    rng = np.random.default_rng(1)
    power = rng.exponential(size=(1, 400, 40))
    for line in np.arange(spacing_hz, 700, spacing_hz):
        power[:, round(line / df) + np.array([-1, 0, 1])] += np.array([25, 100, 25])[:, None]
    return power


def test_any_power_map_scores_its_spacing_highest():
    made = HarmonicMap.of(comb_map(40.0), 2.0)
    speeds = speeds_between(10, 160)
    scores = next(made.scores(speeds, np.arange(1, 41.0)))
    assert scores.shape == (len(speeds), 40)
    mean = scores.mean(axis=1)
    assert speeds[mean.argmax()] == pytest.approx(40, rel=0.01)
    for factor in (1 / 2, 2):
        assert mean[np.abs(speeds / 40 / factor - 1).argmin()] < 0.75 * mean.max()


def test_scores_of_noise_do_not_depend_on_the_number_of_orders():
    power = np.random.default_rng(0).exponential(size=(1, 500, 300))
    made = HarmonicMap.of(power, 2.0)
    speeds = np.linspace(20, 60, 50)
    for orders in (np.arange(1, 41.0), np.arange(1, 41) / 2, np.array([2.0, 4.0, 6.0])):
        scores = np.stack(list(made.scores(speeds, orders)))
        # the highest of up to three correlated sums of deviation 1, and of 0
        assert 0.3 < scores.mean() < 1.1
        assert np.quantile(scores, 0.999) < 4.5


def test_path_is_the_best_of_all():
    rng = np.random.default_rng(4)
    scores = rng.standard_normal((5, 6)).astype(np.float32)
    step = STEP  # a state of change costs PENALTY * STEP
    every = itertools.product(range(5), repeat=6)
    total = {
        p: sum(scores[s, t] for t, s in enumerate(p))
        - PENALTY * STEP * sum(abs(a - b) for a, b in zip(p, p[1:]))
        for p in every
        if max(abs(a - b) for a, b in zip(p, p[1:])) <= 3  # MAX_SLOPE
    }
    assert tuple(best_path(scores, step)) == max(total, key=total.__getitem__)


@pytest.mark.parametrize("scale", [0.5, 1e-9])
def test_moves_are_those_of_a_plain_search(scale):
    rng = np.random.default_rng(7)
    slopes = (-2.0, -0.5, 0.0, 0.3, 1.0)
    scores = (scale * np.round(rng.exponential(size=(5, 60, 8)))).astype(np.float32)  # many ties
    step = 0.02
    reach = round(MAX_SLOPE * step / STEP)
    order = sorted(range(-reach, reach + 1), key=lambda m: (abs(m), -m))
    best, back = np.zeros(60, np.float32), []
    for t in range(8):
        totals = np.full((60, len(order)), -np.inf)
        for i, m in enumerate(order):
            slope = int(np.abs(m * STEP / step - np.array(slopes)).argmin())
            to = np.arange(max(m, 0), min(60, 60 + m))
            cost = float(np.float32(PENALTY * STEP)) * abs(m)
            totals[to, i] = (best[to - m].astype(float) - cost) + scores[slope, to, t]
        back.append(np.array(order)[totals.argmax(axis=1)])
        best = totals.max(axis=1).astype(np.float32)
    expected = [int(best.argmax())]
    for moves in back[:0:-1]:
        expected.append(expected[-1] - moves[expected[-1]])
    search = Search(60, step)
    search.add(scores, slopes)
    assert search.path().tolist() == expected[::-1]


def test_a_search_in_pieces_is_that_of_the_whole():
    scores = np.random.default_rng(5).standard_normal((3, 40, 30)).astype(np.float32)
    slopes = (-1.0, 0.0, 1.0)
    whole, parts = Search(40, 0.05), Search(40, 0.05)
    whole.add(scores, slopes)
    for part in np.array_split(np.arange(30), 4):
        parts.add(np.ascontiguousarray(scores[..., part]), slopes)
    assert np.array_equal(whole.path(), parts.path())


@pytest.mark.parametrize("orders", [(1.0, 2.0, 3.0, 0.5, 1.5, 2.5), (2.0, 3.57, 7.1, 1.0)])
def test_components_of_orders_are_their_sums(orders):
    rng = np.random.default_rng(8)
    x, turns = rng.standard_normal(200), 1e4 + np.cumsum(rng.uniform(0.01, 0.02, 200))
    centres, half = np.array([0, 90, 199]), np.array([30, 40, 20])
    found = demodulated(x, turns, centres, half, np.array(orders))
    for t, (centre, size) in enumerate(zip(centres, half)):
        n = np.arange(max(centre - size, 0), min(centre + size + 1, 200))
        w = np.cos(np.pi * (n - centre) / (size + 1) / 2) ** 2
        direct = np.exp(-2j * np.pi * np.outer(orders, turns[n])) @ (w * x[n]) / w.sum()
        assert found[:, t] == pytest.approx(direct, abs=1e-8)
