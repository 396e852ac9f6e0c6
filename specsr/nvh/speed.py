"""Speed of a machine: from a table, a channel or tacho pulses; per sample and per map column.

Interfaces take and give ``rpm`` in 1/min.  ``rotation_hz`` is the same speed in revolutions per
second; the search and the fit of orders work with it.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from specsr.errors import SpecsrError
from specsr.io.speed_table import read_speeds
from specsr.io.speeds import speeds_at
from specsr.maps.grid import Grid
from specsr.nvh.tacho import Pulses, repaired, rising
from specsr.signal import Signal, channel_position

log = logging.getLogger(__name__)

STEADY = 0.01
"""A speed that stays within this fraction of its mean is steady."""


def rpm_from_pulses(
    pulses: np.ndarray, rate: float, per_rev: float = 1.0, threshold: float | None = None
) -> np.ndarray:
    """Return the speed in 1/min at every sample of a tacho signal, float64 [N].

    A pulse counts where the signal rises through the threshold; the instant is interpolated
    linearly between samples.  The number of revolutions over time is a monotone cubic curve
    (PCHIP: Fritsch, Carlson, SIAM J. Numer. Anal. 17(2), 1980) through one pulse per revolution,
    so uneven tooth spacing has no effect; its slope is the speed.  A few missing, doubled or stray
    pulses are repaired, with a warning (`specsr.nvh.tacho`).  The speed is zero where the shaft
    stands; otherwise it is held before the first pulse and after the last one.

    Args:
        pulses: tacho signal, any unit, [N].
        rate: sampling rate, Hz.
        per_rev: pulses per revolution.
        threshold: level, in the unit of ``pulses``, through which a pulse rises; None takes the
            middle between the lowest and the highest value.

    Raises:
        SpecsrError: pulses for fewer than three revolutions, a threshold outside the range of the
            signal, ``per_rev`` not above zero, or a gap without pulses that is no standstill.
    """
    from scipy.interpolate import PchipInterpolator

    x = np.asarray(pulses, dtype=np.float64)
    low, high = float(x.min()), float(x.max())
    level = (low + high) / 2 if threshold is None else threshold
    if not (low < level < high and per_rev > 0):
        raise SpecsrError(
            f"the tacho signal ranges from {low:g} to {high:g}, the threshold is {level:g}, with "
            f"{per_rev:g} pulses per revolution: expected a threshold within the range and pulses "
            "above zero"
        )
    instants = rising(x, rate, level)
    every = max(1, round(per_rev))
    if instants[::every].size < 3:
        raise SpecsrError(
            f"{instants.size} tacho pulses above {level:g}: expected at least three revolutions; "
            "check the channel, the threshold and the pulses per revolution"
        )
    pulses_found = repaired(instants, per_rev, x.size / rate)
    for note in pulses_found.notes:
        log.warning("%s", note)
    knots, count = _revolutions_at(pulses_found, every, x.size / rate)
    at = np.clip(np.arange(x.size) / rate, knots[0], knots[-1])
    return 60 / per_rev * np.maximum(PchipInterpolator(knots, count).derivative()(at), 0)


def _revolutions_at(pulses: Pulses, every: int, duration: float) -> tuple[np.ndarray, np.ndarray]:
    """Return times in s and the number of pulses at them: one per revolution, and standstills.

    Within one interval beside a standstill the shaft turns by half a pulse, as it does at constant
    deceleration.
    """
    times, stops = pulses.instants, pulses.stops
    kept = set(range(0, len(times), every))
    extra: dict[float, float] = {}
    for a, b in stops:
        stood = []
        if a >= 0:
            kept.add(a)
            stood.append((times[a] + (times[a] - times[a - 1]), a + 0.5))
        if b < len(times):
            kept.add(b)
            stood.append((times[b] - (times[b + 1] - times[b]), b - 0.5))
        if len(stood) == 2 and stood[0][0] >= stood[1][0]:  # it stands for an instant
            stood = [((times[a] + times[b]) / 2, a + 0.5)]
        if a < 0:
            stood.append((0.0, b - 0.5))
        if b == len(times):
            stood.append((duration, a + 0.5))
        extra |= dict(stood)
    points = sorted([*((times[k], float(k)) for k in kept), *extra.items()])
    knots, count = np.array(points).T
    return knots, count


def take_channel(signal: Signal, channel: int | str) -> tuple[np.ndarray, Signal]:
    """Return the samples of one channel, float64 [N], and the signal without that channel.

    Args:
        signal: a recording of at least two channels.
        channel: name, or position from 0.

    Raises:
        SpecsrError: no such channel, or it is the only one.
    """
    i = channel_position(signal.channels, channel)
    if len(signal.channels) == 1:
        raise SpecsrError(
            f"{signal.channels[0]} is the only channel: expected a recording of at least two, one "
            "of them for the speed"
        )
    kept = [k for k in range(len(signal.channels)) if k != i]
    names = tuple(signal.channels[k] for k in kept)
    rest = signal.replace(samples=signal.samples[kept], channels=names)
    return np.asarray(signal.samples[i], dtype=np.float64), rest


FAR = 100
"""Length of a table of speeds, over that of the recording, above which a note asks for the unit of
its times."""


def read_rpm(path: str | Path, signal: Signal | Grid) -> np.ndarray:
    """Return the speed at every sample of a signal, or of the signal of a grid, from a table.

    The table has a column of times on the time axis of the signal and one of speeds, or one column
    with a speed per sample; names and units decide which is which and what they mean
    (`specsr.io.speed_table`).  The speed is interpolated linearly, and held constant before the
    first and after the last time, with a note.

    Args:
        path: the table, with any suffix.
        signal: the signal or grid; its rate, start and length are used.

    Returns:
        Speed in 1/min, float64 [N].

    Raises:
        SpecsrError: no such file, no numbers, units that are none of time and speed, times that do
            not increase or do not overlap the signal, or a wrong number of speeds; the message
            names the file.

    Example:
        >>> signal = specsr.Signal(np.zeros(8001), 8000)
        >>> np.savetxt("rpm.csv", [[0, 600], [1, 1200]], delimiter=",")  # s, 1/min
        >>> specsr.read_rpm("rpm.csv", signal)[[0, 4000, 8000]]
        array([ 600.,  900., 1200.])
    """
    path = Path(path)
    table = read_speeds(path)
    if table.times is None:
        return np.abs(table.per_sample(path, signal.length))
    own = table.times
    if len(own) > 1 and np.diff(own).min() <= 0:
        raise SpecsrError(f"{path}: its times do not increase: sort them{table.hint}")
    times = signal.start + np.arange(signal.length) / signal.rate
    if own[0] > times[-1] or own[-1] < times[0]:
        raise SpecsrError(
            f"{path}: its times run from {own[0]:g} to {own[-1]:g} s, the recording from "
            f"{times[0]:g} to {times[-1]:g} s: expected times that overlap{table.hint}"
        )
    rpm, notes = speeds_at(times, own, table.rpm, "the speed", signed=False)
    assert rpm is not None  # the times overlap, and all values are finite
    for note in (*table.notes, *notes):
        log.warning("%s: %s", path, note)
    if own[-1] - own[0] > FAR * max(times[-1] - times[0], 1.0):
        log.warning(
            "%s: its times reach %.4g s, the recording %.4g s: name their unit (time_ms) if not s",
            path, own[-1], times[-1],
        )  # fmt: skip
    return rpm


def checked_rpm(rpm: np.ndarray | float | None, length: int) -> np.ndarray:
    """Return a speed as one value per sample, 1/min, float64 [length].

    Args:
        rpm: 1/min, one for all samples or one per sample [length].
        length: number of samples.

    Raises:
        SpecsrError: no speed, another number of values, or values that are not finite.
    """
    if rpm is None:
        raise SpecsrError(
            "no machine speed: expected rpm in 1/min at every sample, as an argument or with the "
            "recording or map"
        )
    rpm = np.asarray(rpm, dtype=np.float64)
    if rpm.ndim and rpm.shape != (length,):
        raise SpecsrError(
            f"rpm has shape {rpm.shape}: expected one speed, or one per sample ({length},); "
            "numpy.interp resamples a speed of another rate"
        )
    if not np.isfinite(rpm).all():
        raise SpecsrError(
            "rpm holds values that are not finite numbers: fill or cut the gaps first"
        )
    return np.broadcast_to(rpm, (length,))


def column_rpm(rpm: np.ndarray | float | None, grid: Grid) -> np.ndarray:
    """Return the speed in every column of a map, 1/min, [frames]; for levels, cuts and axes.

    The mean over the middle half of each window, which holds nine tenths of a Hann window's
    energy: a speed that fluctuates within the window is averaged as the window averages it.

    Args:
        rpm: 1/min, one for all samples or one per sample [grid.length].
        grid: of the map.

    Raises:
        SpecsrError: as `checked_rpm`.
    """
    total = np.concatenate([[0.0], np.cumsum(checked_rpm(rpm, grid.length))])
    first, last = grid.spans()
    reach = max(1, grid.n_fft // 4)
    low = np.clip(first * grid.hop_length - reach, 0, grid.length - 1)
    high = np.clip(last * grid.hop_length + reach, low + 1, grid.length)
    return (total[high] - total[low]) / (high - low)


def column_rotation_hz(rpm: np.ndarray | None, grid: Grid) -> np.ndarray:
    """Return the rotation frequency at the centre of every column, Hz, [frames]; 0: unknown.

    For networks and for the order fit.  Unlike `column_rpm` it allows gaps, and it takes one
    instant: order lines are located by the speed at the centre, and networks were trained so.

    Args:
        rpm: 1/min at every sample, [grid.length]; zero, negative or not finite where unknown, or
            None.
        grid: of the map.
    """
    if rpm is None:
        return np.zeros(grid.frames)
    at = np.round((grid.times() - grid.start) * grid.rate).astype(int)
    speed = np.asarray(rpm, dtype=np.float64)[np.clip(at, 0, grid.length - 1)] / 60
    return np.where(np.isfinite(speed) & (speed > 0), speed, 0.0)


def fill_gaps(speed: np.ndarray) -> np.ndarray:
    """Return a speed with its gaps interpolated linearly and held at the edges, [N].

    Args:
        speed: any unit; zero, negative or not finite where unknown, [N].  Zeros are returned if it
            is unknown throughout.
    """
    known = np.flatnonzero(np.isfinite(speed) & (speed > 0))
    if not known.size:
        return np.zeros(len(speed))
    return np.interp(np.arange(len(speed)), known, speed[known])


def revolutions(rotation_hz: np.ndarray, rate: float) -> np.ndarray:
    """Return the shaft angle at every sample in revolutions, 0 at the first sample, [N].

    Trapezoidal integral of the rotation frequency.

    Args:
        rotation_hz: rotation frequency at every sample, [N].
        rate: sampling rate, Hz.
    """
    steps = (rotation_hz[1:] + rotation_hz[:-1]) / 2
    return np.concatenate([[0.0], np.cumsum(steps)]) / rate


def is_steady(rpm: np.ndarray | None) -> bool:
    """Whether a speed in 1/min stays within `STEADY` of its mean, so that it is no axis."""
    if rpm is None:
        return True
    speed = np.abs(np.asarray(rpm, dtype=np.float64))
    return bool(np.ptp(speed) <= 2 * STEADY * speed.mean())
