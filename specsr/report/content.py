"""What the figures of a report show, on a page and on paper: parts, levels, differences, speeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.levels import to_db
from specsr.maps.spec_map import SpecMap
from specsr.pairs.band_input import KNOWN_PART
from specsr.plots.parts import Extent, colour_top, shrunk
from specsr.report.detail import shown_part
from specsr.report.page import Item, ReportOptions
from specsr.scores.baselines import interpolated
from specsr.signal import Signal
from specsr.units import reference_label


@dataclass(frozen=True)
class MapView:
    """Part and colours of the maps of a report.

    Attributes:
        channel: position of the channel.
        limits: bottom and top of the colour scale, dB.
        max_freq: highest frequency, Hz; None for all.
        span: first and last time, s; None for all.
        orders: orders whose lines are drawn.
    """

    channel: int
    limits: tuple[float, float]
    max_freq: float | None
    span: tuple[float, float] | None
    orders: Sequence[float] = ()


@dataclass(frozen=True, eq=False)
class Difference:
    """Difference of the levels of two maps.

    Attributes:
        title: which map minus which.
        values: dB, [rows, frames].
        spec: map whose grid they have.
    """

    title: str
    values: np.ndarray
    spec: SpecMap


def map_view(specs: Iterable[SpecMap], options: ReportOptions) -> MapView:
    """Return the part of the maps that is shown, on one colour scale from its highest level down.

    Args:
        specs: maps.
        options: of the report.
    """
    part = MapView(options.channel, (0, 0), options.max_freq, options.span, options.orders)
    top = colour_top([levels_in_view(spec, part)[0] for spec in specs])
    return MapView(
        options.channel, (top - options.db_range, top), options.max_freq, options.span,
        options.orders,
    )  # fmt: skip


def levels_in_view(spec: SpecMap, view: MapView) -> tuple[np.ndarray, Extent]:
    """Return the levels of the part in view in dB, for a figure, and its edges in s and Hz.

    Every block of cells, where it has too many for a figure, is shown by its maximum.
    """
    part = shown_part(spec, view.max_freq, view.span)
    values = shrunk(spec.magnitude[view.channel][part])
    db = to_db(np.square(values, dtype=np.float64)) - 20 * np.log10(spec.grid.reference)
    return db, edges(spec, part)


def edges(spec: SpecMap, part: tuple[slice, slice]) -> Extent:
    """Return the edges of a part of a map: left, right, bottom, top."""
    grid = spec.grid
    rows, columns = (range(n)[each] for n, each in zip(spec.magnitude.shape[1:], part))
    left = grid.start - grid.dt / grid.cell[1] / 2
    bottom = float(spec.freqs[0]) - grid.df / 2
    return (
        left + columns.start * grid.dt, left + columns.stop * grid.dt,
        bottom + rows.start * grid.df, bottom + rows.stop * grid.df,
    )  # fmt: skip


def panel_titles(items: Sequence[Item], channel: int) -> dict[str, SpecMap]:
    """Return the map of every item by the title of its panel, with the channel if several."""
    found = {}
    for item in items:
        names = item.spec.channels
        found[item.role + (f", {names[channel]}" if len(names) > 1 else "")] = item.spec
    return found


def difference(items: Sequence[Item], options: ReportOptions) -> Difference | None:
    """Return the difference of the last two items on one grid; None without such.

    The reference is subtracted, or the input; of a coarse map the cells are repeated.
    """
    if len(items) < 2:
        return None
    a, b = items[-2], items[-1]
    if b.is_result:
        a, b = b, a  # result minus input
    title = f"{a.role} - {b.role}"
    other = b.spec
    if not _same_grid(a.spec, b.spec):
        try:
            other = interpolated(b.spec, a.spec, "nearest")
        except SpecsrError:
            return None
        title += " (repeated cells)"
    levels = [x.db[options.channel].astype(np.float64) for x in (a.spec, other)]
    floor = max(x.max() for x in levels) - options.db_range
    values = np.maximum(levels[0], floor) - np.maximum(levels[1], floor)
    return Difference(f"{title}, dB", values, a.spec)


def _same_grid(a: SpecMap, b: SpecMap) -> bool:
    one, two = a.grid, b.grid
    return a.magnitude.shape[1:] == b.magnitude.shape[1:] and (one.df, one.dt) == (two.df, two.dt)


def speeds(spec: SpecMap, rpm: np.ndarray) -> dict[str, np.ndarray]:
    """Return the speed of the machine and of further shafts by name, 1/min per sample."""
    return {"speed": np.asarray(rpm)} | {shaft.name: shaft.rpm for shaft in spec.shafts}


def mean_spectra(
    specs: Mapping[str, SpecMap], channel: int, max_freq: float | None
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], str]:
    """Return the mean power density of maps over time: name -> (Hz, dB), and the unit.

    Power in a row is divided by the equivalent noise bandwidth of the window, so that noise has one
    level at every width of rows; lines are the higher the narrower the rows are.
    """
    found = {}
    for name, spec in specs.items():
        rows = shown_part(spec, max_freq, None)[0]
        power = np.square(spec.magnitude[channel][rows], dtype=np.float64).mean(1)
        if spec.grid.scaling == "rms":
            window = spec.grid.window_samples()
            power /= spec.grid.rate * np.square(window).sum() / window.sum() ** 2
        found[name] = (spec.freqs[rows], to_db(power) - 20 * np.log10(spec.grid.reference))
    unit = next(iter(specs.values())).grid.unit
    return found, f"dB/Hz {reference_label(unit)}"


def estimated_from(low: Item, high: Item) -> float:
    """Return the frequency in Hz from which the result is estimated; 0 for all, inf for none."""
    known = high.spec.known
    if isinstance(high.source, SpecMap):
        if known is None:  # such as a denoised map: no row is a measured one
            return 0.0
        return math.inf if known.all() else float(high.spec.freqs[int(np.argmin(known))])
    if isinstance(low.source, Signal) and high.source.rate > low.source.rate:
        return KNOWN_PART * low.source.rate / 2
    return 0.0


def rpm_of(item: Item, rpm: Any) -> np.ndarray:
    """Return the speed in 1/min at every sample of an item: its own, or that of another."""
    length = item.spec.grid.length
    if item.source.rpm is not None or len(rpm) == length:
        return rpm if item.source.rpm is None else item.source.rpm
    at = np.linspace(0, 1, length), np.linspace(0, 1, len(rpm))
    return np.interp(*at, rpm)
