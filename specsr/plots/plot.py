"""Figure of one map or view: `specsr.plot`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from specsr.choices import DB_RANGE
from specsr.errors import expect
from specsr.maps.spec_map import SpecMap
from specsr.nvh.view import View
from specsr.plots.maps import plot_map
from specsr.plots.views import plot_view

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(
    x: SpecMap | View,
    *,
    ax: Axes | None = None,
    channel: int | str = 0,
    db_range: float = DB_RANGE,
    vmax: float | None = None,
    orders: Iterable[float] = (),
    max_freq: float | None = None,
    title: str | None = None,
) -> Axes:
    """Draw one channel of a map or view; colours are levels in dB.

    A map is drawn over time and frequency; a view of it has other axes
    (``specsr.plot(specsr.view(spec, "rpm"))`` is a Campbell diagram).  More than 1500 x 2000 cells
    are shrunk for the figure: every block of cells is shown by its maximum.

    Args:
        x: the map or view.
        ax: axes to draw into; None creates a new figure (``ax.figure`` of the result).
        channel: position or name of the channel.
        db_range: dB from the top of the colour scale to its bottom; lower levels get the colour
            of the bottom.
        vmax: top of the colour scale in dB; None rounds the highest level shown up to a multiple
            of 5 dB.
        orders: orders to mark by lines at ``order * rpm / 60``.
        max_freq: highest frequency shown, Hz; None shows all.  On an order axis limit the view
            itself (``max_order``).
        title: title of the axes.

    Returns:
        The axes; data coordinates are s or 1/min, Hz or orders.

    Raises:
        SpecsrError: neither a map nor a view, an unknown channel, orders for a map without speed,
            a range or frequency that is not above zero, ``max_freq`` for an order axis, or a view
            without measured levels.

    Example:
        >>> t = np.arange(8000) / 8000
        >>> tone = specsr.Signal(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 8000, unit="Pa")
        >>> axes = specsr.plot(specsr.spectrogram(tone), max_freq=2000)
        >>> specsr.save_figure(axes, "tone.png")
    """
    expect(x, (SpecMap, View), "; specsr.spectrogram(signal) makes a map of a recording")
    draw: Callable[..., Axes] = plot_map if isinstance(x, SpecMap) else plot_view
    return draw(
        x, ax=ax, channel=channel, db_range=db_range, vmax=vmax, orders=orders, max_freq=max_freq,
        title=title,
    )  # fmt: skip
