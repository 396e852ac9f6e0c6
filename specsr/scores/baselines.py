"""Baselines of a low-resolution input without a model: resampling, repeated cells, bicubic.

A result of a model is of use where it is better than the best of these.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from specsr.choices import check
from specsr.errors import SpecsrError
from specsr.maps.pooling import bicubic_power, enlarge
from specsr.maps.spec_map import SpecMap
from specsr.pairs.consistency import back_project
from specsr.signal import Signal, fit_length

Interpolation = Literal["nearest", "bicubic", "bicubic, back-projection"]
"""``nearest``: every cell repeated; ``bicubic``: bicubic on the levels in dB; ``bicubic,
back-projection``: then corrected until the mean power of every cell is that of the coarse map
(`specsr.pairs.consistency.back_project`)."""


def baselines(low: Signal | SpecMap, reference: Signal | SpecMap) -> dict[str, Signal | SpecMap]:
    """Return name -> the input on the reference's grid or at its rate.

    A coarse map: its cells repeated, and bicubic interpolation of its levels in dB; if its cells
    are pooled, also the bicubic corrected to their power.  A recording at a lower rate: resampled,
    its upper band empty.  An input on the reference's own grid or at its rate (denoising):
    unchanged.

    Raises:
        SpecsrError: a signal and a map, channels, units or lengths that differ, or a reference
            whose grid is not a whole number of times finer.
    """
    if isinstance(low, Signal) and isinstance(reference, Signal):
        if low.rate == reference.rate:
            return {"input": _fitted(low, reference)}
        return {"resampled": _fitted(low.resample(reference.rate), reference)}
    if isinstance(low, Signal) or isinstance(reference, Signal):
        raise SpecsrError(
            "the input and the reference are a signal and a map: baselines need two of a kind"
        )
    if low.grid == reference.grid:
        return {"input": low}
    modes: dict[str, Interpolation] = {"repeated cells": "nearest", "bicubic": "bicubic"}
    if low.grid.cell != (1, 1):  # cells of a full map are not means over cells of the reference
        modes["bicubic, back-projection"] = "bicubic, back-projection"
    return {name: interpolated(low, reference, mode) for name, mode in modes.items()}


def _fitted(signal: Signal, reference: Signal) -> Signal:
    """Cut or padded to the reference's length, with its channel names."""
    if signal.samples.shape[0] != reference.samples.shape[0] or signal.unit != reference.unit:
        raise SpecsrError(
            f"the input has {signal.samples.shape[0]} channels in {signal.unit}, the reference "
            f"{reference.samples.shape[0]} in {reference.unit}: expected the same channels and unit"
        )
    if abs(signal.length - reference.length) > 0.01 * reference.length + 16:
        raise SpecsrError(
            f"the input lasts {signal.duration:.4g} s, the reference {reference.duration:.4g} s: "
            "cut both to the same part"
        )
    samples = fit_length(signal.samples, reference.length)
    return reference.replace(samples=samples.astype(reference.samples.dtype, copy=False))


def interpolated(low: SpecMap, reference: SpecMap, mode: Interpolation) -> SpecMap:
    """Return a coarse map interpolated on the reference's grid.

    Args:
        low: the coarse map, pooled or of a shorter window.
        reference: map on the fine grid; its speed is kept.
        mode: see `Interpolation`.

    Raises:
        SpecsrError: the reference is not a whole number of times finer, or an unknown mode.
    """
    rows, frames = reference.image().shape[1:]
    image = low.image()
    s_f, s_t = rows / image.shape[1], round(low.grid.dt / reference.grid.dt)
    if s_f != int(s_f) or s_t < 1 or not 0 <= image.shape[2] * s_t - frames <= 2 * s_t:
        raise SpecsrError(
            f"the input has {image.shape[1]} x {image.shape[2]} cells of {low.grid.df:g} Hz x "
            f"{low.grid.dt:g} s, the reference {rows} x {frames} of {reference.grid.df:g} Hz x "
            f"{reference.grid.dt:g} s: expected a whole number of times more"
        )
    used = image[..., : -(-frames // s_t)]  # the last frame of a full map may lie past the end
    power = interpolated_power(np.square(used, dtype=np.float64), (int(s_f), s_t), frames, mode)
    magnitude = np.sqrt(power)
    if reference.grid.cell == (1, 1):
        magnitude = reference.grid.with_nyquist(magnitude)
    return SpecMap(magnitude, reference.grid, channels=low.channels, rpm=reference.rpm)


def interpolated_power(
    power: np.ndarray, scale: tuple[int, int], frames: int, mode: Interpolation
) -> np.ndarray:
    """Return power of a finer grid, float64 [..., F s_f, frames].

    Args:
        power: of the coarse cells, [..., F, T], T = ceil(frames / s_t).
        scale: (s_f, s_t), whole numbers.
        frames: columns of the finer grid.
        mode: see `Interpolation`.

    Raises:
        SpecsrError: an unknown mode.
    """
    check(mode, Interpolation, "mode")
    power = np.asarray(power, dtype=np.float64)
    if mode == "nearest":
        return enlarge(power, *scale, frames)
    fine = bicubic_power(power, *scale, frames)
    return fine if mode == "bicubic" else back_project(fine, power, scale)
