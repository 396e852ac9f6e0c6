"""Pulses of a tacho signal: where they are, and repair of missing, doubled and stray ones."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from specsr.errors import SpecsrError

_SHORT, _LONG = 0.6, 1.6
"""Ratio of an interval to the one before it within which it is a change of speed.

From standstill at constant acceleration the ratios are 0.41, 0.77, 0.84, ...; the first one is
accepted because the next interval is similar to it.
"""
_WHOLE = 0.25
"""Largest distance of an interval from a multiple of the usual one, for missing pulses."""
_STEADY = 0.08
"""Largest relative change from one interval to the next at a steady speed."""
_BRIDGED = 3
"""Most missing pulses in a row that are bridged; with several a revolution, those of one."""
_SILENT = 3.0
"""Intervals without a pulse from which the shaft may stand."""
_SLOW = 0.3
"""Fraction of the highest speed up to which a shaft may stop within an interval."""
_NAMED = 5
"""Most times in a note."""


@dataclass(frozen=True, eq=False)
class Pulses:
    """Pulses of a shaft at equal steps of its angle.

    Attributes:
        instants: times of the pulses in s, increasing, [K].
        stops: pairs of positions in ``instants`` between which the shaft stands; -1 for the start
            and K for the end of the signal.
        notes: what was repaired, one sentence each.
    """

    instants: np.ndarray
    stops: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Repair:
    """Pulses kept and inserted, and the times of what was changed."""

    kept: list[float]
    bridged: list[float] = field(default_factory=list)
    removed: list[float] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)


def rising(samples: np.ndarray, rate: float, level: float) -> np.ndarray:
    """Return the times at which a tacho signal rises through a level, s, [K].

    Interpolated linearly between samples.  The signal must fall below the level by a tenth of its
    range before the next pulse: noise on an edge crosses the level more than once.
    """
    low, high = float(samples.min()), float(samples.max())
    rearm = level - 0.1 * (high - low)
    state = np.where(samples >= level, 1, np.where(samples < rearm, -1, 0))
    marked = np.flatnonzero(state)
    found = marked[1:][(state[marked[1:]] == 1) & (state[marked[:-1]] == -1)]
    part = (level - samples[found - 1]) / (samples[found] - samples[found - 1])
    return (found - 1 + part) / rate


def repaired(instants: np.ndarray, per_rev: float, duration: float) -> Pulses:
    """Return pulses with missing ones inserted and doubled and stray ones removed.

    Every interval is compared with those beside it, relative to the spacing of the teeth where it
    repeats with every revolution.  A gap is a standstill where the shaft slows down before it, or
    is slow, and correspondingly after it.

    Args:
        instants: times of the pulses, s, increasing, [K], at least three.
        per_rev: pulses per revolution.
        duration: of the signal, s.

    Raises:
        SpecsrError: a gap that is neither a few missing pulses nor a standstill, or pulses in
            pairs; the message names the times.
    """
    intervals = np.diff(instants)
    _refuse_pairs(instants, intervals, per_rev)
    if _uneven_teeth(intervals, per_rev):
        return Pulses(instants, _edges(instants, per_rev, duration))
    limit = max(_BRIDGED, round(per_rev))
    repair = _walk(instants, limit)
    kept = np.array(repair.kept)
    stops = []
    fastest = 1 / np.percentile(np.diff(kept), 5)
    for a, b in repair.gaps:
        gap = kept[b] - kept[a]
        before, after = kept[max(0, a - 3) : a + 1], kept[b : b + 4]
        if not (_stops(before, gap, fastest) and _stops(-after[::-1], gap, fastest)):
            raise SpecsrError(
                f"no tacho pulses from {kept[a]:.4g} to {kept[b]:.4g} s, although the shaft turns "
                f"at {60 / per_rev / (before[-1] - before[-2]):.4g} rpm before: check the sensor "
                "and the threshold, or cut that part"
            )
        stops.append((a, b))
    notes = [
        f"{len(times)} tacho pulses {what} at {_listed(times)}"
        for times, what in ((repair.bridged, "are missing and were bridged"),
                            (repair.removed, "too many were left out"))
        if times
    ]  # fmt: skip
    stops += _edges(kept, per_rev, duration)
    return Pulses(kept, tuple(sorted(stops)), tuple(notes))


def _walk(instants: np.ndarray, limit: int) -> _Repair:
    """Follow the pulses in the order of time, with the interval before as that expected."""
    times = instants.tolist()
    usual = _first_interval(np.diff(instants[:8]))
    repair = _Repair([times[0]])
    i, last = 0, len(times) - 1
    while i < last:
        now, step = times[i], times[i + 1] - times[i]
        following = times[i + 2] - times[i + 1] if i + 2 <= last else step
        third = times[i + 3] - times[i + 2] if i + 3 <= last else following
        # two intervals of one length are a change of speed, unless the usual one comes back
        back = following if _nearer(following, usual, step) else third
        fault = _nearer(back, usual, step)
        split = step < usual and following < usual and _whole((step + following) / usual, 1)
        fault = _nearer(third, usual, step) if split else fault
        if (step < _SHORT * usual or split) and fault:
            # a pulse too many: go on to the one nearest to the expected place
            j = i + 1
            while j < last and abs(times[j + 1] - now - usual) <= abs(times[j] - now - usual):
                j += 1
            near = times[j] - now
            if j > i + 1 and near < _LONG * usual:
                repair.removed += times[i + 1 : j]
                step, i = near, j
            else:
                repair.removed.append(times[i + 1])
                del times[i + 1]
                last -= 1
                continue
        elif step > _LONG * usual and (fault or step > _SILENT * usual):
            ratio = 2 * step / (usual + back)  # to the mean interval before and after
            count = round(ratio)
            if 2 <= count <= limit + 1 and _whole(ratio, count) and _alike(back, usual):
                between = np.linspace(now, times[i + 1], count + 1)[1:-1].tolist()
                repair.bridged += between
                repair.kept += between
                step /= count
            elif step > _SILENT * usual:
                repair.gaps.append((len(repair.kept) - 1, len(repair.kept)))
                step = following
            i += 1
        else:
            i += 1
        repair.kept.append(times[i])
        usual = step
    return repair


def _alike(one: float, other: float) -> bool:
    return _SHORT * other <= one <= _LONG * other


def _first_interval(intervals: np.ndarray) -> float:
    """Return the interval expected first; it may hold a fault, or be that of a launch."""
    first, second, third = (float(x) for x in np.resize(intervals, 3))
    if _alike(first, second):
        return first
    if first > second:  # a missing pulse at a steady speed, or the shaft starts to turn
        return second if abs(second / third - 1) < _STEADY else first
    return float(np.median(intervals))


def _whole(ratio: float, count: int) -> bool:
    return abs(ratio - count) <= _WHOLE


def _nearer(step: float, one: float, other: float) -> bool:
    """Whether the ratio of an interval to ``one`` is nearer to 1 than that to ``other``."""
    return step * step < one * other if one < other else step * step > one * other


def _stops(times: np.ndarray, gap: float, fastest: float) -> bool:
    """Whether a shaft with pulses at some times may stop within a gap after them."""
    if len(times) < 2:  # a lone pulse
        return True
    speeds = 1 / np.diff(times)
    if speeds[-1] <= _SLOW * fastest:
        return True
    if len(speeds) < 2:
        return False
    middles = (times[1:] + times[:-1]) / 2
    slope = np.polyfit(middles - middles[-1], speeds, 1)[0]
    return bool(slope < 0 and -speeds[-1] / slope < gap)


def _edges(instants: np.ndarray, per_rev: float, duration: float) -> tuple[tuple[int, int], ...]:
    """Return the standstills at the start and the end of a signal."""
    fastest = 1 / np.percentile(np.diff(instants), 5)
    limit = max(_BRIDGED, round(per_rev)) + 1
    stops = []
    for silent, times, stop, where in (
        (instants[0], -instants[3::-1], (-1, 0), f"before {instants[0]:.4g} s"),
        (duration - instants[-1], instants[-4:], (len(instants) - 1, len(instants)),
         f"after {instants[-1]:.4g} s"),
    ):  # fmt: skip
        step = times[-1] - times[-2]
        if silent <= _SILENT * step:
            continue
        if _stops(times, silent, fastest):
            stops.append(stop)
        elif silent > limit * step:
            raise SpecsrError(
                f"no tacho pulses {where}, although the shaft turns at {60 / per_rev / step:.4g} "
                "rpm there: check the sensor and the threshold, or cut that part"
            )
    return tuple(stops)


def _uneven_teeth(intervals: np.ndarray, per_rev: float) -> bool:
    """Whether the intervals repeat with every revolution, as on a wheel with uneven teeth."""
    teeth = round(per_rev)
    if teeth < 2 or abs(per_rev - teeth) > 1e-9 or len(intervals) < 3 * teeth:
        return False
    beside = intervals[1:] / intervals[:-1]
    jumps = np.flatnonzero((beside < _SHORT) | (beside > _LONG))
    if not jumps.size:
        return False  # nothing to explain
    jumps = np.concatenate([jumps, jumps + 1])
    ratio = intervals[teeth:] / intervals[:-teeth]
    alike = (ratio > 0.8) & (ratio < 1.25)
    later = jumps[jumps < len(alike)]
    earlier = jumps[jumps >= teeth] - teeth
    return bool(np.all(alike[later]) and np.all(alike[earlier]))


def _refuse_pairs(instants: np.ndarray, intervals: np.ndarray, per_rev: float) -> None:
    """Raise `SpecsrError` for pulses that come in pairs, with one a revolution."""
    if per_rev >= 2 or len(intervals) < 6:
        return
    alternate = intervals[2:] / intervals[:-2]
    beside = intervals[1:] / intervals[:-1]
    if np.mean((alternate > 0.8) & (alternate < 1.25)) > 0.9 and np.mean(
        (beside < _SHORT) | (beside > _LONG)
    ) > 0.9:  # fmt: skip
        raise SpecsrError(
            f"the tacho pulses come in pairs (from {instants[0]:.4g} s): with two pulses a "
            "revolution give --pulses 2, with pulses seen twice another --tacho-threshold"
        )


def _listed(times: list[float]) -> str:
    shown = ", ".join(f"{time:.4g}" for time in times[:_NAMED])
    return f"{shown} s" + (f" and {len(times) - _NAMED} more" if len(times) > _NAMED else "")
