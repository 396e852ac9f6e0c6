"""Pulses and the pauses between them, after noise of known spectrum was removed."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.enhance.pulses import LOWEST_HZ, pulse_reach, pulse_transform, restored
from specsr.scores.metrics import si_sdr

RATE = 8192.0
LENGTH = round(4 * RATE)


def white(seed: int, length: int = LENGTH) -> np.ndarray:
    """Noise of unit power."""
    return np.random.default_rng(seed).standard_normal(length)


def recording(samples: np.ndarray) -> specsr.Signal:
    return specsr.Signal(np.atleast_2d(samples), RATE, "Pa")


def pulses(seed: int) -> np.ndarray:
    """Bursts of 4 ms, 30 a second, 10 dB over noise of unit power."""
    out = np.zeros(LENGTH)
    rng = np.random.default_rng([seed, 1])
    width = round(0.004 * RATE)
    for at in np.arange(200, LENGTH - width, round(RATE / 30)):
        out[at : at + width] = np.sqrt(10) * rng.standard_normal(width)
    return out


def constant(samples: np.ndarray, gain: float) -> specsr.Signal:
    """The result of one gain for all cells above `LOWEST_HZ`."""
    return recording(gain * samples)


ALONE = recording(white(99, 2 * LENGTH))


@pytest.mark.parametrize("gain", [0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("seed", range(2))
def test_pulses_stay_and_pauses_are_cleared(gain: float, seed: int) -> None:
    """Gains that do not follow pulses leave the ratio of signal to noise as it was."""
    clean = pulses(seed)
    noisy = clean + white(seed)
    found = restored(recording(noisy), constant(noisy, gain), ALONE).samples[0]
    assert si_sdr(clean, found) > si_sdr(clean, noisy) + 2


@pytest.mark.parametrize("gain", [0.0, 0.1, 0.5, 1.0])
def test_noise_and_tones_have_no_larger_error(gain: float) -> None:
    """Sound without pulses, in noise as recorded: by less than 1 % of the power of the noise."""
    time = np.arange(LENGTH) / RATE
    tones = np.sin(2 * np.pi * 1000 * time) + np.sin(2 * np.pi * (800 + 200 * time) * time)
    kept = tones + gain * white(3)
    found = restored(recording(tones + white(3)), recording(kept), ALONE).samples[0]
    errors = [np.mean(np.square(x - tones)) for x in (kept, found)]
    assert errors[1] < errors[0] + 0.01


def test_harmonics_kept_by_a_long_window_are_no_noise_in_pauses() -> None:
    """Gains of 1 in 4 Hz around the harmonics.  Read through windows of 40 ms alone, 14 times as
    much noise seems to be kept, and the harmonics lose up to 5 dB."""
    time = np.arange(LENGTH) / RATE
    freqs = 329.0 * np.arange(2, 12)
    clean = np.sum([0.15 * np.sin(2 * np.pi * f * time + f) for f in freqs], axis=0)
    noisy = clean + white(5)
    spectrum, at = np.fft.rfft(noisy), np.fft.rfftfreq(LENGTH, 1 / RATE)
    spectrum[np.abs(at[:, None] - freqs).min(axis=1) > 2] = 0
    kept = np.fft.irfft(spectrum, LENGTH)
    found = restored(recording(noisy), recording(kept), ALONE).samples[0]
    levels = [np.abs(x @ np.exp(2j * np.pi * np.outer(time, freqs))) for x in (kept, found)]
    np.testing.assert_allclose(20 * np.log10(levels[1] / levels[0]), 0, atol=1)


@pytest.mark.parametrize("seed", range(2))
def test_the_edges_are_as_the_middle_where_they_are_within_a_pulse(seed: int) -> None:
    clean, noise = pulses(seed), white(seed)
    at = np.flatnonzero(clean)
    cut = slice(at[0], at[-1] - 10)
    clean, noisy = clean[cut], (clean + noise)[cut]
    result = 0.2 * noisy
    found = restored(recording(noisy), recording(result), ALONE).samples[0]
    parts = np.array_split(np.square([found - clean, result - clean]), 8, axis=1)
    errors = np.array([part.mean(axis=1) for part in parts])
    assert (errors[:, 0] < 0.7 * errors[:, 1]).all()


def test_louder_noise_is_left_alone() -> None:
    """Twice the power of the recording, throughout or for two seconds."""
    clean, noise = pulses(0), white(5)
    noise[LENGTH // 2 :] *= 2
    noisy = clean + 2 * noise
    result = 0.2 * noisy
    found = restored(recording(noisy), recording(result), ALONE).samples[0]
    np.testing.assert_array_equal(found, result)


def test_each_channel_by_its_own_noise_and_none_by_silence() -> None:
    clean = pulses(1)
    noisy = np.stack([clean + white(1), clean, clean + 3 * white(2)])
    noise = np.stack([ALONE.samples[0], 0 * ALONE.samples[0], 3 * ALONE.samples[0]])
    found = restored(recording(noisy), recording(0.5 * noisy), recording(noise)).samples
    for i, row in enumerate(noisy):
        own = restored(recording(row), recording(0.5 * row), recording(noise[i])).samples[0]
        np.testing.assert_array_equal(found[i], own)
    np.testing.assert_array_equal(found[1], 0.5 * noisy[1])
    assert np.abs(found[0] - 0.5 * noisy[0]).max() > 0.1


@pytest.mark.parametrize("scale", [1e-4, 1e-36, 1e-30, 1e30, 1e36])
def test_the_scale_does_not_matter_and_low_frequencies_stay(scale: float) -> None:
    clean = pulses(2)
    noisy = clean + white(2)
    one, other = (
        restored(
            recording(scale * noisy),
            recording(0.5 * scale * noisy),
            ALONE.replace(samples=scale * ALONE.samples),
        ).samples[0]
        / scale
        for scale in (1, scale)
    )
    np.testing.assert_allclose(one, other, atol=1e-4)
    change = np.abs(np.fft.rfft((one - 0.5 * noisy)[1000:-1000] * np.hanning(LENGTH - 2000)))
    freqs = np.fft.rfftfreq(LENGTH - 2000, 1 / RATE)
    low = freqs < LOWEST_HZ - 3 * RATE / pulse_transform(RATE).n_fft
    assert not low.any() or change[low].max() < 0.05 * change.max()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scales", [(1, 1e-10), (1, 1e-22), (1e30, 1), (1e30, 1e-30), (1e36, 1)])
def test_noise_far_below_the_recording_changes_nothing(scales: tuple[float, float]) -> None:
    """What was removed is not as the noise: squares of its ratio to it exceed float32."""
    loud, quiet = scales
    noisy = loud * (pulses(5) + white(5))
    noise = ALONE.replace(samples=quiet * ALONE.samples)
    found = restored(recording(noisy), recording(0.5 * noisy), noise).samples[0]
    np.testing.assert_array_equal(found, 0.5 * noisy)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e36])
def test_silence_and_noise_far_above_the_recording_need_no_warning(scale: float) -> None:
    silence = recording(np.zeros(LENGTH))
    noise = ALONE.replace(samples=scale * ALONE.samples)
    np.testing.assert_array_equal(restored(silence, silence, noise).samples, 0)
    np.testing.assert_array_equal(restored(silence, silence, silence).samples, 0)
    noisy = recording(1e-30 * (pulses(6) + white(6)))
    found = restored(noisy, noisy, noise, 20.0).samples
    assert 0.1 < found.std() / noisy.samples.std() < 0.5  # below `LOWEST_HZ` nothing changes


def test_low_rates_and_short_recordings_stay() -> None:
    slow = specsr.Signal(white(1)[None], 2000.0)
    assert restored(slow, slow, slow) is slow
    short = recording(white(1)[:200])
    assert restored(short, short, ALONE) is short


def test_a_part_is_that_of_the_whole() -> None:
    around, step = pulse_reach(RATE)
    clean = np.tile(pulses(3), 3)
    noisy = recording(clean + white(3, clean.size))
    result = noisy.replace(samples=0.5 * noisy.samples)
    whole = restored(noisy, result, ALONE).samples[0]
    first, last = 15 * step, clean.size - 20 * step
    part = restored(noisy.cut(first, last), result.cut(first, last), ALONE).samples[0]
    inner = slice(around, len(part) - around)
    np.testing.assert_allclose(part[inner], whole[first:last][inner], atol=1e-5)
    assert np.abs(part - 0.5 * noisy.samples[0, first:last])[inner].max() > 0.1


def test_the_largest_attenuation_holds() -> None:
    clean = pulses(4)
    noisy = recording(clean + white(4))
    np.testing.assert_array_equal(restored(noisy, noisy, ALONE, 0.0).samples, noisy.samples)
    loud, quiet = (restored(noisy, noisy, ALONE, db).samples.std() for db in (6.0, 40.0))
    assert quiet < loud < noisy.samples.std()
