"""Readings of a sound level meter: Fast, Slow, mean square and peak of every step of time.

Source: IEC 61672-1:2013, clauses 3.8 and 5.8 and equation 1: the exponential average of the squared
samples with a time constant of 0.125 s (F) or 1 s (S).
"""

from __future__ import annotations

import numpy as np

from specsr.choices import TimeWeighting, check

TIME_CONSTANTS = {"fast": 0.125, "slow": 1.0}
"""Time constants of IEC 61672-1, s."""
START = 0.05
"""Time at the start of a recording that stands for the sound before it, s."""


def readings(
    samples: np.ndarray, rate: float, size: int, time_weighting: TimeWeighting, hold: bool = False
) -> np.ndarray:
    """Return the power that is read in every step, unit², float64 [C, steps].

    ``fast`` and ``slow``: the exponential average at the end of the step.  It starts from the mean
    square of the first 0.05 s (`START`): a steady sound has its level from the first step.
    ``rms``: the mean square of the step.  ``peak``: the square of its largest magnitude, of the
    samples; the peak between two samples is higher by up to 0.7 dB for a sine at an eighth of the
    rate, 0.2 dB at a sixteenth.

    Args:
        samples: [C, N].
        rate: sampling rate, Hz.
        size: samples in a step; the last step may have fewer.
        time_weighting: ``"fast"``, ``"slow"``, ``"rms"`` or ``"peak"``.
        hold: the largest exponential average within the step instead of the last one.

    Raises:
        SpecsrError: an unknown time weighting.
    """
    check(time_weighting, TimeWeighting, "time_weighting")
    length = samples.shape[-1]
    first = np.arange(0, length, size)
    return np.stack([_of_channel(x, rate, first, time_weighting, hold) for x in samples])


def _of_channel(
    samples: np.ndarray, rate: float, first: np.ndarray, time_weighting: str, hold: bool
) -> np.ndarray:
    from scipy.signal import lfilter

    x = np.asarray(samples, dtype=np.float64)
    last = np.append(first[1:], x.size)
    if time_weighting == "peak":
        return np.square(np.maximum.reduceat(np.abs(x), first))
    squares = np.square(x)
    if time_weighting == "rms":
        return np.add.reduceat(squares, first) / (last - first)
    new = -np.expm1(-1 / (TIME_CONSTANTS[time_weighting] * rate))  # share of the newest sample
    before = squares[: max(1, round(START * rate))].mean()
    average, _ = lfilter([new], [1, new - 1], squares, zi=[(1 - new) * before])
    return np.maximum.reduceat(average, first) if hold else average[last - 1]
