"""Figures of one map over time and frequency: its levels with orders, or its uncertainty.

Drawn on `matplotlib.figure.Figure` objects: no display is needed and ``matplotlib.pyplot`` is not
used.  Data coordinates are s and Hz, also where the tick labels are in kHz.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from specsr.choices import DB_RANGE
from specsr.errors import SpecsrError
from specsr.maps.levels import to_db
from specsr.maps.spec_map import SpecMap
from specsr.plots.parts import (
    MAX_COLUMNS,
    MAX_ROWS,
    Extent,
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


UNCERTAINTY_LIMITS = (0.0, 6.0)
"""Colour scale of an uncertainty, dB."""
UNCERTAINTY_COLOURS = "cividis"
UNCERTAINTY_LABEL = "Uncertainty (\N{PLUS-MINUS SIGN} dB, 68 %)"


def plot_map(
    spec: SpecMap,
    *,
    ax: Axes | None = None,
    channel: int | str = 0,
    db_range: float = DB_RANGE,
    vmax: float | None = None,
    orders: Iterable[float] = (),
    max_freq: float | None = None,
    title: str | None = None,
) -> Axes:
    """Draw one channel of a map over time and frequency.

    Arguments, result and errors are those of `specsr.plots.plot.plot`.
    """
    check_range(db_range)
    orders = tuple(orders)
    if orders and spec.rpm is None:
        raise SpecsrError(
            f"orders {', '.join(f'{order:g}' for order in orders)} need a speed, and the map "
            "carries no speed: add one (spec.replace(rpm=...), 1/min at every sample), or omit "
            "orders"
        )
    values, extent = displayed(spec, channel, max_freq)
    ax = new_axes() if ax is None else ax
    top = colour_top([values]) if vmax is None else vmax
    image = draw(ax, values, extent, (top - db_range, top))
    _frame(ax, spec, max_freq, title)
    colour_bar(ax.figure, image, [ax], f"Level ({spec.grid.level_label})", "min")
    if orders and spec.rpm is not None:
        points = np.linspace(0, spec.grid.length - 1, min(spec.grid.length, MAX_COLUMNS))
        points = points.astype(int)
        times = spec.grid.start + points / spec.grid.rate
        draw_orders(ax, orders, times, spec.rpm[points] / 60)
    return ax


def plot_uncertainty(
    spec: SpecMap,
    *,
    ax: Axes | None = None,
    channel: int | str = 0,
    max_freq: float | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the uncertainty of one channel's levels (``uncertainty_db``) over time and frequency.

    Args:
        spec: a map with an uncertainty.
        ax: axes to draw into; None creates a new figure.
        channel: position or name of the channel.
        max_freq: highest frequency shown, Hz; None shows all.
        title: title of the axes.

    Returns:
        The axes; data coordinates are s and Hz.

    Raises:
        SpecsrError: a map without uncertainty, an unknown channel, or a frequency that is not
            above zero.
    """
    values, extent = displayed(spec, channel, max_freq, uncertainty=True)
    ax = new_axes() if ax is None else ax
    image = draw(ax, values, extent, UNCERTAINTY_LIMITS, UNCERTAINTY_COLOURS)
    _frame(ax, spec, max_freq, title)
    colour_bar(ax.figure, image, [ax], UNCERTAINTY_LABEL, "max")
    return ax


def _frame(ax: Axes, spec: SpecMap, max_freq: float | None, title: str | None) -> None:
    """Limits, labels and title of a map's axes."""
    times, freqs = limits([spec], max_freq)
    ax.set_xlim(*times)
    ax.set_ylim(*freqs)
    label_x(ax)
    label_y(ax)
    if title is not None:
        ax.set_title(figure_text(title))


def displayed(
    spec: SpecMap, channel: int | str, max_freq: float | None, uncertainty: bool = False
) -> tuple[np.ndarray, Extent]:
    """Return the levels (or their uncertainty) of a figure in dB, [rows, columns], and its extent.

    An hour of sound has a hundred million cells, a figure a few million pixels.  Every block of
    cells is shown by its maximum, since orders and clicks are one or two cells wide: decimation
    would interrupt them, a mean would lower them into the noise.  (Noise reads a few dB higher.)
    The magnitudes are shrunk before the conversion to dB, to avoid a second map of full size.
    """
    values = spec.uncertainty_db if uncertainty else spec.magnitude
    if values is None:
        raise SpecsrError("the map carries no uncertainty: upscale with a model that estimates it")
    magnitude = values[channel_position(spec.channels, channel)]
    low = float(spec.freqs[0] - spec.grid.df / 2)
    if max_freq is not None:
        check_max_freq(max_freq)
        magnitude = magnitude[: max(1, math.ceil((max_freq - low) / spec.grid.df))]
    rows, columns = magnitude.shape
    s_f, s_t = math.ceil(rows / MAX_ROWS), math.ceil(columns / MAX_COLUMNS)
    db = shrunk(magnitude, MAX_ROWS, MAX_COLUMNS)
    if not uncertainty:
        db = to_db(np.square(db, dtype=np.float64)) - np.float32(
            20 * math.log10(spec.grid.reference)
        )
    # a last block of fewer cells is drawn at full width; the limits of the axes crop it
    fine = spec.grid.dt / spec.grid.cell[1]
    left = spec.grid.start - fine / 2
    right = left + db.shape[1] * s_t * spec.grid.dt
    return db, (left, right, low, low + db.shape[0] * s_f * spec.grid.df)


def limits(
    specs: Iterable[SpecMap], max_freq: float | None
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the limits of the axes in s and in Hz: the span of the signals.

    The first and last cells of a full map extend half a cell beyond it.  Cropping them gives maps
    of one signal the same limits on any grid.
    """
    specs = list(specs)
    grids = [spec.grid for spec in specs]
    first = min(grid.start for grid in grids)
    last = max(grid.start + grid.length / grid.rate for grid in grids)
    top = max(min(s.grid.rate / 2, float(s.freqs[-1] + s.grid.df / 2)) for s in specs)
    return (first, last), (0.0, top if max_freq is None else min(max_freq, top))
