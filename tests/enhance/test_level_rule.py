"""Levels of expected maps: cells of lines, power of bands."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.enhance.level_rule import (
    EXACT_DB,
    LEAST_ROWS,
    band_edges,
    calibrated,
    keep_bands,
    noise_share,
    towards_measured,
)
from specsr.maps.grid import Grid
from specsr.nvh.levels import band_power, row_edges, third_octave_bands


def line_over(floor: float) -> np.ndarray:
    """A line of 0 dB in row 50 over a floor in dB."""
    levels = np.full((100, 3), floor)
    levels[50] = 0.0
    return levels


GRID = Grid(8000.0, 200, 50, 150)
"""Of 100 rows without that of half the rate, and 4 columns; `line_over` has 3 of them."""


def moved(
    estimate: np.ndarray, measured: np.ndarray, uncertainty: float
) -> tuple[np.ndarray, np.ndarray]:
    """`towards_measured` with the share of noise of the estimate and one uncertainty."""
    noise = noise_share(estimate, GRID)
    return towards_measured(estimate, measured, np.full(estimate.shape, uncertainty), noise, GRID)


def test_the_share_of_noise_is_the_floor_over_the_line() -> None:
    noise = noise_share(line_over(-13.0), GRID)
    np.testing.assert_allclose(noise[50], 10**-1.3, rtol=1e-12)
    np.testing.assert_array_equal(noise[:50], 1.0)


def test_a_line_far_above_the_floor_is_the_measured_one() -> None:
    estimate, measured = line_over(-80.0), line_over(-80.0) + 1.5
    found, uncertainty = moved(estimate, measured, 1.0)
    # share of noise 1e-8: the measured level varies by 4.34 sqrt(2e-8) dB, 4e-7 of 1 dB squared,
    # and noise at 1e-8 / ODDS of the probability
    np.testing.assert_allclose(found[50], 1.5, atol=2e-6)
    spread = math.sqrt(2e-8 * (10 / math.log(10)) ** 2 + 2e-6 * 1.5**2)
    assert (uncertainty[50] < spread).all()
    # noise is not moved
    np.testing.assert_array_equal(found[:40], estimate[:40])
    np.testing.assert_array_equal(uncertainty[:40], 1.0)


@pytest.mark.parametrize("below", [12.0, 20.0])
def test_a_wide_maximum_of_noise_is_not_moved_to_a_cell_far_below_it(below: float) -> None:
    # 9 dB above the floor; a line there (12 % noise) would not vary by so much, noise does
    found, _ = moved(line_over(-9.0), line_over(-9.0) - below, 3.0)
    assert np.abs(found[50]).max() < 1.0
    # as one of a line it would be moved by 9 / (9 + 2 * 18.9 * 0.126) of the distance
    assert below * 9 / (9 + 4.8) > 7.0


@pytest.mark.parametrize("u", [0.0, 0.01, 0.3, 2.0, 30.0])
@pytest.mark.parametrize("floor", [-150.0, -15.0, -3.0, 0.0])
def test_the_result_lies_between_both(u: float, floor: float) -> None:
    estimate = line_over(floor)
    for off in (-400.0, -40.0, -3.0, 0.0, 3.0, 40.0, 400.0):
        found, uncertainty = moved(estimate, estimate + off, u)
        part = (found - estimate) * np.sign(off)
        assert (part >= 0).all() and (part <= abs(off) + 1e-9).all()
        # two cases at most off apart: a variance of off^2 / 4 more than either
        assert (uncertainty >= 0).all() and (uncertainty <= math.hypot(u, off / 2) + 1e-9).all()


def test_an_estimate_without_uncertainty_is_kept() -> None:
    estimate = line_over(-20.0)
    found, _ = moved(estimate, estimate + 3, 0.0)
    np.testing.assert_array_equal(found, estimate)


def test_a_mean_has_its_measured_level_however_sure_the_network_is() -> None:
    estimate = np.full((100, 3), -40.0)
    estimate[:2] = [[0.0], [-6.0]]  # a Hann window spreads the mean over rows 0 and 1
    found, _ = moved(estimate, estimate + 2.7, 0.05)
    np.testing.assert_allclose(found[:2], estimate[:2] + 2.7, atol=0.05)
    np.testing.assert_array_equal(found[2:], estimate[2:])


def test_calibration_keeps_the_order_and_lowers_the_uncertainty_of_noise() -> None:
    u = np.geomspace(0.01, 10, 50)[:, None]
    for q in (1e-9, 0.1, 0.5, 1.0):
        found = calibrated(u, np.full(u.shape, q))
        assert (np.diff(found[:, 0]) > 0).all() and np.isfinite(found).all()
    assert (calibrated(u, np.ones(u.shape)) < u).all()
    assert not calibrated(np.zeros((1, 1)), np.ones((1, 1))).any()


@given(
    rate=st.floats(1000, 200000), n_fft=st.sampled_from([16, 64, 512, 2048, 16384]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_bands_cover_the_map_and_none_is_narrow(rate: float, n_fft: int) -> None:
    grid = Grid(rate, n_fft, n_fft // 4, 10 * n_fft)
    edges = band_edges(grid)
    assert edges[0] == 0 and edges[-1] == rate / 2
    assert len(edges) == 2 or np.diff(edges).min() >= LEAST_ROWS * grid.df * (1 - 1e-9)
    _, _, low, high = third_octave_bands(25, 20000)
    wide = (high - low >= LEAST_ROWS * grid.df) & (high < rate / 2 - LEAST_ROWS * grid.df)
    for edge in (*low[wide], *high[wide]):
        assert np.isclose(edges, edge, rtol=1e-12).any()


@given(seed=st.integers(0, 999), tilt=st.floats(-30, 30), spread=st.floats(0, 10))
@settings(max_examples=40, deadline=None)
def test_the_power_of_every_band_is_the_measured_one(seed: int, tilt: float, spread: float) -> None:
    rng = np.random.default_rng(seed)
    grid = Grid(8000.0, 256, 64, 10000)
    measured = rng.exponential(size=(128, 40)) * 10 ** (np.linspace(0, tilt, 128) / 10)[:, None]
    estimate = 10 ** (rng.normal(0, spread, (128, 1)) / 10) * np.ones((128, 40))
    found = keep_bands(estimate, measured, grid)
    rows, edges = row_edges(grid)[:-1], band_edges(grid)
    edges = np.minimum(edges, rows[-1])
    ours, theirs = (
        band_power(x.mean(axis=1), rows, edges[:-1], edges[1:]) for x in (found, measured)
    )
    assert np.abs(10 * np.log10(ours / theirs)).max() < EXACT_DB * (1 + 1e-9)
    # one gain over time
    np.testing.assert_allclose(found / found[:, :1], estimate / estimate[:, :1], rtol=1e-9)


def test_a_map_with_the_right_bands_is_not_changed() -> None:
    grid = Grid(8000.0, 256, 64, 10000)
    measured = np.random.default_rng(0).exponential(size=(128, 40))
    np.testing.assert_array_equal(keep_bands(measured, measured, grid), measured)


def test_silent_bands_have_no_gain() -> None:
    grid = Grid(8000.0, 256, 64, 10000)
    measured = np.ones((128, 4))
    measured[64:] = 0
    found = keep_bands(np.ones((128, 4)), measured, grid)
    assert np.isfinite(found).all()
    assert found[:16] == pytest.approx(1.0, abs=0.01)
