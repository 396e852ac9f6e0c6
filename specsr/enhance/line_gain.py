"""Gains of cells that stand clear of a known noise: they keep the level of the signal.

The gain of Wiener has the least squared error, but what it leaves has too little power: a line with
ten times the power of the noise loses 0.8 dB.  The gain sqrt(1 - N/E) leaves the power of the
signal (power spectral subtraction; Berouti, Schwartz, Makhoul, ICASSP 1979), here with the expected
power E of the cell in place of the measured; N is the power of the noise.  At this ratio its
squared error is 2 % larger.

The noise may be louder than its recording.  Then most bands stand over it, and by the level at
which they do N is raised.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import convolve1d

from specsr.enhance.noise_windows import CROSSOVER_HZ, risk_edges, smoothing
from specsr.maps.grid import Grid

LARGEST_ROW_HZ = 50.0
"""Distance of rows up to which lines stand clear in a map, Hz."""

CLEAR = (3.0, 8.0)
"""Expected power over that of the noise from which on, and from which on fully, a cell keeps its
level."""

QUIET_BANDS, LOUD_SECONDS = 30.0, 0.3
"""Percentile of the bands at whose level the noise is taken to be, and the time over which it is
read, s.  The constants were chosen on machines of set 2 of `benchmarks/generator.py` by
`benchmarks/denoise_choices.py`."""


def with_clear_cells(
    gain: np.ndarray, expected: np.ndarray, noise: np.ndarray, grid: Grid
) -> np.ndarray:
    """Return gains that are at least sqrt(1 - N/E) in cells that stand clear of the noise.

    Unchanged are rows below `specsr.enhance.noise_windows.CROSSOVER_HZ`, where the level of the
    noise changes, and maps whose rows are too wide for lines.

    Args:
        gain: 0 to 1, [F, T].
        expected: magnitudes of the expected map, rms, [F, T].
        noise: mean power of the noise, [F, T] or [F, 1].
        grid: of the map, with F rows or one more.

    Returns:
        [F, T], nowhere below ``gain``.
    """
    edges = risk_edges(grid.rate)
    first = int(np.ceil(CROSSOVER_HZ / grid.df))
    if grid.df > LARGEST_ROW_HZ or not len(edges) or first >= len(gain):
        return gain
    power = np.square(expected[first:], dtype=np.float64)
    over = power / np.maximum(noise[first:], 1e-30 * np.maximum(power, 1e-270))
    starts = np.searchsorted((first + np.arange(len(over))) * grid.df, edges[:-1])
    over /= louder(over, starts, grid.dt)
    low, high = np.log(CLEAR)
    part = np.clip((np.log(np.maximum(over, CLEAR[0])) - low) / (high - low), 0, 1)
    kept = np.sqrt(1 - 1 / np.maximum(over, 1))
    found = np.array(gain, dtype=np.float64)
    found[first:] += part * np.maximum(kept - found[first:], 0)
    return found


def louder(over: np.ndarray, starts: np.ndarray, dt: float) -> np.ndarray:
    """Return by what factor the noise is louder than its recording, [T], at least 1.

    Args:
        over: expected power over that of the noise, [F, T].
        starts: first row of every band.
        dt: distance of the columns, s.
    """
    bands = np.split(over, starts[1:])
    levels = np.stack([np.median(band, axis=0) for band in bands if len(band)])
    level = np.percentile(levels, QUIET_BANDS, axis=0)
    return np.maximum(1, convolve1d(level, smoothing(LOUD_SECONDS / dt), mode="nearest"))
