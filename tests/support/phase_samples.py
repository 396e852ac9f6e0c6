"""Signals, grids and spectra for the tests of phase estimation."""

from __future__ import annotations

import numpy as np
import torch

from specsr.maps.grid import Grid
from specsr.maps.transform import SpectrogramTransform, istft, stft
from specsr.scores.metrics import spectral_convergence
from specsr.signal import Signal

RATE = 8000.0


def harmonics(length: int = 8000, seed: int = 0) -> np.ndarray:
    """A sweep with eight harmonics and weak noise, float64 [length]."""
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
    """Spectral convergence in dB of the inverse of a spectrum to given magnitudes."""
    found = stft(istft(spectrum, grid), grid).abs()
    return float(spectral_convergence(magnitude.numpy(), found.numpy()))


def inconsistency(spectrum: torch.Tensor, grid: Grid) -> float:
    """Distance in dB of a spectrum from the STFT of its own inverse, relative to its norm."""
    error = stft(istft(spectrum, grid), grid) - spectrum
    return float(
        20 * torch.log10(torch.linalg.vector_norm(error) / torch.linalg.vector_norm(spectrum))
    )
