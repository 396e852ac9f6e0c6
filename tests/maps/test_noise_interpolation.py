"""Interpolation between cell means by the correlation of noise."""

from __future__ import annotations

import numpy as np
import pytest

from specsr import Signal
from specsr.maps.grid import Grid
from specsr.maps.noise_interpolation import REACH, noise_interpolation
from specsr.maps.pooling import enlarge, enlarge_cubic, noise_variance, pool_power
from specsr.maps.transform import SpectrogramTransform

SCALES = [(2, 2), (3, 3), (4, 4), (4, 2), (1, 4), (3, 1)]


def noise(n_fft: int, hop: int, seconds: float = 8.0) -> tuple[np.ndarray, Grid]:
    """Relative power of a map of white noise, and its grid; rows and columns divide by 12."""
    samples = np.random.default_rng(0).standard_normal((1, int(16000 * seconds)))
    fine = SpectrogramTransform(n_fft, hop)(Signal(samples.astype(np.float32), 16000.0, "1"))
    power = fine.power[0, 8:-9, 8:-8]
    power = power[: len(power) // 12 * 12, : power.shape[1] // 12 * 12]
    return power / power.mean(), fine.grid


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("n_fft", "hop"), [(512, 64), (512, 256), (1024, 128)])
def test_reproduces_the_means_and_is_nearer_to_noise_than_a_cubic(
    scale: tuple[int, int], n_fft: int, hop: int
) -> None:
    power, grid = noise(n_fft, hop)
    low = pool_power(power, *scale) - 1
    fine = noise_interpolation(grid, scale)(low, power.shape[1])
    assert np.std(pool_power(fine, *scale) - low) < 0.03 * low.std()
    cubic = enlarge_cubic(low, *scale, power.shape[1])
    repeated = enlarge(low, *scale, power.shape[1])
    errors = [np.mean(np.square(x - (power - 1))) for x in (fine, cubic, repeated)]
    assert errors[0] < errors[1] and errors[0] < errors[2]


@pytest.mark.parametrize("scale", [(2, 2), (4, 2), (1, 3)])
def test_is_the_kriging_of_the_covariance_of_realisations(scale: tuple[int, int]) -> None:
    """Independent twin: the regression of fine cells on the coarse cells around them."""
    power, grid = noise(128, 32, 60.0)
    low = pool_power(power, *scale) - 1
    near = np.lib.stride_tricks.sliding_window_view(low, (2 * REACH + 1, 2 * REACH + 1))
    size = near.shape[-1] ** 2
    known = near.reshape(-1, size)
    weights = noise_interpolation(grid, scale).weights
    for i in range(scale[0]):
        for j in range(scale[1]):
            fine = power[i :: scale[0], j :: scale[1]][REACH:-REACH, REACH:-REACH] - 1
            fitted = np.linalg.lstsq(known, fine.ravel(), rcond=None)[0]
            np.testing.assert_allclose(fitted, weights[i, j].ravel(), atol=0.06)


def test_frames_that_share_no_sample_get_the_level_of_their_cell() -> None:
    weights = noise_interpolation(Grid(16000.0, 512, 512, 32000), (1, 4)).weights
    np.testing.assert_allclose(weights[0, :, REACH, REACH], 1, atol=0.01)


def test_cells_that_are_means_themselves() -> None:
    """x2 of cells of 2 x 2 are the means of x4 over 2 x 2 cells."""
    fine = Grid(16000.0, 512, 64, 32000)
    whole = noise_interpolation(fine, (4, 4)).weights
    halved = noise_interpolation(fine.pooled(2, 2), (2, 2)).weights
    means = whole.reshape(2, 2, 2, 2, *whole.shape[2:]).mean(axis=(1, 3))
    np.testing.assert_allclose(halved, means, atol=1e-12)


def test_is_symmetric_in_time_and_equal_for_a_part_of_a_map() -> None:
    low = np.random.default_rng(0).standard_normal((2, 12, 40))
    between = noise_interpolation(Grid(16000.0, 512, 64, 32000), (4, 3))
    whole = between(low, 118)
    assert whole.shape == (2, 48, 118)
    np.testing.assert_allclose(between(low[..., ::-1], 120)[..., ::-1], between(low, 120))
    part = between(low[:, :, 10:30], 60)[..., 3 * REACH : -3 * REACH]
    np.testing.assert_array_equal(part, whole[..., 3 * (10 + REACH) : 3 * (30 - REACH)])


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("n_fft", "hop"), [(2048, 16), (2048, 256), (64, 64), (16, 4)])
def test_weights_stay_small_for_any_overlap(scale: tuple[int, int], n_fft: int, hop: int) -> None:
    weights = noise_interpolation(Grid(16000.0, n_fft, hop, 32000), scale).weights
    assert np.abs(weights).sum(axis=(2, 3)).max() < 4
    assert weights.sum(axis=(2, 3)) == pytest.approx(1, abs=0.05)


def test_the_variance_of_a_cell_is_that_of_the_mean_of_its_cells() -> None:
    power, grid = noise(256, 64, 60.0)
    measured = pool_power(power, 4, 3).var()
    assert noise_variance(grid.pooled(4, 3)) == pytest.approx(measured, rel=0.05)
