"""Effects of the analysis window on a map: edges of the recording and width of a line."""

from __future__ import annotations

import numpy as np
from scipy.signal import find_peaks

from specsr.maps.grid import Grid
from specsr.maps.pooling import pool_power


def coverage(grid: Grid) -> np.ndarray:
    """Return the fraction of the window's energy inside the signal, of every column, [frames].

    1 away from the edges of the recording.  About one half in the first and last frame of a full
    map: half of their window lies outside the recording, so their power reads 3 dB too low.
    """
    energy = np.concatenate([[0.0], np.cumsum(np.square(grid.window_samples()))])
    centre = np.arange(grid.fine_frames) * grid.hop_length
    low = np.clip(grid.n_fft // 2 - centre, 0, grid.n_fft)
    high = np.clip(grid.length - centre + grid.n_fft // 2, 0, grid.n_fft)
    inside = (energy[high] - energy[low]) / energy[-1]
    [covered] = pool_power(inside[None], 1, grid.cell[1])
    return covered


def main_lobe(grid: Grid) -> float:
    """Return the width in Hz of the main lobe of a steady sine on a map, null to null.

    Cells that the lobe touches count whole.
    """
    spectrum = np.abs(np.fft.rfft(grid.window_samples(), 16 * grid.n_fft))
    # search below -20 dB: the top of a flattop window's lobe has ripple
    nulls, _ = find_peaks(-spectrum, height=-0.1 * spectrum[0])
    null = min(nulls, default=len(spectrum)) / 16
    return (2 * null + 2 * (grid.cell[0] - 1)) * (grid.rate / grid.n_fft)
