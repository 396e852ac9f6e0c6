"""Uncertainty of a finer map after its levels were averaged and corrected.

The uncertainty is that of the expected level, the mean over realisations of the noise.  It starts
from that of the network and changes with every step that changes the levels.  Averaging with
bicubic interpolation displaces a level that the network knew: the displacement counts in full.  The
coarse cell fixes the sum of its fine cells: the level of a fine cell that holds most of the power
is then known better, that of a fine cell beside it less well.  Errors that the network does not see
are added: speckle that the correction restored, patterns within coarse cells that look like noise
there, and measured levels that the result does not reproduce.

The constants are the same for all machines, chosen on training machines of two generators
(`benchmarks/uncertainty_fit.py`).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import uniform_filter

from specsr.maps.levels import difference_db
from specsr.maps.pooling import enlarge, enlarge_cubic, pool_power
from specsr.pairs.consistency import floors, speckle_db

ALIKE = 0.2
"""Part of the mean square error that all fine cells of a coarse one have in common: a level that
the coarse cell fixes."""

IMPACT = 0.3
"""Part of the network's uncertainty that a cell of an impact alone does not have, x4.  It counts by
the square of the impact's share of the floor: also a little noise scatters by its cross terms."""

WITHIN = 1.15
"""Ratio of the restored speckle of a fine cell to that of its coarse cell: the interpolation of the
corrections gives 1.02 to 1.08, their iteration in dB the rest."""

AROUND = 3
"""Coarse cells of either axis over which the restored speckle is averaged."""

REGION, TOLERANCE = (9, 15), 1.15
"""Coarse rows and columns over which the scatter of the noise is compared with that of speckle, and
the factor on the relative variance there, as it scatters itself."""


def displaced(uncertainty_db: np.ndarray, network: np.ndarray, averaged: np.ndarray) -> np.ndarray:
    """Return the uncertainty of the network's levels after they were averaged with others.

    The network's uncertainty is that of its own level.  The level that replaces it is off by the
    displacement as well: both add up in squares.  Without it, bicubic interpolation between two
    lines, which fills the gap, or across one, which lowers it, would count as certain.

    Args:
        uncertainty_db: of the network's estimate, dB, [F s_f, T'].
        network: power of that estimate, same shape.
        averaged: power after averaging, same shape.

    Returns:
        Uncertainty in dB, shape and dtype of ``uncertainty_db``.
    """
    moved = difference_db(averaged, network)
    return np.hypot(uncertainty_db, moved).astype(uncertainty_db.dtype)


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
        uncertainty_db: of the estimate before the correction, dB, [F s_f, T'] (`displaced`).
        before: power of that estimate, same shape.
        after: power after the correction, same shape.
        low: measured power of the coarse map, [F, T].
        scale: (s_f, s_t).
        variance: relative variance of the power of a coarse cell of noise
            (`specsr.maps.pooling.noise_variance`).

    Returns:
        Half-width of the 68 % interval in dB, shape and dtype of ``uncertainty_db``.

    Raises:
        SpecsrError: s_f does not divide the rows.
    """
    frames = before.shape[-1]
    low = np.asarray(low, dtype=np.float64)
    was, corrected = (pool_power(np.asarray(x, np.float64), *scale) for x in (before, after))
    floor, steady = floors(before, scale)
    noise = np.minimum(steady / np.maximum(was, 1e-300), 1.0)
    impact = 1 - np.where(floor > 0, steady / np.where(floor > 0, floor, 1.0), 1.0)
    speckle = restored_speckle(difference_db(corrected, was), noise)
    # the relative variance of a line and noise, cross terms included.  What follows the noise share
    # is not interpolated: a line beside noise holds none
    random = noise * (2 - noise)
    added = enlarge_cubic(speckle, *scale, frames) * enlarge(random, *scale, frames)
    pattern = unresolved(difference_db(low, was), noise, variance)
    left = np.square((1 - noise) * difference_db(low, corrected))
    added += enlarge(pattern + left, *scale, frames)
    own = normalised(np.square(uncertainty_db, dtype=np.float64), after, scale)
    own *= enlarge(np.square(1 - impact_part(scale) * impact**2), *scale, frames)
    # a cubic can pass below zero
    return np.sqrt(own + np.maximum(added, 0.0)).astype(uncertainty_db.dtype)


def impact_part(scale: tuple[int, int]) -> float:
    """Return the part of the uncertainty that a cell of an impact alone does not have, 0 to 1.

    `IMPACT` at x4, a third of it at x2: the fewer fine cells a coarse one has, the better the
    network knows what an impact leaves open, and the less it states too much.

    Args:
        scale: (s_f, s_t).
    """
    return IMPACT * max(0.0, math.log2(scale[0] * scale[1]) - 1) / 3


def normalised(square_db: np.ndarray, power: np.ndarray, scale: tuple[int, int]) -> np.ndarray:
    """Return the mean square error of levels once the power of their coarse cells is known, dB².

    Args:
        square_db: mean square error without that, dB², float64 [F s_f, T'].
        power: of the fine cells, same shape.
        scale: (s_f, s_t).
    """
    rows, cells = left_errors(square_db, power, scale)
    single = 1 / (scale[0] * scale[1])  # part of an error that other columns do not share
    return (1 - ALIKE) * ((1 - single) * rows + single * cells)


def left_errors(
    square_db: np.ndarray, power: np.ndarray, scale: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return what the power of a coarse cell leaves of independent errors, dB², [F s_f, T'] each.

    Levels with errors e, scaled to the power of their cell, have the errors e - sum(f e), f the
    share of each in that power: mean square (1 - 2 f) u² + sum(f² u²).  First of the errors of rows
    that all columns of a cell share (as the second if a cell has one row), then of those of single
    cells.  Args as `normalised`.
    """
    (s_f, s_t), (rows, frames) = scale, power.shape
    short = ((0, 0), (0, -frames % s_t))
    shape = rows // s_f, s_f, -1, s_t
    fine, square = (np.pad(x, short).reshape(shape) for x in (power, square_db))
    total = fine.sum(axis=(1, 3), keepdims=True)
    share = fine / np.where(total > 0, total, 1.0)

    def left(share: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
        others = (np.square(share) * square).sum(axis=axes, keepdims=True)
        found = np.maximum((1 - 2 * share) * square + others, 0.0)  # rounding
        return np.asarray(found.reshape(rows, -1)[:, :frames])

    cells = left(share, (1, 3))
    return (left(share.sum(axis=3, keepdims=True), (1,)) if s_f > 1 else cells), cells


def restored_speckle(correction_db: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return the mean square in dB² of the speckle that a correction restored to noise, [F, T].

    The correction of a coarse cell of noise is mostly speckle: it takes the level away from the
    expected one, which the network had estimated, by about the correction.  The correction of a
    line or a click brings the level nearer and does not count.

    Args:
        correction_db: of the coarse cells, dB, [F, T].
        noise: share of noise in their power, 0 to 1, same shape.
    """
    weight = np.square(noise)
    total = uniform_filter(weight * np.square(correction_db), AROUND, mode="nearest")
    around = uniform_filter(weight, AROUND, mode="nearest")
    # running sums leave rounding errors, also below zero
    return WITHIN**2 * np.maximum(total, 0) / np.maximum(around, 1e-6)


def unresolved(deviation_db: np.ndarray, noise: np.ndarray, variance: float) -> np.ndarray:
    """Return the mean square in dB² of patterns that look like noise in the coarse map, [F, T].

    Impulses and lines that are closer than the cells, as of bearings and idling engines, give
    coarse cells of a steady level, and fine ones that differ.  If a share d of the power is
    deterministic, the relative variance of a coarse cell is smaller than that of noise by the
    factor 1 - d².  The fine levels then scatter by d times 4.34 dB.

    Args:
        deviation_db: measured level of the coarse cells minus the estimated one, dB, [F, T].
        noise: share of the floor in their power, 0 to 1, same shape.
        variance: relative variance of the power of a cell of noise.
    """
    weight = np.maximum(uniform_filter(noise, REGION, mode="nearest"), 1e-3)
    scatter = uniform_filter(noise * np.square(deviation_db), REGION, mode="nearest") / weight
    deterministic = np.maximum(1 - TOLERANCE * scatter / speckle_db(np.ones(1), variance) ** 2, 0)
    return np.square(10 / math.log(10) * noise) * deterministic
