"""Levels of detail of a map for the screen: blocks of cells by power, lines kept at every level.

A line of one row, or a click of one column, keeps its level in a block that is shown by its
maximum.  The root mean square keeps the power of noise instead.  A `Pyramid` stores levels that are
4, 16, 64, ... times coarser along time, a third of the map in all, so that any part of a long map
is reduced to the size of a screen from few cells.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from specsr.choices import check
from specsr.errors import SpecsrError

Statistic = Literal["max", "rms", "peak"]
"""Value of a block: its maximum, its root mean square, or the value farthest from zero."""

STEP = 4
"""Columns of one level in a column of the next."""

_SLICES = 16
"""Blocks of up to this many cells are reduced slice by slice, which is faster than `reduceat`."""
_CHUNK = 1 << 22
"""Cells reduced at a time: bounds the memory beside a map that is on disk."""


def reduced(values: np.ndarray, s_f: int, s_t: int, by: Statistic = "max") -> np.ndarray:
    """Return the values of blocks of s_f x s_t cells, [..., ceil(rows / s_f), ceil(columns / s_t)].

    nan is ignored, except in a block without other values.  The last blocks may hold fewer cells.

    Args:
        values: [..., rows, columns]; magnitudes or levels for ``"max"``, magnitudes for ``"rms"``,
            differences for ``"peak"``.
        s_f, s_t: cells of a block along both axes, from 1 up.
        by: value of a block.

    Raises:
        SpecsrError: an unknown statistic, or blocks of less than one cell.
    """
    check(by, Statistic, "by")
    if min(s_f, s_t) < 1:
        raise SpecsrError(f"blocks of {s_f} x {s_t} cells: expected whole numbers from 1 up")
    if by == "rms":
        return np.sqrt(_mean(np.square(values), s_f, s_t, np.ones(values.shape[-1])))
    farthest = np.fmax if by == "max" else _farthest
    return _blocks(_blocks(values, s_t, -1, farthest), s_f, -2, farthest)


def _farthest(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the values farther from zero; nan only where both are."""
    a, b = np.where(np.isnan(a), b, a), np.where(np.isnan(b), a, b)
    return np.where(np.abs(b) > np.abs(a), b, a)


def _mean(power: np.ndarray, s_f: int, s_t: int, weights: np.ndarray) -> np.ndarray:
    """Return the mean of blocks; ``weights`` are the cells in each column, [columns]."""
    weights = weights.astype(power.dtype)
    across = _blocks(weights[None], s_t, -1, np.add)
    along = _blocks(np.ones((power.shape[-2], 1), power.dtype), s_f, -2, np.add)
    even = float(weights[0]) if (weights == weights[0]).all() else None
    weighted = power if even is not None else power * weights
    total = _blocks(_blocks(weighted, s_t, -1, np.add), s_f, -2, np.add)
    if not np.isnan(total).any():  # the usual case
        return total * even / (along * across) if even is not None else total / (along * across)
    good = ~np.isnan(power)
    total, count = np.where(good, power * weights, 0), good * weights
    for size, axis in ((s_t, -1), (s_f, -2)):
        total, count = (_blocks(x, size, axis, np.add) for x in (total, count))
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / count


def _blocks(
    values: np.ndarray, size: int, axis: int, join: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return blocks of ``size`` cells along an axis, joined by a function of two arrays."""
    if size == 1:
        return values
    length = values.shape[axis]
    if size > _SLICES and isinstance(join, np.ufunc):
        return join.reduceat(values, np.arange(0, length, size), axis=axis)
    values = np.moveaxis(values, axis, -1)
    whole = length // size * size
    parts = [values[..., k:whole:size] for k in range(size)] if whole else []
    found = [functools.reduce(join, parts)] if whole else []
    if whole < length:
        found.append(functools.reduce(join, np.split(values[..., whole:], length - whole, -1)))
    return np.moveaxis(np.concatenate(found, axis=-1), -1, axis)


@dataclass(frozen=True, eq=False)
class Tile:
    """Part of a map at one level of detail.

    Attributes:
        values: of the blocks, [..., rows, columns].
        first: first row and column of the map in it.
        block: rows and columns of the map in each block; the last blocks may hold fewer.
    """

    values: np.ndarray
    first: tuple[int, int]
    block: tuple[int, int]

    def edges(self, x: tuple[float, float], y: tuple[float, float]) -> tuple[float, ...]:
        """Return the outer edges of its blocks: left, right, bottom, top.

        A last block of fewer cells counts with its full width.

        Args:
            x, y: centre of the first column or row of the map, and the spacing.
        """
        found: list[float] = []
        for (centre, step), axis in ((x, 1), (y, 0)):
            low = self.first[axis]
            high = low + self.values.shape[axis - 2] * self.block[axis]
            found += [centre + (low - 0.5) * step, centre + (high - 0.5) * step]
        return tuple(found)


class Pyramid:
    """A map and its levels of detail along time.

    Args:
        values: [..., rows, columns], see `reduced`; may be a memory-mapped file, which is read
            in parts.
        by: value of a block.
        empty: makes the array of a level from its shape and dtype; default in memory.

    Raises:
        SpecsrError: an unknown statistic, or values with less than two axes.
    """

    def __init__(
        self,
        values: np.ndarray,
        by: Statistic = "max",
        empty: Callable[[Sequence[int], np.dtype], np.ndarray] = np.empty,
    ) -> None:
        check(by, Statistic, "by")
        if values.ndim < 2 or not values.size:
            raise SpecsrError(f"the map has shape {values.shape}: expected rows and columns")
        self.by: Statistic = by
        self.levels = [values]
        while self.levels[-1].shape[-1] > STEP:
            self.levels.append(self._coarser(len(self.levels) - 1, empty))

    def _coarser(
        self, level: int, empty: Callable[[Sequence[int], np.dtype], np.ndarray]
    ) -> np.ndarray:
        """Return the level above the given one, in chunks of columns."""
        values = self.levels[level]
        *outer, columns = values.shape
        found = empty((*outer, -(-columns // STEP)), values.dtype)
        chunk = max(1, _CHUNK // (math.prod(outer) * STEP)) * STEP
        for first in range(0, columns, chunk):
            last = min(first + chunk, columns)
            part = (..., slice(first, last))
            reduced_part = self._reduced(level, part, first, last, (1, STEP))
            found[..., first // STEP : -(-last // STEP)] = reduced_part
        return found

    def _reduced(
        self, level: int, part: tuple, first: int, last: int, block: tuple[int, int],
        gain: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Return blocks of a part of a level, which has the columns first to last."""
        s_f, s_t = block
        values = self.levels[level][part]
        if gain is not None:
            values = values * gain.astype(values.dtype)
        if self.by != "rms" or not level:
            return reduced(values, s_f, s_t, self.by)
        size = STEP**level
        weights = np.full(last - first, float(size))
        missing = self.levels[level].shape[-1] * size - self.levels[0].shape[-1]
        if last == self.levels[level].shape[-1]:
            weights[-1] -= missing
        return np.sqrt(_mean(np.square(values), s_f, s_t, weights))

    def tile(
        self,
        rows: tuple[int, int],
        columns: tuple[int, int],
        size: tuple[int, int],
        gain: np.ndarray | None = None,
    ) -> Tile:
        """Return a part of the map in at most ``size`` blocks, and two more along each axis.

        Blocks start at multiples of their size, so a line keeps its place while the view moves.
        Single cells are returned where they fit.

        Args:
            rows, columns: first and past-the-last one of the part; cut to the map.
            size: most rows and columns of blocks, from 1 up.
            gain: factor of every row of the map, above zero, [rows]; such as a weighting.

        Raises:
            SpecsrError: a part without cells, or a size of less than one block.
        """
        if min(size) < 1:
            raise SpecsrError(f"size is {size}: expected at least one block along each axis")
        bounds = []
        for (low, high), limit in zip((rows, columns), self.levels[0].shape[-2:], strict=True):
            low, high = max(0, low), min(limit, high)
            if low >= high:
                raise SpecsrError(f"rows {rows}, columns {columns}: expected a part of the map")
            bounds.append((low, high))
        (r0, r1), (c0, c1) = bounds
        s_f, wanted = -(-(r1 - r0) // size[0]), -(-(c1 - c0) // size[1])
        level = 0
        while STEP ** (level + 1) <= wanted and level + 1 < len(self.levels):
            level += 1
        s_t = -(-wanted // STEP**level)  # in columns of the level
        step = s_t * STEP**level
        r0, c0 = r0 // s_f * s_f, c0 // step * step
        r1 = min(-(-r1 // s_f) * s_f, self.levels[0].shape[-2])
        first = c0 // STEP**level
        last = min(-(-c1 // step) * s_t, self.levels[level].shape[-1])
        part = (..., slice(r0, r1), slice(first, last))
        weighted = None if gain is None else gain[r0:r1, None]
        values = self._reduced(level, part, first, last, (s_f, s_t), weighted)
        return Tile(values, (r0, c0), (s_f, step))
