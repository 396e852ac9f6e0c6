"""Non-negative fit of order levels to a coarse map at a known speed.

A known speed gives the frequency of every order, far below a coarse cell; the levels are unknown.
They are fitted over time and over all cells that an order sweeps through
(`specsr.nvh.order_model`).  The cost is Itakura-Saito, the likelihood of a periodogram; the
updates are the multiplicative ones of Févotte, Bertin, Durrieu, Neural Computation 21(3), 2009,
for fixed shapes.  Orders that explain little are dropped, the weakest first.  The fit counts as far
as its lines are known to lie at their orders (`specsr.nvh.order_evidence`).  Whole maps are fitted
in stretches (`specsr.nvh.order_stretches`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter

from specsr.maps.pooling import enlarge, pool_power
from specsr.nvh.order_candidates import Candidates, MachineOrders, candidate_orders
from specsr.nvh.order_evidence import own_share, position_confidence
from specsr.nvh.order_lines import LineCells
from specsr.nvh.order_model import Levels, OrderModel

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
class ShaftLines:
    """What a fit holds of one shaft.

    Attributes:
        orders: that the fit holds, ascending.
        confidence: of the lines in every column, 0 to 1, [T'].
        confirmed: orders with a confidence above one half in a stretch.
        evident: the same by the evidence of the map alone: that an order is known is none.
    """

    orders: tuple[float, ...]
    confidence: np.ndarray
    confirmed: tuple[float, ...]
    evident: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class OrderFit:
    """Fit of a map, or of some columns of it.

    Attributes:
        lines: power of the orders on the fine grid, float64 [F s_f, T'].
        credible: the same, each order times its confidence.
        rest: power of all else, float64 [F s_f, T'].
    """

    lines: np.ndarray
    credible: np.ndarray
    rest: np.ndarray


@dataclass(frozen=True, eq=False)
class Solution:
    """Levels of a fit: small, while its powers on the fine grid are not.

    Attributes:
        levels: of the orders, the noise and transients.
        trust: confidence of every order, 0 to 1, [O].
        shafts: the shaft of the speed of the map, then the further ones.
        share: of the coarse cells that lines fill, each times its confidence, 0 to 1.
    """

    levels: Levels
    trust: np.ndarray
    shafts: tuple[ShaftLines, ...]
    share: float


def select(model: OrderModel, tried: Candidates) -> tuple[Levels, LineCells, np.ndarray]:
    """Fit candidate orders and drop those of low gain.

    Returns:
        Levels of the orders that are kept, their cells, and indices of ``tried`` that they have.
    """
    kept = np.flatnonzero(np.diff(model.cells(tried.orders, shaft=tried.shaft).first))
    orders, shaft = tried.orders[kept], tried.shaft[kept]
    cells = model.cells(orders, shaft=shaft)
    levels, expected = model.fit(cells, model.first(orders, cells, shaft), 30)
    for last in range(ROUNDS):
        gains = model.gains(cells, levels, expected)
        poor = np.flatnonzero(gains < MIN_GAIN * len(model.knots))
        if not len(poor):
            break
        # the remaining orders take over the power of the dropped ones: not all at once
        count = len(poor) if last == ROUNDS - 1 else math.ceil(0.6 * len(poor))
        dropped = poor[np.argsort(gains[poor], kind="stable")[:count]]
        left = np.setdiff1d(np.arange(len(levels.orders)), dropped)
        levels, kept = levels.only(left), kept[left]
        cells = model.cells(levels.orders, shaft=levels.shaft)
        levels, expected = model.fit(cells, levels, 15)
    return levels, cells, kept


def solve(model: OrderModel, machine: MachineOrders = MachineOrders()) -> Solution:
    """Return the levels of the fit of one stretch of a map.

    Args:
        model: of the stretch, with the speeds of the shafts.
        machine: orders known.
    """
    tried = candidate_orders(model, machine)
    levels, cells, kept = select(model, tried)
    prior = tried.prior[kept]
    weight = unaided = position_confidence(model, cells, levels, prior)
    if prior.any():
        unaided = position_confidence(model, cells, levels, np.zeros(len(prior)))
    levels, expected = model.fit(cells, levels, 40)
    order, share = own_share(cells, levels, expected)
    columns = cells.cell % model.shape[1]
    shafts = []
    for i in range(len(model.shafts)):
        own = tried.shaft[kept] == i
        total = np.bincount(columns, share * own[order], model.shape[1])
        sure = np.bincount(columns, share * (own * weight)[order], model.shape[1])
        known = np.repeat(sure / np.maximum(total, 1e-9), model.scale[1])[: model.frames]
        held, confirmed, evident = (
            tuple(levels.orders[own & each].tolist())
            for each in (np.ones(len(kept), dtype=bool), weight > 0.5, unaided > 0.5)
        )
        shafts.append(ShaftLines(held, known, confirmed, evident))
    credible = float((share * weight[order]).sum() / expected.size)
    return Solution(levels, weight, tuple(shafts), credible)


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
