"""Order-comb input channels: tell a map network where the orders of a machine lie.

A coarse cell holds the power of several fine rows.  A known speed gives the frequency of every
order far more precisely, and so the fine rows that an order line can be in.  The order-conditioned
network gets this as combs: the proximity of each quarter of a coarse cell to the nearest order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from specsr.maps.grid import Grid

PARTS = 4
"""Parts of a coarse row in frequency, one channel each."""

COMBS = (1.0, 0.5)
"""Spacing of the comb teeth in orders: whole orders, and half orders of four-stroke engines."""

CHANNELS = PARTS * len(COMBS) + 1
"""Channels of `order_channels`: the parts of a row for each comb, and one for a known speed."""

HEIGHT = 20.0
"""Height of a tooth, about the standard deviation of the levels in dB that it is input beside."""


def coarse_rows(grid: Grid, s_f: int) -> tuple[np.ndarray, float]:
    """Return centres [F] and height of rows that hold ``s_f`` rows of a fine grid each, in Hz."""
    freqs = grid.freqs()
    centres = freqs[: freqs.size // s_f * s_f].reshape(-1, s_f).mean(axis=1)
    return centres, s_f * grid.df


def order_channels(freqs: np.ndarray, height: float, rotation_hz: np.ndarray) -> np.ndarray:
    """Return the order-conditioned input of a coarse map, [CHANNELS, F, T], float32.

    A tooth is a triangle of 1.5 quarters of a cell on either side of the order, about the main lobe
    of a Hann window on a map four times finer.  Where orders are closer than that the teeth merge
    and the comb holds no information.

    Args:
        freqs: centre of every coarse row in Hz, [F].
        height: height of a coarse row in Hz.
        rotation_hz: rotation frequency in Hz (rev/s) of every column, [T]; 0 where it is unknown,
            which gives no comb.
    """
    out = np.zeros((CHANNELS, len(freqs), len(rotation_hz)), dtype=np.float32)
    known = rotation_hz > 0
    # float64: the 500th order of a slow machine must still lie in the right row
    first_order = np.where(known, rotation_hz, 1.0)
    for k, step in enumerate(COMBS):
        spacing = step * first_order
        for part in range(PARTS):
            out[k * PARTS + part] = teeth(freqs[:, None], height, spacing, part) * known
    out[-1] = HEIGHT * known
    return out


def teeth(freqs: Any, height: Any, spacing: Any, part: int) -> Any:
    """Return the comb of one part of coarse rows, of NumPy arrays or of tensors that broadcast.

    Args:
        freqs: centres of the rows, Hz.
        height: height of a row, Hz.
        spacing: distance of the teeth, Hz, above zero.
        part: index of the part, below `PARTS`.
    """
    f = freqs + ((part + 0.5) / PARTS - 0.5) * height
    nearest = (f / spacing).round().clip(min=1) * spacing
    return HEIGHT * (1 - abs(f - nearest) / (1.5 * height / PARTS)).clip(min=0)
