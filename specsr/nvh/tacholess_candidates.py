"""Speeds that explain a recording: tracks of its lines, and the speeds that these may stand for.

A track of equidistant lines gives the speed up to a factor: the lines may be every order, every
half order, or the firing orders alone.  Each simple factor that keeps the speed within its limits
is a candidate.  Its score is the harmonic sum of the orders at that speed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from specsr.nvh.tacholess_confidence import Evidence, by_sums, most
from specsr.nvh.tacholess_factors import FACTORS, SHARED, related, steps
from specsr.nvh.tacholess_jumps import even_path, jumps
from specsr.nvh.tacholess_map import BETWEEN
from specsr.nvh.tacholess_path import best_path

WITHIN = 5
"""Steps by which the best score around a speed may lie beside it (1 %)."""
DIRECT = ("limited", "given")
"""Kinds of tracks that are speeds as they are."""
SAME = 0.01
"""Median relative distance up to which two candidates are one."""
BESIDE = 0.06
"""The same for another shaft: a path along the flank of a line is none."""
INSIDE = 0.97
"""Least part of the columns of a candidate within the limits."""
NEAR_START = 0.15
"""Largest relative deviation of a candidate from the start value."""
UNUSUAL = 0.7
"""Factor of the score of lines that are no multiple of half an order apart: pistons, blades, poles
and teeth give half or whole orders."""
SKIPPED = 1 - BETWEEN
"""Factor of the score of every third line: the lines left out are at thirds of the distance, not
midway, where the harmonic sum would subtract them as it does for every second line."""
SCORED = 0.75
"""Part of the score of another track that a preferred one must reach if the orders are known."""
ALIKE = 0.6
"""Part of the score of a candidate from which another factor explains its lines nearly as well:
0.65 to 0.81 for half the speed of two or three lines, 0.4 and less for cars."""
OPEN = 0.5
"""Confidence of a path with one factor where it has no lines of its own: right for cars, wrong for
bearings and e-drives."""
CLEARER = 0.05
"""Mean clearness that a track gains over another one that is preferred otherwise."""


@dataclass(frozen=True, eq=False)
class Track:
    """A path through the harmonic sums of some orders.

    Attributes:
        path: position of the speed in every column, [T].
        orders: whose lines were added, [K].
        clear: probability that lines follow the path by its sums alone, [T]; exactly 0 within
            jumps.  Decides between tracks and what is interpolated.
        confidence: probability that lines follow the path by all that is known, at most ``clear``,
            [T]; decides nothing.
        kind: ``"free"`` (at any speed), ``"limited"`` (within the limits), ``"given"`` (within the
            limits, at the orders given) or ``"other"`` (of another shaft).
        breaks: columns in which the path jumps from lines to others by no simple factor.
    """

    path: np.ndarray
    orders: np.ndarray
    clear: np.ndarray
    confidence: np.ndarray
    kind: str
    breaks: tuple[int, ...] = ()

    @classmethod
    def of(
        cls, scores: np.ndarray, path: np.ndarray, orders: np.ndarray, step: float, kind: str,
        rivals: np.ndarray | None = None,
    ) -> Track:  # fmt: skip
        """Return the track of a path through harmonic sums, [S, T]; ``step`` is in s.

        ``rivals`` are the sums of the speeds that the path competes with, [S, T], if not
        ``scores``.  Jumps of equidistant lines by simple factors are removed: see
        `tacholess_jumps.even_path`.
        """
        evidence = Evidence.of(scores, path, step, rivals)
        known = kind == "given"
        clear = by_sums(evidence, known)
        found = jumps(path, scores[path, np.arange(len(path))], step)
        for each in found:
            clear[each.first + 1 : each.last] = 0.0
        even = None if kind in DIRECT or not found else even_path(path, found, len(scores), FACTORS)
        sure = clear if known else np.minimum(clear, most(evidence))
        if even is not None:  # its own lines tell whether one factor is right
            own = most(Evidence.of(scores, even, step, rivals))
            sure = np.minimum(sure, np.maximum(own, OPEN))
        breaks = tuple((each.first + each.last) // 2 for each in found) if even is None else ()
        path = path if even is None else even
        return cls(path, orders, clear, sure, kind, breaks)

    @property
    def clearness(self) -> float:
        """Mean of ``clear`` outside of jumps."""
        return float(self.clear.sum() / max(1, np.count_nonzero(self.clear)))


@dataclass(frozen=True, eq=False)
class Candidate:
    """A speed that explains a recording.

    Attributes:
        rpm: speed in every column, 1/min, [T].
        score: mean harmonic sum of the orders, in its standard deviations in noise.
        spacing: distance of its lines in orders; None if they are at the orders given.
        track: the path of its lines.
    """

    rpm: np.ndarray
    score: float
    spacing: float | None
    track: Track

    def times(self, other: Candidate) -> float:
        """Return the median ratio of its speed to that of another candidate."""
        return float(np.median(self.rpm / other.rpm))

    def is_multiple_of(self, other: Candidate) -> bool:
        """Return whether its speed is that of another candidate times a factor beside 1."""
        ratio = np.log(self.rpm / other.rpm)
        middle = float(np.median(ratio))
        return abs(middle) > SHARED and float(np.median(np.abs(ratio - middle))) < SAME

    @property
    def lines(self) -> str:
        """The orders of its lines, in words."""
        if self.spacing is None:
            return "the orders given"
        other = ", another shaft" if self.track.kind == "other" else ""
        every = "order" if self.spacing == 1 else f"{self.spacing:.3g} orders"
        return f"every {every}{other}"


def another(track: Track, scores: np.ndarray, step: float) -> Track | None:
    """Return the best track beside one and its simple factors; None if there is no clear one.

    Args:
        track: the one.
        scores: harmonic sum of its orders at every speed, [S, T].
        step: distance of the columns, s.
    """
    rest = np.empty(scores.shape, np.float32)
    for part, taken in related(track.path, len(scores)):
        own = scores[:, part]
        rest[:, part] = np.where(taken, np.median(own, axis=0), own)
    found = Track.of(scores, best_path(rest, step), track.orders, step, "other", rest)
    return found if found.clear.mean() > 0.5 else None


def candidates(
    tracks: Sequence[Track], scores: np.ndarray, speeds: np.ndarray, limits: tuple[float, float],
    start: float | None, scored: bool,
) -> list[Candidate]:  # fmt: skip
    """Return the speeds that tracks may stand for within limits, the most likely one first.

    Args:
        tracks: of the recording, the preferred one first.
        scores: harmonic sum of the orders of the machine at every speed, [S, T].
        speeds: 1/min, ascending, [S].
        limits: lowest and highest speed, 1/min.
        start: speed in the first column, 1/min; None if unknown.
        scored: the orders of the machine are known: scores decide between tracks.
    """
    beside = np.arange(-WITHIN, WITHIN + 1)[:, None]
    found = []
    for track in tracks:
        for factor in (Fraction(1),) if track.kind in DIRECT else FACTORS:
            rpm = speeds[track.path] * float(factor)
            if _allowed(rpm, track, limits, start):
                at = np.clip(track.path + steps(factor), 0, len(speeds) - 1)
                near = np.clip(at + beside, 0, len(speeds) - 1)
                score = float(scores[near, np.arange(len(at))].max(axis=0).mean())
                score *= UNUSUAL if (2 * factor.denominator) % factor.numerator else 1.0
                score *= SKIPPED if factor.numerator == 3 else 1.0
                spacing = None if track.kind == "given" else float(1 / factor)
                found.append(Candidate(rpm, score, spacing, track))
    # a speed that jumps comes after those that do not
    found.sort(key=lambda each: (bool(each.track.breaks), -each.score))
    different: list[Candidate] = []
    for each in _preferred(found, tracks, scored) + found:
        apart = BESIDE if each.track.kind == "other" else SAME
        if all(_apart(each, old) > apart for old in different):
            different.append(each)
    return different


def _apart(one: Candidate, two: Candidate) -> float:
    """Return the median relative distance of two candidates."""
    return float(np.median(np.abs(np.log(one.rpm / two.rpm))))


def ambiguous(found: Sequence[Candidate], chosen: int) -> list[float]:
    """Return the factors at which other candidates explain the lines of one nearly as well.

    None if its orders were stated.

    Args:
        found: the candidates.
        chosen: position of the one.
    """
    own = found[chosen]
    return [
        each.times(own)
        for each in found
        if own.spacing is not None and each.is_multiple_of(own) and each.score >= ALIKE * own.score
    ]


def _preferred(found: list[Candidate], tracks: Sequence[Track], scored: bool) -> list[Candidate]:
    """Take the most likely candidate out of those found, sorted by score, and return it.

    Limited to a range, a path may change from a speed to a multiple of it where its limits demand
    so; equidistant lines at any speed do not.  They are preferred while they are as clear.
    """
    best: Candidate | None = None
    for track in tracks:
        own = next((each for each in found if each.track is track), None)
        if own is not None and (best is None or _is_better(own, best, scored)):
            best = own
    if best is None:
        return []
    found.remove(best)
    return [best]


def _is_better(own: Candidate, best: Candidate, scored: bool) -> bool:
    """Return whether the candidate of a less preferred track takes the place of the best one."""
    if best.track.breaks and not own.track.breaks and own.score >= best.score:
        return True
    if scored and best.score < SCORED * own.score:
        return True
    as_clear = own.track.clearness >= best.track.clearness - CLEARER and not own.track.breaks
    stated = own.track.kind == "given" and own.score >= best.score and as_clear
    if stated and _apart(own, best) > SAME:  # of one speed, the lines at all orders are followed
        return True
    clearer = own.track.clearness > best.track.clearness + CLEARER
    # lines at the orders given are not replaced by others of a lower score
    part = 1.0 if best.track.kind == "given" else SCORED
    return bool(clearer and not (scored and own.score < part * best.score))


def _allowed(
    rpm: np.ndarray, track: Track, limits: tuple[float, float], start: float | None
) -> bool:
    sure = track.clear >= 0.5
    sure = sure if sure.any() else np.ones(len(rpm), dtype=bool)
    low, high = limits[0] * (1 - SHARED), limits[1] * (1 + SHARED)
    inside = ((rpm >= low) & (rpm <= high))[sure].mean() >= INSIDE
    if start is None or track.kind in DIRECT:  # the start value has its share in these
        return bool(inside)
    first = rpm[np.flatnonzero(sure)[0]]
    return bool(inside and abs(math.log(first / start)) <= NEAR_START)
