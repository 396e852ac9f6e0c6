"""Linear model of a coarse map: orders at a known speed plus a smooth noise floor and transients.

The power of a coarse cell is linear in the powers of the orders: their frequencies, the shape of
the window over rows, the sweep within it and the fine cells that a coarse one averages are all
known.  It is also linear in the powers of a smooth noise floor.  Transients that are short and
broad, such as clicks, are a part of their own, or they would be taken for orders.
"""

from __future__ import annotations

import copy
import functools
import math

import numpy as np
from scipy import sparse

from specsr.maps.grid import Grid
from specsr.nvh.speed import fill_gaps

KNOT = 16
"""Fine columns between two levels of an order; linear in between."""
EXPONENT = 0.7
"""Of the multiplicative updates; below 1 for stability."""
REACH, PARTS = 40, 32
"""Rows on either side of a line that its shape covers, and points of the shape per row."""
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


def _linear(at: np.ndarray, knots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the index of the knot below each position, and the weight of the knot above it."""
    below = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)
    return below, np.clip((at - knots[below]) / np.diff(knots)[below], 0, 1)


def _knots(last: int, first: float, most: float, share: float) -> np.ndarray:
    """Return knots from 0 to ``last``: each distance a share of the position, within limits."""
    knots = [0.0]
    while knots[-1] < last or len(knots) < 2:
        knots.append(knots[-1] + min(max(first, share * knots[-1]), most))
    return np.array(knots)


class _Surface:
    """A surface over coarse cells, bilinear between knots in rows and columns."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray) -> None:
        self.rows, self.columns = rows, columns
        self.size = len(rows) * len(columns)

    def matrix(self, at_rows: np.ndarray, at_columns: np.ndarray) -> sparse.csr_matrix:
        """Return the matrix from powers at the knots to powers at rows x columns."""
        axes = []
        for at, knots in ((at_rows, self.rows), (at_columns, self.columns)):
            below, above = _linear(at, knots)
            row = np.arange(len(at))
            axes.append(
                sparse.csr_matrix(
                    (np.r_[1 - above, above], (np.r_[row, row], np.r_[below, below + 1])),
                    shape=(len(at), len(knots)),
                )
            )
        return sparse.kron(*axes, format="csr")


class OrderModel:
    """Linear model of one stretch of a coarse map.

    Args:
        power: of the coarse map, [F, T].
        grid: of the fine map, of s_f F rows.
        scale: (s_f, s_t).
        rotation_hz: rotation frequency at every fine column, Hz, [T']; 0 where unknown, above zero
            in one column at least.
    """

    def __init__(
        self, power: np.ndarray, grid: Grid, scale: tuple[int, int], rotation_hz: np.ndarray
    ) -> None:
        self.scale, self.grid = scale, grid
        self.shape = power.shape
        self.frames = len(rotation_hz)
        self.fine_rows = power.shape[0] * scale[0]
        self.shapes = line_shapes(grid.window)
        self._set_speed(rotation_hz)
        self.counts = np.bincount(np.arange(self.frames) // scale[1], minlength=power.shape[1])
        self.power = np.maximum(power, power.max() * 1e-14).ravel()
        self.tiny = 1e-30 * self.power.max()
        self.knots = np.arange(0, max(self.frames, 2) + KNOT - 1, KNOT, dtype=float)
        rows, columns = power.shape
        self.noise = (
            _Surface(_knots(rows - 1, 1.5, 6.0, 0.2), np.arange(0.0, columns + 6, 6)),
            _Surface(_knots(rows - 1, 8.0, math.inf, 0.35), np.arange(0.0, columns + 1)),
        )
        places = np.arange(rows, dtype=float), np.arange(columns, dtype=float)
        self.smooth = sparse.hstack([part.matrix(*places) for part in self.noise], format="csr")

    def _set_speed(self, rotation_hz: np.ndarray) -> None:
        self.rotation_hz = rotation_hz
        filled = fill_gaps(rotation_hz)
        self.slope = np.gradient(filled, self.grid.dt) if len(filled) > 1 else np.zeros(1)
        self.matrices: dict[float, sparse.csc_matrix | None] = {}

    def at_speed(self, rotation_hz: np.ndarray) -> OrderModel:
        """Return the same model at another speed, which is used where the own one is known."""
        other = copy.copy(self)
        other._set_speed(np.where(self.rotation_hz > 0, rotation_hz, 0.0))
        return other

    def order(self, order: float) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Return fine row, fine column and power of the cells of an order of power 1, or None."""
        freq = order * self.rotation_hz / self.grid.df
        inside = np.nonzero((freq > 0.5) & (freq < self.fine_rows - 1))[0]
        if not len(inside):
            return None
        seconds = self.grid.n_fft / self.grid.rate
        swept = np.abs(order * self.slope[inside]) * seconds / self.grid.df
        shape = np.abs(SLOPES - swept[:, None]).argmin(axis=1)
        reach = min(REACH - 1, math.ceil(3 + swept.max() / 2))
        middle = np.round(freq[inside]).astype(int)
        row = middle[:, None] + np.arange(-reach, reach + 1)
        away = np.round((row - freq[inside, None]) * PARTS).astype(int) + REACH * PARTS
        value = self.shapes[shape[:, None], away]
        kept = (row >= 0) & (row < self.fine_rows) & (value > 1e-4)
        return row[kept], np.broadcast_to(inside[:, None], row.shape)[kept], value[kept]

    def matrix(self, order: float) -> sparse.csc_matrix | None:
        """Return the matrix from an order's powers at the knots to the coarse cells, or None."""
        if order not in self.matrices:
            self.matrices[order] = self._matrix(order)
        return self.matrices[order]

    def _matrix(self, order: float) -> sparse.csc_matrix | None:
        cells = self.order(order)
        if cells is None:
            return None
        row, column, value = cells
        s_f, s_t = self.scale
        cell = row // s_f * self.shape[1] + column // s_t
        value = value / (s_f * self.counts[column // s_t])
        below, above = _linear(column.astype(float), self.knots)
        entries = np.r_[value * (1 - above), value * above]
        return sparse.csc_matrix(
            (entries, (np.r_[cell, cell], np.r_[below, below + 1])),
            shape=(self.power.size, len(self.knots)),
        )

    def fit(
        self, orders: list[float], iterations: int, start: dict[float, np.ndarray],
        noise: np.ndarray | None,
    ) -> tuple[dict[float, np.ndarray], np.ndarray, np.ndarray]:  # fmt: skip
        """Return the power of each order at its knots, of the noise at its knots, and of all cells.

        Args:
            orders: to fit, each with a `matrix`.
            iterations: number of multiplicative updates.
            start: power of each order at its knots to start from; unused without ``noise``.
            noise: power of the noise at its knots to start from; None starts from the data.
        """
        whole = sparse.hstack([*(self.matrix(o) for o in orders), self.smooth], format="csr")
        back = whole.T.tocsr()
        weight = np.asarray(back.sum(axis=1)).ravel()
        if noise is None:  # the mean level of the cells covered; transients start 10 dB below
            level = np.exp(back @ np.log(self.power) / np.maximum(weight, 1e-12))
            level[-self.noise[1].size :] *= 0.1
        else:
            level = np.concatenate([*(start[o] for o in orders), noise])
        level[weight <= 1e-9] = 0
        for _ in range(iterations):
            expected = whole @ level + self.tiny
            ratio = (back @ (self.power / expected**2)) / (back @ (1 / expected) + 1e-300)
            level = level * ratio**EXPONENT
        size = len(self.knots)
        found = {o: level[i * size : (i + 1) * size] for i, o in enumerate(orders)}
        return found, level[len(orders) * size :], whole @ level + self.tiny

    def column_likelihood(self, expected: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of each coarse column for an expected power [F T], [T]."""
        return -np.reshape(self.power / expected + np.log(expected), self.shape).sum(axis=0)

    def gain(self, order: float, level: np.ndarray, expected: np.ndarray) -> float:
        """Return the log-likelihood lost without an order of power ``level`` at its knots."""
        own = self.matrix(order) @ level
        cells = np.nonzero(own > 1e-3 * expected)[0]
        power, with_it = self.power[cells], expected[cells]
        without = np.maximum(with_it - own[cells], 1e-6 * with_it)
        return float(np.sum(power / without + np.log(without) - power / with_it - np.log(with_it)))

    def fine(
        self, levels: dict[float, np.ndarray], noise: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the power of the orders and of the noise on the fine grid, [F s_f, T'] each."""
        lines = np.zeros((self.fine_rows, self.frames))
        for order, level in levels.items():
            row, column, value = self.order(order)  # type: ignore[misc]  # fitted orders have cells
            at = np.interp(column, self.knots, level)
            np.add.at(lines, (row, column), value * at)
        s_f, s_t = self.scale
        rows = (np.arange(self.fine_rows) - (s_f - 1) / 2) / s_f
        columns = (np.arange(self.frames) - (s_t - 1) / 2) / s_t
        rest = np.zeros(lines.shape)
        for part in self.noise:
            level, noise = noise[: part.size], noise[part.size :]
            rest += (part.matrix(rows, columns) @ level).reshape(lines.shape)
        return lines, rest
