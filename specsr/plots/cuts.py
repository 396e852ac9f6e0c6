"""Figures of order cuts: levels over speed or time, one part for each shaft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from specsr.choices import XAxis, check
from specsr.errors import SpecsrError
from specsr.nvh.order_cut import CutScale, OrderCut
from specsr.plots.parts import figure_text, label_x, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INSIDE = 6
"""Curves up to which the legend is in the axes, and above which it is below them."""
ENTRY_WIDTH = 2.6
"""Width of an entry of a legend, inches."""
SWEPT = 0.15
"""Change of a speed over its maximum from which levels are over speed: that of a run."""
STEADY = 0.01
"""Change of a bandwidth over its maximum up to which it is constant."""
_LINE_STYLES = ("-", "--", ":", "-.")


def plot_cuts(
    cuts: Mapping[str, Sequence[OrderCut]] | Sequence[OrderCut],
    label: str = "dB",
    *,
    x: XAxis = "rpm",
    ax: Axes | None = None,
    channel: int = 0,
    title: str | None = None,
    scale: CutScale | None = None,
    beside: Sequence[OrderCut] = (),
) -> Axes:
    """Draw the levels of orders over speed or time; the legend states every bandwidth.

    A band about a level is its uncertainty (68 %), where a cut has one.

    Args:
        cuts: order cuts of one recording; or name -> cuts of up to four recordings, with one line
            style each.
        label: unit of the levels, such as ``spectrogram(signal).grid.level_label``.
        x: horizontal axis, ``"rpm"`` or ``"time"``.
        ax: axes to draw into; None creates a new figure.
        channel: position of the channel.
        title: title of the axes.
        scale: of the vertical axis, in place of dB and ``label``.
        beside: cuts in other axes whose bandwidths have the same unit.

    Returns:
        The axes; data coordinates are 1/min or s, and dB or the unit.

    Raises:
        SpecsrError: an unknown horizontal axis, or more than four recordings.
    """
    from matplotlib import colormaps

    check(x, XAxis, "x")
    named = cuts if isinstance(cuts, Mapping) else {"": cuts}
    if len(named) > len(_LINE_STYLES):
        raise SpecsrError(f"{len(named)} recordings: expected up to {len(_LINE_STYLES)}")
    ax = new_axes(4.0) if ax is None else ax
    shown = np.asarray if scale is None else scale.values
    many = max(map(len, named.values()), default=0) > 10
    entries = 0
    for style, (name, each) in zip(_LINE_STYLES, named.items()):
        entries += len(each)
        for i, cut in enumerate(each):
            colour = colormaps["tab20"](i % 20) if many else f"C{i}"
            values = cut.rpm if x == "rpm" else cut.times
            entry = f"order {figure_text(cut.name)} ({bandwidth_text(cut, [*each, *beside])})"
            entry = f"{figure_text(name)} {entry}" if name else entry
            level = shown(cut.levels[channel])
            ax.plot(values, level, style, color=colour, lw=1.3, label=entry)
            if cut.uncertainty_db is not None:
                level = cut.levels[channel]
                u = np.where(np.isfinite(level), cut.uncertainty_db[channel], np.nan)
                edges = shown(level - u), shown(level + u)
                ax.fill_between(values, *edges, color=colour, alpha=0.2, lw=0)
    label_x(ax, x)
    ax.set_ylabel(f"Level ({label if scale is None else scale.label})")
    ax.grid(alpha=0.3)
    ax.margins(x=0)
    if entries > INSIDE:
        columns = max(1, int(ax.figure.bbox.width / ax.figure.dpi / ENTRY_WIDTH))
        ax.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=columns)
    else:
        ax.legend(fontsize=8)
    if title is not None:
        ax.set_title(figure_text(title))
    return ax


def axis_of(cuts: Sequence[OrderCut]) -> XAxis:
    """Return the horizontal axis that shows the cuts: time, or the speed if one of them sweeps."""
    swept = (np.ptp(np.abs(cut.rpm)) >= SWEPT * np.abs(cut.rpm).max() for cut in cuts)
    return "rpm" if any(swept) else "time"


def bandwidth_text(cut: OrderCut, beside: Sequence[OrderCut] = ()) -> str:
    """Return the bandwidth of an order cut for a legend: in orders if constant so, else in Hz.

    At a constant speed it is constant in both; then the unit is that of the cuts ``beside`` it.
    """
    read = ~np.isnan(cut.levels).all(axis=0)
    if not read.any():
        return "not readable"
    widths, orders = cut.bandwidth[read], cut.bandwidth_orders[read]
    in_hz = _steady(widths) and not all(
        _steady(other.bandwidth_orders[~np.isnan(other.levels).all(axis=0)]) for other in beside
    )
    if _steady(orders) and not in_hz:
        return f"{orders.max():.3g} orders wide"
    if _steady(widths):
        return f"{widths.max():.3g} Hz wide"
    return f"{widths.min():.3g} to {widths.max():.3g} Hz wide"


def _steady(widths: np.ndarray) -> bool:
    """Return whether a bandwidth is constant; True without values."""
    return not widths.size or bool(np.ptp(widths) <= STEADY * widths.max())


def plot_shafts(
    cuts: Sequence[OrderCut],
    label: str = "dB",
    *,
    x: XAxis | None = "rpm",
    channel: int = 0,
    title: str | None = None,
    scale: CutScale | None = None,
) -> Figure:
    """Draw the levels of the orders of one or several shafts, each over its own speed.

    Args:
        cuts: order cuts of one recording.
        label: unit of the levels, such as ``"dB re 20 µPa"``.
        x: horizontal axis: ``"rpm"``, with one part for each shaft; ``"time"``, with all in one; or
            None for ``"rpm"``, but time for the shafts whose speed does not sweep.
        channel: position of the channel.
        title: title of the figure.
        scale: of the vertical axis, in place of dB and ``label``.

    Raises:
        SpecsrError: an unknown horizontal axis.
    """
    from matplotlib.figure import Figure

    if x is None and axis_of(cuts) == "time":
        x = "time"
    if x is not None:
        check(x, XAxis, "x")
    shafts = tuple(dict.fromkeys(cut.shaft for cut in cuts)) if x != "time" else ("",)
    figure = Figure(
        figsize=(8, 4.0 if len(shafts) < 2 else 2.8 * len(shafts)), layout="constrained"
    )
    rows = figure.subplots(len(shafts), 1, squeeze=False, sharey=True)[:, 0]
    for ax, shaft in zip(rows, shafts):
        own = [cut for cut in cuts if x == "time" or cut.shaft == shaft]
        over = axis_of(own) if x is None else x
        plot_cuts(own, label, x=over, ax=ax, channel=channel, scale=scale, beside=cuts)
        if shaft and over == "rpm":
            ax.set_xlabel(f"Speed of {figure_text(shaft)} (rpm)")
        elif shaft:
            rpm = np.abs(np.concatenate([cut.rpm for cut in own])).mean()
            ax.set_xlabel(f"Time (s), {figure_text(shaft)} at {rpm:.0f} rpm")
    if title is not None:
        figure.suptitle(figure_text(title))
    return figure
