"""Mean power over blocks of cells, and its counterpart, repeated cells."""

from __future__ import annotations

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.spec_map import SpecMap


def enlarge(cells: np.ndarray, s_f: int, s_t: int, frames: int) -> np.ndarray:
    """Return cells [..., F, T] repeated s_f x s_t times and cut to ``frames``.

    The result has shape [..., F s_f, min(T s_t, frames)] and the dtype of ``cells``.
    """
    return np.repeat(np.repeat(cells, s_f, axis=-2), s_t, axis=-1)[..., :frames]


def pool_weights(frames: int, s_t: int) -> np.ndarray:
    """Return the number of frames in every pooled column, float64, [ceil(frames / s_t)].

    The number is s_t, or fewer in the last column.
    """
    starts = np.arange(0, frames, s_t)
    return (np.minimum(starts + s_t, frames) - starts).astype(np.float64)


def pool_power(power: np.ndarray, s_f: int, s_t: int) -> np.ndarray:
    """Return the mean of power [..., F, T] over s_f x s_t cells, [..., F / s_f, ceil(T / s_t)].

    Power is averaged, as in an analyser; the mean of levels in dB would be 2.5 dB too low for
    noise.  If s_t does not divide T, the last cell is the mean of the remaining frames.

    Raises:
        SpecsrError: s_f does not divide F.
    """
    *batch, rows, frames = power.shape
    if rows % s_f:
        raise SpecsrError(f"{rows} rows cannot be pooled by {s_f}: expected a multiple of it")
    power = power.reshape(*batch, rows // s_f, s_f, frames).mean(axis=-2)
    return np.add.reduceat(power, np.arange(0, frames, s_t), axis=-1) / pool_weights(frames, s_t)


def pool(spec: SpecMap, s_f: int, s_t: int) -> SpecMap:
    """Return a map pooled to coarse cells: mean power of s_f x s_t cells, without phase.

    Raises:
        SpecsrError: s_f does not divide the rows of the map (without Nyquist).
    """
    if (s_f, s_t) == (1, 1):
        return spec.replace(phase=None)
    grid = spec.grid.pooled(s_f, s_t)
    power = pool_power(np.square(spec.image(), dtype=np.float64), s_f, s_t)
    return SpecMap(np.sqrt(power), grid, channels=spec.channels, rpm=spec.rpm)
