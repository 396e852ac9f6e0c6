"""Lines that stay at multiples of the mains frequency: hum, or a machine that runs with the mains.

The hum of transformers, rectifiers and cables is as regular as the orders of a machine at a
constant speed.  A synchronous machine has the same lines; an induction motor runs below the mains
frequency by its slip, and engines vary by more than the mains.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

FREQUENCIES = (50.0, 60.0)
"""Mains frequencies, Hz."""
NEAR = 0.01
"""Relative deviation of a path of steady lines, whose phases may be refined to the mains."""
DEVIATION = 0.002
"""Relative deviation of refined lines that counts as none: 0.1 Hz of 50 Hz, which the
interconnected grids seldom exceed."""
MOSTLY = 0.6
"""Part of the columns in which the lines are at the same multiple."""
MOST = 6
"""Highest multiple of the mains frequency that the lines may be apart: six-pulse rectifiers."""
CONFIDENCE = 0.25
"""Highest confidence of a speed from such lines, if nothing is known of the machine."""


def mains_of(
    line_hz: np.ndarray, clear: np.ndarray, refined: Callable[[np.ndarray], np.ndarray]
) -> float | None:
    """Return the mains frequency whose multiples lines stay at, Hz; None if they do not.

    Args:
        line_hz: distance of the lines, Hz, [T].
        clear: probability that lines follow it, [T]; columns from one half up count.
        refined: returns a distance that is refined by the phases of the lines, Hz, [T].
    """
    seen = clear >= 0.5
    if not seen.any():
        return None
    for frequency in FREQUENCIES:
        target = frequency * round(float(np.median(line_hz[seen])) / frequency)
        if not 1 <= target / frequency <= MOST or not _mostly(line_hz[seen], target, NEAR):
            continue
        if _mostly(refined(np.full(len(line_hz), target))[seen], target, DEVIATION):
            return frequency
    return None


def _mostly(line_hz: np.ndarray, target: float, deviation: float) -> bool:
    return bool(np.mean(np.abs(line_hz / target - 1) <= deviation) >= MOSTLY)
