"""Pictures: what they show lies where the map says, at the level it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.nvh.view import view
from specsr.plots import maps as plots
from specsr.plots.comparison import plot_comparison
from specsr.synth import synthesis as synth
from specsr.synth.machine import Order, RunUp
from support.plot_samples import flat

RUN = RunUp(
    rate=8000.0, duration=2.0, rpm=(1200.0, 3600.0), orders=(Order(20, 0),),
    line_to_noise=20.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def maps() -> dict[str, SpecMap]:
    """A run-up in coarse cells, measured, and as expected."""
    synthetic = synth.synthesise(RUN)
    high = SpectrogramTransform(512, 128)(synthetic.signal)
    return {"low": pool(high, 4, 4), "high": high, "truth": synthetic.truth(high.grid)}


def colorbars(figure) -> list:
    return [ax for ax in figure.axes if ax.get_label() == "<colorbar>"]


def bar_labels(figure) -> set[str]:
    return {ax.get_ylabel() or ax.get_xlabel() for ax in colorbars(figure)}


def cell_at(ax, time: float, freq: float) -> float:
    """Level drawn at a place given in s and Hz."""
    image = ax.images[0]
    left, right, bottom, top = image.get_extent()
    rows, columns = image.get_array().shape
    row, column = (freq - bottom) / (top - bottom) * rows, (time - left) / (right - left) * columns
    return float(image.get_array()[int(row), int(column)])


@pytest.mark.parametrize(
    ("unit", "scaling", "label"),
    [
        ("Pa", "rms", "Level (dB re 20 µPa)"),
        ("m/s2", "psd", "Level (dB/Hz re 1e-6 m/s²)"),
        ("V", "rms", "Level (dB re 1 V)"),
    ],
)
def test_labels_carry_unit_and_reference(unit: str, scaling: str, label: str) -> None:
    ax = plots.plot_map(flat(60, unit, scaling=scaling), title="Cabin")
    assert bar_labels(ax.figure) == {label}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Time (s)", "Frequency (Hz)")
    assert ax.get_title() == "Cabin"


def test_high_frequencies_are_labelled_in_khz_and_drawn_in_hz() -> None:
    ax = plots.plot_map(flat(60, rate=25600.0, length=2000))
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
def test_every_cell_is_where_its_grid_says_and_shrinking_keeps_the_highest(
    s_f: int, s_t: int, length: int, start: float, limits: tuple[int, int], seed: int
) -> None:
    grid = Grid(1000.0, 64, 16, length, unit="Pa", start=start, cell=(s_f, s_t))
    rng = np.random.default_rng(seed)
    spec = SpecMap(rng.uniform(0.1, 1, (2, grid.rows, grid.frames)), grid)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "MAX_ROWS", limits[0])
        patch.setattr(plots, "MAX_COLUMNS", limits[1])
        db, (left, right, bottom, top) = plots._displayed(spec, 1, None)
    assert db.shape[0] <= limits[0] and db.shape[1] <= limits[1]
    # each cell of the map falls into one that is drawn, at its own centre; none is drawn lower
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
    ax = plots.plot_map(SpecMap(magnitude, grid))
    drawn = ax.images[0].get_array()
    assert drawn.shape[1] <= plots.MAX_COLUMNS
    assert cell_at(ax, 1234.5, grid.freqs()[40]) == pytest.approx(60, abs=1e-3)
    assert cell_at(ax, grid.times()[77777], grid.freqs()[100]) == pytest.approx(80, abs=1e-3)
    assert (drawn > 70).sum() == 1


def test_view_is_the_span_of_the_signal(maps: dict[str, SpecMap]) -> None:
    for spec in maps.values():
        ax = plots.plot_map(spec)
        assert ax.get_xlim() == (0.0, 2.0)
        assert ax.get_ylim() == pytest.approx((0.0, 4000.0), abs=spec.grid.rate / 512)
        left, right, bottom, top = ax.images[0].get_extent()
        assert left <= 0 and right >= 2 and bottom <= 0 and top >= ax.get_ylim()[1]


def test_max_freq_limits_view_and_colour_scale(maps: dict[str, SpecMap]) -> None:
    spec = maps["high"]
    ax = plots.plot_map(spec, max_freq=300.0)  # below the order
    rows = int((spec.freqs - spec.grid.df / 2 < 300).sum())
    assert ax.get_ylim() == (0.0, 300.0)
    assert ax.images[0].get_array().shape[0] == rows
    assert ax.images[0].get_extent()[3] >= 300
    highest = spec.db[0, :rows].max()
    assert highest <= ax.images[0].get_clim()[1] < highest + 5 < spec.db.max()


@given(level=st.floats(-50, 150), db_range=st.floats(1, 120))
@settings(max_examples=15, deadline=None)
def test_colour_scale_spans_the_range_below_the_top(level: float, db_range: float) -> None:
    low, high = plots.plot_map(flat(level), db_range=db_range).images[0].get_clim()
    assert high - low == pytest.approx(db_range)
    assert level - 1e-3 <= high < level + 5 + 1e-3
    ends = plots.plot_map(flat(level), db_range=db_range, vmax=71.5).images[0].get_clim()
    assert ends == pytest.approx((71.5 - db_range, 71.5))


def test_channels_by_position_and_name() -> None:
    spec = flat(60, channels=2)
    spec = spec.replace(magnitude=spec.magnitude * [[[1]], [[10]]], channels=("left", "right"))
    levels = [plots.plot_map(spec, channel=c).images[0].get_array().max() for c in (0, 1, "right")]
    assert levels == pytest.approx([60, 80, 80], abs=1e-3)
    with pytest.raises(SpecsrError, match="'rear'.*left, right"):
        plots.plot_map(spec, channel="rear")
    with pytest.raises(SpecsrError, match="no channel 2"):
        plots.plot_map(spec, channel=2)


def test_order_lines_follow_the_speed_and_lie_on_the_order(maps: dict[str, SpecMap]) -> None:
    spec = maps["high"].replace(grid=Grid(**{**vars(maps["high"].grid), "start": 3.0}))
    ax = plots.plot_map(spec, orders=(10, 20))
    ten, twenty = ax.lines
    for order, line in ((10, ten), (20, twenty)):
        times, freqs = line.get_data()
        assert times[0] == 3.0 and times[-1] == pytest.approx(5.0, abs=1e-3)
        rpm = np.interp(times - 3.0, np.arange(spec.grid.length) / spec.grid.rate, spec.rpm)
        np.testing.assert_allclose(freqs, order * rpm / 60, rtol=1e-9)
    # the run-up holds order 20 alone: its line runs through the brightest cells of the picture
    image = ax.images[0].get_array()
    inner = slice(4, -4)
    brightest = spec.freqs[np.argmax(image, axis=0)][inner]
    on_line = np.interp(spec.times, *twenty.get_data())[inner]
    assert np.abs(brightest - on_line).max() < 1.5 * spec.grid.df


def test_order_names_are_on_their_lines_and_apart(maps: dict[str, SpecMap]) -> None:
    orders = [1, 1.5, 2, 2.5, 3, 4, 5, 10, 20, 1000]
    ax = plots.plot_map(maps["high"], orders=orders)
    ax.figure.canvas.draw()
    names = {text.get_text(): text for text in ax.texts}
    assert "order 20" in names and "order 1000" not in names  # the last is never in view
    lines = {line.get_label(): line for line in ax.lines}
    boxes = []
    for name, text in names.items():
        time, freq = ax.transData.inverted().transform(ax.transAxes.transform(text.get_position()))
        on_line = np.interp(time, *lines[name].get_data())
        assert freq == pytest.approx(on_line, abs=0.002 * ax.get_ylim()[1])
        boxes.append(text.get_window_extent())
        assert ax.bbox.x0 <= boxes[-1].x0 and boxes[-1].x1 <= ax.bbox.x1
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_orders_without_speed_and_foreign_axes_are_refused(maps: dict[str, SpecMap]) -> None:
    with pytest.raises(SpecsrError, match="orders 2.*no speed.*rpm="):
        plots.plot_map(flat(60), orders=(2,))
    with pytest.raises(SpecsrError, match="x is 'speed'.*expected one of time"):
        view(maps["high"], "speed")
    with pytest.raises(SpecsrError, match="y is 'level'.*one of freq, order"):
        view(maps["high"], y="level")


@pytest.mark.parametrize(
    ("option", "value"),
    [("db_range", 0.0), ("db_range", math.nan), ("max_freq", -1.0), ("max_freq", math.inf)],
)
def test_options_that_make_no_picture_are_refused(option: str, value: float) -> None:
    with pytest.raises(SpecsrError, match=option):
        plots.plot_map(flat(60), **{option: value})
    with pytest.raises(SpecsrError, match=option):
        plot_comparison({"a": flat(60), "b": flat(60)}, **{option: value})


def test_draws_into_given_axes_and_silence_too() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    left, right = figure.subplots(1, 2)
    silent = flat(60).replace(magnitude=np.zeros_like(flat(60).magnitude))
    assert plots.plot_map(silent, ax=right) is right
    assert right.figure is figure and not left.images
    figure.canvas.draw()


def test_comparison_has_one_colour_scale_and_view(maps: dict[str, SpecMap]) -> None:
    figure = plot_comparison(maps, "truth", db_range=60, suptitle="Run-up")
    panels = figure.axes[:4]
    titles = [ax.get_title() for ax in panels]
    assert titles == ["low", "high", "truth", "high \N{MINUS SIGN} truth"]
    top = max(spec.db.max() for spec in maps.values())
    low, high = panels[0].images[0].get_clim()
    assert high - low == 60 and top <= high < top + 5
    assert all(ax.images[0].get_clim() == (low, high) for ax in panels[:3])
    assert panels[3].images[0].get_clim() == (-15, 15)
    assert bar_labels(figure) == {"Level (dB re 20 µPa)", "Difference (dB)"}
    assert {(ax.get_xlim(), ax.get_ylim()) for ax in panels} == {((0.0, 2.0), (0.0, 4000.0))}
    assert figure.get_suptitle() == "Run-up"
    # coarse and fine maps lie over each other
    for name, ax in zip(maps, panels):
        for row, column in ((60, 20), (200, 90)):
            time, freq = maps["high"].times[column], maps["high"].freqs[row]
            cell = maps[name].grid.cell
            expected = maps[name].db[0, row // cell[0], column // cell[1]]
            assert cell_at(ax, time, freq) == pytest.approx(expected, abs=1e-3)


def test_colour_bars_align_with_their_panels(maps: dict[str, SpecMap]) -> None:
    figure = plot_comparison(maps, "truth")
    figure.canvas.draw()
    above, below = sorted(colorbars(figure), key=lambda ax: -ax.get_position().y0)
    for bar, row in ((above, figure.axes[0]), (below, figure.axes[2])):
        assert bar.get_position().y0 == pytest.approx(row.get_position().y0, abs=0.01)
        assert bar.get_position().y1 == pytest.approx(row.get_position().y1, abs=0.01)
    assert above.get_position().x0 == pytest.approx(below.get_position().x0, abs=1e-6)
    pair = {name: maps[name] for name in ("high", "truth")}
    figure = plot_comparison(pair, difference=("high", "truth"))
    figure.canvas.draw()
    left, right = sorted(colorbars(figure), key=lambda ax: ax.get_position().x0)
    assert left.get_position().y0 == pytest.approx(right.get_position().y0, abs=1e-6)
    assert left.get_position().height == pytest.approx(right.get_position().height, rel=0.1)
    assert right.get_position().x0 == pytest.approx(figure.axes[2].get_position().x0, abs=0.01)


def test_difference_is_in_db_down_to_the_bottom_of_the_scale(maps: dict[str, SpecMap]) -> None:
    high, truth = maps["high"], maps["truth"]
    pair = {"high": high, "truth": truth}
    figure = plot_comparison(pair, difference=("high", "truth"), db_range=200)
    drawn = figure.axes[2].images[0].get_array()
    expected = 20 * np.log10(high.magnitude[0] / truth.magnitude[0])
    np.testing.assert_allclose(drawn, expected, atol=1e-3)
    louder = truth.replace(magnitude=truth.magnitude * np.float32(10 ** (3 / 20)))
    figure = plot_comparison({"a": truth, "b": louder}, difference=("b", "a"), db_range=200)
    np.testing.assert_allclose(figure.axes[2].images[0].get_array(), 3, atol=1e-3)
    # dark against dark is no difference; dark against shown counts from the bottom
    quiet, quieter, loud = flat(-60), flat(-90), flat(70)
    named = {"quiet": quiet, "quieter": quieter, "loud": loud}
    figure = plot_comparison(named, difference=("quiet", "quieter"))
    np.testing.assert_allclose(figure.axes[3].images[0].get_array(), 0, atol=1e-4)
    figure = plot_comparison(named, difference=("quiet", "loud"), db_range=75)
    np.testing.assert_allclose(figure.axes[3].images[0].get_array(), -75, atol=1e-3)


def test_comparison_without_reference_or_difference(maps: dict[str, SpecMap]) -> None:
    two = plot_comparison({"low": maps["low"], "high": maps["high"]}, max_freq=1000.0)
    assert bar_labels(two) == {"Level (dB re 20 µPa)"}
    assert [len(ax.images) for ax in two.axes[:2]] == [1, 1]
    assert two.axes[1].get_ylim() == (0.0, 1000.0)
    # no map lies on the grid of the reference; and four maps leave no room
    assert len(plot_comparison({"h": maps["high"], "l": maps["low"]}, "l").axes) == 3
    four = {**maps, "again": maps["high"]}
    assert bar_labels(plot_comparison(four, "truth")) == {"Level (dB re 20 µPa)"}


def test_maps_that_cannot_be_compared_are_refused(maps: dict[str, SpecMap]) -> None:
    with pytest.raises(SpecsrError, match="no map 'best'.*low, high, truth"):
        plot_comparison(maps, "best")
    with pytest.raises(SpecsrError, match="low has 64 x .*one grid"):
        plot_comparison(maps, difference=("low", "truth"))
    with pytest.raises(SpecsrError, match="1 panels: expected 2 to 4"):
        plot_comparison({"low": maps["low"]})
    with pytest.raises(SpecsrError, match="5 panels"):
        plot_comparison({**maps, "again": maps["high"]}, difference=("high", "truth"))
    with pytest.raises(SpecsrError, match="a in dB re 20 µPa, b in dB re 1 V"):
        plot_comparison({"a": flat(60), "b": flat(60, "V")})


def test_the_doubt_of_a_map_is_drawn_beside_it() -> None:
    spec = flat(60.0)
    std = np.linspace(0, 8, spec.magnitude.size).reshape(spec.magnitude.shape)
    sure = spec.replace(uncertainty_db=std.astype(np.float32))
    ax = plots.plot_uncertainty(sure)
    np.testing.assert_allclose(ax.images[0].get_array(), sure.uncertainty_db[0])
    assert "68 %" in ax.figure.axes[-1].get_xlabel() + ax.figure.axes[-1].get_ylabel()
    figure = plot_comparison({"low": spec, "high": sure}, uncertainty="high")
    assert figure.axes[2].get_title() == "uncertainty of high"
    with pytest.raises(SpecsrError, match="no uncertainty"):
        plots.plot_uncertainty(spec)
    with pytest.raises(SpecsrError, match="uncertainty is"):
        plot_comparison({"low": spec, "high": sure}, difference=("low", "high"), uncertainty="high")
