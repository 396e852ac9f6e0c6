"""Noise that is louder than the recording that it is in."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.enhance.known_noise import KnownNoise
from specsr.enhance.noise_level import LOUDER_DB, excess_db, lowered
from specsr.enhance.noise_profile import Noise
from specsr.scores.metrics import si_sdr

RATE, COUNT = 8000.0, 40000
TIME = np.arange(COUNT) / RATE
CLEAN = sum(np.sin(2 * np.pi * k * (30 * TIME + 3 * TIME**2)) / k for k in (2, 4, 6, 9, 14))


def pink(count: int, seed: int) -> np.ndarray:
    """Noise whose power falls by 3 dB per octave, [count]."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    freqs = np.fft.rfftfreq(count, 1 / RATE)
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(freqs, 30) / 500), count)


def signal(*samples: np.ndarray) -> specsr.Signal:
    return specsr.Signal(np.stack(samples).astype(np.float32), RATE, "Pa")


NOISY = CLEAN + 0.3 * pink(COUNT, 1)
ALONE = 0.3 * pink(24000, 2)


def louder(db: float) -> specsr.Signal:
    return signal(10 ** (db / 20) * ALONE)


@pytest.mark.parametrize("db", [10.0, 30.0, 60.0])
def test_noise_that_is_too_loud_takes_no_more_than_at_its_own_level(db, caplog) -> None:
    noisy = signal(NOISY)
    before = si_sdr(CLEAN, NOISY)
    right = si_sdr(CLEAN, specsr.denoise(noisy, noise=louder(0.0)).samples[0])
    assert "louder" not in caplog.text and right > before + 3
    found = si_sdr(CLEAN, specsr.denoise(noisy, noise=louder(db)).samples[0])
    assert f"the noise is {db:.0f} dB louder than the recording" in caplog.text
    assert found > right - 1


def test_the_noise_is_lowered_by_its_excess_in_the_channels_that_need_it(caplog) -> None:
    noisy = signal(NOISY, np.zeros(COUNT), 100 * NOISY)
    known = KnownNoise.of(louder(40.0), noisy, None)
    assert known.recording.channels == noisy.channels
    levels = 20 * np.log10(known.recording.samples.std(axis=1) / ALONE.std())
    # the third channel holds noise of 40 dB; nothing is known of a silent one
    np.testing.assert_allclose(levels, [0, 40, 40], atol=1.5)
    assert "most third octaves (ch1)" in caplog.text


@pytest.mark.parametrize("follow", [None, False, True])
def test_all_channels_alike_keep_one_of_noise(follow) -> None:
    known = KnownNoise.of(Noise(louder(20.0), follow=follow), signal(NOISY), None)
    assert len(known.recording.channels) == 1
    assert 20 * np.log10(known.recording.samples.std() / ALONE.std()) == pytest.approx(0, abs=1.5)
    assert known.follow.all() == bool(follow)


def test_a_map_has_its_noise_lowered_too() -> None:
    spec = specsr.spectrogram(signal(NOISY), n_fft=512, overlap=0.75)
    known = KnownNoise.of(louder(30.0), spec, None)
    assert 20 * np.log10(known.recording.samples.std() / ALONE.std()) == pytest.approx(0, abs=1.5)


def test_noise_as_loud_as_the_recording_is_not_changed() -> None:
    noise = louder(0.0)
    assert KnownNoise.of(noise, signal(NOISY), None).recording is noise
    # a machine far above its noise hides how loud the noise is
    assert KnownNoise.of(noise, signal(30 * CLEAN + NOISY), None).recording is noise
    assert lowered(noise, np.zeros(1), ("a",)) is noise


def test_the_excess_is_that_of_most_third_octaves_at_their_loudest() -> None:
    rises = np.full((20, 50), -12.0)
    rises[:6] = 3.0
    assert excess_db([rises]) == pytest.approx(12)
    rises[:, 40:] = 0.0  # the noise is there for a fifth of the time
    assert excess_db([rises]) == 0
    assert excess_db([np.full((20, 50), 0.5 - LOUDER_DB)]) == 0
    assert excess_db([np.full((20, 50), -12.0), np.full((20, 50), -1.0)]) == 0
    assert excess_db([np.full((3, 50), -12.0)]) == excess_db([np.zeros((0, 0))]) == 0
    assert excess_db([]) == excess_db([np.full((20, 50), -250.0)]) == 0


@pytest.mark.parametrize("count", (1, 500, 1400, 2000))
def test_a_recording_shorter_than_the_windows_is_not_taken_for_a_quiet_one(count, caplog) -> None:
    """Zeros around it lower the power of long windows."""
    specsr.denoise(signal(NOISY[20000 : 20000 + count]), noise=louder(0.0))
    assert "louder" not in caplog.text


def test_a_short_recording_of_noise_is_named(caplog) -> None:
    for count, named in ((4000, True), (8000, False)):
        caplog.clear()
        KnownNoise.of(signal(ALONE[:count]), signal(NOISY), None)
        assert ("the noise has 0.5 s" in caplog.text) == named
