"""Bicubic interpolation and scores of images."""

from __future__ import annotations

import numpy as np

from conformance.check import Check, Group, near
from specsr.images.imresize import imresize
from specsr.scores.similarity import psnr, ssim


def keys(x: float) -> float:
    """Return Keys' cubic kernel, a = -0.5."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def bicubic() -> list[Check]:
    checks = []
    impulse = np.zeros((33, 33))
    impulse[:, 16] = 1.0
    larger = imresize(impulse, 2)[16]
    for k in range(29, 37):
        expected = keys((k + 0.5) / 2 - 0.5 - 16)
        checks.append(near(f"x2, impulse at 16, sample {k}", larger[k], expected, 1e-6, "1"))
    impulse = np.zeros((32, 32))
    impulse[:, 16] = 1.0
    smaller = imresize(impulse, 0.5)[8]
    for k in range(5, 12):
        expected = keys(((k + 0.5) * 2 - 0.5 - 16) / 2) / 2
        checks.append(near(f"x1/2 with antialiasing, impulse at 16, sample {k}", smaller[k],
                           expected, 1e-6, "1"))  # fmt: skip
    return checks


def scores() -> list[Check]:
    image = np.random.default_rng(0).uniform(20, 200, (48, 64))
    checks = [
        near(f"PSNR of a constant difference of {d:g}", psnr(image, image + d, 255.0),
             20 * np.log10(255 / d), 1e-9, "dB")
        for d in (1, 2, 10)
    ]  # fmt: skip
    checks.append(near("SSIM of equal images", ssim(image, image, 255.0), 1, 1e-12, "1"))
    flat, other = np.full((32, 32), 100.0), np.full((32, 32), 120.0)
    expected = (2 * 100 * 120 + (0.01 * 255) ** 2) / (100**2 + 120**2 + (0.01 * 255) ** 2)
    checks.append(near("SSIM of two grays, 100 and 120", ssim(flat, other, 255.0), expected, 1e-6,
                       "1"))  # fmt: skip
    return checks


GROUPS = (
    Group("Bicubic interpolation", "Keys 1981, a = -0.5; MATLAB imresize (kernel widened to "
          "reduce)", bicubic),
    Group("Scores of images", "definitions: PSNR; SSIM, Wang et al. 2004", scores),
)  # fmt: skip
