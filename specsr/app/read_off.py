"""What is read off the part of a map that is seen: order cuts and third octaves."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from specsr.app.screen import Axes, ScreenMap
from specsr.choices import ORDER_RESOLUTION
from specsr.enhance.pieces import grid_of_columns
from specsr.errors import SpecsrError
from specsr.maps.spec_map import SpecMap
from specsr.names import csv_text
from specsr.nvh.export import cut_columns, cut_rows
from specsr.nvh.levels import BandLevels, third_octave_levels
from specsr.nvh.order_cut import OrderCut, order_cut
from specsr.nvh.order_map import order_map
from specsr.nvh.runs import turning
from specsr.nvh.weighted import weighted
from specsr.signal import Signal, channel_position

Span = tuple[float, float]

WHOLE = 1 << 23
"""Samples up to which a stretch of a recording is read off itself, not off its map."""


CELLS = 1 << 22
"""Cells of a map up to which each one is read; of a longer part, mean powers of several columns."""


@dataclass(frozen=True, eq=False)
class Look:
    """What is read off.

    Attributes:
        channel: name; the first one where a result has no such channel.
        span: part of the time axis, s.
        freqs: part of the frequency axis, Hz; third octaves with their centre outside are left out.
        orders: to cut; none without a speed.
        weighting: of the frequencies.
    """

    channel: str
    span: Span
    freqs: Span
    orders: tuple[float, ...] = ()
    weighting: str = "Z"


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read off one result.

    Attributes:
        title: of the result.
        label: unit of the levels.
        cuts: of one channel.
        bands: of one channel; None where there is none.
        notes: what could not be read, one line each.
    """

    title: str
    label: str
    cuts: tuple[OrderCut, ...]
    bands: BandLevels | None
    notes: tuple[str, ...] = ()


def of_map(title: str, screen: ScreenMap, look: Look) -> Reading:
    """Return what is read off a map: cells around each order, rows of each third octave.

    All cells of the map within the span count, however coarse they are drawn.  Of a long part
    (`CELLS`) each level is that of several columns together.
    """
    part, inside = columns_of(screen, look.channel, look.span)
    notes: list[str] = []
    cuts: tuple[OrderCut, ...] = ()
    bands: BandLevels | None = None
    try:
        bands = _within(third_octave_levels(
            part, weighting=look.weighting, columns=inside, low=1.0
        ), look.freqs)  # fmt: skip
        if look.orders and part.rpm is not None:
            spec = weighted(part, look.weighting)
            cuts = tuple(_cut_columns(order_cut(spec, None, k), inside) for k in look.orders)
    except SpecsrError as error:
        notes.append(str(error))
    return Reading(title, part.grid.level_label, cuts, bands, tuple(notes))


def of_recording(title: str, signal: Signal, look: Look, label: str) -> Reading:
    """Return what is read off a stretch of a recording: orders by angle, third octaves of it.

    Args:
        title: of the result.
        signal: the recording.
        look: what is read off.
        label: unit of the levels.
    """
    position = position_of(signal.channels, look.channel)
    begin, end = ((t - signal.start) * signal.rate for t in look.span)
    first, last = max(0, math.floor(begin)), min(signal.length, math.ceil(end))
    if last - first < 2:
        return Reading(title, label, (), None, (f"{title}: has nothing in this part",))
    part = signal.cut(first, last)
    part = part.replace(
        samples=part.samples[position : position + 1], channels=(signal.channels[position],)
    )
    notes: list[str] = []
    cuts: tuple[OrderCut, ...] = ()
    bands: BandLevels | None = None
    try:
        bands = _within(third_octave_levels(part, low=1.0, weighting=look.weighting), look.freqs)
    except SpecsrError as error:
        notes.append(str(error))
    if look.orders and part.rpm is not None:
        try:
            top = max(look.orders) + 4 * ORDER_RESOLUTION
            by_angle = order_map(turning(weighted(part, look.weighting)), max_order=top)
            cuts = tuple(by_angle.cut(order) for order in look.orders)
        except SpecsrError as error:
            notes.append(str(error))
    return Reading(title, label, cuts, bands, tuple(notes))


def columns_of(
    screen: ScreenMap, channel: str, span: Span, margin: int | None = None
) -> tuple[SpecMap, slice]:
    """Return one channel of the columns within a span, with margins, and which columns are inside.

    Args:
        screen: the map.
        channel: name; the first channel where there is none of that name.
        span: from and to, s.
        margin: columns on either side; None for those of a window, so that none is cut.

    Raises:
        SpecsrError: the map has no column within the span.
    """
    position = position_of(screen.channels, channel)
    grid = screen.grid
    times = grid.times()
    first = int(np.searchsorted(times, span[0]))
    last = int(np.searchsorted(times, span[1], side="right"))
    if first >= last:  # narrower than a column: the one around it
        first = int(np.clip(np.argmin(np.abs(times - sum(span) / 2)), 0, len(times) - 1))
        last = first + 1
        if not span[0] - grid.dt <= times[first] <= span[1] + grid.dt:
            raise SpecsrError("this part of the time axis has no column of the map")
    if margin is None:
        margin = 2 + math.ceil(grid.n_fft / grid.hop_length / grid.cell[1])
    begin, end = max(0, first - margin), min(grid.frames, last + margin)
    if (end - begin) * grid.rows > CELLS:
        return _means_of(screen, position, (begin, end), (first, last))
    own, samples = grid_of_columns(grid, begin, end)
    uncertainty = screen.uncertainty_db
    spec = SpecMap(
        np.asarray(screen.magnitude[position : position + 1, :, begin:end]), own,
        channels=(screen.channels[position],),
        rpm=None if screen.rpm is None else screen.rpm[samples],
        uncertainty_db=None
        if uncertainty is None
        else np.asarray(uncertainty[position : position + 1, :, begin:end]),
    )  # fmt: skip
    return spec, slice(first - begin, last - begin)


def _means_of(
    screen: ScreenMap, position: int, columns: tuple[int, int], inside: tuple[int, int]
) -> tuple[SpecMap, slice]:
    """Return mean powers of several columns as a map, and those of them that are inside."""
    grid = screen.grid
    most = max(1, CELLS // grid.rows)
    pyramid = screen.plane(position, Axes(by="rms")).pyramid
    tile = pyramid.tile((0, grid.rows), columns, (grid.rows, most))
    block, begin = tile.block[1], tile.first[1]
    end = min(grid.frames, begin + tile.values.shape[-1] * block)
    own, samples = grid_of_columns(grid, begin, end)
    own = own.pooled(1, block)
    spec = SpecMap(
        tile.values[: own.rows], own, channels=(screen.channels[position],),
        rpm=None if screen.rpm is None else screen.rpm[samples],
    )  # fmt: skip
    first = -(-(inside[0] - begin) // block)
    return spec, slice(first, max(first + 1, -(-(inside[1] - begin) // block)))


def position_of(channels: Sequence[str], channel: str) -> int:
    """Return the position of a channel; of the first one where there is none of that name."""
    return channel_position(channels, channel) if channel in channels else 0


def cuts_table(readings: Sequence[Reading], channel: str) -> str:
    """Return the order cuts of all results as CSV text; an unreadable level is an empty cell."""
    columns = cut_columns(readings[0].cuts) if readings else []
    rows = []
    for reading in readings:
        if reading.cuts and cut_columns(reading.cuts) != columns:  # some with an uncertainty
            columns = cut_columns([])
    for reading in readings:
        for values in cut_rows(reading.cuts, [channel]):
            rows.append([reading.title, *map(_cell, values[: len(columns)])])
    return csv_text(["result", *columns], rows)


def bands_table(readings: Sequence[Reading]) -> str:
    """Return the third octaves of all results as CSV text."""
    columns = ["result", "nominal_hz", "centre_hz", "level_db", "resolved"]
    rows: list[list[Any]] = []
    for reading in readings:
        if (bands := reading.bands) is not None:
            levels = zip(bands.nominal, bands.centres, bands.levels[0], bands.resolved)
            rows += [
                [reading.title, f"{nominal:g}", f"{centre:.6g}", _cell(float(level)), int(resolved)]
                for nominal, centre, level, resolved in levels
            ]
    return csv_text(columns, rows)


def _cell(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.6g}" if math.isfinite(value) else ""


def _within(bands: BandLevels, freqs: Span) -> BandLevels:
    """Return the third octaves with their centre in a range."""
    seen = (bands.centres >= freqs[0]) & (bands.centres <= freqs[1])
    return BandLevels(
        bands.centres[seen], bands.nominal[seen], bands.levels[:, seen], bands.resolved[seen]
    )


def _cut_columns(cut: OrderCut, inside: slice) -> OrderCut:
    """Return an order cut of some columns."""
    uncertainty = cut.uncertainty_db
    return dataclasses.replace(
        cut, times=cut.times[inside], rpm=cut.rpm[inside], levels=cut.levels[:, inside],
        bandwidth=cut.bandwidth[inside],
        uncertainty_db=None if uncertainty is None else uncertainty[:, inside],
    )  # fmt: skip
