"""Figures of curves over frequency, order, quefrency or angle, one line for each channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from specsr.plots.parts import figure_text, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_lines(
    x: np.ndarray,
    values: np.ndarray,
    channels: Sequence[str],
    labels: tuple[str, str],
    *,
    marks: Mapping[str, float] | None = None,
    scatter: np.ndarray | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one curve for each channel.

    Args:
        x: positions, [X].
        values: [C, X].
        channels: names for the legend.
        labels: of the horizontal and the vertical axis.
        marks: name -> position of vertical lines; harmonics are not added.
        scatter: drawn as a band about each curve, [C, X].
        title: title of the axes.
        ax: axes to draw into; None creates a new figure.

    Returns:
        The axes.
    """
    ax = new_axes() if ax is None else ax
    for i, (name, curve) in enumerate(zip(channels, values)):
        ax.plot(x, curve, lw=0.9, color=f"C{i}", label=figure_text(name))
        if scatter is not None:
            ax.fill_between(x, curve - scatter[i], curve + scatter[i], color=f"C{i}", alpha=0.2,
                            lw=0)  # fmt: skip
    ax.set_xlim(float(x[0]), float(x[-1]))
    for name, place in (marks or {}).items():
        if x[0] <= place <= x[-1]:
            ax.axvline(place, color="0.4", lw=0.8, ls="--", zorder=0)
            ax.annotate(
                figure_text(name), (place, 0.99), xytext=(2, 0), rotation=90, va="top", fontsize=8,
                xycoords=ax.get_xaxis_transform(), textcoords="offset points",
            )  # fmt: skip
    ax.set_xlabel(labels[0])
    ax.set_ylabel(labels[1])
    ax.grid(alpha=0.3)
    if len(channels) > 1:
        ax.legend(fontsize=8)
    if title is not None:
        ax.set_title(figure_text(title))
    return ax
