"""Uncertainty of the levels of a map whose noise was removed.

The signal in a cell is complex Gaussian before it is measured, of the expected power E less the
power N of the noise.  The measured cell then leaves a complex Gaussian about w X of the power w N,
w = 1 - N / E the gain of Wiener (Ephraim, Malah, IEEE Trans. ASSP 32(6), 1984): the magnitude of
the signal has the distribution of Rice.  The uncertainty is the half-width of the interval about
the level of the result that holds 68 % of it.

Where the result is far below the noise, its level is no estimate: the noise hides what is there.
The upper end of the interval is then the level that the hidden signal stays below, in 68 % of the
cells.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.special import chndtr

SHARE = math.erf(math.sqrt(0.5))
"""Share of the cells within the uncertainty: 0.683."""

HIDDEN = 0.06
"""Power of the signal, over that of the noise, that an expected level cannot exclude.  Chosen on
machines of set 2 of `benchmarks/generator.py`; it matters where all was removed."""

LOWEST = 1e-5
"""Least magnitude of a result, over the scatter of the signal: 100 dB below."""

STEP, LARGEST = 0.25, 8.0
"""Of the table of `upper`: step and largest value of either axis.  Beyond, Rice is Gauss."""


def level_uncertainty(
    result: np.ndarray, measured: np.ndarray, expected: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """Return the uncertainty of the levels of a denoised map, dB, [F, T].

    Args:
        result: power of the cells after the noise was removed, [F, T].
        measured: their power before, same shape.
        expected: its expected value (`specsr.enhance.expected`), same shape.
        noise: power of the noise alone in every cell, [F, T] or [F, 1].
    """
    # of each cell by itself, so a part of a map has the values of the whole
    noise = np.maximum(noise, 1e-30 * np.maximum(np.maximum(expected, measured), 1e-270))
    over = np.maximum(expected / noise - 1, HIDDEN)
    gain = over / (1 + over)
    scatter = gain * noise
    centre = np.sqrt(gain * (measured / noise))
    magnitude = np.maximum(np.sqrt(result / scatter), LOWEST)
    return 20 * np.log10(upper(centre, magnitude) / magnitude)


def magnitude_uncertainty(
    clean: np.ndarray, measured: np.ndarray, expected: np.ndarray, powers: Sequence[np.ndarray]
) -> np.ndarray:
    """Return `level_uncertainty` for magnitudes, and that of the row at half the rate, float32.

    Args:
        clean: after the noise was removed, without the last row, [C, F, T].
        measured: before, same shape.
        expected: its expected value, same shape.
        powers: of the noise, for each channel [F, T] or [F, 1].

    Returns:
        dB, [C, F + 1, T]; the last row is as the one below.
    """
    found = []
    for *maps, noise in zip(clean, measured, expected, powers, strict=True):
        result, before, mean = (np.square(x, dtype=np.float64) for x in maps)
        found.append(level_uncertainty(result, before, mean, noise).astype(np.float32))
    uncertainty = np.stack(found)
    return np.concatenate([uncertainty, uncertainty[:, -1:]], axis=1)


def upper(centre: np.ndarray, magnitude: np.ndarray) -> np.ndarray:
    """Return the upper end of the interval about ``magnitude`` that holds `SHARE` of |c + z|.

    The interval is symmetric in dB; z is complex Gaussian of variance 1.

    Args:
        centre: c, from 0 up.
        magnitude: middle of the interval, above 0, same shape.
    """
    beyond = np.maximum(centre - LARGEST, 0)
    inside = np.clip(magnitude - beyond, 0, 2 * LARGEST)
    at = np.stack([(centre - beyond) / STEP, inside / STEP])
    found = map_coordinates(_table(), at, order=1, mode="nearest") + beyond
    # far above all that may be there the lower end decides: the interval grows as the magnitude
    above = np.maximum(magnitude - beyond, 2 * LARGEST) / (2 * LARGEST)
    return np.maximum(found * np.square(above), magnitude)


@functools.cache
def _table() -> np.ndarray:
    """Return `upper` for centres up to `LARGEST` and magnitudes up to twice that."""
    centre = np.arange(0, LARGEST + STEP / 2, STEP)[:, None]
    magnitude = np.arange(0, 2 * LARGEST + STEP / 2, STEP)[None, :]
    low, high = magnitude + 0 * centre, magnitude + np.square(magnitude) * 30 + LARGEST + 8
    for _ in range(40):
        middle = (low + high) / 2
        bottom = np.square(magnitude) / middle
        # 2 |c + z|² is chi² of two degrees of freedom, not central
        ends = (chndtr(2 * np.square(x), 2, 2 * np.square(centre)) for x in (middle, bottom))
        held = next(ends) - next(ends)
        low, high = np.where(held < SHARE, middle, low), np.where(held < SHARE, high, middle)
    return (low + high) / 2
