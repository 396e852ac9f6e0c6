"""Correction of levels for a measured background noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError
from specsr.nvh.levels import BandLevels

NEGLIGIBLE = 15.0
"""Level over the background from which nothing is corrected, dB."""
CLOSEST = 6.0
"""Level over the background below which the corrected level is an upper bound, dB."""


@dataclass(frozen=True, eq=False)
class Corrected:
    """Third-octave levels without the background.

    Attributes:
        nominal: nominal mid-band frequencies, Hz, [B].
        levels: corrected levels, dB, [C, B].
        background: levels of the background, dB, [C, B].
        correction: K1 that was subtracted, 0 to 1.26 dB, [C, B].
        upper_bound: the true level may be anything below, bool [C, B].
    """

    nominal: np.ndarray
    levels: np.ndarray
    background: np.ndarray
    correction: np.ndarray
    upper_bound: np.ndarray


def without_background(measured: BandLevels, background: BandLevels) -> Corrected:
    """Return third-octave levels corrected for the background noise, K1 of ISO 3744:2010, 8.2.3.

    K1 = -10 lg(1 - 10^(-D / 10)) dB with D the measured level minus that of the background: 0 for
    D of 15 dB or more; below 6 dB it stays at its value for 6 dB, 1.26 dB, and the result is an
    upper bound.

    Args:
        measured: levels with source and background, of `specsr.third_octave_levels`.
        background: levels of the background alone, in the same units and with the same weighting;
            one channel for all, or one each.

    Raises:
        SpecsrError: another number of channels, or a band that the background does not have.
    """
    count = len(background.levels)
    if count not in (1, len(measured.levels)):
        raise SpecsrError(
            f"the background has {count} channels, the recording {len(measured.levels)}: expected "
            "one, or as many"
        )
    place = {round(nominal, 3): k for k, nominal in enumerate(background.nominal)}
    missing = [f"{f:g}" for f in measured.nominal if round(f, 3) not in place]
    if missing:
        raise SpecsrError(
            f"the background has no third octave at {missing[0]} Hz: its sampling rate is too low"
        )
    coarse = ~background.resolved[[place[round(f, 3)] for f in measured.nominal]]
    if (coarse & measured.resolved).any():
        worst = measured.nominal[coarse & measured.resolved][-1]
        raise SpecsrError(
            f"the background is too short for the third octave at {worst:g} Hz: record more of it"
        )
    noise = background.levels[:, [place[round(f, 3)] for f in measured.nominal]]
    with np.errstate(invalid="ignore"):
        above = np.where(np.isneginf(noise), np.inf, measured.levels - noise)
    correction = -10 * np.log10(1 - 10 ** (-np.maximum(above, CLOSEST) / 10))
    correction = np.where(above >= NEGLIGIBLE, 0.0, correction)
    return Corrected(
        measured.nominal, measured.levels - correction,
        np.broadcast_to(noise, measured.levels.shape), correction, above < CLOSEST,
    )  # fmt: skip
