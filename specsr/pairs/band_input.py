"""Input of the band model: a full-height map whose unknown rows are filled from below.

The rows above the cut have no measured counterpart.  The band model sees, in every cell, the map
with the top half of the known band copied upward, and besides: which rows are measured, the
frequency, and the mean level of eight parts of the known band at that time, so that a cell far
above the cut knows what happens below it.
"""

from __future__ import annotations

import math

import numpy as np

PARTS = 8
CHANNELS = 3 + PARTS
"""Channels of `band_image`: filled map, measured rows, frequency, parts of the known band."""

KNOWN_PART = 0.9
"""Share of the input's band that its resampler leaves untouched; the rest is estimated."""


def cut_row(low_rate: float, rate: float, n_fft: int) -> int:
    """Return the first row of the map at ``rate`` that a recording at ``low_rate`` cannot know."""
    return max(PARTS, min(n_fft // 2, math.floor(KNOWN_PART * low_rate / rate * n_fft / 2)))


def copy_up(image: np.ndarray, cut: int) -> np.ndarray:
    """Return [..., F, T] with the rows from ``cut`` on replaced by the rows below it, repeated."""
    rows = image.shape[-2]
    source = np.arange(cut // 2, cut)
    index = np.concatenate([np.arange(cut), np.resize(source, max(0, rows - cut))])
    return image[..., index, :]


def band_image(db: np.ndarray, cut: int, df: float) -> np.ndarray:
    """Return the model's input [CHANNELS, F, T] for a map of levels.

    Args:
        db: levels in dB about the recording's own level, [F, T]; rows from ``cut`` on are ignored.
        cut: first unknown row, at least `PARTS`.
        df: distance of the rows in Hz.
    """
    rows, frames = db.shape
    out = np.empty((CHANNELS, rows, frames), dtype=np.float32)
    out[0] = copy_up(db, cut)
    # the other channels are scaled so that all have a spread of about 20, as levels have
    out[1] = np.where(np.arange(rows) < cut, 20.0, -20.0)[:, None]
    out[2] = (np.arange(rows) * df / 600.0 - 20.0)[:, None]
    edges = np.linspace(0, cut, PARTS + 1).astype(int)
    means = np.add.reduceat(db[:cut].astype(np.float32), edges[:-1], axis=0)
    out[3:] = (means / np.diff(edges)[:, None])[:, None, :]
    return out
