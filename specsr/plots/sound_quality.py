"""Figure of loudness, sharpness and roughness over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from specsr.nvh.sound_quality_curves import SoundQualityCurves, exceeded
from specsr.plots.parts import figure_text, label_x

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_sound_quality(
    curves: SoundQualityCurves, channels: Sequence[str], *, title: str | None = None
) -> Figure:
    """Draw loudness with N5 (dashed), sharpness and roughness, one line for each channel.

    Args:
        curves: from `specsr.sound_quality_curves`.
        channels: names for the legend.
        title: of the figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7.5), layout="constrained")
    axes = figure.subplots(3, 1, sharex=True)
    series = (
        ("Loudness (sone)", curves.times, curves.loudness),
        ("Sharpness (acum)", curves.times, curves.sharpness),
        ("Roughness (asper)", curves.window_times, curves.roughness),
    )
    for ax, (label, times, values) in zip(axes, series):
        for i, (name, row) in enumerate(zip(channels, values)):
            ax.plot(times, row, color=f"C{i}", lw=1.2, label=figure_text(name))
        ax.set_ylabel(label)
        ax.grid(alpha=0.3)
        ax.margins(x=0)
    for i, n5 in enumerate(exceeded(curves.loudness, 5)):
        axes[0].axhline(n5, color=f"C{i}", lw=0.9, ls="--", label=f"N5 {n5:.3g} sone")
    axes[0].legend(fontsize=8, loc="lower right", ncols=2)
    for ax, (_, _, values) in zip(axes, series):
        highest = float(values[np.isfinite(values)].max(initial=0.0))
        ax.set_ylim(0, max(1.1 * highest, 0.1))  # from zero, a steady curve clear of the edge
    label_x(axes[2])
    if title is not None:
        figure.suptitle(figure_text(title))
    return figure
