"""Elements of the figures: axes, colours, colour bars, order lines, shrinking of large maps."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.pyramid import reduced
from specsr.maps.spec_map import FLOOR_DB
from specsr.names import plain
from specsr.units import REFERENCES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage


KHZ_FROM = 5000.0
"""Frequency axes that reach this many Hz are labelled in kHz."""

Extent = tuple[float, float, float, float]
"""Edges of an image in data coordinates: left, right, bottom, top."""

COLOURS = "magma"
"""Colour map of levels."""

_NO_DATA = "0.88"

FULL_NAMES = 6
"""Orders up to which labels in a map are ``order 2``, and above which ``2``."""

SHORTEST_DB = 3.0
"""Shortest span of a level axis, dB, see `widen`."""

MAX_ROWS, MAX_COLUMNS = 1500, 2000
"""Most rows and columns of cells in a figure; larger maps are shrunk (`shrunk`)."""


def shrunk(db: np.ndarray, rows: int = MAX_ROWS, columns: int = MAX_COLUMNS) -> np.ndarray:
    """Return levels [Y, X] shrunk to at most [rows, columns]: the maximum of every block of cells.

    nan values are ignored unless a block has no other.  The last block may hold fewer cells.
    """
    return reduced(db, math.ceil(db.shape[0] / rows), math.ceil(db.shape[1] / columns))


def check_range(db_range: float) -> None:
    """Raise `SpecsrError` unless a colour range in dB is above zero and finite."""
    if not 0 < db_range < math.inf:
        raise SpecsrError(f"db_range is {db_range}: expected a range in dB above zero")


def check_max_freq(max_freq: float) -> None:
    """Raise `SpecsrError` unless a frequency in Hz is above zero and finite."""
    if not 0 < max_freq < math.inf:
        raise SpecsrError(f"max_freq is {max_freq}: expected a frequency in Hz above zero")


def colour_top(levels: Iterable[np.ndarray]) -> float:
    """Top of a colour scale in dB: the highest level, rounded up to a multiple of 5 dB.

    0 dB where all is silence (`FLOOR_DB` re the reference of a unit), which so gets the colour of
    the bottom.
    """
    highest = max(float(np.nanmax(db)) for db in levels)
    silence = FLOOR_DB - 20 * np.log10(list(REFERENCES.values()))
    return 0.0 if np.abs(silence - highest).min() < 1e-3 else 5.0 * math.ceil(highest / 5)


def figure_text(name: str) -> str:
    """Return a name as text of a figure: no mathematics (``$``), no control characters.

    A blank goes before a leading ``_``, with which legends leave a curve out.  Titles of figures
    are such text too.
    """
    text = plain(name).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def new_axes(height: float = 4.8) -> Axes:
    """Return the axes of a new figure, 8 inches wide."""
    from matplotlib.figure import Figure

    return Figure(figsize=(8, height), layout="constrained").subplots()


def widen(ax: Axes, span: float) -> None:
    """Widen the vertical axis to at least ``span``, so that a steady curve looks steady."""
    low, high = ax.get_ylim()
    if high - low < span:
        ax.set_ylim((low + high - span) / 2, (low + high + span) / 2)


def draw(
    ax: Axes, db: np.ndarray, extent: Extent, limits: tuple[float, float], cmap: str = COLOURS
) -> AxesImage:
    """Draw values [rows, columns] in dB as colours; nan and the area outside are gray.

    Args:
        ax: axes to draw into.
        db: values, lowest row first.
        extent: edges of the image.
        limits: values at the bottom and the top of the colour scale.
        cmap: colour map of matplotlib.
    """
    ax.set_facecolor(_NO_DATA)
    return ax.imshow(
        db, origin="lower", aspect="auto", extent=extent, vmin=limits[0], vmax=limits[1], cmap=cmap
    )


def _khz(freq: float, _position: int | None = None) -> str:
    return f"{freq / 1000:g}"


def label_y(ax: Axes, y: str = "freq") -> None:
    """Label the frequency axis, in kHz from `KHZ_FROM` up, or the order axis."""
    from matplotlib.ticker import FuncFormatter

    if y == "order":
        ax.set_ylabel("Order")
    elif ax.get_ylim()[1] >= KHZ_FROM:
        # only the labels are in kHz: data coordinates stay in Hz
        ax.yaxis.set_major_formatter(FuncFormatter(_khz))
        ax.set_ylabel("Frequency (kHz)")
    else:
        ax.set_ylabel("Frequency (Hz)")


def label_x(ax: Axes, x: str = "time") -> None:
    """Label the time or speed axis."""
    ax.set_xlabel("Time (s)" if x == "time" else "Speed (rpm)")


def colour_bar(
    figure: Any, image: AxesImage, axes: list[Axes], label: str, extend: str, side: str = "right"
) -> None:
    """Add one colour bar beside some axes."""
    # equal thickness below one panel and below two
    aspect = 25 if side == "right" else 30 * len(axes)
    figure.colorbar(
        image, ax=axes, label=label, extend=extend, location=side, pad=0.02, aspect=aspect
    )


def draw_orders(ax: Axes, orders: Iterable[float], x: np.ndarray, per_order: np.ndarray) -> None:
    """Draw a line for each order, with its label at the last free position along it.

    Where no position is free, at that farthest from other labels; above `FULL_NAMES` orders, labels
    are the numbers alone.  A line out of view has no label.

    Args:
        ax: axes to draw into.
        orders: multiples of the rotation frequency.
        x: positions on the horizontal axis, [X].
        per_order: of order 1 on the vertical axis at every ``x``: rpm / 60 in Hz, or 1 on an order
            axis.
    """
    from matplotlib.patheffects import withStroke

    orders = tuple(orders)
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    point = ax.figure.dpi / 72 / np.array(ax.bbox.size)  # one point as a fraction of the axes
    taken: list[tuple[np.ndarray, np.ndarray]] = []
    outline = [withStroke(linewidth=2, foreground="black")]
    for order in orders:
        name = f"order {order:g}"
        heights = order * per_order
        ax.plot(x, heights, "--", color="white", lw=0.8, alpha=0.7, label=name)
        text = name if len(orders) <= FULL_NAMES else f"{order:g}"
        half = np.array([2.5 * len(text) + 3, 6]) * point  # half the size of a label of 8 points
        places = np.stack([(x - left) / (right - left), (heights - low) / (high - low)], 1)
        in_view = ((places > 0) & (places < 1)).all(axis=1)
        if not in_view.any():
            continue
        inside = ((places > half) & (places < 1 - half)).all(axis=1)
        places = np.clip(places[inside if inside.any() else in_view], half, 1 - half)[::-1]
        # of two labels that do not overlap, one distance at least is above 1
        apart = [(np.abs(places - at) / (half + room)).max(axis=1) for at, room in taken]
        nearest = np.min(apart, axis=0) if apart else np.full(len(places), np.inf)
        free = np.flatnonzero(nearest > 1)
        place = places[free[0] if free.size else np.argmax(nearest)]
        taken.append((place, half))
        ax.text(
            place[0], place[1], text, transform=ax.transAxes, ha="center", va="center",
            color="white", fontsize=8, path_effects=outline,
        )  # fmt: skip
