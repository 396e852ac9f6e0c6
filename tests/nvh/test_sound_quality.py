"""Loudness and sharpness of sounds with values given in the standards."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.nvh import sound_quality
from specsr.signal import Signal


def tone(level: float, rate: float, freq: float = 1000.0, seconds: float = 1.0) -> Signal:
    rms = 20e-6 * 10 ** (level / 20)
    samples = rms * np.sqrt(2) * np.sin(2 * np.pi * freq * np.arange(round(rate * seconds)) / rate)
    return Signal(samples, rate, "Pa")


@pytest.fixture(autouse=True)
def _mosqito() -> None:
    pytest.importorskip("mosqito")


@pytest.mark.parametrize("rate", [16000.0, 25600.0, 48000.0, 51200.0])
def test_a_tone_of_1_khz_and_40_phon_has_1_sone_at_any_rate(rate: float) -> None:
    for level, sone in ((40, 1.0), (60, 4.0)):
        found = sound_quality.loudness(tone(level, rate))
        assert found.sone == pytest.approx([sone], rel=0.03)
        assert found.phon == pytest.approx([level], abs=0.5)


def test_a_critical_band_of_noise_at_1_khz_and_60_db_has_1_acum() -> None:
    rng = np.random.default_rng(0)
    length, rate = 5 * 48000, 48000
    spectrum = np.fft.rfft(rng.standard_normal(length))
    freqs = np.fft.rfftfreq(length, 1 / rate)
    samples = np.fft.irfft(spectrum * ((freqs > 920) & (freqs < 1080)), length)
    samples *= 20e-6 * 1000 / np.sqrt(np.mean(samples**2))
    assert sound_quality.sharpness(Signal(samples, rate, "Pa")) == pytest.approx([1.0], abs=0.05)


@pytest.mark.parametrize("rate", [25600.0, 48000.0])
def test_edges_of_a_tone_do_not_change_loudness_and_sharpness(rate: float) -> None:
    """Whole periods of a tone that starts and stops at its peak, against one that starts at 0."""
    t = np.arange(round(0.5 * rate)) / rate
    at_peak = Signal(np.cos(2 * np.pi * 1000 * t), rate, "Pa")
    at_zero = Signal(np.sin(2 * np.pi * 1000 * t), rate, "Pa")
    long = Signal(np.tile(at_peak.samples, 6), rate, "Pa")
    for other in (at_zero, long):
        for measure in (lambda x: sound_quality.loudness(x).sone, sound_quality.sharpness):
            assert measure(at_peak) == pytest.approx(measure(other), rel=2e-3)


def test_channels_time_axis_and_silence() -> None:
    both = np.stack([tone(60, 48000.0, seconds=0.5).samples[0], np.zeros(24000)])
    signal = Signal(both, 48000.0, "Pa", start=3.0)
    found = sound_quality.loudness(signal, time_varying=True)
    assert found.curve.shape == (2, found.times.size)
    assert found.times[0] == pytest.approx(3.0)
    assert found.sone[0] == pytest.approx(4.0, rel=0.05) and found.sone[1] < 0.01
    assert np.isnan(sound_quality.sharpness(signal)[1])


def test_invalid_recordings_and_a_missing_library_are_named(monkeypatch) -> None:
    for signal, words in (
        (tone(60, 48000.0).replace(unit="1"), "Pa per full scale"),
        (tone(60, 48000.0, seconds=0.05), "at least 0.1 s"),
    ):
        with pytest.raises(SpecsrError, match=words):
            sound_quality.loudness(signal)
    with pytest.raises(SpecsrError, match="field is 'wide'"):
        sound_quality.sharpness(tone(60, 48000.0), field="wide")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SpecsrError, match=r"specsr\[sound-quality\]"):
        sound_quality.loudness(tone(60, 48000.0))
