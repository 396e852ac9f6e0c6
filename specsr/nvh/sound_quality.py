"""Loudness (ISO 532-1) and sharpness (DIN 45692) of recordings in Pa, with MoSQITo.

MoSQITo implements the methods of the standards at 48 kHz; recordings of another rate are resampled
first (`Signal.resample`).  The mean of the samples (DC), which is no sound, is removed before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.extras import installed, need, require
from specsr.signal import Signal

RATE = 48000.0
"""Sampling rate of the methods, Hz."""
SHORTEST = 0.1
"""Minimum duration in s: the settling time of a third-octave filter at 25 Hz."""
LOWEST_RATE = 60.0
"""Minimum sampling rate in Hz: that of the third octave at 25 Hz, the lowest one."""
FADE = 0.1
"""Fade at both edges for the stationary methods, s; at most a quarter of the duration."""
FIELDS = ("free", "diffuse")
"""Sound fields of ISO 532-1."""
_MODULES = ("mosqito", "pyuff")
"""MoSQITo imports pyuff without requiring it."""


@dataclass(frozen=True, eq=False)
class Loudness:
    """Loudness of every channel.

    Attributes:
        sone: loudness in sone, [C]; for the time-varying method N5, exceeded 5 % of the time.
        phon: loudness level of ``sone`` in phon, [C].
        times: of ``curve`` in s, [T]; None for the stationary method.
        curve: loudness over time in sone, [C, T]; None for the stationary method.
    """

    sone: np.ndarray
    phon: np.ndarray
    times: np.ndarray | None = None
    curve: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class SteadyQuality:
    """Loudness and sharpness of every channel, both of one specific loudness (stationary methods).

    Attributes:
        sone: loudness in sone, [C].
        acum: sharpness in acum, [C].
    """

    sone: np.ndarray
    acum: np.ndarray


def available() -> bool:
    """Whether the libraries of the extra ``sound-quality`` are installed."""
    return all(map(installed, _MODULES))


def loudness(signal: Signal, field: str = "free", time_varying: bool = False) -> Loudness:
    """Return the loudness of every channel of a recording, Zwicker method of ISO 532-1:2017.

    Values are nan where a third octave is above 120 dB, the upper limit of the stationary method.
    That method fades the edges in and out over 0.1 s and keeps the mean square: a tone that starts
    at its peak has no click in its bands.

    Args:
        signal: the recording, in Pa, of at least 0.1 s.
        field: ``"free"`` or ``"diffuse"`` sound field.
        time_varying: use the method for time-varying sounds, which takes about three times the
            duration of the recording, instead of the one for stationary sounds.

    Raises:
        SpecsrError: samples not in Pa, a recording that is too short or of too low a rate, an
            unknown field, or MoSQITo is not installed.

    Example:
        >>> t = np.arange(48000) / 48000
        >>> tone = specsr.Signal(0.02 * np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 48000, unit="Pa")
        >>> specsr.loudness(tone).sone.round(1)  # 60 dB at 1 kHz: near 4 sone
        array([4.])
    """
    if not time_varying:
        sone = steady_quality(signal, field).sone
        return Loudness(sone, to_phon(sone))
    metrics = mosqito_metrics()
    samples = samples_in_pa(signal, field)
    curves = [metrics.loudness_zwtv(x, int(RATE), field) for x in samples]
    curve = np.stack([c[0] for c in curves])
    sone = np.percentile(curve, 95, axis=1)
    return Loudness(sone, to_phon(sone), signal.start + np.asarray(curves[0][3]), curve)


def sharpness(signal: Signal, field: str = "free") -> np.ndarray:
    """Return the sharpness of every channel in acum, DIN 45692, stationary method, float64 [C].

    nan for silence, and where a third octave is above 120 dB.

    Args:
        signal: the recording, in Pa, of at least 0.1 s.
        field: ``"free"`` or ``"diffuse"`` sound field.

    Raises:
        SpecsrError: as `loudness`.
    """
    return steady_quality(signal, field).acum


def steady_quality(signal: Signal, field: str = "free") -> SteadyQuality:
    """Return loudness and sharpness of every channel, stationary methods, computed together.

    Equal to `loudness` and `sharpness`, in the time of one of them.

    Args:
        signal: the recording, in Pa, of at least 0.1 s.
        field: ``"free"`` or ``"diffuse"`` sound field.

    Raises:
        SpecsrError: as `loudness`.
    """
    metrics = mosqito_metrics()
    found = [_steady(metrics, x, field) for x in _faded(samples_in_pa(signal, field))]
    sone, acum = zip(*found)
    return SteadyQuality(np.array(sone), np.array(acum))


def _steady(metrics: Any, samples: np.ndarray, field: str) -> tuple[float, float]:
    """Return (sone, acum) of one channel [N]; nan where a third octave is above 120 dB."""
    with np.errstate(divide="ignore", invalid="ignore"):  # silence
        try:
            sone, specific, _ = metrics.loudness_zwst(samples, int(RATE), field)
        except ValueError:
            return np.nan, np.nan
        return float(sone), float(metrics.sharpness_din_from_loudness(sone, specific))


def _faded(samples: np.ndarray) -> np.ndarray:
    """Return samples [C, N] with faded edges; a stationary sound keeps its mean square."""
    from scipy.signal.windows import tukey

    length = samples.shape[-1]
    fade = tukey(length, min(2 * FADE * RATE / length, 0.5))
    return samples * (fade / np.sqrt(np.mean(np.square(fade))))


def to_phon(sone: np.ndarray) -> np.ndarray:
    """Return the loudness level in phon, at least 3; ISO 532-1:2017, formulas 3 and 4."""
    sone = np.asarray(sone, dtype=np.float64)
    loud = 40 + 10 * np.log2(np.maximum(sone, 1))
    return np.where(sone >= 1, loud, np.maximum(40 * (sone + 0.0005) ** 0.35, 3))


def mosqito_metrics() -> Any:
    """Import MoSQITo's metrics, or raise."""
    for module in _MODULES:
        require(module, "sound-quality", "loudness and sharpness")
    return need("mosqito.sq_metrics", "sound-quality", "loudness and sharpness")


def samples_in_pa(signal: Signal, field: str) -> np.ndarray:
    """Return the samples in Pa at 48 kHz without their mean, float64 [C, N], or raise."""
    if field not in FIELDS:
        raise SpecsrError(f"field is {field!r}: expected one of {', '.join(FIELDS)}")
    if signal.unit != "Pa":
        raise SpecsrError(
            f"loudness needs sound pressure in Pa, the samples are in {signal.unit}: calibrate the "
            "recording (unit='Pa', calib=Pa per full scale)"
        )
    if signal.rate < LOWEST_RATE:  # resampling would fill minutes with nothing that is audible
        raise SpecsrError(
            f"the sampling rate is {signal.rate:g} Hz: loudness needs at least {LOWEST_RATE:g} Hz, "
            "for the third octave at 25 Hz"
        )
    if signal.duration < SHORTEST:
        raise SpecsrError(
            f"the recording is {signal.duration:.3g} s long: loudness needs at least {SHORTEST:g} s"
        )
    return signal.without_mean().resample(RATE).samples
