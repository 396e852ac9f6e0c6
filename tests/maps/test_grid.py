"""Axes of a map: settings in Hz and overlap, pooled and finer grids, labels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.pooling import pool
from specsr.maps.transform import SpectrogramTransform, spectrogram
from specsr.signal import Signal
from support.spectrogram_samples import noise

RATE = 48000.0


def test_hz_and_overlap_give_the_same_settings_as_samples() -> None:
    assert SpectrogramTransform.for_rate(51200, df=12.5, overlap=0.75) == SpectrogramTransform(
        4096, 1024
    )
    assert SpectrogramTransform.for_rate(51200, overlap=0) == SpectrogramTransform(2048, 2048)
    default = spectrogram(Signal(noise(0, 1, 100), RATE)).grid
    assert (default.n_fft, default.hop_length) == (2048, 512)


@given(rate=st.floats(100, 2e5), part=st.floats(1e-3, 0.5), overlap=st.floats(0, 0.999))
@settings(max_examples=60, deadline=None)
def test_df_is_met_to_the_nearest_even_window(rate: float, part: float, overlap: float) -> None:
    df = part * rate
    transform = SpectrogramTransform.for_rate(rate, df=df, overlap=overlap)
    assert transform.n_fft % 2 == 0 and transform.n_fft >= 2
    assert abs(transform.n_fft - rate / df) <= 1 + 1e-9
    assert 1 <= transform.hop_length <= transform.n_fft
    assert abs(transform.hop_length - transform.n_fft * (1 - overlap)) <= 1


@pytest.mark.parametrize(
    "options, words",
    [
        ({"n_fft": 256, "df": 10}, "both n_fft and df"),
        ({"hop_length": 64, "overlap": 0.5}, "both hop_length and overlap"),
        ({"df": 0}, "df is 0"),
        ({"df": 30000}, "half the rate"),
        ({"df": math.nan}, "df is nan"),
        ({"overlap": 1}, "overlap is 1"),
        ({"overlap": -0.1}, "overlap"),
        ({"n_fft": 255}, "n_fft is 255"),
        ({"n_fft": 0}, "n_fft is 0"),
        ({"n_fft": 256, "hop_length": 0}, "hop_length is 0"),
        ({"n_fft": 256, "hop_length": 257}, "hop_length is 257"),
        ({"window": "hannn"}, "hannn"),
        ({"scaling": "power"}, "rms, psd"),
    ],
)
def test_invalid_settings_are_refused_by_name(options: dict, words: str) -> None:
    with pytest.raises(SpecsrError, match=words):
        spectrogram(Signal(noise(0, 1, 1000), RATE), **options)


# --- maps without an inverse ----------------------------------------------------------------


def test_hann_without_overlap_is_refused_with_the_fix() -> None:
    signal = Signal(noise(0, 1, 4096), RATE)
    spec = spectrogram(signal, n_fft=256, overlap=0)
    assert not spec.grid.is_invertible()
    with pytest.raises(SpecsrError, match=r"hann window of 256 .*hop_length=64 is 75"):
        SpectrogramTransform.inverse(spec)
    assert spectrogram(signal, n_fft=256, hop_length=64).grid.is_invertible()
    assert spectrogram(signal, n_fft=256, overlap=0, window="boxcar").grid.is_invertible()


def test_a_pooled_map_and_one_without_phase_have_no_inverse() -> None:
    spec = spectrogram(Signal(noise(0, 1, 4096), RATE), n_fft=256)
    with pytest.raises(SpecsrError, match="4 x 2 pooled cells"):
        SpectrogramTransform.inverse(pool(spec, 4, 2))
    with pytest.raises(SpecsrError, match="no phase"):
        SpectrogramTransform.inverse(spec.replace(phase=None))


# --- grid -----------------------------------------------------------------------------------


@given(
    length=st.integers(1, 5000),
    hop=st.integers(1, 96),
    s_f=st.sampled_from([1, 2, 3, 4, 6, 8]),
    s_t=st.integers(1, 7),
    start=st.floats(-5, 5),
)
@settings(max_examples=60, deadline=None)
def test_pooled_axes_are_means_of_the_fine_axes(
    length: int, hop: int, s_f: int, s_t: int, start: float
) -> None:
    full = Grid(RATE, 96, hop, length, start=start)
    assert full.rows == 49 and full.freqs()[-1] == RATE / 2
    np.testing.assert_allclose(full.times(), start + np.arange(full.frames) * hop / RATE)
    np.testing.assert_allclose(full.freqs(), np.fft.rfftfreq(96, 1 / RATE))
    cells = full.pooled(s_f, s_t)
    if (s_f, s_t) == (1, 1):
        assert cells == full
        return
    first, last = cells.spans()
    np.testing.assert_array_equal(first, np.arange(0, full.frames, s_t))
    np.testing.assert_array_equal(last, [*first[1:] - 1, full.frames - 1])
    rows = range(0, 48, s_f)
    frames = range(0, full.frames, s_t)
    np.testing.assert_allclose(cells.freqs(), [full.freqs()[i : i + s_f].mean() for i in rows])
    np.testing.assert_allclose(cells.times(), [full.times()[i : i + s_t].mean() for i in frames])
    assert (cells.rows, cells.frames) == (len(rows), len(frames))
    assert cells.df == pytest.approx(s_f * full.df) and cells.dt == pytest.approx(s_t * full.dt)
    assert cells.refined(s_f, s_t) == full
    if s_f % 2 == 0 and s_t % 2 == 0:
        assert cells.refined(2, 2) == full.pooled(s_f // 2, s_t // 2)


def test_pooling_twice_is_pooling_once() -> None:
    grid = Grid(RATE, 96, 24, 1000)
    assert grid.pooled(2, 3).pooled(4, 2) == grid.pooled(8, 6)


def test_a_full_map_is_refined_by_a_longer_window() -> None:
    grid = Grid(RATE, 256, 64, 1000)
    fine = grid.refined(2, 4)
    assert (fine.n_fft, fine.hop_length, fine.length, fine.cell) == (512, 16, 1000, (1, 1))
    assert fine.df == grid.df / 2 and fine.dt == grid.dt / 4
    with pytest.raises(SpecsrError, match="cannot be refined by 1 x 3"):
        grid.refined(1, 3)
    with pytest.raises(SpecsrError, match="cells of 4 x 4"):
        grid.pooled(4, 4).refined(3, 3)
    with pytest.raises(SpecsrError, match="multiple of 6"):
        grid.pooled(3, 1)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"length": 0}, "length"),
        ({"cell": (0, 1)}, "cell"),
        ({"unit": "bar"}, "bar"),
        ({"n_fft": 7}, "even"),
    ],
)
def test_invalid_grids_are_refused(changes: dict, words: str) -> None:
    options = {"rate": RATE, "n_fft": 256, "hop_length": 64, "length": 1000} | changes
    with pytest.raises(SpecsrError, match=words):
        Grid(**options)


@pytest.mark.parametrize(
    "unit, scaling, label",
    [
        ("Pa", "rms", "dB re 20 µPa"),
        ("Pa", "psd", "dB/Hz re 20 µPa"),
        ("m/s²", "rms", "dB re 1e-6 m/s²"),
        ("1", "rms", "dB re full scale"),
    ],
)
def test_level_label(unit: str, scaling: str, label: str) -> None:
    assert Grid(RATE, 256, 64, 1000, scaling=scaling, unit=unit).level_label == label


def test_pooling_by_one_leaves_the_phase_out_and_nothing_else() -> None:
    spec = spectrogram(Signal(noise(0, 2, 1000), RATE, channels=("a", "b")), n_fft=64)
    same = pool(spec, 1, 1)
    assert same.phase is None and same.grid == spec.grid and same.channels == ("a", "b")
    np.testing.assert_array_equal(same.magnitude, spec.magnitude)


def test_spacings_are_in_hertz_and_seconds() -> None:
    grid = Grid(RATE, 96, 24, 1000)
    assert (grid.df, grid.dt) == (500.0, 0.0005)
    assert (grid.pooled(4, 3).df, grid.pooled(4, 3).dt) == pytest.approx((2000.0, 0.0015))
    np.testing.assert_allclose(np.diff(grid.freqs()), grid.df)
    np.testing.assert_allclose(np.diff(grid.times()), grid.dt)
