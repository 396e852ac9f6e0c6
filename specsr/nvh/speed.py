"""Speed of a machine: from a table, a channel or tacho pulses; and where it runs up or down."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import SpecsrError
from .grid import Grid
from .signal import Signal

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


def rpm_from_pulses(
    pulses: np.ndarray, rate: float, per_rev: float = 1.0, level: float | None = None
) -> np.ndarray:
    """Return the speed in 1/min at every sample from a tacho signal, [N].

    Instants of rising flanks are interpolated between samples.  The turn count is a smooth
    (monotone cubic) curve through one pulse a turn, so unevenly spaced teeth do no harm; its
    slope is the speed.  Before the first pulse and after the last the speed is held.

    Args:
        pulses: tacho voltage, [N].
        rate: samples a second.
        per_rev: pulses in one revolution.
        level: threshold; None takes the middle between the lowest and the highest value.

    Raises:
        SpecsrError: fewer than three pulses, or nothing to tell them by.
    """
    from scipy.interpolate import PchipInterpolator

    x = np.asarray(pulses, dtype=np.float64)
    low, high = float(x.min()), float(x.max())
    level = (low + high) / 2 if level is None else level
    if not (low < level < high and per_rev > 0):
        raise SpecsrError(
            f"the tacho signal runs from {low:g} to {high:g}, its threshold is {level:g}, with "
            f"{per_rev:g} pulses a turn: expected a threshold inside and pulses above zero"
        )
    # noise on a flank crosses more than once: the signal must go well down before it counts again
    back = level - 0.1 * (high - low)
    above, below = x >= level, x < back
    state = np.where(above, 1, np.where(below, -1, 0))
    marked = np.flatnonzero(state)
    rising = marked[1:][(state[marked[1:]] == 1) & (state[marked[:-1]] == -1)]
    every = max(1, round(per_rev))
    if rising[::every].size < 3:
        raise SpecsrError(
            f"{rising.size} tacho pulses above {level:g}: expected at least three turns; check "
            "the channel, the threshold and the pulses a turn"
        )
    part = (level - x[rising - 1]) / (x[rising] - x[rising - 1])
    instants = ((rising - 1 + part) / rate)[::every]
    turns = PchipInterpolator(instants, np.arange(instants.size) * every / per_rev).derivative()
    at = np.clip(np.arange(x.size) / rate, instants[0], instants[-1])
    return 60 * turns(at)


def take_channel(signal: Signal, channel: int | str) -> tuple[np.ndarray, Signal]:
    """Return the samples of one channel [N] and the signal without it.

    Raises:
        SpecsrError: there is no such channel, or no other one.
    """
    names = signal.channels
    i = names.index(channel) if channel in names else channel
    if isinstance(i, str) or not 0 <= i < len(names) or len(names) == 1:
        raise SpecsrError(
            f"there is no channel {channel!r} beside others: expected one of {', '.join(names)}, "
            f"or 0 to {len(names) - 1}, in a recording of at least two"
        )
    kept = [k for k in range(len(names)) if k != i]
    rest = signal.replace(samples=signal.samples[kept], channels=tuple(names[k] for k in kept))
    return np.asarray(signal.samples[i], dtype=np.float64), rest


def read_rpm(path: str | Path, signal: Signal | Grid) -> np.ndarray:
    """Return the speed at every sample of a signal (or behind a map's grid) from a table, 1/min.

    The table has two columns, time in s (on the time axis of the signal) and speed in 1/min, or
    one column with a speed a sample.  Commas, semicolons, tabs or spaces part the columns; lines
    before the first number are skipped.  Outside its times the first and last speed are held.

    Raises:
        SpecsrError: no such file, no numbers, times that do not rise, or a count that does not
            fit; it names the file.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecsrError(f"{path}: cannot be read ({error})") from None
    mark = next((m for m in (";", "\t", ",") if m in text), " ")
    rows: list[list[float]] = []
    for number, line in enumerate(csv.reader(text.splitlines(), delimiter=mark), 1):
        cells = [cell.strip() for cell in line if cell.strip()]
        if not cells:
            continue
        try:
            # a decimal comma can only be told where it does not part the columns
            rows.append([float(c.replace(",", ".") if mark != "," else c) for c in cells])
        except ValueError:
            if rows:
                raise SpecsrError(f"{path}: line {number} is {line}: expected numbers") from None
    if not rows or len({len(row) for row in rows}) > 1 or len(rows[0]) > 2:
        raise SpecsrError(
            f"{path}: expected one or two columns of numbers (time in s, speed in 1/min)"
        )
    table = np.array(rows)
    if not np.isfinite(table).all():
        raise SpecsrError(f"{path}: holds values that are not finite numbers")
    if table.shape[1] == 1:
        if len(table) != signal.length:
            raise SpecsrError(
                f"{path}: {len(table)} speeds for {signal.length} samples: expected one a sample, "
                "or a column of times before them"
            )
        return table[:, 0]
    if len(table) > 1 and np.diff(table[:, 0]).min() <= 0:
        raise SpecsrError(f"{path}: its times do not rise: sort them")
    times = signal.start + np.arange(signal.length) / signal.rate
    if table[0, 0] > times[-1] or table[-1, 0] < times[0]:
        raise SpecsrError(
            f"{path}: its times run from {table[0, 0]:g} to {table[-1, 0]:g} s, the recording "
            f"from {times[0]:g} to {times[-1]:g} s: they do not meet"
        )
    return np.interp(times, table[:, 0], table[:, 1])
