"""Maps to draw."""

from __future__ import annotations

import numpy as np

from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap


def flat(level: float, unit: str = "Pa", channels: int = 1, **changes: object) -> SpecMap:
    """A map of one level in dB."""
    grid = Grid(
        **{"rate": 1000.0, "n_fft": 32, "hop_length": 8, "length": 300, "unit": unit} | changes
    )
    value = grid.reference * 10 ** (level / 20)
    return SpecMap(np.full((channels, grid.rows, grid.frames), value), grid)
