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
from specsr.maps.pooling import enlarge, pool_power
from specsr.nvh.order_model import OrderModel
from specsr.progress import Progress

ORDER_STEP, MAX_ORDER = 0.5, 160.0
"""Distance of the candidate orders, and the highest of them."""
SEGMENT, OVERLAP = 256, 32
"""Coarse columns fitted at a time, and how many of them two neighbours share."""
MIN_GAIN = 2.5
"""Minimum gain in log-likelihood of an order for each of its levels."""
ROUNDS = 6
"""Maximum number of rounds in which orders are dropped."""
MAX_WEIGHT = 0.75
"""Weight of the fit against the network's estimate where all power belongs to orders."""
SPECKLE, TOLERANCE = 2.0, 0.7
"""Misfit in dB (rms over 3 x 5 coarse cells) from speckle alone, and the excess over it that
reduces the weight of the fit by 1/e."""
NEAR, LINE = 0.3, 0.5
"""Fractions by which the fit reduces the network's uncertainty: NEAR around lines, NEAR + LINE on
them.  Tuned on training seeds for 68 % coverage."""


@dataclass(frozen=True, eq=False)
class OrderFit:
    """Fit of a map.

    Attributes:
        orders: that the fit holds, ascending.
        lines: power of the orders on the fine grid, float64 [F s_f, T'].
        rest: power of all else, float64 [F s_f, T'].
    """

    orders: tuple[float, ...]
    lines: np.ndarray
    rest: np.ndarray


Levels = dict[float, np.ndarray]
"""Order -> its power at the knots."""


def select(model: OrderModel) -> tuple[Levels, np.ndarray, np.ndarray]:
    """Fit all candidate orders and drop those of low gain: levels, noise, expected power."""
    highest = model.fine_rows * model.grid.df / model.rotation_hz[model.rotation_hz > 0].min()
    candidates = np.arange(1, int(min(MAX_ORDER, highest) / ORDER_STEP) + 1) * ORDER_STEP
    orders = [float(order) for order in candidates if model.matrix(float(order)) is not None]
    levels, noise, expected = model.fit(orders, 40, {}, None)
    for last in range(ROUNDS):
        gains = {order: model.gain(order, level, expected) for order, level in levels.items()}
        poor = [order for order in gains if gains[order] < MIN_GAIN * len(model.knots)]
        if not poor:
            break
        # the remaining orders take over the power of the dropped ones: not all at once
        count = len(poor) if last == ROUNDS - 1 else math.ceil(0.6 * len(poor))
        dropped = set(sorted(poor, key=gains.__getitem__)[:count])
        orders = [order for order in orders if order not in dropped]
        levels, noise, expected = model.fit(orders, 20, levels, noise)
    return levels, noise, expected


def solve(model: OrderModel) -> OrderFit:
    """Return the fit of one stretch of a map."""
    levels, noise, _ = select(model)
    levels, noise, _ = model.fit(list(levels), 60, levels, noise)
    return OrderFit(tuple(levels), *model.fine(levels, noise))


def fit_orders(
    power: np.ndarray, grid: Grid, scale: tuple[int, int], rotation_hz: np.ndarray,
    progress: Progress | None = None,
) -> OrderFit | None:  # fmt: skip
    """Fit orders and noise to a coarse map.

    Args:
        power: of the coarse map, [F, T].
        grid: of the fine map, of s_f F rows.
        scale: (s_f, s_t).
        rotation_hz: rotation frequency at each fine column, Hz, [T']; 0 where unknown: no order
            there.
        progress: wraps the iterable of stretches, for a bar.

    Returns:
        The fit, or None if no speed is known or the map is silent.
    """
    if not (rotation_hz > 0).any() or not power.any():
        return None
    (rows, columns), (s_f, s_t) = power.shape, scale
    lines, rest = (np.zeros((rows * s_f, len(rotation_hz))) for _ in range(2))
    orders: set[float] = set()
    parts = list(stretches(columns))
    for first, last, weight in progress(parts) if progress else parts:
        fine = slice(first * s_t, min(last * s_t, len(rotation_hz)))
        part = power[:, first:last]
        share = np.repeat(weight, s_t)[: fine.stop - fine.start]
        if (rotation_hz[fine] > 0).any() and part.any():
            found = solve(OrderModel(part, grid, scale, rotation_hz[fine]))
        else:  # without a speed all power is the rest
            flat = enlarge(part, s_f, s_t, len(share))
            found = OrderFit((), np.zeros_like(flat), flat)
        orders.update(found.orders)
        lines[:, fine] += share * found.lines
        rest[:, fine] += share * found.rest
    return OrderFit(tuple(sorted(orders)), lines, rest)


def stretches(columns: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield the overlapping stretches in which a map of so many coarse columns is fitted.

    First column, last column + 1, and the weights of the columns [last - first]; over all
    stretches the weights of a column add up to 1.
    """
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


def blend_fit(
    power: np.ndarray,
    uncertainty: np.ndarray,
    low: np.ndarray,
    fit: OrderFit,
    scale: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Blend the network's estimate and uncertainty with the order fit; return both.

    Levels are averaged in dB.  The weight of the fit is highest, `MAX_WEIGHT`, where orders hold
    all the power within a coarse cell around; it decreases with the misfit of the coarse cells
    there, and is zero in the two lowest coarse rows, where noise is steep.

    Args:
        power: of the network's estimate, [F s_f, T'].
        uncertainty: of it, dB, [0 or 1, F s_f, T'].
        low: power of the coarse map, [F, T].
        fit: of that map.
        scale: (s_f, s_t).
    """
    s_f, s_t = scale
    whole = np.maximum(fit.lines + fit.rest, 1e-300)
    share = fit.lines / whole
    error = 10 * np.log10(np.maximum(low, 1e-300) / pool_power(whole, s_f, s_t))
    # rounding of the running sum can give values just below zero
    misfit = np.sqrt(np.maximum(uniform_filter(np.square(error), (3, 5)), 0))
    quality = np.exp(-np.square(np.maximum(misfit - SPECKLE, 0) / TOLERANCE))
    quality[:2] = 0
    quality = enlarge(quality, s_f, s_t, whole.shape[1])
    weight = MAX_WEIGHT * quality * maximum_filter1d(share, 2 * s_f + 1, axis=0) ** 1.5
    blended = power ** (1 - weight) * whole**weight
    reduced = uncertainty * (1 - weight * (NEAR + LINE * np.square(share)))
    return blended, reduced.astype(uncertainty.dtype)
