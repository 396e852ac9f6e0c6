"""One factor for speeds found in parts of a map, and for one found in place of a stated one.

A found speed is the spacing of lines: the rotation frequency up to a simple factor, which may
differ from part to part.  Where two parts meet, the ratio of their speeds shows it; where a speed
is stated, the ratio to it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from specsr.nvh.order_candidates import ORDER_STEP

LARGEST = 6
"""Largest numerator and denominator of a simple factor."""
TOLERANCE = 0.015
"""Relative deviation from a simple factor; the closest two below `LARGEST` differ by 4 %."""
STATED = 0.05
"""Relative deviation of a stated speed, which may be a few percent off, from a whole multiple or
part of the found one; the closest two of them differ by 17 %."""
FACTORS = sorted({Fraction(p, q) for p in range(1, LARGEST + 1) for q in range(1, LARGEST + 1)})


def simple_factor(target: np.ndarray, speed: np.ndarray) -> Fraction:
    """Return the factor that makes a speed that of the target; 1 if no simple one does.

    Args:
        target: speeds of one part, [N]; 0 where unknown.
        speed: speeds of another part at the same or adjacent times, [N].
    """
    both = (target > 0) & (speed > 0)
    if not both.any():
        return Fraction(1)
    ratio = float(np.median(target[both] / speed[both]))
    best = min(FACTORS, key=lambda factor: abs(float(factor) / ratio - 1))
    return best if abs(float(best) / ratio - 1) < TOLERANCE else Fraction(1)


def stated_factor(stated: np.ndarray, found: np.ndarray) -> Fraction:
    """Return the factor that makes a found speed that of the machine as stated; 1 if none does.

    The stated speed may be wrong in some columns: the factor has to hold in most of those where
    both are known.  Whole multiples and parts are tried first, then all simple factors.

    Args:
        stated: speeds in any unit, [N]; 0 where unknown.
        found: speeds at the same times, same unit, [N]; 0 where unknown.
    """
    both = (stated > 0) & (found > 0)
    if not both.any():
        return Fraction(1)
    ratio = stated[both] / found[both]
    whole = [factor for factor in FACTORS if 1 in (factor.numerator, factor.denominator)]
    for factors, tolerance in ((whole, STATED), (FACTORS, TOLERANCE)):
        held = [float(np.mean(np.abs(float(x) / ratio - 1) < tolerance)) for x in factors]
        if max(held) > 0.5:
            return factors[int(np.argmax(held))]
    return Fraction(1)


def with_one_factor(rotation_hz: np.ndarray, borders: Sequence[int]) -> np.ndarray:
    """Return a found speed with one factor in all parts that meet, Hz, [T'].

    The part whose lines remain candidate orders (multiples of `ORDER_STEP`) is scaled.

    Args:
        rotation_hz: of parts one after the other, [T']; 0 where unknown.
        borders: first column of every part but the first, ascending.
    """
    speed = rotation_hz.copy()
    for border, end in zip(borders, [*borders[1:], len(speed)]):
        factor = simple_factor(speed[border - 1 : border], speed[border : border + 1])
        if (1 / (factor * Fraction(ORDER_STEP))).denominator == 1:
            speed[border:end] *= float(factor)
        else:
            speed[:border] /= float(factor)
    return speed
