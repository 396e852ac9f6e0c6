"""What a noise reduction removed and is no noise is given back."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.enhance.restraint import (
    BANDS,
    restrained,
    restrained_map,
    row_shares,
    share_given_back,
)
from specsr.scores.metrics import si_sdr

RATE = 16000.0
COUNT = round(3 * RATE)
TIME = np.arange(COUNT) / RATE


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(COUNT)


def pulses() -> np.ndarray:
    """120 decaying pulses a second at 3 kHz, of rms 1: as of a bearing."""
    train = np.zeros(COUNT)
    train[:: round(RATE / 120)] = 1.0
    ring = np.exp(-800 * TIME[:400]) * np.sin(2 * np.pi * 3000 * TIME[:400])
    made = np.convolve(train, ring)[:COUNT]
    return made / np.sqrt(np.mean(made**2))


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_not_given_back(seed: int) -> None:
    """Of Gaussian noise the moment lies within two standard errors of 2 but for 5 % of all bands,
    and one more error gives back (0.1 / 0.2)² of it or less."""
    shares = share_given_back(noise(seed), noise(seed + 10), RATE)
    assert shares.max() < 0.25 and shares.mean() < 0.05


@pytest.mark.parametrize(
    ("removed", "band"),
    [
        (pulses(), 3),
        (np.sin(2 * np.pi * 3000 * TIME), 3),
        (np.sin(2 * np.pi * 80 * TIME), 0),
        (np.sin(2 * np.pi * (500 * TIME + 150 * TIME**2)), 2),
    ],
)  # fmt: skip
def test_pulses_and_lines_are_given_back(removed: np.ndarray, band: int) -> None:
    assert share_given_back(removed, noise(), RATE)[band] > 0.9


def test_close_lines_beside_bursts_are_given_back() -> None:
    """Half orders of an idling engine, 6.5 Hz apart, and bursts below 45 Hz of the same power: the
    moment of the whole lowest band is near that of noise, those of its parts are not."""
    rng = np.random.default_rng(0)
    phases = zip(range(9, 23), rng.uniform(0, 2 * np.pi, 14))
    lines = sum(np.cos(2 * np.pi * 6.5 * k * TIME + phase) for k, phase in phases)
    spectrum = np.fft.rfft(rng.standard_normal(COUNT))
    freqs = np.fft.rfftfreq(COUNT, 1 / RATE)
    bursts = np.fft.irfft(np.where((freqs > 10) & (freqs < 45), spectrum, 0), COUNT)
    bursts *= (np.sin(2 * np.pi * 0.9 * TIME) > 0.5) * np.std(lines) / np.std(bursts)
    assert share_given_back(lines + bursts, noise(), RATE)[0] > 0.9


def test_noise_that_passes_is_noise() -> None:
    """Its level changes by 15 dB: over its own level it has the moment of steady noise."""
    passing = 10 ** (15 / 20 * np.exp(-0.5 * np.square((TIME - 1.5) / 0.85)))
    shares = share_given_back(passing * noise(3), noise(4), RATE)
    assert shares.max() < 0.25  # as of steady noise


def test_what_is_far_below_the_rest_is_given_back() -> None:
    for level, least, most in ((-25, 1.0, 1.0), (-19, 0.4, 0.6), (-10, 0.0, 0.25)):
        shares = share_given_back(10 ** (level / 20) * noise(1), noise(2), RATE)
        # the levels of two noises in a band differ by less than 1 dB
        assert least - 0.2 <= shares.min() and shares.max() <= most + 0.2


def test_shares_hold_within_their_band_and_fade_at_the_edges() -> None:
    shares = np.array([0.0, 1.0, 0.0, 0.5, 0.0])
    inside = [100.0, 250.0, 800.0, 3000.0, 7000.0]
    np.testing.assert_allclose(row_shares(shares, np.array(inside)), shares)
    assert row_shares(shares, np.array([150.0]))[0] == pytest.approx(0.5, abs=0.1)
    assert len(BANDS) == 5


def test_a_map_lies_between_noisy_and_clean_and_without_a_phase_it_stays() -> None:
    noisy = specsr.spectrogram(specsr.Signal((noise() + pulses())[None], RATE, "Pa"))
    clean = noisy.replace(magnitude=0.1 * noisy.magnitude)
    result = restrained_map(noisy, clean)
    assert (result.magnitude <= noisy.magnitude).all()
    assert (result.magnitude >= clean.magnitude - 1e-6).all()
    assert result.magnitude.mean() > clean.magnitude.mean()
    assert restrained_map(noisy.replace(phase=None), clean) is clean


def test_a_recording_whose_reduction_took_pulses_gets_them_back() -> None:
    noisy = specsr.Signal((pulses() + 0.1 * noise())[None], RATE, "Pa")
    nothing = noisy.replace(samples=np.zeros_like(noisy.samples))
    assert si_sdr(pulses(), restrained(noisy, nothing).samples[0]) > 18


@pytest.mark.parametrize("method", ["network", "floor"])
def test_pulses_in_weak_noise_do_not_get_worse(method) -> None:
    """At 25.6 kHz, for which the network is: it takes a train of pulses for noise."""
    clean = specsr.Signal(pulses()[None], RATE, "Pa").resample(25600.0)
    weak = 0.1 * np.random.default_rng(3).standard_normal(clean.length)
    noisy = clean.replace(samples=clean.samples + weak)
    found = specsr.denoise(noisy, method=method)
    before = si_sdr(clean.samples[0], noisy.samples[0])
    assert si_sdr(clean.samples[0], found.samples[0]) > before - 0.05


def test_silence_and_short_recordings() -> None:
    assert not share_given_back(np.zeros(COUNT), noise(), RATE).any()
    assert np.isfinite(share_given_back(noise()[:50], noise(1)[:50], RATE)).all()
