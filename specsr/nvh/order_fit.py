"""Non-negative fit of order levels to a coarse map at a known speed.

A known speed gives the frequency of every order, far below a coarse cell; the levels are unknown.
They are fitted over time and over all cells that an order sweeps through
(`specsr.nvh.order_model`).  The cost is Itakura-Saito, the likelihood of a periodogram; the
updates are the multiplicative ones of Févotte, Bertin, Durrieu, Neural Computation 21(3), 2009,
for fixed shapes.  Orders that explain little are dropped, the weakest first.  The fit counts as far
as its lines are known to lie at their orders (`specsr.nvh.order_evidence`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter

from specsr.maps.grid import Grid
from specsr.maps.pooling import enlarge, pool_power
from specsr.nvh.order_evidence import own_share, position_confidence
from specsr.nvh.order_lines import LineCells
from specsr.nvh.order_model import Levels, OrderModel
from specsr.progress import Progress

ORDER_STEP, MAX_ORDER = 0.5, 160.0
"""Distance of the candidate orders, and the highest of them."""
GIVEN_PRIOR = 0.8
"""Probability, without evidence from the map, that a line at a given order belongs to it."""
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
        credible: the same, each order times its confidence.
        rest: power of all else, float64 [F s_f, T'].
        confidence: of the lines in every column, 0 to 1, [T'].
        confirmed: orders with a confidence above one half in a stretch.
        share: of the coarse cells that lines fill, each times its confidence, 0 to 1.
    """

    orders: tuple[float, ...]
    lines: np.ndarray
    credible: np.ndarray
    rest: np.ndarray
    confidence: np.ndarray
    confirmed: tuple[float, ...]
    share: float


def candidate_orders(model: OrderModel, given: Sequence[float] = ()) -> np.ndarray:
    """Return half orders up to the highest row of a map, and the given ones, ascending."""
    highest = model.fine_rows * model.grid.df / model.rotation_hz[model.rotation_hz > 0].min()
    half = np.arange(1, int(min(MAX_ORDER, highest) / ORDER_STEP) + 1) * ORDER_STEP
    return np.union1d(half, given)


def select(model: OrderModel, orders: np.ndarray) -> tuple[Levels, LineCells, np.ndarray]:
    """Fit candidate orders and drop those of low gain: levels, their cells, expected power."""
    cells = model.cells(orders)
    kept = np.flatnonzero(np.diff(cells.first))
    orders = orders[kept]
    cells = model.cells(orders)
    levels, expected = model.fit(cells, model.first(orders, cells), 30)
    for last in range(ROUNDS):
        gains = model.gains(cells, levels, expected)
        poor = np.flatnonzero(gains < MIN_GAIN * len(model.knots))
        if not len(poor):
            break
        # the remaining orders take over the power of the dropped ones: not all at once
        count = len(poor) if last == ROUNDS - 1 else math.ceil(0.6 * len(poor))
        dropped = poor[np.argsort(gains[poor], kind="stable")[:count]]
        levels = levels.only(np.setdiff1d(np.arange(len(levels.orders)), dropped))
        cells = model.cells(levels.orders)
        levels, expected = model.fit(cells, levels, 15)
    return levels, cells, expected


def solve(model: OrderModel, given: Sequence[float] = ()) -> OrderFit:
    """Return the fit of one stretch of a map.

    Args:
        model: of the stretch.
        given: orders that the machine is known to have, in addition to half orders.
    """
    levels, cells, _ = select(model, candidate_orders(model, given))
    prior = np.where(np.isin(levels.orders, given), GIVEN_PRIOR, 0.0)
    weight = position_confidence(model, cells, levels, prior)
    levels, expected = model.fit(cells, levels, 40)
    order, share = own_share(cells, levels, expected)
    columns = cells.cell % model.shape[1]
    total = np.bincount(columns, share, model.shape[1])
    credible = np.bincount(columns, share * weight[order], model.shape[1])
    confidence = np.repeat(credible / np.maximum(total, 1e-9), model.scale[1])[: model.frames]
    lines, weighted, rest = model.fine(levels, weight)
    return OrderFit(
        tuple(levels.orders.tolist()), lines, weighted, rest, confidence,
        tuple(levels.orders[weight > 0.5].tolist()), float(credible.sum() / expected.size),
    )  # fmt: skip


def fit_orders(
    power: np.ndarray, grid: Grid, scale: tuple[int, int], rotation_hz: np.ndarray,
    orders: Sequence[float] = (), progress: Progress | None = None,
) -> OrderFit | None:  # fmt: skip
    """Fit orders and noise to a coarse map.

    Args:
        power: of the coarse map, [F, T].
        grid: of the fine map, of s_f F rows.
        scale: (s_f, s_t).
        rotation_hz: rotation frequency at each fine column, Hz, [T']; 0 where unknown: no order
            there.
        orders: that the machine is known to have, in addition to half orders.
        progress: wraps the iterable of stretches, for a bar.

    Returns:
        The fit, or None if no speed is known or the map is silent.
    """
    if not (rotation_hz > 0).any() or not power.any():
        return None
    (rows, columns), (s_f, s_t) = power.shape, scale
    shape = rows * s_f, len(rotation_hz)
    lines, credible, rest = (np.zeros(shape) for _ in range(3))
    confidence = np.zeros(len(rotation_hz))
    total = 0.0
    held: set[float] = set()
    confirmed: set[float] = set()
    parts = list(stretches(columns))
    for first, last, weight in progress(parts) if progress else parts:
        fine = slice(first * s_t, min(last * s_t, len(rotation_hz)))
        part = power[:, first:last]
        share = np.repeat(weight, s_t)[: fine.stop - fine.start]
        if (rotation_hz[fine] > 0).any() and part.any():
            found = solve(OrderModel(part, grid, scale, rotation_hz[fine]), orders)
        else:  # without a speed all power is the rest
            flat = enlarge(part, s_f, s_t, len(share))
            none = np.zeros_like(flat)
            found = OrderFit((), none, none, flat, none[0], (), 0.0)
        held.update(found.orders)
        confirmed.update(found.confirmed)
        lines[:, fine] += share * found.lines
        credible[:, fine] += share * found.credible
        rest[:, fine] += share * found.rest
        confidence[fine] += share * found.confidence
        total += found.share * weight.sum() / columns
    return OrderFit(
        tuple(sorted(held)), lines, credible, rest, confidence, tuple(sorted(confirmed)), total
    )


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

    Levels are averaged in dB.  The weight of the fit is highest, `MAX_WEIGHT`, where orders of full
    confidence hold all the power within a coarse cell around; it decreases with the misfit of the
    coarse cells there.

    Args:
        power: of the network's estimate, [F s_f, T'].
        uncertainty: of it, dB, [0 or 1, F s_f, T'].
        low: power of the coarse map, [F, T].
        fit: of that map.
        scale: (s_f, s_t).
    """
    s_f, s_t = scale
    whole = np.maximum(fit.lines + fit.rest, 1e-300)
    share = fit.credible / whole
    error = 10 * np.log10(np.maximum(low, 1e-300) / pool_power(whole, s_f, s_t))
    # rounding of the running sum can give values just below zero
    misfit = np.sqrt(np.maximum(uniform_filter(np.square(error), (3, 5)), 0))
    quality = np.exp(-np.square(np.maximum(misfit - SPECKLE, 0) / TOLERANCE))
    quality = enlarge(quality, s_f, s_t, whole.shape[1])
    weight = MAX_WEIGHT * quality * maximum_filter1d(share, 2 * s_f + 1, axis=0) ** 1.5
    blended = power ** (1 - weight) * whole**weight
    reduced = uncertainty * (1 - weight * (NEAR + LINE * np.square(share)))
    return blended, reduced.astype(uncertainty.dtype)
