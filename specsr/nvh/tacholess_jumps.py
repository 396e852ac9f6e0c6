"""Jumps of a path from a speed to a multiple of it, and the path with one factor throughout.

The best path may follow the firing orders in one part of a recording and half orders in another.
Between them it crosses speeds without lines, as fast as it may.  A machine that speeds up as fast
keeps its lines, so the scores tell a jump from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from specsr.nvh.tacholess_path import STEP

FAST = 1.0
"""Least relative change of the speed in a jump, 1/s."""
LEAST = 0.15
"""Least change of log(speed) over a jump; the closest simple factors, 3/4 and 2/3, differ by 0.12
and have 0.29 and more to 1."""
WITHOUT_LINES = 0.5
"""Scores within a jump over those of the whole path, at most; 0.2 to 0.45 in jumps of machines,
0.75 and more in run-ups as fast."""
SLOPE_SECONDS = 0.3
"""Time before and after a jump in which the change of the speed itself is measured, s."""
TOLERANCE = 0.05
"""Relative deviation of a jump from a simple factor."""
MOST_UNITS = 8
"""Most lines of a joined path from one line of a part to the next."""


@dataclass(frozen=True)
class Jump:
    """A change of a path from lines to others.

    Attributes:
        first: last column before it.
        last: first column after it.
        factor: speed after it over that before it, without the change of the speed itself.
    """

    first: int
    last: int
    factor: float


def jumps(path: np.ndarray, scores: np.ndarray, step: float) -> list[Jump]:
    """Return the jumps of a path, ascending.

    Args:
        path: position of the speed in every column, [T].
        scores: harmonic sum along the path, [T].
        step: distance of the columns, s.
    """
    log = STEP * path
    slopes = np.diff(log) / step
    usual = float(np.median(scores))
    found, t = [], 0
    while t < len(slopes):
        first, sign = t, np.sign(slopes[t])
        while t < len(slopes) and slopes[t] * sign >= FAST:
            t += 1
        change = abs(float(log[t] - log[first]))
        inner = scores[first + 1 : t]
        if change >= LEAST and len(inner) and inner.mean() <= WITHOUT_LINES * usual:
            found.append(Jump(first, t, _factor(log, first, t, step)))
        t = max(t, first + 1)
    return found


def _factor(log: np.ndarray, first: int, last: int, step: float) -> float:
    """Return the factor of a jump: its change without the slope of the speed around it."""
    size = round(SLOPE_SECONDS / step)
    parts = [log[max(first - size, 0) : first + 1], log[last : last + size + 1]]
    rates = [np.median(np.diff(part)) for part in parts if len(part) > 3]
    own = float(np.mean(rates)) * (last - first) if rates else 0.0
    return math.exp(float(log[last] - log[first]) - own)


def even_path(
    path: np.ndarray, found: Sequence[Jump], states: int, factors: Sequence[Fraction]
) -> np.ndarray | None:
    """Return a path with one factor throughout, a line of every part at each of its multiples.

    Args:
        path: position of the speed in every column, [T].
        found: its jumps, ascending.
        states: number of speeds, S.
        factors: simple factors.

    Returns:
        The path, straight within jumps, [T]; None if a jump is by no simple factor or the path
        leaves the speeds of the search.
    """
    spacings = [Fraction(1)]
    for jump in found:
        best = min(factors, key=lambda factor: abs(math.log(factor / jump.factor)))
        if abs(float(best) / jump.factor - 1) > TOLERANCE or best == 1:
            return None
        spacings.append(spacings[-1] * best)
    unit = Fraction(
        math.gcd(*(each.numerator for each in spacings)),
        math.lcm(*(each.denominator for each in spacings)),
    )
    if max(spacings) / unit > MOST_UNITS:
        return None
    moved = path.astype(np.float64)
    starts = [0, *(jump.last for jump in found)]
    for start, end, spacing in zip(starts, [*starts[1:], len(path)], spacings):
        moved[start:end] -= math.log(spacing / unit) / STEP
    for jump in found:
        inner = np.arange(jump.first, jump.last + 1)
        ends = [jump.first, jump.last]
        moved[inner] = np.interp(inner, ends, moved[ends])
    result = np.round(moved).astype(int)
    return result if result.min() >= 0 and result.max() < states else None
