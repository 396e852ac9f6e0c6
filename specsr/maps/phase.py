"""From a map back to samples: the phase that is known, and an estimate of the phase that is not.

Two projections do all the work.  *Amplitude*: every cell gets its given magnitude and keeps its
phase (known cells get both).  *Consistency*: the nearest spectrum that is the STFT of a signal of
the grid's length.  Griffin-Lim alternates the two; ADMM averages them with a memory of what they
disagree on, which leaves the poor local optima where Griffin-Lim stays.

Spectra are plain (unscaled) STFTs [..., n_fft/2 + 1, frames] as `specsr.maps.transform.stft` makes
them, on any device, complex64 or complex128.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from specsr.choices import Phase, check
from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.griffin_lim import admm, griffin_lim
from specsr.maps.pghi import integrate
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform, istft, stft
from specsr.signal import Signal

POLISH = 0.25
"""Part of the iterations that `to_signal` gives to fast Griffin-Lim at the end of ``admm``."""


def to_signal(
    spec: SpecMap,
    phase: Phase = "auto",
    *,
    iterations: int = 100,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Signal:
    """Return the waveform of a full map: same length, channels, unit, start and speed.

    Args:
        spec: a map that is not pooled, in any scaling.
        phase: see `specsr.choices.Phase`.  ``auto`` takes the map's phase where it has one, in the
            rows that ``spec.known`` marks (all where it is None), puts those cells back at every
            iteration and estimates the others; ``pghi``, ``admm`` and ``gl`` use magnitudes only.
        iterations: of ``admm`` and ``gl``.
        seed: of the random phases: all of ``gl``, the inaudible cells of ``pghi``.
        device: where torch works; samples come back to the CPU.
        progress: called as ``progress(done, total)`` after every iteration of every channel.

    Raises:
        SpecsrError: an unknown method, a map with no inverse, or ``known`` without the phase.
    """
    check(phase, Phase, "phase")
    if iterations < 0:
        raise SpecsrError(f"iterations is {iterations}: expected zero or more")
    grid = spec.grid
    grid.require_invertible()
    rows = np.ones(grid.rows, bool) if spec.known is None else spec.known
    if spec.phase is None:
        rows = np.zeros_like(rows)
    if phase == "known" and not rows.all():
        raise SpecsrError(
            f"the map knows the phase of {rows.sum()} of {grid.rows} rows: "
            "phase='auto' estimates the others"
        )
    if phase in ("auto", "known") and rows.all():
        return SpectrogramTransform.inverse(spec)

    known = torch.from_numpy(rows).to(device) if phase == "auto" and rows.any() else None
    factor = grid.factor().astype(np.float32)[:, None]
    total = iterations * len(spec.channels) if phase != "pghi" else 0
    ticks = iter(range(1, total + 1))

    def tick() -> None:
        if progress is not None:
            progress(next(ticks), total)

    samples = []
    # One channel at a time: channels share nothing, and a long one fills the memory by itself.
    for channel in range(len(spec.channels)):
        plain = spec.magnitude[channel] / factor
        # products of the smallest and largest floats leave their range: work about one
        peak = float(plain.max(initial=0.0)) or 1.0
        magnitude = torch.from_numpy(plain / np.float32(peak)).to(device)
        target = None
        if known is not None:
            assert spec.phase is not None  # known rows come with their phase
            target = torch.polar(magnitude, torch.from_numpy(spec.phase[channel]).to(device))
        if phase == "gl":
            start = random_phase(magnitude, seed)
            result = griffin_lim(magnitude, grid, start, iterations, tick=tick)
        else:
            angle = None if target is None else target.angle()
            result = pghi(magnitude, grid, known_phase=angle, known=known, seed=seed)
        if phase in ("auto", "admm"):
            polish = round(iterations * POLISH)
            given: Any = dict(known=known, known_spectrum=target, tick=tick)
            result = admm(magnitude, grid, result, iterations - polish, **given)
            result = griffin_lim(magnitude, grid, result, polish, **given)
        samples.append(istft(result, grid).cpu().numpy() * np.float32(peak))
    return Signal(np.stack(samples), grid.rate, grid.unit, spec.channels, grid.start, rpm=spec.rpm)


def random_phase(magnitude: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """Return the magnitudes with a uniformly random phase, the same one in every channel."""
    rng = np.random.default_rng(seed)
    angle = torch.from_numpy(rng.uniform(-np.pi, np.pi, tuple(magnitude.shape[-2:])))
    return torch.polar(magnitude, angle.to(magnitude).expand_as(magnitude).contiguous())


def pghi(
    magnitude: torch.Tensor,
    grid: Grid,
    known_phase: torch.Tensor | None = None,
    known: torch.Tensor | None = None,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> torch.Tensor:
    """Return the magnitudes with the phase of gradient heap integration; see `specsr.maps.pghi`.

    Args:
        magnitude: |STFT|, shape [..., n_fft/2 + 1, frames].
        grid: full grid of the map.
        known_phase: true phase in rad, like ``magnitude``; read in the known rows only, which
            keep it and from which the integration starts.
        known: bool [n_fft/2 + 1].
        tolerance: cells below this part of a channel's largest one get a random phase.
        seed: of those phases.
    """
    flat = magnitude.reshape(-1, *magnitude.shape[-2:]).cpu().numpy()
    rows = None if known is None else known.cpu().numpy()
    true = None if known_phase is None else known_phase.reshape(flat.shape).cpu().numpy()
    angle = np.stack([
        integrate(
            one, grid, phase=None if true is None else true[i], known=rows,
            tolerance=tolerance, seed=seed,
        )
        for i, one in enumerate(flat)
    ])  # fmt: skip
    return torch.polar(magnitude, torch.from_numpy(angle).to(magnitude).view_as(magnitude))


def inconsistency(spectrum: torch.Tensor, grid: Grid) -> torch.Tensor:
    """Return how far a spectrum is from being the STFT of its own inverse, dB, shape [...].

    20 log10(|| STFT(ISTFT(X)) - X || / || X ||); about -140 for a true STFT in single precision.
    """
    error = stft(istft(spectrum, grid), grid) - spectrum
    return _ratio_db(error, spectrum)


def spectral_convergence(
    magnitude: torch.Tensor, samples: torch.Tensor, grid: Grid
) -> torch.Tensor:
    """Return how far samples [..., length] are from their given |STFT|, dB, shape [...].

    20 log10(|| |STFT(x)| - M || / || M ||), lower is better; -inf where there is no error.
    """
    return _ratio_db(stft(samples, grid).abs() - magnitude, magnitude)


def _ratio_db(error: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    error, whole = (torch.linalg.vector_norm(x, dim=(-2, -1)) for x in (error, whole))
    return torch.where(error > 0, 20 * torch.log10(error / whole), -torch.inf)
