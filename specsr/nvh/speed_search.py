"""Estimate the spacing of harmonic lines from a map, without a measured speed.

All orders of a machine follow its speed.  A comb of equally spaced teeth that follows it too
crosses many lines at once, where noise and unrelated tones fall on few teeth.  The spacing with
the highest comb score is tracked through time (Viterbi), then refined to where the lines are
sharpest (Newton steps) and smoothed (Whittaker).  The result is the spacing of the lines: the
rotation frequency up to a simple factor, which is enough to locate the orders.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from scipy.ndimage import gaussian_filter1d, label, uniform_filter, uniform_filter1d

from specsr.maps.grid import Grid
from specsr.nvh.speed_curve import newton_step, smooth, trimmed

SPACING_STEP = 0.0025
"""Relative step between two spacings of the coarse search."""
MIN_SPACING, MAX_SPACING = 2.5, 96.0
"""Range of the search, in rows; lines closer than the minimum merge."""
COARSE_TEETH, FINE_TEETH = 80, 160
"""Maximum number of teeth in the coarse search and in the refinement."""
FIRST_ROW = 2.0
"""Teeth at or below this row are ignored: maps are steep there."""
BACKGROUND = 24
"""Rows on either side of a cell whose mean level is its background."""
MIN_DB, MAX_DB = -4.0, 12.0
"""Limits of the level above the background, dB."""
MIN_COLUMNS = 16
"""Maps with fewer columns are not searched."""
MAX_SLOPE = 0.75
"""Maximum relative change of the speed per second."""
SUPPORT = 1.0
"""Averaging time of the comb score, s."""
PEAK_SCORE = 3.0
"""z-score that a stretch with lines must reach at least once."""
HELD_SCORE = 1.5
"""z-score that it must keep throughout."""
STIFFNESS = 1e-7
"""Weight of the second derivative of log(speed) against the comb score, s⁴."""


def find_line_spacing(power: np.ndarray, grid: Grid, widest: float = MAX_SPACING) -> np.ndarray:
    """Return the spacing of the harmonic lines in every column, Hz, [T]; 0 where none is found.

    Args:
        power: of a map, the finer the better, [F, T], or [C, F, T] for channels of one machine.
        grid: of the map.
        widest: largest spacing, rows.
    """
    power = power[None] if power.ndim == 2 else power
    _, rows, columns = power.shape
    if rows < 2 * BACKGROUND or columns < MIN_COLUMNS:
        return np.zeros(columns)
    lines = np.mean([above_background(channel) for channel in power], axis=0)
    return _search(lines, grid, widest)


def above_background(power: np.ndarray) -> np.ndarray:
    """Return the level of each cell above the rows around it, dB, limited, zero mean, [F, T].

    Args:
        power: [F, T].
    """
    db = 10 * np.log10(np.maximum(power, max(power.max() * 1e-12, 1e-300)))
    size = 2 * BACKGROUND + 1
    above = np.clip(db - uniform_filter(db, (size, 9)), MIN_DB, MAX_DB)
    # limits shift the mean, which a comb of many teeth would add up
    return above - uniform_filter1d(above, size, axis=0)


def standardised(lines: np.ndarray) -> np.ndarray:
    """Return lines [F, T] over the standard deviation of their column."""
    return lines / (lines.std(axis=0) + 1e-9)


def comb_score(lines: np.ndarray, spacing: np.ndarray, teeth: int) -> np.ndarray:
    """Return the z-score of a comb in every column, [T].

    The sum of the cells on the teeth over the standard deviation of as many independent cells.

    Args:
        lines: from `standardised`, [F, T].
        spacing: of the teeth, rows, [T].
        teeth: maximum number, from the lowest up.
    """
    return comb_scores(lines, spacing[None], teeth)[0]


@njit(cache=True)
def comb_scores(lines, spacings, teeth):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return the scores of many combs, [S, T], for spacings [S, T] or [S, 1]; see `comb_score`."""
    rows, columns = lines.shape
    scores = np.zeros((len(spacings), columns))
    for s in range(len(spacings)):
        for t in range(columns):
            spacing = spacings[s, t % spacings.shape[1]]
            total, count = 0.0, 0
            for tooth in range(1, teeth + 1):
                row = tooth * spacing
                if row >= rows - 2:
                    break
                if row <= FIRST_ROW:
                    continue
                below = int(row)
                part = row - below
                total += (1 - part) * lines[below, t] + part * lines[below + 1, t]
                count += 1
            scores[s, t] = total / math.sqrt(max(count, 1))
    return scores


def _search(lines: np.ndarray, grid: Grid, widest: float) -> np.ndarray:
    """Return the spacing in Hz in every column, [T]; 0 where the comb score is too low."""
    rows, columns = lines.shape
    # the coarse search takes one column per half window
    block = max(1, round(grid.n_fft / grid.rate / grid.dt / 2))
    starts = np.arange(0, columns, block)
    count = np.diff(np.append(starts, columns))
    coarse = np.add.reduceat(lines, starts, axis=1) / count
    widest = min(widest, rows / 3)  # at least three lines
    spacings = np.exp(np.arange(math.log(MIN_SPACING), math.log(widest), SPACING_STEP))
    scores = comb_scores(standardised(coarse), spacings[:, None], COARSE_TEETH)
    reach = max(2, math.ceil(MAX_SLOPE * block * grid.dt / SPACING_STEP))
    path = spacings[best_path(scores, reach)]
    centres = starts + (count - 1) / 2
    spacing = np.exp(np.interp(np.arange(columns), centres, gaussian_filter1d(np.log(path), 1.0)))
    spacing = _refine(lines, spacing, grid.dt)
    score = comb_score(standardised(lines), spacing, FINE_TEETH)
    support = uniform_filter1d(score, max(3, round(SUPPORT / grid.dt)), mode="nearest")
    stretches, _ = label(support > HELD_SCORE)
    found = np.isin(stretches, stretches[support > PEAK_SCORE]) & (stretches > 0)
    found = trimmed(found, score - HELD_SCORE)  # the mean reaches beyond the lines
    return np.where(found, spacing * grid.df, 0.0)


def best_path(scores: np.ndarray, reach: int, penalty: float = 0.02) -> np.ndarray:
    """Return the state in every column of the path with the highest total score (Viterbi), [T].

    Args:
        scores: of every state in every column, [S, T].
        reach: maximum change of the state from one column to the next.
        penalty: subtracted for every state of change.
    """
    states, columns = scores.shape
    moves = np.arange(-reach, reach + 1)
    best = scores[:, 0]
    previous = np.zeros((columns, states), dtype=np.int32)
    padded = np.full(states + 2 * reach, -np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    for t in range(1, columns):
        padded[reach : reach + states] = best
        totals = windows - penalty * np.abs(moves)
        choice = totals.argmax(axis=1)
        previous[t] = np.arange(states) + moves[choice]
        best = totals[np.arange(states), choice] + scores[:, t]
    path = np.empty(columns, dtype=int)
    path[-1] = best.argmax()
    for t in range(columns - 1, 0, -1):
        path[t - 1] = previous[t, path[t]]
    return path


def _refine(lines: np.ndarray, spacing: np.ndarray, dt: float) -> np.ndarray:
    """Return the spacing moved to the maximum of the comb score and smoothed, rows, [T]."""
    if len(spacing) < 3:
        return spacing
    blurred = standardised(gaussian_filter1d(lines, 0.7, axis=0))
    log = np.log(spacing)
    for step in (0.004, 0.003, 0.002, 0.002, 0.001, 0.001, 0.001):
        move, curvature = newton_step(
            lambda rows: comb_score(blurred, rows, FINE_TEETH), log, step, 1e3
        )
        log = smooth(log + move, curvature / 1e6, STIFFNESS / dt**4)
    return np.exp(log)
