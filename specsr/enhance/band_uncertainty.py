"""Uncertainty of the levels above the measured band of a recording."""

from __future__ import annotations

import numpy as np

HALF_WIDTHS = ((0.5, 7.2), (1.0, 8.8), (1.5, 7.4), (np.inf, 7.0))
"""Octaves above the cut, and the half-width of the 68 % interval of a third octave up to there, dB.

Of the models ``band`` and ``band-speech`` on recordings that they were not trained on, for the mean
over the recording (``benchmarks/band.py``, table of levels).
"""


def level_uncertainty_db(freqs: np.ndarray, cut: float) -> np.ndarray:
    """Return the uncertainty of the level of estimated third octaves, dB.

    Args:
        freqs: their centres in Hz, any shape.
        cut: half the rate of the recording, Hz.

    Returns:
        Half-widths of the 68 % intervals, same shape; 0 up to the cut, which is measured.
    """
    octaves = np.log2(np.maximum(np.asarray(freqs, dtype=float), 1e-9) / cut)
    limits, widths = np.array(HALF_WIDTHS).T
    found = widths[np.searchsorted(limits, octaves, side="right").clip(0, len(widths) - 1)]
    return np.where(octaves > 0, found, 0.0)


def uncertainty_note(cut: float, top: float) -> str:
    """Return in words how uncertain the levels between two frequencies in Hz are."""
    found = level_uncertainty_db(np.array([cut * 1.01, top]), cut)
    return (
        f"uncertainty of estimated third octaves (68 %): {found[0]:.1f} dB next to the measured "
        f"band, {found[1]:.1f} dB at {top:g} Hz"
    )
