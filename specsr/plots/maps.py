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

from specsr.errors import SpecsrError
from specsr.maps.levels import to_db
from specsr.maps.spec_map import SpecMap
from specsr.nvh.view import check_axes, view
from specsr.plots.parts import (
    MAX_COLUMNS,
    MAX_ROWS,
    channel_position,
    check_range,
    colour_bar,
    colour_top,
    draw,
    draw_orders,
    label_x,
    label_y,
    shrunk,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


DOUBT_RANGE = 6.0
"""Colours of a doubt end at this many dB."""
_DOUBT = {"vmin": 0.0, "vmax": DOUBT_RANGE, "cmap": "cividis"}
_DOUBT_LABEL = "Doubt (\N{PLUS-MINUS SIGN} dB, 68 %)"


def plot_map(
    spec: SpecMap,
    *,
    ax: Axes | None = None,
    channel: int | str = 0,
    db_range: float = 80.0,
    vmax: float | None = None,
    x: str = "time",
    y: str = "freq",
    orders: Iterable[float] = (),
    max_freq: float | None = None,
    max_order: float | None = None,
    title: str | None = None,
    cmap: str = "magma",
    doubt: bool = False,
) -> Axes:
    """Draw one channel of a map, over time and frequency if not told otherwise; colours are dB.

    A map of more than 1500 x 2000 cells is shrunk for the picture: each cell shown has the highest
    level of those it stands for.

    Args:
        spec: the map.
        ax: axes to draw into; None makes a new figure (``ax.figure`` of the result).
        channel: position or name of the channel.
        db_range: dB from the top of the colour scale to its bottom; lower levels get its colour.
        vmax: top of the colour scale in dB; None takes the highest level shown, up to whole 5 dB.
        x: ``"time"`` in s, or ``"rpm"``, the speed in 1/min (see `specsr.nvh.view.view`).
        y: ``"freq"`` in Hz, or ``"order"``, multiples of the speed.
        orders: orders to mark by lines at ``order * rpm / 60``.
        max_freq: highest frequency shown, Hz; None shows all.
        max_order: highest order shown; None shows all that lie below half the rate.
        title: title of the axes.
        cmap: matplotlib colour map of the levels.
        doubt: draw how far off the levels may be (``std_db``) instead of them, over time and
            frequency.

    Returns:
        The axes, limited to the span of the signal; data coordinates are s or 1/min, Hz or orders.

    Raises:
        SpecsrError: other axes than those, a channel that is not there, orders for a map without
            speed, a doubt for one without, or a range or frequency that is not above zero.
    """
    check_axes(x, y)
    check_range(db_range)
    orders = tuple(orders)
    if orders and spec.rpm is None:
        raise SpecsrError(
            f"orders {', '.join(f'{order:g}' for order in orders)} are asked for, but the map "
            "carries no speed: give it one (spec.replace(rpm=...), 1/min at every sample), or "
            "leave orders out"
        )
    if (x, y) != ("time", "freq"):
        from specsr.plots.views import plot_view

        return plot_view(
            view(spec, x, y, max_order=max_order), ax=ax, channel=channel, db_range=db_range,
            vmax=vmax, orders=orders, max_y=max_order if y == "order" else max_freq, title=title,
            cmap=cmap,
        )  # fmt: skip
    values, extent = _displayed(spec, channel, max_freq, doubt)
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(8, 4.8), layout="constrained").subplots()
    if doubt:
        image = draw(ax, values, extent, **_DOUBT)
        bar = (_DOUBT_LABEL, "max")
    else:
        top = colour_top([values]) if vmax is None else vmax
        image = draw(ax, values, extent, vmin=top - db_range, vmax=top, cmap=cmap)
        bar = (f"Level ({spec.grid.level_label})", "min")
    _set_view(ax, *_view([spec], max_freq))
    label_x(ax)
    label_y(ax)
    colour_bar(ax.figure, image, [ax], *bar)
    if orders and spec.rpm is not None:
        points = np.linspace(0, spec.grid.length - 1, min(spec.grid.length, MAX_COLUMNS))
        points = points.astype(int)
        times = spec.grid.start + points / spec.grid.rate
        draw_orders(ax, orders, times, spec.rpm[points] / 60)
    if title is not None:
        ax.set_title(title)
    return ax


def _displayed(
    spec: SpecMap, channel: int | str, max_freq: float | None, doubt: bool = False
) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """Levels (or their doubt) to show in dB, [rows, columns], and (left, right, bottom, top).

    An hour of sound has a hundred million cells; a picture has a few million dots.  Blocks of
    cells are shown by their greatest power, since orders and clicks are one or two cells wide:
    leaving cells out would break them up, and a mean would sink them into the noise.  (Noise reads
    a few dB higher for it.)  Shrinking comes before dB, so no second map of full size is made.
    """
    if doubt and spec.std_db is None:
        raise SpecsrError(
            "the map carries no doubt: models that know theirs give one to what they upscale"
        )
    values: Any = spec.std_db if doubt else spec.magnitude
    magnitude = values[channel_position(spec.channels, channel)]
    low = float(spec.freqs[0] - spec.grid.df / 2)
    if max_freq is not None:
        if not 0 < max_freq < math.inf:
            raise SpecsrError(f"max_freq is {max_freq}: expected a frequency in Hz above zero")
        magnitude = magnitude[: max(1, math.ceil((max_freq - low) / spec.grid.df))]
    rows, columns = magnitude.shape
    s_f, s_t = math.ceil(rows / MAX_ROWS), math.ceil(columns / MAX_COLUMNS)
    db = shrunk(magnitude, MAX_ROWS, MAX_COLUMNS)
    if not doubt:
        db = to_db(np.square(db, dtype=np.float64)) - np.float32(
            20 * math.log10(spec.grid.reference)
        )
    # a last cell may stand for less than the others: drawn as wide, it is cut off by the view
    fine = spec.grid.dt / spec.grid.cell[1]
    left = spec.grid.start - fine / 2
    right = left + db.shape[1] * s_t * spec.grid.dt
    return db, (left, right, low, low + db.shape[0] * s_f * spec.grid.df)


def _view(
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


def _set_view(ax: Axes, times: tuple[float, float], freqs: tuple[float, float]) -> None:
    ax.set_xlim(*times)
    ax.set_ylim(*freqs)
