"""Interpolation between cell means by the correlation of noise that the window and the hop give.

Simple kriging (Matheron, Economic Geology 58, 1963): of all linear interpolations, the one of least
mean square error for noise.  A cubic overshoots where neighbouring cells are nearly independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specsr.maps.grid import Grid
from specsr.maps.pooling import power_correlation

REACH = 2
"""Coarse cells on either side that take part; those beyond have weights below 0.01."""

NUGGET = 1e-3
"""Variance of a cell that its neighbours do not share, relative to that of a fine cell.  Keeps the
weights small where windows of neighbouring cells share nearly all samples."""


@dataclass(frozen=True, eq=False)
class NoiseInterpolation:
    """Weights between coarse cells, from `noise_interpolation`.

    Attributes:
        weights: of the cells around a coarse cell for each of its fine cells, float64
            [s_f, s_t, 2 `REACH` + 1, 2 `REACH` + 1].
    """

    weights: np.ndarray

    def __call__(self, levels: np.ndarray, frames: int) -> np.ndarray:
        """Return levels [..., F, T] interpolated, float64 [..., F s_f, min(T s_t, frames)].

        Beyond the edges the outermost cells are repeated.  Linear in ``levels``.
        """
        s_f, s_t, size, _ = self.weights.shape
        *batch, rows, columns = levels.shape
        margins = [(0, 0)] * len(batch) + [(size // 2, size // 2)] * 2
        padded = np.pad(np.asarray(levels, dtype=np.float64), margins, mode="edge")
        out = np.zeros((*batch, rows, s_f, columns, s_t))
        # sums in a fixed order: a part of a map gets the same bits as the whole
        for i in range(size):
            for j in range(size):
                near = padded[..., i : i + rows, j : j + columns]
                out += near[..., :, None, :, None] * self.weights[:, None, :, i, j]
        return out.reshape(*batch, rows * s_f, columns * s_t)[..., :frames]


def noise_interpolation(grid: Grid, scale: tuple[int, int]) -> NoiseInterpolation:
    """Return the interpolation between means over s_f x s_t cells of a map that is best for noise.

    Its weights are C(fine, coarse) C(coarse, coarse)^-1, with C the correlation of the power of
    cells of a full map (`specsr.maps.pooling.power_correlation`), averaged over those of the cells.

    Args:
        grid: of the fine map, full or itself pooled.
        scale: (s_f, s_t).
    """
    (c_f, c_t), (s_f, s_t), size = grid.cell, scale, 2 * REACH + 1
    rows, frames = _distances(c_f * s_f), _distances(c_t * s_t)
    correlation = power_correlation(grid, rows.shape[-1], frames.shape[-1])
    to_cells = np.einsum("plx,xy,qmy->pqlm", rows, correlation, frames)
    between = to_cells.mean(axis=(0, 1))
    apart = np.subtract.outer(np.arange(size), np.arange(size)) + 2 * REACH
    cells = between[apart[:, None, :, None], apart[None, :, None, :]].reshape(size**2, size**2)
    near = to_cells[..., REACH:-REACH, REACH:-REACH].reshape(s_f, c_f, s_t, c_t, size, size)
    fine = near.mean(axis=(1, 3))
    solved = np.linalg.solve(cells + NUGGET * np.eye(size**2), fine.reshape(-1, size**2).T)
    return NoiseInterpolation(solved.T.reshape(fine.shape))


def _distances(s: int) -> np.ndarray:
    """Return the share of s cells at each distance from one of s others, [s, coarse, distance].

    The s cells are those of a coarse one; the others are those of the coarse cells from 2 `REACH`
    before it to 2 `REACH` after it.
    """
    others = np.arange(-2 * REACH * s, (2 * REACH + 1) * s).reshape(-1, s)
    distance = np.abs(np.arange(s)[:, None, None] - others)
    return (distance[..., None] == np.arange((2 * REACH + 1) * s)).mean(axis=2)
