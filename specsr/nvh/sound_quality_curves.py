"""Loudness, sharpness and roughness over time, with percentiles, by MoSQITo.

Sources: loudness ISO 532-1:2017, method for time-varying sounds; sharpness DIN 45692:2009 from its
specific loudness; roughness Daniel, Weber, Acustica 83, 1997 (no standard; ECMA-418-2 has another
model).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError
from specsr.nvh.sound_quality import RATE, mosqito_metrics, samples_in_pa
from specsr.signal import Signal

SETTLING = 0.5
"""Time from the start in which sharpness is not valid, s: its parts still rise from zero.

The slowest time constant of ISO 532-1, 70 ms, has passed seven times.  At most half the duration.
"""
WINDOW = 0.2
"""Window of the roughness, s."""
SHORTEST = 0.4
"""Minimum duration, s: the settling and a window of the roughness."""
AUDIBLE = 0.1
"""Loudness in sone below which a sound has no sharpness."""
PERCENTAGES = (5, 10, 50, 90, 95)


@dataclass(frozen=True, eq=False)
class SoundQualityCurves:
    """Sound quality over time.

    Attributes:
        times: of loudness and sharpness in s, every 2 ms, [T].
        loudness: sone, [C, T].
        sharpness: acum, [C, T]; nan in the first 0.5 s (at most half the recording)
            and below 0.1 sone.
        window_times: middles of the windows of the roughness in s, every 0.1 s, [R].
        roughness: asper, [C, R].
    """

    times: np.ndarray
    loudness: np.ndarray
    sharpness: np.ndarray
    window_times: np.ndarray
    roughness: np.ndarray


def exceeded(curve: np.ndarray, percent: float) -> np.ndarray:
    """Return the value that a curve [C, T] exceeds in a percentage of the time, [C]: N5, S50.

    nan is left out; nan without any value.

    Args:
        curve: over evenly spaced times.
        percent: above 0 and below 100; 5 for N5 of ISO 532-1.

    Raises:
        SpecsrError: another percentage.
    """
    if not 0 < percent < 100:
        raise SpecsrError(f"percent is {percent}: expected above 0 and below 100, such as 5")
    found = [row[np.isfinite(row)] for row in curve]
    return np.array([np.percentile(x, 100 - percent) if x.size else np.nan for x in found])


def sound_quality_curves(signal: Signal, field: str = "free") -> SoundQualityCurves:
    """Return loudness, sharpness and roughness of every channel over time.

    Takes about the duration of the recording for each channel.

    Args:
        signal: the recording, in Pa, of at least 0.4 s.
        field: ``"free"`` or ``"diffuse"`` sound field, of loudness and sharpness.

    Raises:
        SpecsrError: samples not in Pa, a recording that is too short or of too low a rate, an
            unknown field, or MoSQITo is not installed.
    """
    metrics = mosqito_metrics()
    samples = samples_in_pa(signal, field)
    if signal.duration < SHORTEST:
        raise SpecsrError(
            f"the recording is {signal.duration:.3g} s long: sound quality over time needs at "
            f"least {SHORTEST:g} s"
        )
    loud, sharp = [], []
    for x in samples:
        sone, specific, _, times = metrics.loudness_zwtv(x, int(RATE), field)
        with np.errstate(divide="ignore", invalid="ignore"):
            acum = np.asarray(metrics.sharpness_din_from_loudness(sone, specific), float)
        settled = np.asarray(times) >= min(SETTLING, signal.duration / 2)
        valid = settled & (sone >= AUDIBLE)
        loud.append(sone)
        sharp.append(np.where(valid, acum, np.nan))
    return SoundQualityCurves(
        signal.start + np.asarray(times), np.stack(loud), np.stack(sharp), *roughness(signal)
    )  # fmt: skip


def roughness(signal: Signal) -> tuple[np.ndarray, np.ndarray]:
    """Return (middles of the windows in s [R], roughness of every channel in asper [C, R]).

    Windows of 0.2 s with 50 % overlap: modulations below 10 Hz, of fewer than two periods in a
    window, are not resolved.  Source: Daniel, Weber, Acustica 83, 1997.

    Args:
        signal: the recording, in Pa, of at least 0.2 s.

    Raises:
        SpecsrError: as `sound_quality_curves`.
    """
    metrics = mosqito_metrics()
    samples = samples_in_pa(signal, "free")
    if signal.duration < WINDOW:
        raise SpecsrError(
            f"the recording is {signal.duration:.3g} s long: roughness needs at least {WINDOW:g} s"
        )
    found = [metrics.roughness_dw(x, int(RATE), 0.5) for x in samples]
    times = signal.start + np.asarray(found[0][3])
    return times, np.stack([np.atleast_1d(asper) for asper, *_ in found])
