"""Refine, extrapolate and validate a speed curve by the likelihood of a coarse map.

The likelihood of the coarse cells, given orders at a speed (`specsr.nvh.order_model`), locates
lines far below a coarse cell, because it uses all orders and all cells of a sweep at once.  So a
speed found where lines lie apart can be extended to where they share cells, as long as it explains
the map better than the speeds beside it.

Speeds are rotation frequencies in Hz at each fine column, [T'], 0 where unknown.  For a speed found
as the spacing of lines (`specsr.nvh.speed_search`) the orders count from that spacing.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from specsr.maps.grid import Grid
from specsr.nvh.order_candidates import candidate_orders
from specsr.nvh.order_fit import select
from specsr.nvh.order_model import Levels, OrderModel
from specsr.nvh.speed import fill_gaps
from specsr.nvh.speed_curve import newton_step, smooth, trimmed
from specsr.nvh.speed_search import MIN_COLUMNS

STIFFNESS = 0.03
"""Weight of the second derivative of log(speed) against the log-likelihood, s⁴."""
FINE_STEPS, COARSE_STEPS, EXTENSION_STEPS = (0.002, 0.001), (0.004, 0.002, 0.001), (0.004, 0.0015)
"""Relative steps of the differences, one after the other: near the speed, farther from it, and
beyond its edge."""
REFITS = 12
"""Multiplicative updates of the levels at every speed that is tried."""
EXTENSION = 0.16
"""Time by which a speed is extended at once, s."""
TREND = 0.6
"""Time over which a line is fitted to extrapolate it, s."""
MIN_SPACING = 2.0
"""Smallest spacing of lines that can be tracked, rows."""
ALTERNATIVES = (0.012, 0.02)
"""Relative offsets of the alternative speeds, on both sides, that the right one must beat."""
MIN_GAIN = 0.4
"""Log-likelihood per coarse column that it must gain over them."""
GAIN_SECONDS = 1.0
"""Averaging time of that gain, s."""
STRETCH = 1024
"""Fine columns processed together; bounds the memory."""
MIN_ORDERS = 5
"""Fewer orders in the fit are not sufficient evidence of a speed."""


def track_speed(
    power: np.ndarray, grid: Grid, scale: tuple[int, int], rotation_hz: np.ndarray
) -> np.ndarray:
    """Return the refined speed, extended in both directions while the map supports it, Hz, [T'].

    0 where it is unknown or explains the map no better than the speeds beside it.

    Args:
        power: of the coarse map, [F, T].
        grid: of the fine map, of s_f F rows.
        scale: (s_f, s_t).
        rotation_hz: at each fine column, [T']; 0 where unknown.
    """
    start = _fit(power, grid, scale, rotation_hz)
    if start is None:
        return np.zeros(len(rotation_hz))
    model, levels = start
    rotation_hz = refine(model, levels, FINE_STEPS)
    for direction in (1, -1):
        rotation_hz = _extend(power, grid, scale, rotation_hz, levels.orders, direction)
    rotation_hz = np.where(rotation_hz > MIN_SPACING * grid.df, rotation_hz, 0.0)
    start = _fit(power, grid, scale, rotation_hz)
    if start is None:
        return np.zeros(len(rotation_hz))
    known = np.add.reduceat(rotation_hz > 0, np.arange(0, len(rotation_hz), scale[1])) > 0
    known = _supported(_gain(*start, rotation_hz), known, grid, scale)
    return np.where(np.repeat(known, scale[1])[: len(rotation_hz)], rotation_hz, 0.0)


def _fit(
    power: np.ndarray, grid: Grid, scale: tuple[int, int], rotation_hz: np.ndarray
) -> tuple[OrderModel, Levels] | None:
    """Return a model with the levels of its half orders; None where a speed has no evidence."""
    if not ((rotation_hz > 0).any() and power.any() and len(rotation_hz) >= MIN_COLUMNS):
        return None
    model = OrderModel(power, grid, scale, rotation_hz)
    levels, _, _ = select(model, candidate_orders(model))
    return (model, levels) if len(levels.orders) >= MIN_ORDERS else None


def refine(
    model: OrderModel, levels: Levels, steps: tuple[float, ...],
    rotation_hz: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Return the smooth speed that maximises the likelihood of the coarse columns, Hz, [T'].

    Args:
        model: with its speed.
        levels: of a fit; their orders and noise are used.
        steps: relative steps of the differences, one after the other.
        rotation_hz: speed to start from, [T']; None for that of the model.
    """
    s_t, dt = model.scale[1], model.grid.dt
    known = model.rotation_hz > 0
    log = np.log(fill_gaps(model.rotation_hz if rotation_hz is None else rotation_hz))
    for step in steps:
        move, curvature = newton_step(
            lambda speed: log_likelihood(model, levels, speed), log, step, 1e4
        )
        move, weight = (np.repeat(x, s_t)[: len(log)] for x in (move, curvature / s_t))
        log = smooth(log + move, weight, STIFFNESS / dt**4)
    return np.where(known, np.exp(log), 0.0)


def log_likelihood(model: OrderModel, levels: Levels, rotation_hz: np.ndarray) -> np.ndarray:
    """Return the log-likelihood of each coarse column at a speed of the first shaft, [T].

    The levels of lines are fitted anew: those of another speed would favour it.
    """
    cells = model.cells(levels.orders, rotation_hz, shaft=levels.shaft)
    _, expected = model.fit(cells, model.start(cells, levels), REFITS)
    return model.log_likelihood(expected).sum(axis=0)


def _extend(
    power: np.ndarray, grid: Grid, scale: tuple[int, int], rotation_hz: np.ndarray,
    orders: np.ndarray, direction: int,
) -> np.ndarray:  # fmt: skip
    """Return the speed extended forwards (direction 1) or backwards (-1), [T'].

    As far as the new columns gain likelihood over the speeds beside it: where lines are too close
    to show the speed, an extrapolated one would soon be wrong.
    """
    s_t, frames = scale[1], len(rotation_hz)
    extension, trend = (max(2, round(seconds / grid.dt)) for seconds in (EXTENSION, TREND))
    ahead = rotation_hz[::direction].copy()
    edge = last = best = int(np.nonzero(ahead > 0)[0][-1])
    gain = np.zeros(frames)
    while last < frames - 1 and last - best < trend:
        past = np.arange(max(0, last - trend + 1), last + 1)
        past = past[ahead[past] > 0]
        slope = np.polyfit(past - last, ahead[past], 1)[0] if len(past) > 1 else 0.0
        new = last + np.arange(1, min(extension, frames - 1 - last) + 1)
        ahead[new] = ahead[last] + slope * (new - last)
        if ahead[new].min() <= MIN_SPACING * grid.df:
            break
        first, last = max(0, last - 3 * trend), last + len(new)
        cut = (first, last + 1) if direction > 0 else (frames - 1 - last, frames - first)
        # whole coarse columns
        part = slice(cut[0] // s_t * s_t, min(-(-cut[1] // s_t) * s_t, frames))
        coarse = slice(part.start // s_t, -(-part.stop // s_t))
        rotation_hz = ahead[::direction]  # a view: its refined part is written into ahead
        model = OrderModel(power[:, coarse], grid, scale, rotation_hz[part])
        cells = model.cells(orders)
        levels, _ = model.fit(cells, model.first(orders, cells), REFITS)
        rotation_hz[part] = refine(model, levels, EXTENSION_STEPS)
        columns = np.repeat(_gain(model, levels, rotation_hz[part]), s_t)
        gain[part] = columns[: part.stop - part.start]
        # a column gains the more the farther the speed is known beyond it
        total = np.cumsum(gain[::direction][edge + 1 : last + 1])
        best = edge + int(np.argmax(np.append(0.0, total)))
    ahead[best + 1 :] = 0.0
    return ahead[::direction]


def _gain(model: OrderModel, levels: Levels, rotation_hz: np.ndarray) -> np.ndarray:
    """Return the log-likelihood that a speed gains over its alternatives in coarse columns, [T]."""
    here = log_likelihood(model, levels, rotation_hz)
    others = [
        np.mean(
            [log_likelihood(model, levels, rotation_hz * (1 + move)) for move in (-offset, offset)],
            axis=0,
        )
        for offset in ALTERNATIVES
    ]
    return here - np.max(others, axis=0)


def _supported(
    gain: np.ndarray, known: np.ndarray, grid: Grid, scale: tuple[int, int]
) -> np.ndarray:
    """Return the coarse columns whose speed is supported by the gain around, bool [T].

    The mean gain over `GAIN_SECONDS` of columns with a speed exceeds `MIN_GAIN`; edges of such runs
    that gain nothing in total are cut off.
    """
    size = max(1, round(GAIN_SECONDS / (grid.dt * scale[1])))
    total, count = (uniform_filter1d(x, size, mode="nearest") for x in (gain * known, 1.0 * known))
    return trimmed(known & (total > MIN_GAIN * np.maximum(count, 1e-9)), gain)
