"""A recording read once, in parts: each for the search of the speed, all of it at a low rate.

The search needs the whole band, but only a part at a time.  The refinement needs the whole
recording, but only low frequencies.  So an hour is never in memory at its full rate.
"""

from __future__ import annotations

import numpy as np

from specsr.nvh.speed import revolutions
from specsr.signal import Signal, Source

RATE = 8000.0
"""Largest sampling rate of the low copy, Hz."""
BLOCK = 1 << 20
"""Samples that are read, or integrated, at a time."""


class Heard:
    """A recording and its copy at a low rate, which grows as parts are read.

    Args:
        source: the recording; its speed is not used.
    """

    def __init__(self, source: Source) -> None:
        import soxr

        self._source = source
        self.length, self.rate, self.start = source.length, source.rate, source.start
        self.channels = source.channels
        self.low_rate = min(RATE, source.rate)
        self._like = source.cut(0, 1).replace(rpm=None)
        self._dtype = self._like.samples.dtype
        self._stream = soxr.ResampleStream(
            self.rate, self.low_rate, len(self.channels), dtype=self._dtype, quality="VHQ"
        )
        size = round(self.length * self.low_rate / self.rate)
        self._low = np.zeros((len(self.channels), size), self._dtype)
        self._fed, self._made = 0, 0
        self._bounds = np.repeat(self._like.samples, 2, axis=1)  # lowest and highest sample

    @property
    def duration(self) -> float:
        """Duration in s."""
        return self.length / self.rate

    def cut(self, first: int, last: int) -> Signal:
        """Return samples ``first`` to ``last`` (exclusive), without speed; both rise."""
        last = min(last, self.length)
        if first > self._fed:
            self._feed(self._fed, first)
        part = self._source.cut(first, last).replace(rpm=None)
        self._add(part.samples[:, self._fed - first :], last)
        return part

    def low(self) -> Signal:
        """Return the whole recording at the rate ``low_rate``; the rest of it is read."""
        self._feed(self._fed, self.length)
        return self._like.replace(samples=self._low, rate=self.low_rate)

    @property
    def is_silent(self) -> bool:
        """Whether no channel changes in the parts that have been read."""
        return bool((self._bounds[:, 0] == self._bounds[:, 1]).all())

    def _feed(self, first: int, last: int) -> None:
        for at in range(first, last, BLOCK):
            stop = min(at + BLOCK, last)
            self._add(self._source.cut(at, stop).samples, stop)

    def _add(self, samples: np.ndarray, last: int) -> None:
        """Add the samples up to ``last`` that have not been read before, [C, n]."""
        if last <= self._fed:
            return
        self._bounds[:, 0] = np.minimum(self._bounds[:, 0], samples.min(axis=1))
        self._bounds[:, 1] = np.maximum(self._bounds[:, 1], samples.max(axis=1))
        if self.low_rate == self.rate:
            found = samples
        else:
            rows = np.ascontiguousarray(samples.T)
            found = self._stream.resample_chunk(rows, last=last == self.length).T
        room = self._low[:, self._made : self._made + found.shape[1]]
        room[:] = found[:, : room.shape[1]]
        self._fed, self._made = last, self._made + found.shape[1]


def angle_of(rotation_hz: np.ndarray, step: float, rate: float, length: int) -> np.ndarray:
    """Return the shaft angle at every sample in revolutions, 0 at the first one, [length].

    Args:
        rotation_hz: in columns ``step`` s apart from the first sample on, Hz; linear between.
        step: distance of the columns, s.
        rate: sampling rate, Hz.
        length: number of samples.
    """
    times = step * np.arange(len(rotation_hz))
    found = np.zeros(length)
    for first in range(0, length - 1, BLOCK):
        last = min(first + BLOCK, length - 1)
        speed = np.interp(np.arange(first, last + 1) / rate, times, rotation_hz)
        found[first : last + 1] = found[first] + revolutions(speed, rate)
    return found
