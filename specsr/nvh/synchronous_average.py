"""Time-synchronous average: the waveform of one revolution of a shaft."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError
from specsr.nvh.angle_resampling import by_angle
from specsr.nvh.order_map import check_rotation
from specsr.nvh.speed import checked_rpm, revolutions
from specsr.signal import Signal


@dataclass(frozen=True, eq=False)
class SynchronousAverage:
    """Mean revolution of every channel.

    Attributes:
        turns: position within the revolution, 0 to below 1, [A].
        mean: samples of the mean revolution, in ``unit``, [C, A].
        scatter: standard deviation over the revolutions, [C, A].
        count: number of whole revolutions.
        unit: unit of the samples.
        channels: names.
    """

    turns: np.ndarray
    mean: np.ndarray
    scatter: np.ndarray
    count: int
    unit: str
    channels: tuple[str, ...]

    def orders(self) -> np.ndarray:
        """Return the rms value of every whole order of the mean revolution, [C, A // 2 + 1]."""
        spectrum = np.abs(np.fft.rfft(self.mean)) / self.turns.size
        spectrum[:, 1 : (self.turns.size + 1) // 2] *= math.sqrt(2)
        return spectrum


def synchronous_average(
    signal: Signal, rpm: np.ndarray | float | None = None, ratio: float = 1.0
) -> SynchronousAverage:
    """Return the mean of a recording over the revolutions of a shaft.

    The samples are interpolated at equal angles; what does not repeat with the shaft falls by the
    number of revolutions (in power): noise, other shafts, slipping bearings.  Angle 0 is the first
    sample.

    Source: McFadden, Mech. Syst. Signal Process. 1(1), 1987.

    Args:
        signal: the recording.
        rpm: speed in 1/min, one or one per sample [N]; None takes the signal's own.
        ratio: speed of the shaft over ``rpm``, for a shaft behind a gear.

    Raises:
        SpecsrError: no speed, a ratio that is not above zero, a standstill, fewer than two
            revolutions, or fewer than two samples in one.

    Example:
        >>> run = specsr.synthesise(specsr.RunUp(rate=8000, duration=2.0, rpm=(1200, 2400)))
        >>> mean = specsr.synchronous_average(run.signal)
        >>> mean.count
        59
    """
    if not (ratio > 0 and math.isfinite(ratio)):
        raise SpecsrError(f"ratio is {ratio}: expected a number above zero")
    speed = checked_rpm(signal.rpm if rpm is None else rpm, signal.length)
    rotation_hz = ratio * np.abs(speed) / 60
    slowest = float(rotation_hz.min())
    if slowest <= 0:
        at = signal.start + int(np.argmin(rotation_hz)) / signal.rate
        raise SpecsrError(f"the shaft stands at {at:.4g} s: cut a part out where it turns")
    check_rotation(slowest, signal.rate)
    angle = revolutions(rotation_hz, signal.rate)
    count = math.floor(angle[-1] + 1e-9)
    if count < 2:
        raise SpecsrError(f"the recording holds {angle[-1]:.3g} revolutions: expected two or more")
    per_rev = math.ceil(signal.rate / slowest)
    turned = by_angle(signal, angle, per_rev).samples[:, : count * per_rev].astype(np.float64)
    turned = turned.reshape(len(turned), count, per_rev)
    return SynchronousAverage(
        np.arange(per_rev) / per_rev, turned.mean(1), turned.std(1, ddof=1), count,
        signal.unit, signal.channels,
    )  # fmt: skip
