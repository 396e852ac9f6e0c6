"""Figure of loudness, sharpness, roughness and prominent tones over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from specsr.nvh.sound_quality_curves import SoundQualityCurves, exceeded
from specsr.nvh.tone_blocks import ToneBlocks, above_limit_db
from specsr.plots.parts import figure_text, label_x

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "osD^v<>P"
"""Markers of the channels."""


def plot_sound_quality(
    curves: SoundQualityCurves,
    channels: Sequence[str],
    blocks: ToneBlocks | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """Draw loudness with N5 (dashed), sharpness, roughness and tones of every channel.

    Args:
        curves: from `specsr.sound_quality_curves`.
        channels: names for the legend.
        blocks: tones of the same channels, from `specsr.tone_blocks`; None for none.
        title: of the figure.
    """
    from matplotlib.figure import Figure

    count = 3 if blocks is None else 4
    figure = Figure(figsize=(9, 2.5 * count), layout="constrained")
    axes = figure.subplots(count, 1, sharex=True)
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
    if blocks is not None:
        _draw_tones(axes[3], blocks, channels)
    label_x(axes[-1])
    if title is not None:
        figure.suptitle(figure_text(title))
    return figure


def _draw_tones(ax: Axes, blocks: ToneBlocks, channels: Sequence[str]) -> None:
    """Draw the prominent tones of every block, coloured by the dB above the limit."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    drawn = [
        (t, tone.freq, above_limit_db(tone), i)
        for i, each in enumerate(blocks.tones)
        for t, found in zip(blocks.times.tolist(), each)
        for tone in found
    ]
    ax.set_ylabel("Tones (Hz)")
    ax.grid(alpha=0.3)
    if not drawn:
        ax.text(0.5, 0.5, "no prominent tones", transform=ax.transAxes, ha="center", va="center")
        ax.set_yticks([])
        return
    highest = max(above for _, _, above, _ in drawn)
    for i, name in enumerate(channels):
        own = np.array([row[:3] for row in drawn if row[3] == i]).reshape(-1, 3)
        ax.scatter(
            own[:, 0], own[:, 1], c=own[:, 2], vmin=0, vmax=highest, s=22, cmap="viridis",
            marker=_MARKERS[i % len(_MARKERS)], label=figure_text(name),
        )  # fmt: skip
    ax.set_yscale("log")
    low, high = (f([row[1] for row in drawn]) for f in (min, max))
    ax.set_ylim(low / 1.3, high * 1.3)
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    ax.yaxis.set_major_formatter(ScalarFormatter())
    ax.yaxis.set_minor_formatter(NullFormatter())
    if len(channels) > 1:
        ax.legend(fontsize=8)
    colours = ScalarMappable(Normalize(0, highest), "viridis")
    ax.figure.colorbar(colours, ax=ax, label="Above the limit (dB)", pad=0.01)
