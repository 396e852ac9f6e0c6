"""Frequency weightings A, C and Z of sound levels.

Source: IEC 61672-1:2013, annex E: the poles of the C weighting at 20.6 and 12194 Hz and, for A,
two more at 107.7 and 737.9 Hz; both are 0 dB at 1 kHz, Z is 0 dB everywhere.
"""

from __future__ import annotations

import numpy as np

from specsr.choices import Weighting, check
from specsr.errors import SpecsrError

POLES = (20.598997, 107.65265, 737.86223, 12194.217)
"""Hz; equations E.6 to E.9 give these from the frequencies at which C is down by 3 dB."""


def check_weighting(weighting: str, unit: str) -> None:
    """Raise `SpecsrError` for an unknown weighting, or A or C of a vibration or force."""
    check(weighting, Weighting, "weighting")
    if weighting != "Z" and unit not in ("Pa", "V", "1"):
        raise SpecsrError(
            f"{weighting} weighting is for sound, these samples are in {unit}: take Z"
        )


def _plain(freqs: np.ndarray, weighting: str) -> np.ndarray:
    """Gain in power before it is set to 1 at 1 kHz."""
    f2 = np.square(np.asarray(freqs, dtype=np.float64))
    p1, p2, p3, p4 = np.square(POLES)
    c = np.square(f2 * p4 / ((f2 + p1) * (f2 + p4)))
    return c if weighting == "C" else c * f2 / (f2 + p2) * f2 / (f2 + p3)


def weighting_power(freqs: np.ndarray, weighting: str) -> np.ndarray:
    """Return the factor of a weighting on mean squares at ``freqs`` in Hz; 0 at 0 Hz for A and C.

    Raises:
        SpecsrError: an unknown weighting.
    """
    check_weighting(weighting, "Pa")
    if weighting == "Z":
        return np.ones(np.shape(freqs))
    return _plain(freqs, weighting) / _plain(np.array(1000.0), weighting)


def weighting_db(freqs: np.ndarray, weighting: str) -> np.ndarray:
    """Return a weighting in dB at ``freqs`` in Hz; -inf at 0 Hz for A and C."""
    with np.errstate(divide="ignore"):
        return 10 * np.log10(weighting_power(freqs, weighting))
