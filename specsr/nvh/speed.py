"""Speed of a machine: from a table, a channel or tacho pulses; and where it runs up or down."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.windows import spans
from specsr.signal import Signal


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


def columns_speed(rpm: np.ndarray | None, grid: Grid) -> np.ndarray:
    """Return the speed at the centre of every column in turns a second, [frames]; 0: unknown.

    Args:
        rpm: 1/min at every sample, [grid.length], or None.
    """
    if rpm is None:
        return np.zeros(grid.frames)
    at = np.round((grid.times() - grid.start) * grid.rate).astype(int)
    speed = np.asarray(rpm, dtype=np.float64)[np.clip(at, 0, grid.length - 1)] / 60
    return np.where(np.isfinite(speed) & (speed > 0), speed, 0.0)


def checked_rpm(rpm: np.ndarray | float | None, length: int) -> np.ndarray:
    """Return the speed at every sample [length] from one or one a sample, or raise."""
    if rpm is None:
        raise SpecsrError(
            "no machine speed: expected rpm in 1/min at every sample, as an argument or with the "
            "recording or map"
        )
    rpm = np.asarray(rpm, dtype=np.float64)
    if rpm.ndim and rpm.shape != (length,):
        raise SpecsrError(
            f"rpm has shape {rpm.shape}: expected one speed, or one a sample ({length},); "
            "numpy.interp brings a tacho of another rate to the signal's"
        )
    if not np.isfinite(rpm).all():
        raise SpecsrError(
            "rpm holds values that are not finite numbers: fill or cut the gaps first"
        )
    return np.broadcast_to(rpm, (length,))


def frame_rpm(rpm: np.ndarray | float, grid: Grid) -> np.ndarray:
    """Return the speed in every column, 1/min, [frames], from the speed at every sample.

    The mean over the middle half of each window, which holds nine tenths of a Hann window's
    energy, so that a speed which fluctuates within a window is not picked at one instant.
    """
    total = np.concatenate([[0.0], np.cumsum(checked_rpm(rpm, grid.length))])
    first, last = spans(grid)
    reach = max(1, grid.n_fft // 4)
    low = np.clip(first * grid.hop_length - reach, 0, grid.length - 1)
    high = np.clip(last * grid.hop_length + reach, low + 1, grid.length)
    return (total[high] - total[low]) / (high - low)
