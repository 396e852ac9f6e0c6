"""Changes of the pattern of order levels along a path, which may have gone to another shaft.

Where the lines of two shafts cross, a path may go on with the other ones.  Its speed is continuous
then, but the levels of its orders over the noise are those of another machine: their correlation
before and after falls.  A machine that changes its load, or whose lines sink into the noise, has
the same effect, so a change is named and lowers the confidence, but nothing is corrected.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

from specsr.nvh.tacholess_phase import GAPS, demodulated
from specsr.nvh.tacholess_source import RATE, angle_of
from specsr.signal import Signal

ORDERS = np.arange(1, 31) / 2
"""Multiples of the distance of the lines whose levels are the pattern."""
LOWEST_DB, HIGHEST_DB = -3.0, 20.0
"""Limits of the levels over the noise beside."""
TOP = 0.45
"""Highest frequency of a line over the sampling rate."""
SECONDS, GUARD = 1.5, 0.15
"""Time before and after whose patterns are compared, and time around a change that is left out, s:
the crossing lines share cells."""
ALIKE = 0.62
"""Correlation of two patterns below which they are of different lines.  Cars of
benchmarks/generator.py, sets 1 and 2, noise 12 dB below: 0.64 to 0.91 at least along right paths,
0.53 to 0.61 where a path goes to another car."""


def pattern(signal: Signal, line_hz: np.ndarray, step: float) -> np.ndarray:
    """Return the levels of lines over the noise beside them, dB, [C K, T]; nan where not in range.

    Args:
        signal: the recording.
        line_hz: distance of the lines in columns ``step`` s apart, Hz, [T].
        step: distance of the columns, s.
    """
    needed = float(ORDERS[-1] * line_hz.max()) / TOP
    low = signal.replace(rpm=None).resample(min(RATE, signal.rate, needed))
    columns = np.arange(len(line_hz)) * step
    turns = angle_of(line_hz, step, low.rate, low.length)
    gap = float(ORDERS[1] - ORDERS[0]) / 2
    centres = np.round(columns * low.rate).astype(int)
    half = (GAPS / gap / line_hz / 2 * low.rate).astype(int)
    points = np.concatenate([ORDERS, ORDERS - gap])
    inside = ORDERS[:, None] * line_hz <= TOP * low.rate
    found = []
    for samples in low.samples:
        power = np.square(np.abs(demodulated(samples, turns, centres, half, points)))
        lines, between = power[: len(ORDERS)], uniform_filter1d(power[len(ORDERS) :], 9, axis=1)
        level = 10 * np.log10(np.maximum(lines, 1e-300) / np.maximum(between, 1e-300))
        found.append(np.where(inside, np.clip(level, LOWEST_DB, HIGHEST_DB), np.nan))
    return np.concatenate(found)


def changes(levels: np.ndarray, confidence: np.ndarray, step: float) -> list[int]:
    """Return the columns in which the pattern changes, ascending.

    Args:
        levels: from `pattern`, [K, T].
        confidence: of the path, [T]; both sides of a change are sure.
        step: distance of the columns, s.
    """
    reach, guard = round(SECONDS / step), math.ceil(GUARD / step)
    alike = np.ones(len(confidence))
    sure = minimum_filter1d(uniform_filter1d(1.0 * (confidence >= 0.5), reach), reach) > 0.5
    for t in range(reach // 2, len(alike) - reach // 2):
        if sure[t]:
            sides = levels[:, max(0, t - reach) : t - guard + 1], levels[:, t + guard : t + reach]
            alike[t] = _correlation(*sides)
    lowest = alike == -maximum_filter1d(-alike, 2 * reach + 1)
    return np.flatnonzero(lowest & (alike < ALIKE)).tolist()


def _correlation(before: np.ndarray, after: np.ndarray) -> float:
    """Return the correlation of the mean patterns of two parts; 1 with too few orders in range."""
    seen = np.isfinite(before).any(axis=1) & np.isfinite(after).any(axis=1)
    if seen.sum() < 8:
        return 1.0
    a, b = (np.nanmean(each[seen], axis=1) for each in (before, after))
    a, b = a - a.mean(), b - b.mean()
    return float((a @ b) / math.sqrt(max((a @ a) * (b @ b), 1e-12)))


def lowered(confidence: np.ndarray, changed: list[int]) -> np.ndarray:
    """Return the confidence, at most one half on all but the surest side of changes, [T].

    Args:
        confidence: of the path, [T].
        changed: columns of the changes, ascending.
    """
    if not changed:
        return confidence
    borders = [0, *changed, len(confidence)]
    parts = [slice(a, b) for a, b in zip(borders, borders[1:])]
    kept = max(parts, key=lambda part: confidence[part].sum())
    found = np.minimum(confidence, 0.5)
    found[kept] = confidence[kept]
    return found
