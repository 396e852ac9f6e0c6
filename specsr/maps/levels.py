"""Levels as the models see them: dB about the recording's own level, within a fixed range.

The shift is a whole number of dB found from the first half minute, kept with the result and added
back exactly, so a model works alike on pascals, volts and full scale, and calibration survives.
"""

from __future__ import annotations

import numpy as np

from specsr.maps.grid import Grid
from specsr.maps.spec_map import FLOOR_DB

DB_RANGE = 100.0
"""Cells farther than this from the own level are shown to a model at this distance."""

FIRST_SECONDS = 30.0
HEARD_DB = 120.0
"""Cells farther than this below the loudest hold rounding, not sound: they set no level."""


def to_db(power: np.ndarray) -> np.ndarray:
    """Return 10 log10(power) re 1 unit², float32, with the floor of -400 dB."""
    return (10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10), dtype=np.float64))).astype(
        np.float32
    )


def own_level(db: np.ndarray, grid: Grid) -> float:
    """Return the median level of [..., F, T] in its first 30 s, in whole dB; 0 for silence."""
    columns = max(1, int(FIRST_SECONDS / grid.dt))
    early = np.asarray(db[..., :columns], dtype=np.float32)
    heard = early[early > max(early.max() - HEARD_DB, FLOOR_DB)]
    return float(np.round(np.median(heard))) if heard.size else 0.0


def about(db: np.ndarray, level: float) -> np.ndarray:
    """Return levels about ``level``, limited to ±`DB_RANGE`, float32."""
    return np.clip(np.asarray(db, dtype=np.float32) - level, -DB_RANGE, DB_RANGE)
