"""Linear model of a coarse map: orders at a known speed plus a smooth noise floor and transients.

The power of a coarse cell is linear in the powers of the orders: their frequencies, the shape of
the window over rows, the sweep within it and the fine cells that a coarse one averages are all
known (`specsr.nvh.order_lines`).  It is also linear in the powers of a smooth noise floor.
Transients that are short and broad, such as clicks, are a part of their own, or they would be taken
for orders.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from specsr.maps.grid import Grid
from specsr.nvh.order_lines import LineCells, Tracks, fine_cells, joined_cells, line_cells
from specsr.nvh.order_updates import line_gains, line_sums, surface_sums, update
from specsr.nvh.speed import fill_gaps

KNOT = 16
"""Approximate number of fine columns between two levels of an order; linear in between."""


@dataclass(frozen=True, eq=False)
class Levels:
    """Powers of a model.

    Attributes:
        orders: [O].
        lines: power of every order at the knots, [O, K].
        noise: power of the noise floor at its knots, [N].
        clicks: power of the transients at their knots, [M].
        shaft: index of the shaft of every order, ascending, int [O]; None for the first of all.
    """

    orders: np.ndarray
    lines: np.ndarray
    noise: np.ndarray
    clicks: np.ndarray
    shaft: np.ndarray | None = None

    def only(self, kept: np.ndarray) -> Levels:
        """Return the levels with some orders alone, ``kept`` bool or index."""
        shaft = None if self.shaft is None else self.shaft[kept]
        return replace(self, orders=self.orders[kept], lines=self.lines[kept], shaft=shaft)


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


class Surface:
    """A surface over coarse cells, bilinear between knots in rows and columns.

    Attributes:
        rows, columns: positions of the knots in coarse cells.
        size: number of knots.
    """

    def __init__(self, rows: np.ndarray, columns: np.ndarray) -> None:
        self.rows, self.columns = rows, columns
        self.size = len(rows) * len(columns)

    def at(self, level: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return the surface of levels [size] at positions in coarse cells, [rows, columns]."""
        (a, up), (b, right) = _linear(rows, self.rows), _linear(columns, self.columns)
        knots = level.reshape(len(self.rows), len(self.columns))
        along = (1 - up)[:, None] * knots[a] + up[:, None] * knots[a + 1]
        return (1 - right) * along[:, b] + right * along[:, b + 1]


class OrderModel:
    """Linear model of one stretch of a coarse map.

    Args:
        power: of the coarse map, [F, T].
        grid: of the fine map, of s_f F rows.
        scale: (s_f, s_t).
        rotation_hz: rotation frequency at every fine column, Hz, [T']; 0 where unknown.
        others: the same of further shafts.
    """

    def __init__(
        self, power: np.ndarray, grid: Grid, scale: tuple[int, int], rotation_hz: np.ndarray,
        others: Sequence[np.ndarray] = (),
    ) -> None:  # fmt: skip
        self.scale, self.grid = scale, grid
        self.shape = power.shape
        self.frames = len(rotation_hz)
        self.fine_rows = power.shape[0] * scale[0]
        self.power = np.maximum(power, power.max() * 1e-14).astype(np.float64)
        self.tiny = 1e-30 * self.power.max()
        step = scale[1] * max(1, round(KNOT / scale[1]))
        self.knots = np.arange(0, self.frames + step, step, dtype=float)
        rows, columns = power.shape
        self.noise = Surface(_knots(rows - 1, 1.5, 6.0, 0.2), np.arange(0.0, columns + 6, 6))
        self.clicks = Surface(_knots(rows - 1, 8.0, math.inf, 0.35), np.arange(0.0, columns + 1))
        self._places = tuple(
            (_linear(np.arange(float(rows)), part.rows),
             _linear(np.arange(float(columns)), part.columns))
            for part in (self.noise, self.clicks)
        )  # fmt: skip
        self.rotation_hz = rotation_hz
        self.tracks = self._tracks(rotation_hz)
        self.shafts = (self.tracks, *map(self._tracks, others))

    def _tracks(self, rotation_hz: np.ndarray) -> Tracks:
        filled = fill_gaps(rotation_hz)
        slope = np.gradient(filled, self.grid.dt) if len(filled) > 1 else np.zeros(1)
        seconds = self.grid.n_fft / self.grid.rate
        return Tracks(rotation_hz / self.grid.df, slope * seconds / self.grid.df)

    def cells(
        self, orders: np.ndarray, rotation_hz: np.ndarray | None = None, shift: float = 0.0,
        shaft: np.ndarray | None = None,
    ) -> LineCells:  # fmt: skip
        """Return the coarse cells of orders.

        Args:
            orders: [O].
            rotation_hz: another speed of the first shaft in Hz, [T'], used where the own one is
                known.
            shift: fine rows that all lines are displaced by.
            shaft: index of the shaft of every order, ascending, [O]; None for the first of all.
        """
        tracks = self.tracks
        if rotation_hz is not None:
            tracks = self._tracks(np.where(self.rotation_hz > 0, rotation_hz, 0.0))
        knots = int(self.knots[1]), len(self.knots)
        form = self.grid.window, self.scale, self.shape, knots
        if shaft is None:
            return line_cells(orders, tracks, shift, *form)
        parts = [
            line_cells(orders[shaft == i], each, shift, *form)
            for i, each in enumerate((tracks, *self.shafts[1:]))
        ]
        return joined_cells(parts, len(self.knots))

    def start(self, cells: LineCells, levels: Levels) -> Levels:
        """Return the levels with those of lines from the map: a start that favours no speed.

        The mean level in dB of the cells that each level covers.
        """
        size = levels.lines.size
        total = line_sums(np.log(self.power), cells.entries, size)
        weight = line_sums(np.ones(self.shape), cells.entries, size)
        lines = np.where(weight > 1e-9, np.exp(total / np.maximum(weight, 1e-12)), 0.0)
        return replace(levels, lines=lines.reshape(levels.lines.shape))

    def first(
        self, orders: np.ndarray, cells: LineCells, shaft: np.ndarray | None = None
    ) -> Levels:
        """Return levels to start the first fit from: means in dB, transients 10 dB lower."""
        smooth = []
        for part, places in zip((self.noise, self.clicks), self._places):
            shape = len(part.rows), len(part.columns)
            total, weight = (
                surface_sums(values, *places, shape)
                for values in (np.log(self.power), np.ones(self.shape))
            )
            smooth.append(np.exp(total / np.maximum(weight, 1e-12)).ravel())
        lines = np.zeros((len(orders), len(self.knots)))
        orders = np.asarray(orders, dtype=np.float64)
        return self.start(cells, Levels(orders, lines, smooth[0], 0.1 * smooth[1], shaft))

    def fit(self, cells: LineCells, levels: Levels, iterations: int) -> tuple[Levels, np.ndarray]:
        """Return levels after multiplicative updates, and the power that they give, [F, T].

        Args:
            cells: of the orders.
            levels: to start from.
            iterations: number of updates.
        """
        lines = levels.lines.ravel().copy()
        noise = levels.noise.reshape(len(self.noise.rows), -1).copy()
        clicks = levels.clicks.reshape(len(self.clicks.rows), -1).copy()
        expected = np.empty(self.shape)
        update(
            self.power, expected, cells.entries, self._places, (lines, noise, clicks), iterations,
            self.tiny,
        )  # fmt: skip
        found = replace(
            levels, lines=lines.reshape(levels.lines.shape), noise=noise.ravel(),
            clicks=clicks.ravel(),
        )  # fmt: skip
        return found, expected

    def log_likelihood(self, expected: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of each coarse cell for an expected power, [F, T]."""
        return -(self.power / expected + np.log(expected))

    def gains(self, cells: LineCells, levels: Levels, expected: np.ndarray) -> np.ndarray:
        """Return the log-likelihood lost without each of the orders, [O].

        Args:
            cells: of the orders.
            levels: of a fit.
            expected: power of the coarse cells at these levels, [F, T].
        """
        flat = self.power.ravel(), expected.ravel()
        return line_gains(*flat, cells.first, cells.entries, levels.lines.ravel())

    def fine(self, levels: Levels, weight: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return powers on the fine grid, [F s_f, T'] each: orders, weighted orders, and the rest.

        Args:
            levels: of a fit.
            weight: of every order, [O].
        """
        lines, weighted = (np.zeros((self.fine_rows, self.frames)) for _ in range(2))
        shafts = np.zeros(len(weight), dtype=int) if levels.shaft is None else levels.shaft
        for order, shaft, level, part in zip(levels.orders, shafts, levels.lines, weight):
            tracks = self.shafts[shaft]
            row, column, value = fine_cells(order, tracks, self.grid.window, self.fine_rows)
            power = value * np.interp(column, self.knots, level)
            np.add.at(lines, (row, column), power)
            np.add.at(weighted, (row, column), part * power)
        s_f, s_t = self.scale
        rows = (np.arange(self.fine_rows) - (s_f - 1) / 2) / s_f
        columns = (np.arange(self.frames) - (s_t - 1) / 2) / s_t
        rest = self.noise.at(levels.noise, rows, columns)
        return lines, weighted, rest + self.clicks.at(levels.clicks, rows, columns)
