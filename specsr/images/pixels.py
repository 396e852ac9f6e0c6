"""Conversion between pixels of image files and the arrays of networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from specsr.images.metrics import luma


def to_float(image: np.ndarray, channels: int) -> np.ndarray:
    """Return pixels as the input of a network: [channels, H, W] float32 in 0..255, without alpha.

    Gray becomes three equal channels for ``channels`` = 3, colour becomes luma for 1.

    Args:
        image: [H, W] or [H, W, C], uint8 or uint16; C is 2 (gray, alpha), 3 (RGB) or 4
            (RGB, alpha).
        channels: 1 or 3.
    """
    scale = np.float32(257 if image.dtype == np.uint16 else 1)
    image = image[..., None] if image.ndim == 2 else image
    colours = image[..., : 1 if image.shape[2] < 3 else 3].astype(np.float32) / scale
    if colours.shape[2] == 1:
        colours = np.repeat(colours, channels, axis=2)
    elif channels == 1:
        colours = luma(colours).astype(np.float32)[..., None]
    return colours.transpose(2, 0, 1)


def to_pixels(image: np.ndarray | torch.Tensor, dtype: Any = np.uint8) -> np.ndarray:
    """Return pixels of [C, H, W] in 0..255, rounded and clipped.

    [H, W] for one channel, otherwise [H, W, C], of the integer ``dtype`` (uint8 or uint16).
    """
    scale = 257 if dtype == np.uint16 else 1
    values = np.asarray(image) * np.float32(scale) + np.float32(0.5)
    pixels = np.floor(values, out=values).clip(0, np.iinfo(dtype).max, out=values).astype(dtype)
    return np.ascontiguousarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
