"""Whether the cells of a map are those of a full STFT or means over several: from their noise.

A cell of noise in a full STFT has an exponentially distributed power, whatever window and overlap:
its natural logarithm has the variance pi^2 / 6 = 1.64 and the skewness -1.14, as its power comes
close to zero at times.  A mean over cells does not: its logarithm varies less, with less than half
the skewness.

Both are measured in tiles of `ROWS` rows and `COLUMNS` columns, half a window apart so that the
overlap does not matter, after subtracting the mean of every row and column of the tile: a steady
line, a click or a slope leaves nothing.  What remains of moving lines raises the variance but
lowers the skewness.  The lower quartile of the variance and the median of the skewness over the
tiles hold for a map in which half the tiles are noise.  The subtraction and the correlation of
neighbouring rows lower both: for white noise and a Hann window they are 1.25 and -0.75 in a full
STFT, at most 0.6 and -0.3 over 2 x 2 cells.  Measured rates of errors:
benchmarks/results/full_maps.md.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap

log = logging.getLogger(__name__)

ROWS, COLUMNS = 8, 12
"""Size of a tile; more of either would hold more than one level of noise."""

FULL_VARIANCE, FULL_SKEWNESS = 0.85, -0.5
"""A full STFT has at least this variance and at most this skewness."""

MEANS_VARIANCE, MEANS_SKEWNESS = 0.6, -0.42
"""Means over cells have a smaller variance or a larger skewness than this; else it is unclear."""

FEWEST, MOST = 8, 20_000
"""Fewest tiles for a decision, and most that are read."""

_EDGE = 2
"""Rows at 0 Hz that are skipped: DC, and its main lobe."""


@dataclass(frozen=True)
class NoiseStatistics:
    """Statistics of the natural logarithm of power in tiles of a map.

    Attributes:
        tiles: number of tiles.
        variance: lower quartile of the variance over the tiles.
        skewness: median of the skewness over the tiles.
    """

    tiles: int
    variance: float
    skewness: float

    @property
    def kind(self) -> Literal["full", "means", "unclear"]:
        """Whether the cells are those of a full STFT or means over several."""
        if self.tiles < FEWEST:
            return "unclear"
        if self.variance >= FULL_VARIANCE and self.skewness <= FULL_SKEWNESS:
            return "full"
        if self.variance >= MEANS_VARIANCE and self.skewness <= MEANS_SKEWNESS:
            return "unclear"
        return "means"


def noise_statistics(power: np.ndarray, n_fft: int, hop_length: int) -> NoiseStatistics:
    """Return the statistics of the noise of a map, of all its channels together.

    Args:
        power: [..., F, T], at any level.
        n_fft: samples in a window, as the rows of the map suggest: rate / df.
        hop_length: samples from one column to the next.
    """
    power = np.asarray(power, dtype=np.float64)
    power = power.reshape(-1, *power.shape[-2:])[:, _EDGE:]
    stride = max(1, -(-n_fft // (2 * hop_length)))
    found = [_tiles(power[..., first::stride]) for first in range(min(stride, power.shape[-1]))]
    tiles = np.concatenate([x for x in found if x.shape[-1] == found[-1].shape[-1]])
    # a clipped or silent map repeats its lowest value; only tiles above it hold noise
    tiles = tiles[(tiles > power.min(initial=np.inf)).all(axis=(1, 2))]
    if not len(tiles):
        return NoiseStatistics(0, 0.0, 0.0)
    tiles = np.log(tiles[:: -(-len(tiles) // MOST)])
    rest = tiles - tiles.mean(axis=1, keepdims=True) - tiles.mean(axis=2, keepdims=True)
    rest += tiles.mean(axis=(1, 2), keepdims=True)
    square = np.square(rest).mean(axis=(1, 2))
    freedom = (1 - 1 / tiles.shape[1]) * (1 - 1 / tiles.shape[2])
    skewness = (rest**3).mean(axis=(1, 2)) / np.maximum(square, 1e-20) ** 1.5
    variance = np.quantile(square, 0.25) / freedom
    return NoiseStatistics(len(tiles), float(variance), float(np.median(skewness)))


def _tiles(power: np.ndarray) -> np.ndarray:
    """Return the tiles of a map [C, F, T], [number, ROWS, columns]; no more than fit."""
    channels, rows, columns = power.shape
    width = min(COLUMNS, columns)
    if width < COLUMNS // 2 or rows < ROWS:
        return np.empty((0, ROWS, width))
    down, along = rows // ROWS, columns // width
    cut = power[:, : down * ROWS, : along * width]
    split = cut.reshape(channels, down, ROWS, along, width)
    return split.transpose(0, 1, 3, 2, 4).reshape(-1, ROWS, width)


def require_means(spec: SpecMap) -> None:
    """Raise `SpecsrError` for a map of a full STFT; log a warning where that is not clear.

    A map whose grid states the size of its cells, other than (1, 1), is taken as stated.  One with
    a phase, or an expected map (measured rows with an uncertainty), is a full STFT.  For all others
    the noise decides.
    """
    grid = spec.grid
    if grid.cell != (1, 1):
        return
    if spec.uncertainty_db is not None and (spec.known is None or spec.known.all()):
        raise SpecsrError(
            f"the map is the expected map of a full STFT ({_analysis(grid)}), not mean power over "
            "cells: analyse the recording with a longer window for finer rows"
        )
    kind = "full"
    if spec.phase is None:
        kind = noise_statistics(spec.power[:, :-1], grid.n_fft, grid.hop_length).kind
    if kind == "full":
        seems = "looks like" if spec.phase is None else "is"
        raise SpecsrError(
            f"the map {seems} a full STFT ({_analysis(grid)}), not mean power over cells: add "
            "--pair pool (pair='pool') if its cells are means, or give a model for a full STFT "
            "(--model FILE, trained with configs/stft.yaml)"
        )
    if kind == "unclear":
        log.warning(
            "the map does not state the size of its cells, and its noise does not show whether "
            "they are means of power: they are taken as means"
        )


def _analysis(grid: Grid) -> str:
    return f"{grid.window}, {100 * (1 - grid.hop_length / grid.n_fft):.0f} % overlap"
