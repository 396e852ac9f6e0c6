"""Orders of a machine continued above the measured band of a recording, at a known speed.

Their frequencies are exact.  Their levels are not measured: those of the orders below the cut
follow a straight line over the octaves of frequency, with an offset for each order (the envelope of
the series), which is continued.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from specsr.errors import SpecsrError
from specsr.nvh.speed import revolutions
from specsr.signal import Signal

STEP = 0.01
"""Distance in s of the times at which levels are read."""

CLEAR_DB = 6.0
"""Level over the noise beside it from which on a line counts as one."""

OCTAVES = 2.0
"""Octaves below the cut whose lines the envelope of the series comes from."""

STEEPEST, FLATTEST = -24.0, 0.0
"""Limits of the slope of the envelope, dB per octave: it never rises."""

FEWEST = 3
"""Least number of clear lines, over all orders and times of a channel in seconds, that carry a
continuation."""


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines of one channel below the cut.

    Attributes:
        octaves: log2 of their frequency re the cut, [O, T].
        power: mean square, [O, T].
        noise: of the noise in the same bandwidth beside them, [O, T].
        phase: phase in rad relative to the order times the shaft angle, [O, T].
    """

    octaves: np.ndarray
    power: np.ndarray
    noise: np.ndarray
    phase: np.ndarray

    @property
    def clear(self) -> np.ndarray:
        """Which lines stand clear of the noise, below the cut and within `OCTAVES` of it."""
        inside = (self.octaves < -0.05) & (self.octaves > -OCTAVES)
        return inside & (self.power > 10 ** (CLEAR_DB / 10) * self.noise)


def orders_above(
    low: Signal, rate: float, orders: Sequence[float], cut: float, top: float
) -> Signal:
    """Return the lines of orders above a frequency, as a recording at a higher rate.

    Args:
        low: the recording with its speed, samples [C, N].
        rate: the higher rate, a whole multiple of its own, Hz.
        orders: of the speed.
        cut: end of what is measured, Hz.
        top: highest frequency of a line, Hz.

    Returns:
        float64 samples [C, N rate / low.rate]; zero where no line below the cut carries one.

    Raises:
        SpecsrError: a recording without a speed.
    """
    if low.rpm is None:
        raise SpecsrError(
            "orders: the recording has no speed: give one (--rpm speed.csv, --rpm-channel or "
            "--tacho-channel), or leave the orders out"
        )
    ratio = round(rate / low.rate)
    turns = revolutions(np.abs(low.rpm) / 60, low.rate)
    rotation = np.abs(low.rpm) / 60
    step = max(1, round(STEP * low.rate))
    times = np.arange(0, low.length, step)
    octaves = np.log2(np.maximum(np.outer(orders, rotation[times]), 1e-9) / cut)
    wanted = (octaves > -0.2) & (octaves < np.log2(top / cut))
    fine = np.arange(low.length * ratio) / ratio
    turns = np.interp(fine, np.arange(low.length), turns)
    samples = np.zeros((len(low.channels), low.length * ratio))
    for channel, measured in zip(samples, low.samples, strict=True):
        lines = _lines(measured.astype(np.float64), low, orders, octaves, step)
        levels = _continued(lines)
        if levels is None:
            continue
        for i, order in enumerate(orders):
            power = np.where(wanted[i], levels[i], 0.0)
            if power.any():
                amplitude = np.interp(fine, times, np.sqrt(2 * power))
                channel += amplitude * np.cos(2 * np.pi * order * turns + _phase(lines, i))
    return low.resample(rate).replace(samples=samples)


def _lines(
    samples: np.ndarray, low: Signal, orders: Sequence[float], octaves: np.ndarray, step: int
) -> Lines:
    """Return the lines of one channel, demodulated at each order and beside it."""
    assert low.rpm is not None
    rotation = np.abs(low.rpm) / 60
    turns = revolutions(rotation, low.rate)
    spacing = np.diff(np.sort(orders)).min() if len(orders) > 1 else 1.0
    # a Gaussian window whose width resolves half the spacing of the orders at the mean speed
    width = 0.6 / max(1e-9, 0.5 * spacing * float(rotation.mean())) * low.rate
    width = min(width, 0.2 * low.rate)
    at = slice(None, None, step)

    def envelope(order: float) -> np.ndarray:
        turned = samples * np.exp(-2j * np.pi * order * turns)
        parts = [gaussian_filter1d(part, width, truncate=3) for part in (turned.real, turned.imag)]
        return (parts[0] + 1j * parts[1])[at]

    power, noise, phase = (np.zeros(octaves.shape) for _ in range(3))
    for i, order in enumerate(orders):
        if (octaves[i] < 0).any():
            line = envelope(order)
            beside = [np.square(np.abs(envelope(order + d * spacing))) for d in (-0.5, 0.5)]
            power[i], phase[i] = 2 * np.square(np.abs(line)), np.angle(line)
            noise[i] = 2 * np.mean(beside, axis=0)
    return Lines(octaves, power, gaussian_filter1d(noise, 0.2 / STEP, axis=1), phase)


def _continued(lines: Lines) -> np.ndarray | None:
    """Return the mean square of every line by the envelope of the series, [O, T], or None."""
    clear = lines.clear
    if clear.sum() < FEWEST / STEP:
        return None
    level = 10 * np.log10(np.maximum(lines.power - lines.noise, 1e-30))
    seen = clear.sum(axis=1)
    # offsets of the orders and one slope, by least squares in turns (few rounds are exact enough)
    offset = np.zeros(len(level))
    for _ in range(8):
        rest = level - offset[:, None]
        x, y = lines.octaves[clear], rest[clear]
        slope = float(np.clip(np.polyfit(x, y, 1)[0], STEEPEST, FLATTEST))
        base = float(np.mean(y - slope * x))
        error = level - base - slope * lines.octaves
        offset = np.where(seen, (error * clear).sum(axis=1) / (seen + 0.5 / STEP), 0.0)
    found = 10 ** ((base + slope * lines.octaves + offset[:, None]) / 10)
    # an order that was below the cut and did not stand clear has no line above it either
    below = ((lines.octaves < -0.05) & (lines.octaves > -OCTAVES)).sum(axis=1)
    share = np.where(below > 0, seen / np.maximum(below, 1), clear.sum() / max(1, below.sum()))
    return np.asarray(found * (share > 0.5)[:, None])


def _phase(lines: Lines, order: int) -> float:
    """Return the phase of an order where it last stands clear, rad; 0 if it never does."""
    clear = np.flatnonzero(lines.clear[order])
    if not clear.size:
        return 0.0
    nearest = clear[np.argmax(lines.octaves[order][clear])]
    return float(lines.phase[order][nearest])
