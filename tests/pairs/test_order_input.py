"""Order-conditioned input: comb teeth lie at the orders and nowhere else."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsr import Signal, SpectrogramTransform
from specsr.maps.pooling import pool
from specsr.nvh.speed import column_rotation_hz
from specsr.pairs.order_input import CHANNELS, PARTS, coarse_rows, order_channels


def test_speed_of_a_column_is_that_at_its_centre() -> None:
    rate, length = 8000.0, 16000
    rpm = np.linspace(600, 6000, length)
    fine = SpectrogramTransform(512, 64)(Signal(np.ones((1, length)), rate, rpm=rpm))
    for spec in (fine, pool(fine, 2, 4)):
        rotation_hz = column_rotation_hz(spec.rpm, spec.grid)
        expected = np.interp(spec.times, np.arange(length) / rate, rpm) / 60
        np.testing.assert_allclose(rotation_hz, expected, atol=0.01)
    assert not column_rotation_hz(None, fine.grid).any()
    assert not column_rotation_hz(np.zeros(length), fine.grid).any()


def test_coarse_rows_equal_the_rows_of_the_pooled_map() -> None:
    fine = SpectrogramTransform(512, 64).grid(Signal(np.ones((1, 8000)), 8000.0))
    centres, height = coarse_rows(fine, 4)
    low = fine.pooled(4, 4)
    np.testing.assert_allclose(centres, low.freqs())
    assert height == pytest.approx(low.df)
    same, _ = coarse_rows(fine.pooled(2, 1), 2)
    np.testing.assert_allclose(same, low.freqs())


@given(rotation_hz=st.floats(20, 100), order=st.integers(1, 60))
def test_the_tooth_of_an_order_is_highest_in_the_part_that_holds_it(rotation_hz: float, order: int):
    height = 16.0
    freqs = np.arange(500) * height + 6.0
    image = order_channels(freqs, height, np.array([rotation_hz]))
    assert image.shape == (CHANNELS, 500, 1) and image.dtype == np.float32
    combs = image[:-1, :, 0].reshape(2, PARTS, 500).transpose(0, 2, 1).reshape(2, -1)
    middles = (freqs[:, None] + (np.arange(PARTS) - 1.5) * height / PARTS).ravel()
    for comb, f in (
        (0, order * rotation_hz),
        (1, order * rotation_hz),
        (1, (order - 0.5) * rotation_hz),
    ):
        if middles[0] < f < middles[-1]:
            at = int(np.argmin(np.abs(middles - f)))
            assert combs[comb, at] >= 20 * (1 - (height / 8) / (1.5 * height / PARTS)) - 1e-3
    # whole orders have no teeth at the halves
    between = int(np.argmin(np.abs(middles - (order + 0.5) * rotation_hz)))
    if rotation_hz > 4 * height / PARTS and middles[between] < middles[-1] - rotation_hz:
        assert combs[0, between] == 0


def test_unknown_speed_gives_zeros() -> None:
    image = order_channels(np.arange(10) * 10.0, 10.0, np.array([0.0, 30.0]))
    assert not image[:, :, 0].any() and image[-1, :, 1].all()


def test_teeth_are_triangles_of_height_20_over_quarters_of_a_row() -> None:
    """Against a loop over cells, quarters and orders."""
    freqs, height = np.array([20.0, 60.0, 100.0, 140.0]), 40.0
    speeds = np.array([31.0, 0.0, 55.0])
    image = order_channels(freqs, height, speeds)
    expected = np.zeros((9, 4, 3))
    for (row, f), (column, speed) in itertools.product(enumerate(freqs), enumerate(speeds)):
        if not speed:
            continue
        expected[8, row, column] = 20
        for comb, part in itertools.product((0, 1), range(4)):
            centre = f - 15 + 10 * part
            spacing = speed * (1, 0.5)[comb]
            away = min(abs(centre - order * spacing) for order in range(1, 20))
            expected[4 * comb + part, row, column] = 20 * max(0, 1 - away / 15)
    np.testing.assert_allclose(image, expected, atol=1e-5)


def test_a_slow_machine_has_a_known_speed() -> None:
    image = order_channels(np.arange(1, 9) * 0.5, 0.5, np.array([0.5]))
    assert (image[-1] == 20).all() and image[:8].any()
