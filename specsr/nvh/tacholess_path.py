"""Paths of speed with the highest harmonic sum, by dynamic programming."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

STEP = 0.002
"""Relative step from one speed of the search to the next."""
MAX_SLOPE = 3.0
"""Largest relative change of the speed per second."""
PENALTY = 25.0
"""Score that a relative change of the speed by 1 costs: of two paths the calmer one wins."""
START, START_COST = 0.1, 10.0
"""Relative deviation from a start value, and what it costs."""
ROUNDING = 1e-9
"""Relative distance of two totals, added in another sequence, that may be equal."""


def speeds_between(low: float, high: float) -> np.ndarray:
    """Return the speeds of the search, in the unit of the limits, ascending, [S]."""
    return low * np.exp(STEP * np.arange(int(math.log(high / low) / STEP) + 1))


def start_scores(speeds: np.ndarray, start: float | None) -> np.ndarray | None:
    """Return the score of every speed in the first column, [S]; None if no start is known."""
    if start is None:
        return None
    return -START_COST * np.abs(np.log(speeds / start)) / START


class Search:
    """Search for the best path through columns of scores, fed in pieces.

    The path maximises the sum of its scores minus the penalty of its changes (Viterbi).  A move
    from column to column takes the score of the slope next to its own.
    """

    def __init__(self, states: int, step: float, first: np.ndarray | None = None) -> None:
        """Begin a search.

        Args:
            states: number of speeds, S.
            step: distance of the columns, s.
            first: score of every speed before the first column, [S]; None for zeros.
        """
        self._step = step
        self._best = np.zeros(states, np.float32) if first is None else first.astype(np.float32)
        self._back: list[np.ndarray] = []
        self._reach = min(max(2, round(MAX_SLOPE * step / STEP)), states - 1)

    def add(self, scores: np.ndarray, slopes: tuple[float, ...]) -> None:
        """Add columns.

        Args:
            scores: of every slope and speed, float32 [A, S, T].
            slopes: relative slopes of the speed, 1/s, [A].
        """
        groups = _moves(slopes, self._reach, self._step)
        back = np.zeros((scores.shape[2], scores.shape[1]), np.int16)
        self._best = _forward(self._best, scores, groups, np.float32(PENALTY * STEP), back)
        self._back.append(back)

    def path(self) -> np.ndarray:
        """Return the position of the speed in every column, [T]."""
        state, reverse = int(np.argmax(self._best)), []
        for back in reversed(self._back):
            for moves in back[::-1]:
                reverse.append(state)
                state += int(moves[state])
        return np.array(reverse[::-1])


def best_path(scores: np.ndarray, step: float) -> np.ndarray:
    """Return the position of the speed in every column of the best path, [T]; see `Search`.

    Args:
        scores: of every speed, [S, T].
        step: distance of the columns, s.
    """
    search = Search(len(scores), step)
    search.add(scores[None], (0.0,))
    return search.path()


def _moves(slopes: tuple[float, ...], reach: int, step: float) -> np.ndarray:
    """Return the moves of one direction that take the score of one slope, int [G, 4].

    Each row has the position of the slope, the direction (1 rising, -1 falling), and the least and
    the largest change in states.
    """
    moves = np.arange(-reach, reach + 1) * (STEP / step)
    nearest = np.abs(moves[:, None] - np.array(slopes)).argmin(axis=1)
    found = []
    for slope in np.unique(nearest):
        change = np.flatnonzero(nearest == slope) - reach
        for sign, part in ((-1, -change[change <= 0]), (1, change[change > 0])):
            if len(part):
                found.append((slope, sign, part.min(), part.max()))
    return np.array(found)


@njit(cache=True)
def _forward(best, scores, groups, penalty, back):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return the best totals after columns of scores [A, S, T]; writes the moves back, [T, S].

    The best origin of a group of moves is the maximum of a range of states, read from maxima over
    2^p states.  Groups that reach the highest total are then searched move by move: at equal totals
    the smallest change counts, and of two the rising one.
    """
    _, states, columns = scores.shape
    reach, widest = groups[:, 3].max(), (groups[:, 3] - groups[:, 2]).max() + 1
    levels = int(np.log2(widest)) + 1
    # of the total with the penalty up to a constant, for falling and rising moves
    maxima = np.full((2, levels, states + 2 * reach), -np.inf)
    totals = np.empty((len(groups), states))
    new = np.empty_like(best)
    for t in range(columns):
        for s in range(states):
            maxima[0, 0, reach + s] = best[s] - penalty * s
            maxima[1, 0, reach + s] = best[s] + penalty * s
        for p in range(1, levels):
            half = 1 << (p - 1)
            for rising in range(2):
                lower, upper = maxima[rising, p - 1], maxima[rising, p]
                for s in range(len(lower) - half):
                    upper[s] = max(lower[s], lower[s + half])
        top = np.full(states, -np.inf)
        for g in range(len(groups)):
            slope, sign, least, most = groups[g]
            p = int(np.log2(most - least + 1))
            table = maxima[(sign + 1) // 2, p]
            first = reach - most if sign > 0 else reach + least
            last = first + most - least + 1 - (1 << p)
            for s in range(states):
                origin = max(table[first + s], table[last + s]) - sign * penalty * s
                totals[g, s] = origin + scores[slope, s, t]
                top[s] = max(top[s], totals[g, s])
        for s in range(states):
            highest, chosen, rank = -np.inf, 0, 0
            enough = top[s] - ROUNDING * (1 + abs(top[s]))
            for g in range(len(groups)):
                if totals[g, s] < enough:
                    continue
                slope, sign, least, most = groups[g]
                for change in range(least, most + 1):
                    origin = s - sign * change
                    if 0 <= origin < states:
                        total = best[origin] - penalty * change + scores[slope, s, t]
                        place = 2 * change - (sign > 0)
                        if total > highest or (total == highest and place < rank):
                            highest, chosen, rank = total, -sign * change, place
            new[s] = highest
            back[t, s] = chosen
        best, new = new, best
    return best
