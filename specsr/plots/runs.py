"""Figure of a comparison of runs: levels over speed and third octaves of every channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from specsr.errors import SpecsrError
from specsr.nvh.compare import Comparison, mean_level, scatter
from specsr.plots.parts import SHORTEST_DB, figure_text, widen
from specsr.units import reference_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CHANNELS = 6
"""Channels in a figure."""


def plot_runs(found: Sequence[Comparison], difference: bool = False) -> Figure:
    """Draw the levels of all runs, or their differences to the reference.

    With three runs or more a gray band is the mean power plus and minus the scatter.

    Args:
        found: comparisons, of `specsr.compare_runs`; the first six are drawn.
        difference: draw differences to the reference.

    Raises:
        SpecsrError: nothing to draw.
    """
    from matplotlib.figure import Figure

    if not found:
        raise SpecsrError("no comparison to draw")
    found = list(found)[:MOST_CHANNELS]
    rows = len(found[0].quantities) + 1
    figure = Figure(figsize=(2 + 5 * len(found), 2.1 * rows), layout="constrained")
    grid = figure.subplots(rows, len(found), squeeze=False)
    for column, one in zip(grid.T, found):
        parts = [(name, one.rpm, one.levels[:, q]) for q, name in enumerate(one.quantities)]
        parts.append(("third octaves", np.arange(one.nominal.size), one.bands))
        for ax, (name, x, levels) in zip(column, parts):
            shown = one.difference(levels) if difference else levels
            if len(one.runs) > 2 and not difference:
                mean, sd = mean_level(levels), scatter(levels)
                ax.fill_between(x, mean - sd, mean + sd, color="0.85", lw=0, label="mean ± scatter")
            for r, run in enumerate(one.runs):
                ax.plot(x, shown[r], lw=1, color=f"C{r}", label=figure_text(run))
            ax.set_title(name, fontsize=9, loc="left")
            ax.grid(alpha=0.3)
            ax.set_xlim(x[0], x[-1])
            ax.ticklabel_format(axis="y", useOffset=False)
            widen(ax, SHORTEST_DB)
        labels = [f"{f:g}" for f in one.nominal]
        column[-1].set_xticks(range(0, len(labels), 3), labels[::3], fontsize=8)
        column[-1].set_xlabel("Third octave (Hz)")
        column[-2].set_xlabel("Speed (rpm)")
        column[0].set_title(f"{figure_text(one.channel)}: {one.quantities[0]}", fontsize=9,
                            loc="left")  # fmt: skip
        weighted = "" if one.weighting == "Z" else f", {one.weighting}"
        label = "dB" if difference else f"dB {reference_label(one.unit)}{weighted}"
        column[0].set_ylabel(label)
        column[-1].set_ylabel(label)
    names = grid[0, 0].get_legend_handles_labels()
    figure.legend(*names, fontsize=8, loc="outside upper center", ncols=4 * len(found))
    return figure
