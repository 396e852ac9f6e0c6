"""Uncertainty of a finer map after its levels were corrected towards the coarse map."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter

from specsr.maps.pooling import enlarge_cubic, pool_power
from specsr.pairs.consistency import noise_share

WITHIN = 1.25
"""Ratio of the restored speckle of a fine cell to that of its coarse cell, as the interpolated
correction varies within a cell.  Tuned on training seeds for 68 % coverage of noise."""

AROUND = 3
"""Coarse cells of either axis over which the restored speckle is averaged."""


def calibrated(
    uncertainty_db: np.ndarray, before: np.ndarray, after: np.ndarray, scale: tuple[int, int]
) -> np.ndarray:
    """Return the uncertainty of the expected levels after `specsr.pairs.consistency.impose`.

    The correction of a coarse cell of noise is mostly speckle: it takes the level away from the
    expected one, which the network had estimated, by about the correction.  The correction of a
    line or a click brings the level nearer.  So the correction times the noise share of the cell,
    averaged over the cells around, is added to the uncertainty as an independent error.

    Args:
        uncertainty_db: of the estimate before the correction, dB, [F s_f, T'].
        before: power of that estimate, same shape.
        after: power after the correction, same shape.
        scale: (s_f, s_t).

    Returns:
        Half-width of the 68 % interval of the expected level in dB, shape and dtype of
        ``uncertainty_db``; equal to it where nothing was corrected.

    Raises:
        SpecsrError: s_f does not divide the rows.
    """
    was, is_now = (pool_power(np.asarray(x, dtype=np.float64), *scale) for x in (before, after))
    both = (was > 0) & (is_now > 0)  # a silent cell has no speckle
    correction = 10 * np.log10(np.where(both, is_now, 1.0) / np.where(both, was, 1.0))
    restored = np.square(WITHIN * noise_share(before, scale) * correction)
    restored = uniform_filter(restored, AROUND, mode="nearest")
    # a cubic can pass below zero
    restored = np.maximum(enlarge_cubic(restored, *scale, before.shape[-1]), 0.0)
    return np.sqrt(np.square(uncertainty_db) + restored).astype(uncertainty_db.dtype)
