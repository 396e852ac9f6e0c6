"""Waveform of a map: the known phase where it has one, an estimated phase elsewhere.

Spectra are unscaled STFTs [..., n_fft/2 + 1, frames] as `specsr.maps.transform.stft` computes them,
on any device, complex64 or complex128.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from specsr.choices import Phase, check
from specsr.errors import SpecsrError
from specsr.maps.device import pick_device
from specsr.maps.grid import Grid
from specsr.maps.griffin_lim import admm, griffin_lim
from specsr.maps.pghi import integrate
from specsr.maps.polar import polar
from specsr.maps.spec_map import SpecMap
from specsr.maps.subband import Subband
from specsr.maps.transform import SpectrogramTransform, istft
from specsr.signal import Signal

POLISH = 0.25
"""Fraction of the iterations of ``admm`` that `to_signal` runs as fast Griffin-Lim at the end."""


def to_signal(
    spec: SpecMap,
    phase: Phase = "auto",
    *,
    iterations: int = 100,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Signal:
    """Return the waveform of a full map.

    Args:
        spec: a map that is not pooled, in any scaling.
        phase: method, see `specsr.choices.Phase`.  ``auto`` keeps the map's phase in the rows that
            ``spec.known`` marks (in all rows if it is None) and estimates the phase of the others;
            ``pghi``, ``admm`` and ``gl`` use magnitudes only.
        iterations: number of iterations of ``auto``, ``admm`` and ``gl``.
        seed: seed of the random phases: of all cells for ``gl``, of the weakest for the others.
        device: torch device to compute on, or ``"auto"``; the gradient integration runs on the CPU.
        progress: called as ``progress(done, total)`` after every iteration of every channel.

    Returns:
        float32 samples [C, grid.length] with the map's rate, unit, channels, start and rpm.

    Raises:
        SpecsrError: an unknown method, a negative number of iterations, a map without an inverse,
            no such device, or the method ``known`` for a map that lacks the phase of some rows.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal(8192)
        >>> spec = specsr.spectrogram(specsr.Signal(noise, 8000), n_fft=512)
        >>> bool(np.allclose(specsr.to_signal(spec).samples, noise, atol=1e-5))
        True
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
            f"the map has a known phase in {rows.sum()} of {grid.rows} rows: "
            "phase='auto' estimates the others"
        )
    if phase in ("auto", "known") and rows.all():
        return SpectrogramTransform.inverse(spec, device)

    place = pick_device(device)
    known = rows if phase == "auto" and rows.any() else None
    factor = grid.factor().astype(np.float32)[:, None]
    total = iterations * len(spec.channels) if phase != "pghi" else 0
    ticks = iter(range(1, total + 1))

    def tick() -> None:
        if progress is not None:
            progress(next(ticks), total)

    method = _Method(phase, iterations, seed, tick)
    samples = []
    # one channel at a time bounds the memory; channels do not influence each other
    for channel in range(len(spec.channels)):
        plain = spec.magnitude[channel] / factor
        # normalised to a maximum of one: products of very small or large floats leave their range
        peak = float(plain.max(initial=0.0)) or 1.0
        magnitude = torch.from_numpy(plain / np.float32(peak)).to(place)
        if known is None:
            result = method(magnitude, grid)
        else:
            assert spec.phase is not None  # known rows come with their phase
            true = torch.from_numpy(np.ascontiguousarray(spec.phase[channel])).to(place)
            result = _completed(magnitude, true, known, grid, method)
        samples.append(istft(result, grid).cpu().numpy() * np.float32(peak))
    return Signal(np.stack(samples), grid.rate, grid.unit, spec.channels, grid.start, rpm=spec.rpm)


@dataclass(frozen=True)
class _Method:
    """How a phase is estimated; fields as the arguments of `to_signal`."""

    phase: Phase
    iterations: int
    seed: int
    tick: Callable[[], None]

    def __call__(
        self,
        magnitude: torch.Tensor,
        grid: Grid,
        true: torch.Tensor | None = None,
        known: torch.Tensor | None = None,
        part: Subband | None = None,
    ) -> torch.Tensor:
        """Return the magnitudes of one channel, [rows, frames], with an estimated phase.

        Args:
            magnitude: |STFT| of the map, or of the rows of ``part``.
            grid: full grid of the map.
            true: phase in rad, shape of ``magnitude``; read in the known rows only.
            known: rows with a known phase, bool [rows].
            part: None for the whole map.
        """
        if self.phase == "gl":
            start = random_phase(magnitude, self.seed)
            return griffin_lim(magnitude, grid, start, self.iterations, tick=self.tick)
        first = 0 if part is None else part.first
        start = pghi(magnitude, grid, true, known, first=first, seed=self.seed)
        if self.phase == "pghi":
            return start
        count = len(magnitude)
        if part is not None:
            magnitude, start = part.extend(magnitude), part.extend(start)
        if known is not None and part is not None:
            known = part.extend(known[:, None])[:, 0]
        # the start has the known phase
        target = None if known is None else start
        over = grid if part is None else part
        polish = round(self.iterations * POLISH)
        result = admm(
            magnitude, over, start, self.iterations - polish, known=known, known_spectrum=target,
            tick=self.tick,
        )  # fmt: skip
        result = griffin_lim(
            magnitude, over, result, polish, known=known, known_spectrum=target, tick=self.tick
        )
        return result[:count]


def _completed(
    magnitude: torch.Tensor, true: torch.Tensor, known: np.ndarray, grid: Grid, method: _Method
) -> torch.Tensor:
    """Return a spectrum with the known rows as they are and the phase of the others estimated.

    Only the rows around the unknown ones are worked on, and none that are empty.
    """
    wanted = ~known & magnitude.any(dim=1).cpu().numpy()
    rows = torch.from_numpy(known).to(magnitude.device)
    spectrum = torch.zeros_like(magnitude, dtype=magnitude.dtype.to_complex())
    spectrum[rows] = polar(magnitude[rows], true[rows])
    part = Subband.around(grid, wanted) if wanted.any() else None
    at = slice(0, grid.rows) if part is None else part.rows
    estimate = method(magnitude[at], grid, true[at], rows[at], part)
    spectrum[at][~rows[at]] = estimate[~rows[at]]
    return spectrum


def random_phase(magnitude: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """Return magnitudes [..., F, T] with a uniformly random phase, complex, same shape.

    The phase is the same in every channel.
    """
    rng = np.random.default_rng(seed)
    phase = torch.from_numpy(rng.uniform(-np.pi, np.pi, tuple(magnitude.shape[-2:])))
    return polar(magnitude, phase.to(magnitude).expand_as(magnitude).contiguous())


def pghi(
    magnitude: torch.Tensor,
    grid: Grid,
    known_phase: torch.Tensor | None = None,
    known: torch.Tensor | None = None,
    first: int = 0,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> torch.Tensor:
    """Return the magnitudes with the phase of gradient heap integration (`specsr.maps.pghi`).

    The integration visits one cell after the other, so it runs on the CPU for every device.

    Args:
        magnitude: |STFT|, shape [..., n_fft/2 + 1, frames], or a block of its rows.
        grid: full grid of the map.
        known_phase: known phase in rad, shape of ``magnitude``; read in the known rows only, which
            keep it and are the starting points of the integration.
        known: rows with a known phase, bool [rows].
        first: row of the map that the block starts with.
        tolerance: cells below this fraction of a channel's maximum get a random phase.
        seed: seed of the random phases.

    Returns:
        Complex spectrum of the shape and on the device of ``magnitude``.
    """
    flat = magnitude.reshape(-1, *magnitude.shape[-2:]).cpu().numpy()
    rows = None if known is None else known.cpu().numpy()
    true = None if known_phase is None else known_phase.reshape(flat.shape).cpu().numpy()
    phase = np.stack([
        integrate(
            one, grid, phase=None if true is None else true[i], known=rows, first=first,
            tolerance=tolerance, seed=seed,
        )
        for i, one in enumerate(flat)
    ])  # fmt: skip
    return polar(magnitude, torch.from_numpy(phase).to(magnitude).view_as(magnitude))
