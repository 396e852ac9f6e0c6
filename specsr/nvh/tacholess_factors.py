"""Simple factors between two speeds that share lines, and speeds that a path does not explain."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from specsr.nvh.tacholess_path import STEP

LARGEST_TERM = 4
"""Largest numerator and denominator of a simple factor."""
_TERMS = range(1, LARGEST_TERM + 1)
FACTORS = tuple(sorted({Fraction(p, q) for p in _TERMS for q in _TERMS}))
HIGHEST = 8
"""Highest firing order over the half order, that of eight cylinders."""
_HIGH = tuple(map(Fraction, range(LARGEST_TERM + 1, HIGHEST + 1)))
SHARING = (*FACTORS, *_HIGH, *(1 / factor for factor in _HIGH))
"""Factors from a speed to others that share lines with it: the firing orders of an engine alone may
stand out more than all of its half orders."""
SHARED = 0.03
"""Relative distance of two speeds that count as one, and tolerance of the limits."""
PART = 1024
"""Columns that are compared at once; bounds the memory."""


def steps(factor: Fraction) -> int:
    """Return a factor of the speed in steps of the search."""
    return round(math.log(factor) / STEP)


def related(
    path: np.ndarray, states: int, factors: Sequence[Fraction] = FACTORS
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield columns, and which of the speeds are that of a path times a factor, bool [S, t].

    Args:
        path: position of the speed in every column, [T].
        states: number of speeds, S.
        factors: of the speed.
    """
    width = int(SHARED / STEP)
    beside = np.arange(-width, width + 1)
    offsets = np.unique([steps(factor) + beside for factor in factors])[:, None]
    for first in range(0, len(path), PART):
        part = slice(first, first + PART)
        rows = path[part] + offsets
        columns = np.broadcast_to(np.arange(rows.shape[1]), rows.shape)
        inside = (rows >= 0) & (rows < states)
        taken = np.zeros((states, rows.shape[1]), dtype=bool)
        taken[rows[inside], columns[inside]] = True
        yield part, taken
