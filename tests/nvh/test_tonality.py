"""Tones of known ratio to noise of known density, by the formulas of ECMA-418-1."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.errors import SpecsrError
from specsr.nvh.tone_ratios import critical_band, limits_db, neighbours, tone_to_noise
from specsr.signal import Signal

RATE, SECONDS = 25600.0, 6.0
T = np.arange(round(RATE * SECONDS)) / RATE
DENSITY = 60 - 10 * np.log10(RATE / 2)
"""Level of the noise in 1 Hz, dB."""


def noise() -> np.ndarray:
    return 20e-3 * np.random.default_rng(0).standard_normal(T.size)


def sine(freq: float, level: float) -> np.ndarray:
    return np.sqrt(2) * 20e-6 * 10 ** (level / 20) * np.sin(2 * np.pi * freq * T)


def scatter(freq: float) -> float:
    """Four standard deviations of the level of noise in a critical band and in its neighbours."""
    low, high = critical_band(freq)
    return float(4 * 4.34 * np.sqrt(1.5) / np.sqrt((high - low) * SECONDS))


@pytest.mark.parametrize("freq", [100.0, 315.5, 1000.4, 3000.3, 6000.7])
@pytest.mark.parametrize("level", [60.0, 75.0])
def test_a_tone_in_white_noise_has_its_ratios(freq: float, level: float) -> None:
    found = specsr.tones(Signal(sine(freq, level) + noise(), RATE, "Pa"))[0]
    assert [tone.prominent for tone in found] == [("tnr", "pr")]
    low, high = critical_band(freq)
    lowest, highest = neighbours(freq)
    ratio = 10 ** ((level - DENSITY) / 10)
    assert found[0].freq == pytest.approx(freq, abs=0.51)
    tnr = 10 * np.log10(ratio / (high - low))
    assert found[0].tnr_db == pytest.approx(tnr, abs=scatter(freq))
    below = 100.0 if freq < 171.4 else low - lowest
    pr = 10 * np.log10((ratio + high - low) / ((below + highest - high) / 2))
    assert found[0].pr_db == pytest.approx(pr, abs=scatter(freq))


def test_the_bands_are_those_of_the_standard() -> None:
    # width of the critical band at 1 kHz: 162 Hz, edges 922.2 and 1084.4 Hz (ECMA-74, annex D)
    low, high = critical_band(1000.0)
    assert (low, high) == (pytest.approx(922.2, abs=0.05), pytest.approx(1084.4, abs=0.05))
    assert low * high == pytest.approx(1000.0**2)
    assert sum(critical_band(250.0)) == pytest.approx(500)
    assert neighbours(1000.0) == (pytest.approx(782.5), pytest.approx(1261.5))
    assert limits_db(2000.0) == (8, 9) and limits_db(100.0) == (pytest.approx(16.33), 19)


def test_a_second_tone_in_the_same_critical_band_counts_with_the_first() -> None:
    both = Signal(sine(1000, 66) + sine(1030, 60) + noise(), RATE, "Pa")
    first, second = specsr.tones(both)[0]
    together = 10 * np.log10((10**6.6 + 10**6) / 10 ** (DENSITY / 10) / 162.2)
    assert first.tnr_db == pytest.approx(together, abs=scatter(1000))
    assert second.tnr_db == pytest.approx(together, abs=scatter(1000))
    assert "pr" in first.prominent and np.isnan(second.pr_db)
    # far apart, each has its own
    apart = specsr.tones(Signal(sine(1000, 66) + sine(4000, 60) + noise(), RATE, "Pa"))[0]
    assert [tone.freq for tone in apart] == [1000, 4000]


def test_noise_beside_a_tone_in_a_short_recording_is_no_tone() -> None:
    time = np.arange(48000) / 24000
    for seed in range(8):
        noise = 0.01 * np.random.default_rng(seed).standard_normal(len(time))
        signal = Signal(noise + 0.1 * np.sin(2 * np.pi * 1000 * time), 24000, unit="Pa")
        assert [tone.freq for tone in specsr.tones(signal)[0]] == [1000.0]


def test_noise_silence_weak_tones_and_sweeps_have_no_prominent_tones() -> None:
    sweep = 0.1 * np.sin(2 * np.pi * (500 * T + 250 * T**2))
    channels = np.stack([noise(), 0 * T, noise() + sine(1000, 45), noise() + sweep])
    assert specsr.tones(Signal(channels, RATE, "Pa")) == [[], [], [], []]
    # 45 dB: 4 dB over the noise in its critical band, below the limit
    weak = specsr.tones(Signal(channels[2:3], RATE, "Pa"), every=True)[0]
    found = next(tone for tone in weak if tone.freq == 1000)
    assert found.prominent == () and found.tnr_db == pytest.approx(4, abs=1)


def test_mosqito_agrees_for_a_tone_on_a_row() -> None:
    """Twin: MoSQITo with the same averaged spectrum."""
    metrics = pytest.importorskip("mosqito.sq_metrics.tonality.tone_to_noise_ecma.tnr_ecma_freq")
    prominence = pytest.importorskip(
        "mosqito.sq_metrics.tonality.prominence_ratio_ecma.pr_ecma_freq"
    )
    from scipy.signal import welch

    x = sine(1000, 60) + noise()
    ours = specsr.tones(Signal(x, RATE, "Pa"))[0][0]
    freqs, density = welch(x, RATE, "hann", round(RATE), detrend=False)
    spectrum = np.sqrt(density)
    for ratio, value in (
        (metrics.tnr_ecma_freq, ours.tnr_db), (prominence.pr_ecma_freq, ours.pr_db),
    ):  # fmt: skip
        _, values, _, at = ratio(spectrum, freqs, prominence=False)
        assert dict(zip(at, values))[1000.0] == pytest.approx(value, abs=0.15)


def test_the_ratio_of_rows_is_exact() -> None:
    power = np.full(5000, 2.0)
    power[1000] += 3000.0
    low, high = critical_band(1000.0)
    expected = 10 * np.log10((3000 + 7 * 2) / (2 * (high - low)))  # seven rows of the tone
    assert tone_to_noise(power, 1.0, [1000.0]) == [pytest.approx(expected)]


def test_wrong_recordings_are_named() -> None:
    with pytest.raises(SpecsrError, match="at least 2 s"):
        specsr.tones(Signal(noise()[:10000], RATE, "Pa"))
    with pytest.raises(SpecsrError, match="samples are in g"):
        specsr.tones(Signal(noise(), RATE, "g"))
