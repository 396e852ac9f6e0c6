"""Lines that move together are found as such, and nothing is found where there are none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsr import SpectrogramTransform
from specsr.nvh.speed import columns_speed
from specsr.nvh.speed_search import CLOSEST, best_path, comb_score, find_lines, smooth, stand_out
from specsr.synth.machine import Order, RunUp
from specsr.synth.synthesis import synthesise

TRANSFORM = SpectrogramTransform(1024, 128)


def machine(**options: object):
    """Expected power of a machine with orders in steps of two, its grid and its speed."""
    orders = tuple(Order(k, -(k % 7), 0.3 * k) for k in range(2, 42, 2))
    given = {"rate": 8192.0, "duration": 4.0, "rpm": (1500.0, 3000.0), "orders": orders,
             "line_to_noise": 12.0, "seed": 4, **options}  # fmt: skip
    made = synthesise(RunUp(**given))  # type: ignore[arg-type]
    spec = TRANSFORM(made.signal)
    return made.expected_power(spec.grid)[:-1], spec.grid, columns_speed(made.rpm, spec.grid)


@pytest.mark.parametrize("rpm", [(1500.0, 3000.0), (2600.0, 1400.0), (1800.0, 1805.0)])
def test_the_spacing_of_the_orders_is_found_within_a_thousandth(rpm):
    power, grid, speed = machine(rpm=rpm)
    found = find_lines(power, grid)
    assert (found > 0).mean() > 0.9
    factor = np.median(found[found > 0] / speed[found > 0])
    assert factor == pytest.approx(2, rel=1e-3)  # the orders are two apart
    off = found[found > 0] / speed[found > 0] / 2 - 1
    assert np.sqrt(np.mean(off**2)) < 0.002


def test_level_and_second_channel_do_not_matter():
    power, grid, _ = machine()
    found = find_lines(power, grid)
    np.testing.assert_allclose(find_lines(1e9 * power, grid), found, rtol=1e-9)
    np.testing.assert_allclose(find_lines(np.stack([power, power]), grid), found, rtol=1e-9)


def test_time_turned_round_gives_the_same_turned_round():
    power, grid, _ = machine()
    there, back = find_lines(power, grid), find_lines(power[:, ::-1], grid)[::-1]
    both = (there > 0) & (back > 0)
    assert both.mean() > 0.85
    np.testing.assert_allclose(back[both], there[both], rtol=3e-3)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_found_in_noise(seed):
    power, grid, _ = machine()
    noise = np.random.default_rng(seed).exponential(size=power.shape)
    assert not find_lines(noise, grid).any()


@pytest.mark.parametrize("shape", [(512, 0), (512, 1), (512, 15), (1, 40), (40, 40)])
def test_maps_too_small_to_tell_hold_nothing(shape):
    _, grid, _ = machine()
    assert find_lines(np.ones(shape), grid).tolist() == [0] * shape[1]


def test_silence_holds_nothing():
    power, grid, _ = machine()
    assert not find_lines(np.zeros_like(power), grid).any()


def test_a_line_stands_out_and_a_slope_does_not():
    power = np.exp(-np.arange(300) / 40)[:, None] * np.ones(30)
    assert np.abs(stand_out(power)[60:-60]).max() < 0.2
    power[150] *= 10
    assert stand_out(power)[150].min() > 8


@given(st.floats(CLOSEST, 20), st.integers(0, 2**31))
def test_a_comb_gathers_its_own_lines_and_of_noise_one_standard_deviation(spacing, seed):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((400, 200))
    lines = np.zeros((400, 1))
    lines[np.round(spacing * np.arange(1, int(398 / spacing))).astype(int)] = 1.0
    steady = np.full(1, spacing)
    own, other = (comb_score(lines - lines.mean(), x, 80)[0] for x in (steady, 1.37 * steady))
    assert own > 2 and own > other
    score = comb_score(noise, np.full(200, spacing), 80)
    # between rows, interpolation takes a part of the noise's power
    assert abs(score.mean()) < 0.35 and 0.6 < score.std() < 1.3


@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 3), st.integers(0, 2**31))
def test_the_best_path_is_the_best_of_all(states, columns, reach, seed):
    scores = np.random.default_rng(seed).standard_normal((states, columns))

    def total(path: tuple[int, ...] | np.ndarray) -> float:
        moves = np.abs(np.diff(path))
        if (moves > reach).any():
            return -np.inf
        return float(scores[list(path), range(columns)].sum() - 0.1 * moves.sum())

    best = max(total(path) for path in itertools.product(range(states), repeat=columns))
    assert total(best_path(scores, reach, 0.1)) == pytest.approx(best)


@given(st.integers(3, 30), st.floats(1e-3, 1e3), st.integers(0, 2**31))
def test_the_smoother_solves_its_equations(n, bend, seed):
    rng = np.random.default_rng(seed)
    target, weight = rng.standard_normal(n), rng.uniform(0.1, 5, n)
    bends = np.diff(np.eye(n), 2, axis=0)
    wanted = np.linalg.solve(np.diag(weight) + bend * bends.T @ bends, weight * target)
    np.testing.assert_allclose(smooth(target, weight, bend), wanted, rtol=1e-6, atol=1e-8)
    # a straight line is smooth already
    line = 3 + 2 * np.arange(n)
    np.testing.assert_allclose(smooth(line, weight, bend), line, rtol=1e-6)
