"""Steady lines of a sharp map: moved to the long window; all else stays."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.enhance.long_window import ODDS, towards_long
from specsr.maps.grid import Grid

GRID = Grid(25600.0, 8192, 256, 8192 + 256 * 19)
LINE = 100


def with_line(above: float, uncertainty: float) -> tuple[np.ndarray, np.ndarray]:
    """Return levels with a line at row `LINE` over a floor of -60 dB, and their uncertainty."""
    levels = np.full((400, 20), -60.0)
    levels[LINE] += above
    return levels, np.full(levels.shape, uncertainty)


def test_a_steady_line_is_moved_to_the_long_window() -> None:
    """40 dB over the floor its noise is a 1000th of the variance of an estimate within 2 dB.

    Against a level anywhere within 40 dB, 0.75 standard deviations are that of a steady line with
    odds of ODDS x 40 x the normal density.
    """
    estimate, uncertainty = with_line(40.0, 2.0)
    measured = estimate.copy()
    measured[LINE] += 1.5
    odds = ODDS * 40 * math.exp(-0.5 * 0.75**2) / math.sqrt(2 * math.pi) / 2
    steady = odds / (1 + odds)
    level, known = towards_long(estimate, measured, uncertainty, GRID)
    np.testing.assert_allclose(level[LINE] - estimate[LINE], 1.5 * steady, rtol=0.01)
    variance = (1 - steady) * 2.0**2 + steady * (1 - steady) * 1.5**2
    np.testing.assert_allclose(known[LINE], math.sqrt(variance), rtol=0.01)
    np.testing.assert_array_equal(np.delete(level, LINE, 0), np.delete(estimate, LINE, 0))


@pytest.mark.parametrize("off", [-25.0, 25.0])
def test_a_smeared_line_keeps_its_estimate(off: float) -> None:
    """Ten uncertainties off: exp(-50) against a level anywhere within 40 dB."""
    estimate, uncertainty = with_line(40.0, 2.5)
    measured = estimate.copy()
    measured[LINE] += off
    level, known = towards_long(estimate, measured, uncertainty, GRID)
    np.testing.assert_allclose(level, estimate, atol=1e-12)
    np.testing.assert_allclose(known, uncertainty, atol=1e-12)


def test_noise_is_not_moved() -> None:
    estimate, uncertainty = with_line(0.0, 1.0)
    measured = estimate + np.random.default_rng(0).normal(0, 6, estimate.shape)
    level, known = towards_long(estimate, measured, uncertainty, GRID)
    np.testing.assert_array_equal(level, estimate)
    np.testing.assert_array_equal(known, uncertainty)


@settings(max_examples=20, deadline=None)
@given(
    st.floats(0, 80), st.floats(0.001, 30), st.floats(-60, 60), st.integers(0, 2**32 - 1)
)  # fmt: skip
def test_levels_lie_between_estimate_and_long_window(
    above: float, uncertainty: float, off: float, seed: int
) -> None:
    estimate, given_db = with_line(above, uncertainty)
    estimate += np.random.default_rng(seed).normal(0, 1, estimate.shape)
    measured = estimate + off
    level, known = towards_long(estimate, measured, given_db, GRID)
    low, high = np.minimum(estimate, measured), np.maximum(estimate, measured)
    assert (level >= low - 1e-9).all() and (level <= high + 1e-9).all()
    # a mean over two cases lies within both: half the distance to the other is the most it adds
    assert (known <= np.hypot(given_db, abs(off) / 2) + 1e-9).all() and (known >= 0).all()


def test_cells_are_judged_by_themselves() -> None:
    """Columns in parts give the same levels, so blocks of a map do."""
    rng = np.random.default_rng(1)
    estimate = rng.normal(-40, 8, (200, 30))
    measured, uncertainty = estimate + rng.normal(0, 2, estimate.shape), np.ones(estimate.shape)
    whole = towards_long(estimate, measured, uncertainty, GRID)
    parts = [
        towards_long(estimate[:, part], measured[:, part], uncertainty[:, part], GRID)
        for part in (slice(0, 11), slice(11, 30))
    ]
    for i in range(2):
        np.testing.assert_array_equal(np.concatenate([part[i] for part in parts], axis=1), whole[i])
