"""Levels at other points: between columns of a cut, and the highest in each step of speed."""

from __future__ import annotations

import numpy as np


def interpolated(levels: np.ndarray, times: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return levels [C, K] at ascending times in s, linear in dB between them, [C, T].

    nan outside of the times, and beside a level that is nan.
    """
    return np.stack([np.interp(wanted, times, row, left=np.nan, right=np.nan) for row in levels])


def held_over_rpm(power: np.ndarray, rpm: np.ndarray, x: np.ndarray, step: float) -> np.ndarray:
    """Return the highest power in every step of speed, [C, B]; nan for none.

    A reading counts in all steps that the speed passes from the one before it.

    Args:
        power: of the readings, [C, T]; nan is ignored.
        rpm: speed at every reading, 1/min, [T].
        x: centres of the steps, 1/min, [B].
        step: their distance, 1/min.
    """
    place = np.clip(np.floor((rpm - x[0]) / step + 0.5).astype(int), 0, x.size - 1)
    before = np.append(place[:1], place[:-1])
    # the step of the reading before holds that reading itself
    low = np.where(place > before, before + 1, place)
    high = np.where(place < before, before - 1, place)
    found = np.full((len(power), x.size), np.nan)
    for i, (a, b) in enumerate(zip(low.tolist(), high.tolist())):
        found[:, a : b + 1] = np.fmax(found[:, a : b + 1], power[:, i : i + 1])
    return found
