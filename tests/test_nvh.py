"""Levels against what sines, noise and run-ups are known to hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr import nvh
from specsr.errors import SpecsrError
from specsr.grid import Grid
from specsr.signal import Signal
from specsr.spectrogram import SpecMap

RATE = 25600
WINDOWS = ["hann", "hamming", "blackmanharris", "flattop", "boxcar"]


def sine(freq: float, rms: float = 1.0, seconds: float = 4.0, rate: float = RATE) -> np.ndarray:
    return rms * np.sqrt(2) * np.sin(2 * np.pi * freq * np.arange(round(seconds * rate)) / rate)


def white(seed: int, length: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(length)


def pooled(spec: SpecMap, s_f: int, s_t: int) -> SpecMap:
    """Mean power of cells, written out; a last cell holds the frames that are left."""
    grid = spec.grid.pooled(s_f, s_t)
    power = np.square(spec.image().astype(np.float64))
    channels, rows, frames = power.shape
    cells = np.stack(
        [power[:, :, i : i + s_t].mean(-1) for i in range(0, frames, s_t)], axis=-1
    ).reshape(channels, rows // s_f, s_f, -1)
    return SpecMap(np.sqrt(cells.mean(2)), grid, rpm=spec.rpm)


@pytest.mark.parametrize("scaling", ["rms", "psd"])
@pytest.mark.parametrize("window", WINDOWS)
def test_overall_level_of_a_map_is_that_of_its_signal(scaling: str, window: str) -> None:
    signal = Signal(np.stack([white(0, 30001), 3 + sine(1234.5, seconds=30001 / RATE)]), RATE, "Pa")
    spec = signal.spectrogram(scaling=scaling, window=window)
    assert nvh.overall_level(spec) == pytest.approx(signal.level(), abs=0.03)


@pytest.mark.parametrize(("s_f", "s_t"), [(4, 4), (2, 1), (1, 8)])
@pytest.mark.parametrize("scaling", ["rms", "psd"])
def test_overall_level_holds_under_pooling(scaling: str, s_f: int, s_t: int) -> None:
    spec = Signal(white(1, 30001), RATE).spectrogram(scaling=scaling)
    whole, cells = nvh.overall_level(spec), nvh.overall_level(pooled(spec, s_f, s_t))
    assert cells == pytest.approx(whole, abs=0.01)  # the Nyquist row is left out


@given(length=st.integers(1, 9000), n_fft=st.sampled_from([64, 256, 1024]), parts=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_coverage_and_power_are_parsevals(length: int, n_fft: int, parts: int) -> None:
    """The rows of a frame add up to its windowed mean square, and a constant shows the coverage."""
    spec = Signal(np.full(length, 0.5), RATE).spectrogram(n_fft=n_fft, hop_length=n_fft // parts)
    power = nvh.row_power(spec).sum(1)[0]
    assert power == pytest.approx(0.25 * nvh.coverage(spec.grid), abs=1e-6)
    assert nvh.overall_level(spec) == pytest.approx(20 * np.log10(0.5), abs=1e-3)


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
def test_a_sine_of_94_db_reads_94_in_its_band(freq: float) -> None:
    bands = nvh.third_octave_levels(Signal(sine(freq), RATE, "Pa"))
    inside = np.flatnonzero(np.isclose(bands.nominal, freq))[0]
    assert bands.levels[0, inside] == pytest.approx(93.98, abs=0.05)
    assert np.delete(bands.levels[0], inside).max() < 70


@pytest.mark.parametrize("scaling", ["rms", "psd"])
@pytest.mark.parametrize("window", ["hann", "flattop"])
def test_a_sine_reads_its_level_in_a_map_too(scaling: str, window: str) -> None:
    spec = Signal(sine(1000), RATE, "Pa").spectrogram(n_fft=4096, scaling=scaling, window=window)
    bands = nvh.third_octave_levels(spec)
    assert bands.levels[0, bands.nominal == 1000] == pytest.approx([93.98], abs=0.02)


def test_white_noise_reads_its_density_times_the_bandwidth() -> None:
    signal = Signal(np.stack([white(s, 60 * RATE) for s in (1, 2)]), RATE)
    _, _, low, high = nvh.third_octave_bands(high=10000)
    expected = 10 * np.log10((high - low) * 2 / RATE)  # one-sided density of unit variance
    # A band of width b over t seconds scatters by 4.34 / sqrt(b t) dB; four of these.
    allowed = 4 * 4.34 / np.sqrt((high - low) * signal.duration)
    for bands in (nvh.third_octave_levels(signal), nvh.third_octave_levels(signal.spectrogram())):
        seen = bands.resolved
        assert np.all(np.abs(bands.levels - expected)[:, seen] < allowed[seen])
    assert nvh.third_octave_levels(signal).resolved.all()
    # A map of 12.5 Hz rows resolves what is wider than 50 Hz: the band of 250 Hz and up.
    assert bands.nominal[bands.resolved].min() == 250


@given(seed=st.integers(0, 2**32 - 1), length=st.integers(100, 20000))
@settings(max_examples=25, deadline=None)
def test_the_rows_of_a_recording_add_up_to_its_mean_square(seed: int, length: int) -> None:
    x = white(seed, length) * np.linspace(0, 3, length)
    power, edges, _ = nvh._signal_power(Signal(x, RATE), 10.0)
    assert power.sum() == pytest.approx(np.mean(x**2), rel=1e-9)
    assert (edges[0], edges[-1]) == (0, RATE / 2)


def test_bands_past_half_the_rate_are_left_out() -> None:
    bands = nvh.third_octave_levels(Signal(white(3, 44100), 44100))
    assert bands.nominal[-1] == 16000  # 20 kHz reaches up to 22.4 kHz
    with pytest.raises(SpecsrError, match="half the rate"):
        nvh.third_octave_levels(Signal(white(3, 400), 40))


@given(
    power=st.lists(st.floats(0, 1e3), min_size=3, max_size=12),
    cuts=st.tuples(st.floats(-2, 20), st.floats(-2, 20)),
)
def test_band_power_is_the_integral_of_its_rows(power: list[float], cuts) -> None:
    low, high = sorted(cuts)
    edges = np.arange(len(power) + 1.0)
    naive = sum(
        p * max(0.0, min(high, edge + 1) - max(low, edge))
        for p, edge in zip(power, edges[:-1], strict=True)
    )
    found = nvh.band_power(np.array([power, power]), edges, np.array([low]), np.array([high]))
    assert found == pytest.approx(np.full((2, 1), naive), rel=1e-9, abs=1e-9)


def run_up(order: float, seconds: float = 6.0, rate: float = RATE) -> tuple[Signal, np.ndarray]:
    """One order with a growing envelope, and its rms in every sample."""
    length = round(seconds * rate)
    rpm = np.linspace(900, 6000, length)
    rms = 0.1 * (rpm / 1000) ** 1.5
    angle = 2 * np.pi * np.cumsum(rpm / 60) / rate
    return Signal(rms * np.sqrt(2) * np.cos(order * angle), rate, "Pa", rpm=rpm), rms


@pytest.mark.parametrize("scaling", ["rms", "psd"])
@pytest.mark.parametrize("n_fft", [1024, 2048, 8192])
@pytest.mark.parametrize("order", [2, 8.58, 40])
def test_an_order_cut_reads_the_envelope(order: float, n_fft: int, scaling: str) -> None:
    signal, rms = run_up(order)
    cut = nvh.order_cut(signal.spectrogram(n_fft=n_fft, scaling=scaling), None, order)
    truth = 20 * np.log10(np.interp(cut.times, np.arange(len(rms)) / RATE, rms) / 20e-6)
    readable = ~np.isnan(cut.levels[0])
    assert readable.mean() > 0.7
    assert np.abs(cut.levels[0] - truth)[readable].max() < 0.2
    assert np.all(cut.bandwidth >= 4 * RATE / n_fft)  # the main lobe of a Hann window
    assert cut.freqs == pytest.approx(order * cut.rpm / 60)


def test_an_order_cut_reads_the_envelope_from_a_pooled_map() -> None:
    signal, rms = run_up(8)
    cut = nvh.order_cut(pooled(signal.spectrogram(), 4, 4), None, 8)
    truth = 20 * np.log10(np.interp(cut.times, np.arange(len(rms)) / RATE, rms) / 20e-6)
    readable = ~np.isnan(cut.levels[0])
    assert np.abs(cut.levels[0] - truth)[readable].max() < 0.2
    assert readable.mean() > 0.8


@pytest.mark.parametrize("window", WINDOWS[:-1])
@pytest.mark.parametrize("scaling", ["rms", "psd"])
def test_a_constant_order_reads_its_rms(window: str, scaling: str) -> None:
    for freq in (1000.0, 1006.25):  # on a row and between two
        signal = Signal(sine(freq), RATE, "Pa")
        spec = signal.spectrogram(window=window, scaling=scaling)
        cut = nvh.order_cut(spec, freq * 60 / 4, 4)
        assert np.nanmin(cut.levels) == pytest.approx(93.98, abs=0.05)
        assert np.nanmax(cut.levels) == pytest.approx(93.98, abs=0.05)


def test_the_stated_width_is_the_one_used() -> None:
    signal = Signal(white(4, 10 * RATE), RATE)
    spec = signal.spectrogram()
    for width, unit, hertz in [(400, "Hz", 400), (8, "orders", 400), (32, "rows", 400)]:
        cut = nvh.order_cut(spec, 3000.0, 40, width, unit)
        assert cut.bandwidth == pytest.approx(np.full(spec.grid.frames, hertz))
        level = 10 * np.log10(np.nanmean(10 ** (cut.levels / 10)))
        assert level == pytest.approx(10 * np.log10(400 * 2 / RATE), abs=0.3)


def test_what_cannot_be_read_is_nan() -> None:
    signal = Signal(white(5, RATE), RATE, rpm=np.linspace(0, 60 * RATE / 2, RATE))
    cut = nvh.order_cut(signal.spectrogram(), None, 1)
    low, high = cut.freqs - cut.bandwidth / 2, cut.freqs + cut.bandwidth / 2
    outside = (low < 0) | (high > RATE / 2)
    assert outside.any()
    assert np.isnan(cut.levels[0, outside]).all()
    steady = nvh.order_cut(signal.spectrogram(), 6000.0, 10).levels[0]
    assert np.isnan(steady[[0, 1, -2, -1]]).all()  # windows over the ends
    assert not np.isnan(steady[2:-3]).any()


@given(slope=st.floats(-2000, 2000), s_t=st.integers(1, 5), hop=st.sampled_from([64, 100, 256]))
@settings(max_examples=30, deadline=None)
def test_speed_in_a_frame_is_that_at_its_centre(slope: float, s_t: int, hop: int) -> None:
    grid = Grid(1000.0, 256, hop, 4000, cell=(1, s_t))
    time = np.arange(4000) / 1000
    found = nvh.frame_rpm(3000 + slope * time, grid)
    inside = (grid.times() > 0.6) & (grid.times() < 3.2)
    expected = 3000 + slope * grid.times()
    assert found[inside] == pytest.approx(expected[inside], abs=1.5)
    assert nvh.frame_rpm(1234.0, grid) == pytest.approx(np.full(grid.frames, 1234.0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rpm": None}, "no machine speed"),
        ({"rpm": np.ones(7)}, "one a sample"),
        ({"rpm": np.nan}, "not finite"),
        ({"order": 0}, "order is 0"),
        ({"bandwidth": -1}, "bandwidth is -1"),
        ({"bandwidth": 1, "unit": "bark"}, "unit is 'bark'"),
    ],
)
def test_mistakes_are_named(change: dict, words: str) -> None:
    spec = Signal(white(6, 8192), RATE).spectrogram()
    with pytest.raises(SpecsrError, match=words):
        nvh.order_cut(spec, **{"rpm": 3000.0, "order": 2, **change})
