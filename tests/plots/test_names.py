"""Names of channels and files in figures: text as it is, no mathematics, nothing left out."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import rc_context

from specsr.maps.transform import spectrogram
from specsr.nvh.levels import third_octave_levels
from specsr.nvh.order_cut import order_cut
from specsr.nvh.view import view
from specsr.plots.comparison import plot_comparison
from specsr.plots.cuts import plot_cuts
from specsr.plots.maps import plot_map
from specsr.plots.parts import figure_text
from specsr.plots.views import plot_levels, plot_run
from specsr.signal import Signal
from support.texts import texts

NAMES = st.text(alphabet="$\\_[]{}^%&#|a1-", min_size=1, max_size=12)
RATE = 4000


@pytest.fixture(scope="module")
def signal() -> Signal:
    noise = np.random.default_rng(0).standard_normal((2, RATE))
    return Signal(noise, RATE, "Pa", rpm=np.linspace(1000, 3000, RATE))


def drawn(figure: Any) -> list[str]:
    """The texts of a figure as they are written, without blanks at the edges.

    Neither ticks nor places of the axes matter, and both take long.
    """
    figure = figure.figure
    figure.set_layout_engine("none")
    for ax in figure.axes:
        ax.set(xticks=[], yticks=[])
        ax.minorticks_off()
    with rc_context({"svg.fonttype": "none"}):
        file = io.BytesIO()
        figure.savefig(file, format="svg")
    tree = ElementTree.fromstring(file.getvalue())
    return [(text.text or "").strip() for text in tree.iter("{http://www.w3.org/2000/svg}text")]


@given(name=NAMES, other=NAMES)
@settings(max_examples=25, deadline=None)
def test_names_are_drawn_as_they_are(signal: Signal, name: str, other: str) -> None:
    spec = spectrogram(signal, n_fft=128)
    assert name in drawn(plot_map(spec, title=name))
    channels = drawn(plot_levels(third_octave_levels(signal), "dB", channels=[name, other]))
    assert name in channels and other in channels
    if name != other:
        titles = drawn(plot_comparison({name: spec, other: spec}, suptitle="_$x$"))
        assert name in titles and other in titles and "_$x$" in titles


@given(name=NAMES)
@settings(max_examples=10, deadline=None)
def test_no_curve_is_left_out_of_a_legend_for_its_name(signal: Signal, name: str) -> None:
    spec = spectrogram(signal, n_fft=128)
    cuts = [order_cut(spec, None, k) for k in (2.0, 4.0)]
    ax = plot_cuts({name: cuts, "b": cuts})
    assert len(ax.get_legend().get_texts()) == 4
    shown = drawn(ax)
    assert sum(text.startswith(f"{name} order ") for text in shown) == 2 + 2 * (name == "b")
    run = drawn(plot_run(view(spec, "rpm"), view(spec, "rpm", "order"), cuts, title=name))
    assert name in run


@given(texts(max_size=20))
def test_text_of_a_figure_holds_no_mathematics(name: str) -> None:
    text = figure_text(name)
    assert text.count("$") == text.count(r"\$") and not text.startswith("_")
