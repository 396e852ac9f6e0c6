"""Low lines that an order-tracking filter removed are given back one by one."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.enhance.low_lines import low_lines, restrained_orders
from specsr.enhance.restraint import restrained
from specsr.scores.metrics import si_sdr

RATE = 4096.0
TIME = np.arange(round(8 * RATE)) / RATE
TONES = np.sin(2 * np.pi * 61 * TIME) + 0.7 * np.sin(2 * np.pi * 107 * TIME)


def low_noise(seed: int) -> np.ndarray:
    """Noise below 150 Hz with an rms of 0.5, [N]."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(TIME.size))
    spectrum[np.fft.rfftfreq(TIME.size, 1 / RATE) > 150] = 0
    samples = np.fft.irfft(spectrum, TIME.size)
    return 0.5 * samples / np.sqrt(np.mean(samples**2))


def signal(samples: np.ndarray) -> specsr.Signal:
    return specsr.Signal(np.atleast_2d(samples), RATE, "Pa")


def test_lines_are_found_with_their_level_and_little_noise() -> None:
    found = low_lines(signal(TONES + low_noise(1)))[0]
    assert np.sqrt(np.mean(found**2) / np.mean(TONES**2)) == pytest.approx(1, abs=0.03)
    # two lines of three rows 4 Hz apart hold a sixth of the noise of 150 Hz: 8 dB less of it
    assert si_sdr(TONES, found) > si_sdr(TONES, TONES + low_noise(1)) + 5
    assert np.mean(low_lines(signal(low_noise(2)))[0] ** 2) < 0.02 * np.mean(low_noise(2) ** 2)
    high = np.sin(2 * np.pi * 400 * TIME)
    assert np.abs(low_lines(signal(high))).max() < 1e-3


def test_tones_of_another_shaft_come_back_without_the_noise_of_their_band() -> None:
    """The tracked order is kept; of what was removed the tones are given back."""
    order = np.sin(2 * np.pi * (500 * TIME + 20 * TIME**2))
    clean = order + TONES
    noisy, kept = signal(clean + low_noise(3)), signal(order)
    before, after = (
        si_sdr(clean, f(noisy, kept).samples[0]) for f in (restrained, restrained_orders)
    )
    assert after > before + 4
    assert after > si_sdr(clean, noisy.samples[0]) + 4
    level = restrained_orders(noisy, kept)
    maps = [specsr.spectrogram(x, n_fft=8192).power[0].mean(axis=1) for x in (level, signal(clean))]
    # rows beside a line whose level is 6 to 9 dB over the floor are given back in part
    for hz in (61, 107):
        row = round(hz * 8192 / RATE)
        assert 10 * np.log10(maps[0][row] / maps[1][row]) == pytest.approx(0, abs=1.0)


def test_noise_alone_stays_removed_and_nothing_is_nothing() -> None:
    order = np.sin(2 * np.pi * 500 * TIME)
    noisy = signal(order + low_noise(4))
    assert si_sdr(order, restrained_orders(noisy, signal(order)).samples[0]) > 20
    np.testing.assert_allclose(restrained_orders(signal(order), signal(order)).samples[0], order)


def test_channels_are_given_back_apart() -> None:
    order = np.sin(2 * np.pi * 500 * TIME)
    one, two = order + TONES + low_noise(5), order + low_noise(6)
    both = restrained_orders(signal(np.stack([one, two])), signal(np.stack([order, order])))
    alone = restrained_orders(signal(one), signal(order))
    np.testing.assert_allclose(both.samples[0], alone.samples[0], atol=1e-6)
