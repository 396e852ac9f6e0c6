"""The speed of a machine, read off its map: lines that move together.

All orders of a machine go up and down with its speed, so a comb of equal spacing, moved along with
them, gathers many lines at once where noise and foreign tones meet few of its teeth.  The spacing
that gathers most is followed through time (Viterbi), then moved in small steps to where the lines
are sharpest, as smoothly as they allow (Whittaker's smoother).  What is found is the spacing of the
lines, the speed up to a simple factor: enough to know where the orders are.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import solveh_banded
from scipy.ndimage import gaussian_filter1d, label, uniform_filter, uniform_filter1d

from specsr.maps.grid import Grid

STEP = 0.0025
"""Between two spacings of the first search, relative."""
CLOSEST, WIDEST = 2.5, 48.0
"""Spacings that are looked for, in rows; lines closer than that run into one another."""
TEETH, ALL_TEETH = 80, 160
"""Most teeth of a comb in the first search, where it is coarse, and afterwards."""
LOWEST = 2.0
"""Row from which on a tooth counts: below, the map is steep."""
WIDE = 24
"""Rows either side over which a line has to stand out."""
DEEP, HIGH = -4.0, 12.0
"""Limits in dB to which a cell may fall below or stand out from its surroundings."""
LEAST = 16
"""Columns below which a map is too short to tell."""
FASTEST = 0.75
"""Most that a speed may change in a second, relative."""
SUPPORT, EVIDENCE, ENOUGH = 1.0, 3.0, 1.5
"""Seconds over which lines must be found on the comb, by how many standard deviations of as many
cells drawn anywhere in a column somewhere, and in all columns beside those."""
BEND = 1e-7
"""Smoothness of the speed's logarithm, s⁴: how much bending counts beside the lines."""


def find_lines(power: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the spacing of the lines of a map in every column, in Hz, [T]; 0 where none is found.

    Args:
        power: of a fine map, the better resolved the better, [F, T] or [C, F, T] (channels of one
            machine).
        grid: of the map.
    """
    power = power[None] if power.ndim == 2 else power
    _, rows, columns = power.shape
    if rows < 2 * WIDE or columns < LEAST:
        return np.zeros(columns)
    return _search(np.mean([stand_out(channel) for channel in power], axis=0), grid)


def stand_out(power: np.ndarray) -> np.ndarray:
    """Return by how many dB each cell stands out from the rows around it, within limits, [F, T]."""
    db = 10 * np.log10(np.maximum(power, max(power.max() * 1e-12, 1e-300)))
    size = 2 * WIDE + 1
    above = np.clip(db - uniform_filter(db, (size, 9)), DEEP, HIGH)
    # no mean is left that a comb of many teeth would gather
    return above - uniform_filter1d(above, size, axis=0)


def comb_score(lines: np.ndarray, spacing: np.ndarray, teeth: int) -> np.ndarray:
    """Return what a comb gathers in every column, in standard deviations of as many cells, [T].

    Args:
        lines: of `stand_out`, [F, T].
        spacing: of the teeth in rows, [T].
        teeth: most of them, from the lowest up.
    """
    rows, columns = lines.shape
    last = rows - 2
    row = np.arange(1, min(teeth, int(last / spacing.min())) + 1)[:, None] * spacing
    there = (row > LOWEST) & (row < last)
    row = np.where(there, row, 0.0)
    below = row.astype(int)
    column = np.arange(columns)
    part = row - below
    value = (1 - part) * lines[below, column] + part * lines[below + 1, column]
    count = np.maximum(there.sum(axis=0), 1)
    return (value * there).sum(axis=0) / np.sqrt(count) / (lines.std(axis=0) + 1e-9)


def _search(lines: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the spacing in Hz in every column of a stretch, 0 where nothing supports it."""
    rows, columns = lines.shape
    # the first search needs no more columns than a window lasts
    block = max(1, round(grid.n_fft / grid.rate / grid.dt / 2))
    ends = np.arange(0, columns, block)
    count = np.diff(np.append(ends, columns))
    coarse = np.add.reduceat(lines, ends, axis=1) / count
    top = min(WIDEST, rows / 3)  # three lines at least
    spacings = np.exp(np.arange(math.log(CLOSEST), math.log(top), STEP))
    ones = np.ones(len(ends))
    scores = np.stack([comb_score(coarse, s * ones, TEETH) for s in spacings])
    reach = max(2, math.ceil(FASTEST * block * grid.dt / STEP))
    path = spacings[best_path(scores, reach)]
    centres = ends + (count - 1) / 2
    spacing = np.exp(np.interp(np.arange(columns), centres, gaussian_filter1d(np.log(path), 1.0)))
    spacing = _sharpen(lines, spacing, grid.dt)
    score = comb_score(lines, spacing, ALL_TEETH)
    support = uniform_filter1d(score, max(3, round(SUPPORT / grid.dt)), mode="nearest")
    stretches, _ = label(support > ENOUGH)
    seen = np.isin(stretches, stretches[support > EVIDENCE]) & (stretches > 0)
    return np.where(seen, spacing * grid.df, 0.0)


def best_path(scores: np.ndarray, reach: int, toll: float = 0.02) -> np.ndarray:
    """Return the state in every column of the path with the greatest sum of scores, [T].

    Args:
        scores: of every state in every column, [S, T].
        reach: most states that a path may move from one column to the next.
        toll: for every state that it moves.
    """
    states, columns = scores.shape
    moves = np.arange(-reach, reach + 1)
    best = scores[:, 0]
    came = np.zeros((columns, states), dtype=np.int32)
    padded = np.full(states + 2 * reach, -np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    for t in range(1, columns):
        padded[reach : reach + states] = best
        from_each = windows - toll * np.abs(moves)
        choice = from_each.argmax(axis=1)
        came[t] = np.arange(states) + moves[choice]
        best = from_each[np.arange(states), choice] + scores[:, t]
    path = np.empty(columns, dtype=int)
    path[-1] = best.argmax()
    for t in range(columns - 1, 0, -1):
        path[t - 1] = came[t, path[t]]
    return path


def _sharpen(lines: np.ndarray, spacing: np.ndarray, dt: float) -> np.ndarray:
    """Return the spacing moved to where the comb gathers most, as smooth as lines allow."""
    if len(spacing) < 3:
        return spacing
    soft = gaussian_filter1d(lines, 0.7, axis=0)
    log = np.log(spacing)
    for change in (0.004, 0.003, 0.002, 0.002, 0.001, 0.001, 0.001):
        low, here, high = (
            comb_score(soft, np.exp(log + move), ALL_TEETH) for move in (-change, 0.0, change)
        )
        bent = np.maximum((2 * here - low - high) / change**2, 1e3)
        target = log + np.clip((high - low) / (2 * change) / bent, -1.5 * change, 1.5 * change)
        log = smooth(target, bent / 1e6, BEND / dt**4)
    return np.exp(log)


def smooth(target: np.ndarray, weight: np.ndarray, bend: float) -> np.ndarray:
    """Return x with the least sum of weight (x - target)² + bend (second difference of x)², [T].

    Whittaker, Proc. Edinburgh Math. Soc. 41, 1923.
    """
    n = len(target)
    second = np.diff(np.eye(3), 2, axis=0)[0]  # 1, -2, 1
    bands = np.zeros((3, n))
    for i, a in enumerate(second):
        for j, b in enumerate(second[: i + 1]):
            bands[2 - (i - j), i : i + n - 2] += bend * a * b
    bands[2] += weight
    return solveh_banded(bands, weight * target)
