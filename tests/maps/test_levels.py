"""Levels for the models: the part and the cells that count, whole decibels, limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from specsr.maps import levels
from specsr.maps.grid import Grid
from specsr.maps.polar import angle, polar


def test_the_median_is_that_of_the_columns_that_begin_within_10_s() -> None:
    grid = Grid(1000.0, 256, 128, 100_000)  # 0.128 s: 78.1 columns in 10 s
    db = np.zeros((1, 129, 782))
    db[..., :39] = 10.0
    db[..., 39:78] = 20.0
    db[..., 78:] = 30.0
    assert levels.median_level(db, grid) == 15.0  # the mean of the two middle values
    slow = Grid(1.0, 32, 16, 100)  # 16 s: the first column at least
    assert levels.median_level(np.arange(8.0) * np.ones((17, 1)), slow) == 0.0
    assert levels.median_level(5 + np.arange(8.0) * np.ones((17, 1)), slow) == 5.0


def test_cells_from_120_db_below_the_maximum_down_are_rounding_noise() -> None:
    grid = Grid(1000.0, 256, 128, 1000)
    db = np.array([[0.0, -100.0, -119.0, -120.0, -121.0, -200.0]])
    assert levels.median_level(db, grid) == -100.0
    # of a faint map, cells at the floor of silence
    assert levels.median_level(np.array([[-380.0, -390.0, -400.0, -400.0]]), grid) == -385.0


@pytest.mark.parametrize("own, level", [(12.9, 13.25), (12.8, 13.25), (12.7, 12.25), (-3.0, -2.75)])
def test_a_segment_is_whole_decibels_from_the_reference(own: float, level: float) -> None:
    assert levels.segment_level(own, 0.25) == pytest.approx(level)


def test_relative_levels_within_100_db() -> None:
    db = np.array([-150.0, -90.0, 0.0, 20.0, 200.0])
    found = levels.relative_levels(db, 10.0)
    assert found.tolist() == [-100, -100, -10, 10, 100] and found.dtype == np.float32


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_polar_and_angle_are_inverse(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    phase = 6.2 * torch.rand(40, dtype=dtype, generator=generator) - 3.1
    magnitude = 0.1 + torch.rand(40, dtype=dtype, generator=generator)
    values = polar(magnitude, phase)
    bound = 8 * torch.finfo(dtype).eps
    torch.testing.assert_close(values.abs(), magnitude, rtol=bound, atol=0)
    torch.testing.assert_close(angle(values), phase, rtol=0, atol=bound)
    assert angle(values).dtype == dtype
    assert polar(torch.ones(1, dtype=dtype), torch.ones(1)).imag == pytest.approx(np.sin(1))


def test_the_uncertainty_of_a_network_is_bounded_and_else_that_of_its_logarithm():
    logarithm = np.log([1e-3, 0.5, 59.0, 61.0, 1e4])
    found = levels.network_uncertainty(logarithm)
    np.testing.assert_allclose(found, [1e-3, 0.5, 59.0, 60.0, 60.0])
    assert levels.network_uncertainty(logarithm.astype(np.float32)).dtype == np.float32
