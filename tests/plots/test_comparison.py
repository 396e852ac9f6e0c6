"""Figures of several maps: one scale, difference and uncertainty."""

from __future__ import annotations

import math

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.plots.comparison import plot_comparison
from support.plot_samples import bar_labels, cell_at, colour_bars, flat, run_up_maps


def test_comparison_has_one_colour_scale_and_view() -> None:
    maps = run_up_maps()
    figure = plot_comparison(maps, "truth", db_range=60, suptitle="Run-up")
    panels = figure.axes[:4]
    titles = [ax.get_title() for ax in panels]
    assert titles == ["low", "high", "truth", "high \N{MINUS SIGN} truth"]
    top = max(spec.db.max() for spec in maps.values())
    low, high = panels[0].images[0].get_clim()
    assert high - low == 60 and top <= high < top + 5
    assert all(ax.images[0].get_clim() == (low, high) for ax in panels[:3])
    assert panels[3].images[0].get_clim() == (-15, 15)
    assert bar_labels(figure) == {
        "Level (dB re 20 µPa)", "Difference (dB; grey: both below the scale)",
    }  # fmt: skip
    assert {(ax.get_xlim(), ax.get_ylim()) for ax in panels} == {((0.0, 2.0), (0.0, 4000.0))}
    assert figure.get_suptitle() == "Run-up"
    # a place in s and Hz shows the same cell in coarse and fine maps
    for name, ax in zip(maps, panels):
        for row, column in ((60, 20), (200, 90)):
            time, freq = maps["high"].times[column], maps["high"].freqs[row]
            cell = maps[name].grid.cell
            expected = maps[name].db[0, row // cell[0], column // cell[1]]
            assert cell_at(ax, time, freq) == pytest.approx(expected, abs=1e-3)


def test_colour_bars_align_with_their_panels() -> None:
    maps = run_up_maps()
    figure = plot_comparison(maps, "truth")
    figure.canvas.draw()
    above, below = sorted(colour_bars(figure), key=lambda ax: -ax.get_position().y0)
    for bar, row in ((above, figure.axes[0]), (below, figure.axes[2])):
        assert bar.get_position().y0 == pytest.approx(row.get_position().y0, abs=0.01)
        assert bar.get_position().y1 == pytest.approx(row.get_position().y1, abs=0.01)
    assert above.get_position().x0 == pytest.approx(below.get_position().x0, abs=1e-6)
    pair = {name: maps[name] for name in ("high", "truth")}
    figure = plot_comparison(pair, difference=("high", "truth"))
    figure.canvas.draw()
    left, right = sorted(colour_bars(figure), key=lambda ax: ax.get_position().x0)
    assert left.get_position().y0 == pytest.approx(right.get_position().y0, abs=1e-6)
    assert left.get_position().height == pytest.approx(right.get_position().height, rel=0.1)
    assert right.get_position().x0 == pytest.approx(figure.axes[2].get_position().x0, abs=0.01)


def test_difference_counts_levels_down_to_the_bottom_of_the_scale() -> None:
    maps = run_up_maps()
    high, truth = maps["high"], maps["truth"]
    pair = {"high": high, "truth": truth}
    figure = plot_comparison(pair, difference=("high", "truth"), db_range=200)
    drawn = figure.axes[2].images[0].get_array()
    expected = 20 * np.log10(high.magnitude[0] / truth.magnitude[0])
    np.testing.assert_allclose(drawn, expected, atol=1e-3)
    louder = truth.replace(magnitude=truth.magnitude * np.float32(10 ** (3 / 20)))
    figure = plot_comparison({"a": truth, "b": louder}, difference=("b", "a"), db_range=200)
    np.testing.assert_allclose(figure.axes[2].images[0].get_array(), 3, atol=1e-3)
    # of two levels below the scale no difference is shown; one counts as the bottom of the scale
    quiet, quieter, loud = flat(-60), flat(-90), flat(70)
    named = {"quiet": quiet, "quieter": quieter, "loud": loud}
    figure = plot_comparison(named, difference=("quiet", "quieter"))
    assert np.ma.masked_invalid(figure.axes[3].images[0].get_array()).mask.all()
    assert "Difference (dB; grey: both below the scale)" in bar_labels(figure)
    figure = plot_comparison(named, difference=("quiet", "loud"), db_range=75)
    np.testing.assert_allclose(figure.axes[3].images[0].get_array(), -75, atol=1e-3)
    assert "Difference (dB)" in bar_labels(figure)


def test_comparison_without_reference_or_difference() -> None:
    maps = run_up_maps()
    two = plot_comparison({"low": maps["low"], "high": maps["high"]}, max_freq=1000.0)
    assert bar_labels(two) == {"Level (dB re 20 µPa)"}
    assert [len(ax.images) for ax in two.axes[:2]] == [1, 1]
    assert two.axes[1].get_ylim() == (0.0, 1000.0)
    # no map has the grid of the reference, or no panel is free: no difference
    assert len(plot_comparison({"h": maps["high"], "l": maps["low"]}, "l").axes) == 3
    four = {**maps, "again": maps["high"]}
    assert bar_labels(plot_comparison(four, "truth")) == {"Level (dB re 20 µPa)"}


def test_maps_that_cannot_be_compared_are_refused() -> None:
    maps = run_up_maps()
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


def test_the_uncertainty_of_a_map_is_the_last_panel() -> None:
    spec = flat(60.0)
    uncertain = spec.replace(uncertainty_db=np.full(spec.magnitude.shape, 2, np.float32))
    figure = plot_comparison({"low": spec, "high": uncertain}, uncertainty="high")
    assert figure.axes[2].get_title() == "uncertainty of high"
    assert (figure.axes[2].images[0].get_array() == 2).all()
    pair = {"low": spec, "high": uncertain}
    with pytest.raises(SpecsrError, match="uncertainty is 'high'.*without a difference"):
        plot_comparison(pair, difference=("low", "high"), uncertainty="high")
    with pytest.raises(SpecsrError, match="uncertainty is 'best'.*low, high"):
        plot_comparison(pair, uncertainty="best")
    with pytest.raises(SpecsrError, match="no uncertainty"):
        plot_comparison(pair, uncertainty="low")


@pytest.mark.parametrize(
    ("option", "value"),
    [("db_range", 0.0), ("db_range", math.nan), ("max_freq", -1.0), ("max_freq", math.inf)],
)
def test_options_out_of_range_are_refused(option: str, value: float) -> None:
    with pytest.raises(SpecsrError, match=option):
        plot_comparison({"a": flat(60), "b": flat(60)}, **{option: value})
