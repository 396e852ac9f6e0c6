"""Input channels of the windows model: one recording under three windows, on one grid.

The windows are centred on the same samples, and their transforms are padded with zeros to the rows
of the longest.  All maps are power densities, given as the mean square that the longest window
reads for noise of that density: noise, whose level all windows agree on, reads the same in each of
them, and a line reads its level under the longest window.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from specsr.maps.grid import Grid

RATIOS = (16, 4, 1)
"""The longest window over each of the windows: short, middle, long."""

STEP = 32
"""The longest window over the hop: the hop is half of the short window."""

CHANNELS = 1 + len(RATIOS)
"""Channels of `windows_image`: the maps, and the least of them."""


def lengths(n_fft: int) -> tuple[int, ...]:
    """Return the lengths of the windows for the longest one, samples."""
    return tuple(n_fft // ratio for ratio in RATIOS)


def density_factor(grid: Grid, length: int) -> np.ndarray:
    """Return power / |STFT|² of every row for a window of ``length`` samples, [rows]."""
    energy, own = (
        np.square(replace(grid, n_fft=n, hop_length=1).window_samples()).sum()
        for n in (grid.n_fft, length)
    )
    return np.square(grid.factor()) * (energy / own)


def padded(samples: np.ndarray, grid: Grid) -> np.ndarray:
    """Return samples [N] of a recording with the zeros that its frames reach into, float64."""
    half = grid.n_fft // 2
    after = (grid.fine_frames - 1) * grid.hop_length + half - grid.length
    return np.pad(np.asarray(samples, dtype=np.float64), (half, after))


def density(covered: np.ndarray, grid: Grid, length: int) -> np.ndarray:
    """Return the power density of consecutive frames under a window, float64 [rows, T].

    Args:
        covered: samples from the start of the first frame to the end of the last one,
            [(T - 1) hop + n_fft], such as `padded` returns.
        grid: of the longest window; its rows and hop are those of the result.
        length: of the window, even, up to ``grid.n_fft``.
    """
    import torch

    window = torch.from_numpy(replace(grid, n_fft=length, hop_length=1).window_samples())
    spectrum = torch.stft(
        torch.from_numpy(covered), grid.n_fft, grid.hop_length, length, window, center=False,
        return_complex=True,
    )  # fmt: skip
    power = torch.view_as_real(spectrum).square().sum(-1).numpy()
    return power * density_factor(grid, length)[:, None]


def densities(covered: np.ndarray, grid: Grid) -> np.ndarray:
    """Return `density` under all windows, short to long, float64 [3, rows, T]."""
    return np.stack([density(covered, grid, length) for length in lengths(grid.n_fft)])


def windows_image(db: np.ndarray) -> np.ndarray:
    """Return the model's input [CHANNELS, F, T], float32, for relative levels [3, F, T] in dB.

    The long window comes first: the network learns a correction of it.
    """
    image = [db[-1:], db[:-1], db.min(axis=0, keepdims=True)]
    return np.concatenate(image).astype(np.float32, copy=False)
