"""Pictures of maps: one map with its orders, or several side by side on one dB scale.

All pictures are drawn on `matplotlib.figure.Figure` objects, so nothing here needs a display or
touches the state of ``matplotlib.pyplot``.  Axes are in Hz and s in data coordinates, whatever
their tick labels read, so more can be drawn on top.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import SpecsrError
from .io import replacing
from .levels import to_db
from .plot_parts import (
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
from .spectrogram import SpecMap
from .views import check_axes, view

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_comparison", "plot_map", "save_figure"]

DIFFERENCE_RANGE = 15.0
"""Colours of a difference end at ± this many dB."""

DOUBT_RANGE = 6.0
"""Colours of a doubt end at this many dB."""

SUFFIXES = (".png", ".pdf", ".svg")
DPI = 200
_DOUBT = {"vmin": 0.0, "vmax": DOUBT_RANGE, "cmap": "cividis"}
_DOUBT_LABEL = "Doubt (\N{PLUS-MINUS SIGN} dB, 68 %)"
_LAYOUTS = {2: (1, 2), 3: (1, 3), 4: (2, 2)}


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
        x: ``"time"`` in s, or ``"rpm"``, the speed in 1/min (see `specsr.views.view`).
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
        from .plot_views import plot_view

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


def plot_comparison(
    maps: Mapping[str, SpecMap],
    reference: str | None = None,
    difference: tuple[str, str] | None = None,
    *,
    doubt: str | None = None,
    db_range: float = 80.0,
    channel: int | str = 0,
    max_freq: float | None = None,
    suptitle: str | None = None,
) -> Figure:
    """Draw two to four panels on one dB scale with shared axes; a difference or doubt as the last.

    The maps may have different grids, such as a low-resolution map and what was made of it.  In
    the difference, levels below the common scale count as its lowest, so that cells which are dark
    in both panels do not differ.

    Args:
        maps: panel title -> map, drawn in this order.
        reference: name of the map that holds the truth: the last other map on its grid is
            compared with it, if there is one and room for a fourth panel.
        difference: names (a, b) of two maps on one grid for a panel of a minus b, over
            ``reference``.
        doubt: name of a map whose doubt (``std_db``) is the last panel; without a difference.
        db_range: dB from the top of the common colour scale to its bottom.
        channel: position or name of the channel.
        max_freq: highest frequency shown, Hz; None shows all.
        suptitle: title of the figure.

    Returns:
        The figure; its first axes are the panels in order, the colour bars follow.

    Raises:
        SpecsrError: fewer than two or more than four panels, a name that is not among the maps,
            levels with different references, or a difference of maps on different grids.
    """
    check_range(db_range)
    difference = _compared(maps, reference, difference)
    if doubt is not None and (difference is not None or doubt not in maps):
        raise SpecsrError(f"doubt is {doubt!r}: expected one of the maps, and no difference beside")
    extra = difference is not None or doubt is not None
    count = len(maps) + extra
    if count not in _LAYOUTS:
        raise SpecsrError(f"{count} panels: expected 2 to 4, the difference counted")
    labels = {name: spec.grid.level_label for name, spec in maps.items()}
    if len(set(labels.values())) > 1:
        listed = ", ".join(f"{name} in {label}" for name, label in labels.items())
        raise SpecsrError(f"{listed}: expected one unit and scaling, for one dB scale")
    shown = {name: _displayed(spec, channel, max_freq) for name, spec in maps.items()}
    top = colour_top([db for db, _ in shown.values()])
    bottom = top - db_range

    from matplotlib.figure import Figure

    rows, columns = _LAYOUTS[count]
    # two bars: one beside each row of panels, or both below a single row, so that they align
    side = "bottom" if extra and rows == 1 else "right"
    size = (1.2 + 4.3 * columns, (0.6 if side == "right" else 1.4) + 3.2 * rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True)
    panels = list(grid.flat)
    for ax, (name, (db, extent)) in zip(panels, shown.items()):
        levels = draw(ax, db, extent, vmin=bottom, vmax=top, cmap="magma")
        ax.set_title(name)
    level_panels = panels
    if difference is not None:
        a, b = (np.maximum(shown[name][0], bottom) for name in difference)
        limits = {"vmin": -DIFFERENCE_RANGE, "vmax": DIFFERENCE_RANGE}
        errors = draw(panels[-1], a - b, shown[difference[0]][1], cmap="RdBu_r", **limits)
        panels[-1].set_title(f"{difference[0]} \N{MINUS SIGN} {difference[1]}")
        level_panels, last = panels[:2], panels[2:]
        colour_bar(figure, errors, last, "Difference (dB)", "both", side)
    if doubt is not None:
        values, extent = _displayed(maps[doubt], channel, max_freq, doubt=True)
        shades = draw(panels[-1], values, extent, **_DOUBT)
        panels[-1].set_title(f"doubt of {doubt}")
        level_panels, last = panels[:-1], panels[-1:]
        colour_bar(figure, shades, last, _DOUBT_LABEL, "max", side)
    colour_bar(figure, levels, level_panels, f"Level ({labels.popitem()[1]})", "min", side)
    _set_view(panels[0], *_view(maps.values(), max_freq))
    for ax in panels:
        label_x(ax)
        label_y(ax)
        ax.label_outer()
    if suptitle is not None:
        figure.suptitle(suptitle)
    return figure


def save_figure(
    figure: Figure | Axes, path: str | os.PathLike[str], overwrite: bool = False
) -> None:
    """Write a figure as PNG (200 dpi), PDF or SVG by suffix, complete or not at all.

    Args:
        figure: the figure, or axes in it.
        path: the file, ``.png``, ``.pdf`` or ``.svg``.
        overwrite: replace a file that exists.

    Raises:
        SpecsrError: another suffix, the file exists, or it cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise SpecsrError(
            f"{path}: unknown suffix {path.suffix!r} of a picture: expected one of "
            f"{', '.join(SUFFIXES)}"
        )
    with replacing(path, overwrite=overwrite) as (temporary,):
        drawn: Any = figure.figure  # a figure is its own figure
        drawn.savefig(temporary, format=suffix[1:], dpi=DPI)


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


def _compared(
    maps: Mapping[str, SpecMap], reference: str | None, difference: tuple[str, str] | None
) -> tuple[str, str] | None:
    """Names of the two maps to subtract, or None."""
    for name in (*([] if reference is None else [reference]), *(difference or ())):
        if name not in maps:
            raise SpecsrError(f"there is no map {name!r}: expected one of {', '.join(maps)}")
    if difference is not None:
        a, b = (maps[name] for name in difference)
        if not _same_cells(a, b):
            raise SpecsrError(
                f"{difference[0]} has {a.grid.rows} x {a.grid.frames} cells of {a.grid.df:g} Hz x "
                f"{a.grid.dt:g} s, {difference[1]} {b.grid.rows} x {b.grid.frames} of "
                f"{b.grid.df:g} Hz x {b.grid.dt:g} s: a difference needs one grid"
            )
        return difference
    if reference is None or len(maps) == max(_LAYOUTS):
        return None
    fitting = [n for n in maps if n != reference and _same_cells(maps[n], maps[reference])]
    return (fitting[-1], reference) if fitting else None


def _same_cells(a: SpecMap, b: SpecMap) -> bool:
    if (a.grid.rows, a.grid.frames) != (b.grid.rows, b.grid.frames):
        return False
    return bool(
        np.allclose(a.freqs, b.freqs, atol=1e-3 * a.grid.df)
        and np.allclose(a.times, b.times, atol=1e-3 * a.grid.dt)
    )


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
