"""Background, correction and upper bounds on the bars of third octaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from specsr.plots.parts import figure_text

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer

    from specsr.nvh.background import Corrected


def draw_background(ax: Axes, corrected: Corrected, channel: int, bars: BarContainer) -> None:
    """Mark background, correction and upper bounds on the bars of a channel."""
    left = np.array([bar.get_x() for bar in bars])
    width = bars[0].get_width()
    correction = corrected.correction[channel]
    ax.bar(
        left, correction, width, corrected.levels[channel], align="edge", fill=False, ec="0.4",
        lw=0.8,
    )  # fmt: skip
    ax.hlines(corrected.background[channel], left, left + width, color="k", lw=1.6)
    for bar, bound in zip(bars, corrected.upper_bound[channel]):
        if bound:
            bar.set(hatch="////", edgecolor="w")


def background_legend(ax: Axes, corrected: Corrected, channels: Sequence[str]) -> None:
    """Add the legend of bars with a background, and space above them."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries: list[Artist] = [
        Patch(fc=f"C{i}", label=figure_text(name)) for i, name in enumerate(channels)
    ]
    entries.append(Patch(fc="none", ec="0.4", lw=0.8, label="correction for the background"))
    entries.append(Line2D([], [], color="k", lw=1.6, label="background"))
    if corrected.upper_bound.any():
        entries.append(Patch(fc="0.6", ec="w", hatch="////", label="upper bound"))
    ax.legend(handles=entries, fontsize=8)
    tops = np.maximum(corrected.levels + corrected.correction, corrected.background)
    bottom = ax.get_ylim()[0]
    top = float(np.max(tops, initial=bottom + 1, where=np.isfinite(tops)))
    ax.set_ylim(bottom, top + 0.05 * (top - bottom))
