"""Order cuts against known envelopes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.transform import spectrogram
from specsr.nvh import order_cut as orders
from specsr.nvh.speed import column_rpm
from specsr.signal import Signal
from support.levels_samples import RATE, WINDOWS, pooled, sine, white


def run_up(order: float, seconds: float = 6.0, rate: float = RATE) -> tuple[Signal, np.ndarray]:
    """One order with an increasing envelope, and its rms at every sample."""
    length = round(seconds * rate)
    rpm = np.linspace(900, 6000, length)
    rms = 0.1 * (rpm / 1000) ** 1.5
    angle = 2 * np.pi * np.cumsum(rpm / 60) / rate
    return Signal(rms * np.sqrt(2) * np.cos(order * angle), rate, "Pa", rpm=rpm), rms


@pytest.mark.parametrize("scaling", ["rms", "psd"])
@pytest.mark.parametrize("n_fft", [1024, 2048, 8192])
@pytest.mark.parametrize("order", [2, 8.58, 40])
def test_an_order_cut_follows_the_envelope(order: float, n_fft: int, scaling: str) -> None:
    signal, rms = run_up(order)
    cut = orders.order_cut(spectrogram(signal, n_fft=n_fft, scaling=scaling), None, order)
    truth = 20 * np.log10(np.interp(cut.times, np.arange(len(rms)) / RATE, rms) / 20e-6)
    valid = ~np.isnan(cut.levels[0])
    assert valid.mean() > 0.7
    assert np.abs(cut.levels[0] - truth)[valid].max() < 0.2
    assert np.all(cut.bandwidth >= 4 * RATE / n_fft)  # the main lobe of a Hann window
    assert cut.freqs == pytest.approx(order * cut.rpm / 60)


def test_an_order_cut_of_a_pooled_map_follows_the_envelope() -> None:
    signal, rms = run_up(8)
    cut = orders.order_cut(pooled(spectrogram(signal), 4, 4), None, 8)
    truth = 20 * np.log10(np.interp(cut.times, np.arange(len(rms)) / RATE, rms) / 20e-6)
    valid = ~np.isnan(cut.levels[0])
    assert np.abs(cut.levels[0] - truth)[valid].max() < 0.2
    assert valid.mean() > 0.8


@pytest.mark.parametrize("window", WINDOWS[:-1])
@pytest.mark.parametrize("scaling", ["rms", "psd"])
def test_a_constant_order_gives_its_rms(window: str, scaling: str) -> None:
    for freq in (1000.0, 1006.25):  # on a row and between two
        signal = Signal(sine(freq), RATE, "Pa")
        spec = spectrogram(signal, window=window, scaling=scaling)
        cut = orders.order_cut(spec, freq * 60 / 4, 4)
        assert np.nanmin(cut.levels) == pytest.approx(93.98, abs=0.05)
        assert np.nanmax(cut.levels) == pytest.approx(93.98, abs=0.05)


def test_the_given_width_is_used() -> None:
    signal = Signal(white(4, 10 * RATE), RATE)
    spec = spectrogram(signal)
    for width, unit, hertz in [(400, "Hz", 400), (8, "orders", 400), (32, "rows", 400)]:
        cut = orders.order_cut(spec, 3000.0, 40, width, unit)
        assert cut.bandwidth == pytest.approx(np.full(spec.grid.frames, hertz))
        level = 10 * np.log10(np.nanmean(10 ** (cut.levels / 10)))
        assert level == pytest.approx(10 * np.log10(400 * 2 / RATE), abs=0.3)


def test_levels_outside_the_map_and_at_the_edges_are_nan() -> None:
    signal = Signal(white(5, RATE), RATE, rpm=np.linspace(0, 60 * RATE / 2, RATE))
    cut = orders.order_cut(spectrogram(signal), None, 1)
    low, high = cut.freqs - cut.bandwidth / 2, cut.freqs + cut.bandwidth / 2
    outside = (low < 0) | (high > RATE / 2)
    assert outside.any()
    assert np.isnan(cut.levels[0, outside]).all()
    steady = orders.order_cut(spectrogram(signal), 6000.0, 10).levels[0]
    assert np.isnan(steady[[0, 1, -2, -1]]).all()  # windows past the edges
    assert not np.isnan(steady[2:-3]).any()


@given(slope=st.floats(-2000, 2000), s_t=st.integers(1, 5), hop=st.sampled_from([64, 100, 256]))
@settings(max_examples=30, deadline=None)
def test_the_speed_of_a_column_is_that_at_its_centre(slope: float, s_t: int, hop: int) -> None:
    grid = Grid(1000.0, 256, hop, 4000, cell=(1, s_t))
    time = np.arange(4000) / 1000
    found = column_rpm(3000 + slope * time, grid)
    inside = (grid.times() > 0.6) & (grid.times() < 3.2)
    expected = 3000 + slope * grid.times()
    assert found[inside] == pytest.approx(expected[inside], abs=1.5)
    assert column_rpm(1234.0, grid) == pytest.approx(np.full(grid.frames, 1234.0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rpm": None}, "no machine speed"),
        ({"rpm": np.ones(7)}, "one per sample"),
        ({"rpm": np.nan}, "not finite"),
        ({"order": 0}, "order is 0"),
        ({"bandwidth": -1}, "bandwidth is -1"),
        ({"bandwidth": 1e-9, "unit": "orders"}, "bandwidth is 1e-09, .* of a row: expected"),
        ({"bandwidth": 0.09, "unit": "rows"}, "bandwidth is 0.09, 0.09 of a row: expected 0"),
        ({"bandwidth": 1, "unit": "bark"}, "unit is 'bark'"),
    ],
)
def test_invalid_arguments_are_named(change: dict, words: str) -> None:
    spec = spectrogram(Signal(white(6, 8192), RATE))
    with pytest.raises(SpecsrError, match=words):
        orders.order_cut(spec, **{"rpm": 3000.0, "order": 2, **change})


@pytest.mark.parametrize("cell", [(1, 1), (2, 3)])
def test_the_width_is_the_main_lobe_and_the_sweep_within_the_windows(cell: tuple[int, int]) -> None:
    length, n_fft, hop = 9000, 1024, 256
    rpm = 1000 + 3000 * (np.arange(length) / length) ** 2
    spec = spectrogram(Signal(white(0, length), RATE, rpm=rpm), n_fft=n_fft, hop_length=hop)
    spec = spec if cell == (1, 1) else pooled(spec, *cell)
    cut = orders.order_cut(spec, None, 12.0)
    for column, width in enumerate(cut.bandwidth):
        frames = np.arange(column * cell[1], min((column + 1) * cell[1], 37))
        first, last = frames[0] * hop - n_fft // 2, frames[-1] * hop + n_fft // 2
        swept = rpm[min(last, length - 1)] - rpm[max(first, 0)]
        lobe = (4 + 2 * (cell[0] - 1)) * RATE / n_fft
        assert width == pytest.approx(lobe + 12 / 60 * swept)
    assert cut.bandwidth_orders == pytest.approx(cut.bandwidth / (cut.rpm / 60))
    assert cut.freqs == pytest.approx(12 * cut.rpm / 60)
    standstill = orders.order_cut(spec, 0.0, 12.0)
    assert np.isnan(standstill.bandwidth_orders).all() and np.isnan(standstill.levels).all()


def test_orders_up_to_half_the_rate_are_valid_and_a_sample_is_enough() -> None:
    spec = spectrogram(Signal(white(1, 20000), RATE))
    lobe = 4 * RATE / 2048
    for freq, valid in ((RATE / 2 - 0.51 * lobe, True), (RATE / 2 - 0.49 * lobe, False),
                        (0.51 * lobe, True), (0.49 * lobe, False)):  # fmt: skip
        levels = orders.order_cut(spec, 60 * freq, 1.0).levels[0, 4:-4]
        assert (~np.isnan(levels)).all() == valid and np.isnan(levels).all() != valid
    tiny = spectrogram(Signal(np.ones((1, 1)), RATE, rpm=np.ones(1)), n_fft=2, hop_length=2)
    assert np.isnan(orders.order_cut(tiny, None, 1.0).levels).all()


def test_the_first_and_the_last_sample_count_for_the_sweep() -> None:
    length = 9000
    rpm = np.full(length, 2000.0)
    rpm[0], rpm[-1] = 1400.0, 2900.0
    spec = spectrogram(Signal(white(0, length), RATE, rpm=rpm), n_fft=1024, hop_length=256)
    width = orders.order_cut(spec, None, 6.0).bandwidth - 4 * RATE / 1024
    assert width[:3] == pytest.approx([60, 60, 60]) and width[3:-3] == pytest.approx(0)
    assert width[-2:] == pytest.approx([90, 90])


def test_the_uncertainty_of_a_cut_is_the_mean_over_its_cells_by_power() -> None:
    """Of an even range over one row and half of its neighbours."""
    signal = Signal(np.concatenate([white(2, 20000), white(3, 20000)]), RATE)
    measured = spectrogram(signal, n_fft=1024, hop_length=256)
    assert orders.order_cut(measured, 6000.0, 1.0).uncertainty_db is None
    u = np.random.default_rng(0).uniform(0.1, 3, measured.magnitude.shape).astype(np.float32)
    spec = measured.replace(uncertainty_db=u)
    row = 10
    cut = orders.order_cut(spec, 60 * row * spec.grid.df, 1.0, 2.0, "rows")
    weights = np.array([0.5, 1, 0.5])[:, None] * spec.power[:, row - 1 : row + 2]
    expected = (weights * u[:, row - 1 : row + 2]).sum(axis=1) / weights.sum(axis=1)
    valid = ~np.isnan(cut.levels)
    assert cut.uncertainty_db is not None and valid[:, 4:-4].all()
    np.testing.assert_allclose(cut.uncertainty_db[valid], expected[valid], rtol=1e-6)
    assert np.isnan(cut.uncertainty_db[~valid]).all() and not valid.all()
    silent = spec.replace(magnitude=0 * spec.magnitude)
    nothing = orders.order_cut(silent, 6000.0, 1.0).uncertainty_db
    assert nothing is not None and not nothing[:, 4:-4].any()
