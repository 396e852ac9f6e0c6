"""Speed beside its clear columns: continued while there are lines, and held where they have ended.

Lines that sink into the noise raise the sums of single columns too little for a path that may turn
in every column.  From the clear part outwards the slope of the speed is a state of the search as
well, and its changes cost as the acceleration of a machine is distributed: a path is then found by
the sums of many columns.  Where the recording has become quieter and the sums show no lines any
more (a machine that is switched off, a pause), the speed is not known.

Source: Page, Biometrika 41(1/2), 1954 (the end of the lines: the shortfall of the sums, added up).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from specsr.nvh.tacholess_candidates import Candidate
from specsr.nvh.tacholess_confidence import LOST, SECONDS, SURE
from specsr.nvh.tacholess_factors import SHARED
from specsr.nvh.tacholess_map import SLOPES, WINDOWS, best_scores, pieces
from specsr.nvh.tacholess_path import STEP, start_scores
from specsr.signal import Signal

ANCHOR = 0.9
"""Probability by the sums from which a column is clear."""
LONGEST = 2.0
"""Longest part beside the clear columns that is searched, s; longer parts between them are pauses,
which are searched from both sides."""
OVERLAP, SLOPE = 0.25, 0.4
"""Clear columns that are searched again, and those inside of them whose slope is the first, s."""
STEEPEST = 2.5
"""Largest relative slope of the speed, 1/s."""
ACCELERATION = 2.0
"""Standard deviation of the second derivative of log(speed), 1/s²."""
WEIGHT = 0.5
"""Log likelihood of a score of 1: neighbouring columns show the same lines."""
DROP = 12.0
"""Drop of the level from the clear columns on, dB, from which lines may have ended.  Lines that
sink into the noise leave its level: 9 dB less at most in the columns continued of cars of sets 1
and 2 of benchmarks/generator.py, and 18 dB and more less with quieter noise before and after."""
SILENT = -2000.0
"""Level that stands for that of zeros, dB."""
LINES, SHORTFALL = 4.0, 6.0
"""Sum below which a quieter column speaks against lines (`tacholess_confidence.SUMS`), and the
total of what is missing at which they have ended.  Continued paths through noise have sums of 2.5
on average, in silence 0."""


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
    """Return a speed continued beyond its clear columns, Hz, and in which it is known, [T].

    Args:
        signal: the recording.
        rotation_hz: speed in columns ``step`` s apart from the first sample on, Hz, [T].
        clear: probability that lines follow it, [T].
        step: distance of the columns, s.
        lines: of the machine.
    """
    found, known = rotation_hz.copy(), clear >= LOST
    sure = np.flatnonzero(clear >= ANCHOR)
    for edge, end, is_pause in _sides(sure, len(clear), step):
        sign = int(np.sign(end - edge))
        within = int(sure[0]), int(sure[-1])
        inner = int(np.clip(edge - sign * max(round(OVERLAP / step), 1), *within))
        outer = edge + sign * min(abs(end - edge), round(LONGEST / step))
        columns = np.arange(inner + sign, outer + sign, sign)
        path, sums = _outwards(signal, rotation_hz, step, lines, inner, columns, within)
        inside = inner - sign * np.arange(round(SECONDS / step) + 1)
        inside = inside[(inside >= within[0]) & (inside <= within[1])]
        usual = np.median(_levels(signal, inside, step), axis=1, keepdims=True)
        quieter = _quieter(signal, columns, step, usual)
        last = _lasting(sums, quieter, round(max(WINDOWS) / 2 / step))
        if not is_pause:  # the lines on the other side of a pause hold the path
            new = columns[:last][(columns[:last] - edge) * sign > 0]
            found[new], known[new] = path[(new - inner) * sign - 1], True
        if last < len(columns):
            gone = np.arange(inner + sign * (last + 1), end + sign, sign)
            # evidence is a mean over `SECONDS`: next to lines it is theirs
            apart = np.abs(gone - gone[0]) * step > SECONDS / 2
            known[gone] = apart & (clear[gone] >= SURE) & ~_quieter(signal, gone, step, usual)
    return found, known


def _sides(sure: np.ndarray, count: int, step: float) -> Iterator[tuple[int, int, bool]]:
    """Yield clear columns with columns beside them to search, the last of these, whether a pause.

    Args:
        sure: clear columns, ascending.
        count: of all columns.
        step: distance of the columns, s.
    """
    if not len(sure):
        return
    if sure[0] > 0:
        yield int(sure[0]), 0, False
    for before, after in zip(sure[:-1].tolist(), sure[1:].tolist()):
        if (after - before) * step > LONGEST:
            middle = (before + after) // 2
            yield before, middle, True
            yield after, middle + 1, True
    if sure[-1] < count - 1:
        yield int(sure[-1]), count - 1, False


def _lasting(sums: np.ndarray, quieter: np.ndarray, reach: int) -> int:
    """Return in how many columns from the first on a path has lines: all, or until they end.

    Args:
        sums: on the path, [n].
        quieter: columns whose level is `DROP` or more below that of the clear ones, [n].
        reach: columns after the end of lines whose windows still hold them.
    """
    total, begin = 0.0, 0
    for k, (each, is_quieter) in enumerate(zip(sums, quieter)):
        total += LINES - float(each) if is_quieter else -np.inf
        if total <= 0:
            total, begin = 0.0, k + 1
        elif total > SHORTFALL:
            least = max(begin - reach, 0)
            while begin > least and quieter[begin - 1]:
                begin -= 1
            return begin
    return len(sums)


def _quieter(signal: Signal, columns: np.ndarray, step: float, usual: np.ndarray) -> np.ndarray:
    """Return which columns are `DROP` below a usual level [C, 1] in all channels with one, [n]."""
    drop = usual - _levels(signal, columns, step)
    return np.asarray(((drop > DROP) | (usual <= SILENT)).all(axis=0))


def _levels(signal: Signal, columns: np.ndarray, step: float) -> np.ndarray:
    """Return the level of columns, dB, [C, n]; `SILENT` in silence."""
    found = np.empty((len(signal.samples), len(columns)))
    for k, t in enumerate(columns):
        first, last = (round(max(t + side, 0) * step * signal.rate) for side in (-0.5, 0.5))
        part = signal.samples[:, first : max(last, first + 1)].astype(np.float64)
        found[:, k] = np.square(part).mean(axis=1) if part.shape[1] else 0.0
    return np.maximum(10 * np.log10(np.maximum(found, 1e-300)), SILENT)


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
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return the speed in columns from ``inner`` outwards, Hz, and the sums on its path.

    ``within`` are the first and the last clear column.
    """
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
    start = int(np.clip(round(log[0]), 0, len(speeds) - 1))
    path = _path(
        np.ascontiguousarray(scores), nearest, start, float(np.clip(slope, -steepest, steepest)),
        ACCELERATION * step**2 / STEP, WEIGHT,
    )  # fmt: skip
    slopes = nearest[np.diff(path, prepend=start) + steepest]
    return speeds[path], scores[slopes, path, np.arange(len(path))]


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
