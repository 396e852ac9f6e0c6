"""Two speeds that explain a recording alike and share no lines: which of them is meant is open.

The lines of a second machine, such as another fan, are a path of their own.  Where its speed has
nearly the score of the chosen one, or a higher one, the lines do not decide between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from specsr.nvh.tacholess_candidates import Candidate
from specsr.nvh.tacholess_factors import SHARED, SHARING

SCORES, MOST = (0.7, 0.9), (1.0, 0.4)
"""Scores of a rival over that of a speed, and the highest confidence at them.  Machines of
benchmarks/generator.py (sets 1 to 3) without orders: 0.76 to 1.6 for two fans, gears and bearings
whose speed is wrong 0.76 to 2.2; 0.76 at most where it is right, but for one car at twice the speed
(0.86)."""
CLEAR = 0.3
"""Least clearness of the lines of a rival."""


@dataclass(frozen=True)
class Rival:
    """Another speed that explains a recording.

    Attributes:
        candidate: its position.
        confidence: highest one of the speed beside it.
    """

    candidate: int
    confidence: float


def rival_of(found: Sequence[Candidate], chosen: int) -> Rival | None:
    """Return the candidate with the highest score that shares no lines with one.

    None if all do, or it does not lower the confidence.

    Args:
        found: the candidates.
        chosen: position of the one.
    """
    own = found[chosen]
    # the path of the highest sums of all is a rival of another one with any factor
    second = own.track.kind == "other"
    scores = {
        k: max(
            each.score / max(own.score, 1e-9), 1.0 if second and each.track.kind == "free" else 0
        )
        for k, each in enumerate(found)
        if each.track is not own.track and each.track.clearness >= CLEAR and not _share(each, own)
    }
    if not scores:
        return None
    best = max(scores, key=scores.__getitem__)
    confidence = float(np.interp(scores[best], SCORES, MOST))
    return Rival(best, confidence) if confidence < 1 else None


def _share(one: Candidate, two: Candidate) -> bool:
    """Return whether two speeds are a simple factor apart in most columns."""
    ratio = np.log(one.rpm / two.rpm)
    apart = np.min([np.abs(ratio - np.log(float(factor))) for factor in SHARING], axis=0)
    return bool(np.mean(apart <= SHARED) > 0.5)
