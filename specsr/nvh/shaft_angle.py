"""The angle of a shaft over the samples of a recording, block by block: an hour is never whole."""

from __future__ import annotations

import numpy as np

from specsr.nvh.shafts import Shaft

BLOCK = 1 << 18
"""Samples whose angles are in memory at once."""


class ShaftAngle:
    """The angle of a shaft in revolutions, 0 at the first sample.

    The trapezoidal integral of the rotation frequency: bit for bit that of
    `specsr.nvh.speed.revolutions` over the whole, since each block goes on with the sum of the one
    before it.

    Attributes:
        length: number of samples.
        rate: sampling rate, Hz.
        total: angle at the last sample.
        slowest: lowest rotation frequency, Hz.
        slowest_at: its sample.
        mean: mean rotation frequency, Hz.
    """

    def __init__(self, shaft: Shaft, first: int, last: int, rate: float) -> None:
        """Integrate a speed.

        Args:
            shaft: the shaft.
            first, last: samples of the recording, ``last`` exclusive.
            rate: sampling rate, Hz.
        """
        self._shaft, self._first = shaft, first
        self.length, self.rate = last - first, rate
        self.slowest, self.slowest_at = np.inf, 0
        sums, speeds = [0.0], 0.0
        for at in range(0, self.length, BLOCK):
            stop = min(at + BLOCK, self.length)
            speed = self.rotation_hz(np.arange(at, stop))
            lowest = int(np.argmin(speed))
            if speed[lowest] < self.slowest:
                self.slowest, self.slowest_at = float(speed[lowest]), at + lowest
            speeds += float(speed.sum())
            sums.append(float(self._sums(at, min(stop + 1, self.length), sums[-1])[-1]))
        self.mean = speeds / self.length
        self._before = np.array(sums)  # at the first sample of every block, and at the last one
        self.total = float(self._before[-1] / rate)

    def rotation_hz(self, samples: np.ndarray) -> np.ndarray:
        """Return the rotation frequency at some samples, Hz, same shape."""
        return self._shaft.at(self._first + samples) / 60

    def between(self, first: int, last: int) -> np.ndarray:
        """Return the angle at samples ``first`` to ``last`` (exclusive)."""
        block = min(first // BLOCK, len(self._before) - 2)
        begin = block * BLOCK
        return self._sums(begin, last, self._before[block])[first - begin :] / self.rate

    def at(self, samples: np.ndarray) -> np.ndarray:
        """Return the angle at ascending samples, same shape [T]."""
        found = np.empty(len(samples))
        places = np.searchsorted(samples, np.arange(BLOCK, self.length, BLOCK))
        for block, part in enumerate(np.split(np.arange(len(samples)), places)):
            if len(part):
                begin = block * BLOCK
                own = self.between(begin, int(samples[part[-1]]) + 1)
                found[part] = own[samples[part] - begin]
        return found

    def first_from(self, angle: float) -> int:
        """Return the first sample at an angle or beyond; ``length`` if there is none."""
        borders = self._before / self.rate
        block = int(np.clip(np.searchsorted(borders, angle) - 1, 0, len(borders) - 2))
        begin = block * BLOCK
        stop = min(begin + BLOCK + 1, self.length)
        return begin + int(np.searchsorted(self.between(begin, stop), angle))

    def positions(self, angles: np.ndarray) -> np.ndarray:
        """Return the positions in samples, fractional, of ascending angles within the whole."""
        borders = self._before / self.rate
        places = np.searchsorted(angles, borders[1:-1])
        found = np.empty(len(angles))
        for block, part in enumerate(np.split(np.arange(len(angles)), places)):
            if len(part):
                begin = block * BLOCK
                own = self.between(begin, min(begin + BLOCK + 1, self.length))
                found[part] = positions_in(own, angles[part], begin)
        return found

    def _sums(self, first: int, last: int, before: float) -> np.ndarray:
        """Return the integral times the rate at some samples; ``before`` at the first of them."""
        speed = self.rotation_hz(np.arange(first, last))
        return np.cumsum(np.concatenate([[before], (speed[1:] + speed[:-1]) / 2]))


def positions_in(angle: np.ndarray, wanted: np.ndarray, first: int = 0) -> np.ndarray:
    """Return the positions in samples, fractional, at which the shaft has some angles.

    Args:
        angle: at every sample, rising, [N].
        wanted: angles.
        first: position of the first sample.
    """
    below = np.clip(np.searchsorted(angle, wanted, side="right") - 1, 0, len(angle) - 2)
    return first + below + (wanted - angle[below]) / (angle[below + 1] - angle[below])
