"""Pictures of maps: one map with its orders, or several side by side on one dB scale.

All pictures are drawn on `matplotlib.figure.Figure` objects, so nothing here needs a display or
touches the state of ``matplotlib.pyplot``.  Axes are in Hz and s in data coordinates, whatever
their tick labels read, so more can be drawn on top.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from specsr.choices import DB_RANGE
from specsr.errors import SpecsrError
from specsr.maps.levels import to_db
from specsr.maps.spec_map import SpecMap
from specsr.plots.parts import (
    COLOURS,
    MAX_COLUMNS,
    MAX_ROWS,
    check_range,
    colour_bar,
    colour_top,
    draw,
    draw_orders,
    label_x,
    label_y,
    new_axes,
    shrunk,
)
from specsr.signal import channel_position

if TYPE_CHECKING:
    from matplotlib.axes import Axes


UNCERTAINTY_RANGE = 6.0
"""Colours of an uncertainty end at this many dB."""
UNCERTAINTY_COLOURS = {"vmin": 0.0, "vmax": UNCERTAINTY_RANGE, "cmap": "cividis"}
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
    """Draw one channel of a map over time and frequency; see `specsr.plots.plot.plot`."""
    check_range(db_range)
    orders = tuple(orders)
    if orders and spec.rpm is None:
        raise SpecsrError(
            f"orders {', '.join(f'{order:g}' for order in orders)} are asked for, but the map "
            "carries no speed: give it one (spec.replace(rpm=...), 1/min at every sample), or "
            "leave orders out"
        )
    values, extent = displayed(spec, channel, max_freq)
    ax = new_axes() if ax is None else ax
    top = colour_top([values]) if vmax is None else vmax
    image = draw(ax, values, extent, vmin=top - db_range, vmax=top, cmap=COLOURS)
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
        ax: axes to draw into; None makes a new figure.
        channel: position or name of the channel.
        max_freq: highest frequency shown, Hz; None shows all.
        title: title of the axes.

    Raises:
        SpecsrError: a map without uncertainty, an unknown channel, or a frequency that is not
            above zero.
    """
    values, extent = displayed(spec, channel, max_freq, uncertainty=True)
    ax = new_axes() if ax is None else ax
    image = draw(ax, values, extent, **UNCERTAINTY_COLOURS)
    _frame(ax, spec, max_freq, title)
    colour_bar(ax.figure, image, [ax], UNCERTAINTY_LABEL, "max")
    return ax


def _frame(ax: Axes, spec: SpecMap, max_freq: float | None, title: str | None) -> None:
    """Limits, labels and title of a map's axes."""
    set_limits(ax, *limits([spec], max_freq))
    label_x(ax)
    label_y(ax)
    if title is not None:
        ax.set_title(title)


def displayed(
    spec: SpecMap, channel: int | str, max_freq: float | None, uncertainty: bool = False
) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """Levels (or their uncertainty) to show in dB, [rows, columns], and (left, right, bottom, top).

    An hour of sound has a hundred million cells; a picture has a few million dots.  Blocks of
    cells are shown by their greatest power, since orders and clicks are one or two cells wide:
    leaving cells out would break them up, and a mean would sink them into the noise.  (Noise reads
    a few dB higher for it.)  Shrinking comes before dB, so no second map of full size is made.
    """
    if uncertainty and spec.uncertainty_db is None:
        raise SpecsrError("the map carries no uncertainty: upscale with a model that estimates it")
    values: Any = spec.uncertainty_db if uncertainty else spec.magnitude
    magnitude = values[channel_position(spec.channels, channel)]
    low = float(spec.freqs[0] - spec.grid.df / 2)
    if max_freq is not None:
        if not 0 < max_freq < math.inf:
            raise SpecsrError(f"max_freq is {max_freq}: expected a frequency in Hz above zero")
        magnitude = magnitude[: max(1, math.ceil((max_freq - low) / spec.grid.df))]
    rows, columns = magnitude.shape
    s_f, s_t = math.ceil(rows / MAX_ROWS), math.ceil(columns / MAX_COLUMNS)
    db = shrunk(magnitude, MAX_ROWS, MAX_COLUMNS)
    if not uncertainty:
        db = to_db(np.square(db, dtype=np.float64)) - np.float32(
            20 * math.log10(spec.grid.reference)
        )
    # a last cell may stand for less than the others: drawn as wide, it is cut off by the view
    fine = spec.grid.dt / spec.grid.cell[1]
    left = spec.grid.start - fine / 2
    right = left + db.shape[1] * s_t * spec.grid.dt
    return db, (left, right, low, low + db.shape[0] * s_f * spec.grid.df)


def limits(
    specs: Iterable[SpecMap], max_freq: float | None
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Span of the signals in s and of their frequencies in Hz.

    The first and last cells of a full map hang over by a half; without them maps of one signal on
    any grid have the same view.
    """
    specs = list(specs)
    grids = [spec.grid for spec in specs]
    first = min(grid.start for grid in grids)
    last = max(grid.start + grid.length / grid.rate for grid in grids)
    top = max(min(s.grid.rate / 2, float(s.freqs[-1] + s.grid.df / 2)) for s in specs)
    return (first, last), (0.0, top if max_freq is None else min(max_freq, top))


def set_limits(ax: Axes, times: tuple[float, float], freqs: tuple[float, float]) -> None:
    ax.set_xlim(*times)
    ax.set_ylim(*freqs)
