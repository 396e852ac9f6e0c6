"""Loudness (ISO 532-1) and sharpness (DIN 45692) of recordings in Pa, by MoSQITo.

MoSQITo holds the standards' methods; it works at 48 kHz, so recordings are brought there first
with the resampler of `Signal.resample`, which leaves levels and band as they are.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.signal import Signal

RATE = 48000.0
SHORTEST = 0.1
"""Seconds: a third octave at 25 Hz needs about this to settle."""

FIELDS = ("free", "diffuse")


@dataclass(frozen=True, eq=False)
class Loudness:
    """Loudness of every channel.

    Attributes:
        sone: stationary: the loudness; time-varying: N5, exceeded in 5 % of the time, [C].
        phon: loudness level of ``sone``, [C].
        times: s, [T]; None for the stationary method.
        curve: loudness over time in sone, [C, T]; None for the stationary method.
    """

    sone: np.ndarray
    phon: np.ndarray
    times: np.ndarray | None = None
    curve: np.ndarray | None = None


def available() -> bool:
    """Whether MoSQITo is installed, with pyuff, which it imports."""
    return all(importlib.util.find_spec(name) is not None for name in ("mosqito", "pyuff"))


def loudness(signal: Signal, field: str = "free", time_varying: bool = False) -> Loudness:
    """Return the loudness of a recording in Pa after Zwicker, ISO 532-1.

    Args:
        signal: the recording, of at least 0.1 s.
        field: ``"free"`` or ``"diffuse"`` sound field.
        time_varying: the method for time-varying sounds (about three times as long as the
            recording); without it the one for stationary sounds, from the mean third octaves.

    Raises:
        SpecsrError: not in Pa, too short, an unknown field, or MoSQITo is missing.
    """
    metrics = _mosqito()
    samples = _samples(signal, field)
    if not time_varying:
        sone = np.array([_zwst(metrics, x, field) for x in samples])
        return Loudness(sone, to_phon(sone))
    curves = [metrics.loudness_zwtv(x, int(RATE), field) for x in samples]
    curve = np.stack([c[0] for c in curves])
    sone = np.percentile(curve, 95, axis=1)
    return Loudness(sone, to_phon(sone), signal.start + np.asarray(curves[0][3]), curve)


def sharpness(signal: Signal, field: str = "free") -> np.ndarray:
    """Return the sharpness of every channel in acum, DIN 45692, stationary method, [C].

    nan for silence and for what has a third octave above 120 dB.  Raises as `loudness` does.
    """
    metrics = _mosqito()
    found = []
    for x in _samples(signal, field):
        with np.errstate(divide="ignore", invalid="ignore"):
            try:
                found.append(float(metrics.sharpness_din_st(x, int(RATE), "din", field)))
            except ValueError:  # as in `_zwst`
                found.append(np.nan)
    return np.array(found)


def _zwst(metrics: Any, samples: np.ndarray, field: str) -> float:
    """Stationary loudness in sone; nan where a third octave is above 120 dB, where it ends."""
    try:
        return float(metrics.loudness_zwst(samples, int(RATE), field)[0])
    except ValueError:
        return float("nan")


def to_phon(sone: np.ndarray) -> np.ndarray:
    """Return the loudness level in phon, 3 at least; ISO 532-1:2017, formulas 3 and 4."""
    sone = np.asarray(sone, dtype=np.float64)
    loud = 40 + 10 * np.log2(np.maximum(sone, 1))
    return np.where(sone >= 1, loud, np.maximum(40 * (sone + 0.0005) ** 0.35, 3))


def _mosqito() -> Any:
    if not available():
        raise SpecsrError(
            "loudness and sharpness need MoSQITo: pip install 'specsr[sound-quality]'"
        )
    import mosqito.sq_metrics

    return mosqito.sq_metrics


def _samples(signal: Signal, field: str) -> np.ndarray:
    """Samples in Pa at 48 kHz, float64, checked."""
    if field not in FIELDS:
        raise SpecsrError(f"field is {field!r}: expected one of {', '.join(FIELDS)}")
    if signal.unit != "Pa":
        raise SpecsrError(
            f"loudness is that of a sound pressure in Pa, the samples are in {signal.unit}: "
            "calibrate the recording (unit='Pa', calib=Pa per full scale)"
        )
    if signal.duration < SHORTEST:
        raise SpecsrError(
            f"the recording lasts {signal.duration:.3g} s: loudness needs {SHORTEST:g} s at least"
        )
    return signal.replace(samples=signal.samples.astype(np.float64)).resample(RATE).samples
