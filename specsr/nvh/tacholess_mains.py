"""Lines that stay at multiples of the mains frequency: hum, or a machine that runs with the mains.

The hum of transformers, rectifiers and cables is as regular as the orders of a machine at a
constant speed.  Nothing in the sound tells it from a synchronous machine; an induction motor runs
below the mains frequency by its slip, and engines vary by more than the mains.
"""

from __future__ import annotations

import numpy as np

FREQUENCIES = (50.0, 60.0)
"""Mains frequencies, Hz."""
DEVIATION = 0.002
"""Relative deviation from a multiple that counts as one: 0.1 Hz of 50 Hz, which the interconnected
grids seldom exceed, and of lines found in noise."""
MOSTLY = 0.6
"""Part of the columns in which the lines are at the same multiple."""
MOST = 6
"""Highest multiple of the mains frequency that the lines may be apart: six-pulse rectifiers."""
CONFIDENCE = 0.25
"""Highest confidence of a speed from such lines, if nothing is known of the machine."""


def mains_of(line_hz: np.ndarray, clear: np.ndarray) -> float | None:
    """Return the mains frequency whose multiples lines stay at, Hz; None if they do not.

    Args:
        line_hz: distance of the lines, Hz, [T].
        clear: probability that lines follow it, [T]; columns from one half up count.
    """
    seen = line_hz[clear >= 0.5]
    if not len(seen):
        return None
    for frequency in FREQUENCIES:
        multiple = round(float(np.median(seen)) / frequency)
        near = np.abs(seen - multiple * frequency) <= DEVIATION * multiple * frequency
        if 1 <= multiple <= MOST and near.mean() >= MOSTLY:
            return frequency
    return None
