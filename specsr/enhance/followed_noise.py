"""The level of followed noise over a whole recording, in memory or read in pieces."""

from __future__ import annotations

import numpy as np

from specsr.enhance.measured_columns import both_columns
from specsr.enhance.noise_profile import least_rise, level_change
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.signal import Source


def level_changes(noise: np.ndarray, estimate: SpecMap) -> np.ndarray:
    """Return the change of the level of the noise in every channel of a map, dB, [C, T].

    Args:
        noise: power of the noise in every row, [C, F + 1] or [1, F + 1], up to half the rate.
        estimate: expected map.
    """
    grid = estimate.grid
    return np.stack([level_change(each, grid) for each in _rises(noise, estimate.image(), grid)])


def whole_changes(
    noisy: Source, grid: Grid, noise: np.ndarray, model: Model, options: InferOptions
) -> np.ndarray:
    """Return `level_changes` of a recording that is read in pieces, from its start.

    Args:
        noisy: the recording.
        grid: of its whole map.
        noise: power of the noise in every row, [C, F + 1] or [1, F + 1], up to half the rate.
        model: for expected maps.
        options: how it is run.
    """
    rises = [
        _rises(noise, columns.expected[:, :-1], grid)
        for columns in both_columns(noisy, grid, model, options)
    ]
    return np.stack([level_change(each, grid) for each in np.concatenate(rises, axis=1)])


def _rises(noise: np.ndarray, cells: np.ndarray, grid: Grid) -> np.ndarray:
    """Return how far the columns of an expected map are over the noise, dB, [C, T]."""
    known = np.broadcast_to(noise[:, :-1], (len(cells), noise.shape[1] - 1))
    power = np.square(cells, dtype=np.float64)
    return np.stack([least_rise(*each, grid) for each in zip(known, power, strict=True)])
