"""The levels of an expected map by the network, from one pass or the mean of several."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from specsr.maps.grid import Grid
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.models.tiling import run_tiled
from specsr.pairs.speckle_input import speckle_image

DENSE = 7.8
"""Windows over a sample from which every second column is a map to estimate as well: 87.5 %
overlap, or some samples less."""


def dealt(grid: Grid) -> int:
    """Return the number of maps that an ensemble deals the columns of a map to: 1 or 2."""
    return 2 if grid.n_fft >= DENSE * grid.hop_length else 1


def network_levels(db: np.ndarray, grid: Grid, model: Model, options: InferOptions) -> np.ndarray:
    """Return the levels by the network and the logarithm of their uncertainty, dB, [2, F, T].

    The ensemble of a dense map is the mean of the whole map and of those of every second column,
    in which the network sees twice the time.  That of other maps is reversed in time.

    Args:
        db: relative levels, [F, T].
        grid: of the map that the network sees.
        model: a model for the pair ``speckle``.
        options: tiling, ensemble, precision, device.
    """

    def found(db: np.ndarray, maps: int, options: InferOptions) -> np.ndarray:
        image = speckle_image(db, grid.n_fft / grid.hop_length / maps)
        return run_tiled(model.net, torch.from_numpy(image), (1, 1), options).numpy()

    maps = dealt(grid) if options.ensemble else 1
    once = options if maps == 1 else replace(options, ensemble=False)
    whole = found(db, 1, once)
    if maps == 1:
        return whole
    for first in range(min(maps, db.shape[1])):
        part = whole[..., first::maps]
        part += found(np.ascontiguousarray(db[:, first::maps]), maps, once)
        part /= 2
    return whole
