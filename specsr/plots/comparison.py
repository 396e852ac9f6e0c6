"""Figure of two to four maps on one dB scale, with their difference or an uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from specsr.choices import DB_RANGE
from specsr.errors import SpecsrError
from specsr.maps.spec_map import SpecMap
from specsr.plots.maps import (
    UNCERTAINTY_COLOURS,
    UNCERTAINTY_LABEL,
    UNCERTAINTY_LIMITS,
    displayed,
    limits,
)
from specsr.plots.parts import (
    check_range,
    colour_bar,
    colour_top,
    draw,
    figure_text,
    label_x,
    label_y,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIFFERENCE_RANGE = 15.0
"""The colour scale of a difference spans ± this many dB."""
_LAYOUTS = {2: (1, 2), 3: (1, 3), 4: (2, 2)}


def plot_comparison(
    maps: Mapping[str, SpecMap],
    reference: str | None = None,
    difference: tuple[str, str] | None = None,
    *,
    uncertainty: str | None = None,
    db_range: float = DB_RANGE,
    channel: int | str = 0,
    max_freq: float | None = None,
    suptitle: str | None = None,
) -> Figure:
    """Draw two to four panels on one dB scale; the last may be a difference or an uncertainty.

    The maps may have different grids, such as a low-resolution map and its super-resolved map.
    For the difference, levels below the common scale are raised to its bottom; cells below it in
    both maps are grey, as neither panel shows them.

    Args:
        maps: panel title -> map, drawn in this order.
        reference: name of the reference map: the last other map on its grid minus the reference
            is drawn, if such a map exists and a panel is free.
        difference: names (a, b) of two maps on one grid for a panel of a minus b, over
            ``reference``.
        uncertainty: name of a map whose ``uncertainty_db`` is the last panel; without a
            difference.
        db_range: dB from the top of the common colour scale to its bottom.
        channel: position or name of the channel.
        max_freq: highest frequency shown, Hz; None shows all.
        suptitle: title of the figure.

    Returns:
        The figure; its first axes are the panels in order, the colour bars follow.

    Raises:
        SpecsrError: fewer than two or more than four panels, a name that is not among the maps,
            different units or scalings, a difference of maps on different grids, or a map without
            the requested uncertainty.

    Example:
        >>> t = np.arange(8000) / 8000
        >>> tone = specsr.Signal(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 8000, unit="Pa")
        >>> maps = {f"{n} samples": specsr.spectrogram(tone, n_fft=n) for n in (512, 2048)}
        >>> figure = specsr.plot_comparison(maps)
        >>> specsr.save_figure(figure, "windows.png")
    """
    check_range(db_range)
    difference = _compared(maps, reference, difference)
    if uncertainty is not None and (difference is not None or uncertainty not in maps):
        raise SpecsrError(
            f"uncertainty is {uncertainty!r}: expected one of {', '.join(maps)}, without a "
            "difference"
        )
    extra = difference is not None or uncertainty is not None
    count = len(maps) + extra
    if count not in _LAYOUTS:
        raise SpecsrError(f"{count} panels: expected 2 to 4, difference or uncertainty included")
    labels = {name: spec.grid.level_label for name, spec in maps.items()}
    if len(set(labels.values())) > 1:
        listed = ", ".join(f"{name} in {label}" for name, label in labels.items())
        raise SpecsrError(f"{listed}: expected one unit and scaling, for one dB scale")
    shown = {name: displayed(spec, channel, max_freq) for name, spec in maps.items()}
    top = colour_top([db for db, _ in shown.values()])
    bottom = top - db_range

    from matplotlib.figure import Figure

    rows, columns = _LAYOUTS[count]
    # two colour bars align with the panels beside two rows, or below a single row
    side = "bottom" if extra and rows == 1 else "right"
    size = (1.2 + 4.3 * columns, (0.6 if side == "right" else 1.4) + 3.2 * rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True)
    panels = list(grid.flat)
    for ax, (name, (db, extent)) in zip(panels, shown.items()):
        levels = draw(ax, db, extent, (bottom, top))
        ax.set_title(figure_text(name))
    level_panels = panels
    if difference is not None:
        a, b = (np.maximum(shown[name][0], bottom) for name in difference)
        span = (-DIFFERENCE_RANGE, DIFFERENCE_RANGE)
        hidden = (a <= bottom) & (b <= bottom)
        apart = np.where(hidden, np.nan, a - b)
        errors = draw(panels[-1], apart, shown[difference[0]][1], span, "RdBu_r")
        panels[-1].set_title(" \N{MINUS SIGN} ".join(map(figure_text, difference)))
        level_panels, last = panels[:2], panels[2:]
        label = "Difference (dB; grey: both below the scale)" if hidden.any() else "Difference (dB)"
        colour_bar(figure, errors, last, label, "both", side)
    if uncertainty is not None:
        values, extent = displayed(maps[uncertainty], channel, max_freq, uncertainty=True)
        shades = draw(panels[-1], values, extent, UNCERTAINTY_LIMITS, UNCERTAINTY_COLOURS)
        panels[-1].set_title(f"uncertainty of {figure_text(uncertainty)}")
        level_panels, last = panels[:-1], panels[-1:]
        colour_bar(figure, shades, last, UNCERTAINTY_LABEL, "max", side)
    colour_bar(figure, levels, level_panels, f"Level ({labels.popitem()[1]})", "min", side)
    times, freqs = limits(maps.values(), max_freq)
    panels[0].set_xlim(*times)
    panels[0].set_ylim(*freqs)
    for ax in panels:
        label_x(ax)
        label_y(ax)
        ax.label_outer()
    if suptitle is not None:
        figure.suptitle(figure_text(suptitle))
    return figure


def _compared(
    maps: Mapping[str, SpecMap], reference: str | None, difference: tuple[str, str] | None
) -> tuple[str, str] | None:
    """Names of the two maps to subtract, or None."""
    for name in (*([] if reference is None else [reference]), *(difference or ())):
        if name not in maps:
            raise SpecsrError(f"no map {name!r}: expected one of {', '.join(maps)}")
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
