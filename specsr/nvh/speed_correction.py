"""Correction of a measured speed by the lines of a coarse map, where two halves of them agree.

Foreign tones, such as lines of another machine, draw the orders next to them and so a speed along.
Such a correction is wrong for all other orders.  The orders are therefore split into two halves,
and the speed is refined by each alone: it is corrected only if each half gains likelihood at the
speed that the other one found, which it had no part in.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from specsr.maps.grid import Grid
from specsr.nvh.order_candidates import MachineOrders, candidate_orders
from specsr.nvh.order_fit import select
from specsr.nvh.order_model import Levels, OrderModel
from specsr.nvh.speed_search import MIN_COLUMNS
from specsr.nvh.speed_track import COARSE_STEPS, MIN_ORDERS, log_likelihood, refine

FACTORS = (0.99, 0.995, 1.0, 1.005, 1.01)
"""Factors tried on a measured speed; it is refined from the best of them."""
HELD_GAIN = 0.1
"""Log-likelihood per coarse column that each half gains at the speed of the other.  Chosen on
machines of benchmarks/generator.py, set 1: 0.01 or less at exact speeds, below 0 where foreign
tones draw the speed, 0.1 to 0.7 at most speeds of cars that are 0.3 or 0.6 % too high."""


def correct_speed(
    power: np.ndarray,
    grid: Grid,
    scale: tuple[int, int],
    rotation_hz: np.ndarray,
    machine: MachineOrders = MachineOrders(),
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return a measured speed, or a corrected one if the map clearly supports it, Hz, [T'].

    Corrects errors of some tenths of a per cent and delays of some hundredths of a second.

    Args:
        power: of the coarse map, [F, T].
        grid: of the fine map, of s_f F rows.
        scale: (s_f, s_t).
        rotation_hz: at each fine column, [T']; 0 where unknown.
        machine: known orders and further shafts; lines of those are taken into account.

    Returns:
        The speed, and the orders that a fit at the measured one holds, [O]; None for these where
        there is too little to fit.
    """
    if not ((rotation_hz > 0).any() and power.any() and len(rotation_hz) >= MIN_COLUMNS):
        return rotation_hz, None
    others = [shaft.rotation_hz for shaft in machine.shafts]
    model = OrderModel(power, grid, scale, rotation_hz, others)
    tried = candidate_orders(model, machine)
    levels, cells, kept = select(model, tried)
    levels = replace(levels, shaft=tried.shaft[kept])
    orders = levels.orders[tried.shaft[kept] == 0]
    if len(orders) < MIN_ORDERS:
        return rotation_hz, orders
    found, gain = _refined(model, levels, rotation_hz)
    if gain <= 2 * HELD_GAIN:
        return rotation_hz, orders
    _, expected = model.fit(cells, levels, 0)
    gains = model.gains(cells, levels, expected)[: len(orders)]
    # a shaft moves, one of the same speed stays
    model = OrderModel(power, grid, scale, rotation_hz, [rotation_hz, *others])
    halves = [_halved(levels, gains, half) for half in (0, 1)]
    for own, other in (halves, halves[::-1]):
        speed, _ = _refined(model, own, rotation_hz)
        if _gain(model, other, rotation_hz, speed) <= HELD_GAIN:
            return rotation_hz, orders
    return found, orders


def _halved(levels: Levels, gains: np.ndarray, half: int) -> Levels:
    """Return levels with one half of the orders on a shaft that moves, the others on the second.

    Args:
        levels: of a fit, with their shafts.
        gains: likelihood of every order of the first shaft, [O]; both halves have strong ones.
        half: 0 or 1.
    """
    assert levels.shaft is not None
    rank = np.argsort(np.argsort(-gains, kind="stable"), kind="stable")
    shaft = levels.shaft + 1
    shaft[: len(gains)] = (rank + half) % 2
    order = np.argsort(shaft, kind="stable")
    return replace(
        levels, orders=levels.orders[order], lines=levels.lines[order], shaft=shaft[order]
    )


def _refined(
    model: OrderModel, levels: Levels, rotation_hz: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return the speed refined by the orders of the first shaft, and its gain."""
    values = {
        factor: float(log_likelihood(model, levels, factor * rotation_hz).mean())
        for factor in FACTORS
    }
    best = max(values, key=values.__getitem__)
    found = refine(model, levels, COARSE_STEPS, best * rotation_hz)
    return found, float(log_likelihood(model, levels, found).mean()) - values[1.0]


def _gain(model: OrderModel, levels: Levels, old: np.ndarray, new: np.ndarray) -> float:
    """Return the log-likelihood per coarse column that the orders of the first shaft gain."""
    before, after = (log_likelihood(model, levels, speed).mean() for speed in (old, new))
    return float(after - before)
