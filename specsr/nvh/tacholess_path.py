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


def speeds_between(low: float, high: float) -> np.ndarray:
    """Return the speeds of the search, in the unit of the limits, ascending, [S]."""
    return low * np.exp(STEP * np.arange(int(math.log(high / low) / STEP) + 1))


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
        moves = np.arange(-self._reach, self._reach + 1) * (STEP / self._step)
        kind = np.abs(moves[:, None] - np.array(slopes)).argmin(axis=1)
        back = np.zeros((scores.shape[2], scores.shape[1]), np.int16)
        self._best = _forward(self._best, scores, kind, np.float32(PENALTY * STEP), back)
        self._back.append(back)

    def path(self) -> np.ndarray:
        """Return the position of the speed in every column, [T]."""
        back = np.concatenate(self._back)
        path = np.empty(len(back), dtype=int)
        path[-1] = int(np.argmax(self._best))
        for t in range(len(back) - 1, 0, -1):
            path[t - 1] = path[t] + back[t, path[t]]
        return path


def best_path(scores: np.ndarray, step: float) -> np.ndarray:
    """Return the position of the speed in every column of the best path, [T]; see `Search`.

    Args:
        scores: of every speed, [S, T].
        step: distance of the columns, s.
    """
    search = Search(len(scores), step)
    search.add(scores[None], (0.0,))
    return search.path()


@njit(cache=True)
def _forward(best, scores, kind, penalty, back):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return the best totals after columns of scores [A, S, T]; writes the moves back, [T, S]."""
    _, states, columns = scores.shape
    reach = len(kind) // 2
    new = np.empty_like(best)
    for t in range(columns):
        for s in range(states):
            highest, chosen = np.float32(-np.inf), 0
            # the speed rises by m, from s - m to s; at equal totals the smallest change counts
            for i in range(2 * reach + 1):
                m = (i + 1) // 2 if i % 2 else -(i // 2)
                if 0 <= s - m < states:
                    total = best[s - m] - penalty * abs(m) + scores[kind[m + reach], s, t]
                    if total > highest:
                        highest, chosen = total, -m
            new[s] = highest
            back[t, s] = chosen
        best, new = new, best
    return best
