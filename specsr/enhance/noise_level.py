"""The level of a recording of noise beside that of the recording it is in.

Noise alone is no louder than the recording that holds it, at least at its loudest.  Where it is
louder in most third octaves, the two were not recorded with the same gain (or the noise became
less): it is lowered to the recording, or all of the machine would be removed as noise.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from specsr.enhance.noise_change import FEWEST_BANDS, in_channels
from specsr.signal import Signal

log = logging.getLogger(__name__)

LOUDEST = 90
"""Percentile over time at which a recording holds its noise."""

LOUDER_DB = 3.0
"""Excess from which the noise is lowered, dB (`benchmarks/noise_level.py`)."""

SILENT_DB = 200.0
"""Excess over a silent channel at least, dB: nothing is known there."""


def above_db(rises: Sequence[np.ndarray]) -> float:
    """Return how far noise is above a channel, in most third octaves at their loudest, dB.

    Args:
        rises: of the third octaves of the channel over the noise, dB, [B, T], for each of its maps
            (`specsr.enhance.noise_change.band_rises`); the map in which the noise is least counts.
    """
    found = [
        -float(np.median(np.percentile(each, LOUDEST, axis=1)))
        for each in rises
        if len(each) >= FEWEST_BANDS and each.shape[1]
    ]
    return min(found, default=0.0)


def excess_db(rises: Sequence[np.ndarray]) -> float:
    """Return how far noise is too loud to be in a channel, dB; 0 if it is not.

    Args:
        rises: as for `above_db`.
    """
    above = above_db(rises)
    return above if LOUDER_DB < above < SILENT_DB else 0.0


def lowered(noise: Signal, excess: np.ndarray, names: tuple[str, ...]) -> Signal:
    """Return noise that is lowered where it is too loud; a warning says so.

    Args:
        noise: recording of the noise alone, one channel or as many as ``excess``.
        excess: of every channel of the recording that it is in, dB, [C].
        names: of these channels.
    """
    if not excess.any():
        return noise
    log.warning(
        "the noise is %.0f dB louder than the recording in most third octaves%s and is lowered by "
        "that; give a noise that was recorded with the same gain and calibration", excess.max(),
        in_channels(excess > 0, names),
    )  # fmt: skip
    gain = 10 ** (-excess[:, None] / 20)
    if len(noise.channels) == 1 and np.ptp(excess) == 0:
        gain = gain[:1]
    samples = (noise.samples * gain).astype(np.float32)
    return noise.replace(
        samples=samples, channels=noise.channels if len(samples) == len(noise.channels) else names
    )
