"""Non-negative fit of order levels to a coarse map at a known speed.

A known speed gives the frequency of every order, far below a coarse cell; the levels are unknown.
They are fitted over time and over all cells that an order sweeps through
(`specsr.nvh.order_model`).  The cost is Itakura-Saito, the likelihood of a periodogram; the
updates are the multiplicative ones of Févotte, Bertin, Durrieu, Neural Computation 21(3), 2009,
for fixed shapes.  Orders that explain little are dropped, the weakest first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter

from specsr.maps.grid import Grid
from specsr.maps.pooling import pool_power
from specsr.nvh.order_model import OrderModel
from specsr.progress import Progress

STEP, HIGHEST = 0.5, 160.0
"""Distance of the orders that are looked for, and the last of them."""
SEGMENT, OVERLAP = 256, 32
"""Coarse columns that are fitted at a time, and how many of them two neighbours share."""
WORTH = 2.5
"""Least gain in log-likelihood of an order for each of its levels."""
WEIGHT = 0.75
"""Most that the fit counts beside a network's estimate, where all power is an order's."""
SPECKLE, TOLERANCE = 2.0, 0.7
"""Misfit in dB (rms over 3 x 5 coarse cells) that speckle alone gives, and what may come on top."""
NEAR, LINE = 0.3, 0.5
"""Fractions by which the fit reduces the network's uncertainty: NEAR around lines, NEAR + LINE on
them.  Tuned on training seeds for 68 % coverage."""
ROUNDS = 6


@dataclass(frozen=True, eq=False)
class OrderFit:
    """Power on the fine grid: of the orders and of all the rest, [F s_f, T'] each."""

    orders: tuple[float, ...]
    lines: np.ndarray
    rest: np.ndarray


Levels = dict[float, np.ndarray]
"""Order -> its power at the knots."""


def select(model: OrderModel) -> tuple[Levels, np.ndarray, np.ndarray]:
    """Fit all orders and drop those that are not worth it: levels, noise, expected power."""
    highest = model.fine_rows * model.grid.df / model.speed[model.speed > 0].min()
    every = np.arange(1, int(min(HIGHEST, highest) / STEP) + 1) * STEP
    orders = [float(order) for order in every if model.matrix(float(order)) is not None]
    levels, noise, made = model.fit(orders, 40, {}, None)
    for last in range(ROUNDS):
        gains = _gains(model, levels, noise, made)
        poor = [order for order in gains if gains[order] < WORTH * len(model.knots)]
        if not poor:
            break
        # those left take over what the dropped ones held: not all at once
        count = len(poor) if last == ROUNDS - 1 else math.ceil(0.6 * len(poor))
        dropped = set(sorted(poor, key=gains.__getitem__)[:count])
        orders = [order for order in orders if order not in dropped]
        levels, noise, made = model.fit(orders, 20, levels, noise)
    return levels, noise, made


def _gains(
    model: OrderModel, levels: Levels, noise: np.ndarray, made: np.ndarray
) -> dict[float, float]:
    """What each order adds to the log-likelihood of a fit."""
    return {order: model.gain(order, level, made) for order, level in levels.items()}


def solve(model: OrderModel) -> OrderFit:
    """Return the fit of one stretch of a map."""
    levels, noise, _ = select(model)
    levels, noise, _ = model.fit(list(levels), 60, levels, noise)
    return OrderFit(tuple(levels), *model.fine(levels, noise))


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
    (rows, columns), s_t = power.shape, scale[1]
    lines, rest = (np.zeros((rows * scale[0], len(speed))) for _ in range(2))
    orders: set[float] = set()
    stretches = list(_segments(columns))
    for first, last, weight in progress(stretches) if progress else stretches:
        fine = slice(first * s_t, min(last * s_t, len(speed)))
        part = power[:, first:last]
        found = None
        if (speed[fine] > 0).any() and part.any():
            found = solve(OrderModel(part, grid, scale, speed[fine]))
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
    power: np.ndarray,
    uncertainty: np.ndarray,
    low: np.ndarray,
    fit: OrderFit,
    scale: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Return a network's estimate and its uncertainty with the fit's say in them.

    The levels of both are averaged in dB.  The fit counts most, `WEIGHT`, where orders hold all
    the power within a coarse cell around, and the less the worse it explains the coarse cells
    there; in the two lowest of them, where noise is steep, not at all.

    Args:
        power: the network's, [F s_f, T'].
        uncertainty: half width in dB, [0 or 1, F s_f, T'].
        low: power of the coarse map, [F, T].
        fit: of that map.
        scale: (s_f, s_t).
    """
    s_f, s_t = scale
    whole = np.maximum(fit.lines + fit.rest, 1e-300)
    share = fit.lines / whole
    off = 10 * np.log10(np.maximum(low, 1e-300) / pool_power(whole, s_f, s_t))
    # a running sum may end a hair below zero
    misfit = np.sqrt(np.maximum(uniform_filter(np.square(off), (3, 5)), 0))
    trust = np.exp(-np.square(np.maximum(misfit - SPECKLE, 0) / TOLERANCE))
    trust[:2] = 0
    trust = np.repeat(np.repeat(trust, s_f, axis=0), s_t, axis=1)[:, : whole.shape[1]]
    weight = WEIGHT * trust * maximum_filter1d(share, 2 * s_f + 1, axis=0) ** 1.5
    mixed = power ** (1 - weight) * whole**weight
    return mixed, (uncertainty * (1 - weight * (NEAR + LINE * np.square(share)))).astype(
        uncertainty.dtype
    )
