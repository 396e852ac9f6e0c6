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

STEP = 0.005
"""Distance in s of the times at which levels are read."""

WINDOW, LONGEST = 0.4, 0.2
"""Standard deviation of the window that reads a line: periods of half the spacing of the orders, at
most so many seconds."""

CLEAR_DB = 6.0
"""Level over the noise beside it from which on a line counts as one."""

OCTAVES = 2.0
"""Octaves below the cut whose lines the envelope of the series comes from."""

STEEPEST, FLATTEST = -24.0, 0.0
"""Limits of the slope of the envelope, dB per octave: it never rises."""

SHARE, SERIES = 0.25, 0.5
"""Share of its time below the cut in which an order has to stand clear to continue; and that of all
orders in the octave below the cut, for orders that are never below it."""

FEWEST = 0.3
"""Least time in s, summed over the orders, in which a line has to stand clear."""


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
    def inside(self) -> np.ndarray:
        """Which places lie below the cut and within `OCTAVES` of it."""
        return (self.octaves < -0.05) & (self.octaves > -OCTAVES)

    @property
    def clear(self) -> np.ndarray:
        """Which of these hold a line that stands clear of the noise."""
        return self.inside & (self.power > 10 ** (CLEAR_DB / 10) * self.noise)


@dataclass(frozen=True, eq=False)
class OrdersAbove:
    """Orders above the measured band.

    Attributes:
        signal: their lines at the higher rate, float64 samples [C, N rate / low.rate]; zero where
            no line below the cut carries one.
        continued: the orders that have a line in a channel.
        reason: why no order has one; empty if one has.
    """

    signal: Signal
    continued: tuple[float, ...]
    reason: str

    @property
    def note(self) -> str:
        """The orders that are continued, in words."""
        found = ", ".join(f"{order:g}" for order in self.continued)
        if not found:
            return f"no order is continued above the band: {self.reason}"
        return f"orders continued above the band: {found}"


def orders_above(
    low: Signal, rate: float, orders: Sequence[float], cut: float, top: float
) -> OrdersAbove:
    """Return the lines of orders above a frequency, as a recording at a higher rate.

    Args:
        low: the recording with its speed, samples [C, N].
        rate: the higher rate, a whole multiple of its own, Hz.
        orders: of the speed.
        cut: end of what is measured, Hz.
        top: highest frequency of a line, Hz.

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
    middle = np.minimum(np.arange(0, low.length, step) + step // 2, low.length - 1)
    octaves = np.log2(np.maximum(np.outer(orders, rotation[middle]), 1e-9) / cut)
    wanted = (octaves > -0.2) & (octaves < np.log2(top / cut))
    fine = np.arange(low.length * ratio) / ratio
    turns = np.interp(fine, np.arange(low.length), turns)
    samples = np.zeros((len(low.channels), low.length * ratio))
    continued = set()
    for channel, measured in zip(samples, low.samples, strict=True):
        lines = _lines(measured.astype(np.float64), low, orders, octaves, step)
        levels = _continued(lines)
        if levels is None:
            continue
        for i, order in enumerate(orders):
            places = np.flatnonzero(wanted[i])
            if not (places.size and levels[i].any()):
                continue
            part = slice(max(0, places[0] - 1) * step * ratio, (places[-1] + 2) * step * ratio)
            power = np.where(wanted[i], levels[i], 0.0)
            if (power[octaves[i] > 0] > 0).any():
                continued.add(order)
            amplitude = np.interp(fine[part], middle, np.sqrt(2 * power))
            angle = 2 * np.pi * (order * turns[part] % 1) + _phase(lines, i)
            channel[part] += amplitude * np.cos(angle)
    reason = "none of them stands clear of the noise below it"
    if not (wanted & (octaves > 0)).any():
        reason = f"none of them reaches {cut:g} to {top:g} Hz at the speed of the recording"
    signal = low.resample(rate).replace(samples=samples)
    return OrdersAbove(signal, tuple(sorted(continued)), "" if continued else reason)


def _lines(
    samples: np.ndarray, low: Signal, orders: Sequence[float], octaves: np.ndarray, step: int
) -> Lines:
    """Return the lines of one channel, demodulated at each order and beside it."""
    assert low.rpm is not None
    rotation = np.abs(low.rpm) / 60
    turns = revolutions(rotation, low.rate)
    spacing = min([1.0, *np.diff(np.sort(orders))])
    # a Gaussian window: -27 dB at half the spacing of the orders at the mean speed
    width = WINDOW / max(1e-9, 0.5 * spacing * float(rotation.mean())) * low.rate / step
    width = min(width, LONGEST / STEP)
    padded = np.zeros(octaves.shape[1] * step, dtype=complex)

    def envelope(order: float) -> np.ndarray:
        padded[: low.length] = samples * np.exp(-2j * np.pi * order * turns)
        means = padded.reshape(-1, step).mean(axis=1)
        return np.asarray(gaussian_filter1d(means, width, truncate=3, mode="nearest"))

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
    clear, inside = lines.clear, lines.inside
    if clear.sum() < FEWEST / STEP:
        return None
    seen = inside.sum(axis=1)
    share = clear.sum(axis=1) / np.maximum(seen, 1)
    near = inside & (lines.octaves > -1)
    series = (clear & near).sum() / max(1, near.sum())
    continued = np.where(seen, share > SHARE, series > SERIES)
    used = inside & (continued & (seen > 0))[:, None]
    if not used.any():
        return None
    # offsets of the orders and one slope, by least squares in turns; levels are means of power over
    # the times at which an order is in the band, so those at which it is faint count too
    excess = np.maximum(lines.power - lines.noise, 0.01 * lines.power + 1e-30)
    level = 10 * np.log10(gaussian_filter1d(excess, 0.2 / STEP, axis=1))
    offset = np.zeros(len(level))
    for _ in range(8):
        x, y = lines.octaves[used], (level - offset[:, None])[used]
        steep = np.polyfit(x, y, 1)[0] if np.ptp(x) > 0.2 else STEEPEST / 2
        slope = float(np.clip(steep, STEEPEST, FLATTEST))
        base = float(np.mean(y - slope * x))
        error = (level - base - slope * lines.octaves) * used
        offset = error.sum(axis=1) / (used.sum(axis=1) + 0.5 / STEP)
    found = 10 ** ((base + slope * lines.octaves + offset[:, None]) / 10)
    return np.asarray(found * continued[:, None])


def _phase(lines: Lines, order: int) -> float:
    """Return the phase of an order where it last stands clear, rad; 0 if it never does."""
    clear = np.flatnonzero(lines.clear[order])
    if not clear.size:
        return 0.0
    nearest = clear[np.argmax(lines.octaves[order][clear])]
    return float(lines.phase[order][nearest])
