"""Estimate of a finer map before consistency, one channel at a time: network and bicubic."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import uniform_filter

from specsr.maps import levels
from specsr.maps.grid import Grid
from specsr.maps.pooling import bicubic_power, enlarge
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.models.tiling import run_tiled
from specsr.pairs.order_input import CHANNELS as ORDER_CHANNELS
from specsr.pairs.order_input import coarse_rows, order_channels
from specsr.progress import Progress

UNSURE = 2.0
"""Uncertainty of the network in dB at which it and bicubic interpolation have equal weights."""

AROUND = 9
"""Rows and columns over which the uncertainty is averaged for these weights."""


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
    return power, np.exp(result[1]) if len(result) > 1 else None


def blend_bicubic(
    power: np.ndarray, uncertainty_db: np.ndarray, channel: np.ndarray, scale: tuple[int, int]
) -> np.ndarray:
    """Return the network's power averaged in dB with bicubic interpolation where it is unsure.

    The network has the weight 1 / (1 + (u / `UNSURE`)²), u its uncertainty averaged over `AROUND`
    cells of either axis: where the position of the power within a cell is unknown, smooth
    interpolation has the smaller error.

    Args:
        power: of the network's estimate, [F s_f, T'].
        uncertainty_db: of it, dB, same shape.
        channel: power of the coarse map, [F, T].
        scale: (s_f, s_t).
    """
    unsure = uniform_filter(uncertainty_db.astype(np.float64), AROUND)
    weight = 1 / (1 + np.square(unsure / UNSURE))
    return power**weight * bicubic_power(channel, *scale, power.shape[1]) ** (1 - weight)
