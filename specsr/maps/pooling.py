"""Mean power over the cells of a map, and cells repeated."""

from __future__ import annotations

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.spec_map import SpecMap


def enlarge(cells: np.ndarray, s_f: int, s_t: int, frames: int) -> np.ndarray:
    """Return [..., F, T] with every cell repeated s_f x s_t times, [..., F s_f, frames]."""
    return np.repeat(np.repeat(cells, s_f, axis=-2), s_t, axis=-1)[..., :frames]


def pool_weights(frames: int, s_t: int) -> np.ndarray:
    """Fine frames in every low column: s_t, or fewer in the last; shape [ceil(frames / s_t)]."""
    starts = np.arange(0, frames, s_t)
    return (np.minimum(starts + s_t, frames) - starts).astype(np.float64)


def pool_power(power: np.ndarray, s_f: int, s_t: int) -> np.ndarray:
    """Return the mean over s_f x s_t cells of [..., F, T], shape [..., F / s_f, ceil(T / s_t)].

    Mean of *power*, as an analyser averages; the mean of dB would lose 1.7 dB on noise.  A last
    cell that the frames do not fill is the mean of those there are.
    """
    *batch, rows, frames = power.shape
    if rows % s_f:
        raise SpecsrError(f"{rows} rows cannot be pooled by {s_f}: expected a multiple of it")
    power = power.reshape(*batch, rows // s_f, s_f, frames).mean(axis=-2)
    return np.add.reduceat(power, np.arange(0, frames, s_t), axis=-1) / pool_weights(frames, s_t)


def pool(spec: SpecMap, s_f: int, s_t: int) -> SpecMap:
    """Return a full map stored as coarse cells: mean power of s_f x s_t cells, no phase."""
    if (s_f, s_t) == (1, 1):
        return spec.replace(phase=None)
    grid = spec.grid.pooled(s_f, s_t)
    power = pool_power(np.square(spec.image(), dtype=np.float64), s_f, s_t)
    return SpecMap(np.sqrt(power), grid, channels=spec.channels, rpm=spec.rpm)
