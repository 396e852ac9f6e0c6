"""Figure of a speed found in a recording: its orders in the map, its candidates, its confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specsr.choices import DB_RANGE
from specsr.maps.spec_map import SpecMap
from specsr.nvh.tacholess import FoundSpeed
from specsr.nvh.tacholess_confidence import SURE
from specsr.plots.maps import plot_map
from specsr.plots.parts import MAX_COLUMNS, draw_orders, figure_text, label_x

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CANDIDATES = 5
"""Most candidates that are drawn."""
LINES = 4
"""Most lines that are marked in the map."""


def plot_speed(
    found: FoundSpeed,
    spec: SpecMap,
    *,
    channel: int | str = 0,
    db_range: float = DB_RANGE,
    max_freq: float | None = None,
    title: str | None = None,
) -> Figure:
    """Draw a found speed: the map with its lowest orders, the candidates, and the confidence.

    Args:
        found: the speed.
        spec: map of the recording.
        channel: position or name of the channel of the map.
        db_range: dB from the top of the colour scale to its bottom.
        max_freq: highest frequency of the map, Hz; None shows twice the highest marked order.
        title: title of the figure.

    Raises:
        SpecsrError: as `specsr.plots.plot.plot`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 8), layout="constrained")
    upper, middle, lower = figure.subplots(3, 1, sharex=True, height_ratios=[2, 1.3, 0.6])
    orders = found.orders[:LINES]
    if max_freq is None:
        max_freq = min(2 * max(orders) * float(found.rpm.max()) / 60, spec.grid.rate / 2)
    plot_map(spec, ax=upper, channel=channel, db_range=db_range, max_freq=max_freq)
    last = spec.grid.start + (spec.grid.length - 1) / spec.grid.rate
    times = np.linspace(spec.grid.start, last, min(spec.grid.length, MAX_COLUMNS))
    draw_orders(upper, orders, times, np.interp(times, found.times, found.rpm) / 60)
    upper.set_xlabel("")
    sure = np.where(found.confidence >= SURE, found.rpm, np.nan)
    own = f"C{found.chosen}"
    for i, each in enumerate(found.candidates):
        label = f"candidate {i + 1}, score {each.score:.1f}"
        if i == found.chosen:
            middle.plot(found.times, found.rpm, ":", color=own, lw=1.2, zorder=3)
            middle.plot(found.times, sure, color=own, lw=2, label=label, zorder=3)
        elif i < CANDIDATES:
            middle.plot(found.times, each.rpm, color=f"C{i}", lw=0.8, alpha=0.7, label=label)
    middle.set_ylabel("Speed (rpm)")
    middle.set_ylim(0, None)
    middle.grid(alpha=0.3)
    # above the axes: beside no curve
    middle.legend(fontsize=8, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
    lower.fill_between(found.times, 0, found.confidence, color=own, alpha=0.4, lw=0)
    lower.plot(found.times, found.confidence, color=own, lw=1)
    lower.axhline(SURE, color="0.5", lw=0.8, ls="--")
    lower.set_ylim(0, 1.02)
    lower.set_ylabel("Confidence")
    lower.margins(x=0)
    lower.grid(alpha=0.3)
    label_x(lower)
    if title is not None:
        figure.suptitle(figure_text(title))
    return figure
