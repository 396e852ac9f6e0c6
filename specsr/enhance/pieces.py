"""Large maps made finer in pieces of columns, so that the memory hardly exceeds that of the result.

A piece is a map of its own with margins of `MARGIN` coarse columns, wider than the receptive field
of the networks and the reach of the consistency.  A speed is searched for in each piece; its factor
follows the piece before (`specsr.nvh.speed_factor`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from specsr.enhance.segments import Segment, segments
from specsr.maps.grid import Grid
from specsr.maps.shaft_speed import ShaftSpeed
from specsr.maps.spec_map import SpecMap
from specsr.nvh.speed_factor import simple_factor
from specsr.progress import Progress

PIECE = 1 << 24
"""Fine cells, over all channels, up to which a map is one piece."""

LEAST, MARGIN = 128, 64
"""Least columns of a piece of the coarse map, and columns of its margins."""


def columns_of(low: Grid, channels: int, scale: tuple[int, int]) -> list[Segment]:
    """Return the pieces of a coarse map as ranges of its columns.

    Args:
        low: grid of the coarse map.
        channels: number of channels.
        scale: (s_f, s_t).
    """
    high = low.refined(*scale)
    if high.rows * high.frames * channels <= PIECE:
        return [Segment(0, low.frames, 0, low.frames)]
    size = max(LEAST, PIECE // (high.rows * channels * scale[1]) - 2 * MARGIN)
    return segments(low.frames, size, MARGIN)


def grid_of_columns(grid: Grid, first: int, last: int) -> tuple[Grid, slice]:
    """Return the grid of columns ``first`` to ``last`` (exclusive), and their samples."""
    hops = grid.cell[1] * grid.hop_length
    length = grid.length - first * hops
    if last < grid.frames:
        length = (last - first) * hops - grid.hop_length
    start = grid.start + first * hops / grid.rate
    samples = slice(first * hops, first * hops + length)
    return replace(grid, length=length, start=start), samples


def cut_columns(low: SpecMap, first: int, last: int) -> SpecMap:
    """Return columns ``first`` to ``last`` (exclusive) of a coarse map as a map of its own."""
    grid, samples = grid_of_columns(low.grid, first, last)
    return SpecMap(
        low.magnitude[..., first:last], grid,
        channels=low.channels, rpm=None if low.rpm is None else low.rpm[samples],
        shafts=tuple(ShaftSpeed(shaft.name, shaft.rpm[samples]) for shaft in low.shafts),
    )  # fmt: skip


def in_pieces(
    low: SpecMap, scale: tuple[int, int], work: Callable[[SpecMap, Progress | None], SpecMap],
    progress: Progress | None = None,
) -> SpecMap:  # fmt: skip
    """Return the finer map of a coarse one, made piece by piece.

    Args:
        low: the coarse map.
        scale: (s_f, s_t).
        work: function (coarse map, progress) -> finer map.
        progress: wraps the steps of ``work`` for one piece, else the pieces.
    """
    parts = columns_of(low.grid, len(low.channels), scale)
    if len(parts) == 1:
        return work(low, progress)
    grid, s_t = low.grid.refined(*scale), scale[1]
    shape = (len(low.channels), grid.rows, grid.frames)
    magnitude = np.empty(shape, dtype=np.float32)
    uncertainty: np.ndarray | None = None
    confidence = np.zeros(grid.frames, dtype=np.float32)
    rpm = np.zeros(grid.length) if low.rpm is None else low.rpm.copy()
    sources = set()
    shafts = [np.zeros(grid.frames, dtype=np.float32) for _ in low.shafts]
    hop = grid.hop_length * grid.cell[1]
    for part in progress(parts) if progress else parts:
        high = work(cut_columns(low, part.first, part.last), None)
        at = slice(part.start * s_t, min(part.stop * s_t, grid.frames))
        first = (part.start - part.first) * s_t
        own = slice(first, first + at.stop - at.start)
        magnitude[..., at] = high.magnitude[..., own]
        if high.uncertainty_db is not None:
            uncertainty = np.empty(shape, dtype=np.float32) if uncertainty is None else uncertainty
            uncertainty[..., at] = high.uncertainty_db[..., own]
        if high.rpm is not None and high.rpm_confidence is not None:
            sources.add(high.rpm_source)
            confidence[at] = high.rpm_confidence[own]
            found = high.rpm
            if high.rpm_source == "found":
                begin = (at.start - own.start) * hop
                before = rpm[begin : at.start * hop]
                found = float(simple_factor(before, found[: before.size])) * found
            samples = found[own.start * hop : own.stop * hop]
            rpm[at.start * hop : at.start * hop + samples.size] = samples
        for sure, shaft in zip(shafts, high.shafts):
            sure[at] = 0.0 if shaft.confidence is None else shaft.confidence[own]
    # the least direct source of all pieces
    source = next((s for s in ("found", "corrected", "given") if s in sources), None)
    return SpecMap(
        magnitude, grid, known=np.zeros(grid.rows, dtype=bool), channels=low.channels,
        rpm=rpm if sources else low.rpm, uncertainty_db=uncertainty,
        rpm_confidence=confidence if sources else None, rpm_source=source,
        shafts=tuple(ShaftSpeed(a.name, a.rpm, sure) for a, sure in zip(low.shafts, shafts)),
    )  # fmt: skip
