"""Lines of a sharp map that the long window shows as they are: steady ones, moved to its levels.

A line that hardly moves within the long window has its level there, exact but for its noise.  One
that moves is smeared there, and a click spread.  Which case a cell is, its own two levels show: the
estimate and the level of the long window agree within what is known of either, or do not.
"""

from __future__ import annotations

import math

import numpy as np

from specsr.enhance.level_rule import MOST_NOISE, NEPER, noise_share
from specsr.maps.grid import Grid

RANGE_DB = 40.0
"""The long window shows a line or click that it smears anywhere within so many dB."""

ODDS = 0.1
"""Odds of a steady line before its levels are compared.  Chosen on ten machines beside those of
`benchmarks/sharper.py`, as large as no kind loses more than 1 % by: more odds help close lines more
(2.97 to 2.80 dB with 0.1, 2.58 with 1), but lines that move lose up to 8 %."""


def towards_long(
    estimate_db: np.ndarray, long_db: np.ndarray, uncertainty_db: np.ndarray, grid: Grid
) -> tuple[np.ndarray, np.ndarray]:
    """Return a sharp map with its steady lines moved to the long window, and its uncertainty, dB.

    With a share q of noise a steady line has a relative variance of 2 q under the long window.  Its
    level is the mean of estimate and long window, weighted by the inverse of their variances; any
    other cell keeps its estimate.  The result is the mean over both cases, weighted by their
    probabilities.

    Args:
        estimate_db: expected levels of the sharp map, without the Nyquist row, [F, T].
        long_db: measured levels of the long window, [F, T].
        uncertainty_db: half-width of the 68 % interval of the estimate, dB, [F, T].
        grid: of the map.

    Returns:
        Levels and their uncertainty, dB, float64, [F, T] each.
    """
    level, uncertainty = estimate_db.astype(np.float64), uncertainty_db.astype(np.float64)
    noise = noise_share(level, grid)
    cells = noise < MOST_NOISE
    own, off = np.square(uncertainty[cells]), (long_db - level)[cells]
    total = np.maximum(own + 2 * NEPER**2 * noise[cells], 1e-300)
    steady = np.exp(-0.5 * np.square(off) / total) / np.sqrt(2 * math.pi * total)
    steady *= ODDS * RANGE_DB
    steady /= 1 + steady
    step = own / total * off
    level[cells] += steady * step
    known = own * (1 - own / total)
    spread = steady * (1 - steady) * np.square(step)
    uncertainty[cells] = np.sqrt(own + steady * (known - own) + spread)
    return level, uncertainty
