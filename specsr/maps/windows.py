"""Windows."""

from __future__ import annotations

import numpy as np

from specsr.maps.grid import Grid


def spans(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """First and last fine frame of every column, [frames] each."""
    first = np.arange(grid.frames) * grid.cell[1]
    return first, np.minimum(first + grid.cell[1], grid.fine_frames) - 1


def coverage(grid: Grid) -> np.ndarray:
    """Part of the window's energy that lies inside the signal, for every column, [frames].

    1 away from the ends; about one half in the first and last frame of a full map, which see
    silence past the ends and read that much power too low.
    """
    energy = np.concatenate([[0.0], np.cumsum(np.square(grid.window_samples()))])
    centre = np.arange(grid.fine_frames) * grid.hop_length
    low = np.clip(grid.n_fft // 2 - centre, 0, grid.n_fft)
    high = np.clip(grid.length - centre + grid.n_fft // 2, 0, grid.n_fft)
    inside = (energy[high] - energy[low]) / energy[-1]
    first, last = spans(grid)
    return np.add.reduceat(inside, first) / (last - first + 1)


def main_lobe(grid: Grid) -> float:
    """Width in Hz, null to null, of what a steady sine fills on a map, whole cells included."""
    spectrum = np.abs(np.fft.rfft(grid.window_samples(), 16 * grid.n_fft))
    # Not before -20 dB: the top of a flattop's lobe is wavy.
    rising = np.flatnonzero((np.diff(spectrum) > 0) & (spectrum[:-1] < 0.1 * spectrum[0]))
    null = (rising[0] if rising.size else len(spectrum)) / 16
    return (2 * null + 2 * (grid.cell[0] - 1)) * (grid.rate / grid.n_fft)
