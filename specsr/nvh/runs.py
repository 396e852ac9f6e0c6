"""Run-ups and run-downs in a speed curve, and the part of a recording that has orders."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from specsr.nvh.shafts import Shaft
from specsr.signal import Signal, Source

LOWEST = 1 / 20
"""Fraction of the highest speed below which no orders are cut, see `specsr.nvh.order_map`."""
_STEP = 0.02
"""Averaging time of the speed in the search, s."""
BLOCK = 1 << 20
"""Samples whose speed is in memory at once."""
_JUMP, _JUMP_STEPS = 10, 3
"""A jump changes by this multiple of the median change within `_STEP`, in so many steps at most."""


@dataclass(frozen=True)
class Run:
    """A stretch of increasing or decreasing speed.

    Attributes:
        kind: ``"up"`` or ``"down"``.
        start, stop: on the time axis of the signal, s.
        rpm: speed at start and stop, 1/min.
    """

    kind: str
    start: float
    stop: float
    rpm: tuple[float, float]

    def span(self, source: Source) -> tuple[int, int]:
        """Return the samples of this stretch of a recording, the last one exclusive."""
        first, last = (round((t - source.start) * source.rate) for t in (self.start, self.stop))
        return max(first, 0), min(last, source.length)

    def of(self, signal: Signal) -> Signal:
        """Return this stretch of a signal, with its own start and speed."""
        first, last = self.span(signal)
        return signal.replace(
            samples=signal.samples[:, first:last],
            start=signal.start + first / signal.rate,
            rpm=None if signal.rpm is None else signal.rpm[first:last],
        )

    def revolutions(self, source: Source, shaft: Shaft | None = None) -> float:
        """Return how often the shaft turns within this stretch of a recording.

        Args:
            source: the recording.
            shaft: its speed; None takes that of a `Signal`, 0 without one.
        """
        if shaft is None:
            rpm = source.rpm if isinstance(source, Signal) else None
            if rpm is None:
                return 0.0
            shaft = Shaft("", rpm)
        first, last = self.span(source)
        return (
            sum(float(speed.sum()) for _, speed in _blocks(shaft, first, last)) / 60 / source.rate
        )

    def __str__(self) -> str:
        low, high = self.rpm
        return (
            f"run-{self.kind} from {low:.0f} to {high:.0f} rpm, {self.start:.2f} to "
            f"{self.stop:.2f} s ({(high - low) / (self.stop - self.start):+.0f} rpm/s)"
        )


def find_runs(
    rpm: np.ndarray, rate: float, start: float = 0.0, reversal: float = 0.03, span: float = 0.15
) -> list[Run]:
    """Return the run-ups and run-downs of a speed curve, in order of time.

    A run ends where the speed moves back by more than ``reversal`` from its extreme, so the ripple
    of a combustion engine does not split a run-up; and at a jump, as of a faulty sensor.  Dwells
    at both edges of a run are left out.

    Args:
        rpm: speed in 1/min at every sample, [N].
        rate: sampling rate, Hz.
        start: time of the first sample, s.
        reversal: change of direction that ends a run, fraction of the highest speed.
        span: minimum change of speed of a run, fraction of the highest speed.

    Example:
        >>> up = np.linspace(900, 5400, 5000)
        >>> [run.kind for run in specsr.find_runs(np.concatenate([up, up[::-1]]), rate=1000)]
        ['up', 'down']
    """
    rpm = np.asarray(rpm, dtype=np.float64)
    return shaft_runs(Shaft("", rpm), rpm.size, rate, start, reversal, span)


def shaft_runs(
    shaft: Shaft,
    length: int,
    rate: float,
    start: float = 0.0,
    reversal: float = 0.03,
    span: float = 0.15,
) -> list[Run]:
    """Return the runs of a recording of ``length`` samples, whose speed is read in blocks.

    The other arguments are those of `find_runs`.
    """
    block = max(1, round(_STEP * rate))
    first = np.arange(0, length, block)
    size = block * math.ceil(BLOCK / block)
    sums = [
        np.add.reduceat(rpm, np.arange(0, rpm.size, block))
        for _, rpm in _blocks(shaft, 0, length, size)
    ]
    speed = np.concatenate(sums) / np.diff(np.append(first, length))
    edges = np.append(first, length) / rate
    tolerance = reversal * speed.max()
    runs = []
    extremes = _extremes(speed, tolerance)
    for a, b in (piece for ends in zip(extremes, extremes[1:])
                 for piece in _at_jumps(speed, *ends, tolerance)):  # fmt: skip
        if abs(speed[b] - speed[a]) < max(span * speed.max(), 1e-9):
            continue
        rising = speed[a : b + 1] * np.sign(speed[b] - speed[a])
        i, j = _without_dwell(rising, tolerance)
        kind = "up" if speed[b] > speed[a] else "down"
        limits = float(speed[a + i]), float(speed[a + j])
        runs.append(Run(kind, float(start + edges[a + i]), float(start + edges[a + j + 1]), limits))
    return runs


def widest_run(
    runs: list[Run], source: Source, revolutions: float, shaft: Shaft | None = None
) -> Run | None:
    """Return the run with the largest change of speed; None if all are too short.

    A jump of the speed within a few samples, as of a faulty sensor, is a run too, but no
    recording of one.

    Args:
        runs: of `find_runs`.
        source: the recording.
        revolutions: minimum number of revolutions in a run, such as those of a window.
        shaft: its speed; None takes that of a `Signal`.
    """
    long = [run for run in runs if run.revolutions(source, shaft) >= revolutions]
    return max(long, key=lambda run: abs(run.rpm[1] - run.rpm[0]), default=None)


def turning(signal: Signal) -> Signal:
    """Return the stretch of a signal with a speed above `LOWEST` of the highest one.

    Of several, the one with the most revolutions.

    A run from or to standstill, or one with a reversal, has orders only there.  The speed of the
    signal is needed; without any rotation the signal is returned.
    """
    assert signal.rpm is not None
    return signal.cut(*turning_span(Shaft("", signal.rpm), 0, signal.length))


def turning_span(shaft: Shaft, first: int, last: int) -> tuple[int, int]:
    """Return the stretch of some samples that `turning` keeps, the last one exclusive."""
    least = LOWEST * max(float(speed.max()) for _, speed in _blocks(shaft, first, last))
    found: list[tuple[int, int, float]] = []  # stretches, and the sums of their speeds
    for at, speed in _blocks(shaft, first, last):
        turns = np.concatenate([[False], speed > least, [False]])
        for low, high in np.flatnonzero(turns[1:] != turns[:-1]).reshape(-1, 2).tolist():
            begin, total = at + low, float(speed[low:high].sum())
            if found and found[-1][1] == begin:  # it goes on in this block
                begin, total = found[-1][0], found[-1][2] + total
                found.pop()
            found.append((begin, at + high, total))
    if not found:
        return first, last
    begin, end, _ = max(found, key=lambda each: each[2])
    return begin, end


def slowest(shaft: Shaft, first: int, last: int) -> float:
    """Return the lowest magnitude of the speed in some samples, 1/min."""
    return min(float(speed.min()) for _, speed in _blocks(shaft, first, last))


def _blocks(
    shaft: Shaft, first: int, last: int, size: int | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first sample of every block, and the magnitude of the speed in it, 1/min."""
    step = BLOCK if size is None else size
    for at in range(first, last, step):
        yield at, shaft.at(np.arange(at, min(at + step, last)))


def _extremes(speed: np.ndarray, tolerance: float) -> list[int]:
    """Return the positions of the extremes between which the speed moves by over a tolerance."""
    extremes, low, high, direction = [], 0, 0, 0
    for i, value in enumerate(speed):
        low = i if value < speed[low] else low
        high = i if value > speed[high] else high
        if direction >= 0 and value < speed[high] - tolerance:
            extremes.append(high)
            direction, low = -1, i
        elif direction <= 0 and value > speed[low] + tolerance:
            extremes.append(low)
            direction, high = 1, i
    last = high if direction > 0 else low
    return sorted({*extremes, last}) if direction else []


def _at_jumps(speed: np.ndarray, first: int, last: int, tolerance: float) -> list[tuple[int, int]]:
    """Return the parts of a run between two points, divided where it jumps; jumps are parts too."""
    steps = np.abs(np.diff(speed[first : last + 1]))
    fast = steps > max(tolerance, _JUMP * float(np.median(steps)))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], fast, [False]]))).reshape(-1, 2)
    jumps = edges[edges[:, 1] - edges[:, 0] <= _JUMP_STEPS]  # a launch takes longer
    points = [first, *(first + jumps).ravel().tolist(), last]
    return [(i, j) for i, j in zip(points, points[1:]) if j > i]


def _without_dwell(rising: np.ndarray, tolerance: float) -> tuple[int, int]:
    """Return the first and last point of a rising curve without dwells at its edges."""
    i = int(np.flatnonzero(rising <= rising[0] + tolerance)[-1])
    j = int(np.flatnonzero(rising >= rising[-1] - tolerance)[0])
    # points that the run itself takes through the tolerance at either edge
    usual = tolerance * max(1, j - i) / max(rising[j] - rising[i], 1e-12)
    last = rising.size - 1
    first = round(i - usual) if i > 3 * usual else 0
    return max(first, 0), min(round(j + usual), last) if last - j > 3 * usual else last
