"""Whether a recording shows that the level of its noise changed."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.enhance.known_noise import KnownNoise
from specsr.enhance.noise_change import band_rises, change_of
from specsr.enhance.noise_profile import Noise, noise_spectrum
from specsr.maps.spec_map import SpecMap

RATE = 8000.0
COUNT = 40000
TIME = np.arange(COUNT) / RATE
PASSING = 10 ** (15 / 20 * np.exp(-0.5 * ((TIME - 2.5) / 0.85) ** 2))


def sloped(count: int, seed: int, slope: float = 1.0) -> np.ndarray:
    """Noise whose spectrum falls with frequency by 6 dB per octave times ``slope``, [count]."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    freqs = np.fft.rfftfreq(count, 1 / RATE)
    return np.fft.irfft(spectrum * (np.maximum(freqs, 30) / 500) ** -slope, count)


def signal(samples: np.ndarray) -> specsr.Signal:
    return specsr.Signal(np.atleast_2d(samples).astype(np.float32), RATE, "Pa")


ALONE = signal(sloped(24000, 1))
TONES = 3 * np.sin(2 * np.pi * (200 * TIME + 20 * TIME**2)) + np.sin(2 * np.pi * 1000 * TIME)
QUIET = TONES + sloped(COUNT, 2)
PASSED = TONES + PASSING * sloped(COUNT, 3)
MACHINE = QUIET + (PASSING - 1) * sloped(COUNT, 4, 0.0)
"""Broadband sound of the machine that rises as far, with a spectrum of its own."""


def test_the_rise_of_noise_is_read_off_its_third_octaves() -> None:
    """Noise alone: its own level, and all third octaves stand at it."""
    spec = specsr.spectrogram(signal(PASSING * sloped(COUNT, 3)), n_fft=512, overlap=0.75)
    transform = specsr.SpectrogramTransform(512, 128)
    (rises,) = band_rises([spec.magnitude], noise_spectrum(ALONE, transform), spec.grid)
    found = change_of(rises)
    # 15 dB, less what 0.8 s smooth (0.6 dB) and two percentiles of about 1 dB of scatter
    assert found.rise == pytest.approx(13.5, abs=2)
    assert found.always < 1.5 and found.share > 0.6 and found.is_of_noise
    parts = np.array_split(spec.magnitude, 7, axis=-1)
    (again,) = band_rises(parts, noise_spectrum(ALONE, transform), spec.grid)
    np.testing.assert_allclose(again, rises, rtol=1e-12)


def test_a_rise_with_another_spectrum_a_constant_one_and_none_are_not_that_of_noise() -> None:
    rng = np.random.default_rng(0)
    risen = np.zeros((20, 40))
    risen[:, 20:] = 15
    assert change_of(risen + rng.standard_normal(risen.shape)).is_of_noise
    spread = risen * np.linspace(0.5, 2, 20)[:, None]
    assert not change_of(spread).is_of_noise
    assert not change_of(np.full((20, 40), 15.0)).is_of_noise
    assert not change_of(np.zeros((20, 40))).is_of_noise
    assert not change_of(risen[:3]).is_of_noise
    assert not change_of(np.zeros((0, 0))).is_of_noise


@pytest.mark.parametrize(
    ("samples", "changes"), [(QUIET, False), (MACHINE, False), (PASSED, True)],
    ids=["steady", "machine", "passing"],
)  # fmt: skip
def test_passing_noise_is_followed_by_default_and_a_machine_is_not(
    samples, changes, caplog
) -> None:
    noisy = signal(samples)
    spec = specsr.spectrogram(noisy, n_fft=512, overlap=0.75)
    for each in (noisy, spec):
        caplog.clear()
        assert KnownNoise.of(ALONE, each, None).follow.tolist() == [changes]
        assert ("the level of the noise changes" in caplog.text) == changes
        assert not KnownNoise.of(Noise(ALONE, follow=False), each, None).follow.any()
        assert KnownNoise.of(Noise(ALONE, follow=True), each, None).follow.all()
    assert not KnownNoise.of(Noise(ALONE, found=True), noisy, None).follow.any()


def test_channels_are_decided_apart_and_named(caplog) -> None:
    noisy = specsr.Signal(np.stack([QUIET, PASSED]), RATE, "Pa", channels=("left", "right"))
    assert KnownNoise.of(ALONE, noisy, None).follow.tolist() == [False, True]
    assert "changes (right)" in caplog.text


def test_the_result_is_that_of_noise_that_is_followed() -> None:
    spec = specsr.spectrogram(signal(PASSED), n_fft=512, overlap=0.75)
    results: list[SpecMap] = [
        specsr.denoise(spec, noise=Noise(ALONE, follow)) for follow in (None, True, False)
    ]
    np.testing.assert_array_equal(results[0].magnitude, results[1].magnitude)
    assert np.mean(results[0].power) < np.mean(results[2].power)
