"""STFT frames of a recording that is read in pieces, without the whole in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch

from specsr.maps.grid import Grid


class Frames:
    """STFT frames of a recording, each as soon as all its samples have been added.

    Together they are the frames of the whole recording as `specsr.maps.transform` computes them.

    Args:
        grid: full grid of the whole recording; its ``length`` marks the end.
        channels: number of channels.
    """

    def __init__(self, grid: Grid, channels: int) -> None:
        self.grid = grid
        self.window = torch.as_tensor(grid.window_samples(), dtype=torch.float32)
        self.factor = torch.from_numpy(grid.factor().astype(np.float32))[:, None]
        # frames are centred on multiples of the hop, and zeros precede the first sample
        self.held = torch.zeros(channels, grid.n_fft // 2)
        self.added = 0

    def add(self, samples: np.ndarray) -> torch.Tensor:
        """Add the next samples [C, n] and return the completed frames, complex64 [C, rows, k].

        They are unscaled, see `magnitude`; k may be zero.
        """
        grid = self.grid
        self.added += samples.shape[1]
        parts = [self.held, torch.from_numpy(np.require(samples, np.float32, ["C", "W"]))]
        if self.added == grid.length:
            padded = (grid.fine_frames - 1) * grid.hop_length + grid.n_fft // 2
            parts.append(torch.zeros(len(samples), padded - grid.length))
        held = torch.cat(parts, dim=1)
        count = max(0, 1 + (held.shape[1] - grid.n_fft) // grid.hop_length)
        self.held = held[:, count * grid.hop_length :].clone()
        if not count:
            return torch.empty(len(samples), grid.n_fft // 2 + 1, 0, dtype=torch.complex64)
        return torch.stft(
            held[:, : (count - 1) * grid.hop_length + grid.n_fft], grid.n_fft, grid.hop_length,
            window=self.window, center=False, return_complex=True,
        )  # fmt: skip

    def magnitude(self, spectrum: torch.Tensor) -> torch.Tensor:
        """Return the magnitudes of frames in the scaling of the grid, as in a `SpecMap`."""
        return spectrum.abs() * self.factor


_BLOCK = 1 << 21
"""Samples in one block of frames: bounds the memory for long recordings."""


def power_frames(
    samples: np.ndarray,
    n_fft: int,
    hop_length: int,
    pad: int | None = None,
    mode: Literal["reflect", "constant"] = "reflect",
) -> Iterator[np.ndarray]:
    """Yield |STFT|² of samples [N] without normalisation, float64 [frames, n_fft//2 + 1] a block.

    Periodic Hann window.  The defaults give the frames of ``torch.stft`` with its defaults.

    Args:
        samples: real samples, [N].
        n_fft: samples in one window.
        hop_length: samples from one frame to the next.
        pad: samples added before the first and after the last one; None for half a window.
        mode: values of the added samples, as in `numpy.pad`: mirrored or zero.
    """
    from scipy.signal import get_window

    window = get_window("hann", n_fft)
    padded = np.pad(np.asarray(samples, np.float64), n_fft // 2 if pad is None else pad, mode)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    step = max(1, _BLOCK // n_fft)
    for first in range(0, len(frames), step):
        spectrum = np.fft.rfft(frames[first : first + step] * window, axis=-1)
        yield np.square(spectrum.real) + np.square(spectrum.imag)
