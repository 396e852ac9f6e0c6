"""Input channels of the band model: a full-height map with the unknown rows filled from below.

The rows above the cut are not measured.  The model gets the map with the upper half of the known
band copied into them, and as further channels a mark of the measured rows, the frequency, and the
mean level of eight parts of the known band in every column.  So cells far above the cut, beyond the
receptive field, have information on the known band too.

The mark also gives the top of the spectrum where it is known, as of a recording that was made at a
lower rate.  The measured rows alone do not determine whether the rows above it are empty.
"""

from __future__ import annotations

import math

import numpy as np

PARTS = 8
"""Parts of the known band with a mean level each."""

CHANNELS = 3 + PARTS
"""Channels of `band_image`: filled map, mark of the rows, frequency, levels of the parts."""

GIVEN, FULL, SOUGHT = 20.0, 0.0, -20.0
"""Marks of rows: measured, or known as empty; unknown, but known to hold sound; unknown."""

KNOWN_PART = 0.9
"""Fraction of the input's band below the roll-off of its resampler; the rest is estimated."""


def cut_row(low_rate: float, rate: float, n_fft: int) -> int:
    """Return the first unknown row of a recording at ``low_rate`` in its map at ``rate``.

    Args:
        low_rate, rate: sampling rates in Hz.
        n_fft: samples in one window of the map.
    """
    return max(PARTS, min(n_fft // 2, math.floor(KNOWN_PART * low_rate / rate * n_fft / 2)))


def copy_up(image: np.ndarray, cut: int, rows: range | None = None) -> np.ndarray:
    """Return [..., F, T] with the rows from ``cut`` on replaced by rows cut/2 to cut, repeated.

    ``rows`` are those of the result, None for those of ``image``.
    """
    row = np.arange(image.shape[-2]) if rows is None else np.array(rows)
    first = cut // 2
    return image[..., np.where(row < cut, row, first + (row - cut) % (cut - first)), :]


def band_image(
    db: np.ndarray, cut: int, df: float, top: int | None = None, rows: range | None = None
) -> np.ndarray:
    """Return the model's input [CHANNELS, F, T], float32, for a map of levels.

    Args:
        db: relative levels in dB (`specsr.maps.levels`), [F, T]; rows from ``cut`` on are ignored.
        cut: first unknown row, at least `PARTS`.
        df: spacing of the rows in Hz.
        top: first empty row, at least ``cut``; the number of rows for a full spectrum; None where
            it is not known.
        rows: rows of the map to return; None for those of ``db``.
    """
    rows = range(len(db)) if rows is None else rows
    row = np.array(rows)
    out = np.empty((CHANNELS, len(row), db.shape[1]), dtype=np.float32)
    out[0] = copy_up(db, cut, rows)
    # the other channels have a standard deviation of about 20, like the levels in dB
    out[1] = _mark(row, cut, top)[:, None]
    out[2] = (row * df / 600.0 - 20.0)[:, None]
    edges = np.linspace(0, cut, PARTS + 1).astype(int)
    means = np.add.reduceat(db[:cut].astype(np.float32), edges[:-1], axis=0)
    out[3:] = (means / np.diff(edges)[:, None])[:, None, :]
    return out


def _mark(row: np.ndarray, cut: int, top: int | None) -> np.ndarray:
    """Return `GIVEN` for rows that are measured or empty, `SOUGHT` or `FULL` for the others."""
    if top is None:
        return np.where(row >= cut, SOUGHT, GIVEN)
    return np.where((row >= cut) & (row < top), FULL, GIVEN)
