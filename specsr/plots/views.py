"""Figures of order analysis: Campbell diagrams, order maps, runs and third octaves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from specsr.choices import DB_RANGE, XAxis
from specsr.errors import SpecsrError
from specsr.nvh.levels import BandLevels, to_level
from specsr.nvh.order_cut import CutScale, OrderCut
from specsr.nvh.view import View, nice_step
from specsr.plots.background import background_legend, draw_background
from specsr.plots.cuts import plot_cuts
from specsr.plots.parts import (
    MAX_COLUMNS,
    MAX_ROWS,
    check_max_freq,
    check_range,
    colour_bar,
    colour_top,
    draw,
    draw_orders,
    figure_text,
    label_x,
    label_y,
    new_axes,
    shrunk,
)
from specsr.signal import channel_position

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from specsr.nvh.background import Corrected

ABOVE_ORDERS, FAR_ABOVE_ORDERS = 1.25, 3.0
"""Top of a Campbell diagram over the highest order at the highest speed, at least and at most: the
orders take a third of the height."""
ROUND = 10
"""Approximate number of steps of a round number in the height of a Campbell diagram."""


def plot_view(
    view: View,
    *,
    ax: Axes | None = None,
    channel: int | str = 0,
    db_range: float = DB_RANGE,
    vmax: float | None = None,
    orders: Iterable[float] = (),
    max_freq: float | None = None,
    title: str | None = None,
) -> Axes:
    """Draw one channel of a view; cells without a measurement are gray.

    Arguments, result and errors are those of `specsr.plots.plot.plot`.
    """
    check_range(db_range)
    orders = tuple(orders)
    if orders and view.rpm is None:
        raise SpecsrError("orders need a speed, and this view carries none: omit orders")
    db = view.db[channel_position(view.channels, channel)]
    left, right, low, high = view.edges()
    if max_freq is not None:
        if view.y_axis != "freq":
            raise SpecsrError(
                "max_freq needs a frequency axis, this view has orders: limit it by max_order"
            )
        check_max_freq(max_freq)
        kept = max(1, math.ceil((max_freq - low) / (high - low) * view.y.size))
        high = low + (high - low) * min(1.0, kept / view.y.size)
        db = db[:kept]
    if np.isnan(db).all():
        raise SpecsrError("nothing was measured in this part of the view: show a larger part")
    ax = new_axes() if ax is None else ax
    top = colour_top([db]) if vmax is None else vmax
    cells = shrunk(db)
    per = [math.ceil(n / limit) for n, limit in zip(db.shape, (MAX_ROWS, MAX_COLUMNS))]
    # a last block of fewer cells is drawn at full width; the limits of the axes crop it
    reach = [per[i] * cells.shape[i] / db.shape[i] for i in (0, 1)]
    extent = (left, left + (right - left) * reach[1], low, low + (high - low) * reach[0])
    image = draw(ax, cells, extent, (top - db_range, top))
    ax.set_xlim(left, right)
    ax.set_ylim(max(low, 0.0), high if max_freq is None else min(max_freq, high))
    label_x(ax, view.x_axis)
    label_y(ax, view.y_axis)
    colour_bar(ax.figure, image, [ax], f"Level ({view.level_label})", "min")
    if orders:
        per_order = np.ones(view.x.size)
        if view.y_axis == "freq" and view.rpm is not None:
            per_order = np.asarray(view.rpm) / 60
        draw_orders(ax, orders, view.x, per_order)
    if title is not None:
        ax.set_title(figure_text(title))
    return ax


def campbell_top(
    view: View, orders: Sequence[float] = (), *, channel: int = 0, db_range: float = DB_RANGE
) -> float:
    """Return the highest frequency in Hz of a Campbell diagram: all orders, and the main energy.

    The last row whose mean power is within half of ``db_range`` of that of the loudest row, but at
    least `ABOVE_ORDERS` and at most `FAR_ABOVE_ORDERS` times the highest order at the highest
    speed.  Rounded up to a round number, and at most the highest frequency of the view.

    Args:
        view: over frequency.
        orders: orders that are drawn.
        channel: position of the channel.
        db_range: dB from the top of the colour scale to its bottom.
    """
    power = view.power[channel]
    known = ~np.isnan(power)
    mean = np.where(known, power, 0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)
    loud = np.flatnonzero(mean >= mean.max() * 10 ** (-db_range / 20))
    wanted = float(view.y[loud[-1]])
    if len(orders) and view.rpm is not None:
        highest = max(orders) * float(np.nanmax(view.rpm)) / 60
        wanted = min(max(wanted, ABOVE_ORDERS * highest), FAR_ABOVE_ORDERS * highest)
    step = nice_step(max(wanted, float(view.y[-1]) / MAX_ROWS), ROUND)
    return min(step * math.ceil(wanted / step - 1e-9), view.edges()[3])


def plot_run(
    campbell: View,
    by_order: View,
    cuts: Sequence[OrderCut],
    *,
    channel: int = 0,
    db_range: float = DB_RANGE,
    max_freq: float | None = None,
    title: str | None = None,
    scale: CutScale | None = None,
) -> Figure:
    """Draw a run on one page: Campbell diagram, order map, and order cuts below.

    Args:
        campbell: view over frequency.
        by_order: view over orders.
        cuts: order cuts; their orders are marked in both views.
        channel: position of the channel.
        db_range: dB from the top of the colour scale of both views to its bottom.
        max_freq: highest frequency of the Campbell diagram, Hz; None for `campbell_top`.
        title: title of the figure.
        scale: of the order cuts; None for dB.

    Raises:
        SpecsrError: as `specsr.plots.plot.plot`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.5, 7.5), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=[1.2, 1])
    orders = [cut.order for cut in cuts]
    vmax = colour_top(view.db[channel] for view in (campbell, by_order))
    if max_freq is None:
        max_freq = campbell_top(campbell, orders, channel=channel, db_range=db_range)
    for place, view, top in ((0, campbell, max_freq), (1, by_order, None)):
        plot_view(
            view, ax=figure.add_subplot(grid[0, place]), channel=channel, db_range=db_range,
            vmax=vmax, orders=orders, max_freq=top,
        )  # fmt: skip
    x: XAxis = "rpm" if campbell.x_axis == "rpm" else "time"
    plot_cuts(
        cuts, campbell.level_label, x=x, ax=figure.add_subplot(grid[1, :]), channel=channel,
        scale=scale,
    )  # fmt: skip
    if title is not None:
        figure.suptitle(figure_text(title))
    return figure


def plot_levels(
    bands: BandLevels,
    label: str,
    density: tuple[np.ndarray, np.ndarray] | None = None,
    reference: float = 1.0,
    channels: Sequence[str] = (),
    note: str = "",
    corrected: Corrected | None = None,
) -> Figure:
    """Draw third octaves as bars and, if given, the power spectral density below.

    Levels that are corrected for a background show it as black lines and their correction as
    outlined parts of the bars; those that are upper bounds are hatched.

    Args:
        bands: third-octave levels (`specsr.third_octave_levels`); unresolved ones are pale.
        label: unit of the levels, such as ``"dB re 20 µPa"``.
        density: frequencies in Hz and unit²/Hz of every channel, from `specsr.psd`.
        reference: value of 0 dB of the density, in its unit.
        channels: channel names for the legend.
        note: addition to the label of the level axis, such as the weighting.
        corrected: ``bands`` is that without this background (`specsr.nvh.background`).
    """
    from matplotlib.figure import Figure

    rows = 1 if density is None else 2
    figure = Figure(figsize=(9, 3.6 * rows), layout="constrained")
    axes = figure.subplots(rows, 1, squeeze=False)[:, 0]
    count = len(bands.levels)
    places = np.arange(bands.nominal.size)
    shown = bands.levels if corrected is None else np.minimum(bands.levels, corrected.background)
    floor = 10 * math.floor(min(shown[np.isfinite(shown)], default=0.0) / 10)
    width = 0.85 / count
    for i, levels in enumerate(bands.levels):
        heights = np.where(np.isfinite(levels), levels - floor, 0)
        bars = axes[0].bar(
            places + (i - (count - 1) / 2) * width, heights, width * 0.95, floor, color=f"C{i}",
            label=figure_text(channels[i]) if channels else None,
        )  # fmt: skip
        for bar, ok in zip(bars, bands.resolved):
            bar.set_alpha(1.0 if ok else 0.35)
        if corrected is not None:
            draw_background(axes[0], corrected, i, bars)
    axes[0].set_xticks(places, [f"{f:g}" for f in bands.nominal], rotation=60, fontsize=8)
    axes[0].set_xlabel("Third octave (Hz)")
    axes[0].set_ylabel(f"Level ({label})" + (f", {note}" if note else ""))
    if density is not None:
        freqs, power = density
        for i, each in enumerate(power):
            axes[1].semilogx(freqs[1:], to_level(each[1:], reference), lw=0.9, color=f"C{i}")
        axes[1].set_xlabel("Frequency (Hz)")
        if corrected is not None:
            axes[1].set_title("Density of the recording, with the background", fontsize=9)
        axes[1].set_ylabel(f"Density ({label.replace('dB', 'dB/Hz', 1)})")
        axes[1].margins(x=0)
    for ax in axes:
        ax.grid(alpha=0.3, axis="both" if ax is axes[-1] and rows == 2 else "y")
        ax.set_axisbelow(True)
    if corrected is not None:
        background_legend(axes[0], corrected, channels)
    elif count > 1 and channels:
        axes[0].legend(fontsize=8)
    return figure
