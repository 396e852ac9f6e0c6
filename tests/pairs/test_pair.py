"""Pairs against direct computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.maps.pooling import pool, pool_power
from specsr.maps.transform import SpectrogramTransform, spectrogram
from specsr.pairs.pair import Pair, add_noise, band_limit, coarse_transform, decimate
from specsr.signal import Signal

RATE = 16000.0


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


# --- pool -----------------------------------------------------------------------------------


@given(
    s_f=st.integers(1, 5), s_t=st.integers(1, 5), rows=st.integers(1, 4), frames=st.integers(1, 23),
    channels=st.integers(1, 3), seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_pool_is_the_mean_of_each_cell_with_a_shorter_last_one(
    s_f: int, s_t: int, rows: int, frames: int, channels: int, seed: int
) -> None:
    power = np.square(noise(seed, channels, rows * s_f, frames))
    expected = np.array(
        [
            [
                [power[c, i : i + s_f, j : j + s_t].mean() for j in range(0, frames, s_t)]
                for i in range(0, rows * s_f, s_f)
            ]
            for c in range(channels)
        ]
    )
    pooled = pool_power(power, s_f, s_t)
    np.testing.assert_allclose(pooled, expected, rtol=1e-12)
    # weighted by their number of frames, the cells hold the whole energy
    counts = np.diff([*range(0, frames, s_t), frames])
    np.testing.assert_allclose(
        (pooled * counts).sum(axis=-1).sum(axis=-1) * s_f, power.sum(axis=(1, 2)), rtol=1e-12
    )


def test_pooled_map_keeps_grid_channels_and_speed_but_no_phase() -> None:
    signal = Signal(noise(0, 2, 4000), RATE, "Pa", ("left", "right"), rpm=np.full(4000, 900.0))
    spec = spectrogram(signal, n_fft=256)
    low = pool(spec, 4, 3)
    assert low.phase is None and low.channels == spec.channels
    assert low.grid == spec.grid.pooled(4, 3)
    np.testing.assert_array_equal(low.rpm, signal.rpm)
    np.testing.assert_allclose(low.power, pool_power(spec.power[:, :-1], 4, 3), rtol=1e-6)
    same = pool(spec, 1, 1)
    assert same.phase is None
    np.testing.assert_array_equal(same.magnitude, spec.magnitude)


def test_mean_power_of_noise_is_unbiased_unlike_the_mean_of_db() -> None:
    power = np.random.default_rng(0).exponential(1.0, (64, 4000))
    means = 10 * np.log10(pool_power(power, 64, 4000))[0, 0]
    assert means == pytest.approx(0, abs=0.05)
    # Euler's constant in dB: 10 / ln 10 x 0.5772
    assert np.mean(10 * np.log10(power)) == pytest.approx(-2.507, abs=0.05)


def test_rows_that_the_scale_does_not_divide_are_refused() -> None:
    with pytest.raises(SpecsrError, match="7 rows cannot be pooled by 2"):
        pool_power(np.ones((7, 4)), 2, 2)


# --- stft, band, denoise --------------------------------------------------------------------


@pytest.mark.parametrize("scale", [(1, 2), (2, 1), (2, 2), (4, 1)])
def test_stft_pair_is_a_coarser_stft_of_the_same_samples(scale: tuple[int, int]) -> None:
    signal = Signal(noise(1, 1, 5000), RATE)
    transform = SpectrogramTransform(512, 64)
    low = Pair("stft", scale).low(signal, transform)
    direct = SpectrogramTransform(512 // scale[0], 64 * scale[1])(signal)
    np.testing.assert_array_equal(low.magnitude, direct.magnitude)
    assert low.grid.refined(*scale) == transform.grid(signal)


def test_stft_pair_refuses_gaps_and_odd_windows() -> None:
    with pytest.raises(SpecsrError, match="leave gaps"):
        coarse_transform(SpectrogramTransform(256, 64), 4, 4)
    with pytest.raises(SpecsrError, match="divided by 3 is not an even number"):
        coarse_transform(SpectrogramTransform(256, 64), 3, 1)
    assert coarse_transform(SpectrogramTransform(256), 2, 2) == SpectrogramTransform(128, 128)


@given(length=st.integers(8, 5000), ratio=st.sampled_from([1.5, 2, 3, 4, 6]))
@settings(max_examples=40, deadline=None)
def test_lengths_of_decimation_and_band_limit(length: int, ratio: float) -> None:
    signal = Signal(noise(length, 2, length), RATE, "Pa", start=3.0)
    low = decimate(signal, ratio)
    assert low.rate == pytest.approx(RATE / ratio)
    assert low.length == round(length * low.rate / RATE)
    back = band_limit(signal, ratio)
    assert (back.rate, back.samples.shape, back.start, back.unit) == (
        RATE, signal.samples.shape, 3.0, "Pa",
    )  # fmt: skip


@pytest.mark.parametrize("ratio", [2, 3, 4])
def test_band_limit_keeps_the_low_band_and_nothing_else(ratio: int) -> None:
    signal = Signal(noise(4, 1, 48000), RATE)
    limited = band_limit(signal, ratio)
    inside = slice(2000, -2000)
    window = np.hanning(44000)
    before, after = (
        np.fft.rfft(window * s.samples[0, inside].astype(float)) for s in (signal, limited)
    )
    nyquist = after.size // ratio
    passed, stopped = slice(0, int(0.9 * nyquist)), slice(int(1.02 * nyquist), None)
    # magnitude and phase
    assert np.abs(after - before)[passed].max() < 1e-3 * np.abs(before).max()
    assert np.abs(after)[stopped].max() < 1e-5 * np.abs(before).max()
    low = Pair("band", (ratio, 1)).low(signal, SpectrogramTransform(512, 128))
    direct = SpectrogramTransform(512, 128)(limited)
    np.testing.assert_array_equal(low.magnitude, direct.magnitude)


@given(
    snr=st.floats(-40, 60), gain=st.floats(1e-6, 1e6), channels=st.integers(1, 3),
    shared=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_noise_is_added_at_the_given_ratio(
    snr: float, gain: float, channels: int, shared: bool, seed: int
) -> None:
    signal = Signal(noise(seed, channels, 2000), RATE)
    added = noise(seed + 1, *([2000] if shared else [channels, 2000]))
    noisy = add_noise(signal, gain * added, snr)
    difference = noisy.samples - signal.samples
    ratio = 10 * np.log10(np.mean(np.square(signal.samples)) / np.mean(np.square(difference)))
    assert ratio == pytest.approx(snr, abs=1e-6)
    # the waveform of the noise is unchanged
    np.testing.assert_allclose(
        difference / np.abs(difference).max(),
        np.broadcast_to(added, difference.shape) / np.abs(added).max(),
        atol=1e-6 if snr < 40 else 1e-3,
    )
    assert noisy.samples.dtype == signal.samples.dtype


def test_silent_noise_is_refused() -> None:
    with pytest.raises(SpecsrError, match="silent"):
        add_noise(Signal(noise(0, 1, 10), RATE), np.zeros(10), 0.0)


def test_denoise_pair_draws_within_its_range_and_repeats() -> None:
    signal = Signal(noise(77, 1, 8000), RATE)
    transform = SpectrogramTransform(256, 64)
    pair = Pair("denoise", snr=(3.0, 9.0))
    first, again = (pair.low(signal, transform, rng=np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(first.magnitude, again.magnitude)
    clean = transform(signal).power.sum()
    for seed in range(8):
        low = pair.low(signal, transform, rng=np.random.default_rng(seed)).power.sum()
        # powers add up to a cross term of a few per cent
        assert 3 - 0.5 < 10 * math.log10(clean / (low - clean)) < 9 + 1.5
    both = Pair("pool", (2, 2), snr=(0.0, 0.0)).low(signal, transform)
    assert both.grid.cell == (2, 2)
    assert both.power.mean() == pytest.approx(2 * transform(signal).power.mean(), rel=0.1)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("bicubic",), "pool, stft, band, denoise"),
        (("pool", (0, 2)), "from 1 up"),
        (("denoise",), "snr"),
    ],
)
def test_invalid_pairs_are_refused(arguments: tuple, words: str) -> None:
    with pytest.raises(SpecsrError, match=words):
        Pair(*arguments)


def test_add_noise_agrees_with_torchaudio() -> None:
    functional = pytest.importorskip("torchaudio.functional")
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    wave, noise = rng.standard_normal((2, 1, 1000)).astype(np.float32)
    expected = functional.add_noise(*map(torch.from_numpy, (wave, noise)), torch.tensor([7.0]))
    ours = add_noise(Signal(wave, 8000.0), noise, 7.0)
    np.testing.assert_allclose(ours.samples, expected.numpy(), atol=1e-6)


def test_the_scale_of_a_pair_is_one_by_default_and_at_least() -> None:
    assert Pair("denoise", snr=(0, 10)).scale == (1, 1)
    assert Pair("pool", (1, 1)).scale == (1, 1) and Pair("band", (1.5, 1)).scale == (1.5, 1)
    for scale in ((0, 1), (1, 0), (1.5, 1), (2, 1.5), (0.5, 2)):
        with pytest.raises(SpecsrError, match="whole numbers from 1 up"):
            Pair("pool", scale)
