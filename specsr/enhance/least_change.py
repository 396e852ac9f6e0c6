"""The power of bands put right by the least change of a map, in units of its uncertainty.

A gain over a whole band would move its noise for an error of its lines.  The change d of the cells
in dB that minimises the sum of (d / u)², u the uncertainty of a cell, for a given change of the
power of the band is in proportion to u² times the power of the cell: it goes where the power is,
and where the estimate is unsure.
"""

from __future__ import annotations

import math

import numpy as np

from specsr.enhance.level_rule import band_edges
from specsr.maps.grid import Grid

MOST_UNCERTAINTIES = 3.0
"""Largest change of a cell, in units of its uncertainty."""

STEP_DB = 3.0
"""Largest change of a cell in one round, dB: the power is linear in small changes alone."""

ROUNDS, EXACT = 8, 0.002
"""Most rounds, and the relative deviation of the power of a band at which they end."""


def least_change(
    estimate_db: np.ndarray, uncertainty_db: np.ndarray, measured: np.ndarray, grid: Grid
) -> np.ndarray:
    """Return levels whose power in every band over time is near the measured one, dB, [F, T].

    Bands that cells within `MOST_UNCERTAINTIES` cannot give their power keep a deviation.

    Args:
        estimate_db: levels without the Nyquist row, dB, [F, T].
        uncertainty_db: half-width of their 68 % interval, dB, [F, T].
        measured: power, [F, T].
        grid: of the full map; T may be a part of its columns.
    """
    found = estimate_db.astype(np.float64)
    edges = np.searchsorted(grid.freqs()[:-1], band_edges(grid))
    for low, high in zip(edges, edges[1:]):
        rows = slice(low, high)
        wanted = measured[rows].sum()
        if wanted > 0:
            found[rows] += _change(found[rows], uncertainty_db[rows].astype(np.float64), wanted)
    return found


def _change(levels: np.ndarray, uncertainty: np.ndarray, wanted: float) -> np.ndarray:
    """Return the change in dB that gives the cells of a band the power ``wanted``, [F, T]."""
    per_db = math.log(10) / 10
    power, most = 10 ** (levels / 10), MOST_UNCERTAINTIES * uncertainty
    change = np.zeros(levels.shape)
    for _ in range(ROUNDS):
        now = power * np.exp(per_db * change)
        missing = wanted - now.sum()
        if abs(missing) < EXACT * wanted:
            break
        weight = np.where(np.abs(change) < most, np.square(uncertainty) * now, 0.0)
        slope = per_db * (now * weight).sum()
        if slope <= 0:
            break
        step = np.clip(missing / slope * weight, -STEP_DB, STEP_DB)
        change = np.clip(change + step, -most, most)
    return change
