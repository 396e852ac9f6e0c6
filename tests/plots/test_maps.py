"""Figures of one map: position and level of every cell, labels, colour scale, order lines."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import specsr
from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.nvh.view import view
from specsr.plots import maps
from specsr.plots.maps import displayed, plot_map, plot_uncertainty
from specsr.plots.parts import MAX_COLUMNS
from support.plot_samples import bar_labels, cell_at, flat, run_up_maps


@pytest.mark.parametrize(
    ("unit", "scaling", "label"),
    [
        ("Pa", "rms", "Level (dB re 20 µPa)"),
        ("m/s2", "psd", "Level (dB/Hz re 1e-6 m/s²)"),
        ("V", "rms", "Level (dB re 1 V)"),
    ],
)
def test_labels_state_unit_and_reference(unit: str, scaling: str, label: str) -> None:
    ax = plot_map(flat(60, unit, scaling=scaling), title="Cabin")
    assert bar_labels(ax.figure) == {label}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Time (s)", "Frequency (Hz)")
    assert ax.get_title() == "Cabin"


def test_high_frequencies_are_labelled_in_khz_and_drawn_in_hz() -> None:
    ax = plot_map(flat(60, rate=25600.0, length=2000))
    assert ax.get_ylabel() == "Frequency (kHz)"
    assert ax.get_ylim() == (0, 12800)
    assert ax.yaxis.get_major_formatter()(4500.0, 0) == "4.5"


@given(
    s_f=st.sampled_from([1, 2, 4, 8]),
    s_t=st.integers(1, 7),
    length=st.integers(1, 3000),
    start=st.floats(-5, 100),
    limits=st.tuples(st.integers(1, 40), st.integers(1, 60)),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=80, deadline=None)
def test_cells_are_drawn_at_their_place_and_blocks_by_their_maximum(
    s_f: int, s_t: int, length: int, start: float, limits: tuple[int, int], seed: int
) -> None:
    grid = Grid(1000.0, 64, 16, length, unit="Pa", start=start, cell=(s_f, s_t))
    rng = np.random.default_rng(seed)
    spec = SpecMap(rng.uniform(0.1, 1, (2, grid.rows, grid.frames)), grid)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maps, "MAX_ROWS", limits[0])
        patch.setattr(maps, "MAX_COLUMNS", limits[1])
        db, (left, right, bottom, top) = displayed(spec, 1, None)
    assert db.shape[0] <= limits[0] and db.shape[1] <= limits[1]
    # the centre of every cell lies in the drawn block that contains it
    rows = ((spec.freqs - bottom) / (top - bottom) * db.shape[0]).astype(int)
    columns = ((spec.times - left) / (right - left) * db.shape[1]).astype(int)
    highest = np.full(db.shape, -np.inf)
    np.maximum.at(highest, (rows[:, None], columns[None, :]), spec.db[1])
    np.testing.assert_allclose(db, highest, atol=1e-4)
    if db.shape == spec.db[1].shape:
        centres = left + (np.arange(grid.frames) + 0.5) * (right - left) / grid.frames
        # the last cell of a pooled map may be cut short: its centre is not halfway
        np.testing.assert_allclose(centres[:-1], spec.times[:-1], atol=1e-9)
        centres = bottom + (np.arange(grid.rows) + 0.5) * (top - bottom) / grid.rows
        np.testing.assert_allclose(centres, spec.freqs, atol=1e-9)


def test_a_click_and_a_tone_survive_in_a_map_of_an_hour() -> None:
    grid = Grid(8000.0, 256, 256, 3600 * 8000, unit="Pa")
    magnitude = np.full((1, grid.rows, grid.frames), 1e-5, np.float32)
    magnitude[0, 40, :] = 0.02  # 60 dB
    magnitude[0, 100, 77777] = 0.2  # 80 dB
    ax = plot_map(SpecMap(magnitude, grid))
    drawn = ax.images[0].get_array()
    assert drawn.shape[1] <= MAX_COLUMNS
    assert cell_at(ax, 1234.5, grid.freqs()[40]) == pytest.approx(60, abs=1e-3)
    assert cell_at(ax, grid.times()[77777], grid.freqs()[100]) == pytest.approx(80, abs=1e-3)
    assert (drawn > 70).sum() == 1


def test_axes_span_the_signal() -> None:
    for spec in run_up_maps().values():
        ax = plot_map(spec)
        assert ax.get_xlim() == (0.0, 2.0)
        assert ax.get_ylim() == pytest.approx((0.0, 4000.0), abs=spec.grid.rate / 512)
        left, right, bottom, top = ax.images[0].get_extent()
        assert left <= 0 and right >= 2 and bottom <= 0 and top >= ax.get_ylim()[1]


def test_max_freq_limits_axes_and_colour_scale() -> None:
    spec = run_up_maps()["high"]
    ax = plot_map(spec, max_freq=300.0)  # below the order
    rows = int((spec.freqs - spec.grid.df / 2 < 300).sum())
    assert ax.get_ylim() == (0.0, 300.0)
    assert ax.images[0].get_array().shape[0] == rows
    assert ax.images[0].get_extent()[3] >= 300
    highest = spec.db[0, :rows].max()
    assert highest <= ax.images[0].get_clim()[1] < highest + 5 < spec.db.max()


@given(level=st.floats(-50, 150), db_range=st.floats(1, 120))
@settings(max_examples=15, deadline=None)
def test_colour_scale_spans_the_range_below_the_top(level: float, db_range: float) -> None:
    low, high = plot_map(flat(level), db_range=db_range).images[0].get_clim()
    assert high - low == pytest.approx(db_range)
    assert level - 1e-3 <= high < level + 5 + 1e-3
    limits = plot_map(flat(level), db_range=db_range, vmax=71.5).images[0].get_clim()
    assert limits == pytest.approx((71.5 - db_range, 71.5))


def test_channels_by_position_and_name() -> None:
    spec = flat(60, channels=2)
    spec = spec.replace(magnitude=spec.magnitude * [[[1]], [[10]]], channels=("left", "right"))
    levels = [plot_map(spec, channel=c).images[0].get_array().max() for c in (0, 1, "right")]
    assert levels == pytest.approx([60, 80, 80], abs=1e-3)
    with pytest.raises(SpecsrError, match="'rear'.*left, right"):
        plot_map(spec, channel="rear")
    with pytest.raises(SpecsrError, match="no channel 2"):
        plot_map(spec, channel=2)


def test_order_lines_follow_the_speed() -> None:
    spec = run_up_maps()["high"]
    spec = spec.replace(grid=dataclasses.replace(spec.grid, start=3.0))
    ax = plot_map(spec, orders=(10, 20))
    ten, twenty = ax.lines
    for order, line in ((10, ten), (20, twenty)):
        times, freqs = line.get_data()
        assert times[0] == 3.0 and times[-1] == pytest.approx(5.0, abs=1e-3)
        rpm = np.interp(times - 3.0, np.arange(spec.grid.length) / spec.grid.rate, spec.rpm)
        np.testing.assert_allclose(freqs, order * rpm / 60, rtol=1e-9)
    # the run-up has order 20 only: its line passes through the highest levels
    image = ax.images[0].get_array()
    inner = slice(4, -4)
    brightest = spec.freqs[np.argmax(image, axis=0)][inner]
    on_line = np.interp(spec.times, *twenty.get_data())[inner]
    assert np.abs(brightest - on_line).max() < 1.5 * spec.grid.df


def test_order_labels_lie_on_their_lines_without_overlap() -> None:
    orders = [1, 1.5, 2, 2.5, 3, 4, 5, 10, 20, 1000]
    ax = plot_map(run_up_maps()["high"], orders=orders)
    ax.figure.canvas.draw()
    names = {text.get_text(): text for text in ax.texts}
    assert list(names) == [f"{order:g}" for order in orders[:-1]]  # the last one is out of view
    half = 6 / 72 * ax.figure.dpi / ax.bbox.height * ax.get_ylim()[1]  # of the height of a label
    lines = {line.get_label(): line for line in ax.lines}
    boxes = []
    for name, text in names.items():
        time, freq = ax.transData.inverted().transform(ax.transAxes.transform(text.get_position()))
        on_line = np.interp(time, *lines[f"order {name}"].get_data())
        assert freq == pytest.approx(max(on_line, half), abs=0.002 * ax.get_ylim()[1])
        boxes.append(text.get_window_extent())
        assert ax.bbox.x0 <= boxes[-1].x0 and boxes[-1].x1 <= ax.bbox.x1
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_orders_without_speed_and_unknown_axes_are_refused() -> None:
    with pytest.raises(SpecsrError, match="orders 2.*no speed.*rpm="):
        plot_map(flat(60), orders=(2,))
    with pytest.raises(SpecsrError, match="x is 'speed'.*expected one of time"):
        view(run_up_maps()["high"], "speed")
    with pytest.raises(SpecsrError, match="y is 'level'.*one of freq, order"):
        view(run_up_maps()["high"], y="level")


@pytest.mark.parametrize(
    ("option", "value"),
    [("db_range", 0.0), ("db_range", math.nan), ("max_freq", -1.0), ("max_freq", math.inf)],
)
def test_options_out_of_range_are_refused(option: str, value: float) -> None:
    with pytest.raises(SpecsrError, match=option):
        plot_map(flat(60), **{option: value})


def test_silence_is_drawn_into_given_axes() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    left, right = figure.subplots(1, 2)
    silent = flat(60).replace(magnitude=np.zeros_like(flat(60).magnitude))
    assert plot_map(silent, ax=right) is right
    assert right.figure is figure and not left.images
    figure.canvas.draw()


@pytest.mark.parametrize("unit", ["1", "Pa", "m/s"])
def test_silence_has_the_colour_of_the_bottom_in_every_unit(unit: str) -> None:
    spec = specsr.spectrogram(specsr.Signal(np.zeros((1, 4000)), 8000.0, unit), n_fft=256)
    for ax in (plot_map(spec), specsr.plot(view(spec))):
        low, high = ax.images[0].get_clim()
        assert (low, high) == (-80.0, 0.0)
        assert ax.images[0].get_array().max() < low


def test_uncertainty_has_its_own_colour_scale_and_label() -> None:
    spec = flat(60.0)
    values = np.linspace(0, 8, spec.magnitude.size).reshape(spec.magnitude.shape)
    uncertain = spec.replace(uncertainty_db=values.astype(np.float32))
    ax = plot_uncertainty(uncertain, title="Cabin")
    np.testing.assert_allclose(ax.images[0].get_array(), uncertain.uncertainty_db[0])
    assert ax.images[0].get_clim() == (0.0, 6.0)
    assert bar_labels(ax.figure) == {"Uncertainty (± dB, 68 %)"}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Time (s)", "Frequency (Hz)")
    assert ax.get_title() == "Cabin"


def test_uncertainty_is_drawn_for_a_channel_up_to_a_frequency_into_given_axes() -> None:
    spec = flat(60.0, channels=2)
    values = np.ones(spec.magnitude.shape, np.float32) * [[[1]], [[2]]]
    uncertain = spec.replace(uncertainty_db=values, channels=("left", "right"))
    given = plot_map(spec)
    assert plot_uncertainty(uncertain, ax=given) is given
    ax = plot_uncertainty(uncertain, channel="right", max_freq=200.0)
    assert (ax.images[0].get_array() == 2).all()
    assert ax.get_ylim() == (0.0, 200.0)


def test_a_map_without_uncertainty_is_refused() -> None:
    with pytest.raises(SpecsrError, match="no uncertainty"):
        plot_uncertainty(flat(60.0))
