"""Some rows of a map as a map of their own, with a shorter window at a lower rate.

A window of a few rows' width ties a cell to the rows beside it only.  So where the unknown rows of
a spectrum are a band, its phase can be estimated from that band and a few known rows around it.
They are the STFT of the signal shifted down to 0 Hz and decimated, with the same window over
fewer samples; because they start on a suitable row, their values are the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.fft import next_fast_len

from specsr.maps.grid import Grid

GUARD = 8
"""Least number of rows on either side of the unknown ones."""


@dataclass(frozen=True)
class Subband:
    """Rows of a full map.

    Attributes:
        grid: full grid of the map.
        first: first row, a multiple of `row_step`.
        n_fft: number of rows, and samples in one window at the lower rate; even, a multiple of
            `row_step`.
    """

    grid: Grid
    first: int
    n_fft: int

    @classmethod
    def around(cls, grid: Grid, wanted: np.ndarray) -> Subband | None:
        """Return the rows around the wanted ones, bool [n_fft/2 + 1].

        None if they reach down to 0 Hz, or are so many that nothing is saved.
        """
        rows = np.flatnonzero(wanted)
        step = row_step(grid)
        first = (rows[0] - GUARD) // step * step
        if first < 0:
            return None
        size = step * -(-(rows[-1] + 1 + GUARD - first) // step)
        while size < grid.rows and next_fast_len(size) != size:
            size += step
        return cls(grid, int(first), int(size)) if size < grid.rows else None

    @property
    def hop_length(self) -> int:
        """Samples at the lower rate from one frame to the next."""
        return self.grid.hop_length * self.n_fft // self.grid.n_fft

    @property
    def length(self) -> int:
        """Samples of the signal at the lower rate."""
        return math.ceil(self.grid.length * self.n_fft / self.grid.n_fft)

    @property
    def fine_frames(self) -> int:
        """Frames, those of the map."""
        return self.grid.fine_frames

    def window_samples(self) -> np.ndarray:
        """Return the window at the lower rate, shape [n_fft], float64."""
        from scipy.signal import get_window

        return get_window(self.grid.window, self.n_fft)

    @property
    def rows(self) -> slice:
        """Rows of the map that are part of it; those above are rows of negative frequency."""
        return slice(self.first, min(self.first + self.n_fft, self.grid.rows))

    def extend(self, spectrum: torch.Tensor) -> torch.Tensor:
        """Return the `rows` of a spectrum, [rows, frames], as [n_fft, frames].

        The spectrum of a real signal is symmetric about the Nyquist row, with conjugate values.
        """
        missing = self.n_fft - len(spectrum)
        above = spectrum[-1 - missing : -1].flip(0).conj().resolve_conj()
        return torch.cat([spectrum, above]) if missing else spectrum


def row_step(grid: Grid) -> int:
    """Return the rows apart that all frames of a map see at the same phase after a shift to 0 Hz.

    A shift by k rows turns the phase of frame m by 2 pi k (m hop / n_fft - 1/2).
    """
    return math.lcm(2, grid.n_fft // math.gcd(grid.n_fft, grid.hop_length))
