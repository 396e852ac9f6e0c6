"""Map of one channel for a figure, computed from a recording that is read in pieces."""

from __future__ import annotations

import math

import numpy as np

from specsr.maps.frames import Frames
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.plots.parts import MAX_COLUMNS
from specsr.signal import Source

BLOCK = 1 << 20
"""Samples that are read at a time."""


def overview(source: Source, transform: SpectrogramTransform) -> SpecMap:
    """Return the map of the first channel of a recording that is read in parts, for a figure."""
    found = Overview(transform.grid(source.cut(0, 1), source.length), source.channels[0])
    for first in range(0, source.length, BLOCK):
        found.add(source.cut(first, min(first + BLOCK, source.length)).samples[:1])
    return found.spec()


class Overview:
    """Map of one channel with at most `MAX_COLUMNS` columns, for recordings of any length.

    Every block of columns is represented by its maximum (as `specsr.plots.parts.shrunk` does).

    Args:
        grid: full grid of the whole recording.
        channel: name of the channel.
    """

    def __init__(self, grid: Grid, channel: str) -> None:
        self.frames = Frames(grid, 1)
        self.channel = channel
        self.step = math.ceil(grid.fine_frames / MAX_COLUMNS)
        self.grid = grid if self.step == 1 else grid.pooled(1, self.step)
        columns = math.ceil(grid.fine_frames / self.step)
        self.magnitude = np.zeros((self.grid.rows, columns), dtype=np.float32)
        self.at = 0

    def add(self, samples: np.ndarray) -> None:
        """Add the next samples, [1, n]."""
        self.add_columns(self.frames.magnitude(self.frames.add(samples))[0].numpy())

    def add_columns(self, magnitude: np.ndarray) -> None:
        """Add the next columns of a full map, [rows, k], in place of samples."""
        found = magnitude[: self.grid.rows]
        if not found.shape[1]:
            return
        columns = np.arange(self.at, self.at + found.shape[1]) // self.step
        places, firsts = np.unique(columns, return_index=True)
        highest = np.maximum.reduceat(found, firsts, axis=1)
        self.magnitude[:, places] = np.maximum(self.magnitude[:, places], highest)
        self.at += found.shape[1]

    def spec(self) -> SpecMap:
        """Return the map of the samples added so far, without phase."""
        return SpecMap(self.magnitude, self.grid, channels=(self.channel,))
