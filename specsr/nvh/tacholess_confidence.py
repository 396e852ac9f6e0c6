"""Confidence of a path of speed: probability that lines follow it, from the harmonic sums.

All facts are means over a second.  The sum on the path, which few lines raise as far as they stand
out, and, for known orders, how far it stands out of the sums of all other speeds, decide between
paths (`by_sums`).  The lead of the path over the best speed that shares no lines with it limits the
confidence that is reported (`most`): the lines of several machines, or at distances that differ,
and clicks agree with other speeds as well.  The maps to a probability were fitted to the columns of
machines of benchmarks/generator.py (sets 1 and 2), of two to six orders in noise, and of noise and
clicks, each recording with the same weight (noise four times that); benchmarks/tacholess.py judges
them on other sets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from specsr.nvh.tacholess_factors import PART, SHARING, related

SURE = 0.5
"""Confidence that a column of a speed that counts as found has."""
LOST = 0.05
"""Probability by the sums alone below which the speed is interpolated from the columns around: a
path between this and `SURE` is more often right than a straight line."""
SECONDS = 1.0
"""Averaging time of the evidence, s."""
SUMS = (3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.5)
"""Sums on a path of equidistant lines, for `LOG_ODDS`; the best path through white noise has 2.9 to
3.5.  The lines of two shafts together may have up to 5, so sums around 4.5 are no certainty."""
LOG_ODDS = (-5.0, -2.9, 0.6, 0.6, 1.4, 2.5, 4.5)
"""Logarithm of the odds that lines follow such a path, monotone."""
LEADS = (-1.2, -0.7, -0.3, 0.1)
"""Leads of a path of equidistant lines, for `LEAD_LOG_ODDS`; clicks, which raise the sums of all
speeds, leave -2.5 to -0.5, and few clean lines, which agree with several speeds, 0 to 1."""
LEAD_LOG_ODDS = (-3.6, -1.8, 0.7, 4.5)
"""Highest logarithm of the odds that lines follow such a path, monotone."""
GIVEN_SUPPORT, GIVEN_SUM, GIVEN_OFFSET = 2.7, 3.1, -19.3
"""Log odds at orders that the machine is known to have, which other lines seldom meet: weights of
the support and of the sum, and offset."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Evidence for a path, in every column.

    Attributes:
        sums: harmonic sum on the path, [T].
        support: how far it stands out of the sums of all speeds, [T].  Most speeds of a column
            meet no line, so their median and spread are those of noise.  Machines with many tones
            have a wider spread.
        lead: how far it is above the highest sum of a speed that shares no lines with it, [T].
    """

    sums: np.ndarray
    support: np.ndarray
    lead: np.ndarray

    @classmethod
    def of(
        cls, scores: np.ndarray, path: np.ndarray, step: float, rivals: np.ndarray | None = None
    ) -> Evidence:
        """Return the evidence of a path.

        Args:
            scores: harmonic sum of every speed, [S, T].
            path: position of the speed in every column, [T].
            step: distance of the columns, s.
            rivals: sums of the speeds that the path competes with, [S, T]; None for ``scores``.
        """
        rivals = scores if rivals is None else rivals
        size = max(1, min(round(SECONDS / step), scores.shape[1]))
        parts = [scores[:, at : at + PART] for at in range(0, scores.shape[1], PART)]
        middle = np.concatenate([np.median(part, axis=0) for part in parts])
        spread = np.concatenate([np.quantile(part, 0.84, axis=0) for part in parts]) - middle
        middle, spread = (uniform_filter1d(x, size) for x in (middle, spread))
        own = scores[path, np.arange(len(path))]
        above = (own - middle) / np.maximum(spread, 1e-6)
        other = np.concatenate([
            np.where(taken, 0, rivals[:, part]).max(axis=0)
            for part, taken in related(path, len(scores), SHARING)
        ])  # fmt: skip
        lead = own - np.maximum(other, 0)  # all speeds of a narrow search may be related
        return cls(*(uniform_filter1d(x, size) for x in (own, above, lead)))


def by_sums(evidence: Evidence, known: bool = False) -> np.ndarray:
    """Return the probability that lines follow a path by its sums, 0 to 1, [T].

    Args:
        evidence: of the path.
        known: the orders of the lines are known.
    """
    if known:
        odds = GIVEN_SUPPORT * evidence.support + GIVEN_SUM * evidence.sums + GIVEN_OFFSET
    else:
        odds = np.interp(evidence.sums, SUMS, LOG_ODDS)
    return _probability(odds)


def most(evidence: Evidence) -> np.ndarray:
    """Return the highest probability that a path of equidistant lines may have, [T].

    Its lead limits it, and its sums: those of a path that was changed since they were found.
    """
    lead = _probability(np.interp(evidence.lead, LEADS, LEAD_LOG_ODDS))
    return np.minimum(lead, by_sums(evidence))


def _probability(odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
