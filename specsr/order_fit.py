"""Levels of orders fitted to a coarse map whose speed is known.

With the speed known, so is the place of every order, far below a coarse cell; what is not known is
its level.  The power of a coarse cell is linear in the powers of the orders and of the noise, so a
non-negative fit finds them, over time and over all cells that an order sweeps through together.
The measure of fit is Itakura-Saito, the likelihood of a periodogram, and the updates are those of
Févotte, Bertin, Durrieu, Neural Computation 21(3), 2009, for known shapes.

The noise is smooth in frequency and time; what lasts a moment and is broad is a part of its own,
or clicks would be taken for orders.  Orders that explain little are dropped, the least first.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.ndimage import maximum_filter1d, uniform_filter

from .degrade import pool_power
from .grid import Grid
from .infer import Progress

STEP, HIGHEST = 0.5, 160.0
"""Distance of the orders that are looked for, and the last of them."""
SEGMENT, OVERLAP = 256, 32
"""Coarse columns that are fitted at a time, and how many of them two neighbours share."""
KNOT = 16
"""Fine columns from one level of an order to the next; straight in between."""
WORTH = 2.5
"""Least gain in log-likelihood of an order for each of its levels."""
WEIGHT = 0.75
"""Most that the fit counts beside a network's estimate, where all power is an order's."""
SPECKLE, TOLERANCE = 2.0, 0.7
"""Misfit in dB (rms over 3 x 5 coarse cells) that speckle alone gives, and what may come on top."""
NEAR, LINE = 0.3, 0.5
"""Parts of a network's doubt that the fit takes away, around lines and besides on them; with them
the doubt held 66 to 72 % of the errors on synthetic machines of training seeds."""
ROUNDS, POWER, REACH, PARTS = 6, 0.7, 40, 32
SLOPES = np.concatenate([[0.0], np.geomspace(0.5, 60.0, 24)])
"""Rows that a tone sweeps through within a window, for which its shape is known."""


@dataclass(frozen=True, eq=False)
class OrderFit:
    """Power on the fine grid: of the orders and of all the rest, [F s_f, T'] each."""

    orders: tuple[float, ...]
    lines: np.ndarray
    rest: np.ndarray


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


class _Problem:
    """One stretch of a map: what each order and the noise can add to its coarse cells."""

    def __init__(self, power: np.ndarray, grid: Grid, scale: tuple[int, int], speed: np.ndarray,
                 shapes: np.ndarray) -> None:  # fmt: skip
        self.scale, self.grid, self.speed = scale, grid, speed
        self.shape = power.shape
        self.frames = len(speed)
        self.fine_rows = power.shape[0] * scale[0]
        known = np.nonzero(speed > 0)[0]
        steady = np.interp(np.arange(len(speed)), known, speed[known])
        self.slope = np.gradient(steady, grid.dt) if len(speed) > 1 else np.zeros(1)
        self.shapes = shapes
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

    @functools.cache  # noqa: B019  # lives as long as the stretch
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

    @functools.cache  # noqa: B019
    def matrix(self, order: float) -> sparse.csr_matrix | None:
        """Return the matrix from an order's powers at the knots to the coarse cells."""
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

    def gain(self, order: float, level: np.ndarray, made: np.ndarray) -> float:
        """Return the log-likelihood that would be lost without an order, all else as it is."""
        own = self.matrix(order) @ level
        cells = np.nonzero(own > 1e-3 * made)[0]
        power, with_it = self.power[cells], made[cells]
        without = np.maximum(with_it - own[cells], 1e-6 * with_it)
        return float(np.sum(power / without + np.log(without) - power / with_it - np.log(with_it)))

    def solve(self) -> OrderFit:
        """Fit all orders, drop those that are not worth it, and fit what is left."""
        highest = self.fine_rows * self.grid.df / max(self.speed[self.speed > 0].min(), 1e-9)
        orders = list(np.arange(1, min(HIGHEST, highest) / STEP + 1) * STEP)
        orders = [float(o) for o in orders if self.matrix(float(o)) is not None]
        levels, noise, made = self.fit(orders, 40, {}, None)
        for last in range(ROUNDS):
            gains = {o: self.gain(o, level, made) for o, level in levels.items()}
            poor = [o for o in gains if gains[o] < WORTH * len(self.knots)]
            if not poor:
                break
            # those left take over what the dropped ones held: not all at once
            count = len(poor) if last == ROUNDS - 1 else math.ceil(0.6 * len(poor))
            dropped = set(sorted(poor, key=gains.__getitem__)[:count])
            orders = [o for o in orders if o not in dropped]
            levels, noise, made = self.fit(orders, 20, levels, noise)
        levels, noise, _ = self.fit(orders, 60, levels, noise)
        return self.fine(levels, noise)

    def fine(self, levels: dict[float, np.ndarray], noise: np.ndarray) -> OrderFit:
        """Return the fitted power on the fine grid."""
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
        return OrderFit(tuple(levels), lines, rest)


def fit_orders(
    power: np.ndarray, grid: Grid, scale: tuple[int, int], speed: np.ndarray,
    progress: Progress | None = None,
) -> OrderFit | None:  # fmt: skip
    """Fit orders and noise to a coarse map.

    Args:
        power: of the coarse map, [F, T].
        grid: the fine one, of s_f F rows.
        scale: (s_f, s_t).
        speed: turns a second at each fine column, [T']; 0 where it is unknown: no order there.
        progress: wraps the iterable of stretches, for a bar.

    Returns:
        The fit, or None if no speed is known or the map is silent.
    """
    if not (speed > 0).any() or not power.any():
        return None
    shapes, (rows, columns), s_t = line_shapes(grid.window), power.shape, scale[1]
    lines, rest = (np.zeros((rows * scale[0], len(speed))) for _ in range(2))
    orders: set[float] = set()
    stretches = list(_segments(columns))
    for first, last, weight in progress(stretches) if progress else stretches:
        fine = slice(first * s_t, min(last * s_t, len(speed)))
        part = power[:, first:last]
        found = None
        if (speed[fine] > 0).any() and part.any():
            found = _Problem(part, grid, scale, speed[fine], shapes).solve()
            orders.update(found.orders)
        share = np.repeat(weight, s_t)[: fine.stop - fine.start]
        # a stretch that cannot be fitted is said to hold no order
        flat = np.repeat(np.repeat(part, scale[0], axis=0), s_t, axis=1)[:, : len(share)]
        lines[:, fine] += share * (found.lines if found else 0)
        rest[:, fine] += share * (found.rest if found else flat)
    return OrderFit(tuple(sorted(orders)), lines, rest)


def _segments(columns: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield first and last + 1 column of overlapping stretches, and weights that add up to 1."""
    step = SEGMENT - OVERLAP
    starts = list(range(0, max(1, columns - OVERLAP), step))
    for i, first in enumerate(starts):
        last = columns if i == len(starts) - 1 else first + SEGMENT
        weight = np.ones(last - first)
        ramp = (np.arange(OVERLAP) + 0.5) / OVERLAP
        if i:
            weight[:OVERLAP] = ramp
        if last < columns:
            weight[-OVERLAP:] = ramp[::-1]
        yield first, last, weight


def with_orders(
    power: np.ndarray, doubt: np.ndarray, low: np.ndarray, fit: OrderFit, scale: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return a network's estimate and its doubt with the fit's say in them.

    The levels of both are averaged in dB.  The fit counts most, `WEIGHT`, where orders hold all
    the power within a coarse cell around, and the less the worse it explains the coarse cells
    there; in the two lowest of them, where noise is steep, not at all.

    Args:
        power: the network's, [F s_f, T'].
        doubt: half width in dB, [0 or 1, F s_f, T'].
        low: power of the coarse map, [F, T].
        fit: of that map.
        scale: (s_f, s_t).
    """
    s_f, s_t = scale
    whole = np.maximum(fit.lines + fit.rest, 1e-300)
    share = fit.lines / whole
    off = 10 * np.log10(np.maximum(low, 1e-300) / pool_power(whole, s_f, s_t))
    misfit = np.sqrt(uniform_filter(np.square(off), (3, 5)))
    trust = np.exp(-np.square(np.maximum(misfit - SPECKLE, 0) / TOLERANCE))
    trust[:2] = 0
    trust = np.repeat(np.repeat(trust, s_f, axis=0), s_t, axis=1)[:, : whole.shape[1]]
    weight = WEIGHT * trust * maximum_filter1d(share, 2 * s_f + 1, axis=0) ** 1.5
    mixed = power ** (1 - weight) * whole**weight
    return mixed, (doubt * (1 - weight * (NEAR + LINE * np.square(share)))).astype(doubt.dtype)
