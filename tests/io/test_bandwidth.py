"""True bandwidth: edges below half the rate are found, gradual roll-offs are not flagged."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.io.bandwidth import true_bandwidth
from specsr.io.file_info import inspect_file
from specsr.signal import Signal


def noise(length=96000, seed=0):
    return np.random.default_rng(seed).standard_normal(length)


@settings(max_examples=25, deadline=None)
@given(
    cut=st.floats(0.15, 0.7), rate=st.sampled_from([44100, 48000, 51200]), seed=st.integers(0, 9)
)
def test_the_cut_off_of_a_low_pass_is_found(cut, rate, seed):
    sos = scipy.signal.ellip(10, 0.5, 70, cut, output="sos")
    found = true_bandwidth(scipy.signal.sosfilt(sos, noise(seed=seed)), rate)
    assert found.flagged and found.drop_db > 40
    assert found.hz == pytest.approx(cut * rate / 2, abs=0.03 * rate / 2)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_resampled_noise_is_flagged(factor):
    low = Signal(noise(40000), 48000 / factor)
    found = true_bandwidth(low.resample(48000).samples[0], 48000)
    assert found.flagged and found.hz == pytest.approx(24000 / factor, rel=0.06)


@pytest.mark.parametrize("slope", [0, 6, 12, 24])
def test_slowly_falling_spectra_are_not_flagged(slope):
    spectrum = np.fft.rfft(noise())
    freqs = np.maximum(np.fft.rfftfreq(96000, 1 / 48000), 50)
    coloured = np.fft.irfft(spectrum * (freqs / 50) ** (-slope / 6.02))
    found = true_bandwidth(coloured, 48000)
    assert not found.flagged and found.hz > 0.9 * 24000


def test_a_soft_step_onto_a_floor_is_found():
    sos = scipy.signal.ellip(10, 0.5, 70, 17 / 22.05, output="sos")
    x = scipy.signal.sosfilt(sos, noise(400_000)) + 0.5 * noise(400_000, 1)
    found = true_bandwidth(x, 44100)
    assert found.flagged and found.hz == pytest.approx(17000, rel=0.03)


def test_a_bandwidth_of_the_rate_over_2_56_is_not_flagged():
    sos = scipy.signal.ellip(12, 0.1, 80, 20000 / 25600, output="sos")
    found = true_bandwidth(scipy.signal.sosfilt(sos, noise()), 51200)
    assert not found.flagged and found.hz == pytest.approx(20000, rel=0.04)


def test_silence_and_short_recordings_have_no_bandwidth():
    assert true_bandwidth(np.zeros(10000), 48000) is None
    assert true_bandwidth(np.ones(10000), 48000) is None  # an offset alone
    assert true_bandwidth(noise(100), 48000) is None


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-150, 1e150), st.floats(-10, 10))
def test_unit_and_offset_do_not_change_the_bandwidth(scale, offset):
    x = scipy.signal.sosfilt(scipy.signal.ellip(10, 0.5, 70, 0.4, output="sos"), noise(20000))
    found = true_bandwidth((x + offset) * scale, 48000)
    assert found.hz == pytest.approx(9600, abs=800)


def test_recordings_of_lower_bandwidth_are_flagged(shared_data):
    expected = {
        "speech_48k_file_8k_content.wav": 7600, "speech_48k_flac_7k5_content.flac": 7300,
        "helicopter_017_cut.flac": 17200, "helicopter_028_cut.flac": 15900,
        "drone_014_cut.flac": 15100,
    }  # fmt: skip
    for name, hz in expected.items():
        [channel] = inspect_file(shared_data / "fixtures" / "fake_bandwidth" / name).channels
        assert channel.flagged and channel.bandwidth == pytest.approx(hz, rel=0.05), name


def test_full_band_recordings_are_not_flagged(shared_data):
    for name in ("car_hvac/carhvac06.flac", "ambient/maastricht_market_bells.flac",
                 "helicopter/helicopter_021.flac", "vehicles_short/circular_saw.flac"):  # fmt: skip
        assert not inspect_file(shared_data / "audio" / "val" / name).flagged, name
