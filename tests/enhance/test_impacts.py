"""Impacts that a noise reduction removed are given back."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.enhance.impacts import impact_pieces

RATE = 16000.0
TIME = np.arange(round(2 * RATE)) / RATE
ONSETS = np.array([4000, 9000, 15111, 22222, 27777])
NOISE = 0.02 * np.random.default_rng(0).standard_normal(TIME.size)


def clicks() -> np.ndarray:
    """Impulses through a resonance of 2.5 kHz with a decay of 1 ms, each with a peak near 1."""
    after = np.arange(160) / RATE
    shape = np.exp(-after / 0.001) * np.cos(2 * np.pi * 2500 * after)
    samples = np.zeros(TIME.size)
    for onset in ONSETS:
        samples[onset : onset + after.size] += shape
    return samples


def given_back(samples: np.ndarray) -> np.ndarray:
    """What is given back where a noise reduction removed everything."""
    noisy = specsr.Signal(samples[None], RATE)
    return specsr.keep_impacts(noisy, noisy.replace(samples=0 * noisy.samples)).samples[0]


@pytest.mark.parametrize(("machine", "bound"), [(False, 1.0), (True, 1.8)])
def test_clicks_keep_their_peaks_and_the_rest_stays_removed(machine: bool, bound: float) -> None:
    """The noise at a peak, 0.02 rms, changes it by 0.5 dB at three standard deviations.

    Lines of a machine lie in 4 of the 33 rows: without these an impulse is 1.1 dB lower.
    """
    lines = sum(0.1 * np.sin(2 * np.pi * f * TIME) for f in (30, 60, 240, 700)) if machine else 0
    found = given_back(clicks() + NOISE + lines)
    around = np.abs(np.arange(TIME.size)[:, None] - ONSETS)
    peaks = [np.abs(found[onset - 5 : onset + 40]).max() for onset in ONSETS]
    assert np.abs(20 * np.log10(peaks)).max() < bound
    away = around.min(axis=1) > 0.06 * RATE
    assert np.std(found[away]) < 0.1 * np.std(NOISE)


def test_impulses_26_db_over_the_noise_keep_their_peaks() -> None:
    for seed in range(5):
        samples = 0.05 * np.random.default_rng(seed).standard_normal(TIME.size)
        samples[9000] += 0.05 * 10 ** (26 / 20)
        assert abs(20 * np.log10(given_back(samples)[9000] / samples[9000])) < 0.5


def test_noise_tones_and_sound_that_lasts_are_no_impacts() -> None:
    noise = np.random.default_rng(1).standard_normal(TIME.size)
    swelling = noise * 10 ** (0.5 * np.sin(2 * np.pi * TIME))  # over 20 dB in half a second
    tone = np.sin(2 * np.pi * 1000 * TIME)
    burst = np.where((TIME > 0.8) & (TIME < 1.2), 10.0, 1.0)
    for samples in (noise, swelling, tone + 0.01 * noise, 0 * noise):
        assert np.sum(given_back(samples) ** 2) <= 1e-3 * np.sum(samples**2)
    middle = (TIME > 0.9) & (TIME < 1.1)
    found = given_back(burst * noise)[middle]
    assert np.sum(found**2) < 1e-3 * np.sum((burst * noise)[middle] ** 2)


@pytest.mark.parametrize("size", [3000, 12345, 40000])
def test_pieces_of_any_length_give_the_result_of_the_whole(size: int) -> None:
    noisy = specsr.Signal((clicks() + NOISE)[None], RATE, start=2.0, rpm=np.full(TIME.size, 900.0))
    clean = noisy.replace(samples=0.5 * noisy.samples)
    pieces = (clean.cut(i, min(TIME.size, i + size)) for i in range(0, TIME.size, size))
    found = list(impact_pieces(noisy, pieces))
    whole = specsr.keep_impacts(noisy, clean)
    samples = np.concatenate([piece.samples for piece in found], axis=1)
    np.testing.assert_allclose(samples, whole.samples, atol=1e-6)
    starts = 2.0 + np.cumsum([0, *(piece.length for piece in found)])[:-1] / RATE
    np.testing.assert_allclose([piece.start for piece in found], starts, rtol=1e-12)
    assert sum(piece.rpm.size for piece in found) == TIME.size


def test_channels_types_and_units_are_kept() -> None:
    samples = np.stack([clicks() + NOISE, NOISE]).astype(np.float32)
    noisy = specsr.Signal(samples, RATE, "g", channels=("a", "b"))
    found = specsr.keep_impacts(noisy, noisy.replace(samples=0 * samples))
    assert found.samples.dtype == np.float32 and found.unit == "g" and found.channels == ("a", "b")
    alone = specsr.keep_impacts(
        noisy.replace(samples=samples[:1], channels=("a",)),
        noisy.replace(samples=0 * samples[:1], channels=("a",)),
    )
    np.testing.assert_array_equal(found.samples[:1], alone.samples)
