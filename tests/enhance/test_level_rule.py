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
    SKEW,
    band_edges,
    keep_bands,
    towards_measured,
)
from specsr.maps.grid import Grid
from specsr.nvh.levels import band_power, row_edges, third_octave_bands


def line_over(floor: float) -> np.ndarray:
    """A line of 0 dB in row 50 over a floor in dB."""
    levels = np.full((100, 3), floor)
    levels[50] = 0.0
    return levels


def test_a_line_far_above_the_floor_is_the_measured_one() -> None:
    estimate, measured = line_over(-80.0), line_over(-80.0) + 1.5
    found, uncertainty = towards_measured(estimate, measured, np.full(estimate.shape, 1.0))
    # share of noise 1e-8: the measured level varies by 4.34 sqrt(2e-8) dB, 4e-7 of 1 dB squared
    np.testing.assert_allclose(found[50], 1.5, atol=1e-6)
    np.testing.assert_allclose(uncertainty[50], (10 / math.log(10)) * math.sqrt(2e-8), rtol=1e-3)
    # of noise alone little of the measured level is used
    weight = 1 / (1 + (10 / math.log(10)) ** 2 * (2 + SKEW))
    np.testing.assert_allclose(found[0], -80 + 1.5 * weight, rtol=1e-12)
    np.testing.assert_allclose(uncertainty[0], math.sqrt(1 - weight), rtol=1e-12)


@given(u=st.floats(0, 30), moved=st.floats(-40, 40))
def test_the_result_lies_between_both_and_is_no_less_certain(u: float, moved: float) -> None:
    estimate = line_over(-15.0)
    found, uncertainty = towards_measured(estimate, estimate + moved, np.full(estimate.shape, u))
    part = (found - estimate) * np.sign(moved)
    assert (part >= 0).all() and (part <= abs(moved) + 1e-9).all()
    assert (uncertainty <= u).all() and (uncertainty >= 0).all()


def test_an_estimate_without_uncertainty_is_kept() -> None:
    estimate = line_over(-20.0)
    found, _ = towards_measured(estimate, estimate + 3, np.zeros(estimate.shape))
    np.testing.assert_array_equal(found, estimate)


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
