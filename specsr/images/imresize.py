"""Bicubic resizing that equals MATLAB's ``imresize`` bit for bit.

Published super-resolution scores are based on low-resolution images made by that function: Keys'
cubic (a = -0.5), widened on reduction against aliasing, mirrored image borders, rows before columns
and, for integer images, rounding and clipping after each of the two passes.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from scipy import sparse

from specsr.errors import SpecsrError


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel, a = -0.5 (IEEE Trans. ASSP 29, 1981)."""
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return near * (x <= 1) + far * ((x > 1) & (x <= 2))


@functools.lru_cache(maxsize=64)
def _weights(size: int, out: int, scale: float) -> sparse.csr_matrix:
    """Return the matrix [out, size] that resizes one axis."""
    squeeze = min(scale, 1.0)
    width = 4 / squeeze
    centre = np.arange(1, out + 1) / scale + 0.5 * (1 - 1 / scale)  # in input samples, from 1
    first = np.floor(centre - width / 2)
    taps = first[:, None] + np.arange(math.ceil(width) + 2)
    weights = squeeze * _cubic(squeeze * (centre[:, None] - taps))
    weights /= weights.sum(axis=1, keepdims=True)
    mirrored = (taps.astype(np.int64) - 1) % (2 * size)
    columns = np.where(mirrored < size, mirrored, 2 * size - 1 - mirrored)
    rows = np.repeat(np.arange(out), taps.shape[1])
    return sparse.csr_matrix((weights.ravel(), (rows, columns.ravel())), shape=(out, size))


def _pass(image: np.ndarray, out: int, scale: float, dtype: np.dtype) -> np.ndarray:
    """Resize the first axis; integer images are rounded (half up) and clipped."""
    flat = image.reshape(image.shape[0], -1).astype(np.float64)
    result = _weights(image.shape[0], out, scale) @ flat
    if np.issubdtype(dtype, np.integer):
        result = np.clip(np.floor(result + 0.5), 0, np.iinfo(dtype).max).astype(dtype)
    return result.reshape(out, *image.shape[1:])


def imresize(image: np.ndarray, scale: float, size: tuple[int, int] | None = None) -> np.ndarray:
    """Return the image at ``scale`` times its size, equal to ``imresize(image, scale)`` of MATLAB.

    Args:
        image: [H, W] or [H, W, C]; uint8, uint16 or floating point (not rounded, not clipped).
        scale: factor: 1/2 halves, 2 doubles.
        size: rows and columns of the result; None for ceil(scale x those of the image).

    Returns:
        The same dtype (floating point: float64), [ceil(scale H), ceil(scale W), ...].

    Raises:
        SpecsrError: a scale that is not above zero, an empty image or one of another shape.
    """
    if not (math.isfinite(scale) and scale > 0):
        raise SpecsrError(f"scale is {scale}: expected a number above zero")
    if image.ndim not in (2, 3) or not image.size:
        raise SpecsrError(f"the image has shape {image.shape}: expected [H, W] or [H, W, C]")
    rows, columns = size or (math.ceil(scale * n) for n in image.shape[:2])
    half = _pass(image, rows, scale, image.dtype)
    return _pass(half.swapaxes(0, 1), columns, scale, image.dtype).swapaxes(0, 1)


def shave(image: np.ndarray, scale: int) -> np.ndarray:
    """Remove rows and columns at the end so that the size is a multiple of the scale."""
    return image[: image.shape[0] // scale * scale, : image.shape[1] // scale * scale]


def reduce(image: np.ndarray, scale: int) -> np.ndarray:
    """Return the low-resolution image of a pair: `shave`, then `imresize` by 1 / scale.

    Raises:
        SpecsrError: an image smaller than one cell of the scale.
    """
    cut = shave(image, scale)
    if not cut.size:
        raise SpecsrError(
            f"an image of {image.shape[0]} x {image.shape[1]} is smaller than one cell of x{scale}"
        )
    return imresize(cut, 1 / scale)
