"""Estimate of a finer map before consistency, one channel at a time: network and bicubic."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import uniform_filter

from specsr.maps import levels
from specsr.maps.grid import Grid
from specsr.maps.pooling import bicubic_power, enlarge, pool_power
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.models.tiling import run_tiled
from specsr.pairs.order_input import CHANNELS as ORDER_CHANNELS
from specsr.pairs.order_input import coarse_rows, order_channels
from specsr.progress import Progress

UNSURE, JUMP = 2.0, 3.0
"""Least uncertainty of bicubic interpolation, dB, and the rms in dB from which on its deviation
from the coarse cells adds to it.  The second chosen on sets 1 and 2 of `benchmarks/generator.py`:
single lines deviate less, clicks and starts more."""

AROUND, CELLS = 9, 3
"""Fine rows and columns over which the uncertainty of the network is averaged for its weight, and
coarse ones over which the mean square deviation of bicubic interpolation is."""


def uses_speed(model: Model) -> bool:
    """Return whether a map model is order-conditioned."""
    return model.net.config.in_channels == 1 + ORDER_CHANNELS


def order_input(
    model: Model, low: Grid, scale: tuple[int, int], rotation_hz: np.ndarray
) -> np.ndarray:
    """Return the order-conditioned input [CHANNELS, F, T], or [0, F, T] if the model has none.

    Args:
        model: a map model.
        low: grid of the coarse map.
        scale: (s_f, s_t).
        rotation_hz: rotation frequency in Hz at each fine column, [T']; 0 where it is unknown.
    """
    rows = low.rows - (low.cell == (1, 1))
    if not uses_speed(model):
        return np.empty((0, rows, low.frames), dtype=np.float32)
    grid = low.refined(*scale)
    centres, height = coarse_rows(grid, scale[0])
    at = np.clip((low.times() - grid.times()[0]) / grid.dt, 0, len(rotation_hz) - 1)
    known = rotation_hz[np.round(at).astype(int)] > 0
    coarse = np.interp(at, np.arange(len(rotation_hz)), rotation_hz) * known
    return order_channels(centres[:rows], height, coarse)


def network_estimate(
    model: Model, channel: np.ndarray, level: float, orders: np.ndarray, scale: tuple[int, int],
    options: InferOptions, progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:  # fmt: skip
    """Return the network's power [F s_f, T s_t] and its uncertainty in dB, or None if it has none.

    Args:
        model: a map model.
        channel: power of the coarse map, [F, T], float64.
        level: of the recording, dB, that the network's levels are relative to
            (`specsr.maps.levels.median_level`).
        orders: from `order_input`.
        scale: (s_f, s_t).
        options: tiling, ensemble, precision, device.
        progress: wraps the iterable of tiles, for a bar.
    """
    db = levels.to_db(channel)
    relative = levels.relative_levels(db, level)
    net_input = torch.from_numpy(np.concatenate([relative[None], orders]))
    result = run_tiled(model.net, net_input, scale, options, progress).numpy()
    # levels outside the range of the model keep their offset
    clipped = enlarge(db - level - relative, *scale, result.shape[-1])
    power = 10 ** ((result[0] + clipped + level).astype(np.float64) / 10)
    return power, levels.network_uncertainty(result[1]) if len(result) > 1 else None


def blend_bicubic(
    power: np.ndarray, uncertainty_db: np.ndarray, channel: np.ndarray, scale: tuple[int, int]
) -> np.ndarray:
    """Return the network's power averaged in dB with bicubic interpolation, as precise as each is.

    The network has the weight 1 / (1 + (u / v)²), u its uncertainty and v that of bicubic
    interpolation.  v² is `UNSURE`² plus what the mean square deviation of the pooled interpolation
    from the coarse map exceeds `JUMP`² by: an interpolation between a click and the floor beside it
    does not reproduce the cells.  Where the position of the power within a cell is unknown, smooth
    interpolation has the smaller error.

    Args:
        power: of the network's estimate, [F s_f, T'].
        uncertainty_db: of it, dB, same shape.
        channel: power of the coarse map, [F, T].
        scale: (s_f, s_t).
    """
    smooth = bicubic_power(channel, *scale, power.shape[1])
    deviation = np.square(levels.difference_db(channel, pool_power(smooth, *scale)))
    missed = np.maximum(uniform_filter(deviation, CELLS, mode="nearest") - JUMP**2, 0)
    least = UNSURE**2 + enlarge(missed, *scale, power.shape[1])
    unsure = uniform_filter(uncertainty_db.astype(np.float64), AROUND)
    weight = 1 / (1 + np.square(unsure) / least)
    return power**weight * smooth ** (1 - weight)
