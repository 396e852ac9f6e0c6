"""Noise reduction with a recording of the noise alone."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.enhance.denoised_uncertainty import with_uncertainty
from specsr.enhance.known_noise import KnownNoise
from specsr.enhance.level_interval import HIDDEN
from specsr.enhance.noise_profile import Noise, fitting, followed, noise_spectrum
from specsr.maps.grid import Grid
from specsr.scores.metrics import si_sdr

RATE = 8000.0
SECONDS = 2.0
GRID = Grid(RATE, 512, 128, round(6 * RATE))


def steady(length: int, seed: int) -> np.ndarray:
    """Noise with most of its power at low frequencies, [length]."""
    white = np.random.default_rng(seed).standard_normal(length)
    spectrum = np.fft.rfft(white)
    freqs = np.fft.rfftfreq(length, 1 / RATE)
    return np.fft.irfft(spectrum / np.maximum(freqs, 30), length) * 300


@pytest.fixture(scope="module")
def clean() -> specsr.Signal:
    """Two steady tones and a sweep."""
    time = np.arange(round(SECONDS * RATE)) / RATE
    samples = np.sin(2 * np.pi * 70 * time) + np.sin(2 * np.pi * 1000 * time)
    samples += np.sin(2 * np.pi * (300 * time + 200 * time**2))
    return specsr.Signal(samples[None].astype(np.float32), RATE, "Pa")


@pytest.fixture(scope="module")
def alone() -> specsr.Signal:
    return specsr.Signal(steady(24000, 5)[None].astype(np.float32), RATE, "Pa")


@pytest.fixture(scope="module")
def noisy(clean) -> specsr.Signal:
    noise = steady(clean.length, 6)
    return clean.replace(samples=clean.samples + noise.astype(np.float32))


@pytest.fixture(scope="module")
def found(noisy, alone) -> specsr.Signal:
    return specsr.denoise(noisy, noise=alone)


def test_noise_of_known_spectrum_is_removed_and_tones_stay(clean, noisy, alone, found) -> None:
    reference = clean.samples[0]
    gain = si_sdr(reference, found.samples[0]) - si_sdr(reference, noisy.samples[0])
    assert gain > 8
    assert (found.length, found.rate, found.unit) == (noisy.length, RATE, "Pa")
    blind = specsr.denoise(noisy, method="floor")
    assert si_sdr(reference, found.samples[0]) > si_sdr(reference, blind.samples[0]) + 3


def test_channels_and_levels_do_not_depend_on_each_other(noisy, alone, found) -> None:
    both = noisy.replace(samples=np.concatenate([noisy.samples, 0.01 * noisy.samples]), channels=())
    own = alone.replace(samples=np.concatenate([alone.samples, 0.01 * alone.samples]), channels=())
    result = specsr.denoise(both, noise=own).samples
    np.testing.assert_array_equal(result[:1], found.samples)
    np.testing.assert_allclose(100 * result[1], found.samples[0], atol=2e-3)


def test_a_map_is_attenuated_within_the_limit_and_states_its_uncertainty(noisy, alone) -> None:
    spec = specsr.spectrogram(noisy, n_fft=512, overlap=0.75)
    result = specsr.denoise(spec, noise=alone, attenuation=6.0)
    ratio = result.magnitude / np.maximum(spec.magnitude, 1e-20)
    assert ratio.max() <= 1 + 1e-6
    assert ratio.min() == pytest.approx(10 ** (-6 / 20), rel=1e-4)
    np.testing.assert_array_equal(result.phase, spec.phase)
    assert result.uncertainty_db is not None and (result.uncertainty_db > 0).all()


def test_the_uncertainty_of_the_map_of_a_recording_is_that_of_its_levels(
    clean, noisy, alone, found
) -> None:
    """The waveform comes from other maps, joined: its own levels lie within."""
    maps = [specsr.spectrogram(each, n_fft=512) for each in (found, noisy, clean)]
    known = KnownNoise.of(alone, maps[1], None)
    result = with_uncertainty(maps[0], maps[1], known, specsr.InferOptions())
    np.testing.assert_array_equal(result.magnitude, maps[0].magnitude)
    assert result.uncertainty_db is not None
    level, truth = (10 * np.log10(np.maximum(m.power[0], 1e-12)) for m in (result, maps[2]))
    noise = 10 * np.log10(noise_spectrum(alone, specsr.SpectrogramTransform(512))[0])[:, None]
    width = result.uncertainty_db[0]
    clear = truth > noise + 10
    # windows overlap to 75 % and tones take three rows: 4 standard deviations of 60 cells
    assert np.mean(np.abs(level - truth)[clear] <= width[clear]) == pytest.approx(0.683, abs=0.24)
    hidden = (truth < noise - 20) & (level < noise - 20)
    # the power that a level of 1 + HIDDEN cannot exclude: 68 % of exponential values below
    assert np.median((level + width - noise)[hidden]) == pytest.approx(
        10 * np.log10(1.149 * HIDDEN / (1 + HIDDEN)), abs=1.5
    )


def test_silence_as_noise_changes_nothing(noisy) -> None:
    silent = noisy.replace(samples=np.zeros_like(noisy.samples))
    result = specsr.denoise(noisy, noise=silent)
    assert si_sdr(noisy.samples[0], result.samples[0]) > 60


@pytest.mark.slow
def test_segments_differ_little_from_the_whole(noisy, alone, found) -> None:
    long = noisy.replace(samples=np.tile(noisy.samples, 2))
    parts = [
        specsr.denoise(long, noise=alone, options=specsr.InferOptions(segment=segment)).samples[0]
        for segment in (np.inf, 2.5)
    ]
    assert si_sdr(parts[0], parts[1]) > 20


def test_the_spectrum_of_noise_is_its_mean_power() -> None:
    """White noise of variance 1: 1.5 of 8000/2 Hz in a row of Hann, DC and Nyquist half of it."""
    transform = specsr.SpectrogramTransform(256, 64)
    noise = np.random.default_rng(1).standard_normal((2, 80000))
    power = noise_spectrum(specsr.Signal(noise, RATE), transform)
    # 312 windows, three rows smoothed: 4 standard deviations of the mean are 4 / sqrt(312) = 23 %
    np.testing.assert_allclose(power[:, 3:-3], 1.5 * 2 / 256, rtol=0.23)
    assert power.mean() == pytest.approx(1.5 * 2 / 256, rel=0.03)


def test_only_a_change_of_all_third_octaves_is_followed() -> None:
    rng = np.random.default_rng(0)
    scatter = 10 ** (0.05 * rng.standard_normal((256, GRID.frames)))  # 0.5 dB, as expected maps
    flat = np.ones(256)
    np.testing.assert_array_equal(followed(flat, scatter, GRID), np.ones_like(scatter))
    half = GRID.frames // 2
    risen = scatter.copy()
    risen[:, half:] *= 10
    level = 10 * np.log10(followed(flat, risen, GRID))
    away = round(0.8 / GRID.dt)
    assert np.abs(level[:, : half - away]).max() < 1
    # less 1 dB that is taken for scatter, and about 1 dB by the percentiles of 0.5 dB
    assert np.abs(level[:, half + away :] - 8.5).max() < 1
    steady = 100 * scatter  # a machine in every third octave
    np.testing.assert_array_equal(followed(flat, steady, GRID), np.ones_like(scatter))
    machine = scatter.copy()
    machine[80:, half:] *= 1000
    np.testing.assert_array_equal(followed(flat, machine, GRID), np.ones_like(scatter))


@pytest.mark.slow
def test_noise_that_swells_is_followed_on_request(clean, alone) -> None:
    swell = np.where(np.arange(clean.length) < clean.length // 2, 1.0, 4.0)
    noise = swell * steady(clean.length, 7)
    noisy = clean.replace(samples=clean.samples + noise.astype(np.float32))
    scores = [
        si_sdr(clean.samples[0], specsr.denoise(noisy, noise=Noise(alone, follow)).samples[0])
        for follow in (False, True)
    ]
    assert scores[1] > scores[0] + 1


def test_what_does_not_fit_is_refused(noisy, alone) -> None:
    with pytest.raises(specsr.SpecsrError, match="the noise has 0.01 s: expected at least 0.25 s"):
        specsr.denoise(noisy, noise=alone.replace(samples=alone.samples[:, :80]))
    with pytest.raises(specsr.SpecsrError, match="the noise is in 1, the recording in Pa"):
        specsr.denoise(noisy, noise=alone.replace(unit="1"))
    two = alone.replace(samples=np.tile(alone.samples, (2, 1)), channels=())
    with pytest.raises(specsr.SpecsrError, match="the noise has 2 channels, the recording 1"):
        specsr.denoise(noisy, noise=two)
    with pytest.raises(specsr.SpecsrError, match="method 'floor' and noise: two methods"):
        specsr.denoise(noisy, noise=alone, method="floor")
    with pytest.raises(specsr.SpecsrError, match="strict is for methods without noise="):
        specsr.denoise(noisy, noise=alone, strict=True)
    with pytest.raises(specsr.SpecsrError, match="not 'noise'"):
        specsr.denoise(noisy, noise=alone, model="denoise")
    assert fitting(alone.resample(16000.0), noisy).rate == RATE


def test_noise_that_is_silent_or_the_recording_itself_is_named(noisy, alone, caplog) -> None:
    fitting(alone, noisy)
    fitting(alone, specsr.spectrogram(noisy))
    assert not caplog.records
    fitting(alone.replace(samples=0 * alone.samples), noisy)
    assert "the noise is silent" in caplog.messages.pop()
    fitting(noisy, noisy)
    assert "the noise is the recording itself" in caplog.messages.pop()
    fitting(alone.resample(4000.0), noisy)
    assert "noise is removed up to 2000 Hz" in caplog.messages.pop()
