"""What was removed beyond the power of a known noise."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.enhance.excess import (
    ERRORS,
    EXCESS_DB,
    EXCESS_SECONDS,
    LOWEST_HZ,
    OVERLAP,
    excess,
    without_excess,
)
from specsr.enhance.level_rule import LEAST_ROWS
from specsr.maps.grid import Grid
from specsr.scores.metrics import si_sdr

RATE = 8000.0
GRID = Grid(RATE, 256, 64, round(4 * RATE))
SHAPE = (128, GRID.frames)
TIME = np.arange(round(3 * RATE)) / RATE


def cells(seed: int) -> np.ndarray:
    """Power of noise of mean 1 in cells, [F, T]."""
    return np.random.default_rng(seed).exponential(size=SHAPE)


@pytest.mark.parametrize("level", [1.0, 4.0])
def test_noise_leaves_no_excess_and_may_be_louder_than_its_recording(level: float) -> None:
    """Of 4 x 125 cells, at the edges, the mean scatters by 1 / sqrt(500) = 4.5 %.  Allowed are 12 %
    (0.5 dB) and more than 11 %."""
    found = excess(np.zeros(SHAPE), level * cells(0), np.ones(SHAPE), GRID)
    np.testing.assert_allclose(found, 0, atol=1e-12)


def test_the_share_is_that_of_least_error() -> None:
    """A band of 100 times the power of the noise between bands of noise: 1 % may be removed."""
    power = np.ones(SHAPE)
    power[64:] = 100
    found = excess(np.zeros(SHAPE), power, np.ones((SHAPE[0], 1)), GRID)
    fewest = LEAST_ROWS * round(EXCESS_SECONDS * RATE / 64) / OVERLAP
    most = 0.01 * (10 ** (EXCESS_DB / 10) + ERRORS / np.sqrt(fewest))
    assert 0.99 - most + 0.01 - 1e-9 <= found[80:].min() and found.max() <= 0.99
    np.testing.assert_array_equal(found[:48], 0)


@pytest.mark.parametrize("seed", range(4))
def test_the_error_is_at_most_the_noise(seed: int) -> None:
    """Whatever the gains: with c R R = a N R the error N - 2 c N R + c² R R is N + (a - 2) c N R
    for powers of the true means: below N for a < 2.  Most bands are noise here."""
    rng = np.random.default_rng(seed)
    power = np.ones(SHAPE)
    power[100:] += np.repeat(10 ** rng.uniform(-2, 2, SHAPE[0] - 100)[:, None], SHAPE[1], 1)
    gain = np.repeat(rng.uniform(0, 1, SHAPE[0])[:, None], SHAPE[1], 1)
    gain = gain + excess(gain, power, np.ones(SHAPE), GRID) * (1 - gain)
    assert (gain <= 1).all()
    error = np.square(1 - gain) * (power - 1) + np.square(gain)
    assert error.sum() <= error.size


def test_silence_and_silent_noise() -> None:
    ones = np.ones(SHAPE)
    np.testing.assert_array_equal(excess(ones, cells(1), ones, GRID), 0)
    np.testing.assert_array_equal(excess(0 * ones, 0 * ones, ones, GRID), 0)
    half = np.where(np.arange(SHAPE[0]) < 100, 1.0, 0.0)[:, None]
    assert (excess(0 * ones, ones, half, GRID)[127] > 0.99).all()


@pytest.fixture(scope="module")
def noisy() -> tuple[np.ndarray, specsr.SpecMap]:
    """Pulses of rms 1 that ring at 2 kHz, 20 a second, and their map in noise 20 dB below."""
    train = np.zeros(TIME.size)
    train[:: round(RATE / 20)] = 1.0
    ring = np.exp(-400 * TIME[:400]) * np.sin(2 * np.pi * 2000 * TIME[:400])
    pulses = np.convolve(train, ring)[: TIME.size]
    pulses /= np.sqrt(np.mean(pulses**2))
    weak = 0.1 * np.random.default_rng(2).standard_normal(TIME.size)
    return pulses, specsr.spectrogram(specsr.Signal((pulses + weak)[None], RATE, "Pa"), n_fft=256)


def test_pulses_that_were_removed_with_the_noise_come_back(noisy) -> None:
    """A network that takes all for noise: above `LOWEST_HZ` the pulses come back."""
    pulses, spec = noisy
    noise = np.full((spec.grid.rows - 1, 1), 1.5 * 2 * 0.01 / 256)  # of Hann, variance 0.01
    none = np.zeros((1, spec.grid.rows - 1, spec.grid.frames))
    gain = without_excess(spec, none, [noise])[0]
    assert (gain[spec.freqs[:-1] < LOWEST_HZ] == 0).all() and gain.max() <= 1
    gain = np.concatenate([gain, gain[-1:]]).astype(np.float32)
    result = specsr.SpectrogramTransform.inverse(spec.replace(magnitude=gain * spec.magnitude))
    assert si_sdr(pulses, result.samples[0]) > 12
    assert without_excess(spec.replace(phase=None), none, [noise]) is none


def test_noise_louder_than_its_recording_stays_removed(noisy) -> None:
    spec = noisy[1]
    loud = np.random.default_rng(3).standard_normal(TIME.size)[None]
    loud_map = specsr.spectrogram(specsr.Signal(loud, RATE, "Pa"), n_fft=256)
    noise = np.full((spec.grid.rows - 1, 1), 1.5 * 2 * 0.1 / 256)  # 10 dB less
    none = np.zeros((1, spec.grid.rows - 1, spec.grid.frames))
    assert np.square(without_excess(loud_map, none, [noise])).mean() < 0.01
