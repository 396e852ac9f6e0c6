"""Search for harmonic lines: their spacing is found, and nothing in noise or silence."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsr import SpectrogramTransform
from specsr.nvh.speed import column_rotation_hz
from specsr.nvh.speed_search import (
    MIN_SPACING,
    above_background,
    best_path,
    comb_score,
    comb_scores,
    find_line_spacing,
    standardised,
)
from specsr.synth.machine import Order, RunUp
from specsr.synth.synthesis import synthesise

TRANSFORM = SpectrogramTransform(1024, 128)


def machine(**options: object):
    """Expected power of a machine with orders in steps of two, its grid, its rotation in Hz."""
    orders = tuple(Order(k, -(k % 7), 0.3 * k) for k in range(2, 42, 2))
    given = {"rate": 8192.0, "duration": 4.0, "rpm": (1500.0, 3000.0), "orders": orders,
             "line_to_noise": 12.0, "seed": 4, **options}  # fmt: skip
    made = synthesise(RunUp(**given))  # type: ignore[arg-type]
    spec = TRANSFORM(made.signal)
    return made.expected_power(spec.grid)[:-1], spec.grid, column_rotation_hz(made.rpm, spec.grid)


@pytest.mark.parametrize("rpm", [(1500.0, 3000.0), (2600.0, 1400.0), (1800.0, 1805.0)])
def test_the_spacing_of_the_orders_is_found_within_0_1_percent(rpm):
    power, grid, speed = machine(rpm=rpm)
    found = find_line_spacing(power, grid)
    assert (found > 0).mean() > 0.9
    factor = np.median(found[found > 0] / speed[found > 0])
    assert factor == pytest.approx(2, rel=1e-3)  # the orders are two apart
    off = found[found > 0] / speed[found > 0] / 2 - 1
    assert np.sqrt(np.mean(off**2)) < 0.002


def test_level_and_a_second_channel_have_no_effect():
    power, grid, _ = machine()
    found = find_line_spacing(power, grid)
    np.testing.assert_allclose(find_line_spacing(1e9 * power, grid), found, rtol=1e-9)
    np.testing.assert_allclose(find_line_spacing(np.stack([power, power]), grid), found, rtol=1e-9)


def test_reversed_time_gives_the_reversed_result():
    power, grid, _ = machine()
    forward, backward = (
        find_line_spacing(power, grid),
        find_line_spacing(power[:, ::-1], grid)[::-1],
    )
    both = (forward > 0) & (backward > 0)
    assert both.mean() > 0.85
    np.testing.assert_allclose(backward[both], forward[both], rtol=3e-3)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_found_in_noise(seed):
    power, grid, _ = machine()
    noise = np.random.default_rng(seed).exponential(size=power.shape)
    assert not find_line_spacing(noise, grid).any()


@pytest.mark.parametrize("shape", [(512, 0), (512, 1), (512, 15), (1, 40), (40, 40)])
def test_nothing_is_found_in_maps_that_are_too_small(shape):
    _, grid, _ = machine()
    assert find_line_spacing(np.ones(shape), grid).tolist() == [0] * shape[1]


def test_nothing_is_found_in_silence():
    power, grid, _ = machine()
    assert not find_line_spacing(np.zeros_like(power), grid).any()


def test_a_line_is_above_the_background_and_a_slope_is_not():
    power = np.exp(-np.arange(300) / 40)[:, None] * np.ones(30)
    assert np.abs(above_background(power)[60:-60]).max() < 0.2
    power[150] *= 10
    assert above_background(power)[150].min() > 8


@given(st.floats(MIN_SPACING, 20), st.integers(0, 2**31))
def test_the_comb_score_is_high_on_its_lines_and_a_z_score_in_noise(spacing, seed):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((400, 200))
    lines = np.zeros((400, 1))
    lines[np.round(spacing * np.arange(1, int(398 / spacing))).astype(int)] = 1.0
    steady = np.full(1, spacing)
    own, other = (
        comb_score(standardised(lines - lines.mean()), x, 80)[0] for x in (steady, 1.37 * steady)
    )
    assert own > 2 and own > other
    score = comb_score(noise, np.full(200, spacing), 80)
    # interpolation between rows reduces the power of the noise
    assert abs(score.mean()) < 0.35 and 0.6 < score.std() < 1.3


@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 3), st.integers(0, 2**31))
def test_the_best_path_is_the_best_of_all_paths(states, columns, reach, seed):
    scores = np.random.default_rng(seed).standard_normal((states, columns))

    def total(path: tuple[int, ...] | np.ndarray) -> float:
        moves = np.abs(np.diff(path))
        if (moves > reach).any():
            return -np.inf
        return float(scores[list(path), range(columns)].sum() - 0.1 * moves.sum())

    best = max(total(path) for path in itertools.product(range(states), repeat=columns))
    assert total(best_path(scores, reach, 0.1)) == pytest.approx(best)


def test_the_background_is_the_mean_of_49_rows_and_9_columns():
    """Limited to -4 to 12 dB, then without the mean of the 49 rows around."""
    db = np.random.default_rng(0).normal(0, 6, (120, 20))
    padded = np.pad(db, ((24, 24), (4, 4)), mode="symmetric")
    around = np.array([[padded[r : r + 49, c : c + 9].mean() for c in range(20)]
                       for r in range(120)])  # fmt: skip
    above = np.clip(db - around, -4, 12)
    tall = np.pad(above, ((24, 24), (0, 0)), mode="symmetric")
    mean = np.array([tall[r : r + 49].mean(axis=0) for r in range(120)])
    np.testing.assert_allclose(above_background(10 ** (db / 10)), above - mean, atol=1e-9)


def test_the_comb_score_is_its_formula():
    """Teeth above row 2 and below the last but one; the lowest ``teeth`` of them at most."""
    lines = np.random.default_rng(0).normal(size=(60, 3))
    unit = standardised(lines)
    np.testing.assert_allclose(unit, lines / lines.std(axis=0), rtol=1e-6)
    for spacing, teeth, rows in (
        (4.0, 80, range(4, 58, 4)), (4.0, 5, range(4, 21, 4)), (2.0, 80, range(4, 58, 2)),
        (29.0, 80, [29]),
    ):  # fmt: skip
        used = list(rows)
        expected = unit[used].sum(axis=0) / np.sqrt(len(used))
        np.testing.assert_allclose(comb_score(unit, np.full(3, spacing), teeth), expected)
        many = comb_scores(unit, np.array([[7.3], [spacing]]), teeth)
        np.testing.assert_allclose(many[1], expected)
        np.testing.assert_allclose(many[0], comb_score(unit, np.full(3, 7.3), teeth))
    assert comb_score(unit, np.full(3, 58.0), 80).tolist() == [0, 0, 0]  # no tooth


def test_the_search_needs_16_columns_and_48_rows():
    power, grid, _ = machine()
    assert find_line_spacing(power[:, 40:56], grid).shape == (16,)
    steady, grid, _ = machine(rpm=(1800.0, 1800.0))
    assert find_line_spacing(steady[:, 40:56], grid).all()
    assert not find_line_spacing(steady[:, 40:55], grid).any()
    assert not find_line_spacing(steady[:47], grid).any()


@pytest.mark.parametrize("spacing, found", [(2.8, 2.8), (2.4, 4.8), (95.0, 95.0), (97.0, 48.5)])
def test_spacings_from_2_5_to_96_rows_are_found_others_by_a_multiple(spacing, found):
    grid = machine()[1]
    at = np.arange(513)[:, None] / spacing
    away = (at - np.round(at)) * spacing
    power = (1 + 30 * np.exp(-((away / 0.5) ** 2)) * (at > 0.5)) * np.ones((1, 120))
    result = find_line_spacing(power, grid) / grid.df
    np.testing.assert_allclose(result, found, rtol=0.002)


def test_a_spacing_has_at_least_three_lines():
    grid = machine()[1]
    at = np.arange(60)[:, None] / 27.0
    away = (at - np.round(at)) * 27.0
    power = (1 + 30 * np.exp(-((away / 0.5) ** 2)) * (at > 0.5)) * np.ones((1, 120))
    assert find_line_spacing(power, grid).max() <= 60 / 3 * grid.df


@pytest.mark.parametrize("hop_length", [64, 128, 256])
def test_the_spacing_is_smooth_over_time_at_any_hop(hop_length):
    orders = tuple(Order(k, -(k % 7), 0.3 * k) for k in range(2, 42, 2))
    made = synthesise(RunUp(rate=8192.0, duration=4.0, rpm=(1500.0, 3000.0), orders=orders,
                            line_to_noise=6.0, seed=4))  # fmt: skip
    spec = SpectrogramTransform(1024, hop_length)(made.signal)
    found = find_line_spacing(np.square(spec.image()[0], dtype=np.float64), spec.grid)
    log = np.log(found[found > 0])
    bend = np.diff(log, 2) / spec.grid.dt**2
    assert (found > 0).mean() > 0.8
    assert np.sqrt(np.mean(bend**2)) < 2.0  # 1/s², six times less than without smoothing or more
