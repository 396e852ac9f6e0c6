"""Input channels of the noise model: expected and measured power over the noise that is known.

The network finds the signal-to-noise ratio of every cell before the noise was added (a priori
ratio: Ephraim, Malah, IEEE Trans. ASSP 32(6), 1984).  Where the expected power is uncertain, as
under narrow maxima of the noise at low frequencies, more of it is noise than its level shows.
"""

from __future__ import annotations

import numpy as np

CHANNELS = 3
"""Channels of `noise_image`: expected power, measured power, uncertainty."""

LOWEST_DB, HIGHEST_DB = -20.0, 60.0
"""Range of the levels over the noise, dB."""

UNCERTAINTY = 10.0
"""Factor of the uncertainty in dB: gives it the size of the levels."""


def noise_image(
    expected: np.ndarray, measured: np.ndarray, uncertainty_db: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """Return the model's input [CHANNELS, F, T], float32.

    Args:
        expected: expected power, [F, T].
        measured: measured power, [F, T].
        uncertainty_db: of the expected levels, dB, [F, T].
        noise: power of the noise in every cell, [F, T] or [F, 1].
    """
    out = np.empty((CHANNELS, *expected.shape), dtype=np.float32)
    low, high = (10 ** (db / 10) for db in (LOWEST_DB, HIGHEST_DB))
    # relative to the larger of the two: neither may be zero
    least = np.maximum(noise, 1e-30 * max(float(expected.max(initial=0.0)), 1e-270))
    for channel, power in zip(out, (expected, measured)):
        np.log10(np.clip(power / least, low, high), out=channel, casting="same_kind")
        channel *= 10
    out[2] = UNCERTAINTY * np.clip(uncertainty_db, 0, 9)
    return out
