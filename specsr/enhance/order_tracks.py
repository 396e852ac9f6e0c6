"""Frames on the shaft angle, and the lines in them that keep their ratio to the speed.

A window long enough to separate weak orders from noise smears them over many rows during a
run-up.  So each frame is resampled to a time axis proportional to the shaft angle, on which orders
are steady tones (fan-chirp transform: Képesi, Weruaga, Speech Communication 48, 2006).  A cell
counts as a line by its mean power along the track of its order through the neighbouring frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d, median_filter, uniform_filter1d

from specsr.nvh.interpolation import read_between, read_rows
from specsr.nvh.speed import revolutions

TRACK_FRAMES = 13
"""Frames over which power is averaged along the track of an order."""
THRESHOLD = 5.0
"""Power ratio to the noise floor above which a cell counts as a line."""
MIN_TRACK_RATIO = 0.7
"""Minimum ratio of the mean power along the order track to the mean power along the row."""
NOISE_ROWS = ((36, 9), (60, 15), (100, 25), (10**9, 41))
"""(Up to this row, rows of the median that estimates the noise): few where noise is steep."""
LEAKAGE = 0.3
"""Minimum noise floor, as a fraction of its maximum within six rows."""


@dataclass(frozen=True, eq=False)
class AngleFrames:
    """Windowed frames on time axes proportional to the shaft angle.

    Attributes:
        positions: in samples of the signal, of each point of each frame, [n_fft, T].
        rotation_hz: rotation frequency at the centre of each frame, Hz, [T].
        length: samples of the signal.
    """

    positions: np.ndarray
    rotation_hz: np.ndarray
    length: int

    @classmethod
    def along(cls, rotation_hz: np.ndarray, rate: float, n_fft: int) -> AngleFrames:
        """Return frames at a hop of n_fft / 4.

        Args:
            rotation_hz: rotation frequency at every sample, above zero, [N]; held past the edges.
            rate: sampling rate, Hz.
            n_fft: points of a frame.
        """
        length = len(rotation_hz)
        centre = np.minimum(np.arange(0, length + n_fft // 4, n_fft // 4), length - 1)
        angle = revolutions(np.pad(rotation_hz, 2 * n_fft, mode="edge"), rate)
        offset = (np.arange(n_fft) - n_fft // 2)[:, None] / rate
        wanted = angle[centre + 2 * n_fft] + offset * rotation_hz[centre]
        positions = np.interp(wanted, angle, np.arange(len(angle)) - 2 * n_fft)
        return cls(positions, rotation_hz[centre], length)

    @property
    def window(self) -> np.ndarray:
        """Hann window, [n_fft]."""
        return np.hanning(len(self.positions) + 1)[:-1]

    def spectra(self, samples: np.ndarray) -> np.ndarray:
        """Return the spectra of all frames, complex128 [n_fft // 2 + 1, T], of samples [N]."""
        edge = 2 * len(self.positions)
        points = read_between(np.pad(samples, edge), self.positions + edge)
        return np.fft.rfft(self.window[:, None] * points, axis=0)

    def signal(self, spectra: np.ndarray) -> np.ndarray:
        """Return the samples [N] of spectra [n_fft // 2 + 1, T], by weighted overlap-add.

        Each frame is resampled back to the time axis of the signal.
        """
        n_fft, _ = self.positions.shape
        room, edge = 3 * n_fft, 64
        total, weight = np.zeros(self.length + 2 * room), np.zeros(self.length + 2 * room)
        window = self.window
        pieces = np.fft.irfft(spectra, n_fft, axis=0) * window[:, None]
        for piece, positions in zip(pieces.T, self.positions.T, strict=True):
            first, last = math.ceil(positions[0]), math.floor(positions[-1])
            at = np.interp(np.arange(first, last + 1), positions, np.arange(n_fft))
            part = slice(first + room, last + 1 + room)
            total[part] += read_between(np.pad(piece, edge), at + edge)
            weight[part] += np.interp(at, np.arange(n_fft), window**2)
        whole = slice(room, room + self.length)
        return total[whole] / np.maximum(weight[whole], 1e-3)


def line_gain(power: np.ndarray, rotation_hz: np.ndarray, zero: int = 0) -> np.ndarray:
    """Return the gain of every cell: near 1 on lines locked to the speed, else 0, [F, T].

    Args:
        power: of the frames, [F, T].
        rotation_hz: at their centres, [T].
        zero: row of 0 Hz; those below are negative frequencies.
    """
    ratio = power / np.maximum(noise_floor(power), 1e-300)
    track = mean_along_orders(ratio, rotation_hz, zero)
    row = uniform_filter1d(ratio, TRACK_FRAMES, axis=1)
    is_line = (track > THRESHOLD) & (track > MIN_TRACK_RATIO * row)
    return np.where(is_line, 1 - 1 / np.maximum(track, 1.0), 0.0)


def noise_floor(power: np.ndarray) -> np.ndarray:
    """Return the mean power of the noise around every cell, from the median over rows, [F, T].

    The power of noise is exponentially distributed: its median is ln 2 times its mean.  Next to a
    steep edge, such as half the sampling rate, the floor is at least the power that leaks over.

    Args:
        power: [F, T].
    """
    out = np.empty_like(power)
    first = 0
    for last, size in NOISE_ROWS:
        last = min(last, len(power))
        if last > first:
            around = slice(max(0, first - size), min(len(power), last + size))
            median = median_filter(power[around], (size, 5), mode="nearest")
            out[first:last] = median[first - around.start : last - around.start]
        first = last
    leaked = LEAKAGE * maximum_filter1d(out, 13, axis=0)
    return np.maximum(out, leaked) / math.log(2)


def mean_along_orders(cells: np.ndarray, rotation_hz: np.ndarray, zero: int = 0) -> np.ndarray:
    """Return the weighted mean of cells along order tracks, [F, T].

    The track of a cell has a constant ratio to the speed; it is `TRACK_FRAMES` long, less at the
    edges.

    Args:
        cells: [F, T].
        rotation_hz: in every column, above zero, [T].
        zero: row of 0 Hz; those below are negative frequencies.
    """
    rows, columns = cells.shape
    half = TRACK_FRAMES // 2
    weights = np.hanning(TRACK_FRAMES + 2)[1:-1]
    total, total_weight = np.zeros_like(cells), np.zeros(columns)
    for offset, weight in zip(range(-half, half + 1), weights, strict=True):
        other = np.clip(np.arange(columns) + offset, 0, columns - 1)
        # zero past the edges
        weight = weight * (other == np.arange(columns) + offset)
        total_weight += weight
        row = zero + (np.arange(rows) - zero)[:, None] * (rotation_hz[other] / rotation_hz)
        value = read_rows(cells, np.maximum(row, 0), other)
        total += weight * np.where((row >= 0) & (row <= rows - 1), value, 0.0)
    return total / total_weight
