"""Bokeh figures of a report: order cuts, third-octave levels and mean spectra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from specsr.choices import XAxis
from specsr.nvh.levels import BandLevels
from specsr.nvh.order_cut import OrderCut
from specsr.plots.cuts import bandwidth_text

_COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b")
_DASHES = ("solid", "dashed", "dotted", "dotdash")


def cut_panel(
    cuts: Mapping[str, Sequence[OrderCut]], label: str, channel: int = 0, x: XAxis = "rpm"
) -> Any:
    """Return a figure of order levels over speed or time.

    Every recording has its line style, every order its colour.

    Args:
        cuts: name of the recording or map -> its order cuts.
        label: unit of the levels.
        channel: position of the channel.
        x: horizontal axis.
    """
    from bokeh.models import HoverTool
    from bokeh.plotting import figure

    panel = figure(
        height=360, sizing_mode="stretch_width",
        x_axis_label="Speed (rpm)" if x == "rpm" else "Time (s)",
        y_axis_label=f"Level ({label})", tools="pan,wheel_zoom,box_zoom,reset,save",
    )  # fmt: skip
    for dash, (name, each) in zip(_DASHES, cuts.items()):
        for i, cut in enumerate(each):
            panel.line(
                np.round(cut.rpm, 1) if x == "rpm" else np.round(cut.times, 4),
                np.round(cut.levels[channel], 2), line_dash=dash, width=1.5,
                color=_COLOURS[i % len(_COLOURS)],
                legend_label=f"{name}, order {cut.order:g} ({bandwidth_text(cut, each)})",
            )  # fmt: skip
    panel.add_tools(
        HoverTool(
            tooltips=[("rpm", "$x{0}") if x == "rpm" else ("s", "$x{0.00}"), ("dB", "$y{0.0}")]
        )
    )
    panel.legend.click_policy = "hide"
    panel.legend.label_text_font_size = "9pt"
    panel.add_layout(panel.legend[0], "right")
    return panel


def band_panel(bands: Mapping[str, BandLevels], label: str, channel: int = 0) -> Any:
    """Return a figure of third-octave levels as bars, one group per third octave.

    Args:
        bands: name of the recording or map -> its third-octave levels.
        label: unit of the levels.
        channel: position of the channel.
    """
    from bokeh.models import ColumnDataSource, FactorRange
    from bokeh.plotting import figure
    from bokeh.transform import dodge

    shown = [set(b.nominal[b.resolved & np.isfinite(b.levels[channel])]) for b in bands.values()]
    nominal = sorted(set().union(*shown))
    names = [f"{f:g}" for f in nominal]
    heights = [b.levels[channel][np.isfinite(b.levels[channel])] for b in bands.values()]
    lowest = min((h.min() for h in heights if h.size), default=0.0)
    floor = 10 * np.floor(lowest / 10) - 5
    panel = figure(
        x_range=FactorRange(*names), height=330, sizing_mode="stretch_width",
        x_axis_label="Third octave (Hz)", y_axis_label=f"Level ({label})",
        tools="pan,wheel_zoom,box_zoom,reset,save,hover",
        tooltips=[("third octave, Hz", "@band"), ("dB", "@level{0.0}")],
    )  # fmt: skip
    width = 0.85 / len(bands)
    for i, (name, each) in enumerate(bands.items()):
        level = each.levels[channel]
        seen = np.isfinite(level) & each.resolved
        source = ColumnDataSource({
            "band": [f"{f:g}" for f in each.nominal[seen]], "level": np.round(level[seen], 2),
        })  # fmt: skip
        panel.vbar(
            x=dodge("band", (i - (len(bands) - 1) / 2) * width, range=panel.x_range), top="level",
            bottom=floor, width=0.95 * width, source=source, color=_COLOURS[i], legend_label=name,
        )  # fmt: skip
    panel.legend.click_policy = "hide"
    panel.legend.orientation = "horizontal"
    panel.add_layout(panel.legend[0], "above")
    panel.xaxis.major_label_orientation = 0.9
    return panel


def spectrum_panel(spectra: Mapping[str, tuple[np.ndarray, np.ndarray]], label: str) -> Any:
    """Return a figure of spectra.

    Args:
        spectra: name of the recording or map -> frequencies in Hz and levels in dB.
        label: unit of the levels.
    """
    from bokeh.models import HoverTool
    from bokeh.plotting import figure

    panel = figure(
        height=330, sizing_mode="stretch_width", x_axis_label="Frequency (Hz)",
        y_axis_label=f"Level ({label})", tools="pan,wheel_zoom,box_zoom,reset,save",
    )  # fmt: skip
    for colour, (name, (freqs, levels)) in zip(_COLOURS, spectra.items()):
        panel.line(
            np.round(freqs, 3), np.round(levels, 2), color=colour, width=1.2, legend_label=name
        )
    panel.add_tools(HoverTool(tooltips=[("Hz", "$x{0.0}"), ("dB", "$y{0.0}")]))
    panel.legend.click_policy = "hide"
    panel.legend.orientation = "horizontal"
    panel.add_layout(panel.legend[0], "above")
    return panel
