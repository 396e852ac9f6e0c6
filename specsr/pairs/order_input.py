"""Where the orders of a machine lie in a map, told to a network beside the map.

A coarse cell says how much power it holds, not where.  With the speed known, every order's
frequency is known far below a cell, and with it which of the finer rows a line can be in.  The
network sees this as combs: how near each quarter of a cell lies to the nearest order.
"""

from __future__ import annotations

import numpy as np

from specsr.maps.grid import Grid

PARTS = 4
COMBS = (1.0, 0.5)
"""Distance of the teeth in orders: whole ones, and halves as four-stroke engines have them."""

CHANNELS = PARTS * len(COMBS) + 1
"""Channels of `order_channels`: parts of a cell for each comb, and whether the speed is known."""

_LEVEL = 20.0  # a spread as levels have it


def coarse_rows(grid: Grid, s_f: int) -> tuple[np.ndarray, float]:
    """Return centre and height in Hz of the cells that hold ``s_f`` rows of a fine grid each."""
    freqs = grid.freqs()
    centres = freqs[: freqs.size // s_f * s_f].reshape(-1, s_f).mean(axis=1)
    return centres, s_f * grid.df


def order_channels(freqs: np.ndarray, height: float, speed: np.ndarray) -> np.ndarray:
    """Return the guiding channels of a coarse map, [CHANNELS, F, T], float32.

    A tooth is a triangle that ends one and a half quarters of a cell from the order, about the
    main lobe of a Hann window on a map four times finer.  Where the orders lie closer than that,
    all is tooth: the comb says nothing there.

    Args:
        freqs: centre of every coarse row in Hz, [F].
        height: of a coarse row in Hz.
        speed: turns a second in every column, [T]; 0 where it is unknown: no comb there.
    """
    out = np.zeros((CHANNELS, len(freqs), len(speed)), dtype=np.float32)
    there = speed > 0
    # in float64 the 500th order of a slow machine still lies well inside its row
    turns = np.where(there, speed, 1.0)
    for k, step in enumerate(COMBS):
        spacing = step * turns
        for part in range(PARTS):
            f = (freqs + ((part + 0.5) / PARTS - 0.5) * height)[:, None]
            nearest = np.maximum(1, np.round(f / spacing)) * spacing
            tooth = 1 - np.abs(f - nearest) / (1.5 * height / PARTS)
            out[k * PARTS + part] = _LEVEL * np.maximum(tooth, 0) * there
    out[-1] = _LEVEL * there
    return out
