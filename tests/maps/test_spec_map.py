"""Spectrogram: inverse, calibration, levels and checks of its data."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import ShortTimeFFT, get_window

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.pooling import pool, pool_power
from specsr.maps.spec_map import FLOOR_DB, SpecMap
from specsr.maps.transform import SpectrogramTransform, istft, spectrogram, stft
from specsr.signal import Signal
from support.spectrogram_samples import noise

RATE = 48000.0


def framewise_stft(x: np.ndarray, window: np.ndarray, hop: int, frames: int) -> np.ndarray:
    """STFT frame by frame, centred on multiples of the hop, zeros around the signal."""
    n = window.size
    padded = np.concatenate([np.zeros(n // 2), x, np.zeros(n + hop)])
    return np.stack(
        [np.fft.rfft(window * padded[m * hop : m * hop + n]) for m in range(frames)], axis=1
    )


@st.composite
def invertible_grids(draw: st.DrawFn) -> tuple[int, int, str]:
    """n_fft, hop and window with enough overlap for an inverse: 25 % for Hann."""
    n_fft = 2 * draw(st.integers(4, 160))
    window, least = draw(
        st.sampled_from([("hann", 0.25), ("hamming", 0.1), ("boxcar", 0.0), ("blackman", 0.5)])
    )
    hop = draw(st.integers(1, max(1, int(n_fft * (1 - least)))))
    return n_fft, hop, window


@given(
    choice=invertible_grids(),
    length=st.integers(1, 3000),
    channels=st.integers(1, 3),
    scaling=st.sampled_from(["rms", "psd"]),
    level=st.sampled_from([1e-5, 1.0, 3e4]),
    seed=st.integers(0, 99),
)
@settings(max_examples=80, deadline=None)
def test_inverse_recovers_the_samples(
    choice: tuple[int, int, str], length: int, channels: int, scaling: str, level: float, seed: int
) -> None:
    n_fft, hop, window = choice
    signal = Signal(level * noise(seed, channels, length), RATE, "Pa", start=1.5)
    transform = SpectrogramTransform(n_fft, hop, window, scaling)
    spec = transform(signal)
    back = transform.inverse(spec)
    assert back.samples.shape == signal.samples.shape
    assert back.samples.dtype == np.float32
    peak = np.abs(signal.samples).max()
    np.testing.assert_allclose(back.samples, signal.samples, rtol=0, atol=1.5e-6 * peak)
    assert (back.rate, back.unit, back.start, back.channels) == (
        signal.rate, signal.unit, signal.start, signal.channels,
    )  # fmt: skip
    # the last frame is centred at or past the last sample
    grid = spec.grid
    assert spec.magnitude.shape == (channels, grid.rows, grid.frames)
    assert (grid.frames - 1) * hop >= length > (grid.frames - 2) * hop


@pytest.mark.parametrize("n_fft", [16, 256, 2048])
@pytest.mark.parametrize("overlap", [0.25, 0.5, 0.75])
def test_hann_inverse_is_exact_to_1e_6_of_the_peak(n_fft: int, overlap: float) -> None:
    signal = Signal(noise(n_fft, 1, 10001), RATE)
    transform = SpectrogramTransform.for_rate(RATE, n_fft=n_fft, overlap=overlap)
    back = transform.inverse(transform(signal))
    np.testing.assert_allclose(
        back.samples, signal.samples, rtol=0, atol=1e-6 * np.abs(signal.samples).max()
    )


def test_stft_and_istft_keep_double_precision() -> None:
    grid = Grid(RATE, 256, 128, 1001)
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 3, 1001)))
    spectrum = stft(x, grid)
    assert spectrum.shape == (2, 3, 129, grid.fine_frames)
    assert spectrum.dtype == torch.complex128
    np.testing.assert_allclose(istft(spectrum, grid), x, rtol=0, atol=1e-13)


@given(
    n_fft=st.integers(2, 40).map(lambda k: 2 * k),
    part=st.floats(0.05, 1),
    length=st.integers(1, 400),
)
@settings(max_examples=40, deadline=None)
def test_stft_equals_the_loop_over_frames(n_fft: int, part: float, length: int) -> None:
    grid = Grid(RATE, n_fft, max(1, int(part * n_fft)), length, "hamming")
    x = np.random.default_rng(length).standard_normal(length)
    expected = framewise_stft(x, get_window("hamming", n_fft), grid.hop_length, grid.fine_frames)
    np.testing.assert_allclose(stft(torch.from_numpy(x), grid), expected, atol=1e-12 * n_fft)


@pytest.mark.parametrize("scaling, scipy_scaling", [("rms", "magnitude"), ("psd", "psd")])
def test_agrees_with_scipy(scaling: str, scipy_scaling: str) -> None:
    window = get_window("hann", 512)
    reference = ShortTimeFFT(
        window, 128, RATE, fft_mode="onesided2X" if scaling == "psd" else "onesided",
        scale_to=scipy_scaling, phase_shift=None,
    )  # fmt: skip
    x = noise(3, 1, 20000)
    spec = SpectrogramTransform(512, 128, scaling=scaling)(Signal(x, RATE))
    inside = slice(4, 150)  # scipy pads the signal differently
    first = -reference.p_min
    expected = np.abs(reference.stft(x[0].astype(float)))[:, first:][:, inside]
    if scaling == "rms":  # scipy: half the peak amplitude on either side
        expected[1:-1] *= math.sqrt(2)
    np.testing.assert_allclose(spec.magnitude[0][:, inside], expected, rtol=2e-4, atol=1e-7)


@pytest.mark.parametrize("window", ["hann", "hamming", "flattop", "blackmanharris", "boxcar"])
@pytest.mark.parametrize("unit, level", [("Pa", 93.9794), ("m/s2", 120.0), ("V", 0.0)])
def test_a_sine_of_unit_rms_reads_its_level_in_its_bin(
    window: str, unit: str, level: float
) -> None:
    t = np.arange(8192)
    x = math.sqrt(2) * np.sin(2 * np.pi * 40 / 512 * t + 0.3)
    spec = spectrogram(Signal(x, RATE, unit), n_fft=512, overlap=0.75, window=window)
    inside = slice(4, -5)
    assert spec.db[0, 40, inside] == pytest.approx(level, abs=1e-3)
    assert spec.db[0, :, inside].argmax(axis=0) == pytest.approx(40)
    assert spec.freqs[40] == pytest.approx(40 * RATE / 512)


def test_constant_and_nyquist_carry_no_factor_two() -> None:
    steady = np.full(4096, 0.5, np.float32)
    nyquist = (0.5 * (-1.0) ** np.arange(4096)).astype(np.float32)
    spec = spectrogram(Signal(np.stack([steady, nyquist]), RATE), n_fft=256)
    assert spec.magnitude[0, 0, 4:-5] == pytest.approx(0.5, rel=1e-6)
    assert spec.magnitude[1, -1, 4:-5] == pytest.approx(0.5, rel=1e-6)
    factor = spec.grid.factor()
    assert factor[1:-1] == pytest.approx(math.sqrt(2) * factor[0])
    assert factor[-1] == factor[0]


@pytest.mark.parametrize("window", ["hann", "flattop", "boxcar"])
def test_psd_of_white_noise_reads_its_density(window: str) -> None:
    sigma = 0.2
    x = sigma * np.random.default_rng(5).standard_normal((1, 400_000))
    spec = spectrogram(Signal(x, RATE), n_fft=256, overlap=0, window=window, scaling="psd")
    power = spec.power[0, :, 1:-2]
    density = 2 * sigma**2 / RATE
    frames = power.shape[1]
    # cells are exponentially distributed (chi-squared at DC and Nyquist): five standard errors
    assert power[1:-1].mean() == pytest.approx(density, rel=5 / math.sqrt(frames * 40))
    assert power[1:-1].mean(axis=1) == pytest.approx(density, rel=5 / math.sqrt(frames))
    ends = power[[0, -1]].mean(axis=1)
    assert ends == pytest.approx(density / 2, rel=5 * math.sqrt(2 / frames))


def test_psd_summed_over_the_band_is_the_mean_square() -> None:
    x = noise(8, 1, 200_000)
    spec = spectrogram(Signal(x, RATE), n_fft=512, overlap=0.5, scaling="psd")
    total = spec.power[0, :, 2:-2].mean(axis=1).sum() * spec.grid.df
    assert total == pytest.approx(np.mean(np.square(x)), rel=0.01)


def test_levels_do_not_depend_on_other_parts_of_the_recording() -> None:
    """A loud event changes no cell outside its windows: nothing is normalised."""
    x = 0.01 * noise(1, 1, 20000)
    loud = x.copy()
    loud[:, 15000:16000] += 10
    quiet_map, loud_map = (spectrogram(Signal(v, RATE), n_fft=512).magnitude for v in (x, loud))
    np.testing.assert_array_equal(quiet_map[..., :110], loud_map[..., :110])
    assert loud_map.max() > 100 * quiet_map.max()


def test_silence_reads_the_floor() -> None:
    spec = spectrogram(Signal(np.zeros((1, 100)), RATE, "1"), n_fft=16)
    assert (spec.db == FLOOR_DB).all()
    back = SpectrogramTransform.inverse(spec)
    assert not back.samples.any()


def test_the_floor_is_far_below_measurable_levels() -> None:
    """An acceleration of 1e-9 m/s2 reads -60 dB re 1e-6 m/s2."""
    x = 1e-9 * math.sqrt(2) * np.sin(2 * np.pi * 0.125 * np.arange(4096))
    spec = spectrogram(Signal(x, 1000.0, "m/s2"), n_fft=256)
    assert spec.db[0, 32, 8] == pytest.approx(-60, abs=1e-3)


@pytest.mark.parametrize(
    "samples",
    [
        noise(0, 2, 500)[:, ::-1],
        noise(0, 500, 2).T,
        np.broadcast_to(noise(0, 500), (2, 500)),
        np.arange(-500, 500, dtype=np.int16).reshape(2, 500),
    ],
    ids=["reversed", "transposed", "broadcast", "int16"],
)
def test_any_memory_layout_of_the_samples_is_accepted(samples: np.ndarray) -> None:
    spec = spectrogram(Signal(samples, RATE), n_fft=64)
    plain = spectrogram(Signal(np.array(samples, dtype=np.float32, order="C"), RATE), n_fft=64)
    np.testing.assert_array_equal(spec.magnitude, plain.magnitude)
    mirrored = spec.replace(phase=spec.phase[:, :, ::-1])
    assert np.isfinite(SpectrogramTransform.inverse(mirrored).samples).all()


def test_nyquist_row_of_noise_is_estimated_without_bias() -> None:
    """In white noise the row below Nyquist has twice the power of Nyquist."""
    spec = spectrogram(Signal(noise(2, 1, 200_000), RATE), n_fft=64, overlap=0)
    again = spec.grid.with_nyquist(spec.image())
    assert again.shape == spec.magnitude.shape
    np.testing.assert_array_equal(again[:, :-1], spec.image())
    measured, estimated = (np.square(m[0, -1]).mean() for m in (spec.magnitude, again))
    assert estimated == pytest.approx(measured, rel=0.12)


# --- map ------------------------------------------------------------------------------------


def test_image_leaves_out_the_nyquist_row() -> None:
    spec = spectrogram(Signal(noise(0, 2, 3000), RATE), n_fft=96)
    np.testing.assert_array_equal(spec.image(), spec.magnitude[:, :48])
    coarse = pool(spec, 3, 2)
    np.testing.assert_array_equal(coarse.image(), coarse.magnitude)
    np.testing.assert_allclose(coarse.power, pool_power(spec.power[:, :48], 3, 2), rtol=1e-6)


def test_levels_and_powers_of_given_magnitudes() -> None:
    grid = Grid(RATE, 4, 2, 2, unit="Pa")
    spec = SpecMap(np.array([[2e-5, 0.2], [1.0, 0.0], [2e-4, 2.0]]), grid)
    assert spec.magnitude.shape == (1, 3, 2) and spec.channels == ("ch1",)
    assert spec.db[0].ravel() == pytest.approx([0, 80, 93.9794, -400 + 93.9794, 20, 100], abs=1e-3)
    assert spec.power[0, 0, 1] == pytest.approx(0.04)
    assert spec.db.dtype == np.float32 and spec.power.dtype == np.float64


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"magnitude": np.ones((1, 3, 3))}, r"expects \[channels, 3, 2\]"),
        ({"magnitude": np.full((1, 3, 2), -1.0)}, "-1.0 in channel 1, row 0, column 0"),
        ({"magnitude": np.array([[1, 1], [1, np.nan], [1, 1]])}, "row 1, column 1"),
        ({"phase": np.zeros((2, 2))}, "phase"),
        ({"known": np.zeros(2)}, "known"),
        ({"rpm": np.zeros(3)}, "rpm"),
        ({"rpm_confidence": np.zeros(3)}, r"rpm_confidence has shape \(3,\)"),
        ({"rpm_confidence": np.array([0.5, 1.5])}, "from 0 to 1"),
        ({"rpm_confidence": np.array([0.5, np.nan])}, "from 0 to 1"),
        ({"rpm_source": "guessed"}, "expected one of given, corrected, found"),
        ({"channels": ("a", "b")}, "2 channel names"),
    ],
)
def test_maps_that_do_not_fit_their_grid_are_refused(changes: dict, words: str) -> None:
    spec = SpecMap(np.ones((1, 3, 2)), Grid(RATE, 4, 2, 2))
    with pytest.raises(SpecsrError, match=words):
        spec.replace(**changes)
