"""Recordings and maps with a frequency weighting: order cuts, maps and curves in dB(A)."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from specsr.maps.spec_map import SpecMap
from specsr.nvh.fourier_filter import fourier_filter
from specsr.nvh.weighting import check_weighting, weighting_power, weighting_response
from specsr.signal import Signal

MARGIN = 0.25
"""Time in s after which the weightings have settled: their lowest pole, at 20.6 Hz, has decayed by
280 dB."""

Weighable = TypeVar("Weighable", Signal, SpecMap)


def weighted(source: Weighable, weighting: str) -> Weighable:
    """Return a recording or map with a frequency weighting, IEC 61672-1:2013, annex E.

    Levels, order cuts and figures of the result are weighted; do not weight them again.  A
    recording loses its mean and is filtered with magnitude and phase of the analogue network, up
    to half its rate, float64; each row of a map is multiplied by the weighting at its frequency.

    Args:
        source: a recording, or a map, full or pooled.
        weighting: ``"A"``, ``"C"`` or ``"Z"``; with Z the source itself is returned.

    Raises:
        SpecsrError: an unknown weighting, or A or C for a unit that is not acoustic.

    Example:
        >>> t = np.arange(8000) / 8000
        >>> low = specsr.Signal(np.sin(2 * np.pi * 100 * t), 8000)
        >>> (specsr.weighted(low, "A").level() - low.level()).round(1)
        array([-19.1])
    """
    check_weighting(weighting, source.unit if isinstance(source, Signal) else source.grid.unit)
    if weighting == "Z":
        return source
    if isinstance(source, SpecMap):
        gain = np.sqrt(weighting_power(source.grid.freqs(), weighting))[:, None]
        magnitude = (source.magnitude * gain).astype(source.magnitude.dtype)
        return source.replace(magnitude=magnitude)
    samples = fourier_filter(
        source.without_mean().samples, source.rate,
        lambda freqs: weighting_response(freqs, weighting), MARGIN,
    )  # fmt: skip
    return source.replace(samples=samples)
