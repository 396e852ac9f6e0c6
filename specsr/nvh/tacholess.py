"""Speed of a machine from its sound or vibration alone, without a tacho.

All orders follow the speed.  The speeds whose orders meet most lines form a path over time
(`specsr.nvh.tacholess_map`, `specsr.nvh.tacholess_path`), which the phases of the orders refine
(`specsr.nvh.tacholess_phase`).  A speed and its simple multiples share lines: limits, a start value
and the orders of the machine decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from specsr.errors import SpecsrError, expect
from specsr.io.speeds import FASTEST
from specsr.nvh.tacholess_candidates import Candidate, Track, another, candidates
from specsr.nvh.tacholess_confidence import LOST, SURE
from specsr.nvh.tacholess_edges import Lines, continued, held
from specsr.nvh.tacholess_factors import LARGEST_TERM
from specsr.nvh.tacholess_mains import CONFIDENCE, mains_of
from specsr.nvh.tacholess_map import SLOPES, TOP, best_scores, column_step, pieces
from specsr.nvh.tacholess_path import Search, speeds_between, start_scores
from specsr.nvh.tacholess_pattern import changes, lowered, pattern
from specsr.nvh.tacholess_phase import refine_by_phase
from specsr.nvh.tacholess_rivals import rival_of
from specsr.nvh.tacholess_source import Heard
from specsr.progress import Progress
from specsr.signal import Signal, Source

COLUMN, MOST_COLUMNS = 0.05, 20000
"""Distance of two speeds, s, and most of them, which bounds the memory of long recordings."""
ORDERS = tuple(float(k) for k in range(1, 41))
"""Orders of a machine of which nothing is known."""
SHORTEST = 0.5
"""Least duration of a recording, s."""
FOUND = 0.25
"""Fraction of a recording in which the confidence has to be `SURE` or more for a speed."""
SLOWEST = 1.0
"""Lowest speed that a search may be limited to, 1/min; the highest is `FASTEST`."""
NARROWEST, LOWEST_RATE = 1.05, 100.0
"""Least ratio of the limits of a search, and lowest sampling rate of one, Hz."""


@dataclass(frozen=True)
class SpeedSearch:
    """What is known of the speed of a recording.

    Attributes:
        rpm_range: lowest and highest speed, 1/min.
        start: speed at the first sample, 1/min; None if unknown.
        orders: orders at which the machine has lines, such as 2, 4, 6 for four cylinders; empty if
            unknown: then the lines count as orders 1, 2, 3 and so on.
        candidate: which of the candidates to take, from 1.

    Raises:
        SpecsrError: a value out of range.
    """

    rpm_range: tuple[float, float] = (300.0, 18000.0)
    start: float | None = None
    orders: tuple[float, ...] = ()
    candidate: int = 1

    def __post_init__(self) -> None:
        low, high = self.rpm_range
        if not (low >= SLOWEST and NARROWEST * low <= high <= FASTEST):
            raise SpecsrError(
                f"the range of speeds is {low:g} to {high:g} rpm: expected two speeds from "
                f"{SLOWEST:g} to {FASTEST:g} rpm, the lower one first, {NARROWEST:g} times apart "
                "or more"
            )
        if self.start is not None and not low <= self.start <= high:
            raise SpecsrError(
                f"the start value is {self.start:g} rpm: expected one within the range, {low:g} to "
                f"{high:g} rpm"
            )
        if wrong := [k for k in self.orders if not 0 < k < math.inf]:
            raise SpecsrError(f"orders hold {wrong[0]:g}: expected numbers above zero")
        if self.candidate < 1:
            raise SpecsrError(f"candidate is {self.candidate}: expected 1, 2 and so on")


@dataclass(frozen=True, eq=False)
class FoundSpeed:
    """A speed found in a recording.

    Attributes:
        times: of the columns, s, on the time axis of the recording, [T].
        rpm: speed, 1/min, [T]; continued beside the clear columns while there are lines
            (`specsr.nvh.tacholess_edges`), and interpolated, or held, where they have ended or
            `Track.clear` is below `LOST`: the confidence is `LOST` at most there.
        confidence: probability that the lines of a column follow the speed, 0 to 1, [T].  That the
            lines have the assumed orders is not part of it: see the candidates.
        candidates: speeds that explain the recording, the best one first, before the refinement.
        chosen: position of the one refined.
        changes: times at which the pattern of the order levels changes, s: the path may have gone
            to another shaft (`specsr.nvh.tacholess_pattern`).  On the less confident side of these
            and of breaks the confidence is one half at most.
        mains: mains frequency whose multiples the lines stay at, Hz, or None.  The confidence is
            then `tacholess_mains.CONFIDENCE` at most, unless orders or a start value are given.
        limits: lowest and highest speed of the search, 1/min.
        rival: position of a candidate that explains the lines nearly as well and shares none; the
            confidence is lower then.  None if there is none, or orders, a start value or a
            candidate were chosen.
    """

    times: np.ndarray
    rpm: np.ndarray
    confidence: np.ndarray
    candidates: tuple[Candidate, ...]
    chosen: int = 0
    changes: tuple[float, ...] = ()
    mains: float | None = None
    limits: tuple[float, float] = SpeedSearch.rpm_range
    rival: int | None = None

    @property
    def is_found(self) -> bool:
        """Whether a fraction `FOUND` of the columns has a confidence of `SURE` or more."""
        return bool(np.mean(self.confidence >= SURE) >= FOUND)

    @property
    def breaks(self) -> tuple[float, ...]:
        """Times at which the path jumps to lines that no simple factor joins, s.

        The speed may follow another shaft, or be wrong by a factor, before or after.
        """
        return tuple(float(self.times[t]) for t in self.candidates[self.chosen].track.breaks)

    @property
    def orders(self) -> tuple[float, ...]:
        """Orders of the lines, ascending."""
        chosen = self.candidates[self.chosen]
        return tuple(float(k) * (chosen.spacing or 1.0) for k in chosen.track.orders)

    def at(self, signal: Signal) -> np.ndarray:
        """Return the speed at every sample of a recording, 1/min, float64 [N]."""
        times = signal.start + np.arange(signal.length) / signal.rate
        return np.interp(times, self.times, self.rpm)


def find_speed(
    signal: Signal, options: SpeedSearch = SpeedSearch(), progress: Progress | None = None
) -> FoundSpeed:
    """Return the speed of the machine in a recording, found from its lines.

    Args:
        signal: the recording; all channels count, its own speed does not.
        options: what is known of the speed.
        progress: wraps the pieces of the search.

    Raises:
        SpecsrError: a recording shorter than `SHORTEST`, silent, or with a rate too low for the
            range; or a candidate that was not found.

    Example:
        >>> run = specsr.synthesise(specsr.RunUp(rate=8000, duration=2.0, rpm=(1200, 2400)))
        >>> found = specsr.find_speed(run.signal, specsr.SpeedSearch(orders=(2, 4, 6)))
        >>> found.rpm[[0, -1]].round(-2)
        array([1200., 2400.])
    """
    expect(signal, Signal, "; specsr.read(path) reads a recording")
    return find_speed_in(signal, options, progress)


def find_speed_in(
    source: Source, options: SpeedSearch = SpeedSearch(), progress: Progress | None = None
) -> FoundSpeed:
    """Return the speed in a recording that may be read in parts; as `find_speed`."""
    signal = Heard(source)
    if signal.duration < SHORTEST:
        raise SpecsrError(
            f"the recording is {signal.duration:.3g} s long: expected {SHORTEST:g} s or more to "
            "find a speed"
        )
    given = np.unique(np.asarray(options.orders, dtype=np.float64))
    low, high = options.rpm_range
    if signal.rate < LOWEST_RATE:
        raise SpecsrError(
            f"the sampling rate is {signal.rate:g} Hz: a search of the speed needs {LOWEST_RATE:g}"
        )
    if low > 60 * signal.rate / 6:
        raise SpecsrError(
            f"the lowest speed is {low:g} rpm: at {signal.rate:g} Hz lines show speeds up to "
            f"{10 * signal.rate:g} rpm"
        )
    step = column_step(signal, COLUMN, MOST_COLUMNS)
    # lines may be half orders, or up to `LARGEST_TERM` orders apart
    top = min(high * LARGEST_TERM, 60 * min(signal.rate / 2, TOP) / 3)
    speeds = speeds_between(low / 2, max(top, low))
    tracks, scores = _tracks(signal, step, speeds, given, options, progress)
    if signal.is_silent:
        raise SpecsrError("the recording is silent: it shows no speed")
    found = candidates(
        tracks, scores, speeds, options.rpm_range, options.start, scored=bool(len(given))
    )
    times = signal.start + step * np.arange(scores.shape[1])
    del scores  # large
    if not found:
        raise SpecsrError(
            f"no lines follow a speed within {low:g} to {high:g} rpm"
            + (f" that starts at {options.start:g} rpm" if options.start else "")
            + ": expected wider limits"
        )
    if options.candidate > len(found):
        raise SpecsrError(
            f"candidate is {options.candidate}: expected 1 to {len(found)} of those found"
        )
    chosen = found[options.candidate - 1]
    track = chosen.track
    unit = chosen.spacing or 1.0
    start = None if options.start is None else options.start * unit / 60
    rotation_hz = speeds[track.path] / 60
    heard = signal.low()
    lines = Lines.of(chosen, given, speeds / 60, options.rpm_range, options.start)
    rotation_hz, known = continued(heard, rotation_hz, track.clear, step, lines)
    rotation_hz = held(rotation_hz, known, start)
    refined = partial(refine_by_phase, heard, step=step, orders=track.orders)
    if (track.clear >= SURE).any():
        rotation_hz = refined(rotation_hz)
    rpm = 60 * rotation_hz / unit
    changed = changes(pattern(heard, rotation_hz, step), track.clear, step)
    sure = np.where(known, track.confidence, np.minimum(track.confidence, LOST))
    confidence = lowered(sure, sorted({*changed, *track.breaks}))
    mains = mains_of(rotation_hz, track.clear, refined)
    is_open = start is None and not len(given)
    rival = rival_of(found, 0) if is_open and options.candidate == 1 else None
    if mains and is_open:
        confidence = np.minimum(confidence, CONFIDENCE)
    if rival is not None:
        confidence = np.minimum(confidence, rival.confidence)
    return FoundSpeed(
        times, rpm, confidence, tuple(found), options.candidate - 1,
        tuple(times[changed].tolist()), mains, options.rpm_range,
        None if rival is None else rival.candidate,
    )  # fmt: skip


def _tracks(
    signal: Heard,
    step: float,
    speeds: np.ndarray,
    given: np.ndarray,
    options: SpeedSearch,
    progress: Progress | None,
) -> tuple[list[Track], np.ndarray]:
    """Return the tracks of a recording, and the scores [S, T] of the orders of the machine.

    Args:
        signal: the recording.
        step: distance of the columns, s.
        speeds: of the search, 1/min, [S].
        given: orders of the machine, [K]; none if unknown.
        options: limits and start value.
        progress: wraps the pieces.
    """
    count = int(signal.duration / step) + 1
    lines, orders = np.array(ORDERS), given if len(given) else np.array(ORDERS)
    inside = (speeds >= options.rpm_range[0]) & (speeds <= options.rpm_range[1])
    free = Search(len(speeds), step)
    limited = Search(int(inside.sum()), step, start_scores(speeds[inside], options.start))
    best = np.empty((len(speeds), count), np.float32)
    own = np.empty_like(best) if len(given) else best
    # what is large goes as soon as it has been used: the next piece needs as much
    parts = pieces(signal, step, count)
    for part, maps in progress(parts) if progress else parts:
        scores = best_scores(maps, speeds / 60, lines)
        free.add(scores, SLOPES)
        best[:, part] = scores.max(axis=0)
        if len(given):
            del scores
            scores = best_scores(maps, speeds / 60, orders)
            own[:, part] = scores.max(axis=0)
        limited.add(scores[:, inside], SLOPES)
        maps.clear()
        del scores
    paths = free.path(), limited.path() + int(np.argmax(inside))
    del free, limited  # large
    tracks = [
        Track.of(best, paths[0], lines, step, "free"),
        Track.of(own, paths[1], orders, step, "given" if len(given) else "limited"),
    ]
    other = another(tracks[0], best, step)
    return tracks + ([other] if other else []), own
