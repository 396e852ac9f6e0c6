"""Uncertainty of a finer map after its levels were corrected towards the coarse map.

The uncertainty is that of the expected level, the mean over realisations of the noise.  Two errors
that the network does not see are added to its own: speckle that the correction restored, and
patterns within coarse cells that look like noise there.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import uniform_filter

from specsr.maps.pooling import enlarge_cubic, pool_power
from specsr.pairs.consistency import noise_share, speckle_db

WITHIN = 1.2
"""Ratio of the restored speckle of a fine cell to that of its coarse cell, as the interpolated
correction varies within a cell.  Tuned on training seeds for 68 % coverage of noise."""

AROUND = 3
"""Coarse cells of either axis over which the restored speckle is averaged."""

REGION = (9, 15)
"""Coarse rows and columns over which the scatter of the noise is compared with that of speckle."""

TOLERANCE, PATTERN = 1.15, 0.7
"""Factor on the relative variance of a region, as it scatters itself, and ratio of the scatter of
unresolved patterns to that of speckle."""


def calibrated(
    uncertainty_db: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    low: np.ndarray,
    scale: tuple[int, int],
    variance: float,
) -> np.ndarray:
    """Return the uncertainty of the expected levels after `specsr.pairs.consistency.impose`.

    Args:
        uncertainty_db: of the estimate before the correction, dB, [F s_f, T'].
        before: power of that estimate, same shape.
        after: power after the correction, same shape.
        low: measured power of the coarse map, [F, T].
        scale: (s_f, s_t).
        variance: relative variance of the power of a coarse cell of noise
            (`specsr.maps.pooling.noise_variance`).

    Returns:
        Half-width of the 68 % interval in dB, shape and dtype of ``uncertainty_db``, nowhere
        smaller than it.

    Raises:
        SpecsrError: s_f does not divide the rows.
    """
    was, corrected = (pool_power(np.asarray(x, np.float64), *scale) for x in (before, after))
    noise = noise_share(before, scale)
    added = restored_speckle(ratio_db(corrected, was), noise)
    added += unresolved(ratio_db(np.asarray(low, np.float64), was), noise, variance)
    # a cubic can pass below zero
    fine = np.maximum(enlarge_cubic(added, *scale, before.shape[-1]), 0.0)
    return np.sqrt(np.square(uncertainty_db) + fine).astype(uncertainty_db.dtype)


def ratio_db(power: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return 10 log10(power / reference), any shape; 0 where one of them is silent."""
    both = (power > 0) & (reference > 0)
    return 10 * np.log10(np.where(both, power, 1.0) / np.where(both, reference, 1.0))


def restored_speckle(correction_db: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return the mean square in dB² of the speckle that a correction restored, [F, T].

    The correction of a coarse cell of noise is mostly speckle: it takes the level away from the
    expected one, which the network had estimated, by about the correction.  The correction of a
    line or a click brings the level nearer.

    Args:
        correction_db: of the coarse cells, dB, [F, T].
        noise: share of noise in their power, 0 to 1, same shape.
    """
    return uniform_filter(np.square(WITHIN * noise * correction_db), AROUND, mode="nearest")


def unresolved(deviation_db: np.ndarray, noise: np.ndarray, variance: float) -> np.ndarray:
    """Return the mean square in dB² of patterns that look like noise in the coarse map, [F, T].

    Impulses and lines that are closer than the cells, as of bearings and idling engines, give
    coarse cells of a steady level, and fine ones that differ.  If a share d of the power is
    deterministic, the relative variance of a coarse cell is smaller than that of noise by the
    factor 1 - d².  The fine levels then scatter by d times about 4.34 dB.

    Args:
        deviation_db: measured level of the coarse cells minus the estimated one, dB, [F, T].
        noise: share of the floor in their power, 0 to 1, same shape.
        variance: relative variance of the power of a cell of noise.
    """
    weight = np.maximum(uniform_filter(noise, REGION, mode="nearest"), 1e-3)
    scatter = uniform_filter(noise * np.square(deviation_db), REGION, mode="nearest") / weight
    deterministic = np.maximum(1 - TOLERANCE * scatter / speckle_db(np.ones(1), variance) ** 2, 0)
    return np.square(PATTERN * 10 / math.log(10) * noise) * deterministic
