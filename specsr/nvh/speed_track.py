"""Refine, extrapolate and validate a speed curve by the likelihood of a coarse map.

The likelihood of the coarse cells, given orders at a speed (`specsr.nvh.order_model`), locates
lines far below a coarse cell, because it uses all orders and all cells of a sweep at once.  So a
speed found where lines lie apart can be extended to where they share cells, as long as it explains
the map better than the speeds beside it.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from specsr.maps.grid import Grid
from specsr.nvh.order_fit import Levels, select
from specsr.nvh.order_model import OrderModel
from specsr.nvh.speed_search import LEAST, smooth

BEND = 0.03
"""Smoothness of the speed's logarithm, s⁴: how much bending counts beside the log-likelihood."""
STEPS, COARSE = (0.002, 0.001), (0.004, 0.002, 0.001)
"""By how much the speed is moved to feel the slope, relative: near it, and at its ends."""
ONWARD, TREND = 0.16, 0.6
"""Seconds by which a speed is carried on at a time, and from how much of it the next is guessed."""
CLOSEST = 2.0
"""Rows between two lines below which nothing can be followed."""
BESIDE = (0.012, 0.02)
"""Speeds that the right one must beat, relative."""
GAIN, SECONDS = 0.4, 1.0
"""Log-likelihood that it must gain by that in a coarse column, over so many seconds."""
STRETCH = 1024
"""Fine columns that are best looked at together; so many also bound the memory."""
FEWEST = 5
"""Orders that must be there: fewer lines are no evidence."""
FACTORS = (0.99, 0.9925, 0.995, 0.9975, 1.0, 1.0025, 1.005, 1.0075, 1.01)
"""By which a speed that is given may be off; around the best of them it is followed."""
DOUBTED = 1.0
"""Log-likelihood a coarse column that a corrected speed must gain to be believed before one that
was given; a whine that follows no half order asks for another one too, by less."""


def track_speed(
    power: np.ndarray, grid: Grid, scale: tuple[int, int], speed: np.ndarray
) -> np.ndarray:
    """Return a speed sharpened, and carried on to both sides as far as the map bears it out, [T'].

    Args:
        power: of the coarse map, [F, T].
        grid: the fine one, of s_f F rows.
        scale: (s_f, s_t).
        speed: turns a second at each fine column, [T']; 0 where it is unknown.
    """
    if not (speed > 0).any() or not power.any() or len(speed) < LEAST:
        return np.zeros(len(speed))
    model = OrderModel(power, grid, scale, speed)
    levels, noise, _ = select(model)
    if len(levels) < FEWEST:
        return np.zeros(len(speed))
    speed = followed(model, levels, noise, STEPS)
    for way in (1, -1):
        speed = _carried_on(power, grid, scale, speed, list(levels), way)
    speed = np.where(speed > CLOSEST * grid.df, speed, 0.0)
    return np.where(_borne_out(power, grid, scale, speed), speed, 0.0)


def corrected_speed(
    power: np.ndarray, grid: Grid, scale: tuple[int, int], speed: np.ndarray
) -> np.ndarray:
    """Return a speed that was measured, or a corrected one where the map plainly speaks for it.

    Some tenths of a per cent, or some hundredths of a second, are found out.  Args and result are
    those of `track_speed`.
    """
    if not (speed > 0).any() or not power.any() or len(speed) < LEAST:
        return speed
    model = OrderModel(power, grid, scale, speed)
    levels, noise, _ = select(model)
    if len(levels) < FEWEST:
        return speed
    worth = {f: _explained(model.at_speed(f * speed), levels, noise).mean() for f in FACTORS}
    start = model.at_speed(max(worth, key=worth.__getitem__) * speed)
    found = followed(start, levels, noise, COARSE)
    gain = _explained(model.at_speed(found), levels, noise).mean() - worth[1.0]
    return found if gain > DOUBTED else speed


def followed(
    model: OrderModel, levels: Levels, noise: np.ndarray, steps: tuple[float, ...]
) -> np.ndarray:
    """Return the speed moved to where it explains each coarse column best, [T'].

    Args:
        model: with the speed to start from.
        levels, noise: of a fit at that speed.
        steps: by which the speed is moved to feel the slope, relative, one after the other.
    """
    s_t, dt = model.scale[1], model.grid.dt
    known = np.nonzero(model.speed > 0)[0]
    log = np.log(np.interp(np.arange(model.frames), known, model.speed[known]))
    for step in steps:
        low, here, high = (
            _explained(model.at_speed(np.exp(log + move)), levels, noise)
            for move in (-step, 0.0, step)
        )
        bent = np.maximum((2 * here - low - high) / step**2, 1e4)
        move = np.clip((high - low) / (2 * step) / bent, -1.5 * step, 1.5 * step)
        move, weight = (np.repeat(x, s_t)[: len(log)] for x in (move, bent / s_t))
        log = smooth(log + move, weight, BEND / dt**4)
    return np.where(model.speed > 0, np.exp(log), 0.0)


def _explained(model: OrderModel, levels: Levels, noise: np.ndarray) -> np.ndarray:
    """Return the log-likelihood of each coarse column with levels fitted from those given, [T]."""
    orders = [order for order in levels if model.matrix(order) is not None]
    return model.column_likelihood(model.fit(orders, 10, levels, noise)[2])


def _carried_on(
    power: np.ndarray, grid: Grid, scale: tuple[int, int], speed: np.ndarray,
    orders: list[float], way: int,
) -> np.ndarray:  # fmt: skip
    """Return the speed carried on to the end (way 1) or to the start (-1) in small steps."""
    s_t, frames = scale[1], len(speed)
    onward, trend = (max(2, round(seconds / grid.dt)) for seconds in (ONWARD, TREND))
    ahead = speed[::way].copy()
    last = int(np.nonzero(ahead > 0)[0][-1])
    while last < frames - 1:
        past = np.arange(max(0, last - trend + 1), last + 1)
        past = past[ahead[past] > 0]
        line = np.polyfit(past - last, ahead[past], 1) if len(past) > 1 else (0.0, ahead[last])
        new = np.arange(1, min(onward, frames - 1 - last) + 1)
        ahead[last + new] = ahead[last] + line[0] * new
        if ahead[last + new].min() <= CLOSEST * grid.df:
            ahead[last + new] = 0.0
            break
        first, last = max(0, last - 3 * trend), last + len(new)
        cut = (first, last + 1) if way > 0 else (frames - 1 - last, frames - first)
        # whole coarse columns
        part = slice(cut[0] // s_t * s_t, min(-(-cut[1] // s_t) * s_t, frames))
        coarse = slice(part.start // s_t, -(-part.stop // s_t))
        speed = ahead[::way]
        model = OrderModel(power[:, coarse], grid, scale, speed[part])
        there = [order for order in orders if model.matrix(order) is not None]
        levels, noise, _ = model.fit(there, 30, {}, None)
        speed[part] = followed(model, levels, noise, COARSE)
    return ahead[::way]


def _borne_out(
    power: np.ndarray, grid: Grid, scale: tuple[int, int], speed: np.ndarray
) -> np.ndarray:
    """Return in which columns a speed explains the map better than those beside it, [T'] bool."""
    nowhere = np.zeros(len(speed), dtype=bool)
    if not (speed > 0).any():
        return nowhere
    model = OrderModel(power, grid, scale, speed)
    levels, noise, _ = select(model)
    if len(levels) < FEWEST:
        return nowhere
    here = _explained(model, levels, noise)
    beside = [
        np.mean(
            [_explained(model.at_speed(speed * (1 + move)), levels, noise) for move in (-m, m)], 0
        )
        for m in BESIDE
    ]
    size = max(1, round(SECONDS / (grid.dt * scale[1])))
    gain = uniform_filter1d(here - np.max(beside, axis=0), size, mode="nearest")
    return np.repeat(gain > GAIN, scale[1])[: len(speed)] & (speed > 0)
