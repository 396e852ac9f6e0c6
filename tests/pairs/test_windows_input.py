"""One recording under three windows: densities that agree where they should."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.maps.grid import Grid
from specsr.maps.transform import spectrogram
from specsr.pairs.windows_input import CHANNELS, densities, density, lengths, padded, windows_image
from specsr.signal import Signal

N_FFT, HOP, RATE = 1024, 32, 2048.0


def grid(length: int) -> Grid:
    return Grid(RATE, N_FFT, HOP, length)


def test_the_longest_window_gives_the_measured_map() -> None:
    samples = np.random.default_rng(0).standard_normal((1, 3001)).astype(np.float32)
    spec = spectrogram(Signal(samples, RATE), n_fft=N_FFT, hop_length=HOP)
    found = densities(padded(samples[0], spec.grid), spec.grid)
    assert found.shape == (3, spec.grid.rows, spec.grid.frames)
    np.testing.assert_allclose(np.sqrt(found[2]), spec.magnitude[0], rtol=1e-4, atol=1e-6)


def test_noise_has_one_density_under_all_windows() -> None:
    samples = np.random.default_rng(1).standard_normal(1 << 15)
    levels = densities(padded(samples, grid(samples.size)), grid(samples.size))[:, 8:-8].mean(
        (1, 2)
    )
    # variance 1 over half the rate, times the bandwidth of the long Hann window, 1.5 rows
    wanted = 1.5 * 2 / N_FFT
    # 64 windows x 512 rows and more of independent cells: 0.6 %
    np.testing.assert_allclose(levels, wanted, rtol=0.025)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_line_is_lower_by_the_ratio_of_the_windows(which: int) -> None:
    """Its power is spread over as many more rows."""
    time = np.arange(8192) / RATE
    samples = np.sqrt(2) * np.sin(2 * np.pi * 256 * time)
    length = lengths(N_FFT)[which]
    found = density(padded(samples, grid(time.size)), grid(time.size), length)
    inside = found[:, 40:-40]
    np.testing.assert_allclose(inside.max(axis=0), length / N_FFT, rtol=1e-3)
    # 1.5 rows of the long window hold the power 1
    np.testing.assert_allclose(inside.sum(axis=0), 1.5, rtol=1e-3)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_an_impulse_is_as_long_as_its_window(which: int) -> None:
    samples = np.zeros(8192)
    samples[4096] = 1.0
    found = density(padded(samples, grid(samples.size)), grid(samples.size), lengths(N_FFT)[which])
    length = lengths(N_FFT)[which]
    away = np.abs(np.arange(found.shape[1]) - 4096 // HOP) * HOP
    assert not found[:, away >= length // 2].any() and found[1:, away < length // 2].all()
    np.testing.assert_allclose(
        found[8:-8].sum(axis=1), found[100].sum(), rtol=1e-9
    )  # the same at each row
    # the short window of 32 samples has a hop of a whole one here: Hann² at its centre alone, 1,
    # for a mean of 3/8; the others add up evenly
    wanted = 2 / N_FFT * 1.5 * (8 / 3 * HOP / length if length <= 2 * HOP else 1.0)
    assert found[100].sum() * HOP == pytest.approx(wanted, rel=1e-6)


def test_the_long_window_is_the_first_channel_and_the_least_the_last() -> None:
    db = np.random.default_rng(2).standard_normal((3, 5, 6)).astype(np.float32)
    image = windows_image(db)
    assert image.shape == (CHANNELS, 5, 6) and image.dtype == np.float32
    np.testing.assert_array_equal(image, np.stack([db[2], db[0], db[1], db.min(axis=0)]))
