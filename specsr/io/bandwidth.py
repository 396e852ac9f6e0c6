"""How far up a recording really reaches: files whose rate promises more than they hold.

Resampled or lossily coded recordings end at a wall below half their rate.  Two kinds are looked
for in the mean power spectrum (Hann, 2048 samples, half overlap), smoothed by a running median:

- a cliff: the level falls by `CLIFF_DB` within a few hundred Hz and does not come back;
- a step down onto a floor: smaller (`STEP_DB`) but as sharp, with a flat floor all the way above,
  as clipping or dither leave it behind a low-pass.

A slow fall, as microphones and rooms make it, is neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

N_FFT = 2048
CLIFF_DB = 20.0
SHEER_DB = 45.0
"""A cliff this deep is one whatever lies above it."""
VOICE_HZ, VOICE_DB = 4500.0, 30.0
"""Voices fall by up to 30 dB behind their formants; below this frequency more is asked for."""
STEP_DB = 4.0
FLOOR_SPREAD_DB = 4.0
_SMOOTH = 9
_SIDE = 24
"""Bins on either side of a wall that are compared."""
_GAP = 24
"""Bins that a cliff may take; a step may take half."""
_LOWEST = 3 * _SIDE
"""First bin where a wall is looked for: in the lowest 7 % every spectrum is steep."""
AUDIO_PROMISE, ANALYSER_PROMISE = 0.9, 0.77
"""Part of half the rate that a file must reach not to be flagged: anti-alias filters end there.

At the rates of audio (multiples of 8000 and 11025 Hz) they reach 0.9 of it, measurement front ends
promise the rate over 2.56, which is 0.78 of it.
"""


@dataclass(frozen=True)
class Bandwidth:
    """Where a recording ends.

    Attributes:
        hz: highest frequency with content; half the rate where no wall was found.
        drop_db: fall of the spectrum at the wall, 0 without one.
        flagged: whether the rate promises clearly more than that.
    """

    hz: float
    drop_db: float = 0.0
    flagged: bool = False


def true_bandwidth(samples: np.ndarray, rate: float) -> Bandwidth | None:
    """Return where one channel [N] ends; None where it is too short or silent.

    Args:
        samples: the channel, in any unit.
        rate: Hz.
    """
    spectrum = mean_spectrum(samples)
    if spectrum is None:
        return None
    level = _smoothed(10 * np.log10(spectrum / spectrum.max() + 1e-20))
    wall = _cliff(level, rate) or _step(level)
    if wall is None:
        return Bandwidth(rate / 2)
    start, drop = wall
    inside = np.median(level[start - _SIDE : start])
    edge = start + int(np.argmax(level[start:] < inside - min(6.0, drop / 2)))
    hz = edge / (len(level) - 1) * rate / 2
    audio = rate % 8000 == 0 or rate % 11025 == 0
    promised = (AUDIO_PROMISE if audio else ANALYSER_PROMISE) * rate / 2
    return Bandwidth(hz, float(drop), bool(hz < promised))


def mean_spectrum(samples: np.ndarray) -> np.ndarray | None:
    """Return the mean power of each bin [N_FFT/2 + 1] of a channel [N], its mean taken out.

    None for less than two windows, or where nothing but zeros is left.
    """
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
    padded = np.pad(level, _SMOOTH // 2, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, _SMOOTH), axis=1)


def _drops(level: np.ndarray, gap: int) -> tuple[np.ndarray, np.ndarray]:
    """Return bins and the fall from the median below each to that behind a gap above it."""
    medians = np.median(np.lib.stride_tricks.sliding_window_view(level, _SIDE), axis=1)
    bins = np.arange(_LOWEST, len(level) - gap - _SIDE)
    return bins, medians[bins - _SIDE] - medians[bins + gap]


def _cliff(level: np.ndarray, rate: float) -> tuple[int, float] | None:
    """Return bin and fall of the deepest cliff with little but the floor of the file above it."""
    found = []
    for b, drop in zip(*_drops(level, _GAP)):
        low = (b + _GAP) * rate / N_FFT < VOICE_HZ
        if drop >= (VOICE_DB if low else CLIFF_DB):
            above = level[b + _GAP :]
            lowest, highest = np.percentile(above, [5, 95])
            inside = np.median(level[b - _SIDE : b])
            left = inside - drop - lowest  # voices fall as steeply, but go on falling
            if inside - highest >= CLIFF_DB - 3 and (left <= 0.6 * drop or drop >= SHEER_DB):
                found.append((float(drop), int(b)))
    return max(found)[::-1] if found else None


def _step(level: np.ndarray) -> tuple[int, float] | None:
    """Return bin and fall of the largest sharp step with nothing but a flat floor above it."""
    top = int(0.97 * len(level))  # the last bins belong to anti-alias filters
    found = []
    for b, drop in zip(*_drops(level, _GAP // 2)):
        floor = level[b + _GAP : top]
        if drop >= STEP_DB and len(floor) >= 3 * _SIDE:
            spread = np.subtract(*np.percentile(floor, [95, 5]))
            before = np.subtract(*np.percentile(level[b - 3 * _SIDE : b], [95, 5]))
            if spread <= FLOOR_SPREAD_DB and max(before, spread) < drop:
                found.append((float(drop), int(b)))
    return max(found)[::-1] if found else None
