"""Peak signal-to-noise ratio and structural similarity, of images and of maps in dB."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from specsr.scores.metrics import as_pair, ratio_db


def psnr(reference: np.ndarray, estimate: np.ndarray, peak: float) -> float:
    """Return the peak signal-to-noise ratio in dB over all values: 10 log10(peak² / MSE).

    Args:
        reference, estimate: arrays of one shape.
        peak: highest value, 255 for 8-bit images; for levels in dB the range in dB.

    Returns:
        The ratio; inf for equal arrays.

    Raises:
        SpecsrError: the shapes differ or the arrays are empty.
    """
    reference, estimate = as_pair(reference, estimate)
    return float(ratio_db(np.square(peak), np.mean((estimate - reference) ** 2)))


def ssim(reference: np.ndarray, estimate: np.ndarray, peak: float) -> float:
    """Return the structural similarity of images [..., F, T] with values from 0 to ``peak``.

    1 for equal images.  Gaussian window of 11 x 11, sigma 1.5; the mean over the windows inside
    the image, as MATLAB's ``ssim_index``.  Along an axis shorter than the window all positions
    count, the image continued by reflection.  Source: Wang, Bovik, Sheikh and Simoncelli, IEEE
    Trans. Image Processing 13(4), 2004, equation 13, K1 = 0.01, K2 = 0.03.

    Raises:
        SpecsrError: the shapes differ or the arrays are empty.
    """
    x, y = as_pair(reference, estimate)
    sigma = (0.0,) * (x.ndim - 2) + (1.5, 1.5)

    def smooth(image: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(image, sigma, mode="reflect", radius=5)

    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    mean_x, mean_y = smooth(x), smooth(y)
    var_x, var_y = smooth(x * x) - mean_x**2, smooth(y * y) - mean_y**2
    covariance = smooth(x * y) - mean_x * mean_y
    index = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    index /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    inside = tuple(slice(5, -5) if n > 10 else slice(None) for n in x.shape[-2:])
    return float(index[(..., *inside)].mean())
