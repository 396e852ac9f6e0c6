"""The power of bands put right by the least change of a map."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.enhance.least_change import MOST_UNCERTAINTIES, least_change
from specsr.maps.grid import Grid

GRID = Grid(8192.0, 512, 128, 128 * 49)
ROWS = GRID.rows - 1


def power_of(levels: np.ndarray) -> np.ndarray:
    return 10 ** (levels / 10)


@pytest.mark.parametrize("error", [-1.5, 0.8, 2.0])
def test_noise_of_one_uncertainty_is_moved_as_a_whole(error: float) -> None:
    truth = np.full((ROWS, 50), 40.0)
    found = least_change(truth + error, np.full(truth.shape, 1.0), power_of(truth), GRID)
    np.testing.assert_allclose(found, truth, atol=0.01)


def test_the_error_of_a_line_does_not_move_the_noise() -> None:
    truth = np.zeros((ROWS, 50))
    truth[100] = 40.0
    estimate = truth.copy()
    estimate[100] -= 2.0
    found = least_change(estimate, np.full(truth.shape, 1.0), power_of(truth), GRID)
    np.testing.assert_allclose(found[100], 40.0, atol=0.01)
    # its share of the change is in proportion to the power: 2 dB at 10 000 times the power
    assert np.abs(np.delete(found, 100, axis=0)).max() < 0.01


def test_the_unsure_cells_are_moved() -> None:
    truth = np.zeros((ROWS, 50))
    uncertainty = np.full(truth.shape, 0.1)
    uncertainty[:, ::2] = 1.0
    estimate = truth.copy()
    estimate[:, ::2] += 1.0
    found = least_change(estimate, uncertainty, power_of(truth), GRID)
    np.testing.assert_allclose(found, truth, atol=0.03)


def test_no_cell_moves_beyond_its_uncertainties() -> None:
    truth = np.full((ROWS, 50), 60.0)
    found = least_change(truth - 60, np.full(truth.shape, 0.5), power_of(truth), GRID)
    np.testing.assert_allclose(found, MOST_UNCERTAINTIES * 0.5)


def test_a_map_with_its_power_and_a_silent_one_stay() -> None:
    levels = np.random.default_rng(0).standard_normal((ROWS, 50))
    uncertainty = np.ones(levels.shape)
    np.testing.assert_array_equal(least_change(levels, uncertainty, power_of(levels), GRID), levels)
    np.testing.assert_array_equal(
        least_change(levels, uncertainty, np.zeros(levels.shape), GRID), levels
    )


@pytest.mark.parametrize("seed", range(20))
def test_bands_get_their_power(seed: int) -> None:
    """Random maps with lines, errors of two uncertainties at most."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 3, (ROWS, 50))
    truth[rng.integers(0, ROWS, 8)] += 30
    uncertainty = rng.uniform(0.5, 3, truth.shape)
    estimate = truth + np.clip(rng.standard_normal(truth.shape), -2, 2) * uncertainty
    found = least_change(estimate, uncertainty, power_of(truth), GRID)
    for low, high in ((5, 40), (0, ROWS)):  # wide ranges of whole and cut bands
        ours, theirs = (power_of(x)[low:high].sum() for x in (found, truth))
        before = power_of(estimate)[low:high].sum()
        assert abs(np.log(ours / theirs)) < max(0.5 * abs(np.log(before / theirs)), 0.05)
