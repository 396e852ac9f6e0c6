"""Maps over other axes: every level is that of its source cell."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.io.limits import max_memory
from specsr.maps.pooling import pool
from specsr.maps.transform import spectrogram
from specsr.nvh.export import CUT_COLUMNS, cuts_frame, to_xarray
from specsr.nvh.order_cut import order_cut
from specsr.nvh.order_map import order_map
from specsr.nvh.view import View, nice_step, onto_rpm, view
from specsr.plots import parts as plot_parts
from specsr.plots.cuts import plot_cuts
from specsr.plots.plot import plot
from specsr.signal import Signal
from specsr.synth import synthesis as synth
from specsr.synth.machine import Order, RunUp


@pytest.fixture(scope="module")
def made() -> synth.Synthetic:
    run = RunUp(
        rate=12800.0, duration=4.0, rpm=(1000.0, 4000.0), line_to_noise=40.0,
        orders=(Order(2, 0), Order(12, -6)),
    )  # fmt: skip
    return synth.synthesise(run)


def test_a_view_over_time_and_frequency_is_the_map(made) -> None:
    spec = spectrogram(made.signal)
    same = view(spec)
    np.testing.assert_array_equal(same.power, spec.power)
    np.testing.assert_allclose(same.db, spec.db, atol=1e-3)
    assert same.level_label == "dB re 20 µPa"


@pytest.mark.parametrize("cells", [(1, 1), (4, 4)])
def test_an_order_line_lies_at_its_order_on_every_pair_of_axes(made, cells) -> None:
    spec = pool(spectrogram(made.signal, n_fft=4096, hop_length=256), *cells)
    for x in ("time", "rpm"):
        for y in ("freq", "order"):
            found = view(spec, x, y, max_order=20)
            middle = slice(found.x.size // 4, -found.x.size // 4)
            band = np.abs(found.y - (12 * 2500 / 60 if y == "freq" else 12)) < (
                350 if y == "freq" else 3
            )
            ridge = found.y[band][np.nanargmax(found.power[0][band][:, middle], axis=0)]
            there = 12 * found.rpm[middle] / 60 if y == "freq" else 12
            width = spec.grid.df if y == "freq" else 60 * spec.grid.df / found.rpm[middle].min()
            assert np.abs(ridge - there).max() < 1.6 * width


@given(
    seed=st.integers(0, 2**31), columns=st.integers(2, 60), step=st.floats(5, 300),
    up=st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_the_speed_axis_holds_the_mean_of_the_columns_that_pass(seed, columns, step, up) -> None:
    """A constant is kept without gaps, and means lie within the range of the power."""
    rng = np.random.default_rng(seed)
    speed = np.cumsum(rng.uniform(1, 100, columns)) * (1 if up else -1) + (0 if up else 9e3)
    ones = np.ones((1, 2, columns))
    flat, centres = onto_rpm(ones, speed, np.ones(columns), step)
    assert np.allclose(flat, 1)
    assert centres[0] - step / 2 <= speed.min() and speed.max() <= centres[-1] + step / 2
    assert np.diff(centres) == pytest.approx(step)
    power = rng.uniform(1, 2, (1, 2, columns))
    moved, _ = onto_rpm(power, speed, np.ones(columns), step)
    assert power.min() - 1e-9 <= moved.min() and moved.max() <= power.max() + 1e-9
    half, _ = onto_rpm(power, speed, np.full(columns, 0.5), step)
    np.testing.assert_allclose(half, 2 * moved)


def test_speeds_passed_twice_are_averaged_and_speeds_not_passed_are_nan() -> None:
    speed = np.r_[np.linspace(1000, 1500, 50), np.linspace(2000, 1400, 60)]
    power = np.r_[np.full(50, 1.0), np.full(60, 3.0)][None, None]
    mean, centres = onto_rpm(power, speed, np.ones(110), 20.0)
    both = (centres > 1420) & (centres < 1480)
    assert ((mean[0, 0, both] > 1) & (mean[0, 0, both] < 3)).all()
    assert mean[0, 0, centres < 1380] == pytest.approx(1)
    parts = np.r_[np.linspace(1000, 1100, 20), np.linspace(1900, 2000, 20)]
    # a jump between two columns counts as time in between
    assert np.isfinite(onto_rpm(np.ones((1, 1, 40)), parts, np.ones(40), 10.0)[0]).all()


@pytest.mark.parametrize("count", [1, 7, 300])
def test_steps_are_1_2_or_5_times_a_power_of_ten(count: int) -> None:
    for span in (3.7, 450.0, 6000.0):
        step = nice_step(span, count)
        assert 0.6 < span / step / count < 1.7
        assert f"{step:e}"[0] in "125"


def test_invalid_axes_and_speeds_are_rejected(made) -> None:
    spec = spectrogram(made.signal)
    with pytest.raises(SpecsrError, match="x is 'speed'.*time, rpm"):
        view(spec, "speed")
    with pytest.raises(SpecsrError, match="no machine speed"):
        view(spec.replace(rpm=None), "rpm")
    with pytest.raises(SpecsrError, match="stays at 3000"):
        view(spec, "rpm", rpm=3000.0)
    with pytest.raises(SpecsrError, match="zero throughout"):
        view(spec, "time", "order", rpm=0.0)
    with pytest.raises(SpecsrError, match="rpm_step is -1"):
        view(spec, "rpm", rpm_step=-1)
    with pytest.raises(SpecsrError, match="max_order is 0"):
        view(spec, "rpm", "order", max_order=0)


@pytest.mark.parametrize("step", [1e-6, 5e-324])
def test_a_speed_axis_of_too_many_steps_names_the_smallest_step(step: float) -> None:
    rpm = np.linspace(1000, 4000, 50)
    power = np.ones((1, 1, 50))
    with pytest.raises(SpecsrError, match=r"1000 to 4000 rpm it has to be 0\.03 or more"):
        onto_rpm(power, rpm, np.ones(50), step)
    assert onto_rpm(power, rpm, np.ones(50), 0.05)[1].size > 59_000


def test_a_speed_axis_beyond_the_memory_limit_is_refused() -> None:
    with max_memory("1M"), pytest.raises(SpecsrError, match="a speed axis of 3001 steps of 1 1/m"):
        onto_rpm(np.ones((1, 99, 50)), np.linspace(1000, 4000, 50), np.ones(50), 1.0)


@pytest.mark.parametrize("x", ["time", "rpm"])
@pytest.mark.parametrize("y", ["freq", "order"])
def test_plots_have_units_orders_and_levels(made, x: str, y: str) -> None:
    spec = spectrogram(made.signal, n_fft=4096, hop_length=512)
    ax = plot(view(spec, x, y), db_range=60, orders=[2, 12])
    assert ax.get_xlabel() == {"time": "Time (s)", "rpm": "Speed (rpm)"}[x]
    assert ax.get_ylabel() == {"freq": "Frequency (kHz)", "order": "Order"}[y]
    low, high = ax.images[0].get_clim()
    assert high - low == pytest.approx(60)
    first, second = ax.lines
    assert [line.get_label() for line in ax.lines] == ["order 2", "order 12"]
    slope = second.get_ydata() / first.get_ydata()
    assert slope == pytest.approx(np.full(slope.size, 6))
    if y == "order":
        assert first.get_ydata() == pytest.approx(np.full(slope.size, 2))
    elif x == "rpm":
        assert first.get_ydata() == pytest.approx(first.get_xdata() / 30)
    bars = [a for a in ax.figure.axes if a.get_label() == "<colorbar>"]
    assert bars[0].get_ylabel() == "Level (dB re 20 µPa)"


def test_shrinking_keeps_maxima_and_measured_cells() -> None:
    db = np.full((90, 50), 10.0)
    db[40, 20], db[:, 40:] = 50, np.nan
    small = plot_parts.shrunk(db, 10, 10)
    assert small.shape == (10, 10) and small[4, 4] == 50
    assert np.isnan(small[:, 8:]).all() and np.isfinite(small[:, :8]).all()
    np.testing.assert_array_equal(plot_parts.shrunk(db, 90, 50), db)


def test_cut_plots_state_their_bandwidth(made) -> None:
    spec = spectrogram(made.signal)
    cuts = {
        "wide": [order_cut(spec, None, 12, 200.0)],
        "own": [order_cut(spec, None, 12)],
        "angle": [order_map(made.signal).cut(2)],
    }
    texts = [t.get_text() for t in plot_cuts(cuts).get_legend().get_texts()]
    assert texts[0] == "wide order 12 (200 Hz wide)"
    assert "Hz wide" in texts[1] and " to " in texts[1]
    assert texts[2] == "angle order 2 (0.4 orders wide)"


def test_maps_and_views_are_converted_to_xarray(made, tmp_path) -> None:
    xarray = pytest.importorskip("xarray")
    spec = spectrogram(made.signal)
    data = to_xarray(spec)
    np.testing.assert_array_equal(data["level"].values, spec.db)
    np.testing.assert_array_equal(data["magnitude"].sel(channel="synthetic"), spec.magnitude[0])
    assert data["level"].attrs["units"] == "dB re 20 µPa"
    assert data["freq"].attrs["units"] == "Hz" and data["known"].all()
    assert float(data["rpm"][len(data["time"]) // 2]) == pytest.approx(2500, rel=0.02)
    strongest = data["level"].isel(channel=0, time=40).sel(freq=slice(20, None)).idxmax()
    rpm = float(data["rpm"][40])
    assert float(strongest) == pytest.approx(2 * rpm / 60, abs=spec.grid.df)
    uncertain = to_xarray(spec.replace(uncertainty_db=np.full_like(spec.magnitude, 1.5)))
    assert (uncertain["uncertainty_db"] == 1.5).all() and "uncertainty_db" not in data
    campbell = to_xarray(view(spec, "rpm"))
    assert campbell.dims == ("channel", "freq", "rpm")
    by_time = to_xarray(order_map(made.signal).view("time"))
    assert by_time.dims == ("channel", "order", "time") and "rpm" in by_time.coords
    assert isinstance(campbell, xarray.DataArray)


def test_cuts_are_converted_to_a_table(made) -> None:
    pytest.importorskip("pandas")
    both = made.signal.replace(
        samples=np.repeat(made.signal.samples, 2, 0), channels=("left", "right")
    )
    cut = order_map(both).cut(2)
    frame = cuts_frame([cut], both.channels)
    assert list(frame.columns) == CUT_COLUMNS and len(frame) == 2 * cut.times.size
    left = frame[frame.channel == "left"]
    np.testing.assert_allclose(left.level_db, cut.levels[0])
    np.testing.assert_allclose(left.bandwidth_hz, 0.4 * left.rpm / 60, rtol=1e-6)


def test_a_missing_library_is_named(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    spec = spectrogram(Signal(np.ones(2048), 1000.0), n_fft=64)
    with pytest.raises(SpecsrError, match=r"need xarray, .*specsr\[tables\]"):
        to_xarray(spec)
    with pytest.raises(SpecsrError, match="need pandas"):
        cuts_frame([], ())
    empty = View(np.full((1, 2, 2), np.nan), np.arange(2.0), np.arange(2.0), "time", "freq")
    with pytest.raises(SpecsrError, match="nothing was measured"):
        plot(empty)
