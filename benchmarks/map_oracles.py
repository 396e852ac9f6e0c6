"""Oracles of the benchmark of real maps: estimates that see more than the coarse map.

The speckle of a cell cannot be known: a bound that holds for a method must not see it either.
Shapes are therefore taken from columns whose windows share no sample with those of the coarse cell
(*leave the cell out*), and for stationary noise of known spectrum the remaining error is simulated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from map_tables import BICUBICS
from scipy.ndimage import uniform_filter

from specsr.maps.grid import Grid
from specsr.maps.levels import to_db
from specsr.maps.noise_interpolation import noise_interpolation
from specsr.maps.pooling import enlarge, pool_power
from specsr.maps.transform import SpectrogramTransform
from specsr.nvh.speed import column_rotation_hz
from specsr.pairs.consistency import back_project
from specsr.scores.baselines import interpolated_power
from specsr.scores.metrics import whittle_deviance
from specsr.signal import Signal

COLUMNS = (8, 32, 100_000)
"""Columns on either side that a shape is averaged over; the last are all."""

TRACKED = (8, 32)
"""The same along the orders, with the speed."""

WEIGHTS = (0.4, 0.8)
"""Weights in dB of a shape, which scatters, against bicubic interpolation."""

SMOOTHED = {(5, 5): "5 x 5 cells", (1, 17): "17 columns", (1, 65): "65 columns"}
"""Rows and columns of the fine map that includes the cell itself -> label."""

NOISE_COLUMNS, EDGE_ROWS = 400, 4
"""Columns of a map of white noise, and rows that are left out at both of its edges."""

FLOOR = "known, best prediction"
"""Name of the least deviance of noise: its speckle as far as the coarse cells show it."""

LARGEST = 3.0
"""Largest logarithm of a coarse power relative to its expected one; more is not noise."""

REACH = 2
"""Coarse cells on either side that the speckle of a cell is predicted from."""


def guard(grid: Grid) -> int:
    """Return the distance in columns from which two windows share no sample."""
    return -(-grid.n_fft // grid.hop_length)


def left_out(power: np.ndarray, s_t: int, reach: int, apart: int) -> np.ndarray:
    """Return the mean of every row over columns near each coarse column, but not over its own.

    Args:
        power: fine map, [F, T].
        s_t: fine columns of a coarse one.
        reach: columns on either side that are averaged.
        apart: least distance of these columns from those of the coarse column.

    Returns:
        [F, T], constant within a coarse column; the mean of nothing is 0.
    """
    frames = power.shape[1]
    total = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1)], axis=1)
    first = np.arange(0, frames, s_t)
    last = np.minimum(first + s_t, frames) - 1
    parts = ((first - apart - reach + 1, first - apart + 1), (last + apart, last + apart + reach))
    summed, count = np.zeros((len(power), len(first))), np.zeros(len(first))
    for start, stop in parts:
        start, stop = (np.clip(x, 0, frames) for x in (start, stop))
        summed += total[:, stop] - total[:, start]
        count += stop - start
    mean = np.maximum(summed, 0) / np.maximum(count, 1)
    return enlarge(mean, 1, s_t, frames)


def tracked(
    power: np.ndarray, s_t: int, reach: int, apart: int, rotation_hz: np.ndarray
) -> np.ndarray:  # fmt: skip
    """Return the same along the orders: other columns are read at frequencies scaled by the speed.

    Args:
        power: fine map, [F, T].
        s_t, reach, apart: see `left_out`.
        rotation_hz: rotation frequency at every column, above zero, [T].
    """
    rows, frames = power.shape
    out = np.zeros_like(power)
    at = np.arange(rows)
    for column in range(frames):
        first = column // s_t * s_t
        last = min(first + s_t, frames) - 1
        others = np.r_[
            max(0, first - apart - reach + 1) : max(0, first - apart + 1),
            min(frames, last + apart) : min(frames, last + apart + reach),
        ]
        read = [
            np.interp(at * (rotation_hz[other] / rotation_hz[column]), at, power[:, other])
            for other in others
        ]
        out[:, column] = np.mean(read, axis=0) if read else 0
    return out


def shapes(power: np.ndarray, grid: Grid, s_t: int, rpm: np.ndarray | None) -> Iterator[np.ndarray]:
    """Yield the fine map as other columns show it, for every coarse column, [F, T].

    Args:
        power: fine map without its Nyquist row, [F, T].
        grid: of the fine map.
        s_t: fine columns of a coarse one.
        rpm: speed in 1/min at every sample; None: no order is tracked.
    """
    for reach in COLUMNS:
        yield left_out(power, s_t, reach, guard(grid))
    if rpm is not None:
        rotation_hz = np.maximum(column_rotation_hz(rpm, grid)[: power.shape[1]], 1e-3)
        for reach in TRACKED:
            yield tracked(power, s_t, reach, guard(grid), rotation_hz)


def oracles(
    power: np.ndarray, grid: Grid, scale: int, rpm: np.ndarray | None, bicubic: np.ndarray,
    speckle: Prediction,
) -> Iterator[np.ndarray]:  # fmt: skip
    """Yield estimates with the shape of other columns and the measured power of every coarse cell.

    Every shape is taken as it is, and with the speckle that the coarse cells show, as far as sound
    is noise.  Each has several weights against the bicubic interpolation, and is corrected by a
    cubic and by the correlation of noise.

    Args:
        power: fine map without its Nyquist row, [F, T].
        grid, rpm: see `shapes`.
        scale: factor of both axes.
        bicubic: interpolation with back-projection, [F, T].
        speckle: prediction for noise on this grid.
    """
    low, frames = pool_power(power, scale, scale), power.shape[1]
    of_noise = noise_interpolation(grid, (scale, scale))
    yield bicubic
    for shape in shapes(power, grid, scale, rpm):
        expected = np.where(shape > 0, shape, bicubic)
        ratio = low / np.maximum(pool_power(expected, scale, scale), 1e-300)
        for seen in (expected, expected * speckle(ratio, frames)):
            # at the level of the coarse cells, so that the weights mix shapes alone
            level = back_project(seen, low, (scale, scale))
            for weight in WEIGHTS:
                mixed = level**weight * bicubic ** (1 - weight)
                yield back_project(mixed, low, (scale, scale))
                yield back_project(mixed, low, (scale, scale), between=of_noise)


def smoothed(power: np.ndarray, size: tuple[int, int], scale: int) -> np.ndarray:
    """Return the smoothed fine map with the measured power of the coarse cells, [F, T]."""
    # rounding of the running sum can give values just below zero
    wide = np.maximum(uniform_filter(power, size, mode="nearest"), 0)
    return back_project(wide, pool_power(power, scale, scale), (scale, scale))


@dataclass(frozen=True, eq=False)
class Prediction:
    """Speckle of the fine cells of white noise, predicted from the coarse cells around.

    Attributes:
        weights: of the features, one set for every place in a coarse cell, [s², features].
        scale: factor of both axes.
    """

    weights: np.ndarray
    scale: int

    def __call__(self, low: np.ndarray, frames: int) -> np.ndarray:
        """Return the predicted power of the fine map of a coarse one, [F s, frames]."""
        (rows, columns), s = low.shape, self.scale
        levels = (_features(low) @ self.weights.T).reshape(rows, columns, s, s)
        fine = np.exp(levels.transpose(0, 2, 1, 3).reshape(rows * s, columns * s))
        return np.asarray(fine[:, :frames])


def _features(low: np.ndarray) -> np.ndarray:
    """Return log powers of the coarse cells around each, and products of the nearest, [F, T, n]."""
    log = np.clip(to_db(low) * (np.log(10) / 10), -LARGEST, LARGEST)
    wide = np.pad(log, REACH, mode="edge")
    size = 2 * REACH + 1
    around = np.lib.stride_tricks.sliding_window_view(wide, (size, size))
    near = around[..., 1:-1, 1:-1].reshape(*log.shape, -1)
    first, second = np.triu_indices(near.shape[-1])
    parts = around.reshape(*log.shape, -1), near[..., first] * near[..., second]
    return np.concatenate([*parts, np.ones((*log.shape, 1))], axis=-1)


def fitted(power: np.ndarray, scale: int, rounds: int = 12) -> Prediction:
    """Return the prediction of least deviance, from a map of white noise of expected power 1.

    A gamma regression with logarithmic link: the mean of P exp(-s) + s, convex in the weights of s,
    by Fisher scoring.

    Args:
        power: fine map, [F, T].
        scale: factor of both axes.
        rounds: of the iteration.
    """
    low = pool_power(power, scale, scale)
    columns = power.shape[1] // scale
    features = _features(low)[:, :columns]
    features = features.reshape(-1, features.shape[-1])
    cells = power[:, : columns * scale].reshape(len(low), scale, columns, scale)
    targets = cells.transpose(0, 2, 1, 3).reshape(len(features), -1)
    gram = np.linalg.inv(features.T @ features)
    weights = np.zeros((targets.shape[1], features.shape[1]))
    for _ in range(rounds):
        ratio = targets * np.exp(-(features @ weights.T))
        weights += (gram @ (features.T @ (ratio - 1))).T
    return Prediction(weights, scale)


@lru_cache(maxsize=16)
def noise_floor(n_fft: int, hop_length: int, scale: int) -> tuple[Prediction, dict[str, float]]:
    """Simulate white noise; return the prediction of its speckle, and the deviance of methods.

    The prediction is fitted to one map and judged, like the others, on another.  *Known* methods
    know that the expected power is the same everywhere; bicubic interpolation does not.
    """
    grids = []
    for seed in range(2):
        samples = np.random.default_rng(seed).standard_normal(NOISE_COLUMNS * hop_length)
        fine = SpectrogramTransform(n_fft, hop_length)(Signal(samples, 25600.0))
        power = np.square(fine.image()[0], dtype=np.float64)
        edge = -(-guard(fine.grid) // scale) * scale
        inner = power[EDGE_ROWS:-EDGE_ROWS, edge:-edge]
        inner = inner[: len(inner) // scale * scale, : inner.shape[1] // scale * scale]
        grids.append(inner / inner.mean())
    speckle, cells = fitted(grids[0], scale), (scale, scale)
    power, low = grids[1], pool_power(grids[1], scale, scale)
    flat, frames = np.ones_like(power), power.shape[1]
    estimates = {name: interpolated_power(low, cells, frames, name) for name in BICUBICS}
    estimates |= {
        "known, coarse powers in equal parts": back_project(flat, low, cells, 0),
        "known, back-projection": back_project(flat, low, cells),
        FLOOR: speckle(low, frames),
        "known, without the coarse powers": flat,
    }
    return speckle, {name: float(whittle_deviance(power, x)) for name, x in estimates.items()}
