"""Map errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from specsr.errors import SpecsrError
from specsr.scores.metrics import _pair, _ratio_db


def floored(
    reference: np.ndarray, estimate: np.ndarray, range_db: float
) -> tuple[np.ndarray, np.ndarray]:
    """Raise levels in dB to a floor that lies ``range_db`` below the reference's highest.

    Below it the levels of a silent cell are a matter of rounding; above it nothing is cut, so an
    estimate that is too loud, or that puts sound where there was none, counts in full.
    """
    reference, estimate = _pair(reference, estimate)
    if not (np.isfinite(range_db) and range_db > 0):
        raise SpecsrError(f"range is {range_db} dB: expected a number above zero, such as 80")
    floor = reference.max() - range_db
    return np.maximum(reference, floor), np.maximum(estimate, floor)


def psnr(rmse: float, range_db: float) -> float:
    """Peak signal-to-noise ratio in dB of an rms error in dB, over a stated range in dB."""
    return float(_ratio_db(np.array(range_db) ** 2, np.array(rmse) ** 2))


def ssim(reference: np.ndarray, estimate: np.ndarray, data_range: float) -> float:
    """Structural similarity of images [..., F, T] with values from 0 to ``data_range``; 1 is equal.

    Gaussian window, sigma 1.5, 11 x 11; the mean over the windows that lie inside the image (over
    all, ends reflected, along an axis shorter than a window).  Source: Wang, Bovik, Sheikh and
    Simoncelli, IEEE Trans. Image Processing 13(4), 2004, equation 13, K1 = 0.01, K2 = 0.03.
    """
    x, y = _pair(reference, estimate)
    sigma = (0.0,) * (x.ndim - 2) + (1.5, 1.5)

    def smooth(image: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(image, sigma, mode="reflect", radius=5)

    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_x, mean_y = smooth(x), smooth(y)
    var_x, var_y = smooth(x * x) - mean_x**2, smooth(y * y) - mean_y**2
    covariance = smooth(x * y) - mean_x * mean_y
    index = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    index /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    inside = tuple(slice(5, -5) if n > 10 else slice(None) for n in x.shape[-2:])
    return float(index[(..., *inside)].mean())


@dataclass(frozen=True)
class MapErrors:
    """Errors of a map in dB; see `map_errors`.

    Attributes:
        rmse_db: root mean square error.
        bias_db: mean error, estimate minus reference.
        mae_db: mean absolute error.
        psnr_db: 20 log10(range_db / rmse_db); inf for equal maps.
        ssim: structural similarity over the same range.
        range_db: the range that all five are taken over.
    """

    rmse_db: float
    bias_db: float
    mae_db: float
    psnr_db: float
    ssim: float
    range_db: float


def map_errors(
    reference_db: np.ndarray, estimate_db: np.ndarray, range_db: float = 80.0
) -> MapErrors:
    """Return the errors of a map of levels in dB, [..., F, T], as single numbers over all of it.

    Both maps are raised to a floor ``range_db`` below the reference's highest level first
    (`floored`); a PSNR says nothing without that range: 1 dB rms is 38.1 dB over 80 dB and 35.6 dB
    over 60 dB.
    """
    reference, estimate = floored(reference_db, estimate_db, range_db)
    error = estimate - reference
    rmse = float(np.sqrt(np.mean(error**2)))
    floor = reference.max() - range_db
    return MapErrors(
        rmse_db=rmse,
        bias_db=float(error.mean()),
        mae_db=float(np.abs(error).mean()),
        psnr_db=psnr(rmse, range_db),
        ssim=ssim(reference - floor, estimate - floor, range_db),
        range_db=float(range_db),
    )


def line_mask(
    truth_db: np.ndarray, prominence: float = 8.0, size: tuple[int, int] = (49, 17)
) -> np.ndarray:
    """Return which cells of a map [..., F, T] in dB stand out as lines, bool.

    A cell is one if its level is more than ``prominence`` dB above the mean level of the ``size``
    (frequency x time) cells around it.  Past the ends the map is mirrored with its last cell
    doubled (scipy's "reflect"), so a mean at an edge is one of cells that are there.
    """
    truth = np.asarray(truth_db, dtype=np.float64)
    around = ndimage.uniform_filter(truth, (1,) * (truth.ndim - 2) + tuple(size), mode="reflect")
    return truth > around + prominence


def split_errors(
    truth_db: np.ndarray, estimate_db: np.ndarray, mask: np.ndarray | None = None
) -> dict[str, dict[str, float]]:
    """Return the errors of a map [..., F, T] in dB apart for its lines and for the rest.

    Meant for a truth without speckle (an expected or averaged power).  No level is clipped.

    Args:
        mask: cells that are lines; None takes `line_mask` of the truth.

    Returns:
        ``{"all": ..., "lines": ..., "rest": ...}``, each with ``rmse`` and ``bias`` in dB and the
        number of ``cells``; rmse and bias are nan where there are no cells.
    """
    truth, estimate = _pair(truth_db, estimate_db)
    lines = line_mask(truth) if mask is None else np.asarray(mask, dtype=bool)
    error = estimate - truth

    def errors(cells: np.ndarray) -> dict[str, float]:
        picked = error[cells]
        if not picked.size:
            return {"rmse": float("nan"), "bias": float("nan"), "cells": 0}
        rmse = float(np.sqrt(np.mean(picked**2)))
        return {"rmse": rmse, "bias": float(picked.mean()), "cells": picked.size}

    return {"all": errors(np.ones_like(lines)), "lines": errors(lines), "rest": errors(~lines)}
