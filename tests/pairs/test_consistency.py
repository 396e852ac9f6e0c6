"""Data consistency: corrections of a result, and the deviation from its input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.noise_interpolation import noise_interpolation
from specsr.maps.pooling import enlarge, enlarge_cubic, pool_power
from specsr.pairs.consistency import (
    LIMIT,
    back_project,
    consistency_db,
    impose,
    noise_share,
    speckle_db,
)

SHAPES = {
    "s_f": st.integers(1, 4),
    "s_t": st.integers(1, 4),
    "rows": st.integers(1, 6),
    "frames": st.integers(1, 30),
    "seed": st.integers(0, 999),
}


def maps(s_f: int, s_t: int, rows: int, frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return unrelated high and low power of two channels, over a range of 100 dB."""
    rng = np.random.default_rng(seed)
    high = rng.exponential(1.0, (2, rows * s_f, frames)) * 10 ** rng.uniform(-5, 5, (2, 1, frames))
    low = rng.exponential(1.0, (2, rows, -(-frames // s_t))) * 1e-3
    return high, low


def largest_deviation_db(again: np.ndarray, low: np.ndarray) -> float:
    return float(np.abs(10 * np.log10(again / low)).max())


@given(**SHAPES)
@settings(max_examples=60, deadline=None)
def test_measured_reproduces_every_cell(
    s_f: int, s_t: int, rows: int, frames: int, seed: int
) -> None:
    high, low = maps(s_f, s_t, rows, frames, seed)
    result = impose(high, low, (s_f, s_t), "measured")
    assert result.shape == high.shape
    assert largest_deviation_db(pool_power(result, s_f, s_t), low) < 1e-6
    assert consistency_db(result, low, (s_f, s_t)) < 1e-6
    # idempotent
    np.testing.assert_allclose(impose(result, low, (s_f, s_t), "measured"), result, rtol=1e-9)
    # a louder input gives the same result, louder
    louder = impose(1e6 * high, 1e6 * low, (s_f, s_t), "measured")
    np.testing.assert_allclose(louder, 1e6 * result, rtol=1e-9)


@given(**SHAPES)
@settings(max_examples=30, deadline=None)
def test_without_rounds_the_factor_is_constant_in_each_cell(
    s_f: int, s_t: int, rows: int, frames: int, seed: int
) -> None:
    high, low = maps(s_f, s_t, rows, frames, seed)
    ratio = (back_project(high, low, (s_f, s_t), rounds=0) / high)[:, :s_f, :s_t]
    np.testing.assert_allclose(ratio, ratio[:, :1, :1] * np.ones_like(ratio), rtol=1e-9)


def test_one_round_is_the_cubic_of_the_deviation_and_a_factor_for_each_cell() -> None:
    high, low = maps(2, 3, 5, 21, 2)
    high *= low.mean() / high.mean()
    deviation = np.clip(10 * np.log10(low / pool_power(high, 2, 3)), -LIMIT, LIMIT)
    smooth = high * 10 ** (enlarge_cubic(deviation, 2, 3, 21) / 10)
    expected = smooth * enlarge(low / pool_power(smooth, 2, 3), 2, 3, 21)
    np.testing.assert_allclose(back_project(high, low, (2, 3), rounds=1), expected, rtol=1e-9)


def test_an_empty_cell_does_not_change_its_neighbours() -> None:
    high, _ = maps(2, 2, 4, 12, 3)
    high[:, 2:4, 4:6] = 0
    low = pool_power(high, 2, 2)
    low[:, 1, 2] = 5.0
    for mode in ("measured", "expected"):
        result = impose(high, low, (2, 2), mode, np.ones_like(high))
        np.testing.assert_allclose(result[:, 2:4, 4:6], 5.0)
        result[:, 2:4, 4:6] = 0
        np.testing.assert_allclose(result, high, rtol=1e-9)


def test_channels_are_independent_and_time_is_reversible() -> None:
    high, low = maps(3, 2, 5, 24, 1)
    whole = back_project(high, low, (3, 2))
    np.testing.assert_array_equal(back_project(high[1:], low[1:], (3, 2)), whole[1:])
    back = back_project(high[..., ::-1], low[..., ::-1], (3, 2))
    np.testing.assert_allclose(back[..., ::-1], whole, rtol=1e-9)


def test_a_smooth_deviation_is_corrected_without_steps() -> None:
    """The factors of a gain that changes by 3 dB from cell to cell have no steps at borders."""
    rows, frames = np.mgrid[0:32, 0:64]
    gain = 10 ** ((0.75 * frames / 4 + 0.5 * rows / 4 - 8) / 10)
    truth = 10 ** (np.random.default_rng(0).uniform(-1, 1, gain.shape) / 10)
    low = pool_power(truth * gain, 4, 4)
    inside = (slice(8, -8), slice(8, -8))
    error = {
        rounds: np.abs(10 * np.log10(back_project(truth, low, (4, 4), rounds) / truth / gain))
        for rounds in (0, 3)
    }
    assert error[3][inside].max() < 0.3
    assert error[0][inside].max() > 0.4


def test_the_smooth_correction_is_limited_where_a_cubic_would_overshoot() -> None:
    """At the start of a sound 60 dB above silence no cell falls far below its measured level."""
    high = np.ones((4, 64))
    low = np.where(np.arange(16) < 8, 1e-6, 1.0)[None] * np.ones((1, 16))
    result = back_project(high, low, (4, 4))
    deviation = 10 * np.log10(result / np.repeat(low, 4, axis=1))
    assert np.abs(deviation).max() < 2 * LIMIT
    assert consistency_db(result, low, (4, 4)) < 1e-9


@pytest.mark.parametrize("scale", [(2, 2), (3, 3), (4, 4), (4, 2), (2, 3)])
def test_measured_reproduces_every_cell_by_the_interpolation_of_noise(
    scale: tuple[int, int],
) -> None:
    high, low = maps(*scale, 6, 30, 4)
    between = noise_interpolation(Grid(16000.0, 512, 64, 32000), scale)
    result = impose(high, low, scale, between=between)
    assert largest_deviation_db(pool_power(result, *scale), low) < 1e-6
    assert not np.allclose(result, impose(high, low, scale))  # no cubic


def test_off_is_the_identity() -> None:
    high, low = maps(2, 3, 4, 20, 0)
    assert impose(high, low, (2, 3), "off") is high


def test_cells_that_the_network_left_empty_get_their_power_in_equal_parts() -> None:
    high = np.ones((4, 7))
    high[:2] = 0
    low = np.array([[3.0, 3.0, 3.0, 3.0], [5.0, 5.0, 5.0, 5.0]])
    result = impose(high, low, (2, 2))
    np.testing.assert_allclose(result[:2], 3.0)
    np.testing.assert_allclose(pool_power(result, 2, 2), low)


@pytest.mark.parametrize("mode", ["measured", "expected"])
def test_silence_stays_silence(mode: str) -> None:
    high = np.array([[0.0, 0.0], [0.0, 0.0], [2.0, 2.0], [2.0, 2.0]])
    low = np.array([[0.0], [0.0]])
    silent = impose(high, low, (2, 2), mode, np.ones_like(high))
    np.testing.assert_array_equal(silent, np.zeros((4, 2)))
    assert consistency_db(np.zeros((4, 2)), low, (2, 2)) == 0.0


def noisy(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected power of noise of 1 with a line of 1000, and its pooled periodogram."""
    expected = np.ones((80, 160))
    expected[41] = 1000.0
    periodogram = np.random.default_rng(seed).exponential(1.0, expected.shape)
    periodogram[40:44] = expected[40:44]  # a line has no speckle
    return expected, pool_power(periodogram, 4, 4)


def test_expected_keeps_the_speckle_out_and_the_line_in() -> None:
    expected, low = noisy()
    uncertainty = np.full(expected.shape, 0.5)
    wrong = expected.copy()
    wrong[41] *= 10 ** (-2 / 10)  # the network reads the line 2 dB low
    result = impose(wrong, low, (4, 4), "expected", uncertainty, 1 / 16)
    measured = impose(wrong, low, (4, 4), "measured")
    deviation = 10 * np.log10(result / expected)
    rest = np.ones(80, dtype=bool)
    rest[32:52] = False
    speckle = 10 * np.log10(measured / expected)[rest].std()
    assert deviation[rest].std() < 0.3 * speckle
    assert np.abs(deviation[41]).max() < 0.2  # the line is corrected in full


def test_expected_follows_the_weight_of_its_definition() -> None:
    """w = s_m² / (s_m² + s_s²) of each cell's deviation in dB, for cells far from each other."""
    expected, low = noisy(1)
    for own in (0.01, 1.0, 100.0):
        uncertainty = np.full(expected.shape, own)
        result = impose(expected, low, (4, 4), "expected", uncertainty, 1 / 16)
        deviation = 10 * np.log10(low / pool_power(expected, 4, 4))
        moved = 10 * np.log10(pool_power(result, 4, 4) / pool_power(expected, 4, 4))
        speckle = speckle_db(noise_share(expected, (4, 4)), 1 / 16)
        np.testing.assert_allclose(moved, deviation * own**2 / (own**2 + speckle**2), atol=1e-9)


def test_without_a_variance_a_cell_of_noise_varies_like_a_periodogram() -> None:
    expected, low = noisy(2)
    uncertainty = np.ones_like(expected)
    np.testing.assert_array_equal(
        impose(expected, low, (4, 4), "expected", uncertainty),
        impose(expected, low, (4, 4), "expected", uncertainty, 1.0),
    )


def test_expected_needs_an_uncertainty() -> None:
    high, low = maps(2, 2, 3, 8, 0)
    with pytest.raises(SpecsrError, match="'expected' needs the uncertainty of the network"):
        impose(high, low, (2, 2), "expected")


def test_the_noise_share_is_that_of_the_floor_and_the_speckle_that_of_its_variance() -> None:
    expected, _ = noisy()
    share = noise_share(expected, (4, 4))
    assert share.shape == (20, 40)
    np.testing.assert_allclose(share[10], 1 / (1003 / 4))
    np.testing.assert_allclose(np.delete(share, 10, axis=0), 1.0)
    # odd lengths, and several channels
    assert noise_share(np.ones((2, 8, 9)), (4, 4)).shape == (2, 2, 3)
    assert noise_share(np.ones((8, 12)), (2, 4)).shape == (4, 3)
    assert noise_share(np.ones((8, 10)), (2, 4)).shape == (4, 3)
    assert speckle_db(np.array(1.0), 0.01) == pytest.approx(0.4343, abs=1e-4)
    # measured: the level of a mean of 16 independent noise cells beside a constant
    rng = np.random.default_rng(0)
    q = 0.2
    amplitude = np.sqrt(1 - q) + np.sqrt(q / 2) * (
        rng.standard_normal((20000, 64)) + 1j * rng.standard_normal((20000, 64))
    )
    power = np.square(np.abs(amplitude)).mean(axis=1)
    level = 10 / np.log(10) * np.log(power)
    assert level.std() == pytest.approx(speckle_db(np.array(q), 1 / 64), rel=0.03)


def test_lines_in_16_of_33_rows_do_not_move_the_floor() -> None:
    power = np.ones((80, 8))
    power[32:48] = 100.0
    np.testing.assert_allclose(noise_share(power, (4, 4))[8:12], 0.01)
    power[48:52] = 100.0
    assert noise_share(power, (4, 4))[10].min() == 1.0


def test_consistency_db_is_the_rms_of_the_deviations() -> None:
    low = np.array([[1.0, 1.0]])
    high = np.array([[10.0, 10.0, 1.0, 1.0]] * 2)
    assert consistency_db(high, low, (2, 2)) == pytest.approx(10 / np.sqrt(2))
    assert consistency_db(low, low, (1, 1)) == 0.0
    # an empty cell counts; a cell more than 120 dB below the maximum does not
    deep = np.array([[1.0, 1e-13]])
    assert consistency_db(np.array([[1.0, 1.0]]), deep, (1, 1)) == 0.0
    assert consistency_db(np.array([[1.0, 0.0]]), low, (1, 1)) > 100


def test_unknown_mode_is_refused() -> None:
    with pytest.raises(SpecsrError, match="'cells': expected one of measured, expected, off"):
        impose(np.ones((2, 2)), np.ones((1, 1)), (2, 2), "cells")


def test_cells_count_from_120_db_below_the_maximum_up() -> None:
    for faint, counts in ((1.02e-12, True), (0.98e-12, False)):
        low = np.array([[1.0, faint]])
        found = consistency_db(np.array([[1.0, 10 * faint]]), low, (1, 1))
        assert found == pytest.approx(10 / np.sqrt(2) if counts else 0.0)
