"""Figures that the page saves: the part of the maps that is seen, on the axes of the page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from specsr.app.read_off import Look, Span, columns_of
from specsr.app.screen import Axes, ScreenMap
from specsr.choices import DB_RANGE
from specsr.maps.spec_map import SpecMap
from specsr.nvh.weighted import weighted
from specsr.signal import channel_position

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Panel

PANELS = 4
"""Most maps of one figure."""

Seen = tuple[Axes, Span, Span]
"""Axes of the page, and the ranges of x and y that are seen."""


def save_figure_of(
    path: Path,
    maps: Mapping[str, ScreenMap],
    look: Look,
    levels: Span | None = None,
    seen: Seen | None = None,
) -> None:
    """Draw the part of the maps that is seen, on one scale, as .png, .svg or .pdf.

    Args:
        path: the new file.
        maps: title -> map; at most `PANELS` are drawn, the first and the last ones.
        look: channel and ranges.
        levels: range of the colours, dB; None for `DB_RANGE` below the highest level.
        seen: axes and their ranges; None for the ranges of ``look`` in s and Hz.

    Raises:
        SpecsrError: the file exists, the maps have no cells in this part, several units, or no
            speed for axes that need one.
    """
    from specsr.plots.save import save_figure

    titles = list(maps)
    kept = titles if len(titles) <= PANELS else [*titles[: PANELS - 1], titles[-1]]
    chosen = {title: maps[title] for title in kept}
    axes = seen[0] if seen is not None else Axes()
    if seen is None or (axes.x, axes.y) == ("time", "freq"):
        panels = _over_time(chosen, look, levels)
    else:
        panels = _over_axes(chosen, look, levels, seen)
    save_figure(panels[0], path)


def _over_time(maps: Mapping[str, ScreenMap], look: Look, levels: Span | None) -> list[Panel]:
    """Draw the maps over time and frequency; return the axes of the maps."""
    from specsr.plots.comparison import plot_comparison
    from specsr.plots.maps import plot_map

    note = f", {look.weighting}-weighted" if look.weighting != "Z" else ""
    parts = {title + note: _part(screen, look) for title, screen in maps.items()}
    if len(parts) == 1:
        [(title, spec)] = parts.items()
        panels = [plot_map(spec, title=title, db_range=DB_RANGE)]
    else:
        panels = plot_comparison(parts, db_range=DB_RANGE).axes[: len(parts)]
    bottom, top = look.freqs
    for panel in panels:
        if levels is not None:
            for image in panel.images:
                image.set_clim(*levels)
        panel.set_ylim(max(bottom, 0.0), min(top, max(s.grid.rate / 2 for s in parts.values())))
    return panels


def _part(screen: ScreenMap, look: Look) -> SpecMap:
    part, _ = columns_of(screen, look.channel, look.span, margin=0)
    return weighted(part, look.weighting)


def _over_axes(
    maps: Mapping[str, ScreenMap], look: Look, levels: Span | None, seen: Seen
) -> list[Panel]:
    """Draw the maps over speed or orders, one below the other; return the axes of the maps."""
    from matplotlib.figure import Figure

    from specsr.plots.parts import colour_top
    from specsr.plots.views import plot_view

    axes, x, y = seen
    views = {}
    for title, screen in maps.items():
        channel = look.channel if look.channel in screen.channels else 0
        views[title] = screen.view(channel_position(screen.channels, channel), axes)
    top = colour_top([view.db[0] for view in views.values()]) if levels is None else levels[1]
    db_range = DB_RANGE if levels is None else levels[1] - levels[0]
    note = f", {axes.weighting}-weighted" if axes.weighting != "Z" else ""
    figure = Figure(figsize=(8.0, 1.2 + 3.2 * len(views)), layout="constrained")
    panels = list(figure.subplots(len(views), 1, squeeze=False).flat)
    for panel, (title, view) in zip(panels, views.items()):
        plot_view(view, ax=panel, db_range=db_range, vmax=top, title=title + note)
        panel.set_xlim(*x)
        panel.set_ylim(max(y[0], 0.0), y[1])
    return panels
