"""Recordings resampled at equal steps of shaft angle, in parts."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from specsr.io.limits import check_size
from specsr.nvh.interpolation import read_between
from specsr.nvh.shaft_angle import ShaftAngle, positions_in
from specsr.signal import Signal, Source, fit_length

PART, GUARD = 1 << 22, 4096
"""Samples by angle that are made at once, and samples beside them that the filters reach."""


def by_angle(signal: Signal, angle: np.ndarray, per_rev: int) -> Signal:
    """Return the signal at ``per_rev`` samples per revolution; its time axis is revolutions.

    Raises:
        SpecsrError: more samples than the memory limit allows.
    """
    count = math.floor(angle[-1] * per_rev) + 1
    rpm = 60 * angle[-1] / signal.duration
    check_size(
        # angles and positions; the samples, their stack and what is made of it
        8 * count * (2 + 3 * len(signal.channels)),
        f"resampling by angle at {rpm:.4g} rpm in the mean and {per_rev} samples per revolution",
    )
    return _turned(signal, angle, 0.0, count, per_rev)


def decimated_by_angle(
    source: Source, first: int, angle: ShaftAngle, fine: int, per_rev: int
) -> Signal:
    """Return the signal at ``per_rev`` samples per revolution, decimated from ``fine`` of them.

    In parts of whole revolutions that overlap by more than the filters reach, so the memory does
    not grow with the finer signal.

    Args:
        source: the recording.
        first: its sample at angle 0.
        angle: of the shaft, from there to the last sample.
        fine, per_rev: samples per revolution.
    """
    turns = max(1, PART // fine)
    if angle.total <= turns:
        whole = source.cut(first, first + angle.length)
        return by_angle(whole, angle.between(0, angle.length), fine).resample(per_rev)
    guard = math.ceil(GUARD / per_rev)
    total = round((math.floor(angle.total * fine) + 1) * per_rev / fine)
    check_size(8 * total * (1 + len(source.channels)), "a recording resampled by angle")
    parts = []
    for turn in range(0, math.ceil(angle.total), turns):
        begin = max(turn - guard, 0)
        end = min(float(turn + turns + guard), angle.total)
        low = max(angle.first_from(begin) - GUARD, 0)
        high = min(angle.first_from(end) + GUARD, angle.length)
        part = source.cut(first + low, first + high).replace(rpm=None)
        count = math.floor((end - begin) * fine) + 1
        turned = _turned(part, angle.between(low, high), float(begin), count, fine)
        turned = turned.resample(per_rev)
        size = min((turn + turns) * per_rev, total) - turn * per_rev
        # the last part may lack the sample that rounding adds to the whole
        parts.append(fit_length(turned.samples[:, (turn - begin) * per_rev :], size))
    return turned.replace(samples=np.concatenate(parts, axis=1))


def _turned(signal: Signal, angle: np.ndarray, begin: float, count: int, per_rev: int) -> Signal:
    """Return ``count`` samples from an angle on, ``per_rev`` per revolution."""
    wanted = begin + np.arange(count) / per_rev
    positions = positions_in(angle, wanted)
    samples = np.stack([read_between(channel, positions) for channel in signal.samples])
    return replace(signal, samples=samples, rate=float(per_rev), start=0.0, rpm=None)
