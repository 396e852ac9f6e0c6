"""Baselines of a low-resolution input without a model: resampling, repeated cells, bicubic."""

from __future__ import annotations

from typing import Literal

import numpy as np

from specsr.choices import check
from specsr.errors import SpecsrError
from specsr.maps.levels import to_db
from specsr.maps.spec_map import SpecMap
from specsr.signal import Signal, fit_length

Interpolation = Literal["nearest", "bicubic"]
"""``nearest``: every cell repeated; ``bicubic``: bicubic on the levels in dB."""


def baselines(low: Signal | SpecMap, reference: Signal | SpecMap) -> dict[str, Signal | SpecMap]:
    """Return name -> the input on the reference's grid or at its rate.

    A coarse map: its cells repeated, and bicubic interpolation of its levels in dB.  A recording
    at a lower rate: resampled, its upper band empty.  An input on the reference's own grid or at
    its rate (denoising): unchanged.

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
    return {
        "repeated cells": interpolated(low, reference, "nearest"),
        "bicubic": interpolated(low, reference, "bicubic"),
    }


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
    """Return a coarse map on the reference's grid, its levels interpolated in dB.

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
    db = interpolated_db(to_db(np.square(image, dtype=np.float64)), (int(s_f), s_t), mode)
    magnitude = 10 ** (db[..., :frames].astype(np.float64) / 20)
    if reference.grid.cell == (1, 1):
        magnitude = reference.grid.with_nyquist(magnitude)
    return SpecMap(magnitude, reference.grid, channels=low.channels, rpm=reference.rpm)


def interpolated_db(db: np.ndarray, scale: tuple[int, int], mode: Interpolation) -> np.ndarray:
    """Return levels in dB [C, F, T] interpolated as images, [C, F s_f, T s_t], dtype of ``db``.

    Args:
        db: levels in dB.
        scale: (s_f, s_t), whole numbers.
        mode: see `Interpolation`.

    Raises:
        SpecsrError: an unknown mode.
    """
    import torch

    check(mode, Interpolation, "mode")
    options = {} if mode == "nearest" else {"align_corners": False}
    image = torch.from_numpy(db)[None]
    return torch.nn.functional.interpolate(image, scale_factor=scale, mode=mode, **options)[
        0
    ].numpy()
