"""Confidence of a path of speed: probability that lines follow it, from the harmonic sums.

Two facts are used, both means over a second: the sum on the path, which few lines raise as far as
they stand out, and how far it stands out of the sums of all other speeds, which a machine of few
strong lines does not reach, since half of them agree with many speeds.  The maps to a probability
were fitted to the columns of machines of benchmarks/generator.py (sets 1 and 2, one of each kind),
of two and three orders in noise, and of white noise, each recording with the same weight (noise
four times that); benchmarks/tacholess.py judges them on other sets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

SECONDS = 1.0
"""Averaging time of the evidence, s."""
PART = 1024
"""Columns whose sums are sorted at once; bounds the memory."""
SUMS = (3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.5)
"""Sums on a path of equidistant lines, for `LOG_ODDS`; the best path through white noise has 2.9 to
3.5.  The lines of two shafts together may have up to 5, so sums around 4.5 are no certainty."""
LOG_ODDS = (-5.0, -2.9, 0.6, 0.6, 1.4, 2.5, 4.5)
"""Logarithm of the odds that lines follow such a path, monotone."""
GIVEN_SUPPORT, GIVEN_SUM, GIVEN_OFFSET = 2.7, 3.1, -19.3
"""Log odds at orders that the machine is known to have, which other lines seldom meet: weights of
the support and of the sum, and offset."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What speaks for a path, in every column.

    Attributes:
        sums: harmonic sum on the path, [T].
        support: how far it stands out of the sums of all speeds, [T].  Most speeds of a column
            meet no line, so their median and spread are those of noise.  Machines with many tones
            have a wider spread.
    """

    sums: np.ndarray
    support: np.ndarray

    @classmethod
    def of(cls, scores: np.ndarray, path: np.ndarray, step: float) -> Evidence:
        """Return the evidence of a path.

        Args:
            scores: harmonic sum of every speed, [S, T].
            path: position of the speed in every column, [T].
            step: distance of the columns, s.
        """
        size = max(1, min(round(SECONDS / step), scores.shape[1]))
        parts = [scores[:, at : at + PART] for at in range(0, scores.shape[1], PART)]
        middle = np.concatenate([np.median(part, axis=0) for part in parts])
        spread = np.concatenate([np.quantile(part, 0.84, axis=0) for part in parts]) - middle
        middle, spread = (uniform_filter1d(x, size) for x in (middle, spread))
        own = scores[path, np.arange(len(path))]
        above = (own - middle) / np.maximum(spread, 1e-6)
        return cls(*(uniform_filter1d(x, size) for x in (own, above)))


def confidence_of(evidence: Evidence, known: bool = False) -> np.ndarray:
    """Return the probability that lines follow a path, 0 to 1, [T].

    Args:
        evidence: of the path.
        known: the orders of the lines are known.
    """
    if known:
        odds = GIVEN_SUPPORT * evidence.support + GIVEN_SUM * evidence.sums + GIVEN_OFFSET
    else:
        odds = np.interp(evidence.sums, SUMS, LOG_ODDS)
    return 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
