"""Evidence that a line of a coarse map lies at the frequency of its order.

A level can be fitted to any order that lies within the cell of a foreign tone, so a good fit is no
evidence of the order.  Evidence is that the same lines, displaced by one to three rows and fitted
anew, explain the coarse cells worse: where an order sweeps through cells, or where a cell beside
it holds the flank of its main lobe, its position is known; a steady line in the middle of a cell
could lie anywhere in it.
"""

from __future__ import annotations

import numpy as np

from specsr.nvh.order_lines import LineCells
from specsr.nvh.order_model import Levels, OrderModel

SHIFTS = (-3.0, -2.0, -1.0, 1.0, 2.0, 3.0)
"""Rows by which the lines are displaced; at most the width of a coarse cell."""
INDEPENDENT = 0.3
"""Information in a coarse cell relative to a periodogram cell of its own: neighbours overlap, and
the model has errors.  Calibrated on synthetic machines with right and wrong speeds."""
REFITS = 20
"""Multiplicative updates of every displaced fit."""


def position_confidence(
    model: OrderModel, cells: LineCells, levels: Levels, prior: np.ndarray
) -> np.ndarray:
    """Return how far each line is known to lie at its order, 0 to 1, [O].

    Args:
        model: of the coarse map.
        cells: of the orders.
        levels: of the fit.
        prior: probability, beforehand, that a line at this order belongs to it, 0 to 1, [O].
    """
    return confidence(position_odds(model, cells, levels), prior)


def confidence(odds: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return how far lines are known to lie at their orders, 0 to 1, [O].

    The probability that they do, against displaced lines, all equally probable beforehand, scaled
    so that 0 is the probability without any evidence.  A prior above 0 counts as evidence.

    Args:
        odds: from `position_odds`, [O].
        prior: probability, beforehand, that a line at this order belongs to it, 0 to 1, [O].
    """
    count = len(SHIFTS) + 1
    first = prior + (1 - prior) / count  # a displaced line is also possible at its order
    probability = first / (first + (1 - prior) * (odds - 1 / count))
    return np.clip((probability * count - 1) / (count - 1), 0, 1)


def position_odds(model: OrderModel, cells: LineCells, levels: Levels) -> np.ndarray:
    """Return the mean likelihood of each line over all positions, relative to its order, [O].

    Args as `position_confidence`.
    """
    _, expected = model.fit(cells, levels, 0)
    order, share = own_share(cells, levels, expected)
    likelihood = [_refitted(model, levels, shift) for shift in (0.0, *SHIFTS)]
    loss = [
        np.bincount(order, share * (other - likelihood[0]).ravel()[cells.cell], len(levels.orders))
        for other in likelihood
    ]
    return np.exp(np.clip(INDEPENDENT * np.array(loss), -50, 50)).mean(axis=0)


def own_share(
    cells: LineCells, levels: Levels, expected: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the index of the order of every entry of ``cells``, and its share of the power, [N].

    Args:
        cells: of the orders.
        levels: of a fit.
        expected: power of the coarse cells at these levels, [F, T].
    """
    lines = levels.lines.ravel()
    own = cells.below * lines[cells.knot] + cells.above * lines[cells.knot + 1]
    share = np.minimum(own / expected.ravel()[cells.cell], 1.0)
    return cells.knot // levels.lines.shape[1], share


def _refitted(model: OrderModel, levels: Levels, shift: float) -> np.ndarray:
    """Return the log-likelihood of the coarse cells with displaced lines fitted anew, [F, T].

    The levels of lines start from the map, not from those at the orders, which would favour them.
    """
    cells = model.cells(levels.orders, shift=shift, shaft=levels.shaft)
    _, expected = model.fit(cells, model.start(cells, levels), REFITS)
    return model.log_likelihood(expected)
