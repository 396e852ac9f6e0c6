"""Recordings at a higher rate: metadata, the measured band, the end of the training data."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.maps.transform import spectrogram
from specsr.pairs.pair import decimate
from specsr.signal import Signal
from support import music as samples


@pytest.fixture(scope="module")
def music() -> specsr.Signal:
    return samples.music()


@pytest.mark.parametrize("scale", [2, 3])
def test_band_rate_length_metadata_and_measured_band(music, scale):
    full = specsr.upscale(music, scale=scale)
    assert full.rate == scale * music.rate and full.length == scale * music.length
    assert (full.channels, full.unit, full.start) == (music.channels, "Pa", 1.5)
    back = decimate(full, scale)
    spectrum = np.fft.rfft(back.samples - music.samples)
    freqs = np.fft.rfftfreq(music.length, 1 / music.rate)
    inside = freqs < 0.9 * music.rate / 2
    error = np.square(np.abs(spectrum[:, inside])).sum()
    total = np.square(np.abs(np.fft.rfft(music.samples)[:, inside])).sum()
    assert 10 * np.log10(error / total) < -50
    upper = np.fft.rfftfreq(full.length, 1 / full.rate) > 1.05 * music.rate / 2
    assert np.abs(np.fft.rfft(full.samples)[:, upper]).max() > 0


def test_band_is_empty_above_the_training_data(music):
    full = specsr.upscale(music.replace(rate=48000.0), scale=2)
    spec = spectrogram(full)
    # windows within the recording: its abrupt edges are clicks with a wide spectrum
    inside = spec.image()[..., 8:-8]
    power = np.square(inside).mean(axis=(0, 2))
    above = power[spec.freqs[:-1] > 28000].max()  # leakage from below
    assert above < 1e-12 * power.max()
    assert above < 1e-6 * power[(spec.freqs[:-1] > 24000) & (spec.freqs[:-1] < 26000)].min()


def test_a_recording_beyond_the_training_data_gains_nothing_and_is_warned_of(caplog):
    """2 x of 192 kHz: the model ends at 26.4 kHz."""
    noise = Signal(0.1 * np.random.default_rng(0).standard_normal(20000), 192e3)
    fine = specsr.upscale_band(noise, 2)
    assert "nothing can be added: the recording reaches 96 kHz" in caplog.text
    power = np.square(np.abs(np.fft.rfft(fine.samples[0])))
    assert power[len(power) * 52 // 100 :].sum() < 1e-4 * power.sum()
    caplog.clear()
    specsr.upscale_band(noise.replace(rate=24e3), 2)
    assert not caplog.text


def test_band_channels_do_not_influence_each_other(music):
    both = specsr.upscale(music, scale=2)
    one = specsr.upscale(music.replace(samples=music.samples[1:], channels=("right",)), scale=2)
    np.testing.assert_allclose(both.samples[1], one.samples[0], atol=1e-5)
