"""The spectrogram of a recording that comes in pieces: the frames of the whole, each once."""

from __future__ import annotations

import math

import numpy as np
import torch

from .grid import Grid
from .plot_parts import MAX_COLUMNS
from .spectrogram import SpecMap


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


class Overview:
    """A map of one channel with few enough columns for a picture, however long the recording.

    Columns that share a place are shown by their greatest power, as pictures of maps are anyway
    (`specsr.plot_parts.shrunk`).
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
        """Take the next samples, [1, n]."""
        found = self.frames.add(samples).abs()[0, : self.grid.rows].numpy()
        if not found.shape[1]:
            return
        columns = np.arange(self.at, self.at + found.shape[1]) // self.step
        places, firsts = np.unique(columns, return_index=True)
        highest = np.maximum.reduceat(found, firsts, axis=1)
        self.magnitude[:, places] = np.maximum(self.magnitude[:, places], highest)
        self.at += found.shape[1]

    def spec(self) -> SpecMap:
        """Return the map, without phase."""
        return SpecMap(self.magnitude, self.grid, channels=(self.channel,))
