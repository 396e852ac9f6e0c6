"""Frequency weightings A, C and Z of sound levels.

Source: IEC 61672-1:2013, annex E.  The C weighting has poles at 20.6 and 12194 Hz, the A weighting
two more at 107.7 and 737.9 Hz; both are 0 dB at 1 kHz.  Z is 0 dB at all frequencies.
"""

from __future__ import annotations

import numpy as np

from specsr.choices import Weighting, check
from specsr.errors import SpecsrError

POLES = (20.598997, 107.65265, 737.86223, 12194.217)
"""Hz, from equations E.6 to E.9."""


def check_weighting(weighting: str, unit: str) -> None:
    """Raise `SpecsrError` for an unknown weighting, or A or C for a vibration or force."""
    check(weighting, Weighting, "weighting")
    if weighting != "Z" and unit not in ("Pa", "V", "1"):
        raise SpecsrError(
            f"{weighting} weighting is for sound, these samples are in {unit}: choose Z"
        )


def _unnormalised(freqs: np.ndarray, weighting: str) -> np.ndarray:
    """Return the power gain of A or C before normalisation to 1 at 1 kHz."""
    f2 = np.square(np.asarray(freqs, dtype=np.float64))
    p1, p2, p3, p4 = np.square(POLES)
    c = np.square(f2 * p4 / ((f2 + p1) * (f2 + p4)))
    return c if weighting == "C" else c * f2 / (f2 + p2) * f2 / (f2 + p3)


def weighting_power(freqs: np.ndarray, weighting: str) -> np.ndarray:
    """Return the power gain of a weighting, like ``freqs``; 0 at 0 Hz for A and C.

    Args:
        freqs: Hz, any shape.
        weighting: ``"A"``, ``"C"`` or ``"Z"``.

    Raises:
        SpecsrError: an unknown weighting.
    """
    check_weighting(weighting, "Pa")
    if weighting == "Z":
        return np.ones(np.shape(freqs))
    return _unnormalised(freqs, weighting) / _unnormalised(np.array(1000.0), weighting)


def weighting_response(freqs: np.ndarray, weighting: str) -> np.ndarray:
    """Return the complex response of a weighting, like ``freqs``; |response|² is its power gain.

    The phase is that of the analogue network with the poles `POLES` (IEC 61672-1, annex E), which
    peak levels and impulses depend on.

    Args:
        freqs: Hz, any shape, zero or above.
        weighting: ``"A"``, ``"C"`` or ``"Z"``.

    Raises:
        SpecsrError: an unknown weighting.
    """
    s = 1j * np.asarray(freqs, dtype=np.float64)
    phase = np.ones(s.shape, complex)
    if weighting in ("A", "C"):
        p1, p2, p3, p4 = POLES
        phase = np.square(s) / np.square((s + p1) * (s + p4))
        if weighting == "A":
            phase = phase * np.square(s) / ((s + p2) * (s + p3))
    size = np.abs(phase)
    unit = np.divide(phase, size, out=np.zeros_like(phase), where=size > 0)
    return np.sqrt(weighting_power(freqs, weighting)) * unit
