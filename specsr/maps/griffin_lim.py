"""Iterative phase estimation from magnitudes: fast Griffin-Lim and ADMM.

Both alternate two projections.  *Amplitude*: every cell gets its given magnitude and keeps its
phase; known cells get both.  *Consistency*: the nearest spectrum that is the STFT of a signal of
the grid's length.  Griffin-Lim applies them in turn; ADMM adds a memory of their disagreement and
so leaves poor local optima in which Griffin-Lim gets stuck.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from specsr.maps.grid import Grid
from specsr.maps.subband import Subband

RHO = (0.001, 0.3)
"""First and last penalty of `admm`: small values search widely, large values converge."""

SILENT = 1e-18
"""Magnitude below which a cell has no phase to keep; its square is a normal float32."""


def griffin_lim(
    magnitude: torch.Tensor,
    grid: Grid | Subband,
    start: torch.Tensor,
    iterations: int = 32,
    momentum: float = 0.99,
    known: torch.Tensor | None = None,
    known_spectrum: torch.Tensor | None = None,
    tick: Callable[[], None] | None = None,
) -> torch.Tensor:
    """Return a complex spectrum with the given magnitudes after fast Griffin-Lim iterations.

    Sources: Griffin and Lim, IEEE Trans. ASSP 32(2), 1984 (momentum 0); Perraudin, Balazs and
    Sondergaard, "A fast Griffin-Lim algorithm", WASPAA 2013.

    Args:
        magnitude: |STFT|, shape [..., n_fft/2 + 1, frames].
        grid: full grid of the map.
        start: first spectrum, complex, shape of ``magnitude``.
        iterations: number of projections onto the consistent spectra.
        momentum: extrapolation factor of the fast algorithm; 0 for plain Griffin-Lim.
        known: rows with a known phase, bool [n_fft/2 + 1]; they are reset to ``known_spectrum`` at
            every iteration.
        known_spectrum: complex, shape of ``magnitude``; read in the known rows only.
        tick: called after every iteration.
    """
    consistent = ConsistencyProjection(grid, magnitude)
    amplitude = _Amplitude(magnitude, known, known_spectrum)
    state, before = _along_rows(start), None
    for _ in range(iterations):
        after = consistent(amplitude(state))
        if before is None:
            state = after.clone()
        else:  # in the memory of the spectrum before
            state = torch.sub(after, before, out=before).mul_(momentum).add_(after)
        before = after
        if tick:
            tick()
    return amplitude(state).mT


def admm(
    magnitude: torch.Tensor,
    grid: Grid | Subband,
    start: torch.Tensor,
    iterations: int = 32,
    rho: float | tuple[float, float] = RHO,
    known: torch.Tensor | None = None,
    known_spectrum: torch.Tensor | None = None,
    tick: Callable[[], None] | None = None,
) -> torch.Tensor:
    """Return a complex spectrum with the given magnitudes after ADMM iterations.

    Minimises half the squared distance to the consistent spectra subject to the magnitudes.  The
    published updates (x: amplitude; z: proximal step of weight rho; u: disagreement) depend on
    v = x + u alone.  With the consistency projection P and the step d = (v - P(v)) / (1 + rho),
    z = v - d and u = d, so the updates become v <- amplitude(v - 2 d) + d.

    Source: Masuyama, Yatabe and Oikawa, "Griffin-Lim like phase recovery via alternating
    direction method of multipliers", IEEE Signal Processing Letters 26(1), 2019.

    Args:
        rho: penalty, or its first and last value, with geometric spacing in between.

    The other arguments are those of `griffin_lim`.
    """
    consistent = ConsistencyProjection(grid, magnitude)
    amplitude = _Amplitude(magnitude, known, known_spectrum)
    first, last = rho if isinstance(rho, tuple) else (rho, rho)
    state = _along_rows(start)
    for penalty in np.geomspace(first, last, iterations):
        step = torch.sub(state, consistent(state)).mul_(1 / (1 + float(penalty)))
        state = amplitude(state.sub_(step, alpha=2)).add_(step)
        if tick:
            tick()
    if iterations:
        state.sub_(torch.sub(state, consistent(state)).mul_(1 / (1 + last)))
    return amplitude(state).mT


def _along_rows(spectrum: torch.Tensor) -> torch.Tensor:
    """Return a copy as [..., frames, rows]: contiguous rows make the FFT fast."""
    return spectrum.mT.clone(memory_format=torch.contiguous_format)


class _Amplitude:
    """Amplitude projection, in place, of spectra [..., frames, rows]; see `_along_rows`.

    Every cell gets its magnitude and keeps its phase; the known rows get their known values.
    """

    def __init__(
        self,
        magnitude: torch.Tensor,
        known: torch.Tensor | None,
        known_spectrum: torch.Tensor | None,
    ) -> None:
        self.magnitude = magnitude.mT.contiguous()
        self.rows = None
        if known is not None and known_spectrum is not None:
            [self.rows] = known.nonzero(as_tuple=True)
            self.values = known_spectrum.mT.index_select(-1, self.rows)

    def __call__(self, spectrum: torch.Tensor) -> torch.Tensor:
        # neither sgn, whose rounding depends on the number of threads, nor abs, which is slow
        power = spectrum.real.square().add_(spectrum.imag.square())
        spectrum.mul_(torch.div(self.magnitude, power.sqrt_().clamp_min_(SILENT), out=power))
        if self.rows is not None:
            spectrum.index_copy_(-1, self.rows, self.values)
        return spectrum


class ConsistencyProjection:
    """Projection onto the consistent spectra: ``stft(istft(spectrum))`` of `specsr.maps.transform`.

    It computes the window and its overlap once and adds the frames up in whole hops, which makes
    it several times as fast as the two functions.

    Args:
        grid: full grid of the map, or rows of it.
        like: real tensor with the device and dtype to work in.
    """

    def __init__(self, grid: Grid | Subband, like: torch.Tensor) -> None:
        self.n_fft, self.hop, self.frames = grid.n_fft, grid.hop_length, grid.fine_frames
        self.real = isinstance(grid, Grid)  # signals of a subband are complex
        self.hops = -(-self.n_fft // self.hop)
        self.window = torch.from_numpy(grid.window_samples()).to(like)
        envelope = self._overlap_add(self.window.square().expand(self.frames, -1).contiguous())
        inside = slice(self.n_fft // 2, self.n_fft // 2 + grid.length)
        self.weight = torch.zeros_like(envelope)
        self.weight[inside] = 1 / envelope[inside]

    def _overlap_add(self, frames: torch.Tensor) -> torch.Tensor:
        missing = self.hops * self.hop - self.n_fft
        if missing:
            frames = torch.nn.functional.pad(frames, (0, missing))
        pieces = frames.unflatten(-1, (self.hops, self.hop))
        total = pieces.new_zeros(*frames.shape[:-2], self.frames - 1 + self.hops, self.hop)
        for i in range(self.hops):
            total[..., i : i + self.frames, :] += pieces[..., i, :]
        return total.flatten(-2)

    def __call__(self, spectrum: torch.Tensor) -> torch.Tensor:
        """Return the projection of a complex spectrum [..., frames, rows], same shape."""
        inverse = torch.fft.irfft if self.real else torch.fft.ifft
        frames = inverse(spectrum, self.n_fft).mul_(self.window)
        samples = self._overlap_add(frames).mul_(self.weight)
        again = torch.mul(samples.unfold(-1, self.n_fft, self.hop), self.window, out=frames)
        return torch.fft.rfft(again) if self.real else torch.fft.fft(again)
