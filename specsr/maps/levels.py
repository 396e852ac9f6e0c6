"""Input levels of the models: dB relative to the median of the recording, within a fixed range.

The median comes from the first 10 s.  It is subtracted before the network and added back after
it.  So a model treats recordings in Pa, V or full scale alike, and the calibration of the result
is that of the input.
"""

from __future__ import annotations

import math

import numpy as np

from specsr.maps.grid import Grid
from specsr.maps.spec_map import FLOOR_DB

LEVEL_RANGE_DB = 100.0
"""Levels relative to the median are clipped to ± this value."""

FIRST_SECONDS = 10.0
"""Length in s of the part that the median comes from."""

USABLE_DB = 120.0
"""Cells more than this far below the maximum are rounding noise and are ignored in the median."""

MOST_UNCERTAIN_DB = 60.0
"""Largest uncertainty of a network, dB.  Of levels that no recording has, as those beside a clean
tone, it would state thousands."""


def to_db(power: np.ndarray) -> np.ndarray:
    """Return 10 log10(power) in dB re 1 unit², float32, any shape; at least `FLOOR_DB`."""
    return (10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10), dtype=np.float64))).astype(
        np.float32
    )


def median_level(db: np.ndarray, grid: Grid) -> float:
    """Return the median of levels [..., F, T] over its first seconds, dB; 0 for silence."""
    columns = max(1, int(FIRST_SECONDS / grid.dt))
    early = np.asarray(db[..., :columns], dtype=np.float32)
    usable = early[early > max(early.max() - USABLE_DB, FLOOR_DB)]
    return float(np.median(usable)) if usable.size else 0.0


def segment_level(own: float, reference: float) -> float:
    """Return the level of one segment of a recording: ``reference`` plus whole dB, near ``own``.

    Segments of a stationary recording so have one level, that of its first seconds, and a
    recording that is louder by any factor gives the same result, louder by that factor.
    """
    return reference + round(own - reference)


def relative_levels(db: np.ndarray, level: float) -> np.ndarray:
    """Return levels in dB relative to ``level``, clipped to ± `LEVEL_RANGE_DB`, float32."""
    return np.clip(np.asarray(db, dtype=np.float32) - level, -LEVEL_RANGE_DB, LEVEL_RANGE_DB)


def network_uncertainty(logarithm: np.ndarray) -> np.ndarray:
    """Return the uncertainty that a network states by its natural logarithm, dB, any shape."""
    return np.asarray(np.exp(np.minimum(logarithm, math.log(MOST_UNCERTAIN_DB))))


def difference_db(power: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return 10 log10(power / reference), any shape; 0 where one of them is silent."""
    both = (power > 0) & (reference > 0)
    return 10 * np.log10(np.where(both, power, 1.0) / np.where(both, reference, 1.0))
