"""Settings in Hz and overlap: rounding, limits and defaults; metadata through the inverse."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.maps.transform import SpectrogramTransform, spectrogram
from specsr.signal import Signal
from support.spectrogram_samples import noise

for_rate = SpectrogramTransform.for_rate


@pytest.mark.parametrize(
    "windows, n_fft",  # length of the window asked for, nearest even length
    [(199.2, 200), (198.8, 198), (200.9, 200), (201.2, 202), (2.9, 2), (3.1, 4), (2.0, 2)],
)
def test_df_gives_the_nearest_even_window_not_the_next_lower_one(windows, n_fft) -> None:
    assert for_rate(48000.0, df=48000 / windows).n_fft == n_fft


@pytest.mark.parametrize(
    "overlap, hop_length", [(0.8, 410), (0.6, 819), (0.9, 205), (0.9998, 1), (0.0, 2048)]
)
def test_overlap_gives_the_nearest_hop_of_at_least_one_sample(overlap, hop_length) -> None:
    assert for_rate(48000.0, n_fft=2048, overlap=overlap).hop_length == hop_length


def test_limits_of_df_and_overlap() -> None:
    assert for_rate(1000.0, df=500).n_fft == 2
    for options in ({"df": 500.1}, {"df": 0.0}, {"overlap": 1.0}, {"overlap": -1e-9}):
        with pytest.raises(SpecsrError, match="expected"):
            for_rate(1000.0, **options)


def test_the_hop_is_a_quarter_of_the_window_and_at_least_one_sample() -> None:
    signal = Signal(noise(0, 1, 100), 1000.0)
    for n_fft, hop_length in ((2048, 512), (1000, 250), (6, 1), (2, 1)):
        assert spectrogram(signal, n_fft=n_fft).grid.hop_length == hop_length
    assert SpectrogramTransform(256, 100).grid(signal).hop_length == 100


def test_the_inverse_keeps_channels_unit_start_and_speed() -> None:
    rpm = np.linspace(1000, 2000, 3000)
    signal = Signal(noise(0, 2, 3000), 8000.0, "Pa", ("a", "b"), start=1.5, rpm=rpm)
    spec = spectrogram(signal, n_fft=256)
    assert (spec.channels, spec.grid.start) == (("a", "b"), 1.5)
    again = SpectrogramTransform.inverse(spec)
    assert (again.rate, again.unit, again.channels, again.start) == (8000.0, "Pa", ("a", "b"), 1.5)
    np.testing.assert_array_equal(again.rpm, rpm)
    np.testing.assert_allclose(again.samples, signal.samples, atol=1e-6)


def test_a_row_spacing_that_the_recording_does_not_resolve_is_refused_with_its_window() -> None:
    signal = Signal(np.ones(48000), 48000.0)
    with pytest.raises(
        SpecsrError, match=r"window of 1e\+06 s, the recording is 1 s long.*1 Hz up"
    ):
        spectrogram(signal, df=1e-6)
    assert spectrogram(signal, df=0.2, overlap=0).grid.n_fft == 240000  # zeros around it
    assert spectrogram(Signal(np.ones(1), 48000.0), n_fft=4096).grid.rows == 2049


def test_an_overlap_of_almost_all_samples_is_refused() -> None:
    signal = Signal(np.ones(5000), 48000.0)
    with pytest.raises(SpecsrError, match="into 2048 windows: 5000 columns.*up to 0.996"):
        spectrogram(signal, overlap=0.99999)
    assert spectrogram(signal, overlap=0.996).grid.hop_length == 8
    assert spectrogram(signal.cut(0, 900), overlap=0.99999).grid.hop_length == 1
