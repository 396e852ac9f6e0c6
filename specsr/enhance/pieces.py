"""Large maps made finer in pieces of columns, so that the memory hardly exceeds that of the result.

A piece has margins of `MARGIN` coarse columns, wider than the receptive field of the networks and
the reach of the consistency.  What is to be known of the whole map before, as its speed, is found
between two passes over the pieces; the estimate of the first is kept where the result will be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from specsr.enhance.segments import Segment, segments
from specsr.io.limits import check_size
from specsr.maps.grid import Grid
from specsr.maps.shaft_speed import ShaftSpeed
from specsr.maps.spec_map import SpecMap

PIECE = 1 << 24
"""Fine cells, over all channels, up to which a map is one piece."""

LEAST, MARGIN = 128, 64
"""Least columns of a piece of the coarse map, and columns of its margins."""


RESULT, MEASURED = 9, 8
"""Bytes that a fine cell of the result takes (levels, uncertainty and their check), and a cell of
the coarse map (its power, in which the speed is searched for)."""

PER_CHANNEL, AT_ONCE = 16, 144
"""Bytes that a fine cell of the piece that is worked on takes: in every channel (estimate), and in
the channel that is worked on (network, fit, consistency)."""


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


def check_memory(low: SpecMap, scale: tuple[int, int]) -> None:
    """Raise `SpecsrError`, before any work, if the finer map exceeds the limit of memory."""
    grid = low.grid.refined(*scale)
    channels = len(low.channels)
    widest = max(part.last - part.first for part in columns_of(low.grid, channels, scale))
    cells = grid.rows * min(widest * scale[1], grid.frames)
    needed = (
        grid.rows * grid.frames * channels * RESULT
        + low.magnitude.size * MEASURED
        + cells * (PER_CHANNEL * channels + AT_ONCE)
    )
    check_size(needed, f"a finer map of {grid.rows} x {grid.frames} cells")


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


def replace_in_pieces(
    arrays: Sequence[np.ndarray], parts: Iterable[Segment], s_t: int,
    work: Callable[[Segment, list[np.ndarray]], Sequence[np.ndarray]],
) -> None:  # fmt: skip
    """Replace arrays piece by piece by what is made of them, each piece from all of its margins.

    Args:
        arrays: of one length, [..., T'] each; overwritten.
        parts: pieces of the coarse columns, in order and without gaps.
        s_t: columns of the arrays for each coarse one.
        work: function (piece, columns of the arrays with its margins) -> the same columns of the
            result; it may overwrite what it is given.
    """
    before: list[np.ndarray] = [x[..., :0] for x in arrays]  # margin, as it was
    for part in parts:
        own = slice(part.start * s_t, part.stop * s_t)
        given = [
            np.concatenate([kept, x[..., own.start : part.last * s_t]], axis=-1)
            for kept, x in zip(before, arrays)
        ]
        # the margin of the next piece begins MARGIN columns before its own
        first = max(0, part.stop - MARGIN)
        kept = slice((first - part.first) * s_t, (part.stop - part.first) * s_t)
        before = [x[..., kept].copy() for x in given]
        at = slice((part.start - part.first) * s_t, (part.stop - part.first) * s_t)
        for x, made in zip(arrays, work(part, given)):
            x[..., own] = made[..., at]
