"""Page of a comparison of runs: levels and differences over speed, third octaves, tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.nvh.compare import Comparison, finite, mean_level, scatter
from specsr.plots.parts import SHORTEST_DB
from specsr.report.page import Page
from specsr.units import reference_label
from specsr.version import __version__

_COLOURS = (
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd",
    "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf",
)  # fmt: skip
_DASHES = ("solid", "dashed", "dotted", "dotdash")
_GREY = "#888888"


def comparison_page(found: Sequence[Comparison], command: str = "") -> Page:
    """Return the page of a comparison: a section for each channel, those of one unit together.

    Args:
        found: comparisons, of `specsr.compare_runs`.
        command: the command line that made it; empty for none.

    Raises:
        SpecsrError: no comparison.
    """
    if not found:
        raise SpecsrError("no comparison to report")
    page = Page()
    page.text(
        "Levels are the mean power of the time that a run spends in each step of speed. "
        "Differences are those to the reference; mean (of power) and scatter (standard deviation "
        "in dB) are over the runs that have a level. Click a name to hide or show its run in all "
        "curves of a channel; hover to read a curve."
    )
    for unit in dict.fromkeys(one.unit for one in found):
        own = [one for one in found if one.unit == unit]
        for one in own:
            _section(page, one, found.index(one))
    page.heading("Settings and versions")
    if command:
        page.text(f"Command: {command}", "note")
    page.text(f"This page: specsr {__version__}, numpy {np.__version__}.", "note")
    return page


def _section(page: Page, one: Comparison, number: int) -> None:
    """Add the table and the figures of one channel."""
    weighted = "" if one.weighting == "Z" else f", {one.weighting}-weighted"
    label = f"dB {reference_label(one.unit)}"
    page.heading(f"{one.channel}, {label}{weighted}")
    page.text(
        f"{one.rpm[0]:.0f} to {one.rpm[-1]:.0f} rpm in steps of {_step(one):g} rpm; reference: "
        f"{one.runs[one.reference]}."
    )
    page.table(_table(one), f"means-{number}")
    if silent := one.silent():
        page.text(
            f"Silent at some speeds or in some third octaves, without a level there: "
            f"{', '.join(silent)}.", "note",
        )  # fmt: skip
    page.figure(f"comparison-{number}", _figures(one, label))


def _step(one: Comparison) -> float:
    return float(one.rpm[1] - one.rpm[0]) if one.rpm.size > 1 else 0.0


def _table(one: Comparison) -> list[list[str]]:
    """Return the mean level of every run, its mean difference, and the scatter over the runs."""
    rows = [["run"]]
    for name in one.quantities:
        rows[0] += [name, "difference"]
    for r, run in enumerate(one.runs):
        row = [run]
        for q in range(len(one.quantities)):
            level = finite(one.levels[r, q])
            apart = finite(one.difference(one.levels)[r, q])
            row.append(f"{mean_level(level):.1f}" if level.size else "-")
            row.append(f"{apart.mean():+.1f}" if apart.size and r != one.reference else "-")
        rows.append(row)
    if len(one.runs) > 2:
        row = ["mean scatter"]
        for q in range(len(one.quantities)):
            spread = finite(scatter(one.levels[:, q]))
            row += [f"{spread.mean():.1f}" if spread.size else "-", ""]
        rows.append(row)
    return rows


def _figures(one: Comparison, label: str) -> Any:
    """Return the panels of one channel: levels on the left, differences on the right."""
    from bokeh.layouts import gridplot
    from bokeh.models import FactorRange, Legend, LegendItem, Range1d

    speed = Range1d(float(one.rpm[0]), float(one.rpm[-1]))
    bands = FactorRange(*(f"{f:g}" for f in one.nominal))
    curves: list[list[Any]] = [[] for _ in one.runs]
    areas: list[Any] = []
    rows = []
    for q, name in enumerate(one.quantities):
        levels, title = one.levels[:, q], f"{name} over speed (rpm)"
        rows.append(_row(one, title, np.round(one.rpm, 2), levels, (speed, label), curves, areas))
    places = np.array(bands.factors)
    rows.append(_row(one, "third octaves (Hz)", places, one.bands, (bands, label), curves, areas))
    items = [LegendItem(label=run, renderers=curves[r]) for r, run in enumerate(one.runs)]
    if areas:
        items.append(LegendItem(label="mean ± scatter", renderers=areas))
    for panel in rows[0]:  # on both sides, so that these are of one size
        legend = Legend(items=items, click_policy="hide", orientation="horizontal")
        legend.label_text_font_size = "9pt"
        legend.ncols = 4
        panel.height += 30 * math.ceil(len(items) / 4)
        panel.add_layout(legend, "above")
    return gridplot(rows, sizing_mode="stretch_width", merge_tools=True)  # type: ignore[arg-type]


def _row(
    one: Comparison, title: str, x: np.ndarray, levels: np.ndarray, axes: tuple[Any, str],
    curves: list[list[Any]], areas: list[Any],
) -> list[Any]:  # fmt: skip
    """Return the panels of one quantity; their glyphs are added to ``curves`` and ``areas``.

    Args:
        one: the comparison.
        title: of the quantity.
        x: speeds or third octaves, [X].
        levels: [R, X].
        axes: range of the horizontal axis, and the label of the levels.
        curves: for each run, its glyphs.
        areas: glyphs of mean and scatter.
    """
    from bokeh.models import Range1d
    from bokeh.plotting import figure

    panels = []
    for values, label in ((levels, axes[1]), (one.difference(levels), "dB")):
        right = values is not levels
        panel = figure(
            height=230, x_range=axes[0], title=title if not right else f"{title}, difference",
            y_axis_label=label, tools="pan,wheel_zoom,box_zoom,reset,save,hover",
            tooltips=[("run", "@run"), ("at", "@x"), ("dB", "@y{0.0}")],
        )  # fmt: skip
        if not right and len(one.runs) > 2:
            mean, spread = mean_level(levels), scatter(levels)
            known = np.isfinite(mean) & np.isfinite(spread)
            areas.append(panel.varea(
                x[known], np.round(mean - spread, 2)[known], np.round(mean + spread, 2)[known],
                fill_alpha=0.25, fill_color=_GREY,
            ))  # fmt: skip
        for r, run in enumerate(one.runs):
            data = {"x": x, "y": np.round(_drawn(values[r]), 2), "run": [run] * len(x)}
            dash = _DASHES[r // len(_COLOURS) % len(_DASHES)]
            curves[r].append(
                panel.line(
                    "x",
                    "y",
                    source=data,
                    color=_COLOURS[r % len(_COLOURS)],
                    width=1.4,
                    line_dash=dash,
                )  # fmt: skip
            )
        known = finite(values)
        if known.size and np.ptp(known) < SHORTEST_DB:  # a steady curve looks steady
            middle = (known.min() + known.max()) / 2
            panel.y_range = Range1d(middle - SHORTEST_DB / 2, middle + SHORTEST_DB / 2)
        if x.dtype.kind == "U":
            panel.xaxis.major_label_orientation = 0.9
        panels.append(panel)
    return panels


def _drawn(values: np.ndarray) -> np.ndarray:
    """Return values with nan for those that are not finite."""
    return np.where(np.isfinite(values), values, np.nan)
