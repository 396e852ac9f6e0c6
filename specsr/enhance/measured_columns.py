"""Measured and expected maps of a recording side by side, column by column.

The recording is read in pieces, so the memory does not grow with its length; the maps are those of
the whole recording.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from specsr.enhance.expected import expected_columns
from specsr.enhance.segments import blocks
from specsr.io.stream import parts
from specsr.maps.frames import Frames
from specsr.maps.grid import Grid
from specsr.maps.transform import SpectrogramTransform
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.signal import Source

BLOCK = 1 << 20
"""Samples that are read at a time, over all channels."""


class BothColumns(NamedTuple):
    """Consecutive columns of a measured map and of its expected map.

    Attributes:
        measured, expected: magnitudes, float32 [C, rows, k].
    """

    measured: np.ndarray
    expected: np.ndarray


def whole_grid(transform: SpectrogramTransform, noisy: Source) -> Grid:
    """Return the grid of the map of a whole recording."""
    return transform.grid(noisy.cut(0, 1), noisy.length)


def measured_columns(noisy: Source, grid: Grid) -> Iterator[np.ndarray]:
    """Yield the columns of the measured map of a recording, in order, float32 [C, rows, k].

    Args:
        noisy: the recording, or an open file (`specsr.io.stream`).
        grid: of its whole map (`whole_grid`).
    """
    frames = Frames(grid, len(noisy.channels))
    for piece in blocks(noisy, max(1, BLOCK // len(noisy.channels))):
        for samples in parts(piece, grid):
            yield frames.magnitude(frames.add(samples)).numpy()


def both_columns(
    noisy: Source, grid: Grid, model: Model, options: InferOptions
) -> Iterator[BothColumns]:
    """Yield the columns of both maps of a recording, in order.

    Args:
        noisy: the recording, or an open file (`specsr.io.stream`).
        grid: of its whole map (`whole_grid`).
        model: for expected maps.
        options: how it is run.

    Raises:
        SpecsrError: as `specsr.expected`.
    """
    waiting: deque[np.ndarray] = deque()

    def arriving() -> Iterator[np.ndarray]:
        for magnitude in measured_columns(noisy, grid):
            waiting.append(magnitude)
            yield magnitude

    for columns in expected_columns(arriving(), grid, model=model, options=options):
        yield BothColumns(taken(waiting, columns.magnitude.shape[-1]), columns.magnitude)


def taken(waiting: deque[np.ndarray], count: int) -> np.ndarray:
    """Take the first columns out of a queue of columns [..., k] and return them, [..., count]."""
    found: list[np.ndarray] = []
    while count:
        first = waiting.popleft()
        found.append(first[..., :count])
        if first.shape[-1] > count:
            waiting.appendleft(first[..., count:])
        count -= found[-1].shape[-1]
    return np.concatenate(found, axis=-1)
