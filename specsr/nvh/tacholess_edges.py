"""Speed before the first and after the last clear column, continued from the clear part.

Lines that sink into the noise raise the sums of single columns too little for a path that may turn
in every column.  From the clear part outwards the slope of the speed is a state of the search as
well, and its changes cost as the acceleration of a machine is distributed: a path is then found by
the sums of many columns, and where these show nothing it keeps its slope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from specsr.nvh.tacholess_candidates import Candidate
from specsr.nvh.tacholess_factors import SHARED
from specsr.nvh.tacholess_map import SLOPES, best_scores, pieces
from specsr.nvh.tacholess_path import STEP, start_scores
from specsr.signal import Signal

ANCHOR = 0.9
"""Probability by the sums from which a column is clear."""
LONGEST = 2.0
"""Longest part beside the clear columns that is searched, s; beyond it the speed is held."""
OVERLAP, SLOPE = 0.25, 0.4
"""Clear columns that are searched again, and those inside of them whose slope is the first, s."""
STEEPEST = 2.5
"""Largest relative slope of the speed, 1/s."""
ACCELERATION = 2.0
"""Standard deviation of the second derivative of log(speed), 1/s²."""
WEIGHT = 0.5
"""Log likelihood of a score of 1: neighbouring columns show the same lines."""


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines that follow a speed.

    Attributes:
        combs: sets of orders, each ascending, of which the one with the highest sum counts.
        speeds: of the search, Hz, in steps of `STEP`, [S].
        start: speed in the first column, Hz; None if unknown.
    """

    combs: Sequence[np.ndarray]
    speeds: np.ndarray
    start: float | None = None

    @classmethod
    def of(
        cls, chosen: Candidate, given: np.ndarray, rotation_hz: np.ndarray,
        rpm_range: tuple[float, float], start: float | None,
    ) -> Lines:  # fmt: skip
        """Return the lines of a candidate; those at the orders given, if any, count as well.

        Args:
            chosen: the candidate.
            given: orders of the machine, [K].
            rotation_hz: speeds of the search, [S].
            rpm_range: lowest and highest speed, 1/min.
            start: speed in the first column, 1/min; None if unknown.
        """
        unit = chosen.spacing or 1.0
        combs = [chosen.track.orders]
        if chosen.spacing and len(given):
            combs.append(given / unit)
        rpm = 60 * rotation_hz / unit
        low, high = rpm_range
        inside = (rpm >= low * (1 - SHARED)) & (rpm <= high * (1 + SHARED))
        return cls(combs, rotation_hz[inside], None if start is None else start * unit / 60)


def continued(
    signal: Signal, rotation_hz: np.ndarray, clear: np.ndarray, step: float, lines: Lines,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return a speed continued beyond its clear columns, Hz, and which columns are continued, [T].

    Args:
        signal: the recording.
        rotation_hz: speed in columns ``step`` s apart from the first sample on, Hz, [T].
        clear: probability that lines follow it, [T].
        step: distance of the columns, s.
        lines: of the machine.
    """
    count = len(rotation_hz)
    found, changed = rotation_hz.copy(), np.zeros(count, dtype=bool)
    sure = np.flatnonzero(clear >= ANCHOR)
    if not len(sure):
        return found, changed
    first, last, reach = int(sure[0]), int(sure[-1]), round(LONGEST / step)
    for edge, sign in ((first, -1), (last, 1)):
        outer = max(edge - reach, 0) if sign < 0 else min(edge + reach, count - 1)
        if outer == edge:
            continue
        inner = int(np.clip(edge - sign * max(round(OVERLAP / step), 1), first, last))
        columns = np.arange(inner + sign, outer + sign, sign)
        path = _outwards(signal, rotation_hz, step, lines, inner, columns, (first, last))
        new = (columns - edge) * sign > 0
        found[columns[new]], changed[columns[new]] = path[new], True
    return found, changed


def held(rotation_hz: np.ndarray, known: np.ndarray, start: float | None) -> np.ndarray:
    """Return a speed interpolated, or held at the edges, where it is not known, [T].

    A known start value counts in the first column.
    """
    sure = np.flatnonzero(known)
    if not len(sure):
        return rotation_hz
    known = np.log(rotation_hz[sure])
    if start is not None and sure[0] > 0:
        sure, known = np.append(0, sure), np.append(np.log(start), known)
    return np.exp(np.interp(np.arange(len(rotation_hz)), sure, known))


def _outwards(
    signal: Signal, rotation_hz: np.ndarray, step: float, lines: Lines,
    inner: int, columns: np.ndarray, within: tuple[int, int],
) -> np.ndarray:  # fmt: skip
    """Return the speed in columns from ``inner`` outwards, Hz; ``within`` are clear columns."""
    sign = int(np.sign(columns[0] - inner))
    speeds = lines.speeds
    part = slice(int(columns.min()), int(columns.max()) + 1)
    scores = np.concatenate(
        [
            np.max([best_scores(maps, speeds, comb) for comb in lines.combs], axis=0)
            for _, maps in pieces(signal, step, len(rotation_hz), part)
        ],
        axis=2,
    )
    at_start = start_scores(speeds, lines.start) if part.start == 0 else None
    if at_start is not None:
        scores[:, :, 0] += at_start
    if sign < 0:  # time runs outwards, so slopes change their sign
        scores = scores[::-1, :, ::-1]
    around = inner - sign * np.arange(max(round(SLOPE / step), 2) + 1)
    around = around[(around >= within[0]) & (around <= within[1])]
    log = np.log(rotation_hz[around] / speeds[0]) / STEP
    slope = -np.polyfit(np.arange(len(log)), log, 1)[0] if len(log) > 2 else 0.0
    steepest = max(round(STEEPEST * step / STEP), 1)
    moves = np.arange(-steepest, steepest + 1) * (STEP / step)
    nearest = np.abs(moves[:, None] - np.array(SLOPES)).argmin(axis=1)
    path = _path(
        np.ascontiguousarray(scores), nearest, int(np.clip(round(log[0]), 0, len(speeds) - 1)),
        float(np.clip(slope, -steepest, steepest)), ACCELERATION * step**2 / STEP, WEIGHT,
    )  # fmt: skip
    return speeds[path]


@njit(cache=True)
def _path(scores, nearest, start, slope, deviation, weight):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return the most likely path from a state and slope on, [T].

    Args:
        scores: [A, S, T].
        nearest: position of the slope whose scores a move takes, [J]; move j is j - J // 2 states.
        start: state before the first column.
        slope: the move before it.
        deviation: standard deviation of the difference of two moves.
        weight: of the scores.
    """
    _, states, columns = scores.shape
    count = len(nearest)
    reach = min(max(4, int(3 * deviation)), 100)
    back = np.zeros((columns, states, count), np.int8)
    best = np.full((states, count), -np.inf)
    for j in range(count):
        best[start, j] = -((j - count // 2 - slope) ** 2) / (8 * deviation**2)
    low, high = start, start
    for t in range(columns):
        new = np.full((states, count), -np.inf)
        low, high = max(low - count // 2, 0), min(high + count // 2, states - 1)
        for s in range(low, high + 1):
            for j in range(count):
                origin = s - (j - count // 2)
                if not 0 <= origin < states:
                    continue
                top, chosen = -np.inf, 0
                for change in range(max(-reach, j - count + 1), min(reach, j) + 1):
                    total = best[origin, j - change] - change**2 / (2 * deviation**2)
                    if total > top:
                        top, chosen = total, change
                new[s, j] = top + weight * scores[nearest[j], s, t]
                back[t, s, j] = chosen
        best = new
    path = np.zeros(columns, np.int64)
    end = int(best.argmax())
    s, j = end // count, end % count
    for t in range(columns - 1, -1, -1):
        path[t] = s
        s, j = s - (j - count // 2), j - int(back[t, s, j])
    return path
