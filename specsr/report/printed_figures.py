"""Figures of a report on paper: maps with orders and speed, spectra, third octaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from specsr.maps.spec_map import SpecMap
from specsr.nvh.levels import BandLevels
from specsr.nvh.order_cut import OrderCut
from specsr.plots.comparison import DIFFERENCE_RANGE
from specsr.plots.cuts import plot_cuts
from specsr.plots.maps import limits
from specsr.plots.parts import (
    colour_bar,
    draw,
    draw_orders,
    figure_text,
    label_x,
    label_y,
)
from specsr.report.content import Difference, MapView, edges, levels_in_view, speeds
from specsr.report.detail import shown_part

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

MAP_HEIGHT, SPEED_HEIGHT = 54.0, 30.0
"""Heights of a row of maps and of the speed, mm."""
_POINTS = 1000
"""Points of a curve of the speed."""
_FONT = 7
_MARKED = 3000
"""Cells of a side up to which a difference is drawn without thinning."""


def maps_height(maps: int, speed: bool) -> float:
    """Return the height of the figure of as many maps, difference included, in mm."""
    return MAP_HEIGHT * maps + (SPEED_HEIGHT if speed else 0)


def draw_maps(
    figure: SubFigure,
    maps: Mapping[str, SpecMap],
    difference: Difference | None,
    view: MapView,
    rpm: np.ndarray | None,
    marks: Mapping[str, float],
) -> None:
    """Draw maps one below the other on one colour scale, then their difference and the speed.

    Args:
        figure: part of a page.
        maps: title -> map.
        difference: of two maps; None for none.
        view: part and colours.
        rpm: speed in 1/min at every sample of the first map's signal; None if unknown.
        marks: title -> frequency in Hz from which that map is estimated.
    """
    count = len(maps) + (difference is not None)
    ratios = [MAP_HEIGHT] * count + [SPEED_HEIGHT] * (rpm is not None)
    axes = list(
        figure.subplots(len(ratios), 1, sharex=True, height_ratios=ratios, squeeze=False).flat
    )
    first = next(iter(maps.values()))
    times, freqs = limits(maps.values(), view.max_freq)
    for ax, (title, spec) in zip(axes, maps.items()):
        values, extent = levels_in_view(spec, view)
        image = draw(ax, values, extent, view.limits)
        _frame(ax, title, view.span or times, freqs)
        if title in marks:
            ax.axhline(marks[title], color="cyan", lw=0.8, ls="--")
        if rpm is not None and view.orders:
            at = np.linspace(0, len(rpm) - 1, min(len(rpm), _POINTS)).astype(int)
            when = first.grid.start + at * (first.grid.length / first.grid.rate / len(rpm))
            draw_orders(ax, view.orders, when, np.abs(np.asarray(rpm)[at]) / 60)
    label = f"Level ({first.grid.level_label})"
    colour_bar(figure, image, axes[: len(maps)], label, "min")
    if difference is not None:
        ax = axes[len(maps)]
        part = shown_part(difference.spec, view.max_freq, view.span)
        values = _thinned(difference.values[part])
        span = (-DIFFERENCE_RANGE, DIFFERENCE_RANGE)
        image = draw(ax, values, edges(difference.spec, part), span, "RdBu_r")
        _frame(ax, difference.title.removesuffix(", dB"), view.span or times, freqs)
        colour_bar(figure, image, [ax], "Difference (dB)", "both")
    if rpm is not None:
        ax = axes[-1]
        for name, each in speeds(first, rpm).items():
            at = np.linspace(0, len(each) - 1, min(len(each), _POINTS)).astype(int)
            when = first.grid.start + at * (first.grid.length / first.grid.rate / len(each))
            ax.plot(when, each[at], lw=1, label=figure_text(name))
        ax.set_ylabel("Speed (rpm)")
        ax.grid(alpha=0.3)
        if first.shafts:
            ax.legend(fontsize=_FONT)
    label_x(axes[-1])
    for ax in axes:
        ax.label_outer()
    for ax in figure.axes:  # colour bars too
        _small(ax)


def _thinned(values: np.ndarray) -> np.ndarray:
    """Return a difference [rows, columns] with means of blocks of cells where it has too many."""
    for axis in (0, 1):
        size = -(-values.shape[axis] // _MARKED)
        if size > 1:
            starts = np.arange(0, values.shape[axis], size)
            counts = np.diff(np.append(starts, values.shape[axis]))
            total = np.add.reduceat(values, starts, axis=axis)
            values = total / (counts[:, None] if axis == 0 else counts)
    return values


def _frame(
    ax: Axes, title: str, times: tuple[float, float], freqs: tuple[float, float]
) -> None:  # fmt: skip
    ax.set_xlim(*times)
    ax.set_ylim(*freqs)
    label_x(ax)
    label_y(ax)
    ax.set_title(figure_text(title), fontsize=_FONT + 1)


def _small(ax: Axes) -> None:
    """Set the letters of axes to the size of those of a page."""
    ax.tick_params(labelsize=_FONT)
    ax.xaxis.label.set_fontsize(_FONT)
    ax.yaxis.label.set_fontsize(_FONT)


def draw_cuts(
    figure: SubFigure, cuts: Mapping[str, Sequence[OrderCut]], label: str, channel: int, x: str
) -> None:
    """Draw the levels of orders over speed or time."""
    ax = figure.subplots()
    plot_cuts(cuts, label, x=x, ax=ax, channel=channel)  # type: ignore[arg-type]  # checked there
    ax.legend(
        fontsize=_FONT - 1, loc="upper left", bbox_to_anchor=(0, -0.2), ncols=2, frameon=False
    )
    _small(ax)


def draw_spectra(
    figure: SubFigure, spectra: Mapping[str, tuple[np.ndarray, np.ndarray]], label: str
) -> None:
    """Draw mean spectra: name -> (Hz, dB)."""
    ax = figure.subplots()
    for name, (freqs, levels) in spectra.items():
        ax.plot(freqs, levels, lw=0.8, label=figure_text(name))
    ax.set_xlabel("Frequency (Hz)")
    ax.set_ylabel(f"Level ({label})")
    ax.grid(alpha=0.3)
    ax.margins(x=0)
    ax.legend(fontsize=_FONT)
    _small(ax)


def draw_bands(
    figure: SubFigure, bands: Mapping[str, BandLevels], label: str, channel: int
) -> None:
    """Draw third-octave levels as bars, one group per third octave."""
    ax = figure.subplots()
    shown = {
        name: np.isfinite(each.levels[channel]) & each.resolved for name, each in bands.items()
    }
    nominal = sorted(set().union(*(bands[name].nominal[seen] for name, seen in shown.items())))
    heights = [bands[name].levels[channel][seen] for name, seen in shown.items()]
    lowest = min((h.min() for h in heights if h.size), default=0.0)
    floor = 10 * np.floor(lowest / 10) - 5
    width = 0.85 / len(bands)
    for i, ((name, seen), levels) in enumerate(zip(shown.items(), heights)):
        places = [
            nominal.index(f) + (i - (len(bands) - 1) / 2) * width for f in bands[name].nominal[seen]
        ]
        ax.bar(places, levels - floor, 0.95 * width, bottom=floor, label=figure_text(name))
    ax.set_xticks(range(len(nominal)), [f"{f:g}" for f in nominal], rotation=60)
    ax.set_xlabel("Third octave (Hz)")
    ax.set_ylabel(f"Level ({label})")
    ax.grid(alpha=0.3, axis="y")
    ax.legend(fontsize=_FONT, ncols=len(bands))
    _small(ax)
