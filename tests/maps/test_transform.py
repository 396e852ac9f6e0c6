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
