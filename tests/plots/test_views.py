"""Figures of order cuts, runs and third octaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.nvh.background import without_background
from specsr.nvh.levels import psd, third_octave_levels
from specsr.nvh.order_cut import OrderCut, order_cut
from specsr.nvh.view import view
from specsr.plots.cuts import plot_cuts
from specsr.plots.views import plot_levels, plot_run
from specsr.signal import Signal
from support.plot_samples import run_up_maps


@pytest.fixture(scope="module")
def cuts() -> list[OrderCut]:
    return [order_cut(run_up_maps()["high"], None, order, 4.0, "orders") for order in (10, 20)]


@pytest.mark.parametrize(("x", "label"), [("rpm", "Speed (rpm)"), ("time", "Time (s)")])
def test_cuts_are_drawn_over_speed_or_time(cuts, x: str, label: str) -> None:
    ax = plot_cuts(cuts, "dB re 20 µPa", x=x, title="Orders")
    assert (ax.get_xlabel(), ax.get_ylabel()) == (label, "Level (dB re 20 µPa)")
    assert ax.get_title() == "Orders"
    for cut, line in zip(cuts, ax.lines, strict=True):
        values = cut.rpm if x == "rpm" else cut.times
        np.testing.assert_array_equal(line.get_data(), (values, cut.levels[0]))
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["order 10 (4 orders wide)", "order 20 (4 orders wide)"]


def test_recordings_have_line_styles_and_orders_colours(cuts) -> None:
    ax = plot_cuts({"before": cuts, "after": cuts})
    assert [line.get_linestyle() for line in ax.lines] == ["-", "-", "--", "--"]
    assert [line.get_color() for line in ax.lines] == ["C0", "C1", "C0", "C1"]


def test_the_uncertainty_of_a_cut_is_a_band_about_its_level(cuts) -> None:
    levels = np.array([[60.0, -np.inf, 62.0, np.nan, 61.0, 60.0]])
    own = dict(order=2.0, times=np.arange(6.0), rpm=np.linspace(1000, 2000, 6), levels=levels)
    uncertain = OrderCut(**own, bandwidth=np.full(6, 4.0), uncertainty_db=np.full((1, 6), 1.5))
    ax = plot_cuts([uncertain])
    corners = np.concatenate([path.vertices for path in ax.collections[0].get_paths()])
    assert (corners[:, 1].min(), corners[:, 1].max()) == (58.5, 63.5)
    assert not plot_cuts(cuts).collections


def test_unknown_axes_and_too_many_recordings_are_refused(cuts) -> None:
    with pytest.raises(SpecsrError, match="x is 'order': expected one of time, rpm"):
        plot_cuts(cuts, x="order")
    with pytest.raises(SpecsrError, match="5 recordings: expected up to 4"):
        plot_cuts({str(i): cuts for i in range(5)})


def test_a_run_has_two_views_on_one_scale_and_cuts(cuts) -> None:
    spec = run_up_maps()["high"]
    figure = plot_run(view(spec, "rpm"), view(spec, "rpm", "order"), cuts, title="Run-up")
    axes = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    assert [ax.get_ylabel() for ax in axes] == [
        "Frequency (Hz)", "Order", "Level (dB re 20 µPa)",
    ]  # fmt: skip
    assert axes[0].images[0].get_clim() == axes[1].images[0].get_clim()
    assert len(axes[0].lines) == len(axes[1].lines) == len(axes[2].lines) == 2
    assert figure.get_suptitle() == "Run-up"


def test_third_octaves_are_bars_at_their_levels() -> None:
    samples = np.random.default_rng(0).standard_normal((2, 8000)) * [[0.1], [0.01]]
    signal = Signal(samples, 8000.0, "Pa", ("left", "right"))
    bands = third_octave_levels(signal)
    figure = plot_levels(
        bands, "dB re 20 µPa", psd(signal), signal.reference, signal.channels, "A-weighted"
    )
    above, below = figure.axes
    tops = np.array([bar.get_y() + bar.get_height() for bar in above.patches])
    np.testing.assert_allclose(tops.reshape(2, -1), bands.levels)
    assert above.get_ylabel() == "Level (dB re 20 µPa), A-weighted"
    assert below.get_ylabel() == "Density (dB/Hz re 20 µPa)"
    assert [text.get_text() for text in above.get_legend().get_texts()] == ["left", "right"]
    assert len(plot_levels(bands, "dB").axes) == 1


def test_a_background_is_in_the_figure_of_third_octaves() -> None:
    noise = np.random.default_rng(0).standard_normal(8000)
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    measured, background = (
        third_octave_levels(Signal(x, 8000.0, "Pa")) for x in (noise + tone, noise)
    )
    found = without_background(measured, background)
    bands = replace(measured, levels=found.levels)
    density = psd(Signal(noise + tone, 8000.0, "Pa"))
    above, below = plot_levels(bands, "dB", density, 2e-5, ("ch1",), corrected=found).axes
    levels = [segment[0, 1] for segment in above.collections[0].get_segments()]
    np.testing.assert_allclose(levels, background.levels[0])
    bars, corrections = above.containers
    assert [bar.get_hatch() is not None for bar in bars] == found.upper_bound[0].tolist()
    tops = [bar.get_y() + bar.get_height() for bar in corrections]
    np.testing.assert_allclose(tops, measured.levels[0])
    assert above.get_ylim()[1] > max(tops)
    names = {text.get_text() for text in above.get_legend().get_texts()}
    assert {"background", "upper bound", "correction for the background"} < names
    assert "with the background" in below.get_title()
