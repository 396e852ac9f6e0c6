"""Cells of order lines: the shape of a window over rows, the sweep within it, and pooling.

The frequency of an order is known far below a coarse cell, and so is the share of its power in
every coarse cell.  The levels of an order are linear in time between knots.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

REACH, PARTS = 40, 32
"""Rows on either side of a line that its shape covers, and points of the shape per row."""
FAINTEST = 1e-4
"""Power relative to the peak below which a line has no cells."""
SLOPES = np.concatenate([[0.0], np.geomspace(0.5, 60.0, 24)])
"""Rows that a tone sweeps within a window, for which its shape is tabulated."""


@functools.lru_cache(maxsize=8)
def line_shapes(window: str) -> np.ndarray:
    """Return the power of sweeping tones over rows, [SLOPES, 2 REACH PARTS + 1].

    Peak 1 for a steady tone.  Column i lies (i / PARTS - REACH) rows from the frequency at the
    centre of the window.

    Args:
        window: a scipy window.
    """
    from scipy.signal import get_window

    n = 512  # the shape over rows does not depend on the length of the window
    taps, at = get_window(window, n), (np.arange(n) - n / 2) / n
    tones = taps * np.exp(1j * math.pi * SLOPES[:, None] * at**2)
    power = np.square(np.abs(np.fft.fft(tones, n * PARTS))) / taps.sum() ** 2
    half = REACH * PARTS
    return np.concatenate([power[:, -half:], power[:, : half + 1]], axis=1)


@functools.lru_cache(maxsize=8)
def _cut_shapes(window: str) -> np.ndarray:
    """Return `line_shapes`, zero up to `FAINTEST` and more than 3 rows beyond the sweep."""
    away = np.abs(np.arange(2 * REACH * PARTS + 1) / PARTS - REACH)
    shapes = line_shapes(window)
    return np.where((shapes > FAINTEST) & (away <= 3 + SLOPES[:, None] / 2), shapes, 0.0)


@functools.lru_cache(maxsize=32)
def pooled_shapes(window: str, s_f: int) -> np.ndarray:
    """Return the mean power of s_f rows, the first of them at a column of `line_shapes`.

    Shape [SLOPES, 2 REACH PARTS + 1 + (s_f - 1) PARTS]: column i
    lies (i / PARTS - REACH - s_f + 1) rows from the frequency.
    """
    shapes = _cut_shapes(window)
    padded = np.pad(shapes, ((0, 0), ((s_f - 1) * PARTS,) * 2))
    size = shapes.shape[1] + (s_f - 1) * PARTS
    return np.mean([padded[:, j * PARTS : j * PARTS + size] for j in range(s_f)], axis=0)


@dataclass(frozen=True, eq=False)
class Tracks:
    """Frequencies of a shaft at the fine columns of one stretch of a map.

    Attributes:
        rows: rotation frequency in fine rows, float64 [T']; 0 where unknown.
        swept: rows that order 1 sweeps within a window, [T'].
    """

    rows: np.ndarray
    swept: np.ndarray


@dataclass(frozen=True, eq=False)
class LineCells:
    """Coarse cells of orders: a sparse matrix from levels at knots to power.

    Entry i adds ``below[i] * level[knot[i]] + above[i] * level[knot[i] + 1]`` to cell ``cell[i]``.

    Attributes:
        first: index of the first entry of every order, and the number of entries, [O + 1].
        cell: index of the coarse cell, row by row, int32 [N].
        knot: index of the knot below, counted over all orders, int32 [N].
        below, above: weights, float64 [N].
    """

    first: np.ndarray
    cell: np.ndarray
    knot: np.ndarray
    below: np.ndarray
    above: np.ndarray

    @property
    def entries(self) -> tuple[np.ndarray, ...]:
        """Return cell, knot, below and above."""
        return self.cell, self.knot, self.below, self.above


def joined_cells(parts: Sequence[LineCells], knots: int) -> LineCells:
    """Return the cells of several groups of orders, one after the other.

    Args:
        parts: cells of each group.
        knots: of every order.
    """
    sizes = np.cumsum([0, *(part.cell.size for part in parts)])
    orders = np.cumsum([0, *(part.first.size - 1 for part in parts)])
    first = [part.first[1:] + size for part, size in zip(parts, sizes)]
    knot = [part.knot + knots * int(below) for part, below in zip(parts, orders)]
    cell, below, above = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("cell", "below", "above")
    )
    return LineCells(np.concatenate([[0], *first]), cell, np.concatenate(knot), below, above)


def line_cells(
    orders: np.ndarray, tracks: Tracks, shift: float, window: str, scale: tuple[int, int],
    shape: tuple[int, int], knots: tuple[int, int],
) -> LineCells:  # fmt: skip
    """Return the coarse cells of orders.

    Args:
        orders: [O].
        tracks: frequencies of order 1.
        shift: rows that all lines are displaced by.
        window: a scipy window.
        scale: (s_f, s_t).
        shape: of the coarse map, (F, T).
        knots: fine columns between two knots, a multiple of s_t, and the number of knots.
    """
    found = _place(
        np.asarray(orders, dtype=np.float64), (tracks.rows, tracks.swept), shift,
        pooled_shapes(window, scale[0]), (SLOPES[1:] + SLOPES[:-1]) / 2, scale, shape, knots,
    )  # fmt: skip
    return LineCells(*found)


@njit(cache=True)
def _place(orders, tracks, shift, table, middles, scale, shape, knots):  # type: ignore[no-untyped-def]  # pragma: no cover
    rows, swept = tracks
    s_f, s_t = scale
    height, columns = shape
    step, count = knots
    low = (REACH + s_f - 1) * PARTS
    first = np.zeros(len(orders) + 1, dtype=np.int64)
    size = 0
    for fill in (False, True):
        if fill:
            size = first[-1]
        cell, knot = np.zeros(size, dtype=np.int32), np.zeros(size, dtype=np.int32)
        below, above = np.zeros(size), np.zeros(size)
        n = 0
        for o in range(len(orders)):
            for t in range(columns):
                begin, end = t * s_t, min((t + 1) * s_t, len(rows))
                bottom, top = height, -1
                for c in range(begin, end):
                    at = orders[o] * rows[c] + shift
                    if rows[c] <= 0 or at <= 0.5 or at >= height * s_f - 1:
                        continue
                    reach = min(REACH - 1, math.ceil(3 + 0.6 * abs(orders[o] * swept[c])))
                    bottom = min(bottom, max(0, int(math.floor((at - reach) / s_f))))
                    top = max(top, min(height - 1, int(math.floor((at + reach) / s_f))))
                if top < bottom:
                    continue
                if not fill:
                    n += top - bottom + 1
                    continue
                k = begin // step
                for r in range(bottom, top + 1):
                    cell[n + r - bottom] = r * columns + t
                    knot[n + r - bottom] = o * count + k
                for c in range(begin, end):
                    at = orders[o] * rows[c] + shift
                    if rows[c] <= 0 or at <= 0.5 or at >= height * s_f - 1:
                        continue
                    own = np.searchsorted(middles, abs(orders[o] * swept[c]))
                    part = (c - k * step) / step
                    for r in range(bottom, top + 1):
                        i = int(round((r * s_f - at) * PARTS)) + low
                        if 0 <= i < table.shape[1]:
                            value = table[own, i] / (end - begin)
                            below[n + r - bottom] += (1 - part) * value
                            above[n + r - bottom] += part * value
                n += top - bottom + 1
            first[o + 1] = n
    return first, cell, knot, below, above


def fine_cells(
    order: float, tracks: Tracks, window: str, rows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return fine row, fine column and power of the cells of an order of power 1, [N] each.

    Args:
        order: the order.
        tracks: frequencies of order 1.
        window: a scipy window.
        rows: of the fine map.
    """
    at = order * tracks.rows
    inside = np.nonzero((tracks.rows > 0) & (at > 0.5) & (at < rows - 1))[0]
    at, swept = at[inside, None], np.abs(order * tracks.swept[inside])
    shape = np.searchsorted((SLOPES[1:] + SLOPES[:-1]) / 2, swept)
    reach = min(REACH - 1, math.ceil(4 + 0.6 * swept.max(initial=0)))
    row = np.round(at).astype(int) + np.arange(-reach, reach + 1)
    away = np.round((row - at) * PARTS).astype(int) + REACH * PARTS
    value = _cut_shapes(window)[shape[:, None], away]
    kept = (row >= 0) & (row < rows) & (value > 0)
    return row[kept], np.broadcast_to(inside[:, None], row.shape)[kept], value[kept]
