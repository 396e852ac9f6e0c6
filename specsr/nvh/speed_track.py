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
from specsr.nvh.order_fit import Levels, select
from specsr.nvh.order_model import OrderModel
from specsr.nvh.speed import fill_gaps
from specsr.nvh.speed_curve import newton_step, smooth
from specsr.nvh.speed_search import MIN_COLUMNS

STIFFNESS = 0.03
"""Weight of the second derivative of log(speed) against the log-likelihood, s⁴."""
FINE_STEPS, COARSE_STEPS = (0.002, 0.001), (0.004, 0.002, 0.001)
"""Relative steps of the differences, one after the other: near the speed, and farther from it."""
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
FACTORS = (0.99, 0.9925, 0.995, 0.9975, 1.0, 1.0025, 1.005, 1.0075, 1.01)
"""Factors tried on a measured speed; it is refined from the best of them."""
OVERRIDE_GAIN = 1.0
"""Minimum gain in log-likelihood per coarse column before a measured speed is overridden.  Lower
gains also occur for tones at non-half orders."""


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
    model, levels, noise = _fit(power, grid, scale, rotation_hz)
    if model is None:
        return np.zeros(len(rotation_hz))
    rotation_hz = refine(model, levels, noise, FINE_STEPS)
    for direction in (1, -1):
        rotation_hz = _extend(power, grid, scale, rotation_hz, list(levels), direction)
    rotation_hz = np.where(rotation_hz > MIN_SPACING * grid.df, rotation_hz, 0.0)
    return np.where(_supported(power, grid, scale, rotation_hz), rotation_hz, 0.0)


def correct_speed(
    power: np.ndarray, grid: Grid, scale: tuple[int, int], rotation_hz: np.ndarray
) -> np.ndarray:
    """Return a measured speed, or a corrected one if the map clearly supports it, Hz, [T'].

    Corrects errors of some tenths of a per cent and delays of some hundredths of a second.  Args
    are those of `track_speed`.
    """
    model, levels, noise = _fit(power, grid, scale, rotation_hz)
    if model is None:
        return rotation_hz

    def likelihood(speed: np.ndarray) -> float:
        return float(_log_likelihood(model.at_speed(speed), levels, noise).mean())

    values = {factor: likelihood(factor * rotation_hz) for factor in FACTORS}
    best = max(values, key=values.__getitem__)
    found = refine(model.at_speed(best * rotation_hz), levels, noise, COARSE_STEPS)
    return found if likelihood(found) - values[1.0] > OVERRIDE_GAIN else rotation_hz


def _fit(
    power: np.ndarray, grid: Grid, scale: tuple[int, int], rotation_hz: np.ndarray
) -> tuple[OrderModel | None, Levels, np.ndarray]:
    """Return a model with the levels and noise of its fit; None where a speed has no evidence."""
    if (rotation_hz > 0).any() and power.any() and len(rotation_hz) >= MIN_COLUMNS:
        model = OrderModel(power, grid, scale, rotation_hz)
        levels, noise, _ = select(model)
        if len(levels) >= MIN_ORDERS:
            return model, levels, noise
    return None, {}, np.zeros(0)


def refine(
    model: OrderModel, levels: Levels, noise: np.ndarray, steps: tuple[float, ...]
) -> np.ndarray:
    """Return the smooth speed that maximises the likelihood of the coarse columns, Hz, [T'].

    Args:
        model: with the speed to start from.
        levels, noise: of a fit at that speed.
        steps: relative steps of the differences, one after the other.
    """
    s_t, dt = model.scale[1], model.grid.dt
    log = np.log(fill_gaps(model.rotation_hz))
    for step in steps:
        move, curvature = newton_step(
            lambda speed: _log_likelihood(model.at_speed(speed), levels, noise), log, step, 1e4
        )
        move, weight = (np.repeat(x, s_t)[: len(log)] for x in (move, curvature / s_t))
        log = smooth(log + move, weight, STIFFNESS / dt**4)
    return np.where(model.rotation_hz > 0, np.exp(log), 0.0)


def _log_likelihood(model: OrderModel, levels: Levels, noise: np.ndarray) -> np.ndarray:
    """Return the log-likelihood of each coarse column, levels fitted from those given, [T]."""
    orders = [order for order in levels if model.matrix(order) is not None]
    return model.column_likelihood(model.fit(orders, 10, levels, noise)[2])


def _extend(
    power: np.ndarray, grid: Grid, scale: tuple[int, int], rotation_hz: np.ndarray,
    orders: list[float], direction: int,
) -> np.ndarray:  # fmt: skip
    """Return the speed extended to the last column (direction 1) or the first one (-1), [T']."""
    s_t, frames = scale[1], len(rotation_hz)
    extension, trend = (max(2, round(seconds / grid.dt)) for seconds in (EXTENSION, TREND))
    ahead = rotation_hz[::direction].copy()
    last = int(np.nonzero(ahead > 0)[0][-1])
    while last < frames - 1:
        past = np.arange(max(0, last - trend + 1), last + 1)
        past = past[ahead[past] > 0]
        slope = np.polyfit(past - last, ahead[past], 1)[0] if len(past) > 1 else 0.0
        new = np.arange(1, min(extension, frames - 1 - last) + 1)
        ahead[last + new] = ahead[last] + slope * new
        if ahead[last + new].min() <= MIN_SPACING * grid.df:
            ahead[last + new] = 0.0
            break
        first, last = max(0, last - 3 * trend), last + len(new)
        cut = (first, last + 1) if direction > 0 else (frames - 1 - last, frames - first)
        # whole coarse columns
        part = slice(cut[0] // s_t * s_t, min(-(-cut[1] // s_t) * s_t, frames))
        coarse = slice(part.start // s_t, -(-part.stop // s_t))
        rotation_hz = ahead[::direction]  # a view: its refined part is written into ahead
        model = OrderModel(power[:, coarse], grid, scale, rotation_hz[part])
        inside = [order for order in orders if model.matrix(order) is not None]
        levels, noise, _ = model.fit(inside, 30, {}, None)
        rotation_hz[part] = refine(model, levels, noise, COARSE_STEPS)
    return ahead[::direction]


def _supported(
    power: np.ndarray, grid: Grid, scale: tuple[int, int], rotation_hz: np.ndarray
) -> np.ndarray:
    """Return in which columns a speed explains the map better than its alternatives, bool [T']."""
    model, levels, noise = _fit(power, grid, scale, rotation_hz)
    if model is None:
        return np.zeros(len(rotation_hz), dtype=bool)
    here = _log_likelihood(model, levels, noise)
    others = [
        np.mean(
            [
                _log_likelihood(model.at_speed(rotation_hz * (1 + move)), levels, noise)
                for move in (-offset, offset)
            ],
            axis=0,
        )
        for offset in ALTERNATIVES
    ]
    size = max(1, round(GAIN_SECONDS / (grid.dt * scale[1])))
    gain = uniform_filter1d(here - np.max(others, axis=0), size, mode="nearest")
    return np.repeat(gain > MIN_GAIN, scale[1])[: len(rotation_hz)] & (rotation_hz > 0)
