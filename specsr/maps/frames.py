"""The spectrogram of a recording that comes in pieces: the frames of the whole, each once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from specsr.maps.grid import Grid


class Frames:
    """STFT frames of a recording, as soon as the samples under them are there.

    Args:
        grid: full grid of the whole recording (its ``length`` says where the end is).
        channels: how many.
    """

    def __init__(self, grid: Grid, channels: int) -> None:
        self.grid = grid
        self.window = torch.as_tensor(grid.window_samples(), dtype=torch.float32)
        self.factor = torch.from_numpy(grid.factor().astype(np.float32))[:, None]
        # frames are centred on multiples of the hop, and before the first sample there is silence
        self.held = torch.zeros(channels, grid.n_fft // 2)
        self.seen = 0

    def add(self, samples: np.ndarray) -> torch.Tensor:
        """Take the next samples [C, n]; return the frames they complete, complex64 [C, rows, k].

        Magnitudes are in the grid's scaling, as in a `SpecMap`.
        """
        grid = self.grid
        self.seen += samples.shape[1]
        parts = [self.held, torch.from_numpy(np.require(samples, np.float32, ["C", "W"]))]
        if self.seen == grid.length:
            padded = (grid.fine_frames - 1) * grid.hop_length + grid.n_fft // 2
            parts.append(torch.zeros(len(samples), padded - grid.length))
        held = torch.cat(parts, dim=1)
        count = max(0, 1 + (held.shape[1] - grid.n_fft) // grid.hop_length)
        self.held = held[:, count * grid.hop_length :].clone()
        if not count:
            return torch.empty(len(samples), grid.n_fft // 2 + 1, 0, dtype=torch.complex64)
        spectrum = torch.stft(
            held[:, : (count - 1) * grid.hop_length + grid.n_fft], grid.n_fft, grid.hop_length,
            window=self.window, center=False, return_complex=True,
        )  # fmt: skip
        return spectrum * self.factor


_BLOCK = 1 << 21
"""Samples in one block of frames: long recordings are walked through, not held as a map."""


def power_frames(
    samples: np.ndarray, n_fft: int, hop_length: int, pad: int | None = None, mode: str = "reflect"
) -> Iterator[np.ndarray]:
    """Yield |STFT|² of samples [N] in blocks [frames, n_fft//2 + 1], plain and unnormalised.

    Periodic Hann window.  Frames start every hop from ``pad`` samples before the first one; the
    signal is continued there as `numpy.pad` does in ``mode``.  With pad None (half a window) and
    "reflect" these are the frames of ``torch.stft`` with its defaults.
    """
    from scipy.signal import get_window

    window = get_window("hann", n_fft)
    padding: Any = mode  # numpy's stubs take one of a list of names
    padded = np.pad(np.asarray(samples, np.float64), n_fft // 2 if pad is None else pad, padding)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    step = max(1, _BLOCK // n_fft)
    for first in range(0, len(frames), step):
        spectrum = np.fft.rfft(frames[first : first + step] * window, axis=-1)
        yield np.square(spectrum.real) + np.square(spectrum.imag)
