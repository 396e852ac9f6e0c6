"""Signals of known level, and a reference implementation of pooling."""

from __future__ import annotations

import numpy as np

from specsr.maps.spec_map import SpecMap

RATE = 25600
WINDOWS = ["hann", "hamming", "blackmanharris", "flattop", "boxcar"]


def sine(freq: float, rms: float = 1.0, seconds: float = 4.0, rate: float = RATE) -> np.ndarray:
    """A sine of a given rms, [N]."""
    return rms * np.sqrt(2) * np.sin(2 * np.pi * freq * np.arange(round(seconds * rate)) / rate)


def white(seed: int, length: int) -> np.ndarray:
    """White Gaussian noise of unit variance, [length]."""
    return np.random.default_rng(seed).standard_normal(length)


def pooled(spec: SpecMap, s_f: int, s_t: int) -> SpecMap:
    """Mean power of cells, column by column; the last cell holds the remaining frames."""
    grid = spec.grid.pooled(s_f, s_t)
    power = np.square(spec.image().astype(np.float64))
    channels, rows, frames = power.shape
    cells = np.stack(
        [power[:, :, i : i + s_t].mean(-1) for i in range(0, frames, s_t)], axis=-1
    ).reshape(channels, rows // s_f, s_f, -1)
    return SpecMap(np.sqrt(cells.mean(2)), grid, rpm=spec.rpm)
