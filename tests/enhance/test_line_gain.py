"""Gains of cells that stand clear of a known noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import specsr
from specsr.enhance.line_gain import CLEAR, LARGEST_ROW_HZ, with_clear_cells
from specsr.enhance.noise_windows import CROSSOVER_HZ
from specsr.maps.grid import Grid

GRID = Grid(16000.0, 2048, 512, 4 * 16000)
ROWS, COLUMNS = GRID.n_fft // 2, GRID.frames
LINES = np.arange(100, ROWS, 60)
"""Rows of lines above `CROSSOVER_HZ`, few in every band."""


def expected_map(ratio: float, noise: np.ndarray) -> np.ndarray:
    """Magnitudes of noise [F, 1] and of lines of a ratio in power to it."""
    power = np.repeat(noise, COLUMNS, axis=1)
    power[LINES] *= 1 + ratio
    return np.sqrt(power)


@pytest.mark.parametrize("ratio", (CLEAR[1], 20.0, 1e4))
@pytest.mark.parametrize("loud", (1.0, 3.0))
def test_a_clear_line_keeps_its_power_and_louder_noise_does_not_change_it(
    ratio: float, loud: float
) -> None:
    """Of cells S + complex Gaussian noise, the result has the mean power of S."""
    rng = np.random.default_rng(0)
    noise = np.geomspace(1e-6, 1e-9, ROWS)[:, None]
    gain = np.full((ROWS, COLUMNS), 0.3)
    found = with_clear_cells(gain, expected_map(ratio, loud * noise), noise, GRID)
    np.testing.assert_allclose(found[LINES], np.sqrt(ratio / (1 + ratio)), rtol=1e-9)
    others = np.delete(np.arange(ROWS), LINES)
    np.testing.assert_array_equal(found[others], gain[others])

    cells = np.sqrt(ratio) + np.sqrt(0.5) * rng.standard_normal((200000, 2)) @ [1, 1j]
    left = np.mean(np.square(np.abs(found[LINES[0], 0] * cells)))
    assert 10 * np.log10(left / ratio) == pytest.approx(0, abs=0.03)


@given(
    st.floats(0.1, 100),
    st.sampled_from((16000.0, 48000.0, 4000.0)),
    st.sampled_from((64, 1024, 4096)),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=25, deadline=None)
def test_gains_are_never_lowered_and_hold_where_no_line_is_told(
    level: float, rate: float, n_fft: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    grid = Grid(rate, n_fft, n_fft // 4, round(rate))
    shape = n_fft // 2, grid.frames
    gain = rng.uniform(0, 1, shape)
    cells = level * np.sqrt(rng.exponential(size=shape))
    found = with_clear_cells(gain, cells, np.ones((shape[0], 1)), grid)
    assert (found >= gain).all() and (found <= 1).all()
    low = np.arange(shape[0]) * grid.df < CROSSOVER_HZ
    if grid.df > LARGEST_ROW_HZ:
        low[:] = True
    np.testing.assert_array_equal(found[low], gain[low])


def test_columns_far_away_and_the_unit_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    noise = np.ones((ROWS, 1))
    cells = np.sqrt(rng.exponential(5.0, size=(ROWS, COLUMNS)))
    gain = np.full(cells.shape, 0.2)
    whole = with_clear_cells(gain, cells, noise, GRID)
    half = with_clear_cells(gain[:, :60], cells[:, :60], noise, GRID)
    np.testing.assert_array_equal(whole[:, :40], half[:, :40])
    small = with_clear_cells(gain, 1e-9 * cells, 1e-18 * noise, GRID)
    np.testing.assert_allclose(whole, small, rtol=1e-9)


@pytest.mark.parametrize("expected", (0.0, 1.0))
def test_no_noise_at_all_leaves_what_is_there(expected: float) -> None:
    gain = np.full((ROWS, COLUMNS), 0.5)
    cells = np.zeros((ROWS, COLUMNS))
    cells[LINES] = expected
    found = with_clear_cells(gain, cells, np.zeros((ROWS, 1)), GRID)
    np.testing.assert_array_equal(found[LINES], 1.0 if expected else 0.5)
    assert (np.delete(found, LINES, axis=0) == 0.5).all()


@pytest.mark.slow
def test_levels_of_lines_in_white_noise_hold() -> None:
    """Harmonics 13 dB over the noise in the rows of the longest window, of eight seconds.

    The noise in them alone is an rms error of 0.2 dB."""
    rate, time = 16000.0, np.arange(8 * 16000) / 16000
    rng = np.random.default_rng(1)
    freqs = 437.0 * np.arange(1, 16)
    clean = 0.05 * np.sum([np.sin(2 * np.pi * f * time + f) for f in freqs], axis=0)
    noise = 0.3 * rng.standard_normal((2, time.size))
    noisy, alone = specsr.Signal((clean + noise[0])[None], rate), specsr.Signal(noise[1:], rate)
    result = specsr.denoise(noisy, noise=alone)
    spectra = [
        specsr.SpectrogramTransform(8192, 2048)(x).power[0].mean(axis=1)
        for x in (result, noisy.replace(samples=clean[None]))
    ]
    rows = np.round(freqs / (rate / 8192)).astype(int)[:, None] + np.arange(-2, 3)
    levels = [10 * np.log10(power[rows].sum(axis=1)) for power in spectra]
    error = (levels[0] - levels[1])[freqs > CROSSOVER_HZ]
    assert np.sqrt(np.mean(np.square(error))) < 0.5
