"""Third-octave levels against IEC 61260: bands, limits of class 1, filters of the standard."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.nvh import levels as nvh
from specsr.signal import Signal
from support.levels_samples import RATE, sine, white


def test_third_octave_bands_are_iec_61260() -> None:
    nominal, centre, low, high = nvh.third_octave_bands()
    names = [25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250]
    names += [1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000, 12500, 16000, 20000]
    assert nominal == pytest.approx(names)
    assert centre[nominal == 1000] == 1000
    assert np.all(np.abs(centre / nominal - 1) < 0.02)
    assert low[1:] == pytest.approx(high[:-1])
    assert high / low == pytest.approx(np.full(30, 10**0.1))
    assert (low[16], high[16]) == pytest.approx((891.25, 1122.02), abs=0.01)


@pytest.mark.parametrize("freq", [31.5, 100, 1000, 8000])
def test_a_sine_of_94_db_gives_94_db_in_its_third_octave(freq: float) -> None:
    bands = nvh.third_octave_levels(Signal(sine(freq), RATE, "Pa"))
    inside = np.flatnonzero(np.isclose(bands.nominal, freq))[0]
    assert bands.levels[0, inside] == pytest.approx(93.98, abs=0.05)
    assert np.delete(bands.levels[0], inside).max() < 70


def attenuation_limit(ratio: np.ndarray, octaves_per_band: int = 3) -> np.ndarray:
    """Least relative attenuation of class 1 in dB, IEC 61260-1:2014, table 1 and equation 10.

    From one band off: 16.6 dB at G, 40.5 dB at G^2, 60 dB at G^3 and 70 dB at G^4, linear over the
    logarithm of the frequency; no limit nearer than that.
    """
    g = 10**0.3
    octave = g ** np.arange(1, 5)
    point = 1 + (g ** (1 / (2 * octaves_per_band)) - 1) / (g**0.5 - 1) * (octave - 1)
    ratio = np.maximum(ratio, 1 / ratio)
    limit = np.interp(np.log(ratio), np.log(point), [16.6, 40.5, 60.0, 70.0])
    return np.where(ratio < point[0], -np.inf, limit)


@given(
    freq=st.floats(30, 8000), seconds=st.floats(1, 6), phase=st.floats(0, 6.3),
    offset=st.floats(-10, 10),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_a_tone_meets_the_limits_of_class_1_in_all_other_third_octaves(
    freq: float, seconds: float, phase: float, offset: float
) -> None:
    t = np.arange(round(seconds * RATE)) / RATE
    tone = np.sqrt(2) * np.sin(2 * np.pi * freq * t + phase)
    bands = nvh.third_octave_levels(Signal(tone + offset, RATE, "Pa"))
    limit = 94 - attenuation_limit(freq / bands.centres)
    # the offset of up to 20 dB above the tone is at 0 Hz, 13 rows below the lowest third octave
    assert np.all(bands.levels[0] <= limit + 0.05)


def test_a_low_tone_does_not_appear_far_above() -> None:
    """A tone of 40.3 Hz that starts and ends abruptly read 55.6 dB in the 160 Hz third octave."""
    for freq in (40.3, 63.7):
        for seconds in (1.0, 3.333, 10.0):
            bands = nvh.third_octave_levels(Signal(sine(freq, seconds=seconds), RATE, "Pa"))
            assert bands.levels[0, bands.nominal >= 160].max() < 94 - 70


def test_third_octaves_agree_with_filters_of_the_standard() -> None:
    """Twin: Butterworth band passes of order 6 (class 1), their output squared and averaged."""
    from scipy.signal import butter, sosfilt

    rate, settled = 8000, 8000
    x = np.cumsum(white(4, 40 * rate)) * 0.01 + white(5, 40 * rate)
    x -= x.mean()
    bands = nvh.third_octave_levels(Signal(x, rate, "Pa"), low=100, high=2000)
    for centre, level in zip(bands.centres, bands.levels[0]):
        edges = centre * 10.0 ** np.array([-0.05, 0.05])
        passed = sosfilt(butter(3, edges, "bandpass", fs=rate, output="sos"), x)[settled:]
        twin = 10 * np.log10(np.mean(passed**2)) - 20 * np.log10(20e-6)
        # a Butterworth filter of order 6 passes pi / 3 / 2 / sin(pi / 6) = 1.047 of the bandwidth
        assert level == pytest.approx(twin - 10 * np.log10(np.pi / 3), abs=0.3)


def test_third_octaves_above_half_the_rate_are_left_out() -> None:
    bands = nvh.third_octave_levels(Signal(white(3, 44100), 44100))
    assert bands.nominal[-1] == 16000  # the upper edge at 20 kHz is 22.4 kHz
    with pytest.raises(SpecsrError, match="half the sampling rate"):
        nvh.third_octave_levels(Signal(white(3, 400), 40))


@pytest.mark.parametrize("nominal", [1, 1.6, 25, 31.5, 160, 250, 1000, 2500, 5000, 20000])
def test_a_third_octave_is_found_by_its_nominal_frequency(nominal: float) -> None:
    found, centre, _, _ = nvh.third_octave_bands(nominal, nominal)
    assert found == pytest.approx([nominal]) and abs(centre[0] / nominal - 1) < 0.02
