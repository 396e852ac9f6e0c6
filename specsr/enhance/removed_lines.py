"""Lines in what a noise reduction removed: rows far over the floor of the rows around.

Noise has a spectrum without steep peaks.  Rows of the removed part that stand out for a second are
lines of the machine, or groups of sidebands.  Steady lines have a moment below that of noise and
modulated ones one above, so the moments of a band with both may be those of noise
(`specsr.enhance.restraint`); their spectrum is not.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from specsr.maps.grid import Grid

LINE_SECONDS = 1.0
"""Time over which the power of a row is averaged, s."""

LINE_DB, FULL_DB = 6.0, 9.0
"""Power over the floor from which a row counts in part, and in full, dB.  These values and those
below were chosen on machines of sets 2 to 5 of `benchmarks/generator.py`."""

WIDTH, FEWEST_ROWS = np.sqrt(2), 10
"""Range of rows around a row: a factor on its frequency, and at least this many on either side."""

FLOOR_SHARE = 20.0
"""Share of the rows below the floor, %."""

STEP = 2 ** (1 / 12)
"""Factor between frequencies at which the floor is taken."""


def line_share(power: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the share of lines in the cells of a removed part, 0 to 1, [F, T].

    Args:
        power: of the removed part, [F, T].
        grid: of the map.
    """
    columns = max(1, round(LINE_SECONDS / grid.dt))
    mean = uniform_filter1d(power, min(columns, power.shape[1]), axis=1, mode="reflect")
    rows = len(power)
    count = 1 + int(np.ceil(np.log(max(rows, 2)) / np.log(STEP)))
    at = np.unique(np.minimum(np.round(STEP ** np.arange(count)), rows - 1).astype(int))
    floor = np.stack([floor_around(mean, row) for row in at])
    before = np.clip(np.searchsorted(at, np.arange(rows), side="right") - 1, 0, len(at) - 1)
    least = 1e-30 * max(float(mean.max(initial=0.0)), 1e-270)
    over = 10 * np.log10(np.maximum(mean, least) / np.maximum(floor[before], least))
    return np.asarray(np.clip((over - LINE_DB) / (FULL_DB - LINE_DB), 0, 1))


def floor_around(mean: np.ndarray, row: int) -> np.ndarray:
    """Return the floor around a row: the higher one of the rows below and above, [T].

    Noise with a steep spectrum has one side that is no lower.
    """
    low = max(0, min(int(row / WIDTH), row - FEWEST_ROWS))
    high = max(int(np.ceil(row * WIDTH)), row + FEWEST_ROWS)
    sides = mean[low : row + 1], mean[row : high + 1]
    return np.max([np.percentile(side, FLOOR_SHARE, axis=0) for side in sides], axis=0)
