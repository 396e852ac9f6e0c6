"""Runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specsr.signal import Signal

_STEP = 0.02
"""Seconds of speed that one point of the search for runs stands for."""


@dataclass(frozen=True)
class Run:
    """A stretch in which the speed goes one way.

    Attributes:
        kind: ``"up"`` or ``"down"``.
        start, stop: s, on the time axis of the signal.
        rpm: speed at both, 1/min.
    """

    kind: str
    start: float
    stop: float
    rpm: tuple[float, float]

    def of(self, signal: Signal) -> Signal:
        """Return this stretch of a signal."""
        first, last = (round((t - signal.start) * signal.rate) for t in (self.start, self.stop))
        part = slice(max(first, 0), min(last, signal.length))
        return signal.replace(
            samples=signal.samples[:, part],
            start=signal.start + part.start / signal.rate,
            rpm=None if signal.rpm is None else signal.rpm[part],
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
    """Return the stretches in which the speed goes up or down, in order of time.

    The speed counts as turned where it comes back by more than ``reversal`` from its extreme, so
    the ripple of a combustion engine does not cut a run-up in two; a dwell at either end is left
    out.  Stretches that cover less than ``span`` are dropped.

    Args:
        rpm: speed in 1/min at every sample, [N].
        rate: samples a second.
        start: time of the first sample, s.
        reversal, span: parts of the highest speed.
    """
    rpm = np.abs(np.asarray(rpm, dtype=np.float64))
    block = max(1, round(_STEP * rate))
    first = np.arange(0, rpm.size, block)
    speed = np.add.reduceat(rpm, first) / np.diff(np.append(first, rpm.size))
    edges = np.append(first, rpm.size) / rate
    tolerance = reversal * speed.max()
    runs = []
    for a, b in zip(*(_turns(speed, tolerance)[s] for s in (slice(None, -1), slice(1, None)))):
        if abs(speed[b] - speed[a]) < max(span * speed.max(), 1e-9):
            continue
        way = speed[a : b + 1] * np.sign(speed[b] - speed[a])
        i, j = _without_dwell(way, tolerance)
        kind = "up" if speed[b] > speed[a] else "down"
        ends = float(speed[a + i]), float(speed[a + j])
        runs.append(Run(kind, float(start + edges[a + i]), float(start + edges[a + j + 1]), ends))
    return runs


def _turns(speed: np.ndarray, tolerance: float) -> list[int]:
    """Positions of the ends and of the extremes from which the speed comes back."""
    turns, low, high, way = [], 0, 0, 0
    for i, value in enumerate(speed):
        low = i if value < speed[low] else low
        high = i if value > speed[high] else high
        if way >= 0 and value < speed[high] - tolerance:
            turns.append(high)
            way, low = -1, i
        elif way <= 0 and value > speed[low] + tolerance:
            turns.append(low)
            way, high = 1, i
    last = high if way > 0 else low
    return sorted({*turns, last}) if way else []


def _without_dwell(way: np.ndarray, tolerance: float) -> tuple[int, int]:
    """First and last point of a rising curve, without a long stay near either end."""
    i = int(np.flatnonzero(way <= way[0] + tolerance)[-1])
    j = int(np.flatnonzero(way >= way[-1] - tolerance)[0])
    # points that the run itself takes through the tolerance at either end
    usual = tolerance * max(1, j - i) / max(way[j] - way[i], 1e-12)
    last = way.size - 1
    foot = round(i - usual) if i > 3 * usual else 0
    return max(foot, 0), min(round(j + usual), last) if last - j > 3 * usual else last
