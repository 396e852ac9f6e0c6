"""What orders at a known speed, and noise, can add to the cells of a coarse map.

The power of a coarse cell is linear in the powers of the orders (their place, the shape of the
window over rows, how far they sweep within it and which fine cells the coarse one averages are all
known) and in those of a smooth noise floor.  What lasts a moment and is broad, a click, is a part
of its own, or it would be taken for orders.
"""

from __future__ import annotations

import copy
import functools
import math

import numpy as np
from scipy import sparse

from specsr.maps.grid import Grid

KNOT = 16
"""Fine columns from one level of an order to the next; straight in between."""
POWER, REACH, PARTS = 0.7, 40, 32
SLOPES = np.concatenate([[0.0], np.geomspace(0.5, 60.0, 24)])
"""Rows that a tone sweeps through within a window, for which its shape is known."""


@functools.lru_cache(maxsize=8)
def line_shapes(window: str) -> np.ndarray:
    """Return the power of a sweeping tone over rows, [slopes, 2 REACH PARTS + 1], peak 1 at rest.

    Column i is (i / PARTS - REACH) rows from the frequency that the tone has in mid-window.
    """
    from scipy.signal import get_window

    n = 512  # of any length, a window has the same shape over rows
    taps, at = get_window(window, n), (np.arange(n) - n / 2) / n
    tones = taps * np.exp(1j * math.pi * SLOPES[:, None] * at**2)
    power = np.square(np.abs(np.fft.fft(tones, n * PARTS))) / taps.sum() ** 2
    half = REACH * PARTS
    return np.concatenate([power[:, -half:], power[:, : half + 1]], axis=1)


def _hats(at: np.ndarray, knots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the knot below each place, and the weight of the one above it."""
    below = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)
    return below, np.clip((at - knots[below]) / np.diff(knots)[below], 0, 1)


def _grown(last: int, first: float, most: float, share: float) -> np.ndarray:
    """Knots from 0 to ``last``, ever farther apart: by a share of where they are, within limits."""
    knots = [0.0]
    while knots[-1] < last or len(knots) < 2:
        knots.append(knots[-1] + min(max(first, share * knots[-1]), most))
    return np.array(knots)


class _Smooth:
    """A surface over coarse cells: straight lines between knots along rows and along columns."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray) -> None:
        self.rows, self.columns = rows, columns
        self.size = len(rows) * len(columns)

    def matrix(self, at_rows: np.ndarray, at_columns: np.ndarray) -> sparse.csr_matrix:
        """Return the matrix from levels at the knots to power at rows x columns."""
        axes = []
        for at, knots in ((at_rows, self.rows), (at_columns, self.columns)):
            below, above = _hats(at, knots)
            place = np.arange(len(at))
            axes.append(
                sparse.csr_matrix(
                    (np.r_[1 - above, above], (np.r_[place, place], np.r_[below, below + 1])),
                    shape=(len(at), len(knots)),
                )
            )
        return sparse.kron(*axes, format="csr")


class OrderModel:
    """One stretch of a map: what each order and the noise can add to its coarse cells."""

    def __init__(
        self, power: np.ndarray, grid: Grid, scale: tuple[int, int], speed: np.ndarray
    ) -> None:  # fmt: skip
        self.scale, self.grid = scale, grid
        self.shape = power.shape
        self.frames = len(speed)
        self.fine_rows = power.shape[0] * scale[0]
        self.shapes = line_shapes(grid.window)
        self.set_speed(speed)
        self.counts = np.bincount(np.arange(self.frames) // scale[1], minlength=power.shape[1])
        self.power = np.maximum(power, power.max() * 1e-14).ravel()
        self.tiny = 1e-30 * self.power.max()
        self.knots = np.arange(0, max(self.frames, 2) + KNOT - 1, KNOT, dtype=float)
        rows, columns = power.shape
        self.noise = (
            _Smooth(_grown(rows - 1, 1.5, 6.0, 0.2), np.arange(0.0, columns + 6, 6)),
            _Smooth(_grown(rows - 1, 8.0, math.inf, 0.35), np.arange(0.0, columns + 1)),
        )
        places = np.arange(rows, dtype=float), np.arange(columns, dtype=float)
        self.smooth = sparse.hstack([part.matrix(*places) for part in self.noise], format="csr")

    def set_speed(self, speed: np.ndarray) -> None:
        """Take turns a second at every fine column; 0: unknown."""
        known = np.nonzero(speed > 0)[0]
        steady = np.interp(np.arange(len(speed)), known, speed[known])
        self.speed = speed
        self.slope = np.gradient(steady, self.grid.dt) if len(speed) > 1 else np.zeros(1)
        self.matrices: dict[float, sparse.csc_matrix | None] = {}

    def order(self, order: float) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Return fine row, fine column and power of the cells that an order of power 1 fills."""
        freq = order * self.speed / self.grid.df
        there = np.nonzero((freq > 0.5) & (freq < self.fine_rows - 1))[0]
        if not len(there):
            return None
        seconds = self.grid.n_fft / self.grid.rate
        swept = np.abs(order * self.slope[there]) * seconds / self.grid.df
        kind = np.abs(SLOPES - swept[:, None]).argmin(axis=1)
        reach = min(REACH - 1, math.ceil(3 + swept.max() / 2))
        middle = np.round(freq[there]).astype(int)
        row = middle[:, None] + np.arange(-reach, reach + 1)
        away = np.round((row - freq[there, None]) * PARTS).astype(int) + REACH * PARTS
        value = self.shapes[kind[:, None], away]
        kept = (row >= 0) & (row < self.fine_rows) & (value > 1e-4)
        return row[kept], np.broadcast_to(there[:, None], row.shape)[kept], value[kept]

    def matrix(self, order: float) -> sparse.csc_matrix | None:
        """Return the matrix from an order's powers at the knots to the coarse cells, if any."""
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
        below, above = _hats(column.astype(float), self.knots)
        entries = np.r_[value * (1 - above), value * above]
        return sparse.csc_matrix(
            (entries, (np.r_[cell, cell], np.r_[below, below + 1])),
            shape=(self.power.size, len(self.knots)),
        )

    def fit(
        self, orders: list[float], iterations: int, start: dict[float, np.ndarray],
        noise: np.ndarray | None,
    ) -> tuple[dict[float, np.ndarray], np.ndarray, np.ndarray]:  # fmt: skip
        """Return powers of the orders at their knots, of the noise at its, and of all cells."""
        whole = sparse.hstack([*(self.matrix(o) for o in orders), self.smooth], format="csr")
        back = whole.T.tocsr()
        weight = np.asarray(back.sum(axis=1)).ravel()
        if noise is None:  # all at the mean level of the cells that they touch, clicks below it
            level = np.exp(back @ np.log(self.power) / np.maximum(weight, 1e-12))
            level[-self.noise[1].size :] *= 0.1
        else:
            level = np.concatenate([*(start[o] for o in orders), noise])
        level[weight <= 1e-9] = 0
        for _ in range(iterations):
            made = whole @ level + self.tiny
            level = (
                level * ((back @ (self.power / made**2)) / (back @ (1 / made) + 1e-300)) ** POWER
            )
        size = len(self.knots)
        found = {o: level[i * size : (i + 1) * size] for i, o in enumerate(orders)}
        return found, level[len(orders) * size :], whole @ level + self.tiny

    def at_speed(self, speed: np.ndarray) -> OrderModel:
        """Return the same with another speed (turns a second) where it was known."""
        other = copy.copy(self)
        other.set_speed(np.where(self.speed > 0, speed, 0.0))
        return other

    def column_likelihood(self, made: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of each coarse column if its expected power is ``made``."""
        return -np.reshape(self.power / made + np.log(made), self.shape).sum(axis=0)

    def gain(self, order: float, level: np.ndarray, made: np.ndarray) -> float:
        """Return the log-likelihood that would be lost without an order, all else as it is."""
        own = self.matrix(order) @ level
        cells = np.nonzero(own > 1e-3 * made)[0]
        power, with_it = self.power[cells], made[cells]
        without = np.maximum(with_it - own[cells], 1e-6 * with_it)
        return float(np.sum(power / without + np.log(without) - power / with_it - np.log(with_it)))

    def fine(
        self, levels: dict[float, np.ndarray], noise: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the power of orders and of noise on the fine grid, [F s_f, T'] each."""
        lines = np.zeros((self.fine_rows, self.frames))
        for order, level in levels.items():
            row, column, value = self.order(order)  # type: ignore[misc]  # it was fitted
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
