"""Refinement of a speed curve: Newton step to a higher score, Whittaker smoothing, edges."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import solveh_banded
from scipy.ndimage import find_objects, label


def newton_step(
    score: Callable[[np.ndarray], np.ndarray], log: np.ndarray, step: float, least: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the move of log(speed) to the maximum of a score, and the curvature of the score.

    Slope and curvature are central differences.  A move is at most 1.5 steps long.

    Args:
        score: speed [N] -> score [M]; the result has the shape of the score.
        log: natural logarithm of the speed, [N].
        step: of the differences, relative change of the speed.
        least: lower limit of the curvature (minus the second derivative).
    """
    low, here, high = (score(np.exp(log + move)) for move in (-step, 0.0, step))
    curvature = np.maximum((2 * here - low - high) / step**2, least)
    slope = (high - low) / (2 * step)
    return np.clip(slope / curvature, -1.5 * step, 1.5 * step), curvature


def smooth(target: np.ndarray, weight: np.ndarray, stiffness: float) -> np.ndarray:
    """Return the x that minimises sum w (x - target)² + stiffness sum (second difference of x)².

    Source: Whittaker, Proc. Edinburgh Math. Soc. 41, 1923.

    Args:
        target: [N], N from 3 up.
        weight: w, above zero, [N].
        stiffness: weight of the second differences.
    """
    n = len(target)
    second = np.diff(np.eye(3), 2, axis=0)[0]  # 1, -2, 1
    bands = np.zeros((3, n))
    for i, a in enumerate(second):
        for j, b in enumerate(second[: i + 1]):
            bands[2 - (i - j), i : i + n - 2] += stiffness * a * b
    bands[2] += weight
    return solveh_banded(bands, weight * target)


def trimmed(known: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Return each run of known columns cut to its part of the greatest total gain, bool [T].

    The maximum of the sum over adjacent columns (Bentley, Communications of the ACM 27(9), 1984):
    edges whose columns gain less than nothing in total are cut off.

    Args:
        known: bool [T].
        gain: of every column, [T].
    """
    kept = np.zeros(len(known), dtype=bool)
    for (run,) in find_objects(label(known)[0]):
        total = np.concatenate([[0.0], np.cumsum(gain[run])])
        last = int(np.argmax(total - np.minimum.accumulate(total)))
        kept[run.start + int(np.argmin(total[: last + 1])) : run.start + last] = True
    return kept
