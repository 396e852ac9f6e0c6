"""Harmonic sums: how well the lines of a power map agree with the orders of every possible speed.

A line counts by its level above the background, in dB and limited, so that no single strong tone
decides.  The levels at the orders of a speed are added, those midway between them subtracted with
half the weight, and the sum is divided by its standard deviation in noise.  The highest of the
sums over few, some and all orders counts.  Half the right speed has twice the orders, every second
without a line; twice the right speed has lines midway: both score less.

In a run-up a high order crosses many rows within a window.  Windows are therefore warped for
several relative slopes of the speed: where the slope is right, all orders are sharp (fan-chirp
transform: Weruaga, Kepesi, Signal Processing 87(6), 2007).  Any power map serves as well, with the
slope 0 alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.ndimage import maximum_filter1d, uniform_filter, uniform_filter1d

from specsr.nvh.speed_search import BACKGROUND, MAX_DB, MIN_DB
from specsr.nvh.tacholess_source import Heard
from specsr.signal import Signal

WINDOWS = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Lengths of the windows of a recording, s: close lines need long ones, fast changes short ones."""
_RISING = (0.06, 0.12, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.25, 3.0)
SLOPES = (*(-slope for slope in reversed(_RISING)), 0.0, *_RISING)
"""Relative slopes of the speed for which windows are warped, 1/s."""
MOST_WARP = 0.6
"""Largest relative change of the speed within a window that is warped."""
ROWS, TOP = 800, 10000.0
"""Most rows of a map, and its highest frequency in Hz: long windows see low frequencies only."""
PIECE = 512
"""Columns that are transformed at once; bounds the memory."""
REACH = 0.5
"""Time beside a piece that the filters of the sampling rate reach, s."""
LOWEST_ROW = 2.0
"""Orders at or below this row are ignored: the main lobe of the mean reaches there."""
CLOSEST = 2.5
"""Distance of two orders in rows below which their lines merge and score nothing."""
FEW, SOME = 4, 12
"""Numbers of orders, from the lowest up, after which a sum counts too: a machine may have lines at
few of its orders, and the others then add nothing but noise."""
BETWEEN = 0.5
"""Weight of a level midway between two orders."""
MIDWAY = 5.0
"""Distance of two orders in rows from which the level midway is free of their main lobes."""


SKIRTS = 1e-4
"""Power over that of the strongest line within `BACKGROUND` rows, below which a cell shows the
skirts of that line: side lobes, its sweep within a window, images of the interpolation.  Without
noise they would stand out of the background as far as lines, several percent of the speed wide."""
FAINT, FLAT = 1e-12, 1.0
"""Power over the highest one of a piece up to which a cell shows nothing, and standard deviation of
a column in dB, of every channel, up to which it has no lines: what noise leaves that is fainter."""


@dataclass(frozen=True, eq=False)
class HarmonicMap:
    """Lines of a power map, for windows warped to several slopes.

    Attributes:
        lines: level above the background over its standard deviation in the column, float32
            [A, F, T].
        slopes: relative slopes of the speed, 1/s, ascending, [A].
        df: distance of the rows in Hz; row 0 is at 0 Hz.
    """

    lines: np.ndarray
    slopes: tuple[float, ...]
    df: float

    @classmethod
    def of(cls, power: np.ndarray, df: float) -> HarmonicMap:
        """Return the lines of any power map.

        Args:
            power: [C, F, T]; the channels show one machine and may differ in unit.
            df: distance of the rows in Hz; row 0 is at 0 Hz.
        """
        return cls(_lines(power, [power])[0][None], (0.0,), df)

    def scores(self, rotation_hz: np.ndarray, orders: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the harmonic sum of every speed and column, float32 [S, T], slope by slope.

        Args:
            rotation_hz: speeds, [S].
            orders: of the lines, ascending, [K].
        """
        teeth, weights, gaps = comb(orders)
        for each in self.lines:
            yield _sums(each, rotation_hz / self.df, teeth, weights, gaps)


def comb(orders: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return orders and the points midway, ascending, their weights, and the distance to others."""
    bounds = np.concatenate([[0.0], orders])
    gaps = np.diff(bounds)
    near = np.append(np.minimum(gaps[1:], gaps[:-1]), gaps[-1])
    near[0] = gaps[1] if len(orders) > 1 else np.inf  # nothing but the mean is below the first
    points = np.concatenate([orders, (bounds[1:] + bounds[:-1]) / 2])
    weights = np.repeat([1.0, -BETWEEN], len(orders))
    rising = np.argsort(points, kind="stable")
    return points[rising], weights[rising], np.concatenate([near, gaps])[rising]


@njit(cache=True)
def _sums(lines, rotations, teeth, weights, gaps):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return the harmonic sums [S, T] of lines [F, T] for speeds in rows, [S]; see `comb`."""
    rows, columns = lines.shape
    least = min(3, (weights > 0).sum())
    sums = np.zeros((len(rotations), columns), np.float32)
    total = np.empty(columns, np.float32)
    for s in range(len(rotations)):
        count, variance = 0, 0.0
        total[:] = 0
        for k in range(len(teeth)):
            row = teeth[k] * rotations[s]
            if row >= rows - 1:
                break
            closest = CLOSEST if weights[k] > 0 else MIDWAY
            if row > LOWEST_ROW and gaps[k] * rotations[s] >= closest:
                below = int(row)
                upper = np.float32((row - below) * weights[k])
                lower = np.float32(weights[k]) - upper
                for t in range(columns):
                    total[t] += lower * lines[below, t] + upper * lines[below + 1, t]
                count += weights[k] > 0
                variance += weights[k] ** 2
                if weights[k] > 0 and count in (FEW, SOME) and count >= least:
                    _raise(sums[s], total, np.float32(1 / np.sqrt(variance)))
        if count >= least:
            _raise(sums[s], total, np.float32(1 / np.sqrt(variance)))
    return sums


@njit(cache=True)
def _raise(sums, total, scale):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Raise sums [T] to ``total * scale`` where that is higher."""
    for t in range(len(sums)):
        sums[t] = max(sums[t], total[t] * scale)


def _lines(plain: np.ndarray, warped: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the lines of warped power maps, mean of the channels, float32 [F, T] each.

    Args:
        plain: power that the background is taken from, [C, F, T].
        warped: power of the same columns, [C, F, T] each.
    """
    size = 2 * BACKGROUND + 1
    totals = [np.zeros(plain.shape[1:]) for _ in warped]
    for c, power in enumerate(plain):
        skirts = SKIRTS * maximum_filter1d(power, size, axis=0)
        skirts += max(float(power.max()) * FAINT, 1e-300)
        background = uniform_filter(10 * np.log10(power + skirts), (size, 9))
        for total, each in zip(totals, warped):
            db = 10 * np.log10(each[c] + skirts)
            above = np.clip(db - background, MIN_DB, MAX_DB)
            # limits shift the mean, which a comb of many teeth would add up
            total += above - uniform_filter1d(above, size, axis=0)
    least = FLAT * len(plain)
    return [(x / np.maximum(x.std(axis=0), least)).astype(np.float32) for x in totals]


def pieces(
    signal: Signal | Heard, step: float, columns: int, shown: slice | None = None
) -> Iterator[tuple[slice, list[HarmonicMap]]]:
    """Yield columns, and the maps of a recording in them with windows of different length.

    Column t is centred on ``t step`` s after the first sample.  Windows longer than a quarter of
    the recording are left out, but for the shortest two.

    Args:
        signal: the recording; its speed is not used.
        step: distance of the columns, s.
        columns: their number in the whole recording.
        shown: those wanted, if not all.
    """
    lengths = [w for i, w in enumerate(WINDOWS) if i < 2 or w <= signal.duration / 4]
    margin = 8  # of the background, see `_lines`
    begin, end, _ = (shown or slice(None)).indices(columns)
    for first in range(begin, end, PIECE):
        part = slice(first, min(first + PIECE, end))
        around = slice(max(first - margin, 0), min(part.stop + margin, columns))
        kept = slice(part.start - around.start, part.stop - around.start)
        heard, before = _around(signal, step, around)
        seen = slice(around.start - before, around.stop - before)
        yield part, [_Frames.of(heard, length, step).map(seen, kept) for length in lengths]


def best_scores(
    maps: Sequence[HarmonicMap], rotation_hz: np.ndarray, orders: np.ndarray
) -> np.ndarray:
    """Return the best scores of several windows for every slope, float32 [A, S, T]."""
    best = np.zeros((len(SLOPES), len(rotation_hz), maps[0].lines.shape[2]), np.float32)
    for each in maps:
        for slope, own in zip(each.slopes, each.scores(rotation_hz, orders)):
            at = SLOPES.index(slope)
            np.maximum(best[at], own, out=best[at])
    return best


def column_step(signal: Signal | Heard, least: float, most: int) -> float:
    """Return the distance of the columns of a recording, s: whole samples if it has many.

    Args:
        signal: the recording.
        least: distance, s.
        most: number of columns.
    """
    step = max(least, signal.duration / most)
    if signal.duration / step < PIECE:
        return step
    return math.ceil(step * signal.rate) / signal.rate


def _around(signal: Signal | Heard, step: float, columns: slice) -> tuple[Signal, int]:
    """Return the part of a recording that some columns see, and the column that it starts at."""
    reach = math.ceil((max(WINDOWS) + REACH) / step)
    begin, end = max(columns.start - reach, 0), columns.stop + reach
    whole = step * signal.rate
    return signal.cut(round(begin * whole), round(end * whole)), begin


@dataclass(frozen=True, eq=False)
class _Frames:
    """Frames of a recording at a rate that suits the length of a window.

    Attributes:
        samples: with half a window of zeros at both ends and more at the end, [C, N].
        hop: samples from column to column.
        size: samples in one window.
        length: of the window, s.
        rows: of the map.
    """

    samples: np.ndarray
    hop: int
    size: int
    length: float
    rows: int

    @classmethod
    def of(cls, signal: Signal, length: float, step: float) -> _Frames:
        rows = min(ROWS, round(TOP * length))
        # twice the rate that the rows need, for linear interpolation; whole samples per hop
        rate = min(4 * rows / length, signal.rate)
        hop = max(1, int(rate * step))
        low = signal.replace(rpm=None).resample(hop / step)
        size = 2 * round(length * low.rate / 2)
        samples = np.pad(low.samples, [(0, 0), (size // 2, size + hop)]).astype(np.float32)
        return cls(samples, hop, size, length, min(rows, size // 2 - 1))

    def map(self, columns: slice, kept: slice) -> HarmonicMap:
        """Return the map of some columns, of which those ``kept`` are returned."""
        slopes = tuple(a for a in SLOPES if abs(a) * self.length <= MOST_WARP)
        starts = self.hop * np.arange(columns.start, columns.stop)
        starts = np.minimum(starts, self.samples.shape[1] - self.size - 1)
        powers = [self._power(starts, slope) for slope in slopes]
        lines = _lines(powers[slopes.index(0.0)], powers)
        return HarmonicMap(np.stack([x[:, kept] for x in lines]), slopes, 1 / self.length)

    def _power(self, starts: np.ndarray, slope: float) -> np.ndarray:
        """Return the power of frames warped to a slope, [C, F, T]."""
        from scipy.fft import rfft

        own = (np.arange(self.size) - self.size / 2) * (self.length / self.size)
        # t + a t² / 2 runs evenly: the phase of every order is linear over it
        at = own if slope == 0 else (np.sqrt(1 + 2 * slope * own) - 1) / slope
        place = at * (self.size / self.length) + self.size / 2
        below = np.clip(place.astype(int), 0, self.size - 1)
        part = (place - below).astype(np.float32)
        window = np.hanning(self.size + 1)[:-1].astype(np.float32)
        index = starts[:, None] + below
        found = []
        for channel in self.samples:
            frames = channel[index]
            if slope:
                frames = frames + part * (channel[index + 1] - frames)
            spectrum = rfft(frames * window, axis=1)[:, : self.rows]
            found.append(np.square(np.abs(spectrum)).T.astype(np.float64))
        return np.stack(found)
