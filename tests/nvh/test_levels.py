"""Levels of sines and noise against their known values."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import spectrogram
from specsr.maps.windows import coverage
from specsr.nvh import levels as nvh
from specsr.nvh.weighting import weighting_power
from specsr.signal import Signal
from support.levels_samples import RATE, WINDOWS, pooled, sine, white


@pytest.mark.parametrize("scaling", ["rms", "psd"])
@pytest.mark.parametrize("window", WINDOWS)
def test_overall_level_of_a_map_equals_that_of_its_signal(scaling: str, window: str) -> None:
    signal = Signal(np.stack([white(0, 30001), 3 + sine(1234.5, seconds=30001 / RATE)]), RATE, "Pa")
    spec = spectrogram(signal, scaling=scaling, window=window)
    assert nvh.overall_level(spec, dc=True) == pytest.approx(signal.level(dc=True), abs=0.03)


@pytest.mark.parametrize(("s_f", "s_t"), [(4, 4), (2, 1), (1, 8)])
@pytest.mark.parametrize("scaling", ["rms", "psd"])
def test_pooling_keeps_the_overall_level(scaling: str, s_f: int, s_t: int) -> None:
    spec = spectrogram(Signal(white(1, 30001), RATE), scaling=scaling)
    whole, cells = (nvh.overall_level(x, dc=True) for x in (spec, pooled(spec, s_f, s_t)))
    assert cells == pytest.approx(whole, abs=0.01)  # pooled maps have no Nyquist row


@given(length=st.integers(1, 9000), n_fft=st.sampled_from([64, 256, 1024]), parts=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_rows_and_coverage_satisfy_parseval(length: int, n_fft: int, parts: int) -> None:
    """The rows of a frame add up to its windowed mean square: for a constant, its coverage."""
    spec = spectrogram(Signal(np.full(length, 0.5), RATE), n_fft=n_fft, hop_length=n_fft // parts)
    power = nvh.row_power(spec).sum(1)[0]
    assert power == pytest.approx(0.25 * coverage(spec.grid), abs=1e-6)
    assert nvh.overall_level(spec, dc=True) == pytest.approx(20 * np.log10(0.5), abs=1e-3)


@pytest.mark.parametrize("scaling", ["rms", "psd"])
@pytest.mark.parametrize("window", ["hann", "flattop"])
def test_a_sine_in_a_map_gives_its_level(scaling: str, window: str) -> None:
    spec = spectrogram(Signal(sine(1000), RATE, "Pa"), n_fft=4096, scaling=scaling, window=window)
    bands = nvh.third_octave_levels(spec)
    assert bands.levels[0, bands.nominal == 1000] == pytest.approx([93.98], abs=0.02)


def test_white_noise_gives_its_density_times_the_bandwidth() -> None:
    signal = Signal(np.stack([white(s, 60 * RATE) for s in (1, 2)]), RATE)
    _, _, low, high = nvh.third_octave_bands(high=10000)
    expected = 10 * np.log10((high - low) * 2 / RATE)  # one-sided density of unit variance
    # standard deviation of a band of width b over t seconds: 4.34 / sqrt(b t) dB
    allowed = 4 * 4.34 / np.sqrt((high - low) * signal.duration)
    for bands in (nvh.third_octave_levels(signal), nvh.third_octave_levels(spectrogram(signal))):
        resolved = bands.resolved
        assert np.all(np.abs(bands.levels - expected)[:, resolved] < allowed[resolved])
    assert nvh.third_octave_levels(signal).resolved.all()
    # a map of 12.5 Hz rows resolves third octaves wider than 50 Hz: 250 Hz and up
    assert bands.nominal[bands.resolved].min() == 250


@pytest.mark.parametrize("weighting", ["Z", "A", "C"])
def test_the_mean_is_no_part_of_a_level_unless_asked(weighting: str) -> None:
    """An offset of 10 times the signal, as of an accelerometer: 20 dB above its level."""
    pure = Signal(np.stack([sine(1000), white(0, 4 * RATE)]), RATE, "Pa")
    pure = pure.without_mean()
    offset = pure.replace(samples=pure.samples + 10)
    expected = nvh.overall_level(pure, weighting)
    assert nvh.overall_level(offset, weighting) == pytest.approx(expected, abs=1e-6)
    if weighting == "Z":
        assert offset.level() == pytest.approx(pure.level(), abs=1e-9)
        power = np.square(pure.samples).mean(1) + 100
        total = 10 * np.log10(power) - 20 * np.log10(20e-6)
        assert offset.level(dc=True) == pytest.approx(total, abs=1e-9)
        assert nvh.overall_level(offset, dc=True) == pytest.approx(total, abs=1e-9)


@pytest.mark.parametrize("scaling", ["rms", "psd"])
@pytest.mark.parametrize("window", WINDOWS)
def test_the_mean_is_no_part_of_the_level_of_a_map(scaling: str, window: str) -> None:
    signal = Signal(3 + sine(1234.5, seconds=20), RATE, "Pa")
    spec = spectrogram(signal, scaling=scaling, window=window)
    # the two outer frames hold the mean with an abrupt edge, 1 / 1000 of its power of +9.5 dB
    assert nvh.overall_level(spec) == pytest.approx(signal.level(), abs=0.05)


def test_a_constant_has_no_level() -> None:
    constant = Signal(np.full(1000, 0.1, np.float32), RATE, "Pa")
    assert nvh.overall_level(constant).tolist() == [-np.inf]


@pytest.mark.parametrize("seconds", [1.0, 2.37])
def test_the_a_level_of_a_low_tone_holds_no_edge(seconds: float) -> None:
    found = nvh.overall_level(Signal(sine(31.7, seconds=seconds), RATE, "Pa"), "A")
    expected = 93.979 + 10 * np.log10(weighting_power(np.array(31.7), "A"))
    # rows of 1 Hz: the weighting changes by 2 dB over the main lobe
    assert found == pytest.approx(expected, abs=0.15)


def test_an_impact_at_the_first_sample_keeps_its_spectrum() -> None:
    """A click in otherwise weak noise: white, so that a third octave has its share of the rate."""
    x = 1e-4 * white(2, 4 * RATE)
    x[0] = 100.0
    bands = nvh.third_octave_levels(Signal(x, RATE, "Pa"))
    _, _, low, high = nvh.third_octave_bands(high=10000)
    density = 2 * 100.0**2 / x.size / RATE  # unit²/Hz
    expected = 10 * np.log10(density * (high - low)) - 20 * np.log10(20e-6)
    # sharp edges at the first sample: half a click before it is the same as a click
    assert bands.levels[0] == pytest.approx(expected, abs=0.1)


@given(seed=st.integers(0, 2**32 - 1), length=st.integers(100, 20000))
@settings(max_examples=25, deadline=None)
def test_the_rows_of_a_recording_add_up_to_its_mean_square(seed: int, length: int) -> None:
    x = white(seed, length) * np.linspace(0, 3, length)
    power, edges, _ = nvh.signal_power(Signal(x, RATE), 10.0)
    assert power.sum() == pytest.approx(np.mean(x**2), rel=1e-9)
    assert (edges[0], edges[-1]) == (0, RATE / 2)


@given(
    power=st.lists(st.floats(0, 1e3), min_size=3, max_size=12),
    cuts=st.tuples(st.floats(-2, 20), st.floats(-2, 20)),
)
def test_band_power_is_the_integral_over_the_rows(power: list[float], cuts) -> None:
    low, high = sorted(cuts)
    edges = np.arange(len(power) + 1.0)
    expected = sum(
        p * max(0.0, min(high, edge + 1) - max(low, edge))
        for p, edge in zip(power, edges[:-1], strict=True)
    )
    found = nvh.band_power(np.array([power, power]), edges, np.array([low]), np.array([high]))
    assert found == pytest.approx(np.full((2, 1), expected), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("weighting", ["A", "C"])
@pytest.mark.parametrize("freq", [100.0, 1000.0, 5000.0])
def test_a_weighted_sine_gives_its_level_plus_the_weighting(freq: float, weighting: str) -> None:
    signal = Signal(sine(freq), RATE, "Pa")
    expected = 93.979 + 10 * np.log10(weighting_power(np.array(freq), weighting))
    assert nvh.overall_level(signal, weighting) == pytest.approx(expected, abs=1e-3)
    spec = spectrogram(signal, n_fft=8192)
    assert nvh.overall_level(spec, weighting) == pytest.approx(expected, abs=0.03)
    bands = nvh.third_octave_levels(signal, weighting=weighting)
    assert bands.levels[0, bands.nominal == freq] == pytest.approx(expected, abs=0.05)


@given(seed=st.integers(0, 2**31), length=st.integers(2, 5001))
@settings(max_examples=30, deadline=None)
def test_a_weighting_of_one_gives_the_level_of_the_samples(seed: int, length: int) -> None:
    signal = Signal(white(seed, length), RATE, "Pa")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nvh, "weighting_power", lambda freqs, _: np.ones(np.shape(freqs)))
        assert nvh.overall_level(signal, "A") == pytest.approx(signal.level(), abs=1e-6)


def test_psd_of_white_noise_and_of_a_sine() -> None:
    signal = Signal(np.stack([white(7, 40 * RATE), sine(1000, seconds=40)]), RATE, "Pa")
    freqs, density = nvh.psd(signal, df=2.0)
    assert freqs[1] == 2.0 and density.shape == (2, freqs.size)
    assert density[0, 5:-5].mean() == pytest.approx(2 / RATE, rel=0.01)
    assert density.sum(1) * 2.0 == pytest.approx([1, 1], rel=0.01)  # the mean squares
    assert freqs[density[1].argmax()] == 1000
    with pytest.raises(SpecsrError, match="df is 0"):
        nvh.psd(signal, 0)


def test_only_sound_can_be_weighted() -> None:
    with pytest.raises(SpecsrError, match="m/s2: choose Z"):
        nvh.overall_level(Signal(white(8, 100), RATE, "m/s2"), "A")
    with pytest.raises(SpecsrError, match="weighting is 'B'"):
        nvh.third_octave_levels(Signal(white(8, 100), RATE, "Pa"), weighting="B")


def test_levels_of_a_large_map_take_little_memory(monkeypatch):
    grid = Grid(48000.0, 24000, 256, 256 * 11_999, cell=(4, 4))
    rng = np.random.default_rng(0)
    spec = SpecMap(rng.random((1, grid.rows, grid.frames), dtype=np.float32), grid)
    tracemalloc.start()
    found = nvh.overall_level(spec)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.5 * spec.magnitude.nbytes  # in one piece: 4 times
    monkeypatch.setattr("specsr.nvh.levels.CELLS", spec.magnitude.size)
    np.testing.assert_allclose(nvh.overall_level(spec), found, rtol=1e-14)


def test_rows_reach_half_a_row_to_both_sides_within_the_band() -> None:
    spec = spectrogram(Signal(white(0, 5000), 8000.0), n_fft=64)
    edges = nvh.row_edges(spec.grid)
    np.testing.assert_allclose(edges, [0, *(125 * (np.arange(32) + 0.5)), 4000])
    cells = nvh.row_edges(spec.grid.pooled(4, 2))  # from half a fine row below to half above
    np.testing.assert_allclose(cells, [0, *(125 * (np.arange(4, 36, 4) - 0.5))])


def test_the_distance_of_a_psd_is_at_most_half_the_rate() -> None:
    signal = Signal(white(1, 1000), 1000.0)
    assert nvh.psd(signal, 500.0)[0].tolist() == [0, 500]
    with pytest.raises(SpecsrError, match="df is 500.1"):
        nvh.psd(signal, 500.1)
    assert nvh.psd(signal, 0.5)[0][1] == 1.0  # a shorter recording is one window


def test_samples_beyond_double_precision_are_refused_by_sums_of_power() -> None:
    huge = Signal(1e300 * sine(1000), RATE, "Pa")
    assert nvh.overall_level(huge) == pytest.approx(huge.level())
    for call in (lambda: nvh.overall_level(huge, "A"), lambda: nvh.third_octave_levels(huge)):
        with pytest.raises(SpecsrError, match="too large"):
            call()
