"""Figure of levels over time or speed: the overall level and the orders in one diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specsr.choices import LevelScale, check
from specsr.errors import SpecsrError
from specsr.nvh.level_curve import LevelCurve
from specsr.plots.parts import SHORTEST_DB, figure_text, label_x, widen
from specsr.units import shown_unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CHANNELS = 8
"""Most channels of a figure, one diagram each."""
SHORTEST_SHARE = 0.1
"""Shortest span of a linear axis, fraction of its highest value."""


def plot_level_curve(
    curve: LevelCurve, scale: LevelScale = "db", *, title: str | None = None
) -> Figure:
    """Draw the overall level (black) and the orders of every channel, one diagram each.

    Args:
        curve: from `specsr.level_curve`.
        scale: ``"db"``, or ``"linear"`` for rms (time weighting ``peak``: peak) values; velocities
            in mm/s, displacements in µm.
        title: of the figure.

    Raises:
        SpecsrError: an unknown scale, or more than eight channels.
    """
    from matplotlib.figure import Figure

    check(scale, LevelScale, "scale")
    count = len(curve.channels)
    if count > MOST_CHANNELS:
        raise SpecsrError(
            f"{count} channels: a figure shows up to {MOST_CHANNELS}: choose some (--channel)"
        )
    figure = Figure(figsize=(9, 1.4 + 2.9 * count), layout="constrained")
    axes = figure.subplots(count, 1, squeeze=False, sharex=True)[:, 0]
    label, values = _scaled(curve, scale)
    for i, (ax, name) in enumerate(zip(axes, curve.channels)):
        ax.plot(curve.x, values(curve.overall[i]), color="k", lw=1.5, label=curve.name)
        for order, levels in curve.orders.items():
            ax.plot(curve.x, values(levels[i]), lw=1.2, label=curve.order_name(order))
        ax.set_ylabel(label)
        ax.grid(alpha=0.3)
        ax.margins(x=0)
        ax.ticklabel_format(axis="y", useOffset=False)
        widen(ax, SHORTEST_DB if scale == "db" else SHORTEST_SHARE * abs(ax.get_ylim()[1]))
        if count > 1:
            ax.set_title(figure_text(name), fontsize=9, loc="left")
    axes[0].legend(fontsize=8)
    label_x(axes[-1], curve.options.over)
    if title is not None:
        figure.suptitle(figure_text(title))
    return figure


def _scaled(curve: LevelCurve, scale: LevelScale):  # type: ignore[no-untyped-def]
    """Return the label of the level axis, and a function of levels in dB to its values."""
    if scale == "db":
        return f"Level ({curve.level_label})", lambda db: np.where(np.isfinite(db), db, np.nan)
    unit, factor = shown_unit(curve.unit)
    kind = "Peak value" if curve.options.time_weighting == "peak" else "Rms value"
    return f"{kind} ({unit})", lambda db: factor * curve.linear(db)
