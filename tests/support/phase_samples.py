"""Signals, their grids and spectra, to find phases for."""

from __future__ import annotations

import numpy as np
import torch

from specsr.maps import phase as ph
from specsr.maps.grid import Grid
from specsr.maps.transform import SpectrogramTransform, istft, stft
from specsr.signal import Signal

RATE = 8000.0


def harmonics(length: int = 8000, seed: int = 0) -> np.ndarray:
    """A gliding sum of harmonics in a little noise."""
    rng = np.random.default_rng(seed)
    theta = 2 * np.pi * np.cumsum(np.linspace(150, 300, length)) / RATE
    tones = sum(np.cos(k * theta + rng.uniform(0, 6.28)) / k for k in range(1, 9))
    return tones + 0.02 * rng.standard_normal(length)


def grid_of(length: int, n_fft: int = 256, hop_length: int = 64, **more) -> Grid:
    return Grid(RATE, n_fft, hop_length, length, **more)


def spectrum_of(samples: np.ndarray, grid: Grid) -> torch.Tensor:
    return stft(torch.as_tensor(samples, dtype=torch.float64), grid)


def map_of(samples: np.ndarray, **options):
    return SpectrogramTransform(256, 64, **options)(Signal(samples, RATE, "Pa", start=1.5))


def convergence(spectrum: torch.Tensor, magnitude: torch.Tensor, grid: Grid) -> float:
    return float(ph.spectral_convergence(magnitude, istft(spectrum, grid), grid))
