"""Uncertainty of the map of a denoised recording, whole or column by column."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from specsr.enhance.expected import expected
from specsr.enhance.followed_noise import level_changes
from specsr.enhance.known_noise import KnownNoise, noise_powers
from specsr.enhance.level_interval import magnitude_uncertainty
from specsr.enhance.measured_columns import both_columns, taken
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.models.options import InferOptions
from specsr.progress import Progress
from specsr.signal import Source


def with_uncertainty(
    clean: SpecMap, noisy: SpecMap, noise: KnownNoise, options: InferOptions,
    progress: Progress | None = None,
) -> SpecMap:  # fmt: skip
    """Return the map of a denoised recording with the uncertainty of its levels.

    Args:
        clean: map of the result of `specsr.enhance.noise_pieces.noise_pieces`.
        noisy: map of the recording before, on the same grid.
        noise: what is known of the noise.
        options: how the network for expected maps is run.
        progress: wraps the blocks.

    Raises:
        SpecsrError: as `specsr.enhance.known_noise.without_noise`.
    """
    estimate = expected(noisy, model=noise.models[0], options=options, progress=progress)
    spectrum = noise.spectrum(noisy.grid)
    change = None
    if noise.follow.any():
        change = level_changes(spectrum, estimate) * noise.follow[:, None]
    powers = noise_powers(spectrum, estimate.image(), change)
    maps = clean.image(), noisy.image(), estimate.image()
    return clean.replace(uncertainty_db=magnitude_uncertainty(*maps, powers))


class ColumnUncertainty:
    """The uncertainty of a denoised map whose columns arrive one after the other.

    Together they are those of `with_uncertainty` for the whole map.

    Args:
        noisy: the recording before, or an open file (`specsr.io.stream`), read from its start.
        grid: of its whole map.
        noise: what is known of the noise.
        options: how the network for expected maps is run.
        again: opens the recording once more; None if ``noisy`` can be read twice.
    """

    def __init__(
        self, noisy: Source, grid: Grid, noise: KnownNoise, options: InferOptions,
        again: Callable[[], Source] | None = None,
    ) -> None:  # fmt: skip
        self.spectrum = noise.spectrum(grid)
        self.change: np.ndarray | None = None
        if noise.follow.any():
            self.change = noise.changes(noisy if again is None else again(), grid, options)
        self.arriving = both_columns(noisy, grid, noise.models[0], options)
        self.measured: deque[np.ndarray] = deque()
        self.expected: deque[np.ndarray] = deque()
        self.held = self.done = 0

    def __call__(self, magnitude: np.ndarray) -> np.ndarray:
        """Return the uncertainty of the next columns of the denoised map, dB, [C, rows, k]."""
        count = magnitude.shape[-1]
        if not count:
            return np.empty_like(magnitude)
        while self.held < count:
            measured, estimate = next(self.arriving)
            self.measured.append(measured)
            self.expected.append(estimate)
            self.held += measured.shape[-1]
        measured, estimate = (taken(x, count)[:, :-1] for x in (self.measured, self.expected))
        columns = slice(self.done, self.done + count)
        change = None if self.change is None else self.change[:, columns]
        powers = noise_powers(self.spectrum, estimate, change)
        self.held -= count
        self.done += count
        return magnitude_uncertainty(magnitude[:, :-1], measured, estimate, powers)
