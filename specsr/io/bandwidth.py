"""True bandwidth of a recording: detects content that ends below half the sampling rate.

Resampled or lossily coded recordings have a steep edge below half their rate.  Two kinds of edges
are detected in the mean power spectrum (Hann, 2048 samples, half overlap) after a running median:

- a cliff: the level falls by at least `CLIFF_DB` within `GAP` bins and stays low above;
- a step onto a noise floor: smaller (at least `STEP_DB`) but as steep, with a flat floor above, as
  clipping or dither after a low-pass cause it.

A gradual roll-off, as of microphones and rooms, is neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

N_FFT = 2048
"""Samples of an analysis window."""
CLIFF_DB = 20.0
"""Smallest fall of a cliff, dB."""
SHEER_DB = 45.0
"""Fall of a cliff from which on the spectrum above it is not checked, dB."""
VOICE_HZ, VOICE_DB = 4500.0, 30.0
"""Smallest fall of a cliff below `VOICE_HZ`, dB: voices fall by 30 dB above their formants."""
STEP_DB = 4.0
"""Smallest fall of a step, dB."""
FLOOR_SPREAD_DB = 4.0
"""Largest spread (5th to 95th percentile) of the floor above a step, dB."""
SMOOTH = 9
"""Width of the running median, bins."""
SIDE = 24
"""Number of bins on either side of an edge that are compared."""
GAP = 24
"""Largest width of a cliff, bins; a step may have half of it."""
LOWEST = 3 * SIDE
"""First bin of the search: in the lowest 7 % of the bins every spectrum is steep."""
AUDIO_FRACTION, ANALYSER_FRACTION = 0.9, 0.77
"""Fraction of half the rate that the content has to reach: the pass band of anti-alias filters.

At audio rates (multiples of 8000 and 11025 Hz) the filters pass 0.9 of half the rate.  Measurement
front ends specify the rate over 2.56, 0.78 of half the rate.
"""


@dataclass(frozen=True)
class Bandwidth:
    """Bandwidth of a recording.

    Attributes:
        hz: highest frequency with content, Hz; half the rate if no edge was found.
        drop_db: fall of the spectrum at the edge, dB; 0 if no edge was found.
        flagged: whether ``hz`` is below the pass band that the rate implies.
    """

    hz: float
    drop_db: float = 0.0
    flagged: bool = False


def true_bandwidth(samples: np.ndarray, rate: float) -> Bandwidth | None:
    """Return the bandwidth of one channel; None if it is silent or shorter than two windows.

    Args:
        samples: the channel, in any unit, [N].
        rate: sampling rate, Hz.
    """
    spectrum = mean_spectrum(samples)
    if spectrum is None:
        return None
    level = _smoothed(10 * np.log10(spectrum / spectrum.max() + 1e-20))
    found = _cliff(level, rate) or _step(level)
    if found is None:
        return Bandwidth(rate / 2)
    start, drop = found
    inside = np.median(level[start - SIDE : start])
    edge = start + int(np.argmax(level[start:] < inside - min(6.0, drop / 2)))
    hz = edge / (len(level) - 1) * rate / 2
    audio = rate % 8000 == 0 or rate % 11025 == 0
    expected = (AUDIO_FRACTION if audio else ANALYSER_FRACTION) * rate / 2
    return Bandwidth(hz, float(drop), bool(hz < expected))


def mean_spectrum(samples: np.ndarray) -> np.ndarray | None:
    """Return the mean power spectrum of a channel [N] without its mean value, [N_FFT/2 + 1].

    The scale is arbitrary.  None for fewer than 2 `N_FFT` samples, or if only zeros are left.
    """
    # Welch's method with numpy alone: `specsr info` calls this for every channel, and importing
    # scipy.signal (welch) or torch (specsr.maps.frames) would take longer than the command itself.
    # Samples are scaled first: their squares could overflow or underflow in some units.
    if len(samples) < 2 * N_FFT:
        return None
    window = np.hanning(N_FFT + 1)[:N_FFT].astype(np.float32)
    centre = float(np.mean(samples, dtype=np.float64))
    scale = float(np.max(np.abs(samples)))
    if not scale > 0:
        return None
    total, count = np.zeros(N_FFT // 2 + 1), 0
    views = np.lib.stride_tricks.sliding_window_view(samples, N_FFT)[:: N_FFT // 2]
    for first in range(0, len(views), 256):
        block = ((views[first : first + 256] - centre) / scale).astype(np.float64) * window
        total += (np.abs(np.fft.rfft(block)) ** 2).sum(axis=0)
        count += len(block)
    return total / count if total.max() > 0 else None


def _smoothed(level: np.ndarray) -> np.ndarray:
    padded = np.pad(level, SMOOTH // 2, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, SMOOTH), axis=1)


def _drops(level: np.ndarray, gap: int) -> tuple[np.ndarray, np.ndarray]:
    """Return bins, and the fall from the median level below each to that above a gap, dB."""
    medians = np.median(np.lib.stride_tricks.sliding_window_view(level, SIDE), axis=1)
    bins = np.arange(LOWEST, len(level) - gap - SIDE)
    return bins, medians[bins - SIDE] - medians[bins + gap]


def _cliff(level: np.ndarray, rate: float) -> tuple[int, float] | None:
    """Return bin and fall of the deepest cliff that has a low level everywhere above; or None."""
    found = []
    for b, drop in zip(*_drops(level, GAP)):
        low = (b + GAP) * rate / N_FFT < VOICE_HZ
        if drop >= (VOICE_DB if low else CLIFF_DB):
            above = level[b + GAP :]
            lowest, highest = np.percentile(above, [5, 95])
            inside = np.median(level[b - SIDE : b])
            left = inside - drop - lowest  # voices fall as steeply, but continue to fall
            if inside - highest >= CLIFF_DB - 3 and (left <= 0.6 * drop or drop >= SHEER_DB):
                found.append((float(drop), int(b)))
    return max(found)[::-1] if found else None


def _step(level: np.ndarray) -> tuple[int, float] | None:
    """Return bin and fall of the largest steep step onto a flat floor; None if there is none."""
    top = int(0.97 * len(level))  # anti-alias filters shape the last bins
    found = []
    for b, drop in zip(*_drops(level, GAP // 2)):
        floor = level[b + GAP : top]
        if drop >= STEP_DB and len(floor) >= 3 * SIDE:
            spread = np.subtract(*np.percentile(floor, [95, 5]))
            before = np.subtract(*np.percentile(level[b - 3 * SIDE : b], [95, 5]))
            if spread <= FLOOR_SPREAD_DB and max(before, spread) < drop:
                found.append((float(drop), int(b)))
    return max(found)[::-1] if found else None
