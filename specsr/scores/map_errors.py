"""Errors of a map of levels in dB as single numbers, and the mask of its lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from specsr.choices import DB_RANGE
from specsr.errors import SpecsrError
from specsr.scores.metrics import as_pair
from specsr.scores.similarity import psnr, ssim


def floored(
    reference: np.ndarray, estimate: np.ndarray, db_range: float
) -> tuple[np.ndarray, np.ndarray]:
    """Raise levels in dB to a floor ``db_range`` below the reference's maximum.

    Below the floor the levels of a silent cell are rounding noise.  Nothing is clipped above it:
    an estimate that is too loud, or not silent where the reference is, counts in full.

    Args:
        reference, estimate: levels in dB, one shape.
        db_range: dB from the reference's maximum down to the floor.

    Returns:
        Both as float64, same shape.

    Raises:
        SpecsrError: the shapes differ, or a range that is not above zero.
    """
    reference, estimate = as_pair(reference, estimate)
    if not (np.isfinite(db_range) and db_range > 0):
        raise SpecsrError(f"db_range is {db_range}: expected a range in dB above zero, such as 80")
    floor = reference.max() - db_range
    return np.maximum(reference, floor), np.maximum(estimate, floor)


@dataclass(frozen=True)
class MapErrors:
    """Errors of a map in dB; see `map_errors`.

    Attributes:
        rmse_db: root mean square error.
        bias_db: mean error, estimate minus reference.
        mae_db: mean absolute error.
        psnr_db: 20 log10(db_range / rmse_db); inf for equal maps.
        ssim: structural similarity over the same range.
        db_range: range of levels that all five refer to, dB.
    """

    rmse_db: float
    bias_db: float
    mae_db: float
    psnr_db: float
    ssim: float
    db_range: float


def map_errors(
    reference_db: np.ndarray, estimate_db: np.ndarray, db_range: float = DB_RANGE
) -> MapErrors:
    """Return the errors of a map of levels in dB, [..., F, T], as single numbers over all of it.

    Both maps are first raised to a floor ``db_range`` below the reference's maximum (`floored`).
    A PSNR is comparable only over one range: 1 dB rms is 38.1 dB over 80 dB, 35.6 dB over 60 dB.

    Raises:
        SpecsrError: the shapes differ, or a range that is not above zero.
    """
    reference, estimate = floored(reference_db, estimate_db, db_range)
    error = estimate - reference
    floor = reference.max() - db_range
    return MapErrors(
        rmse_db=float(np.sqrt(np.mean(error**2))),
        bias_db=float(error.mean()),
        mae_db=float(np.abs(error).mean()),
        psnr_db=psnr(reference, estimate, db_range),
        ssim=ssim(reference - floor, estimate - floor, db_range),
        db_range=float(db_range),
    )


def line_mask(
    truth_db: np.ndarray, prominence: float = 8.0, size: tuple[int, int] = (49, 17)
) -> np.ndarray:
    """Return which cells of a map [..., F, T] in dB belong to lines, bool, same shape.

    Such a cell has a level more than ``prominence`` dB above the mean level of the ``size``
    (frequency x time) cells around it.  At the edges the map is continued by reflection with the
    edge cell repeated (scipy's ``reflect``).
    """
    truth = np.asarray(truth_db, dtype=np.float64)
    around = ndimage.uniform_filter(truth, (1,) * (truth.ndim - 2) + tuple(size), mode="reflect")
    return truth > around + prominence
