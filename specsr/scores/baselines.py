"""What simpler ways make of a low-resolution input: the least that a model has to beat."""

from __future__ import annotations

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.levels import to_db
from specsr.maps.spec_map import SpecMap
from specsr.signal import Signal


def baselines(low: Signal | SpecMap, reference: Signal | SpecMap) -> dict[str, Signal | SpecMap]:
    """Return name -> the input brought to the reference's grid or rate without a model.

    A coarse map: its cells repeated, and interpolated as an image (bicubic on levels in dB).  A
    recording at a lower rate: resampled, its upper band empty.  An input on the reference's own
    grid or rate (denoising): as it is.

    Raises:
        SpecsrError: the two do not belong together.
    """
    if isinstance(low, Signal) and isinstance(reference, Signal):
        if low.rate == reference.rate:
            return {"input": _fitted(low, reference)}
        return {"resampled": _fitted(low.resample(reference.rate), reference)}
    if isinstance(low, Signal) or isinstance(reference, Signal):
        raise SpecsrError("a signal and a map: baselines need an input of the reference's kind")
    if low.grid == reference.grid:
        return {"input": low}
    return {
        "repeated cells": interpolated(low, reference, "nearest"),
        "bicubic": interpolated(low, reference, "bicubic"),
    }


def _fitted(signal: Signal, reference: Signal) -> Signal:
    """Cut or padded to the reference's length, with its names."""
    if signal.samples.shape[0] != reference.samples.shape[0] or signal.unit != reference.unit:
        raise SpecsrError(
            f"the input has {signal.samples.shape[0]} channels in {signal.unit}, the reference "
            f"{reference.samples.shape[0]} in {reference.unit}: pick those that belong together"
        )
    if abs(signal.length - reference.length) > 0.01 * reference.length + 16:
        raise SpecsrError(
            f"the input lasts {signal.duration:.4g} s, the reference {reference.duration:.4g} s: "
            "cut both to the same part"
        )
    samples = np.zeros_like(reference.samples)
    length = min(signal.length, reference.length)
    samples[:, :length] = signal.samples[:, :length]
    return reference.replace(samples=samples)


def interpolated(low: SpecMap, reference: SpecMap, mode: str) -> SpecMap:
    """Return a coarse map on the reference's grid, its levels in dB interpolated as an image.

    Args:
        low: the coarse map, pooled or of a shorter window.
        reference: gives the grid.
        mode: ``"nearest"`` (cells repeated) or ``"bicubic"``.

    Raises:
        SpecsrError: the reference is not a whole number of times finer.
    """
    import torch

    rows, frames = reference.image().shape[1:]
    image = low.image()
    s_f, s_t = rows / image.shape[1], round(low.grid.dt / reference.grid.dt)
    if s_f != int(s_f) or s_t < 1 or not 0 <= image.shape[2] * s_t - frames <= 2 * s_t:
        raise SpecsrError(
            f"the input has {image.shape[1]} x {image.shape[2]} cells of {low.grid.df:g} Hz x "
            f"{low.grid.dt:g} s, the reference {rows} x {frames} of {reference.grid.df:g} Hz x "
            f"{reference.grid.dt:g} s: expected a whole number of times more"
        )
    keep = {} if mode == "nearest" else {"align_corners": False}
    db = torch.from_numpy(to_db(np.square(image, dtype=np.float64)))[None]
    fine = torch.nn.functional.interpolate(db, scale_factor=(int(s_f), s_t), mode=mode, **keep)
    magnitude = 10 ** (fine[0, :, :, :frames].numpy().astype(np.float64) / 20)
    if reference.grid.cell == (1, 1):
        magnitude = reference.grid.with_nyquist(magnitude)
    return SpecMap(magnitude, reference.grid, channels=low.channels, rpm=reference.rpm)
