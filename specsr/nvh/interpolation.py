"""Reading between samples of a signal and between rows of a map."""

from __future__ import annotations

import numpy as np

from specsr.signal import fit_length

OVERSAMPLING = 4
"""Before cubic interpolation, whose error is then below 0.01 dB up to half the sampling rate."""


def read_between(samples: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return the values of a signal at positions between its samples, float64, like positions.

    Band-limited: resampled to `OVERSAMPLING` times the rate (soxr, very high quality), then a
    cubic spline.

    Args:
        samples: [N].
        positions: in samples, any shape; outside 0 to N - 1 the edge value is held.
    """
    import soxr
    from scipy.ndimage import map_coordinates

    fine = soxr.resample(samples, 1, OVERSAMPLING, quality="VHQ")
    fine = fit_length(fine, OVERSAMPLING * len(samples)).astype(np.float64)
    return map_coordinates(fine, [OVERSAMPLING * positions], order=3, mode="nearest")


def read_rows(cells: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return cells [F, T] interpolated linearly between rows; rows and columns broadcast.

    Args:
        cells: [F, T].
        rows: fractional row, from 0; extrapolated above F - 1.
        columns: whole column.
    """
    below = np.minimum(rows.astype(int), len(cells) - 2)
    part = rows - below
    return (1 - part) * cells[below, columns] + part * cells[below + 1, columns]
