"""PSNR and SSIM of images under the protocols of published super-resolution tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError
from specsr.scores.similarity import psnr, ssim

PEAK = 255.0
"""Highest value of a pixel."""


@dataclass(frozen=True)
class Protocol:
    """Channels and area that are compared.

    Attributes:
        name: name in options and tables.
        channels: ``"y-rounded"``: rounded luma of MATLAB's rgb2ycbcr on uint8, gray images
            unchanged; ``"y-float"``: luma in floating point, gray images replicated to RGB
            (EDSR-PyTorch and most later papers); ``"rgb"``: all three channels.
        extra_border: pixels ignored at every border in addition to the scale.
    """

    name: str
    channels: str
    extra_border: int = 0


PAPER = Protocol("paper", "y-rounded")
FLOAT = Protocol("float", "y-float")
RGB = Protocol("rgb", "rgb", extra_border=6)
"""DIV2K validation: RGB without scale + 6 pixels at each border (Lim et al. 2017)."""

PROTOCOLS = {protocol.name: protocol for protocol in (PAPER, FLOAT, RGB)}


def luma(image: np.ndarray, rounded: bool = False) -> np.ndarray:
    """Return Y of BT.601 in studio range (16 to 235) of RGB [H, W, 3] in 0..255, as float64."""
    y = image.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255 + 16
    return np.floor(y + 0.5) if rounded else y


def _planes(image: np.ndarray, protocol: Protocol) -> np.ndarray:
    """Return the channels that a protocol compares, float64 [H, W, C]."""
    gray = image.ndim == 2
    if protocol.channels == "y-rounded":
        plane = image.astype(np.float64) if gray else luma(image, rounded=True)
        return plane[..., None]
    colour = np.repeat(image[..., None], 3, axis=2) if gray else image
    if protocol.channels == "y-float":
        return luma(colour)[..., None]
    return colour.astype(np.float64)


def score(
    estimate: np.ndarray, reference: np.ndarray, scale: int, protocol: Protocol = PAPER
) -> tuple[float, float]:
    """Return PSNR in dB and SSIM of one image; scores of a set are means over these.

    Args:
        estimate, reference: [H, W] or [H, W, 3], uint8, of one shape.
        scale: number of pixels ignored at each border, beside those of the protocol.
        protocol: channels and area to compare.

    Raises:
        SpecsrError: shapes that differ, types other than uint8, or an image too small for border
            and window.
    """
    if estimate.shape != reference.shape:
        raise SpecsrError(
            f"the images differ in shape: {estimate.shape} and {reference.shape}: cut the "
            "reference to a multiple of the scale"
        )
    if estimate.dtype != np.uint8 or reference.dtype != np.uint8:
        raise SpecsrError(
            f"expected uint8 images, got {estimate.dtype} and {reference.dtype}: scores are "
            "defined on 8 bits a sample"
        )
    border = scale + protocol.extra_border
    if min(reference.shape[:2]) - 2 * border < 11:
        raise SpecsrError(
            f"an image of {reference.shape[0]} x {reference.shape[1]} is too small for a border "
            f"of {border} and SSIM's window of 11"
        )
    inside = slice(border, -border)
    ours = _planes(estimate, protocol)[inside, inside]
    true = _planes(reference, protocol)[inside, inside]
    similarity = np.mean([ssim(true[..., c], ours[..., c], PEAK) for c in range(ours.shape[2])])
    return psnr(true, ours, PEAK), float(similarity)
