"""Newton steps, smoothing and edges of a speed curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsr.nvh.speed_curve import newton_step, smooth, trimmed


def test_a_newton_step_reaches_the_maximum_of_a_parabola_or_its_limit():
    target = np.log(np.array([1000.0, 1001.0, 1100.0]))
    move, curvature = newton_step(
        lambda speed: -np.square(np.log(speed) - target), np.log(np.full(3, 1000.0)), 0.002, 1e-3
    )
    assert move == pytest.approx([0, np.log(1.001), 0.003], abs=1e-9)
    assert curvature == pytest.approx([2, 2, 2], rel=1e-6)


def test_the_curvature_has_a_lower_limit():
    _, curvature = newton_step(np.log, np.zeros(2), 0.01, 5.0)
    assert curvature.tolist() == [5, 5]


@given(st.integers(3, 30), st.floats(1e-3, 1e3), st.integers(0, 2**31))
def test_smoothing_solves_the_normal_equations(n, stiffness, seed):
    rng = np.random.default_rng(seed)
    target, weight = rng.standard_normal(n), rng.uniform(0.1, 5, n)
    second = np.diff(np.eye(n), 2, axis=0)
    expected = np.linalg.solve(np.diag(weight) + stiffness * second.T @ second, weight * target)
    np.testing.assert_allclose(smooth(target, weight, stiffness), expected, rtol=1e-6, atol=1e-8)
    # a straight line is not changed
    line = 3 + 2 * np.arange(n)
    np.testing.assert_allclose(smooth(line, weight, stiffness), line, rtol=1e-6)


def test_a_newton_step_is_limited_to_one_and_a_half_steps_on_both_sides():
    target = np.log(np.array([900.0, 999.0, 1100.0]))
    move, _ = newton_step(
        lambda speed: -np.square(np.log(speed) - target), np.log(np.full(3, 1000.0)), 0.002, 1e-3
    )
    assert move == pytest.approx([-0.003, np.log(0.999), 0.003], abs=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.integers(-5, 5)), min_size=1, max_size=12))
def test_each_run_keeps_the_part_of_the_greatest_total_gain(columns):
    known = np.array([x for x, _ in columns])
    gain = np.array([x for _, x in columns], dtype=float)
    kept = trimmed(known, gain)
    assert not (kept & ~known).any()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known, [0]])))
    for first, last in zip(edges[::2], edges[1::2]):
        sums = [gain[i:j].sum() for i in range(first, last) for j in range(i, last + 1)]
        inside = np.flatnonzero(kept[first:last])
        assert gain[first:last][inside].sum() == max(sums)
        assert not inside.size or inside[-1] - inside[0] + 1 == inside.size


def test_a_run_is_not_cut_where_every_column_gains():
    known = np.array([0, 1, 1, 1, 0, 1, 1, 0], dtype=bool)
    np.testing.assert_array_equal(trimmed(known, np.full(8, 0.1)), known)
    assert not trimmed(known, np.full(8, -0.1)).any()
